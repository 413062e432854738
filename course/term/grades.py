"""`course grades`: a term's grades as CSV, for a spreadsheet, for Moodle or for Canvas.

Names come from outside: what a spreadsheet would take for a formula is written as text, with a `'` before it
(OWASP, *CSV Injection*). nbgrader's own export neither does that nor quotes.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from course.errors import CourseError
from course.term.plan import read_plan

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

SUMMARY = "write grades as CSV: plain, for Moodle or for Canvas, safe to open in a spreadsheet"
Status = Literal["graded", "waits for a person", "not graded yet", "nothing handed in"]
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Grade:
    """What one student has in one lesson; points after the late penalty, None where there are none yet."""

    student: str
    first_name: str
    last_name: str
    email: str
    lesson: str
    status: Status
    points: float | None
    most: float
    late_penalty: float = 0.0
    handed_in: str = ""  # UTC


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course grades`."""
    parser.add_argument("--course-dir", type=Path, default=Path(), help="the term's folder (default: here)")
    parser.add_argument("--format", choices=sorted(FORMATS), default="plain", help="(default: plain)")
    parser.add_argument("--lesson", action="append", default=[], help="only this lesson; may be repeated")
    parser.add_argument("--zero", action="store_true", help="write 0 for who handed in nothing, instead of no grade")
    parser.add_argument("--out", type=Path, required=True, help="the file to write, such as grades.csv")


def run(args: argparse.Namespace) -> int:
    """Write the file; say how many grades are in it, and which are not final."""
    from nbgrader.api import Gradebook

    folder = args.course_dir.resolve()
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", read_plan(folder).course_id) as book:
        grades = list(grades_of(book, args.lesson))
    if not args.out.resolve().parent.is_dir():
        raise CourseError(f"--out {args.out}: there is no folder {args.out.resolve().parent}")
    text = as_csv(FORMATS[args.format](with_zeros(grades) if args.zero else grades))
    # The mark at the beginning tells spreadsheets that it is UTF-8; Moodle and Canvas read over it.
    args.out.write_bytes(text.encode("utf-8-sig"))
    open_ones: dict[str, list[str]] = {}
    for grade in grades:
        if grade.status != "graded":
            open_ones.setdefault(grade.status, []).append(f"{grade.student} ({grade.lesson})")
    print(f"{len(grades)} grades in {args.out}.")
    for status, who in open_ones.items():
        print(f"  {status}: {', '.join(who)}")
    return 0


def grades_of(book: Gradebook, lessons: Sequence[str] = ()) -> Iterator[Grade]:
    """Yield a grade for every student in every lesson, or in those named; CourseError for one that is not there."""
    known = {assignment.name: assignment for assignment in book.assignments}
    strange = [lesson for lesson in lessons if lesson not in known]
    if strange:
        raise CourseError(
            f"the gradebook has no {', '.join(strange)}; it has: {', '.join(sorted(known)) or 'no lesson'}"
        )
    students = sorted(
        book.students, key=lambda student: (student.last_name or "", student.first_name or "", student.id)
    )
    for lesson in lessons or sorted(known):
        most = float(known[lesson].max_score)
        handed = {submission.student.id: submission for submission in book.assignment_submissions(lesson)}
        for student in students:
            who = (student.id, student.first_name or "", student.last_name or "", student.email or "")
            submission = handed.get(student.id)
            if submission is None:
                yield Grade(*who, lesson, "nothing handed in", None, most)
                continue
            stamp = submission.timestamp.strftime("%Y-%m-%d %H:%M:%S") if submission.timestamp else ""
            if not submission.notebooks:  # an extension was given, nothing came yet
                yield Grade(*who, lesson, "not graded yet", None, most, handed_in=stamp)
                continue
            late = float(submission.late_submission_penalty or 0.0)
            points = max(0.0, float(submission.score) - late)
            status: Status = "waits for a person" if submission.needs_manual_grade else "graded"
            yield Grade(*who, lesson, status, points, most, late, stamp)


def with_zeros(grades: Iterable[Grade]) -> list[Grade]:
    """Return the grades with 0 points for who handed in nothing."""
    return [replace(grade, points=0.0) if grade.status == "nothing handed in" else grade for grade in grades]


# --- Formats: rows of text and numbers ----------------------------------------------------------------------------

Row = Sequence[str | float | None]


def plain(grades: Iterable[Grade]) -> Iterator[Row]:
    """A row a student and lesson, with everything there is to know."""
    yield (
        "id",
        "last_name",
        "first_name",
        "email",
        "lesson",
        "status",
        "points",
        "of",
        "late_penalty",
        "handed_in_utc",
    )
    for g in grades:
        who = (g.student, g.last_name, g.first_name, g.email)
        yield (*who, g.lesson, g.status, g.points, g.most, g.late_penalty, g.handed_in)


def moodle(grades: Iterable[Grade]) -> Iterator[Row]:
    """A row a student, a column a lesson, for Moodle (Grades, Import, CSV file): map it by address or username."""
    table, lessons = _by_student(grades)
    yield ("Username", "Email address", "First name", "Last name", *lessons)
    for row in table.values():
        one = next(iter(row.values()))
        points = [row[lesson].points for lesson in lessons]
        yield (one.student, one.email, one.first_name, one.last_name, *points)


def canvas(grades: Iterable[Grade]) -> Iterator[Row]:
    """A row a student, a column a lesson, as Canvas's gradebook imports them; SIS Login ID is the student's id."""
    table, lessons = _by_student(grades)
    yield ("Student", "ID", "SIS User ID", "SIS Login ID", "Section", *lessons)
    most = {grade.lesson: grade.most for row in table.values() for grade in row.values()}
    yield ("    Points Possible", "", "", "", "", *(most[lesson] for lesson in lessons))
    for row in table.values():
        one = next(iter(row.values()))
        name = ", ".join(part for part in (one.last_name, one.first_name) if part) or one.student
        yield (name, "", "", one.student, "", *(row[lesson].points for lesson in lessons))


def _by_student(grades: Iterable[Grade]) -> tuple[dict[str, dict[str, Grade]], list[str]]:
    table: dict[str, dict[str, Grade]] = {}
    lessons: dict[str, None] = {}
    for grade in grades:
        table.setdefault(grade.student, {})[grade.lesson] = grade
        lessons[grade.lesson] = None
    return table, list(lessons)


FORMATS: Mapping[str, Callable[[Iterable[Grade]], Iterator[Row]]] = {"plain": plain, "moodle": moodle, "canvas": canvas}


def as_csv(rows: Iterable[Row]) -> str:
    r"""Return rows as CSV (RFC 4180), no cell of which a spreadsheet takes for a formula.

    >>> as_csv([("=1+1", 'a "b", c', 2.50, None)])
    '\'=1+1,"a ""b"", c",2.5,\r\n'
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        # A blank before a sign does not stop every spreadsheet.
        return f"'{value}" if value.lstrip(" \n").startswith(FORMULA) else value
    return f"{round(value, 4):.15g}"
