"""An nbgrader course directory as the grader needs it: where things lie, what was released, what came in.

Any course of nbgrader is meant, ours is one of them: paths, names and options are read by nbgrader's own classes from
the same configuration files. What a person can mend is a `CourseError` that says how.
"""

from __future__ import annotations

import datetime
import difflib
import fnmatch
import glob
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from course.errors import CourseError

#: A time stamp is one line; what is longer is something else.
TIMESTAMP_BYTES = 200


@dataclass(frozen=True)
class Handed:
    """One submission as it lies in `submitted/`."""

    student: str
    folder: Path
    timestamp: datetime.datetime | None  # UTC, without a zone, as nbgrader stores it
    timestamp_text: str = ""  # what `autograded/…/timestamp.txt` shall say
    notes: tuple[str, ...] = ()


@dataclass
class Course:
    """A course directory, with nbgrader's configuration of it."""

    root: Path
    directory: Any  # nbgrader.coursedir.CourseDirectory
    late_penalties: Any = None  # nbgrader's preprocessor that knows the plugin, or None when it is switched off
    create_student: bool = True
    exclude_overwriting: Mapping[str, Sequence[str]] = field(default_factory=dict)
    permissions: int = 0o444  # of files in autograded/

    @property
    def db_url(self) -> str:
        """Where the gradebook is."""
        return self.directory.db_url

    def place(self, step: str, student: str, assignment: str) -> Path:
        """Return the folder of a step: `submitted`, `autograded`, `source` or `release`."""
        name = getattr(self.directory, f"{step}_directory")
        return Path(os.path.normpath(self.directory.format_path(name, student, assignment)))

    def is_ignored(self, name: str) -> bool:
        """Whether nbgrader leaves a file out, by `CourseDirectory.ignore`: any part of its path may say so."""
        return any(
            fnmatch.fnmatchcase(part, pattern)
            for part in PurePosixPath(name).parts
            for pattern in self.directory.ignore
        )


def open_course(root: Path | None = None) -> Course:
    """Read a course directory's configuration as nbgrader does; without `root`, from where the command was called.

    Raises `CourseError` when the folder is no course directory or its configuration cannot be read.
    """
    if root is not None and not root.is_dir():
        raise CourseError(f"{root} is no folder; --course-dir names the folder with nbgrader_config.py and source/")
    from nbgrader.apps import AutogradeApp  # late: nbgrader takes seconds to import

    app = AutogradeApp()
    app.log_level = "ERROR"  # its warnings speak of files it did not find on its way here
    app.raise_config_file_errors = True
    app.load_cwd_config = root is None
    words = [] if root is None else [f"--CourseDirectory.root={root.resolve()}"]
    try:
        app.initialize(words)
    except (Exception, SystemExit) as error:
        where = root or Path.cwd()
        raise CourseError(f"nbgrader_config.py in {where} cannot be read: {type(error).__name__}: {error}") from error
    directory = app.coursedir
    found = Path(directory.root)
    if not (found / "nbgrader_config.py").is_file() and not (found / directory.source_directory).is_dir():
        raise CourseError(
            f"{found} is no course directory: it has neither nbgrader_config.py nor {directory.source_directory}/; "
            "go to the course's folder or name it with --course-dir"
        )
    from nbgrader.converters import Autograde

    return course_of(Autograde(coursedir=directory, parent=app))


def course_of(converter: Any) -> Course:
    """Return the course that one of nbgrader's `Autograde` converters works in, with the options it was given."""
    from nbgrader.preprocessors import AssignLatePenalties
    from traitlets.utils.importstring import import_item

    late = None
    for entry in converter.autograde_preprocessors:
        kind = import_item(entry) if isinstance(entry, str) else entry
        if isinstance(kind, type) and issubclass(kind, AssignLatePenalties):
            late = kind(parent=converter)
            late.init_plugin()
            late = late if late.enabled else None
            break
    return Course(
        root=Path(converter.coursedir.root),
        directory=converter.coursedir,
        late_penalties=late,
        create_student=converter.create_student,
        exclude_overwriting=converter.exclude_overwriting,
        permissions=int(str(converter.permissions), 8),
    )


def assignments(course: Course) -> list[str]:
    """Return the names of the assignments that have a source folder."""
    return sorted({path.name for path in _matches(course, "source", ".", "*")})


def read_notebooks(course: Course, step: str, assignment: str) -> dict[str, dict[str, Any]]:
    """Return the notebooks of our own `source` or `release` of an assignment by name, as parsed JSON.

    Raises `CourseError` when there is no such assignment, it was never released, or a file is no notebook.
    """
    folder = course.place(step, ".", assignment)
    files = sorted(folder.glob("*.ipynb"))
    if not files:
        there = assignments(course)
        if assignment not in there:
            near = difflib.get_close_matches(assignment, there, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise CourseError(
                f"there is no assignment {assignment!r} in {course.root}{hint}; there are: {', '.join(there) or 'none'}"
            )
        raise CourseError(
            f"{folder} has no notebooks: release the assignment first, `nbgrader generate_assignment {assignment}`"
        )
    notebooks = {}
    for file in files:
        try:
            notebook = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise CourseError(f"{file} is no notebook: {error}") from error
        if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
            raise CourseError(f"{file} is no notebook of version 4: it has no list of cells")
        notebooks[file.stem] = notebook
    return notebooks


def find_handed(course: Course, assignment: str, students: Iterable[str] = ()) -> list[Handed]:
    """Return what was submitted for an assignment, by student; `students` are names or globs, none means all.

    Raises `CourseError` when a named student has handed in nothing.
    """
    excluded = set(filter(None, course.directory.student_id_exclude.split(",")))
    pattern = course.directory.format_path(
        course.directory.submitted_directory, "(?P<student>.*)", re.escape(assignment), escape=True
    )
    found = {}
    for folder in _matches(course, "submitted", "*", glob.escape(assignment)):
        match = re.fullmatch(pattern, str(folder))
        if match and folder.is_dir() and match["student"] not in excluded:
            found[match["student"]] = folder
    wanted = list(students) or [course.directory.student_id]
    names: list[str] = []
    for word in wanted:
        matched = [word] if word in found else fnmatch.filter(found, word)
        if not matched and students:
            near = difflib.get_close_matches(word, found, 3)
            hint = f"; near it: {', '.join(near)}" if near else ""
            raise CourseError(f"student {word!r} has submitted nothing for {assignment!r}{hint}")
        names += matched
    return [_handed(name, found[name]) for name in sorted(set(names))]


def _matches(course: Course, step: str, student: str, assignment: str) -> Iterator[Path]:
    directory = course.directory
    name = getattr(directory, f"{step}_directory")
    place = directory.format_path(name, student, assignment)
    if not Path(directory.directory_structure).is_absolute():
        place = os.path.join(glob.escape(directory.root), os.path.relpath(place, directory.root))  # noqa: PTH118
    yield from sorted(Path(os.path.normpath(path)) for path in glob.glob(place))  # noqa: PTH207 - nbgrader's globs


def _handed(student: str, folder: Path) -> Handed:
    text = read_small_file(folder / "timestamp.txt", TIMESTAMP_BYTES)
    if text is None or not text.strip():
        return Handed(student, folder, None)
    from nbgrader.utils import parse_utc

    words = text.decode("utf-8", errors="replace").lstrip("\ufeff").strip()
    try:
        return Handed(student, folder, parse_utc(words), words)
    except (ValueError, OverflowError, TypeError):
        return Handed(student, folder, None, notes=(f"timestamp.txt says {words[:40]!r}, which is no time: left out",))


def read_small_file(path: Path, most: int) -> bytes | None:
    """Return a file's bytes; None when it is missing, no regular file, a link, or longer than `most` bytes.

    A student may have put a pipe or a link there: it is neither followed nor waited for.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(number, "rb") as stream:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return None
        content = stream.read(most + 1)
    return content if len(content) <= most else None
