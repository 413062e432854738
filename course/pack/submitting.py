"""``course submit``: one zip with a student's notebooks, and a receipt that says what is in it.

It never stands in the way of handing in: a missing, untouched or broken notebook is named, with what to do, and
everything that is there is packed all the same. Only where it cannot know which of two files is meant it asks.
"""

from __future__ import annotations

import argparse
import datetime
import getpass
import hashlib
import json
import os
import re
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from course import __version__
from course.errors import CourseError
from course.pack.cells import Notebook, Unreadable, answer_cells, grade_ids, grading_of, parse_notebook, source_hash
from course.pack.placing import BACKUPS, Record, digest, read_record

SUMMARY = "pack your notebooks of a lesson for handing in, with a receipt"

SUBMISSIONS = "submissions"
RECEIPT = "receipt.json"
Ask = Callable[[str, list[str]], int | None]


@dataclass
class Section:
    """One notebook that the lesson expects, and what was found for it."""

    name: str
    file: Path | None = None
    content: bytes = b""
    problem: str = ""  # why it cannot be read, if it cannot
    answers: int = 0
    untouched: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass
class Found:
    """A notebook file as it lies in the folder."""

    file: Path
    content: bytes
    notebook: Notebook | None
    problem: str
    ids: set[str]
    written: dict[str, str]  # grade id → hash, of the answers that were touched
    changed: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``course submit``."""
    parser.add_argument("lesson", nargs="?", help="the lesson, if there are several in your work folder")
    parser.add_argument("--work", type=Path, help="your work folder (default: looked for from here)")
    parser.add_argument("--out", type=Path, help=f"where the zip goes (default: {SUBMISSIONS} in the work folder)")
    parser.add_argument("--name", help="your name as the course knows it (default: your user name)")
    parser.add_argument(
        "--use",
        action="append",
        default=[],
        metavar="NOTEBOOK=FILE",
        help='which file to hand in as a notebook: --use "2_one_sentence=2_one_sentence-Copy1.ipynb"',
    )


def run(args: argparse.Namespace) -> int:
    """Make the zip and print the receipt."""
    work, lesson = find_lesson(args.work, args.lesson)
    made, words = submit(
        work,
        lesson,
        out=args.out or work / SUBMISSIONS,
        name=args.name or student_name(os.environ),
        use=parse_choices(args.use),
        ask=ask_on_screen if sys.stdin.isatty() else no_one_to_ask,
    )
    print(words)
    print(f"\nHand in this one file:\n\n    {made}\n\nYou may do this again at any time; the latest counts.")
    return 0


def student_name(environ: Mapping[str, str]) -> str:
    """The user's name, as nbgrader would see it: on a hub whose containers all run as jovyan, the hub's name.

    >>> student_name({"JUPYTERHUB_USER": "ada", "USER": "jovyan", "LOGNAME": "jovyan", "USERNAME": "jovyan"})
    'ada'
    """
    name = next((environ[key] for key in ("LOGNAME", "USER", "USERNAME") if environ.get(key)), "")
    if name == "jovyan" and environ.get("JUPYTERHUB_USER"):
        return environ["JUPYTERHUB_USER"]
    try:
        return name or getpass.getuser()
    except (KeyError, OSError, ImportError):
        raise CourseError("Your user name is not known here; give it: course submit --name YOUR_NAME") from None


def name_for_file(name: str) -> str:
    """A student's name in letters that are safe in a file's name; raises ``CourseError`` if none is left.

    >>> name_for_file("Ada Lovelace (2)")
    'Ada_Lovelace_2'
    """
    safe = re.sub(r"[^\w.@+-]+|[^\x00-\x7f]+", "_", name).strip("._-")
    if not safe:
        raise CourseError(f"The name {name!r} has no plain letter or digit; give another with --name")
    return safe


def find_lesson(work: Path | None, lesson: str | None) -> tuple[Path, str]:
    """The work folder and the lesson in it that are meant; raises ``CourseError`` saying what there is."""
    here = Path.cwd()
    candidates = [work] if work else [here, here / "work", here.parent]
    seen: dict[Path, list[str]] = {}
    for folder in candidates:
        lessons = lessons_in(folder)
        if not lesson and not work and folder == here.parent:
            # Inside a lesson's folder: that lesson is meant.
            lessons = [name for name in lessons if name == here.name]
        seen[folder] = lessons
        if lesson in lessons or (not lesson and len(lessons) == 1):
            return folder.resolve(), lesson or lessons[0]
    there = sorted({name for lessons in seen.values() for name in lessons})
    if not there:
        raise CourseError(
            f"No lesson was found in {candidates[0].resolve()}. Go to the folder where your lessons are, or name it: "
            "course submit --work FOLDER"
        )
    if lesson:
        raise CourseError(f"There is no lesson {lesson!r} in your work folder; there are: {', '.join(there)}.")
    raise CourseError(
        f"There are several lessons; name one: course submit {there[0]}   (there are: {', '.join(there)})"
    )


def lessons_in(folder: Path) -> list[str]:
    """The lessons in a work folder: what was placed there, and numbered folders with notebooks in them."""
    if not folder.is_dir():
        return []
    placed = [name for name in read_record(folder) if (folder / name).is_dir()]
    numbered = [
        inner.name for inner in folder.iterdir() if re.match(r"\d+_", inner.name) and any(inner.glob("*.ipynb"))
    ]
    return sorted({*placed, *numbered})


def parse_choices(choices: list[str]) -> dict[str, str]:
    """``--use`` as a dict; raises ``CourseError`` for one without ``=``.

    >>> parse_choices(["2_one_sentence=mine.ipynb"])
    {'2_one_sentence.ipynb': 'mine.ipynb'}
    """
    chosen = {}
    for choice in choices:
        name, equals, file = choice.partition("=")
        if not equals or not name or not file:
            raise CourseError(f"--use needs NOTEBOOK=FILE, and {choice!r} is not of that form")
        chosen[name if name.endswith(".ipynb") else name + ".ipynb"] = file
    return chosen


def ask_on_screen(question: str, options: list[str]) -> int | None:
    """Ask which of several is meant; the number of the option, or None if nobody answers."""
    print(question)
    for number, option in enumerate(options, 1):
        print(f"  {number}. {option}")
    while True:
        try:
            answer = input(f"Type a number from 1 to {len(options)}: ").strip()
        except EOFError:
            return None
        if answer.isdigit() and 1 <= int(answer) <= len(options):
            return int(answer) - 1


def no_one_to_ask(question: str, options: list[str]) -> int | None:
    """Where no person can be asked."""
    return None


def submit(
    work: Path,
    lesson: str,
    out: Path,
    name: str,
    use: Mapping[str, str] | None = None,
    ask: Ask = no_one_to_ask,
    now: datetime.datetime | None = None,
) -> tuple[Path, str]:
    """Make the zip; give back its path and the receipt in words.

    Raises ``CourseError`` when there is nothing to hand in, or when it is unclear which file is meant.
    """
    now = (now or datetime.datetime.now(datetime.UTC)).astimezone(datetime.UTC).replace(microsecond=0)
    sections = collect(work / lesson, read_record(work).get(lesson, {}), use or {}, ask)
    if not any(section.file for section in sections):
        raise CourseError(f"There is no notebook of the lesson in {work / lesson}, so there is nothing to hand in.")
    receipt = {
        "course": __version__,
        "files": {
            section.name: {"sha256": digest(section.content), "size": len(section.content), "was": section.file.name}
            for section in sections
            if section.file
        },
        "lesson": lesson,
        "made": now.isoformat().replace("+00:00", "Z"),
        "student": name,
    }
    out.mkdir(parents=True, exist_ok=True)
    made = out / f"{lesson}-{name_for_file(name)}-{now:%Y%m%dT%H%M%SZ}.zip"
    receipt_bytes = (json.dumps(receipt, indent=1, sort_keys=True) + "\n").encode()
    beside = made.with_name(made.name + ".part")
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
        for section in sections:
            if section.file:
                archive.writestr(zipfile.ZipInfo(section.name, now.timetuple()[:6]), section.content)
        archive.writestr(zipfile.ZipInfo(RECEIPT, now.timetuple()[:6]), receipt_bytes)
    beside.replace(made)
    return made, in_words(lesson, name, now, sections, made)


def collect(folder: Path, placed: Record, use: Mapping[str, str], ask: Ask = no_one_to_ask) -> list[Section]:
    """What is handed in for each notebook of the lesson; ``placed`` is what was remembered of its release."""
    files = {file.name: file for file in sorted(folder.glob("*.ipynb")) if not file.name.startswith(".")}
    expected = sorted(name for name in placed if name.endswith(".ipynb") and "/" not in name)
    # On a hub nbgrader fetched the lesson and nothing is remembered: then what is there is what is expected.
    expected = expected or sorted(files)
    unknown = sorted(set(use) - set(expected))
    if unknown:
        raise CourseError(f"The lesson has no notebook {', '.join(unknown)}; it has: {', '.join(expected)}.")
    found = {name: look_at(file, placed) for name, file in files.items()}
    sections = []
    for name in expected:
        stubs = placed.get(name, {}).get("cells", {})
        section = Section(name)
        copies = [
            other
            for other_name, other in found.items()
            if other_name not in expected and same_questions(other.ids, stubs, [placed.get(n, {}) for n in expected])
        ]
        if name in use:
            if use[name] not in found:
                raise CourseError(f"There is no file {use[name]!r} in {folder}; there are: {', '.join(sorted(found))}.")
            chosen = found[use[name]]
        else:
            chosen = choose(section, found.get(name), copies, ask)
        if chosen:
            take(section, chosen, stubs)
        else:
            section.remarks.append(
                "is missing, so it cannot earn anything; a fresh copy comes with the next start of the course"
            )
        sections.append(section)
    return sections


def look_at(file: Path, placed: Record) -> Found:
    """A notebook file with the answers in it that were touched."""
    content = file.read_bytes()
    try:
        notebook = parse_notebook(content)
    except Unreadable as problem:
        return Found(file, content, None, str(problem), set(), {}, file.stat().st_mtime)
    stubs = {key: value for entry in placed.values() for key, value in entry.get("cells", {}).items()}
    written = {
        grading_of(cell)["grade_id"]: source_hash(cell)
        for cell in answer_cells(notebook)
        if not is_untouched(cell, stubs)
    }
    return Found(file, content, notebook, "", grade_ids(notebook), written, file.stat().st_mtime)


def is_untouched(cell: dict, stubs: Mapping[str, str]) -> bool:
    """Whether an answer is as the release had it: by what was remembered, else by nbgrader's own checksum."""
    grading = grading_of(cell)
    remembered = stubs.get("grade:" + grading["grade_id"])
    if remembered is not None:
        return remembered == source_hash(cell)
    return grading.get("checksum") == nbgrader_checksum(cell)


def nbgrader_checksum(cell: dict) -> str:
    """The checksum that nbgrader 0.9.6 writes into a released cell (its ``utils.compute_checksum``).

    Written out here because loading nbgrader takes seconds; a test holds the two together.
    """
    source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    grading = grading_of(cell)
    parts = [source, cell["cell_type"]]
    parts += [str(bool(grading.get(role))) for role in ("grade", "solution", "locked")]
    parts.append(grading["grade_id"])
    if grading.get("grade"):
        parts.append(str(float(grading.get("points", 0))))
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()


def same_questions(ids: set[str], stubs: Mapping[str, str], others: list[Record]) -> bool:
    """Whether a notebook with these grade ids is a copy of the one with these cells, more than of any other."""

    def shared(cells: Mapping[str, str]) -> int:
        return len(ids & {key.removeprefix("grade:") for key in cells if key.startswith("grade:")})

    return shared(stubs) > 0 and shared(stubs) == max(shared(other.get("cells", {})) for other in others)


def choose(section: Section, exact: Found | None, copies: list[Found], ask: Ask) -> Found | None:
    """Which file is handed in as this section: the one of its name, a renamed one, or what the person says."""
    rivals = [copy for copy in copies if exact is None or copy.written != exact.written]
    if exact is not None and exact.notebook is not None:
        # A copy in which nothing more was written, and not later, is a spare: the notebook of that name is meant.
        rivals = [
            copy
            for copy in rivals
            if copy.written and (copy.changed > exact.changed or not copy.written.keys() <= exact.written.keys())
        ]
        if rivals and not exact.written and len(rivals) == 1:
            section.remarks.append(f'has no answers, but "{rivals[0].file.name}" has: that one is handed in for it')
            return rivals[0]
        if not rivals:
            for copy in copies:
                section.remarks.append(f'is handed in; "{copy.file.name}" beside it is not')
            return exact
    elif exact is not None:
        # Unreadable: the one readable copy with answers, else the file as it is.
        rivals = [copy for copy in rivals if copy.written]
        if len(rivals) == 1:
            section.remarks.append(f'cannot be read ({exact.problem}); "{rivals[0].file.name}" is handed in for it')
            return rivals[0]
        if not rivals:
            return exact
    elif not rivals:
        return None
    elif len(rivals) == 1:
        section.remarks.append(f'was renamed: "{rivals[0].file.name}" has its questions and is handed in for it')
        return rivals[0]
    options = [*([exact] if exact else []), *rivals]
    described = [describe(option) for option in options]
    question = f"Several files could be {section.name}. Which one do you want to hand in?"
    number = ask(question, described)
    if number is None:
        listed = "\n".join(f"  {line}" for line in described)
        stem = section.name.removesuffix(".ipynb")
        raise CourseError(
            f"Several files could be {section.name}:\n{listed}\nSay which one you want to hand in, for instance:\n"
            f'  course submit --use "{stem}={options[-1].file.name}"'
        )
    section.remarks.append(f'is "{options[number].file.name}", as you chose')
    return options[number]


def describe(option: Found) -> str:
    """One of several files, so that its author recognises it."""
    when = datetime.datetime.fromtimestamp(option.changed)
    state = "cannot be read" if option.problem else f"{len(option.written)} answers written"
    return f"{option.file.name}: {state}, last changed {when:%Y-%m-%d %H:%M}"


def take(section: Section, chosen: Found, stubs: Mapping[str, str]) -> None:
    """Hand in this file as this section, and note what its author should know."""
    section.file, section.content, section.problem = chosen.file, chosen.content, chosen.problem
    if chosen.notebook is None:
        section.remarks.append(f"cannot be read ({chosen.problem}); {rescue(chosen.file)}")
        return
    cells = {grading_of(cell)["grade_id"]: cell for cell in answer_cells(chosen.notebook)}
    section.answers = len(cells)
    section.untouched = [grade_id for grade_id in cells if grade_id not in chosen.written]
    gone = sorted({key.removeprefix("grade:") for key in stubs if key.startswith("grade:")} - chosen.ids)
    if gone:
        section.remarks.append(
            f"has lost the cells {', '.join(gone)}; graded is what is there. To get them back: rename your file, "
            "start the course again, and copy your answers into the fresh one"
        )


def rescue(file: Path) -> str:
    """What a student can do about a file that cannot be read; it is handed in as it is."""
    spares = [
        file.parent / ".ipynb_checkpoints" / f"{file.stem}-checkpoint.ipynb",
        *sorted((file.parent / BACKUPS).glob(f"{file.stem}_*.ipynb"), reverse=True),
    ]
    for spare in spares:
        try:
            parse_notebook(spare.read_bytes())
        except (OSError, Unreadable):
            continue
        return (
            "it is packed as it is, so that nothing is lost, but it may earn nothing. An earlier version is whole: "
            f"{spare.relative_to(file.parent)}. Rename the broken file, copy the earlier one to {file.name}, and "
            "submit again"
        )
    return (
        "it is packed as it is, so that nothing is lost, but it may earn nothing. Rename it, start the course again "
        "to get a fresh copy, write your answers there (a text editor opens the broken file), and submit again"
    )


def in_words(lesson: str, name: str, now: datetime.datetime, sections: list[Section], made: Path) -> str:
    """The receipt for a person: section by section, what is in the zip and what they may have overlooked."""
    lines = [f"{lesson}, handed in by {name} on {now:%Y-%m-%d at %H:%M:%S} UTC", ""]
    width = max(len(section.name) for section in sections)
    for section in sections:
        written = section.answers - len(section.untouched)
        state = "not in the zip"
        if section.file:
            state = (
                "in the zip" if section.problem or not section.answers else f"{written} of {section.answers} answers"
            )
        lines.append(f"  {section.name:<{width}}  {state}")
        if section.untouched:
            lines.append(f"  {'':<{width}}  untouched: {', '.join(section.untouched)}")
        lines += [f"    ! {section.name} {remark}." for remark in section.remarks]
    packed = made.read_bytes()
    lines += ["", f"Size {len(packed):,} bytes; sha256 {digest(packed)}"]
    return "\n".join(lines)
