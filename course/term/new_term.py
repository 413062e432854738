"""`course new-term FOLDER`: an instructor's own term, in a private folder; `--update` brings it up to date."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from course.errors import CourseError
from course.pack.roster import Person, read_roster
from course.term import folder as rooms
from course.term.plan import ROSTER, LatePolicy, TermPlan, plan_text, read_due, read_plan, read_secret
from course.term.proof import Grade, fair_draw, grade_on_this_machine
from course.term.seeds import new_secret

if TYPE_CHECKING:
    from course.authoring.gate import Section

SUMMARY = "start a term: course id, roster, due dates, late policy and secret seeds, in a private folder"
Say = Callable[[str], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course new-term`."""
    parser.add_argument("folder", type=Path, help="the term's folder, outside any repository")
    parser.add_argument("--course-id", help="its name in the exchange and the gradebook, such as mlops-spring-27")
    parser.add_argument("--roster", type=Path, help="a CSV file with the columns id, first_name, last_name, email")
    parser.add_argument(
        "--due", action="append", default=[], metavar="LESSON=WHEN", help="such as 01_what_is_mlops=2027-02-01T23:59"
    )
    parser.add_argument("--late-percent", type=float, help="taken for each day begun (default: 0)")
    parser.add_argument("--late-at-most", type=float, help="the most that is taken, in percent (default: 100)")
    parser.add_argument("--grace-minutes", type=float, help="for so long nothing is taken (default: 0)")
    parser.add_argument(
        "--update", action="store_true", help="bring a term up to date with the course, its roster and its term.toml"
    )
    parser.add_argument("--root", type=Path, default=Path(), help="the course's repository (default: here)")


def run(args: argparse.Namespace) -> int:
    """Make a term, or bring one up to date."""
    root, folder = args.root.resolve(), args.folder.expanduser().absolute()
    late = {
        "percent_per_day": args.late_percent,
        "at_most_percent": args.late_at_most,
        "grace_minutes": args.grace_minutes,
    }
    late = {name: value for name, value in late.items() if value is not None}
    due = read_due(args.due)
    if args.update:
        if args.course_id:
            raise CourseError(
                "--course-id goes with a new term: this one keeps its name, by which the gradebook knows it"
            )
        update_term(folder, root, due, late, args.roster)
        return 0
    if not args.course_id or not args.roster:
        raise CourseError("a new term needs --course-id, such as mlops-spring-27, and --roster, a CSV file")
    new_term(folder, root, TermPlan(args.course_id, due, LatePolicy(**late)), args.roster)
    return 0


def new_term(
    folder: Path, root: Path, plan: TermPlan, roster: Path, *, grade: Grade = grade_on_this_machine, say: Say = print
) -> None:
    """Make a term's folder, whole or not at all; raise CourseError when something given is not right."""
    rooms.check_place(folder, root)
    people = read_roster(roster)
    sections = _lessons(root, plan)
    secret = new_secret()
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))  # for its owner alone
    try:
        for lesson, theirs in sections.items():
            draw, drawn = _draw(theirs, secret, lesson, 0, grade, say)
            plan = replace(plan, draws={**plan.draws, lesson: draw})
            rooms.write_source(making, lesson, drawn)
            sections[lesson] = drawn
        rooms.write_term(making, root, plan, roster.read_bytes(), secret)
        for lesson, drawn in sections.items():
            rooms.release(making, lesson, drawn)
        rooms.fill_gradebook(making, plan, people)
        if folder.exists():
            folder.rmdir()
        making.rename(folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    say(_next_steps(folder, plan, people))


def update_term(
    folder: Path,
    root: Path,
    due: dict,
    late: dict[str, float],
    roster: Path | None,
    *,
    grade: Grade = grade_on_this_machine,
    say: Say = print,
) -> None:
    """Bring a term up to date with the course, its roster and its plan; what was submitted and graded stays.

    Lessons that have not changed are not touched. A mended one keeps its draw of seeds where that is still fair.
    """
    plan, secret = read_plan(folder), read_secret(folder)
    plan = replace(plan, due={**plan.due, **due}, late=replace(plan.late, **late))
    people = read_roster(roster or folder / ROSTER)
    sections = _lessons(root, plan)
    rooms.write_course_settings(folder, root)
    if roster is not None:
        rooms.write_private(folder / ROSTER, roster.read_bytes())
    rooms.write_private(folder / rooms.FILE, plan_text(plan).encode())
    for lesson, theirs in sections.items():
        drawn = rooms.seeded(theirs, secret, lesson, plan.draws.get(lesson, 0))
        if lesson in plan.draws and rooms.holds(folder, lesson, drawn):
            say(f"{lesson}: unchanged")
            continue
        draw, drawn = _draw(theirs, secret, lesson, plan.draws.get(lesson, 0), grade, say)
        plan = replace(plan, draws={**plan.draws, lesson: draw})
        rooms.write_source(folder, lesson, drawn)
        rooms.write_private(folder / rooms.FILE, plan_text(plan).encode())
        rooms.release(folder, lesson, drawn)
        say(f"{lesson}: mended; release it again, then `course grade {lesson}` runs what the change touches")
    counts = rooms.fill_gradebook(folder, plan, people)
    say("roster: " + ", ".join(f"{count} {what}" for what, count in counts.items()))


def _lessons(root: Path, plan: TermPlan) -> dict[str, list[Section]]:
    """Build every lesson of the course; raise where one differs from what is committed, or a due date names none."""
    from course.authoring.gate import build_sections

    if not (root / "lessons").is_dir() or not (root / "nbgrader_config.py").is_file():
        raise CourseError(f"{root} is not the course's repository; run this there, or name it with --root")
    lessons = sorted(path.name for path in (root / "lessons").iterdir() if path.name[:2].isdigit())
    strange = sorted(set(plan.due) - set(lessons))
    if strange:
        raise CourseError(f"a due date is given for {', '.join(strange)}; the course has: {', '.join(lessons)}")
    found = {}
    for lesson in lessons:
        found[lesson], findings = build_sections(root, lesson)
        if findings:
            raise CourseError(f"{lesson}: {findings[0]}")
    return found


def _draw(
    sections: Sequence[Section], secret: bytes, lesson: str, first: int, grade: Grade, say: Say
) -> tuple[int, list[Section]]:
    say(f"{lesson}: drawing its hidden worlds, and grading right and wrong answers in them (about a minute) …")
    return fair_draw(sections, secret, lesson, first=first, grade=grade, say=say)


def _next_steps(folder: Path, plan: TermPlan, people: Sequence[Person]) -> str:
    undue = "" if plan.due else "No lesson has a due date yet: set them in term.toml, then --update.\n"
    return (
        f"The term {plan.course_id} is in {folder}: {len(people)} students, {len(plan.draws)} lesson(s).\n{undue}"
        "Keep it to yourself and back it up: term-secret gives this term its hidden worlds.\n"
        f"Next: course pack LESSON (or nbgrader release_assignment in {folder}); "
        f"then course take-in, and course grade LESSON --course-dir {folder}"
    )
