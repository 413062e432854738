"""What was graded already, by content: nothing is run twice for the same answers, tests and limits.

The journal lies in the course's folder, `.grading/ASSIGNMENT/STUDENT.json`, one file a submission, replaced in one
step after its results are in and before they go to the gradebook. A kill at any moment therefore loses at most what
was running; what the journal has and the gradebook lacks is written at the next run without running anything.

It is the instructor's alone: it holds outputs of hidden tests and all students' results. It is readable by its owner
only, ignored by git, and lies where neither `release/` nor the exchange takes anything from.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from course.errors import CourseError
from course.grading.autograded import write_whole
from course.grading.gradebook import NotebookMarks
from course.grading.machinery import digest, machinery
from course.grading.names import changed_and_read
from course.grading.records import Cell, CellResult, Level, Limits, NotebookResult, Rebuilt
from course.grading.scores import Mark

FOLDER = ".grading"
VERSION = 1
LONGEST_NAME = 200


@dataclass(frozen=True)
class NotebookKey:
    """What a notebook's results depend on: for all cells, and for each tests cell beside that."""

    base: str
    tests: Mapping[str, str]
    answers: str  # of all the student wrote, words too: when it changes, a person looks again


@dataclass(frozen=True)
class KeptNotebook:
    """One notebook's results with the key that they hold for."""

    key: NotebookKey
    result: NotebookResult


@dataclass(frozen=True)
class Kept:
    """What is known of one submission."""

    received: str  # digest of what was handed in, byte for byte
    course: str  # digest of all that is not the student's
    notebooks: Mapping[str, KeptNotebook] = field(default_factory=dict)
    marks: Mapping[str, NotebookMarks] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


def key_of(rebuilt: Rebuilt, files: Mapping[str, bytes], limits: Limits, level: Level) -> NotebookKey:
    """Return what a notebook's results depend on.

    A change of the student's answers, our set-up, a file, a limit or the grader changes the base; a change of one
    tests cell changes that cell's part, and the part of later ones that read a name which it binds.
    """
    others = [(cell.name, cell.role, cell.source) for cell in rebuilt.cells if cell.role != "tests" and _runs(cell)]
    base = digest(
        machinery().digest,
        rebuilt.name,
        others,
        sorted(rebuilt.student_names),
        rebuilt.unreadable,
        sorted((name, hashlib.sha256(content).hexdigest()) for name, content in files.items()),
        asdict(limits),
        level,
    )
    tests: dict[str, str] = {}
    earlier: list[tuple[str, frozenset[str] | None]] = []  # digest and bound names; None: it may bind anything
    place = 0
    for cell in rebuilt.cells:
        if cell.role != "tests":
            place += _runs(cell)
            continue
        names = changed_and_read(cell.source)
        bound, read = names if names is not None else (None, None)
        needed = [
            other for other, others_bound in earlier if others_bound is None or read is None or others_bound & read
        ]
        tests[cell.name] = digest(place, cell.source, cell.points, cell.hint, needed)
        earlier.append((tests[cell.name], bound))
    answers = [(cell.name, cell.source) for cell in rebuilt.cells if cell.role in ("answer", "added", "written")]
    return NotebookKey(base, tests, digest(answers, rebuilt.unreadable))


def _runs(cell: Cell) -> bool:
    return cell.is_code and cell.role not in ("lab", "text")


def cells_to_run(key: NotebookKey, kept: KeptNotebook | None) -> frozenset[str] | None:
    """Return the tests cells that have to run: None means the whole notebook, an empty set nothing at all."""
    if kept is None or kept.key.base != key.base:
        return None
    return frozenset(
        name for name, part in key.tests.items() if kept.key.tests.get(name) != part or name not in kept.result.cells
    )


def merged(rebuilt: Rebuilt, kept: NotebookResult, new: NotebookResult | None) -> NotebookResult:
    """Return the results of a notebook of which only some tests cells ran again, in the notebook's order."""
    if new is None:
        new = NotebookResult(kept.name, level=kept.level, notes=kept.notes)
    found = {**kept.cells, **new.cells}
    cells = {cell.name: found[cell.name] for cell in rebuilt.cells if cell.name in found}
    notes = tuple(dict.fromkeys([*kept.notes, *new.notes]))
    return NotebookResult(rebuilt.name, cells, new.level, notes, new.seconds, new.cpu_seconds)


class Journal:
    """The journal of one assignment."""

    def __init__(self, root: Path, assignment: str) -> None:
        """Open it below a course's folder; nothing is written yet."""
        self._top = root / FOLDER
        self._folder = self._top / _file_name(assignment)

    @contextmanager
    def locked(self, wait_seconds: float = 0.0) -> Iterator[None]:
        """Hold the course for one run; raises `CourseError` when another run has it for longer. A kill lets go."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._top.chmod(0o700)
        ignore = self._top / ".gitignore"
        if not ignore.exists():
            write_whole(ignore, b"*\n")
        with (self._top / "lock").open("w") as stream:
            ends = time.monotonic() + wait_seconds
            while not _take(stream):
                if time.monotonic() >= ends:
                    raise CourseError(
                        f"another grading of {self._top.parent} is running; wait for its end, or end it and run this "
                        "again"
                    )
                time.sleep(0.1)
            yield

    def read(self, student: str) -> Kept | None:
        """Return what is known of a submission; None when that is nothing, or not of this version."""
        try:
            entry = json.loads((self._folder / f"{_file_name(student)}.json").read_bytes())
            return _kept(entry) if entry["version"] == VERSION else None
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def write(self, student: str, kept: Kept) -> None:
        """Keep what is known of a submission, in one step."""
        entry = {"version": VERSION, "student": student, **asdict(kept)}
        text = json.dumps(entry, sort_keys=False).encode()
        write_whole(self._folder / f"{_file_name(student)}.json", text, 0o600)


def _take(stream: IO[str]) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _file_name(name: str) -> str:
    safe = quote(name, safe="@+ ")
    return safe if len(safe) <= LONGEST_NAME else f"{safe[:100]}-{digest(name)[:32]}"


def _kept(entry: Mapping[str, Any]) -> Kept:
    return Kept(
        received=entry["received"],
        course=entry["course"],
        notebooks={
            name: KeptNotebook(NotebookKey(**kept["key"]), _result(kept["result"]))
            for name, kept in entry["notebooks"].items()
        },
        marks={
            name: NotebookMarks(
                marks["received"],
                {cell: Mark(**mark) for cell, mark in marks["grades"].items()},
                marks["comments"],
            )
            for name, marks in entry["marks"].items()
        },
        notes=tuple(entry["notes"]),
        unreadable=tuple(entry["unreadable"]),
    )


def _result(entry: Mapping[str, Any]) -> NotebookResult:
    cells = {name: CellResult(**{**cell, "outputs": tuple(cell["outputs"])}) for name, cell in entry["cells"].items()}
    return NotebookResult(**{**entry, "cells": cells, "notes": tuple(entry["notes"])})
