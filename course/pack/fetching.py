"""`course fetch LESSON`: get a lesson from nbgrader's exchange, or its mended release, and keep what you wrote.

nbgrader's own fetch refuses when the lesson is there, or copies only files that are missing: a mended notebook would
not reach anybody. Here a lesson is placed as a student pack places it. A hub gets the same behind nbgrader's command by
`c.ExchangeFactory.fetch_assignment = "course.pack.fetching.FetchKeepingAnswers"`.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from nbgrader.exchange.default import ExchangeFetchAssignment

from course.errors import CourseError
from course.pack.placing import place

SUMMARY = "fetch a lesson from the exchange, or its mended release; what you wrote is kept"


class FetchKeepingAnswers(ExchangeFetchAssignment):
    """nbgrader's fetch, but for what it does with a lesson that is there already."""

    def init_dest(self) -> None:
        """Say where the lesson goes; that it is there is no reason to refuse."""
        course = Path(self.coursedir.course_id) if self.path_includes_course else Path()
        self.dest_path = str(Path(self.assignment_dir, course, self.coursedir.assignment_id).absolute())

    def copy_files(self) -> None:
        """Place the lesson: new files are written, changed notebooks merged, nothing of the student's is lost."""
        lesson = self.coursedir.assignment_id
        changes = place(Path(self.outbound_path), Path(self.dest_path).parent, say=self.log.warning, only=lesson)
        if not changes:
            self.log.warning("Lesson %s: what you have is the newest.", lesson)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course fetch`."""
    parser.add_argument("lesson", help="the lesson, such as 01_what_is_mlops")
    parser.add_argument("--course-id", default="", help="the course's name in the exchange (default: as configured)")
    parser.add_argument("--exchange", type=Path, help="the exchange's folder (default: as configured)")
    parser.add_argument("--work", type=Path, help="where your lessons are (default: as configured, else here)")


def run(args: argparse.Namespace) -> int:
    """Fetch; return 0, or raise CourseError with what the exchange says."""
    from nbgrader.apps.fetchassignmentapp import FetchAssignmentApp

    # On a hub whose servers share no disk the lessons come from a service.
    over = "exchange.over_service.FetchOverService"
    name = over if os.environ.get("COURSE_EXCHANGE") and not args.exchange else "pack.fetching.FetchKeepingAnswers"
    words = [args.lesson, f"--ExchangeFactory.fetch_assignment=course.{name}"]
    if args.course_id:
        words.append(f"--CourseDirectory.course_id={args.course_id}")
    if args.exchange:
        words.append(f"--Exchange.root={args.exchange.resolve()}")
    if args.work:
        if not args.work.is_dir():
            raise CourseError(f"--work {args.work}: there is no such folder; make it first")
        words.append(f"--Exchange.assignment_dir={args.work.resolve()}")
    app = FetchAssignmentApp()
    try:
        app.initialize(words)
        app.start()
    except SystemExit as ended:
        if ended.code:
            raise CourseError(f"{args.lesson} was not fetched: what nbgrader says above is the reason") from None
    return 0
