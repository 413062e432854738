"""`course grade LESSON`: grade everything submitted for an assignment of any nbgrader course directory.

Nothing heavy is imported here: the command answers at once, and loads nbgrader while it says what it is doing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from course.errors import CourseError

if TYPE_CHECKING:
    from course.grading.class_run import Entry, Report, Rooms

SUMMARY = "grade everything submitted for a lesson, safely and in parallel"

#: Where there is no terminal to draw on, a line so often, in seconds.
LINE_SECONDS = 5.0

Watch = Callable[[int, int, "Entry"], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course grade`."""
    parser.add_argument("lesson", help="the assignment")
    parser.add_argument(
        "--student", action="append", default=[], metavar="ID", help="only this student; may be repeated, may be a glob"
    )
    parser.add_argument(
        "--jobs", type=int, default=0, metavar="N", help="workers (default: one a core, or all of a cluster)"
    )
    parser.add_argument("--course-dir", type=Path, help="the nbgrader course directory (default: here)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write a report as JSON")
    parser.add_argument(
        "--level", choices=["A", "B", "C"], help="how far student code is confined (default: the best there is)"
    )
    parser.add_argument("--trust", action="store_true", help="allow level C: student code could read your files")
    parser.add_argument("--force", action="store_true", help="run everything again, changed or not")
    parser.add_argument("--backend", choices=["loky", "dask"], default="loky", help="this machine, or a Dask cluster")
    parser.add_argument(
        "--dask-scheduler",
        default="",
        metavar="ADDRESS",
        help="the cluster's scheduler (default: a cluster of this machine)",
    )


def run(args: argparse.Namespace, rooms: Rooms | None = None) -> int:
    """Grade a class; return 0 when every submission has its verdict, 1 when one has none."""
    if sys.platform != "linux":
        raise CourseError(
            "grading needs Linux, where student code can be confined; elsewhere run it in the course's container image"
        )
    if args.jobs < 0:
        raise CourseError(f"--jobs {args.jobs}: there cannot be fewer than no workers; 0 means one a core")
    if args.dask_scheduler and args.backend != "dask":
        raise CourseError("--dask-scheduler goes with --backend dask")
    if args.report is not None and not args.report.resolve().parent.is_dir():
        raise CourseError(f"--report {args.report}: there is no folder {args.report.resolve().parent}")
    print(f"course grade {args.lesson}: reading the course …", flush=True)
    from course.grading.sandbox import choose_level

    level = choose_level(args.level, args.trust)
    from course.grading.class_run import Choices, grade_class
    from course.grading.course_directory import open_course

    course = open_course(args.course_dir)
    choices = Choices(
        level=level,
        jobs=args.jobs,
        force=args.force,
        backend=args.backend,
        scheduler=args.dask_scheduler,
    )
    try:
        with watching() as watch:
            report = grade_class(course, args.lesson, args.student, choices, rooms=rooms, watch=watch)
    except KeyboardInterrupt:
        print("\nstopped by the keyboard; what is graded is kept: the same command goes on from there", file=sys.stderr)
        return 130
    if args.report is not None:
        from course.grading.autograded import write_whole

        write_whole(args.report, report_bytes(report))
    print(summary(report))
    return 0 if report.all_have_a_verdict else 1


@contextmanager
def watching() -> Iterator[Watch]:
    """Show how far a run is: a bar on a terminal, else a line every few seconds."""
    if sys.stdout.isatty():
        try:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        except ModuleNotFoundError:
            pass
        else:
            columns = [TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
            with Progress(*columns, TextColumn("{task.fields[student]}", markup=False)) as bar:
                task = bar.add_task("grading", total=None, student="")
                yield lambda done, total, entry: bar.update(task, completed=done, total=total, student=entry.student)
            return
    last = time.monotonic()

    def watch(done: int, total: int, entry: Entry) -> None:
        nonlocal last
        if done == total or time.monotonic() - last >= LINE_SECONDS:
            last = time.monotonic()
            print(f"  {done} of {total}: {entry.student} {entry.status}", flush=True)

    yield watch


def summary(report: Report) -> str:
    """Return what became of a class, in a few lines: who needs a person, and who has no verdict and why."""
    entries = report.entries
    if not entries:
        return f"Nothing was submitted for {report.assignment}."

    def those(status: str) -> list[Entry]:
        return [entry for entry in entries if entry.status == status]

    waiting = [entry for entry in entries if entry.needs_person and entry.status != "could not be graded"]
    lines = [
        f"{len(entries)} submissions in {report.seconds:.1f} s: {len(those('graded'))} graded, "
        f"{len(those('unchanged'))} unchanged, {len(those('could not be read'))} could not be read, "
        f"{len(those('could not be graded'))} could not be graded.",
        f"{report.executed_notebooks} notebooks and {report.executed_tests} tests cells ran"
        + "".join(f", at level {level}" for level in _levels(entries))
        + ".",
    ]
    if waiting:
        lines.append(f"{len(waiting)} need a person: {_names(waiting)} (nbgrader's formgrader lists the cells).")
    for status in ("could not be read", "could not be graded"):
        lines += [f"  {entry.student} {status}: {' '.join(entry.reason.split())}" for entry in those(status)]
    return "\n".join(lines)


def _levels(entries: Sequence[Entry]) -> list[str]:
    found = sorted({entry.level for entry in entries if entry.level})
    return [" and ".join(found)] if found else []


def _names(entries: Sequence[Entry], most: int = 8) -> str:
    names = ", ".join(entry.student for entry in entries[:most])
    return names if len(entries) <= most else f"{names} and {len(entries) - most} more"


def report_bytes(report: Report) -> bytes:
    """Return the report as JSON: the class's counts, and an entry for each submission."""
    content = {
        "assignment": report.assignment,
        "seconds": round(report.seconds, 3),
        "executed_notebooks": report.executed_notebooks,
        "executed_tests": report.executed_tests,
        "submissions": [asdict(entry) for entry in report.entries],
    }
    return (json.dumps(content, indent=2) + "\n").encode()
