"""A class: everything submitted for an assignment, in parallel, and resumable after a kill at any moment.

Workers are processes; each takes one submission and returns its results as data. This process reads what was handed
in, keeps the journal, and is the only one that writes the gradebook. For a submission the order is: results into the
journal, notebooks into `autograded/`, marks into the gradebook, each whole or not at all. Whatever a kill leaves out
is made up for at the next run, from the journal, without running a cell again.
"""

from __future__ import annotations

import importlib
import os
import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from course.errors import CourseError
from course.grading.autograded import notebook_bytes, write_folder
from course.grading.course_directory import Course, Handed, find_handed, read_notebooks
from course.grading.gradebook import GradebookNotebook, NotebookMarks, OneWriter, StudentUnknown, Totals
from course.grading.journal import Journal, Kept, KeptNotebook, cells_to_run, key_of, merged
from course.grading.machinery import digest, machinery
from course.grading.pools import Backend, NotGraded, Pool, PoolLost, open_pool
from course.grading.records import Level, Limits, NotebookResult, Rebuilt
from course.grading.verdict import graded_notebook, marks_of

Status = Literal["graded", "unchanged", "could not be read", "could not be graded"]

#: Pieces of work handed out for each worker: enough that none waits, few enough that memory stays flat.
AHEAD = 2
#: Beyond what its notebooks may take, a submission's worker is given so many seconds before it is ended.
GRACE_SECONDS = 120.0


@dataclass(frozen=True)
class Rooms:
    """The other rooms of the grader, as this one calls them: by name, so that a worker finds them itself."""

    read_submission: str = "course.grading.reading:read_submission"
    extra_files: str = "course.grading.reading:extra_files"
    rebuild: str = "course.grading.rebuild:rebuild"
    grade_notebook: str = "course.grading.grader:grade_notebook"

    def enter(self, room: str) -> Callable[..., Any]:
        """Return a room's function."""
        module, _, name = getattr(self, room).partition(":")
        return getattr(importlib.import_module(module), name)


@dataclass(frozen=True)
class Choices:
    """How a class is graded."""

    limits: Limits = field(default_factory=Limits)
    level: Level = "A"
    jobs: int = 0  # workers; 0: one a core, or all of a cluster
    force: bool = False  # run everything again, whatever the journal knows
    backend: Backend = "loky"
    scheduler: str = ""  # a Dask scheduler's address
    wait_seconds: float = 0.0  # for another grading of this course to end


@dataclass
class Entry:
    """One line of the report: what became of a submission."""

    student: str
    status: Status
    score: float | None = None
    max_score: float | None = None
    needs_person: bool = False
    notes: tuple[str, ...] = ()
    reason: str = ""  # why it could not be read or graded
    seconds: float = 0.0
    level: str = ""
    late_penalty: float = 0.0
    executed_notebooks: int = 0
    executed_tests: int = 0


@dataclass
class Report:
    """What became of a class."""

    assignment: str
    entries: list[Entry] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def executed_notebooks(self) -> int:
        """How many notebooks ran, whole or in part."""
        return sum(entry.executed_notebooks for entry in self.entries)

    @property
    def executed_tests(self) -> int:
        """How many tests cells ran."""
        return sum(entry.executed_tests for entry in self.entries)

    @property
    def all_have_a_verdict(self) -> bool:
        """Whether no submission was left without one."""
        return all(entry.status != "could not be graded" for entry in self.entries)


@dataclass(frozen=True)
class OurNotebooks:
    """What a worker needs to know of the assignment, the same for every submission."""

    source: Mapping[str, Mapping[str, Any]]
    release: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, bytes]  # what lies beside the released notebooks
    limits: Limits
    level: Level
    rooms: Rooms


@dataclass(frozen=True)
class Work:
    """One submission on its way to a worker."""

    received: Mapping[str, Any]  # by notebook, as `read_submission` gives it; missing ones are left out
    files: Mapping[str, bytes]  # the student's own, beside the notebooks
    kept: Mapping[str, KeptNotebook]  # what need not run again if its key holds


@dataclass(frozen=True)
class GradedNotebook:
    """What a worker returns for one notebook."""

    rebuilt: Rebuilt
    kept: KeptNotebook
    executed: bool
    executed_tests: int


def grade_submission(ours: bytes, work: Work) -> dict[str, GradedNotebook]:
    """Rebuild and grade the notebooks of one submission; runs in a worker, data in and data out.

    `ours` is a pickled `OurNotebooks`: bytes travel at no cost, and a worker opens them once.
    """
    our = _opened(ours)
    rebuild, grade = our.rooms.enter("rebuild"), None
    graded = {}
    for name, received in work.received.items():
        rebuilt: Rebuilt = rebuild(name, our.source[name], our.release[name], received)
        key = key_of(rebuilt, {**work.files, **our.files}, our.limits, our.level)
        kept = work.kept.get(name)
        only = cells_to_run(key, kept)
        new = None
        executed = not rebuilt.unreadable and (only is None or bool(only))
        if executed:
            grade = grade or our.rooms.enter("grade_notebook")
            new = grade(
                rebuilt, files=work.files, course_files=our.files, limits=our.limits, level=our.level, only=only
            )
        elif only is None:
            new = NotebookResult(name, level=our.level, notes=rebuilt.notes)  # unreadable: there is nothing to run
        result = new if only is None or kept is None else merged(rebuilt, kept.result, new)
        assert result is not None
        ran = (key.tests if only is None else only) if executed else ()
        graded[name] = GradedNotebook(rebuilt, KeptNotebook(key, result), executed, len(ran))
    return graded


@lru_cache(maxsize=2)
def _opened(ours: bytes) -> OurNotebooks:
    return pickle.loads(ours)


def grade_class(
    course: Course,
    assignment: str,
    students: Iterable[str] = (),
    choices: Choices | None = None,
    *,
    rooms: Rooms | None = None,
    watch: Callable[[int, int, Entry], None] = lambda done, total, entry: None,
) -> Report:
    """Grade what was submitted for an assignment, and write gradebook and `autograded/`.

    `students` are names or globs, none means all. `watch` is told how many are done, of how many, and the newest
    entry. What was graded before and has not changed since is not run again. Raises `CourseError` when the class
    cannot be graded at all; what happens to one submission stands in its entry.
    """
    choices, rooms = choices or Choices(), rooms or Rooms()
    began = time.monotonic()
    run = _Run(course, assignment, choices, rooms)
    handed = find_handed(course, assignment, students)
    report = Report(assignment)
    with run.opened():
        for entry in run.entries(handed):
            report.entries.append(entry)
            watch(len(report.entries), len(handed), entry)
    report.entries.sort(key=lambda entry: entry.student)
    report.seconds = time.monotonic() - began
    return report


@dataclass
class _Waiting:
    """A submission whose results are on their way."""

    handed: Handed
    work: Work
    received: str  # its digest
    missing: tuple[str, ...]
    notes: tuple[str, ...]


class _Run:
    """One grading of one assignment."""

    def __init__(self, course: Course, assignment: str, choices: Choices, rooms: Rooms) -> None:
        self._course, self._assignment, self._choices, self._rooms = course, assignment, choices, rooms
        self._source = read_notebooks(course, "source", assignment)
        self._release = read_notebooks(course, "release", assignment)
        self._journal = Journal(course.root, assignment)
        self._pool: Pool | None = None

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the course, the gradebook and the workers for the run."""
        course = self._course
        writer = OneWriter(
            course.db_url,
            self._assignment,
            late_penalties=course.late_penalties,
            create_student=course.create_student,
        )
        with writer, self._journal.locked(self._choices.wait_seconds):
            self._writer = writer
            check_agreement(writer.notebooks, self._source, self._release, self._assignment)
            self._course_files = self._given_out()
            limits, level = self._choices.limits, self._choices.level
            self._ours = pickle.dumps(
                OurNotebooks(self._source, self._release, self._course_files, limits, level, self._rooms)
            )
            self._ours_digest = digest(
                self._source,
                self._release,
                sorted((name, digest(content)) for name, content in self._course_files.items()),
                asdict(limits),
                level,
                known_digest(writer.notebooks),
                machinery().digest,
            )
            try:
                yield
            finally:
                if self._pool is not None:
                    self._pool.close()

    def _given_out(self) -> dict[str, bytes]:
        """Return the files beside the released notebooks, but for those of which the student's version counts."""
        released = self._course.place("release", ".", self._assignment)
        own = set(self._course.exclude_overwriting.get(self._assignment, ()))
        return {
            file.path: file.content
            for file in self._rooms.enter("extra_files")(released, released).files
            if file.path not in own and not self._course.is_ignored(file.path)
        }

    # --- The flow of submissions ----------------------------------------------------------------------------

    def entries(self, handed: Iterable[Handed]) -> Iterator[Entry]:
        """Give an entry for each submission, as they are done."""
        running: dict[Future[Any], _Waiting] = {}
        alone: list[_Waiting] = []
        queue = iter(handed)
        more = True
        while more or running:
            while more and len(running) < AHEAD * self._width():
                one = next(queue, None)
                if one is None:
                    more = False
                    break
                ready = self._prepare(one)
                if isinstance(ready, Entry):
                    yield ready
                else:
                    future = self._hand_out(ready, running, alone)
                    if future is not None:
                        running[future] = ready
            if not running:
                continue
            timeout = None if self._workers().looks_after_itself else self._patience()
            done, _ = wait(running, timeout=timeout, return_when=FIRST_COMPLETED)
            if not done:  # nothing moves any more: end it, and see who it was
                self._break(running, alone)
            for future in done:
                if future not in running:
                    continue
                error = future.exception()
                if error is None:
                    yield self._finish(running.pop(future), future.result())
                elif isinstance(error, PoolLost):
                    raise error
                elif self._workers().died(error):
                    self._break(running, alone)
                else:
                    yield _failed_for(running.pop(future).handed, error)
        for waiting in alone:
            yield self._try_alone(waiting)

    def _hand_out(
        self, waiting: _Waiting, running: dict[Future[Any], _Waiting], alone: list[_Waiting]
    ) -> Future[Any] | None:
        try:
            return self._workers().submit(grade_submission, self._ours, waiting.work)
        except Exception as error:
            if not self._workers().died(error):
                raise
            self._break(running, alone)  # a worker died since the last look
            return self._workers().submit(grade_submission, self._ours, waiting.work)

    def _workers(self) -> Pool:
        if self._pool is None:
            choices = self._choices
            self._pool = open_pool(choices.backend, choices.jobs, choices.scheduler, choices.level, self._patience())
        return self._pool

    def _width(self) -> int:
        return 1 if self._pool is None else self._pool.width()

    def _break(self, running: dict[Future[Any], _Waiting], alone: list[_Waiting]) -> None:
        """Put aside what was running when a worker died: it is not known whose it was, so each is tried alone."""
        finished = {
            future: waiting for future, waiting in running.items() if future.done() and future.exception() is None
        }
        alone += [waiting for future, waiting in running.items() if future not in finished]
        running.clear()
        running.update(finished)
        self._workers().renew()

    def _try_alone(self, waiting: _Waiting) -> Entry:
        pool = self._workers()
        future = pool.submit(grade_submission, self._ours, waiting.work)
        try:
            return self._finish(waiting, future.result(timeout=self._patience()))
        except TimeoutError:
            pool.renew()
            return _failed(waiting.handed, "its worker did not end in time, twice")
        except CourseError:
            raise
        except Exception as error:
            if not pool.died(error):
                return _failed_for(waiting.handed, error)
            pool.renew()
            return _failed(waiting.handed, "its worker died, twice")

    def _patience(self) -> float:
        return len(self._source) * self._choices.limits.notebook_seconds + GRACE_SECONDS

    # --- One submission -------------------------------------------------------------------------------------

    def _prepare(self, handed: Handed) -> Entry | _Waiting:
        """Read what was handed in; give its entry at once when it is known already."""
        try:
            waiting = self._read(handed)
        except OSError as error:
            return _failed(handed, f"it cannot be read from {handed.folder}: {error}")
        kept = None if self._choices.force else self._journal.read(handed.student)
        if kept is None:
            return waiting
        if kept.received == waiting.received and kept.course == self._ours_digest:
            totals = self._writer.holds(handed.student, handed.timestamp, kept.marks)
            if totals is not None and self._has_notebooks(handed, kept):
                return _entry(handed, "unchanged", kept, totals)
        waiting.work = Work(waiting.work.received, waiting.work.files, kept.notebooks)
        return waiting

    def _read(self, handed: Handed) -> _Waiting:
        names = sorted(self._source)
        received = self._rooms.enter("read_submission")(handed.folder, names)
        files, notes = self._files(handed)
        missing = missing_notebooks(received, handed.folder)
        taken = {name: received[name] for name in names if name not in missing}
        seen = digest(
            [(name, one.raw is None, one.reason, one.notes) for name, one in received.items()],
            *(one.raw for one in taken.values() if one.raw is not None),
            *(part for name, content in sorted(files.items()) for part in (name, content)),
            list(missing),
            handed.timestamp_text,
        )
        notes = (*handed.notes, *notes, *(f"{name}.ipynb was not handed in." for name in missing))
        return _Waiting(handed, Work(taken, files, {}), seen, missing, notes)

    def _files(self, handed: Handed) -> tuple[dict[str, bytes], tuple[str, ...]]:
        """Return the student's own files: those that the release has not, or leaves to the student."""
        extra_files = self._rooms.enter("extra_files")
        extras = extra_files(handed.folder, self._course.place("release", ".", self._assignment))
        files = {file.path: file.content for file in extras.files if not file.ours}
        own = set(self._course.exclude_overwriting.get(self._assignment, ()))
        if own:
            files |= {file.path: file.content for file in extra_files(handed.folder).files if file.path in own}
        return {name: content for name, content in files.items() if not self._course.is_ignored(name)}, extras.notes

    def _has_notebooks(self, handed: Handed, kept: Kept) -> bool:
        folder = self._course.place("autograded", handed.student, self._assignment)
        return all((folder / f"{name}.ipynb").is_file() for name, marks in kept.marks.items() if marks.received)

    def _is_new(self, now: KeptNotebook, before: KeptNotebook | None) -> bool:
        return self._choices.force or before is None or before.key.answers != now.key.answers

    def _finish(self, waiting: _Waiting, graded: Mapping[str, GradedNotebook]) -> Entry:
        """Write a submission's results: journal, then notebooks, then gradebook."""
        handed = waiting.handed
        marks = {name: NotebookMarks(received=False) for name in waiting.missing}
        contents: dict[str, bytes] = {**waiting.work.files, **self._course_files}
        notes = list(waiting.notes)
        for name, one in graded.items():
            known = self._writer.notebooks[name]
            marks[name] = marks_of(known, one.rebuilt, one.kept.result)
            told = [*one.rebuilt.notes, *one.kept.result.notes]
            notes += [f"{name}: {note}" for note in dict.fromkeys(told)]
            notes += [f"{name}: {mark.reason}" for mark in marks[name].grades.values() if mark.reason]
            notebook = graded_notebook(known, one.rebuilt, one.kept.result, marks[name], [*told, *waiting.notes])
            contents[f"{name}.ipynb"] = notebook_bytes(notebook)
        if handed.timestamp_text:
            contents["timestamp.txt"] = handed.timestamp_text.encode()
        kept = Kept(
            received=waiting.received,
            course=self._ours_digest,
            notebooks={name: one.kept for name, one in graded.items()},
            marks=marks,
            notes=tuple(dict.fromkeys(notes)),
            unreadable=tuple(
                f"{name}: {one.rebuilt.unreadable}" for name, one in graded.items() if one.rebuilt.unreadable
            ),
        )
        try:
            self._journal.write(handed.student, kept)
            write_folder(
                self._course.place("autograded", handed.student, self._assignment),
                contents,
                permissions=self._course.permissions,
                group_shared=self._course.directory.groupshared,
            )
            afresh = {name for name, one in graded.items() if self._is_new(one.kept, waiting.work.kept.get(name))}
            totals = self._writer.record(handed.student, handed.timestamp, marks, afresh)
        except (StudentUnknown, OSError, ValueError) as error:
            return _failed(handed, str(error))
        entry = _entry(handed, "graded", kept, totals)
        entry.seconds = sum(one.kept.result.seconds for one in graded.values() if one.executed)
        entry.executed_notebooks = sum(one.executed for one in graded.values())
        entry.executed_tests = sum(one.executed_tests for one in graded.values())
        return entry


def _entry(handed: Handed, status: Status, kept: Kept, totals: Totals) -> Entry:
    if kept.unreadable and len(kept.unreadable) == len(kept.notebooks):
        status = "could not be read"
    return Entry(
        student=handed.student,
        status=status,
        score=totals.score,
        max_score=totals.max_score,
        needs_person=totals.needs_person,
        notes=kept.notes,
        reason="; ".join(kept.unreadable),
        level=max((one.result.level for one in kept.notebooks.values()), default=""),  # the weakest counts
        late_penalty=totals.late_penalty,
    )


def _failed(handed: Handed, reason: str) -> Entry:
    return Entry(handed.student, "could not be graded", reason=reason, needs_person=True, notes=handed.notes)


def _failed_for(handed: Handed, error: BaseException) -> Entry:
    return _failed(handed, str(error) if isinstance(error, NotGraded) else f"{type(error).__name__}: {error}")


def missing_notebooks(received: Mapping[str, Any], folder: Path) -> tuple[str, ...]:
    """Return the notebooks that were plainly not handed in: they earn 0, as in nbgrader.

    When a submission has no notebook at all, or one that is there could not be taken, nothing is plain: then each
    notebook without bytes goes to `rebuild`, which gives the reason, and a person looks.
    """
    without = [name for name, one in received.items() if one.raw is None]
    if len(without) == len(received):
        return ()
    ours = {f"{name}.ipynb" for name, one in received.items() if one.raw is not None}
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if any(".ipynb" in name.lower() and name not in ours for name in [*folders, *files]):
            return ()
    return tuple(without)


def known_digest(notebooks: Mapping[str, GradebookNotebook]) -> str:
    """Return a digest of what the gradebook knows of an assignment that marks depend on."""
    return digest(
        [
            (name, cell.name, cell.kind, cell.max_score, cell.checksum)
            for name, notebook in sorted(notebooks.items())
            for cell in notebook.cells.values()
        ]
    )


def check_agreement(
    known: Mapping[str, GradebookNotebook],
    source: Mapping[str, Any],
    release: Mapping[str, Any],
    assignment: str,
) -> None:
    """Raise `CourseError` when source, release and gradebook are not of the same assignment."""
    again = f"release it again: `nbgrader generate_assignment {assignment} --force`"
    for where, there in (("release", release), ("the gradebook", known)):
        lacking = sorted(set(source) ^ set(there))
        if lacking:
            raise CourseError(f"source and {where} do not have the same notebooks ({', '.join(lacking)}); {again}")
    for name, notebook in source.items():
        points = {}
        for cell in notebook["cells"]:
            settings = cell.get("metadata", {}).get("nbgrader", {})
            if settings.get("grade") or settings.get("task"):
                points[settings.get("grade_id")] = float(settings.get("points", 0))
        expected = {cell.name: cell.max_score for cell in known[name].cells.values() if cell.grade_cell}
        if points != expected:
            differing = sorted(str(cell) for cell in {*points, *expected} if points.get(cell) != expected.get(cell))
            raise CourseError(
                f"the source of {name} and the gradebook have different points for {', '.join(differing)}; {again}"
            )
