"""`course demo`: an instructor's day without a keystroke, on the real tools, in a temporary folder.

Release a lesson, take in three submissions (a good one, a plausible but wrong one, an untouched one), grade them,
write feedback and scan it for leaks, print the class table. What each must score follows from the lesson itself: the
points of its tests cells, and what its planted mistakes say they lose.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from course.authoring.build import normalised
from course.errors import CourseError

SUMMARY = "show an instructor's day: release, take in, grade, feedback, class table"

GOOD, WRONG, UNTOUCHED = "ada", "ben", "cem"
#: Each mistake of the demonstration stands in another section: a plausible student errs in several places.
FEWEST_SECTIONS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course demo`."""
    parser.add_argument("--lesson", default="01_what_is_mlops", help="the lesson to show it with")
    parser.add_argument("--root", type=Path, default=Path(), help="the project's root (default: here)")


@dataclass(frozen=True)
class Score:
    """What one submission earned in one notebook, in points."""

    student: str
    notebook: str
    by_machine: float
    most_by_machine: float
    by_hand_open: float  # points that wait for a person


def run(args: argparse.Namespace) -> int:
    """Play the day; return 1 when a total is not the expected one."""
    root, lesson = args.root.resolve(), args.lesson
    with tempfile.TemporaryDirectory(prefix="course-demo-") as folder:
        day = _Day(root, Path(folder), lesson)
        expected = day.prepare()
        day.release()
        day.hand_in()
        day.grade()
        day.write_feedback()
        scores = day.scores()
        print(class_table(scores))
        return _compare(totals(scores), expected)


def totals(scores: Iterable[Score]) -> dict[str, float]:
    """Return the machine's points of each student.

    >>> totals([Score("ada", "1_x", 3, 4, 0), Score("ada", "2_y", 5, 5, 2)])
    {'ada': 8}
    """
    sums: dict[str, float] = {}
    for score in scores:
        sums[score.student] = sums.get(score.student, 0) + score.by_machine
    return sums


def class_table(scores: Iterable[Score]) -> str:
    """Return the class table: a row a notebook, a column a student, points by machine and points still open."""
    scores = list(scores)
    students = sorted({score.student for score in scores})
    by_place = {(score.notebook, score.student): score for score in scores}
    lines = [f"{'section':<22}" + "".join(f"{student:>14}" for student in students)]
    for notebook in sorted({score.notebook for score in scores}):
        row = [by_place[notebook, student] for student in students]
        lines.append(f"{notebook:<22}" + "".join(f"{_points(s.by_machine, s.most_by_machine):>14}" for s in row))
    most = {student: sum(s.most_by_machine for s in scores if s.student == student) for student in students}
    sums = totals(scores)
    lines.append(f"{'by machine':<22}" + "".join(f"{_points(sums[s], most[s]):>14}" for s in students))
    waiting = {s: sum(x.by_hand_open for x in scores if x.student == s) for s in students}
    lines.append(f"{'waits for a person':<22}" + "".join(f"{waiting[s]:>14g}" for s in students))
    return "\n".join(lines)


def _points(got: float, most: float) -> str:
    return f"{got:g} of {most:g}"


def _compare(got: Mapping[str, float], expected: Mapping[str, float]) -> int:
    bad = {student: (got.get(student), points) for student, points in expected.items() if got.get(student) != points}
    for student, (points, wanted) in bad.items():
        print(f"{student}: expected {wanted:g} points by machine, got {points}", file=sys.stderr)
    if not bad:
        print("The totals are those that the lesson promises.")
    return 1 if bad else 0


class _Day:
    def __init__(self, root: Path, folder: Path, lesson: str) -> None:
        self.root, self.folder, self.lesson = root, folder, lesson
        self.course = folder / "course"
        self.environment = os.environ | {
            "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")]),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }

    def prepare(self) -> dict[str, float]:
        """Lay out an instructor's course folder and three students' work; return the totals to expect."""
        source = self.root / "source" / self.lesson
        if not source.is_dir():
            raise CourseError(f"there is no source/{self.lesson} in {self.root}; run `course build` first")
        shutil.copytree(source, self.course / "source" / self.lesson)
        shutil.copy(self.root / "nbgrader_config.py", self.course)
        return {GOOD: self._points(), WRONG: self._points() - self._lost(), UNTOUCHED: 0}

    def release(self) -> None:
        """Release, and look whether what comes out is what the project has committed."""
        self._say("release", "nbgrader generate_assignment")
        self._nbgrader("generate_assignment", self.lesson)
        for made in sorted((self.course / "release" / self.lesson).glob("*.ipynb")):
            committed = self.root / "release" / self.lesson / made.name
            if normalised(made.read_bytes()) != committed.read_bytes():
                raise CourseError(f"the release of {made.name} is not the committed one; run `course build`")

    def hand_in(self) -> None:
        """Three students do the lesson in their own folders, make their zips, and the instructor takes them in."""
        from course.pack import submitting, taking_in

        self._say("hand in", "course submit, three times; course take-in")
        zips = self.folder / "zips"
        for student, answers in (
            (GOOD, self._answers({})),
            (WRONG, self._answers(self._mistakes())),
            (UNTOUCHED, {}),
        ):
            work = self.folder / "work" / student
            shutil.copytree(self.root / "release" / self.lesson, work / self.lesson)
            for notebook in sorted((work / self.lesson).glob("*.ipynb")):
                _write_answers(notebook, answers)
            with contextlib.redirect_stdout(io.StringIO()):
                self._verb(submitting, [self.lesson, "--work", work, "--out", zips, "--name", student])
        self._verb(taking_in, [*sorted(zips.glob("*.zip")), "--lesson", self.lesson, "--course-dir", self.course])

    def grade(self) -> None:
        """Grade the class: student code confined, the tests out of its reach."""
        self._say("grade", "course grade")
        done = subprocess.run(
            [sys.executable, "-m", "course.cli", "grade", self.lesson, "--course-dir", self.course],
            env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise CourseError(f"course grade ended with status {done.returncode}:\n{done.stderr[-4000:]}")
        print(done.stdout.strip())

    def write_feedback(self) -> None:
        """Write feedback; every submission gets one page a notebook, which shows nothing that the student had not."""
        self._say("feedback", "nbgrader generate_feedback")
        self._nbgrader("generate_feedback", self.lesson)
        notebooks = {path.stem for path in (self.root / "release" / self.lesson).glob("*.ipynb")}
        for student in (GOOD, WRONG, UNTOUCHED):
            pages = {path.stem for path in (self.course / "feedback" / student / self.lesson).glob("*.html")}
            if pages != notebooks:
                raise CourseError(f"{student} has feedback on {sorted(pages)}, expected {sorted(notebooks)}")
            self._scan_feedback(student)

    def _scan_feedback(self, student: str) -> None:
        """Raise when a page shows what its student has neither been given nor written."""
        import nbformat

        from course.authoring.leaks import scan_bytes, secrets_in

        own = []
        for path in sorted((self.course / "submitted" / student / self.lesson).glob("*.ipynb")):
            own.append(nbformat.read(path, as_version=4))
            for cell in own[-1].cells:  # here the answers are the reference's, and what a student wrote is no secret
                cell.source = "\n".join(line for line in cell.source.splitlines() if " SOLUTION" not in line)
        secrets = secrets_in(self._sources().values(), also_visible=own)
        # Strings and numbers of hidden tests also stand in the data that a student's own cells print.
        secrets = replace(secrets, strings={}, numbers={})
        if student != UNTOUCHED:
            hidden = {line: at for line, at in secrets.lines.items() if at.startswith("the hidden tests")}
            secrets = replace(secrets, lines=hidden, trees={}, skeletons=frozenset())
        pages = (self.course / "feedback" / student / self.lesson).glob("*.html")
        leaks = scan_bytes({f"{student}/{page.name}": page.read_bytes() for page in pages}, secrets)
        if leaks:
            raise CourseError("feedback shows what students must not see:\n" + "\n".join(map(str, leaks[:20])))

    def scores(self) -> list[Score]:
        """Read every score from the gradebook."""
        from nbgrader.api import Gradebook

        found, by_hand = [], self._marked_by_hand()
        with Gradebook(f"sqlite:///{self.course / 'gradebook.db'}", "mlops") as book:
            for submission in book.assignment_submissions(self.lesson):
                for notebook in submission.notebooks:
                    machine = [g for g in notebook.grades if g.cell.name not in by_hand]
                    hand = [g for g in notebook.grades if g.cell.name in by_hand and g.needs_manual_grade]
                    found.append(
                        Score(
                            submission.student.id,
                            notebook.name,
                            sum(grade.auto_score or 0 for grade in machine),
                            sum(grade.max_score for grade in machine),
                            sum(grade.max_score for grade in hand),
                        )
                    )
        return found

    def _say(self, what: str, how: str) -> None:
        print(f"— {what} ({how}), {time.strftime('%H:%M:%S')}", flush=True)

    def _verb(self, module: object, words: list) -> None:
        parser = argparse.ArgumentParser()
        module.add_arguments(parser)  # type: ignore[attr-defined]
        status = module.run(parser.parse_args([str(word) for word in words]))  # type: ignore[attr-defined]
        if status:
            raise CourseError(f"{module.__name__} ended with status {status}")  # type: ignore[attr-defined]

    def _nbgrader(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *words], cwd=self.course, env=self.environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise CourseError(f"nbgrader {' '.join(words)} failed:\n{done.stderr[-4000:]}")

    def _sources(self) -> dict[str, object]:
        import nbformat

        return {
            path.stem: nbformat.read(path, as_version=4)
            for path in sorted((self.root / "source" / self.lesson).glob("*.ipynb"))
        }

    def _points(self) -> float:
        return sum(self._points_by_cell().values())

    def _points_by_cell(self) -> dict[str, int]:
        return {
            cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.points
            for notebook in self._sources().values()
            for cell in notebook.cells
            if "nbgrader" in cell.metadata and cell.metadata.nbgrader.grade and not cell.metadata.nbgrader.solution
        }

    def _marked_by_hand(self) -> set[str]:
        return {
            cell.metadata.nbgrader.grade_id
            for notebook in self._sources().values()
            for cell in notebook.cells
            if "nbgrader" in cell.metadata and cell.metadata.nbgrader.grade and cell.metadata.nbgrader.solution
        }

    def _planted(self) -> dict[str, list]:
        from course.authoring.rehearsal import steps_of
        from course.authoring.wrongs import read_wrongs, wrongs_path

        lesson_dir = self.root / "lessons" / self.lesson
        chosen = {
            section: [w for w in read_wrongs(wrongs_path(lesson_dir, section), steps_of(notebook)).wrongs if w.demo]
            for section, notebook in self._sources().items()
        }
        if sum(bool(wrongs) for wrongs in chosen.values()) < FEWEST_SECTIONS:
            raise CourseError(
                f"the plausible but wrong submission errs in {sum(map(bool, chosen.values()))} section(s); "
                f"mark planted mistakes with demo=true in {FEWEST_SECTIONS} or more"
            )
        return chosen

    def _mistakes(self) -> dict[str, str]:
        return {wrong.replaces: wrong.source for wrongs in self._planted().values() for wrong in wrongs}

    def _lost(self) -> float:
        points = self._points_by_cell()
        return sum(points[cell] for wrongs in self._planted().values() for wrong in wrongs for cell in wrong.loses)

    def _answers(self, instead: Mapping[str, str]) -> dict[str, str]:
        answers = {
            cell.metadata.nbgrader.grade_id: cell.source
            for notebook in self._sources().values()
            for cell in notebook.cells
            if "nbgrader" in cell.metadata and cell.metadata.nbgrader.solution
        }
        return answers | instead


def _write_answers(path: Path, answers: Mapping[str, str]) -> None:
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if cell.metadata.get("nbgrader", {}).get("solution") and grade_id in answers:
            cell.source = answers[grade_id]
    nbformat.write(notebook, path)
