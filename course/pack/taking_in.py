"""``course take-in``: submissions from zip files to ``submitted/``, through nbgrader's own ``zip_collect``.

Taken are zips made by ``course submit``, and the bulk downloads of Moodle and Canvas that hold such zips (or bare
notebooks). Nothing that comes in is lost: every accepted file is kept as it came in
``downloaded/LESSON/received``, every refused one in ``downloaded/LESSON/refused`` with the reason. What goes on to
nbgrader is a clean zip, one for each student: the newest.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from course.errors import CourseError
from course.pack.archives import (
    BULK,
    SUBMISSION,
    Refused,
    members,
    open_archive,
    read_member,
    read_submission,
    safe_name,
)
from course.pack.cells import Unreadable, grade_ids, parse_notebook
from course.pack.packing import release_folder, zip_bytes
from course.pack.placing import digest
from course.pack.roster import Person, Unknown, find_person, id_from_name, read_roster

SUMMARY = "take in zips of submissions, also Moodle's and Canvas's bulk downloads"

#: What `FileNameCollectorPlugin.named_regexp` must be: nbgrader matches it against the path of each notebook that
#: it has unpacked from the clean zips, `…/STUDENT__20261123T234105Z/2_one_sentence.ipynb`.
COLLECTED_NAME = r".*[/\\](?P<student_id>[^/\\]+)__(?P<timestamp>\d{8}T\d{6}Z)[/\\](?P<file_id>[^/\\]+)$"

STAMP = "%Y%m%dT%H%M%SZ"
MADE_NAME = re.compile(r"-(?P<student>[\w.@+-]+)-(?P<stamp>\d{8}T\d{6}Z)[^/]*\.zip$")
MOODLE = re.compile(r"^(?:.*/)?(?P<name>[^/]+?)_(?P<number>\d+)_assignsubmission_(?P<kind>\w+?)_+/?(?P<file>[^_].*)$")
CANVAS = re.compile(r"^(?P<name>[^_/]+)_(?:LATE_)?(?P<number>\d+)_(?P<submission>\d+)_(?P<file>[^/]+)$")


@dataclass
class Incoming:
    """A submission as it came in: whose it seems to be, and its bytes."""

    label: str  # where it was found, for people
    content: bytes  # a zip
    claimed: str = ""  # the name that the platform gives, if one does
    person: str = ""  # what tells two people of the same name apart within one download
    seen: datetime.datetime | None = None  # a date that stands in the outer archive


@dataclass
class Submission:
    """An accepted submission."""

    incoming: Incoming
    student: str
    made: datetime.datetime
    notebooks: dict[str, bytes]
    remarks: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its name in the archive that nbgrader reads."""
        return f"{self.student}__{self.made:{STAMP}}"


@dataclass
class Refusal:
    """Something that was not taken, with the reason."""

    label: str
    reason: str
    content: bytes = b""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``course take-in``."""
    parser.add_argument("files", nargs="+", type=Path, help="zips of submissions, or a platform's bulk download")
    parser.add_argument("--lesson", required=True, help="the lesson that they are for")
    parser.add_argument("--course-dir", type=Path, default=Path(), help="the course's folder (default: here)")
    parser.add_argument("--roster", type=Path, help="CSV with id, first_name, last_name, email")
    parser.add_argument("--student", help="whose it is, when a single zip does not say")


def run(args: argparse.Namespace) -> int:
    """Take everything in; exit status 1 when something was refused."""
    roster = read_roster(args.roster) if args.roster else None
    if args.student and len(args.files) != 1:
        raise CourseError("--student goes with one file only")
    taken, refused = take_in(args.files, args.lesson, args.course_dir.resolve(), roster, args.student)
    for submission in taken:
        names = len(submission.notebooks)
        print(f"{submission.student}: {names} notebooks of {submission.made:%Y-%m-%d %H:%M:%S} UTC")
        print(f"    from {submission.incoming.label}")
        for remark in submission.remarks:
            print(f"    ! {remark}")
    print(f"\n{len(taken)} submissions taken in, {len(refused)} refused.")
    if refused:
        print(f"Refused (kept in {downloaded(args.course_dir, args.lesson) / 'refused'}):")
        for refusal in refused:
            print(f"  {refusal.label}: {refusal.reason}")
    return 1 if refused else 0


def downloaded(course_dir: Path, lesson: str) -> Path:
    """Where nbgrader's ``zip_collect`` looks."""
    return course_dir / "downloaded" / lesson


def take_in(
    files: Iterable[Path],
    lesson: str,
    course_dir: Path,
    roster: list[Person] | None = None,
    student: str | None = None,
    now: datetime.datetime | None = None,
) -> tuple[list[Submission], list[Refusal]]:
    """Take submissions in, up to ``submitted/STUDENT/LESSON``; give back what was taken and what was refused.

    Raises ``CourseError`` when the lesson has no release, or nbgrader did not collect what it was given.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    released = released_notebooks(course_dir, lesson)
    incoming: list[Incoming] = []
    refused: list[Refusal] = []
    for file in files:
        for item in open_delivery(file):
            (incoming if isinstance(item, Incoming) else refused).append(item)
    taken: list[Submission] = []
    for item in incoming:
        try:
            taken.append(accept(item, lesson, released, roster, student, now))
        except Refused as reason:
            refused.append(Refusal(item.label, str(reason), item.content))
    taken, clashes = without_clashes(taken)
    refused += clashes
    keep(taken, refused, downloaded(course_dir, lesson))
    fill_archive(taken, course_dir, lesson)
    zip_collect(course_dir, lesson)
    return sorted(taken, key=lambda submission: submission.name), refused


def released_notebooks(course_dir: Path, lesson: str) -> dict[str, set[str]]:
    """The notebooks of a released lesson, with their grade ids; raises ``CourseError`` if there is no release."""
    folder = release_folder(course_dir, lesson)
    return {file.name: grade_ids(parse_notebook(file.read_bytes())) for file in sorted(folder.glob("*.ipynb"))}


# --- What comes in ------------------------------------------------------------------------------------------


def open_delivery(file: Path) -> list[Incoming | Refusal]:
    """The submissions in a file: itself, or those in a platform's bulk download."""
    try:
        archive = open_archive(str(file), BULK)
    except Refused as reason:
        content = file.read_bytes() if file.is_file() and file.stat().st_size < BULK.file_bytes else b""
        return [Refusal(file.name, str(reason) if file.is_file() else "there is no such file", content)]
    with archive:
        names = [member.filename.replace("\\", "/") for member in members(archive)]
        pattern = next((p for p in (MOODLE, CANVAS) if any(p.match(name) for name in names)), None)
        if pattern is None:
            if file.stat().st_size > SUBMISSION.total_bytes:
                return [Refusal(file.name, f"it is larger than {SUBMISSION.total_bytes / 1e6:.0f} MB")]
            return [Incoming(file.name, file.read_bytes())]
        found: list[Incoming | Refusal] = []
        loose: dict[tuple[str, str], Incoming] = {}
        loose_files: dict[tuple[str, str], dict[str, bytes]] = {}
        room = BULK.total_bytes
        for member in members(archive):
            label = f"{file.name} / {member.filename}"
            try:
                match = pattern.match(safe_name(member.filename))
                content = read_member(archive, member, min(BULK.file_bytes, room))
            except Refused as reason:
                found.append(Refusal(label, str(reason)))
                continue
            room -= len(content)
            if match is None:
                found.append(Refusal(label, "its name does not say whose it is", content))
                continue
            seen = datetime.datetime(*member.date_time, tzinfo=datetime.UTC) if valid(member.date_time) else None
            claimed, number = match["name"], match["number"]
            if member.filename.lower().endswith(".zip"):
                found.append(Incoming(label, content, claimed, number, seen))
            elif member.filename.lower().endswith(".ipynb"):
                key = claimed, number
                loose.setdefault(key, Incoming(label, b"", claimed, number, seen))
                loose_files.setdefault(key, {})[PurePosixPath(match["file"]).name] = content
            else:
                found.append(Refusal(label, "it is neither a zip nor a notebook", content))
        for key, item in loose.items():
            item.content = zip_bytes(loose_files[key])
            found.append(item)
        return found


def valid(parts: tuple[int, ...]) -> bool:
    """Whether a zip's date exists in the calendar.

    >>> valid((2026, 2, 30, 0, 0, 0))
    False
    """
    try:
        datetime.datetime(*parts)
    except ValueError:
        return False
    return True


def accept(
    item: Incoming,
    lesson: str,
    released: Mapping[str, set[str]],
    roster: list[Person] | None,
    student: str | None,
    now: datetime.datetime,
) -> Submission:
    """A submission whose student, time and notebooks are known; raises ``Refused`` with the reason."""
    contents = read_submission(item.content)
    receipt = read_receipt(contents)
    if receipt.get("lesson", lesson) != lesson:
        raise Refused(f"it is for lesson {receipt['lesson']!r}")
    notebooks, remarks = pick_notebooks(contents, released)
    who = whose(item, receipt, roster, student)
    missing = [name for name in released if name not in notebooks]
    if missing:
        remarks.append(f"missing: {', '.join(missing)}")
    listed = receipt.get("files", {})
    for name, content in notebooks.items():
        entry = listed.get(name) if isinstance(listed, dict) else None
        if isinstance(entry, dict) and entry.get("sha256") != digest(content):
            remarks.append(f"{name} is not what its receipt says: it was changed after it was packed")
    return Submission(item, who, made_when(item, receipt, now), notebooks, remarks)


def read_receipt(contents: Mapping[str, bytes]) -> dict:
    """The receipt in a submission, as far as it can be used; an empty dict if there is none."""
    for name, content in contents.items():
        if PurePosixPath(name).name == "receipt.json":
            try:
                receipt = json.loads(content)
            except (ValueError, RecursionError):
                return {}
            return receipt if isinstance(receipt, dict) else {}
    return {}


def whose(item: Incoming, receipt: dict, roster: list[Person] | None, student: str | None) -> str:
    """The student's id: what the instructor says, else the platform's name, else what the submission says.

    A platform knows who was logged in; a receipt only says what a computer's user is called. Raises ``Refused``.
    """
    match = MADE_NAME.search(item.label)
    said = receipt.get("student")
    name = student or item.claimed or (said if isinstance(said, str) else "") or (match["student"] if match else "")
    if not name:
        raise Refused("nothing says whose it is; take it in by itself with --student ID")
    if roster is None:
        return id_from_name(name)
    try:
        return find_person(roster, name).id
    except Unknown as reason:
        raise Refused(f"{reason}; correct the roster, or take it in by itself with --student ID") from reason


def made_when(item: Incoming, receipt: dict, now: datetime.datetime) -> datetime.datetime:
    """When a submission was made: by its receipt, its name, the outer archive; never in the future."""
    match = MADE_NAME.search(item.label)
    made = None
    for text, form in ((receipt.get("made"), None), (match["stamp"] if match else None, STAMP)):
        if made is None and isinstance(text, str):
            try:
                made = datetime.datetime.strptime(text, form) if form else datetime.datetime.fromisoformat(text)
            except ValueError:
                continue
            made = made.replace(tzinfo=made.tzinfo or datetime.UTC)
    return min(made or item.seen or now, now).astimezone(datetime.UTC).replace(microsecond=0)


def pick_notebooks(
    contents: Mapping[str, bytes], released: Mapping[str, set[str]]
) -> tuple[dict[str, bytes], list[str]]:
    """The lesson's notebooks in a submission, by their released names, and remarks on what was not plain.

    Raises ``Refused`` when there is none.
    """
    chosen: dict[str, bytes] = {}
    remarks: list[str] = []
    paths = sorted((name for name in contents if name.endswith(".ipynb")), key=lambda name: (name.count("/"), name))
    others = []
    for path in paths:
        name = PurePosixPath(path).name
        if name in released and name not in chosen:
            chosen[name] = contents[path]
        else:
            others.append(path)
    for path in others:
        try:
            ids = grade_ids(parse_notebook(contents[path]))
        except Unreadable:
            ids = set()
        shared = {name: len(ids & known) for name, known in released.items()}
        best = max(shared, key=lambda name: shared[name], default="")
        if ids and shared.get(best) and best not in chosen:
            chosen[best] = contents[path]
            remarks.append(f"{path} was taken as {best}: it has its questions")
        else:
            remarks.append(f"{path} was left out: the lesson has no such notebook, or has it already")
    if not chosen:
        raise Refused("there is no notebook of the lesson in it")
    return dict(sorted(chosen.items())), remarks


def without_clashes(taken: list[Submission]) -> tuple[list[Submission], list[Refusal]]:
    """Without submissions of different people who would get the same id: none of them can be told apart."""
    people: dict[str, set[tuple[str, str]]] = {}
    for submission in taken:
        if submission.incoming.person:
            key = submission.incoming.label.split(" / ")[0], submission.incoming.person
            people.setdefault(submission.student, set()).add(key)

    def clash(submission: Submission) -> bool:
        archives = [archive for archive, _ in people.get(submission.student, ())]
        return len(archives) != len(set(archives))

    reason = "another person in the same download has the same name; take each in by itself with --student ID"
    clashes = [Refusal(s.incoming.label, reason, s.incoming.content) for s in taken if clash(s)]
    return [s for s in taken if not clash(s)], clashes


# --- Where it goes ------------------------------------------------------------------------------------------


def keep(taken: Iterable[Submission], refused: Iterable[Refusal], folder: Path) -> None:
    """Keep everything that came in, as it came in."""
    received, turned_away = folder / "received", folder / "refused"
    for submission in taken:
        received.mkdir(parents=True, exist_ok=True)
        content = submission.incoming.content
        (received / f"{submission.name}__{digest(content)[:8]}.zip").write_bytes(content)
    for refusal in refused:
        turned_away.mkdir(parents=True, exist_ok=True)
        safe = re.sub(r"[^\w.@+-]+", "_", refusal.label)[-100:]
        tag = hashlib.sha256(refusal.content or refusal.label.encode()).hexdigest()[:8]
        (turned_away / f"{tag}__{safe}.why.txt").write_text(f"{refusal.label}\n{refusal.reason}\n", encoding="utf-8")
        if refusal.content:
            (turned_away / f"{tag}__{safe}").write_bytes(refusal.content)


def fill_archive(taken: Iterable[Submission], course_dir: Path, lesson: str) -> None:
    """Leave in nbgrader's archive one clean zip for each student: the newest of all that ever came in.

    What a student handed in through the exchange counts too: if it is newer it stays, if it is older it is kept
    beside what was received, since ``zip_collect`` clears the place before it fills it.
    """
    archive = downloaded(course_dir, lesson) / "archive"
    archive.mkdir(parents=True, exist_ok=True)
    for submission in sorted(taken, key=lambda submission: submission.made):
        earlier = zips_of(archive, submission.student)
        if not any(file.stem > submission.name for file in earlier):
            content = zip_bytes(submission.notebooks)
            for file in earlier:
                file.unlink()
            (archive / f"{submission.name}.zip").write_bytes(content)
        else:
            submission.remarks.append("a later one of this student is already here; this one is kept, not graded")
    for file in sorted(archive.glob("*__*.zip")):
        student, _, stamp = file.stem.rpartition("__")
        submitted = course_dir / "submitted" / student / lesson
        if not submitted.is_dir():
            continue
        there = submitted_stamp(submitted)
        if there > stamp:
            file.unlink()
        elif there < stamp and not came_from_here(downloaded(course_dir, lesson), student, there):
            contents = {f.name: f.read_bytes() for f in sorted(submitted.iterdir()) if f.is_file()}
            if contents:
                kept = downloaded(course_dir, lesson) / "received" / f"{student}__{there or 'undated'}__exchange.zip"
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(zip_bytes(contents))


def zips_of(archive: Path, student: str) -> list[Path]:
    """The clean zips of one student."""
    return [file for file in archive.glob("*__*.zip") if file.stem.rpartition("__")[0] == student]


def came_from_here(folder: Path, student: str, stamp: str) -> bool:
    """Whether a submission of this time is among those that were received as zips."""
    return bool(stamp) and any(
        file.name.startswith(f"{student}__{stamp}__") for file in (folder / "received").glob("*.zip")
    )


def submitted_stamp(folder: Path) -> str:
    """The time of a collected submission, as it stands in names; an empty text if it is not known."""
    try:
        text = (folder / "timestamp.txt").read_text(encoding="utf-8").strip()
        made = datetime.datetime.fromisoformat(re.sub(r"\s+(UTC|Z)$", "", text))
    except (OSError, ValueError):
        return ""
    if made.tzinfo is not None:
        made = made.astimezone(datetime.UTC)
    return f"{made:{STAMP}}"


def zip_collect(course_dir: Path, lesson: str) -> None:
    """Let nbgrader collect the archive; raises ``CourseError`` when a submission did not arrive."""
    archive = downloaded(course_dir, lesson) / "archive"
    expected = sorted(archive.glob("*__*.zip"))
    if not expected:
        return
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [
        sys.executable,
        "-m",
        "nbgrader",
        "zip_collect",
        lesson,
        "--force",
        f"--CourseDirectory.root={course_dir}",
    ]
    ran = subprocess.run(
        command, cwd=course_dir, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    lost = []
    for file in expected:
        student, _, stamp = file.stem.rpartition("__")
        folder = course_dir / "submitted" / student / lesson
        with open_archive(str(file), BULK) as clean:
            whole = all((folder / name).is_file() for name in clean.namelist())
        if not whole or submitted_stamp(folder) != stamp:
            lost.append(student)
    if ran.returncode or lost:
        tail = "\n".join("    " + line for line in ran.stderr.splitlines()[-12:])
        raise CourseError(
            f"nbgrader did not collect the submissions of: {', '.join(lost) or 'nobody in particular'}. Nothing is "
            f"lost, they are in {archive}. Look whether nbgrader_config.py in {course_dir} sets "
            f"c.FileNameCollectorPlugin.named_regexp as course.pack.taking_in says. nbgrader's last words:\n{tail}"
        )
