"""`course gate LESSON`: may this lesson be released?

Only if the reference solution earns everything, the untouched release earns nothing and says so with
NotImplementedError, every planted mistake loses exactly the tests cells that it names, answers that only repeat
what the visible asserts show lose too, at least nine in ten mutants of each reference solution die, lab cells
change nothing, nothing that students receive gives an answer away, every tests cell can work in another process than
the student's code, and the safe grader gives the same points as all of this says.
"""

from __future__ import annotations

import argparse
import gc
import os
import queue
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import nbformat
from nbformat.notebooknode import NotebookNode

from course.authoring.build import compare, released
from course.authoring.dress_rehearsal import Graded, Piece, check_two_sides, files_beside, grade_section
from course.authoring.leaks import scan_bytes, secrets_in
from course.authoring.lesson import notebook_bytes, notebook_of, read_lesson, read_section, section_files
from course.authoring.mutants import Census, Mutant, mutants_of, take_census
from course.authoring.rehearsal import Play, Stage, Step, Variation, limits_from, role_of, steps_of, visible_only
from course.authoring.verdicts import (
    Finding,
    Make,
    check_census,
    check_fitness,
    check_lab_run,
    check_labs,
    check_reference,
    check_repeating,
    check_untouched,
    check_wrongs,
    judged,
    makes_of,
    repeating,
)
from course.authoring.wrongs import Planted, read_wrongs, stray_files, wrongs_path
from course.errors import CourseError

SUMMARY = "say whether a lesson may be released (--quick leaves the mutants out, and most of the safe grader's run)"
MUTANTS_A_JOB = 25

Item, Result = TypeVar("Item"), TypeVar("Result")


@dataclass(frozen=True)
class Section:
    """One section as it was built, and its planted mistakes."""

    name: str
    source: NotebookNode
    release: NotebookNode
    planted: Planted
    folder: Path | None = None  # where data files lie beside the notebook

    @property
    def steps(self) -> list[Step]:
        """The code cells with the answers in them."""
        return steps_of(self.source)

    @property
    def piece(self) -> Piece:
        """The section as the grader gets it."""
        return Piece(self.name, self.source, self.release, self.planted.wrongs, files_beside(self.folder))

    @property
    def hints(self) -> dict[str, bytes]:
        """What feedback shows instead of hidden tests: students receive it too."""
        return {
            f"hint of {cell.metadata.nbgrader.grade_id}": cell.metadata.course.hint.encode()
            for cell in self.source.cells
            if cell.metadata.get("course", {}).get("hint")
        }


@dataclass(frozen=True)
class Plays:
    """How a section went in one process."""

    reference: Play
    with_labs: Play
    untouched: Play
    mistakes: Mapping[str, Play]


@dataclass
class SectionReport:
    """What the gate found out about one section."""

    name: str
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    points: dict[str, int] = field(default_factory=dict)  # of tests cells
    by_hand: dict[str, int] = field(default_factory=dict)
    makes: int = 0
    wrongs: int = 0
    censuses: list[Census] | None = None  # of mutants, one a make; None: left out
    cpu_seconds: float | None = None
    plays: Plays | None = None  # None: the reference solution itself fails


@dataclass
class LessonReport:
    """What the gate found out about a lesson."""

    lesson: str
    sections: list[SectionReport]
    findings: list[Finding]  # that belong to no section, or to several
    left_out: list[str]
    seconds: float = 0.0

    @property
    def all_findings(self) -> list[Finding]:
        """Every reason why the lesson may not be released."""
        return [*self.findings, *(finding for section in self.sections for finding in section.findings)]


def build_sections(root: Path, lesson: str, only: str | None = None) -> tuple[list[Section], list[Finding]]:
    """Build the sections in memory and read their planted mistakes; nothing is written.

    `only` is a section's name or its digit: the other sections then need not even be whole. The findings say where
    the committed trees differ from what was built.

    Raises CourseError when there is no such section, or when a section or its mistakes cannot be read.
    """
    lesson_dir = root / "lessons" / lesson
    paths = section_files(lesson_dir)
    chosen = [path for path in paths if only in (None, path.stem, path.stem.split("_")[0])]
    if not chosen:
        raise CourseError(f"{lesson} has no section {only!r}; there are: {', '.join(path.stem for path in paths)}")
    source = {
        Path("source", lesson, f"{path.stem}.ipynb"): notebook_bytes(notebook_of(read_section(path))) for path in chosen
    }
    made = source | released(root, lesson, source)
    sections = []
    folder = root / "source" / lesson
    for path in chosen:
        notebooks = [
            nbformat.reads(made[Path(tree, lesson, f"{path.stem}.ipynb")].decode(), as_version=4)
            for tree in ("source", "release")
        ]
        planted = read_wrongs(wrongs_path(lesson_dir, path.stem), steps_of(notebooks[0]))
        sections.append(Section(path.stem, *notebooks, planted, folder if folder.is_dir() else None))
    findings = [
        Finding(f"wrong/{name}", "it belongs to no section", "name it as its section is named")
        for name in stray_files(lesson_dir, [path.stem for path in paths])
    ]
    for path, what in compare(root, made, [lesson]).items():
        if only is None or path in made:
            findings.append(Finding(str(path), what, f"run `course build {lesson}` and commit what it makes"))
    return sections, findings


def check_lesson(
    root: Path,
    lesson: str,
    *,
    only: str | None = None,
    quick: bool = False,
    package: Mapping[str, bytes] | None = None,
    stages: Sequence[Stage] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> LessonReport:
    """Put a lesson through the gate and say what was found.

    `package` is what students receive beside the release, file contents by path (default: the project's wheel).
    `stages` are warm processes to use (default: one a core, ended afterwards).

    Raises CourseError when the lesson cannot be built or its planted mistakes cannot be read.
    """
    began = time.monotonic()
    progress("building")
    if only is None:
        read_lesson(root / "lessons" / lesson)  # grade ids are unique in the whole lesson
    sections, findings = build_sections(root, lesson, only)
    own = [] if stages else [Stage() for _ in range(_cores())]
    try:
        with Crew(stages or own, progress) as crew:
            scan = crew.aside(lambda: scan_for_leaks(root, lesson, sections, package))
            grading = crew.aside(lambda: grade_safely(sections, thorough=not quick))
            reports = crew.for_each(sections, lambda section: judge_section(section, crew, quick=quick))
            findings += scan.result()
            progress("the safe grader")
            graded, ungraded = grading.result()
        for section, report in zip(sections, reports, strict=True):
            if report.plays and section.name in graded:
                went = report.plays
                report.findings += check_two_sides(
                    section.piece, graded[section.name], went.reference, went.with_labs, went.untouched, went.mistakes
                )
    finally:
        for stage in own:
            stage.close()
    left_out = ["the mutants (--quick)", "most planted mistakes before the safe grader (--quick)"] if quick else []
    if ungraded:
        left_out.append(f"the safe grader ({ungraded})")
    if only is not None:
        left_out.append("the other sections (--section)")
    return LessonReport(lesson, reports, findings, left_out, time.monotonic() - began)


def grade_safely(sections: Sequence[Section], *, thorough: bool) -> tuple[dict[str, Graded], str]:
    """Run the safe grader over the sections, one after the other; say why, where it does not run on this machine."""
    from course.grading.sandbox import choose_level

    try:
        level = choose_level(None, trust=True)
    except CourseError as error:
        return {}, str(error)
    return {section.name: grade_section(section.piece, level, thorough) for section in sections}, ""


def scan_for_leaks(
    root: Path, lesson: str, sections: Sequence[Section], package: Mapping[str, bytes] | None
) -> list[Finding]:
    """Look for the lesson's secrets in the release of the sections, in their hints and in the package."""
    names = {section.name for section in sections}
    others = [
        nbformat.read(path, as_version=4)
        for path in sorted((root / "source" / lesson).glob("*.ipynb"))
        if path.stem not in names
    ]
    secrets = secrets_in([section.source for section in sections], also_visible=others)
    files = dict(wheel_of(root) if package is None else package)
    for section in sections:
        files[f"release/{lesson}/{section.name}.ipynb"] = notebook_bytes(section.release)
        files |= section.hints
    return [
        Finding(leak.file, f"{leak.excerpt} is a {leak.kind} of {leak.origin}", leak.mend)
        for leak in scan_bytes(files, secrets)
    ]


def wheel_of(root: Path) -> dict[str, bytes]:
    """Build the project's wheel and return its bytes by its name: the package as students receive it."""
    from hatchling.builders.wheel import WheelBuilder

    with tempfile.TemporaryDirectory() as folder:
        [wheel] = WheelBuilder(str(root)).build(directory=folder, versions=["standard"])
        return {Path(wheel).name: Path(wheel).read_bytes()}


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Crew:
    """Stages shared out among jobs: each job takes a free one."""

    def __init__(self, stages: Sequence[Stage], progress: Callable[[str], None] = lambda _: None) -> None:
        self._free: queue.SimpleQueue[Stage] = queue.SimpleQueue()
        for stage in stages:
            self._free.put(stage)
        self._progress = progress
        self._jobs = ThreadPoolExecutor(len(stages))
        # Sections wait for their jobs, so they have threads of their own; two more for what runs aside.
        self._sections = ThreadPoolExecutor(len(stages))
        self._aside = ThreadPoolExecutor(2)

    def __enter__(self) -> Self:
        # In Python 3.11 a collection in the midst of ast.parse may let another thread parse, and both then fail with
        # "AST constructor recursion depth mismatch". What is made here is soon freed by counting.
        self._collects = gc.isenabled()
        gc.disable()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for pool in (self._sections, self._jobs, self._aside):
            pool.shutdown(wait=kind is None, cancel_futures=True)
        if self._collects:
            gc.enable()

    def for_each(self, items: Sequence[Item], work: Callable[[Item], Result]) -> list[Result]:
        """Do the work for every item, several at a time."""
        return list(self._sections.map(work, items))

    def aside(self, work: Callable[[], Result]) -> Future[Result]:
        """Do something in this process while the stages play."""
        return self._aside.submit(work)

    def play(
        self, what: str, steps: Sequence[Step], variations: Sequence[Variation], **settings: Any
    ) -> Future[dict[str, Play]]:
        """Have variations played on a free stage; return the plays to come, by the variation's name."""

        def job() -> dict[str, Play]:
            stage = self._free.get()
            try:
                plays = {}
                for number, play in enumerate(stage.rehearse(steps, variations, **settings), start=1):
                    self._progress(f"{what} {number}/{len(variations)}")
                    plays[play.name] = play
                return plays
            finally:
                self._free.put(stage)

        return self._jobs.submit(job)


def judge_section(section: Section, crew: Crew, *, quick: bool = False) -> SectionReport:
    """Put one section through the gate: all but the leak scan, which looks at a lesson as a whole."""
    name, steps, planted = section.name, section.steps, section.planted
    makes = makes_of(steps)
    report = SectionReport(name, makes=len(makes), wrongs=len(planted.wrongs))
    report.points = {step.name: step.points for step in steps if step.role == "tests"}
    report.by_hand = {
        cell.metadata.nbgrader.grade_id: int(cell.metadata.nbgrader.points)
        for cell in section.source.cells
        if role_of(cell) == "written" or cell.metadata.get("nbgrader", {}).get("task")
    }
    place = {"folder": section.folder}
    plain = [Variation("plain")]
    untouched = crew.play(f"{name}: untouched", steps_of(section.release), plain, **place)
    reference = crew.play(f"{name}: reference", steps, plain, **place).result()["plain"]
    report.cpu_seconds = reference.own_cpu_seconds
    report.findings += check_reference(name, reference)
    report.findings += check_untouched(name, untouched.result()["plain"])
    report.findings += check_labs(name, steps)
    unfit, warnings = check_fitness(name, steps)
    report.findings += unfit
    report.notes += [f"warning: {warning}" for warning in warnings]
    if reference.lost or reference.broken:
        report.notes.append("planted mistakes, labs and mutants were left out: the reference solution itself fails")
        return report

    labs = crew.play(f"{name}: labs", steps, plain, with_labs=True, **place)
    place["limits"] = limits_from(reference)  # type: ignore[assignment]
    mistakes = [Variation(wrong.name, {wrong.replaces: wrong.source}) for wrong in planted.wrongs]
    graded = crew.play(f"{name}: planted mistakes", steps, mistakes, **place)
    visible = crew.play(f"{name}: planted mistakes, visible asserts", visible_only(steps), mistakes, **place)
    repeats = {make.answer.name: repeating(make) for make in makes}
    repeated = crew.play(f"{name}: repeated results", steps, [v for v in repeats.values() if v], **place)
    hunts = [] if quick else [_hunt(name, make, steps, crew, place) for make in makes]

    report.findings += check_wrongs(name, makes, planted, graded.result(), visible.result())
    for make in makes:
        variation = repeats[make.answer.name]
        if variation is not None:
            report.findings += check_repeating(name, make, repeated.result()[variation.name])
        elif make.hides:
            report.notes.append(f"{make.answer.name}: no repeating answer was tried, it is not made of plain functions")
    report.findings += check_lab_run(name, labs.result()["plain"], reference)
    report.plays = Plays(reference, labs.result()["plain"], untouched.result()["plain"], graded.result())
    if not quick:
        report.censuses = [_count(make, planted, *hunt) for make, hunt in zip(makes, hunts, strict=True)]
        report.findings += check_census(name, report.censuses, planted)
        report.notes += [note for census in report.censuses for note in _notes_of(census, planted)]
    for answer, tests in judged(steps).items():
        if not tests:
            report.notes.append(f"{answer}: no tests cell judges it")
        elif not any(test.points for test in tests):
            report.notes.append(f"{answer}: it gives no points, so neither mistakes nor mutants are asked for")
    return report


def _hunt(
    section: str, make: Make, steps: Sequence[Step], crew: Crew, place: Mapping[str, Any]
) -> tuple[list[Mutant], dict[str, int], list[Future[dict[str, Play]]]]:
    """Send the mutants of one make out against its own tests cells."""
    mutants, left_out = mutants_of(make.answer.source)
    own = {step.name for step in make.tests}
    cells = [step for step in steps if step.role != "tests" or step.name in own]
    jobs = []
    for start in range(0, len(mutants), MUTANTS_A_JOB):
        some = [
            Variation(mutant.name, {make.answer.name: mutant.source})
            for mutant in mutants[start : start + MUTANTS_A_JOB]
        ]
        jobs.append(crew.play(f"{section}: mutants of {make.answer.name}", cells, some, stop_early=True, **place))
    return mutants, left_out, jobs


def _count(
    make: Make,
    planted: Planted,
    mutants: Sequence[Mutant],
    left_out: Mapping[str, int],
    jobs: Sequence[Future[dict[str, Play]]],
) -> Census:
    plays = {name: play for job in jobs for name, play in job.result().items()}
    alive = [mutant for mutant in mutants if not plays[mutant.name].lost and not plays[mutant.name].broken]
    declared = {e.name: (e.before, e.after) for e in planted.equivalents if e.replaces == make.answer.name}
    return take_census(make.answer.name, mutants, alive, declared, left_out)


def _notes_of(census: Census, planted: Planted) -> list[str]:
    """Say what nobody may overlook in a make's census: survivors, and those that were declared to be no mistake."""
    why = {equivalent.name: equivalent.why for equivalent in planted.equivalents}
    notes = []
    if census.enough and census.survivors:
        shown = "".join(
            f"\n      line {mutant.line}\n      " + "\n      ".join(mutant.diff()) for mutant in census.survivors
        )
        notes.append(f"{census.answer}: {len(census.survivors)} mutant(s) survived{shown}")
    for name, mutants in census.equivalents.items():
        if mutants:
            notes.append(f"{census.answer}: {len(mutants)} mutant(s) declared equivalent as {name!r}: {why[name]}")
    if census.left_out:
        reasons = "; ".join(f"{number} because {reason}" for reason, number in sorted(census.left_out.items()))
        notes.append(f"{census.answer}: mutants left out: {reasons}")
    return notes


# --- The command ----------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course gate`."""
    parser.add_argument("lesson", help="the lesson's name, for example 01_what_is_mlops")
    parser.add_argument("--section", help="one section only: its digit or its name")
    parser.add_argument("--quick", action="store_true", help="leave the mutants out, and most of the safe grader's run")
    parser.add_argument("--root", type=Path, default=Path(), help="the project's root (default: here)")


def run(args: argparse.Namespace) -> int:
    """Put a lesson through the gate; return 1 when it may not be released."""
    with _Progress() as say:
        report = check_lesson(args.root.resolve(), args.lesson, only=args.section, quick=args.quick, progress=say)
    print(as_text(report))
    return 1 if report.all_findings else 0


class _Progress:
    """One line on the terminal that says what is being done; nothing where nobody looks."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Callable[[str], None]:
        return self.say

    def __exit__(self, *_: object) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def say(self, what: str) -> None:
        """Show it."""
        if self._shown:
            print(f"\r\033[K{what[:100]}", end="", file=sys.stderr, flush=True)


def as_text(report: LessonReport) -> str:
    """Return the report as the words that `course gate` prints."""
    heads = ["section", "points", "by hand", "makes", "mistakes", "mutants killed", "CPU s", "verdict"]
    rows = [heads, *(_row(section) for section in report.sections)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    machine = sum(sum(section.points.values()) for section in report.sections)
    by_hand = sum(sum(section.by_hand.values()) for section in report.sections)
    lines += ["", f"{machine} points by machine, {by_hand} by hand", ""]
    for section in report.sections:
        listed = [f"{name} {points}" for name, points in section.points.items()]
        listed += [f"{name} {points} (by hand)" for name, points in section.by_hand.items()]
        lines.append(f"{section.name}: {', '.join(listed) or 'no points'}")
        lines += [f"  note: {note}" for note in section.notes]
    lines += [f"left out: {what}" for what in report.left_out]
    findings = report.all_findings
    if findings:
        lines += ["", f"{report.lesson} may NOT be released: {len(findings)} to mend"]
        lines += [f"- {finding}" for finding in findings]
    else:
        lines += ["", f"{report.lesson} may be released" + (", as far as was looked" if report.left_out else "")]
    lines.append(f"({report.seconds:.0f} s)")
    return "\n".join(lines)


def _row(section: SectionReport) -> list[str]:
    mutants = "left out"
    if section.censuses is not None:
        killed, counted = (sum(getattr(c, what) for c in section.censuses) for what in ("killed", "counted"))
        mutants = f"{killed} of {counted}"
    return [
        section.name,
        str(sum(section.points.values())),
        str(sum(section.by_hand.values())),
        str(section.makes),
        str(section.wrongs),
        mutants,
        "?" if section.cpu_seconds is None else f"{section.cpu_seconds:.2f}",
        f"{len(section.findings)} to mend" if section.findings else "good",
    ]
