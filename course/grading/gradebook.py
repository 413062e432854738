"""The one writer: what a submission earned goes into nbgrader's gradebook in one transaction.

nbgrader's own API opens the database, inspects it and creates tables at each step and commits each cell. Here one
process holds one session for a whole class and writes the same rows of `nbgrader.api`, so that formgrader, feedback
and export find what they always found: a submission is there whole, or as it was before.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from course.errors import CourseError
from course.grading.scores import Mark

Kind = Literal["tests", "written", "read", "task", "answer"]

#: How long to wait for a gradebook that somebody else writes, in seconds; and how often.
LOCK_SECONDS = 20.0
LOCK_TRIES = 3

NO_RESPONSE = "No response."


@dataclass(frozen=True)
class GradebookCell:
    """A cell of an assignment as the gradebook knows it."""

    name: str
    kind: Kind  # read: a locked text with points; answer: earns nothing itself
    max_score: float
    checksum: str | None  # of the cell as it was released: an answer that still has it was not touched
    grade_cell: str | None  # row that grades hang on
    comment_cell: str | None  # row that comments hang on


@dataclass(frozen=True)
class GradebookNotebook:
    """A notebook of an assignment as the gradebook knows it."""

    name: str
    row: str
    kernelspec: Mapping[str, Any] | None
    cells: Mapping[str, GradebookCell]

    @property
    def max_score(self) -> float:
        """The most it can earn, by machine and by hand."""
        return sum(cell.max_score for cell in self.cells.values())


@dataclass(frozen=True)
class NotebookMarks:
    """What is written for one notebook of a submission."""

    received: bool  # False: it was not handed in, and earns 0 as in nbgrader
    grades: Mapping[str, Mark] = field(default_factory=dict)
    comments: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Totals:
    """What the gradebook says about a submission."""

    score: float  # after the late penalty, as `nbgrader export` has it
    max_score: float
    late_penalty: float
    needs_person: bool


class StudentUnknown(CourseError):
    """A student whom the gradebook does not know, in a course that creates none by itself."""


class OneWriter:
    """The gradebook of one assignment, open for one run. Use it as a context manager."""

    def __init__(
        self, db_url: str, assignment: str, *, late_penalties: Any = None, create_student: bool = True
    ) -> None:
        """Open the gradebook; raises `CourseError` when it is missing, old, or does not know the assignment."""
        import sqlalchemy as sa  # late, like nbgrader: `course` answers before these are loaded
        from nbgrader import api
        from sqlalchemy.orm import Session

        self._sa, self._api = sa, api
        self._late_penalties = late_penalties
        self._create_student = create_student
        self._name = assignment
        url = sa.engine.make_url(db_url)
        released = f"release the assignment first: `nbgrader generate_assignment {assignment}`"
        is_sqlite = url.get_backend_name() == "sqlite"
        if is_sqlite and url.database and not Path(url.database).is_file():
            raise CourseError(f"there is no gradebook at {url.database}; {released}")
        self._engine = sa.create_engine(db_url, connect_args={"timeout": LOCK_SECONDS} if is_sqlite else {})
        try:
            with self._patiently():
                self._check_schema(db_url)
            self._session = Session(self._engine, autoflush=False)
            with self._patiently():
                found = self._session.scalars(
                    sa.select(api.Assignment).where(api.Assignment.name == assignment)
                ).one_or_none()
                if found is None:
                    raise CourseError(f"the gradebook knows no assignment {assignment!r}; {released}")
                self._row = found.id
                self.notebooks = {notebook.name: self._read_notebook(notebook) for notebook in found.notebooks}
            self._session.rollback()
        except BaseException:
            self._engine.dispose()
            raise
        if not self.notebooks:
            self.close()
            raise CourseError(f"the gradebook knows no notebook of {assignment!r}; {released}")

    def __enter__(self) -> OneWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the gradebook."""
        self._session.close()
        self._engine.dispose()

    # --- What the gradebook knows ---------------------------------------------------------------------------

    def _check_schema(self, db_url: str) -> None:
        inspector = self._sa.inspect(self._engine)
        tables = set(inspector.get_table_names())
        missing = [
            f"{table.name}.{column.name}"
            for table in self._api.Base.metadata.sorted_tables
            for column in table.columns
            if table.name not in tables or column.name not in _column_names(inspector, table.name)
        ]
        if missing:
            raise CourseError(
                f"the gradebook {db_url} is of an older nbgrader (it lacks {', '.join(missing[:3])}): "
                "make a copy of it, then run `nbgrader db upgrade`"
            )

    def _read_notebook(self, notebook: Any) -> GradebookNotebook:
        checksums = {cell.name: cell.checksum for cell in notebook.source_cells}
        graded = {cell.name: cell for cell in notebook.grade_cells}
        tasks = {cell.name: cell for cell in notebook.task_cells}
        answers = {cell.name: cell for cell in notebook.solution_cells}
        cells = {}
        for name in [*graded, *tasks, *answers]:
            grade = graded.get(name) or tasks.get(name)
            answer = answers.get(name) or tasks.get(name)
            kind: Kind = (
                "task"
                if name in tasks
                else "answer"
                if grade is None
                else "written"
                if name in answers
                else "tests"
                if grade.cell_type == "code"
                else "read"
            )
            cells[name] = GradebookCell(
                name=name,
                kind=kind,
                max_score=float(grade.max_score) if grade is not None else 0.0,
                checksum=checksums.get(name),
                grade_cell=grade.id if grade is not None else None,
                comment_cell=answer.id if answer is not None else None,
            )
        kernelspec = json.loads(notebook.kernelspec) if notebook.kernelspec else None
        return GradebookNotebook(notebook.name, notebook.id, kernelspec, cells)

    @property
    def max_score(self) -> float:
        """The most the assignment can earn."""
        return sum(notebook.max_score for notebook in self.notebooks.values())

    def holds(
        self, student: str, timestamp: datetime.datetime | None, marks: Mapping[str, NotebookMarks]
    ) -> Totals | None:
        """Return what stands in the gradebook when it is what `marks` say, else None.

        Only the machine's part is compared: a person's marks and comments are nobody else's business. Of a
        submission that stands, a late penalty is brought up to date: the due date may have been moved since.
        """
        with self._patiently():
            try:
                submission = self._submission(student)
                if submission is None or (timestamp is not None and submission.timestamp != timestamp):
                    return None
                for name, notebook, grades, comments in self._rows(submission):
                    wanted = marks.get(name)
                    if wanted is None or not self._agree(self.notebooks[name], wanted, grades, comments):
                        return None
                    if wanted.received:
                        self._penalise(submission, notebook)
                totals = self._totals(submission)
                self._session.commit()
                return totals
            finally:
                self._session.rollback()
                self._session.expunge_all()

    def _agree(
        self,
        known: GradebookNotebook,
        wanted: NotebookMarks,
        grades: Mapping[str, Any],
        comments: Mapping[str, Any],
    ) -> bool:
        for cell in known.cells.values():
            grade = grades.get(cell.grade_cell or "")
            if cell.grade_cell and grade is None:
                return False
            if not wanted.received:
                if grade is not None and grade.auto_score != 0:
                    return False
                continue
            mark = wanted.grades.get(cell.name)
            if grade is not None and mark is not None and grade.auto_score != mark.auto_score:
                return False
            comment = comments.get(cell.comment_cell or "")
            if cell.comment_cell and (comment is None or comment.auto_comment != wanted.comments.get(cell.name)):
                return False
        return True

    # --- Writing --------------------------------------------------------------------------------------------

    def record(
        self,
        student: str,
        timestamp: datetime.datetime | None,
        marks: Mapping[str, NotebookMarks],
        afresh: Container[str] | None = None,
    ) -> Totals:
        """Write what a submission earned, all of it or nothing; return what the gradebook says then.

        A person's marks stay. In the notebooks named in `afresh` (None: in all) their cells ask for a person again,
        as after `nbgrader autograde`; in the others only where the machine's score has changed. Raises `CourseError`
        when the gradebook stays locked or the student may not be created.
        """
        for left in reversed(range(LOCK_TRIES)):
            try:
                return self._record(student, timestamp, marks, afresh)
            except self._sa.exc.OperationalError as error:
                if "locked" not in str(error) or not left:
                    raise self._explained(error) from error
                time.sleep(0.2)
            finally:
                self._session.rollback()
                self._session.expunge_all()
        raise AssertionError("the last try returns or raises")

    def _record(
        self,
        student: str,
        timestamp: datetime.datetime | None,
        marks: Mapping[str, NotebookMarks],
        afresh: Container[str] | None,
    ) -> Totals:
        submission = self._submission(student) or self._new_submission(student)
        if timestamp is not None:
            submission.timestamp = timestamp
        self._session.flush()
        rows = list(self._rows(submission))
        for name, _, grades, comments in rows:
            if name in marks:
                again = afresh is None or name in afresh
                self._write(self.notebooks[name], marks[name], grades, comments, again)
        self._session.flush()
        for name, notebook, _, _ in rows:
            if name in marks and marks[name].received:
                self._penalise(submission, notebook)
        self._session.flush()
        totals = self._totals(submission)
        self._session.commit()
        return totals

    def _write(
        self,
        known: GradebookNotebook,
        marks: NotebookMarks,
        grades: Mapping[str, Any],
        comments: Mapping[str, Any],
        again: bool,
    ) -> None:
        for cell in known.cells.values():
            grade = grades.get(cell.grade_cell or "")
            comment = comments.get(cell.comment_cell or "")
            if not marks.received:
                if grade is not None:
                    grade.auto_score, grade.needs_manual_grade = 0, False
                continue
            mark = marks.grades.get(cell.name)
            if grade is not None and mark is not None:
                by_hand = grade.manual_score is not None
                if not by_hand or again or grade.auto_score != mark.auto_score:
                    grade.needs_manual_grade = mark.needs_person or mark.auto_score is None or by_hand
                grade.auto_score = mark.auto_score
            if comment is not None:
                comment.auto_comment = marks.comments.get(cell.name)

    def _new_submission(self, student: str) -> Any:
        if self._session.get(self._api.Student, student) is None:
            if not self._create_student:
                raise StudentUnknown(
                    f"the gradebook knows no student {student!r}, and c.Autograde.create_student is False: "
                    f"`nbgrader db student add {student}`"
                )
            self._session.add(self._api.Student(id=student))
        submission = self._api.SubmittedAssignment(assignment_id=self._row, student_id=student)
        self._session.add(submission)
        return submission

    def _submission(self, student: str) -> Any:
        table = self._api.SubmittedAssignment
        return self._session.scalars(
            self._sa.select(table).where(table.assignment_id == self._row, table.student_id == student)
        ).one_or_none()

    def _rows(self, submission: Any) -> Iterator[tuple[str, Any, dict[str, Any], dict[str, Any]]]:
        """Give name, row, grades and comments of each notebook, grades and comments by the row they hang on.

        What a submission lacks is added: nbgrader cannot add cells to an assignment with submissions, but an import
        of a gradebook can.
        """
        api, select = self._api, self._sa.select
        notebooks = {
            row.notebook_id: row
            for row in self._session.scalars(
                select(api.SubmittedNotebook).where(api.SubmittedNotebook.assignment_id == submission.id)
            )
        }
        for known in self.notebooks.values():
            if known.row not in notebooks:
                notebooks[known.row] = api.SubmittedNotebook(notebook_id=known.row, assignment_id=submission.id)
                self._session.add(notebooks[known.row])
        self._session.flush()
        ids = [row.id for row in notebooks.values()]
        found: dict[type, dict[tuple[str, str], Any]] = {
            table: {
                (row.notebook_id, row.cell_id): row
                for row in self._session.scalars(select(table).where(table.notebook_id.in_(ids)))
            }
            for table in (api.Grade, api.Comment)
        }
        for known in self.notebooks.values():
            row = notebooks[known.row]
            parts: dict[type, dict[str, Any]] = {api.Grade: {}, api.Comment: {}}
            for cell in known.cells.values():
                for table, place in ((api.Grade, cell.grade_cell), (api.Comment, cell.comment_cell)):
                    if place is None:
                        continue
                    entry = found[table].get((row.id, place))
                    if entry is None:
                        entry = table(notebook_id=row.id, cell_id=place)
                        self._session.add(entry)
                    parts[table][place] = entry
            yield known.name, row, parts[api.Grade], parts[api.Comment]

    def _penalise(self, submission: Any, notebook: Any) -> None:
        late = self._late_penalties
        if late is None:
            return
        seconds = submission.total_seconds_late
        penalty = None
        if seconds > 0:
            score = self._score(self._api.Grade.notebook_id == notebook.id)
            penalty = late.plugin_inst.late_submission_penalty(submission.student_id, score, seconds)
            if penalty is not None:
                penalty = min(max(penalty, 0), score)  # as nbgrader's preprocessor: no bonus, and not below zero
        if notebook.late_submission_penalty != penalty:
            notebook.late_submission_penalty = penalty

    def _score(self, which: Any) -> float:
        sa, grade = self._sa, self._api.Grade
        return float(self._session.scalar(sa.select(sa.func.coalesce(sa.func.sum(grade.score), 0.0)).where(which)))

    def _totals(self, submission: Any) -> Totals:
        api, select = self._api, self._sa.select
        notebooks = self._session.scalars(
            select(api.SubmittedNotebook).where(api.SubmittedNotebook.assignment_id == submission.id)
        ).all()
        mine = api.Grade.notebook_id.in_([notebook.id for notebook in notebooks])
        penalty = sum(notebook.late_submission_penalty or 0.0 for notebook in notebooks)
        waiting = self._session.scalar(select(api.Grade.id).where(mine, api.Grade.needs_manual_grade).limit(1))
        return Totals(
            score=max(0.0, self._score(mine) - penalty),
            max_score=self.max_score,
            late_penalty=penalty,
            needs_person=waiting is not None,
        )

    @contextmanager
    def _patiently(self) -> Iterator[None]:
        """Say what is wrong with a database that does not answer."""
        try:
            yield
        except self._sa.exc.DatabaseError as error:
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> CourseError:
        url = self._engine.url.render_as_string(hide_password=True)
        if "locked" in str(error):
            return CourseError(
                f"the gradebook {url} stays locked: somebody else is writing it. End that, then run this again; "
                "nothing is lost"
            )
        first = str(getattr(error, "orig", error)).splitlines()[0]
        return CourseError(f"the gradebook {url} cannot be used: {first}")


def _column_names(inspector: Any, table: str) -> set[str]:
    return {column["name"] for column in inspector.get_columns(table)}
