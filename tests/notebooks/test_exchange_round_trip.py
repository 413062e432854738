"""nbgrader's own round trip with lesson 1: release → fetch → submit → collect → autograde → feedback → fetched.

Every step is nbgrader's command as people type it, through a real exchange folder.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
LESSON = "01_what_is_mlops"
#: The gate sends two sections through the exchange (the demonstration grades all eight); the long run sends all.
SHORT = ("2_one_sentence",)


class Classroom:
    """An instructor's course folder, a student's home, and the exchange between them."""

    def __init__(self, folder: Path, sections: list[str]):
        self.course, self.home, self.exchange = folder / "course", folder / "student", folder / "exchange"
        for path in (self.course / "source" / LESSON, self.home, self.exchange):
            path.mkdir(parents=True)
        self.exchange.chmod(0o777)
        for section in sections:
            shutil.copy(ROOT / "source" / LESSON / f"{section}.ipynb", self.course / "source" / LESSON)
        settings = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
        where = f"\nc.Exchange.root = {str(self.exchange)!r}\nc.Exchange.timezone = 'UTC'\n"
        (self.course / "nbgrader_config.py").write_text(settings + where, encoding="utf-8")
        (self.home / "nbgrader_config.py").write_text(
            f"c = get_config()\nc.CourseDirectory.course_id = 'mlops'{where}", encoding="utf-8"
        )

    def nbgrader(self, where: Path, *words: str) -> str:
        environment = os.environ | {"JUPYTER_DATA_DIR": str(where / "jupyter"), "HOME": str(where)}
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *words], cwd=where, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"nbgrader {' '.join(words)} failed:\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    def solve(self) -> None:
        for path in sorted((self.home / LESSON).glob("*.ipynb")):
            source = nbformat.read(self.course / "source" / LESSON / path.name, as_version=4)
            answers = {
                cell.id: cell.source for cell in source.cells if cell.metadata.get("nbgrader", {}).get("solution")
            }
            notebook = nbformat.read(path, as_version=4)
            for cell in notebook.cells:
                cell.source = answers.get(cell.id, cell.source)
            nbformat.write(notebook, path)


def go_round(tmp_path, sections):
    room = Classroom(tmp_path, sections)
    room.nbgrader(room.course, "generate_assignment", LESSON)
    room.nbgrader(room.course, "release_assignment", LESSON)
    room.nbgrader(room.home, "fetch_assignment", LESSON)
    fetched = {path.stem: path.read_text(encoding="utf-8") for path in (room.home / LESSON).glob("*.ipynb")}
    assert set(fetched) == set(sections)
    assert not any("BEGIN SOLUTION" in text or "BEGIN HIDDEN" in text for text in fetched.values())
    room.solve()
    room.nbgrader(room.home, "submit", LESSON)
    room.nbgrader(room.course, "collect", LESSON)
    room.nbgrader(room.course, "autograde", LESSON)
    room.nbgrader(room.course, "generate_feedback", LESSON)
    room.nbgrader(room.course, "release_feedback", LESSON)
    room.nbgrader(room.home, "fetch_feedback", LESSON)
    pages = {path.stem for path in (room.home / LESSON / "feedback").rglob("*.html")}
    assert pages == set(sections), f"feedback came back for {sorted(pages)}"
    return room


def lost_points(room) -> dict[str, tuple[float, float]]:
    from nbgrader.api import Gradebook

    source = {
        cell.id
        for path in (room.course / "source" / LESSON).glob("*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
        if cell.metadata.get("nbgrader", {}).get("grade") and not cell.metadata.nbgrader.solution
    }
    with Gradebook(f"sqlite:///{room.course / 'gradebook.db'}", "mlops") as book:
        (submission,) = book.assignment_submissions(LESSON)
        grades = [grade for notebook in submission.notebooks for grade in notebook.grades if grade.name in source]
        assert len(grades) == len(source)
        return {g.name: (g.auto_score, g.max_score) for g in grades if g.auto_score != g.max_score}


def test_does_a_solved_lesson_come_back_with_every_point(tmp_path):
    assert lost_points(go_round(tmp_path, list(SHORT))) == {}


@pytest.mark.long
def test_does_the_whole_solved_lesson_come_back_with_every_point(tmp_path):
    sections = sorted(path.stem for path in (ROOT / "source" / LESSON).glob("*.ipynb"))
    assert lost_points(go_round(tmp_path, sections)) == {}
