"""Does a mended lesson reach students through nbgrader's exchange, and leave them what they wrote?"""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course.cli import main
from tests.term.conftest import LESSON

NAME = "mlops-spring-27"


@pytest.fixture
def exchange(tmp_path):
    folder = tmp_path / "exchange"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


def release(term, exchange):
    """Release the lesson into the exchange, as an instructor does."""
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "release_assignment", LESSON, "--force", f"--Exchange.root={exchange}"],
        cwd=term, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def fetch(exchange, work):
    """Fetch it, as a student does, in a process of its own: nbgrader keeps one application a process."""
    words = ["fetch", LESSON, "--course-id", NAME, "--exchange", exchange, "--work", work]
    return subprocess.run(
        [sys.executable, "-m", "course.cli", *words], cwd=work, capture_output=True, text=True, check=False
    )


def notebook_in(folder):
    return next(path for path in sorted((folder / LESSON).glob("*.ipynb")) if "(new)" not in path.name)


def answer(path, text):
    notebook = nbformat.read(path, as_version=4)
    cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "first-gap")
    cell.source = text
    nbformat.write(notebook, path)


def test_a_mended_release_is_merged_into_what_a_student_wrote(school, own_term, exchange, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    release(own_term, exchange)
    assert fetch(exchange, work).returncode == 0
    answer(notebook_in(work), "def first_gap(column):\n    return 42  # mine")
    repository = Path(shutil.copytree(school.repository, tmp_path / "mended"))
    [section] = (repository / "lessons" / LESSON).glob("*.py")
    section.write_text(section.read_text().replace("# # ", "# # Mended: ", 1))
    assert main(["build", "--root", str(repository)]) == 0
    assert main(["new-term", str(own_term), "--update", "--root", str(repository)]) == 0
    release(own_term, exchange)
    done = fetch(exchange, work)
    assert done.returncode == 0 and "has a newer version" in done.stderr, done.stderr
    text = notebook_in(work).read_text()
    assert "Mended: " in text and "return 42  # mine" in text
    assert "what you have is the newest" in fetch(exchange, work).stderr


def test_plain_nbgrader_would_not_bring_the_mended_lesson(own_term, exchange, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    release(own_term, exchange)
    words = ["fetch_assignment", LESSON, f"--Exchange.root={exchange}", f"--CourseDirectory.course_id={NAME}"]
    plain = [sys.executable, "-m", "nbgrader", *words]
    assert subprocess.run(plain, cwd=work, capture_output=True, check=False).returncode == 0
    again = subprocess.run(plain, cwd=work, capture_output=True, text=True, check=False)
    assert again.returncode != 0 and "already have a copy" in again.stderr


def test_a_lesson_that_was_not_released_is_told_as_such(own_term, exchange, tmp_path):
    (exchange / NAME / "outbound").mkdir(parents=True)
    done = fetch(exchange, tmp_path)
    assert done.returncode == 2 and "was not fetched" in done.stderr and LESSON in done.stderr
    assert not (tmp_path / LESSON).exists()


def test_a_work_folder_that_is_not_there_is_refused(exchange, tmp_path, capsys):
    words = ["fetch", LESSON, "--exchange", str(exchange), "--work", str(tmp_path / "nowhere")]
    assert main(words) == 2
    assert "there is no such folder" in capsys.readouterr().err
