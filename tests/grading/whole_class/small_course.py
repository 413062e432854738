"""A small course of one assignment with two notebooks, and what tests do to it."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import nbformat
from fake_rooms import ROOMS

from course.grading.class_run import Choices, grade_class
from course.grading.course_directory import open_course

LESSON = "hw"
RIGHT = {
    "one": {"double": "def double(x):\n    return 2 * x", "why": "Because two is even."},
    "two": {"word": "word = 'yes'"},
}

# Without the module that `course.cli` keeps out as well: it costs seconds and is for addresses.
NBGRADER = """
import sys
sys.modules["rfc3987_syntax"] = None
from nbgrader.apps.nbgraderapp import main
main()
"""

CONFIG = """c = get_config()
c.CourseDirectory.course_id = "small"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "__pycache__", "*.pyc", "*.secret"]
c.LateSubmissionPlugin.penalty_method = "none"
"""


def settings(grade_id, *, grade=False, solution=False, points=None, kind="code"):
    values = {
        "schema_version": 3,
        "grade_id": grade_id,
        "grade": grade,
        "solution": solution,
        "locked": grade and not solution,
        "task": False,
        "cell_type": kind,
    }
    return {"nbgrader": values if points is None else {**values, "points": points}}


def code(text, name, metadata=None):
    return nbformat.v4.new_code_cell(text, id=name, metadata=metadata or {})


def source_notebooks():
    """`one`: an answer, three tests cells, a written answer; `two`: an answer and a tests cell."""
    solution = "### BEGIN SOLUTION\n{}\n### END SOLUTION"
    why = nbformat.v4.new_markdown_cell(
        "Because.", id="why", metadata=settings("why", grade=True, solution=True, points=3, kind="markdown")
    )
    one = [
        code("import math\nworlds = [3, 4]", "set-up"),
        code(solution.format("def double(x):\n    return 2 * x"), "double", settings("double", solution=True)),
        code("assert double(2) == 4", "double-two", settings("double-two", grade=True, points=2)),
        code(
            "expected = 6\nassert double(3) == expected", "double-three", settings("double-three", grade=True, points=1)
        ),
        code(
            "round(sum(double(w) == 2 * w for w in worlds) / 2, 2)",
            "double-worlds",
            settings("double-worlds", grade=True, points=1),
        ),
        why,
    ]
    two = [
        nbformat.v4.new_markdown_cell("# Two", id="two-title"),
        code(solution.format("word = 'yes'"), "word", settings("word", solution=True)),
        code("assert word == 'yes'", "word-yes", settings("word-yes", grade=True, points=4)),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {
        name: nbformat.v4.new_notebook(cells=cells, metadata=kernel) for name, cells in (("one", one), ("two", two))
    }


def nbgrader(root, *words):
    """Run nbgrader in a course directory; return what it said."""
    ran = subprocess.run(
        [sys.executable, "-c", NBGRADER, *words], cwd=root, capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


class InHere:
    """A pool that does its work at once, in this process: most tests need no worker of their own."""

    looks_after_itself = False

    def __init__(self, *_):
        pass

    def width(self):
        return 1

    def submit(self, work, *arguments):
        future = Future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def died(self, error):
        return False

    def close(self):
        pass


@dataclass
class SmallCourse:
    """The course, with what tests do to it."""

    root: Path

    def hand_in(self, student, answers=None, *, timestamp="2026-11-20 10:00:00 UTC", files=None, leave_out=()):
        """Hand in the release with answers in it, by notebook and grade id."""
        answers = RIGHT if answers is None else answers
        folder = self.root / "submitted" / student / LESSON
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file in sorted((self.root / "release" / LESSON).glob("*.ipynb")):
            if file.stem in leave_out:
                continue
            notebook = json.loads(file.read_text())
            for cell in notebook["cells"]:
                if cell["id"] in answers.get(file.stem, {}):
                    cell["source"] = answers[file.stem][cell["id"]]
            (folder / file.name).write_text(json.dumps(notebook))
        for name, content in (files or {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
        if timestamp:
            (folder / "timestamp.txt").write_text(timestamp)
        return folder

    def edit_source(self, notebook, cell_id, text):
        file = self.root / "source" / LESSON / f"{notebook}.ipynb"
        content = json.loads(file.read_text())
        next(cell for cell in content["cells"] if cell["id"] == cell_id)["source"] = text
        file.write_text(json.dumps(content))

    def grade(self, *students, processes=False, **choices):
        """Grade with the stand-in rooms; return the report. Workers are processes only where that is the question."""
        course = open_course(self.root)
        in_here = nullcontext() if processes else patch("course.grading.class_run.open_pool", InHere)
        with in_here:
            return grade_class(course, LESSON, students, Choices(jobs=1, **choices), rooms=ROOMS)

    def copy(self, root):
        return SmallCourse(Path(shutil.copytree(self.root, root)))

    def autograded(self):
        return sorted(path for path in (self.root / "autograded").rglob("*") if path.is_file())

    def rows(self):
        """What the gradebook says, by student, notebook and cell."""
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{self.root}/gradebook.db") as gradebook:
            rows = {}
            for submission in gradebook.assignment_submissions(LESSON):
                who = submission.student.id
                rows[who, "", "timestamp"] = submission.timestamp
                for notebook in submission.notebooks:
                    rows[who, notebook.name, "penalty"] = notebook.late_submission_penalty
                    for grade in notebook.grades:
                        rows[who, notebook.name, grade.name, "grade"] = (
                            grade.auto_score,
                            grade.manual_score,
                            grade.needs_manual_grade,
                        )
                    for comment in notebook.comments:
                        rows[who, notebook.name, comment.name, "comment"] = (
                            comment.auto_comment,
                            comment.manual_comment,
                        )
            return rows

    def graded_notebook(self, student, name):
        return nbformat.read(self.root / "autograded" / student / LESSON / f"{name}.ipynb", as_version=4)
