"""`course solutions LESSON`: a lesson's reference answers as pages to publish, once nobody can hand it in any more.

A page is a section with its answers in place, run, with a picture of each laboratory. Hidden tests, seeds and mark
schemes are not in it: other terms live on them.
"""

from __future__ import annotations

import argparse
import datetime
import tempfile
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode

from course.errors import CourseError
from course.pack.exporting import page_of
from course.term.plan import read_plan

SUMMARY = "write a lesson's reference answers as pages, once its due date and every extension is over"
CELL_SECONDS = 300


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course solutions`."""
    parser.add_argument("lesson", help="the lesson, such as 01_what_is_mlops")
    parser.add_argument("--course-dir", type=Path, default=Path(), help="the term's folder (default: here)")
    parser.add_argument("--out", type=Path, help="the folder for the pages (default: solutions/LESSON in the term's)")
    parser.add_argument("--early", action="store_true", help="although somebody may still hand in")


def run(args: argparse.Namespace) -> int:
    """Write the pages; say where they are."""
    folder = args.course_dir.resolve()
    out = args.out or folder / "solutions" / args.lesson
    pages = write_solutions(folder, args.lesson, out, early=args.early)
    print(f"{len(pages)} pages in {out}: no hidden test stands in them. Publish them where you publish what you like.")
    return 0


def write_solutions(
    folder: Path, lesson: str, out: Path, *, early: bool = False, now: datetime.datetime | None = None
) -> list[Path]:
    """Write a page for each section of a term's lesson; return their paths.

    Raises CourseError for a lesson that is not there, where an answer does not run, and, unless `early`, while
    somebody may still hand in.
    """
    paths = sorted((folder / "source" / lesson).glob("*.ipynb"))
    if not paths:
        there = sorted(path.name for path in (folder / "source").glob("[!.]*"))
        raise CourseError(f"there is no {lesson} in {folder}; lessons: {', '.join(there) or 'none'}")
    if not early:
        check_over(folder, lesson, now or datetime.datetime.now(datetime.UTC))
    with tempfile.TemporaryDirectory() as work:
        made = {}
        for path in paths:
            answered = Path(work) / path.name
            nbformat.write(_run(with_answers(nbformat.read(path, as_version=4)), path, Path(work)), answered)
            made[out / f"{path.stem}.html"] = page_of(answered)[0]
    out.mkdir(parents=True, exist_ok=True)
    for page, text in made.items():
        page.write_text(text, encoding="utf-8")
    return list(made)


def check_over(folder: Path, lesson: str, now: datetime.datetime) -> None:
    """Raise CourseError while a lesson has no due date, or somebody may still hand it in, and say who."""
    from nbgrader.api import Gradebook

    due = read_plan(folder).due.get(lesson)
    if due is None:
        raise CourseError(f"{lesson} has no due date in {folder / 'term.toml'}; set one, or say --early")
    if now < due:
        raise CourseError(
            f"{lesson} is due {due.isoformat()}, and it is {now.isoformat(timespec='minutes')}; or --early"
        )
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", read_plan(folder).course_id) as book:
        ends = {
            submission.student.id: due + submission.extension
            for submission in book.assignment_submissions(lesson)
            if submission.extension
        }
    late = [f"{student} until {end.isoformat()}" for student, end in sorted(ends.items()) if now < end]
    if late:
        raise CourseError(f"{lesson}: these have an extension: {', '.join(late)}; wait, or say --early")


def with_answers(notebook: NotebookNode) -> NotebookNode:
    """Return a source notebook as it may be shown: answers without their marks, no hidden tests, no mark schemes."""
    from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme

    from course.authoring.lesson import SOLUTION

    for preprocessor in (ClearHiddenTests(), ClearMarkScheme()):
        notebook, _ = preprocessor.preprocess(notebook, {})
    for cell in notebook.cells:
        cell.source = "\n".join(line for line in cell.source.splitlines() if line.strip() not in SOLUTION)
    return notebook


def _run(notebook: NotebookNode, path: Path, work: Path) -> NotebookNode:
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    try:
        return NotebookClient(
            notebook, timeout=CELL_SECONDS, kernel_name="python3", resources={"metadata": {"path": str(work)}}
        ).execute()
    except CellExecutionError as error:
        raise CourseError(f"{path}: the reference answer does not run: {error}") from None
