"""`course extend LESSON STUDENT`: let somebody hand in later; formgrader has no button for it."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

from course.errors import CourseError
from course.term.plan import read_plan, read_when

SUMMARY = "give a student an extension, change it, or take it back"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course extend`."""
    parser.add_argument("lesson", help="the lesson, such as 01_what_is_mlops")
    parser.add_argument("student", help="the student's id on the roster")
    when = parser.add_mutually_exclusive_group(required=True)
    when.add_argument("--until", metavar="WHEN", help="such as 2027-02-08T23:59; without a zone, this machine's")
    when.add_argument("--none", action="store_true", help="take an extension back")
    parser.add_argument("--course-dir", type=Path, default=Path(), help="the term's folder (default: here)")


def run(args: argparse.Namespace) -> int:
    """Write it into the gradebook; say what holds now."""
    until = None if args.none else read_when(args.until, f"--until {args.until}")
    print(extend(args.course_dir.resolve(), args.lesson, args.student, until))
    return 0


def extend(folder: Path, lesson: str, student: str, until: datetime.datetime | None) -> str:
    """Let a student hand a lesson in until a time, or as everybody else where it is None; return what holds now.

    Raises CourseError for a lesson without a due date, a student who is not in the gradebook, and a time that is no
    later than the due date.
    """
    from nbgrader.api import Gradebook, MissingEntry

    plan = read_plan(folder)
    due = plan.due.get(lesson)
    if due is None:
        raise CourseError(f"{lesson} has no due date in {folder / 'term.toml'}; nothing can be extended")
    if until is not None and until <= due:
        raise CourseError(
            f"--until {until.isoformat()} is no later than {lesson} is due anyway, {due.isoformat()}; --none takes an "
            "extension back"
        )
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", plan.course_id) as book:
        try:
            book.find_assignment(lesson)
            book.find_student(student)
        except MissingEntry as error:
            raise CourseError(f"{error}; the students are those of the roster, the lessons those of the term") from None
        with book.db.no_autoflush:  # nbgrader makes the submission before it is of the session
            submission = book.update_or_create_submission(lesson, student)
        submission.extension = None if until is None else until - due
        book.db.commit()
    if until is None:
        return f"{student}: {lesson} is due {due.isoformat()}, as for everybody."
    return (
        f"{student}: {lesson} is due {until.isoformat()}. Was it graded already? `course grade` takes it into account."
    )
