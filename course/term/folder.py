"""A term's folder on disk: written whole or not at all, readable by nobody but its owner."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from course.errors import CourseError
from course.term.plan import FILE, ROSTER, SECRET, TermPlan, plan_text
from course.term.seeds import with_term_seeds

if TYPE_CHECKING:
    from course.authoring.gate import Section
    from course.pack.roster import Person

COURSE_SETTINGS, SETTINGS = "course_settings.py", "nbgrader_config.py"
OWN_SETTINGS = '''"""nbgrader's settings for this term; what you add at the end is kept when the course is updated."""

from course.term.settings import apply_term

c = get_config()  # noqa: F821 - traitlets puts it there
load_subconfig("course_settings.py")  # noqa: F821 - the course's own, brought up to date by `course new-term --update`
apply_term(c, __file__)  # course id and late policy, as term.toml says
'''


def check_place(folder: Path, root: Path) -> None:
    """Raise CourseError where a term's folder must not be made: in a repository, or where something lies."""
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise CourseError(
            f"{folder} is there already, and not empty; name a new folder, or bring it up to date: --update"
        )
    for above in (folder, *folder.parents):
        if above == root or (above / ".git").exists():
            raise CourseError(
                f"{folder} lies within the repository {above}, from which the term's secret would be published; "
                f"choose a folder outside, such as {Path.home() / 'terms' / folder.name}"
            )


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    beside = file.with_name(f".{file.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)


def write_term(folder: Path, root: Path, plan: TermPlan, roster: bytes, secret: bytes) -> None:
    """Write what a term has of its own, and the course's settings, into an empty folder."""
    write_private(folder / SECRET, secret.hex().encode() + b"\n")
    write_private(folder / ROSTER, roster)
    write_private(folder / FILE, plan_text(plan).encode())
    write_private(folder / SETTINGS, OWN_SETTINGS.encode())
    write_course_settings(folder, root)


def write_course_settings(folder: Path, root: Path) -> None:
    """Put the course's own settings for nbgrader beside the term's."""
    write_private(folder / COURSE_SETTINGS, (root / "nbgrader_config.py").read_bytes())


def seeded(sections: Sequence[Section], secret: bytes, lesson: str, draw: int) -> list[Section]:
    """Return a lesson's sections with the term's seeds."""
    return [replace(section, source=with_term_seeds(section.source, secret, lesson, draw)) for section in sections]


def holds(folder: Path, lesson: str, sections: Sequence[Section]) -> bool:
    """Whether `source/` and `release/` of a term have these sections already, and nothing else."""
    source, wanted = folder / "source" / lesson, _source_files(sections)
    there = {path.relative_to(source).as_posix(): path.read_bytes() for path in source.rglob("*") if path.is_file()}
    return there == wanted and all(_is_released(folder, lesson, section) for section in sections)


def _is_released(folder: Path, lesson: str, section: Section) -> bool:
    import nbformat

    from course.authoring.build import normalised

    try:
        made = normalised((folder / "release" / lesson / f"{section.name}.ipynb").read_bytes())
    except (OSError, UnicodeDecodeError, nbformat.ValidationError, nbformat.reader.NotJSONError):
        return False
    return nbformat.reads(made.decode(), as_version=4) == section.release


def _source_files(sections: Sequence[Section]) -> dict[str, bytes]:
    from course.authoring.build import notebook_bytes
    from course.authoring.dress_rehearsal import files_beside

    found = {f"{section.name}.ipynb": notebook_bytes(section.source) for section in sections}
    for section in sections:
        found |= files_beside(section.folder)
    return found


def write_source(folder: Path, lesson: str, sections: Sequence[Section]) -> None:
    """Put a lesson's sections, with the term's seeds, and the files beside them into `source/`."""
    target, new = folder / "source" / lesson, folder / "source" / f".{lesson}.new"
    shutil.rmtree(new, ignore_errors=True)
    for name, content in _source_files(sections).items():
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        write_private(new / name, content)
    old = folder / "source" / f".{lesson}.old"
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def release(folder: Path, lesson: str, sections: Sequence[Section]) -> None:
    """Let nbgrader make the release and the gradebook's assignment; raise when students would get something else.

    A term's release is the course's, byte for byte: seeds stand in hidden tests only.
    """
    nbgrader(folder, "generate_assignment", lesson, "--force")
    for section in sections:
        if not _is_released(folder, lesson, section):
            raise CourseError(f"{lesson}, {section.name}: the term's release is not the course's; run `course build`")


def nbgrader(folder: Path, *words: str) -> None:
    """Run one of nbgrader's commands in a term's folder; raise CourseError with its last lines when it fails."""
    # In a terminal of a hub's grader the settings name that grader's term; here this folder is meant.
    words = (*words, f"--CourseDirectory.root={folder.resolve()}")
    # nbgrader looks for `alembic` on PATH.
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *words],
        cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False, umask=0o077,
    )  # fmt: skip
    if done.returncode:
        raise CourseError(f"nbgrader {' '.join(words)} failed:\n{done.stderr[-3000:]}")


def fill_gradebook(folder: Path, plan: TermPlan, people: Sequence[Person]) -> Mapping[str, int]:
    """Write roster and due dates into the gradebook; return how many students are new, changed, or no longer listed.

    Nobody is taken out: who has left the course keeps what was graded.
    """
    import datetime

    from nbgrader.api import Gradebook, MissingEntry

    counts = {"new": 0, "changed": 0, "not on the roster": 0}
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", plan.course_id) as book:
        known = {student.id: (student.first_name, student.last_name, student.email) for student in book.students}
        for person in people:
            told = (person.first_name or None, person.last_name or None, person.email or None)
            if known.get(person.id) != told:
                counts["changed" if person.id in known else "new"] += 1
                book.update_or_create_student(person.id, first_name=told[0], last_name=told[1], email=told[2])
        counts["not on the roster"] = len(set(known) - {person.id for person in people})
        for lesson, due in plan.due.items():
            try:
                book.find_assignment(lesson)
            except MissingEntry:
                continue
            utc = due.astimezone(datetime.UTC).replace(tzinfo=None)  # as nbgrader keeps it
            book.update_or_create_assignment(lesson, duedate=utc)
    return counts
