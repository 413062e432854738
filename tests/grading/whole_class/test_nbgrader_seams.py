"""`nbgrader autograde` and formgrader's button go the way of `course grade`."""

from unittest.mock import patch

import pytest
from small_course import LESSON, RIGHT, InHere

SEAM = """
c.Autograde.exporter_class = "course.grading.nbgrader_seams.SafeGrading"
c.SafeGrading.grade_notebook = "fake_rooms:grade_notebook"
"""


@pytest.fixture
def with_seam(small_course):
    with (small_course.root / "nbgrader_config.py").open("a") as config:
        config.write(SEAM)
    with patch("course.grading.class_run.open_pool", InHere):
        yield small_course


def opened(course):
    """nbgrader's application and course directory, as its commands and its server open them."""
    from nbgrader.apps import AutogradeApp

    app = AutogradeApp()
    app.load_cwd_config = False
    app.initialize([f"--CourseDirectory.root={course.root}", f"--CourseDirectory.assignment_id={LESSON}"])
    return app


def test_nbgrader_autograde_leaves_what_course_grade_leaves(with_seam, tmp_path):
    with_seam.hand_in("ada")
    with_seam.hand_in("ben", {"one": {"double": "def double(x):\n    return 4"}}, leave_out=["two"])
    other = with_seam.copy(tmp_path / "other")
    other.grade()
    opened(with_seam).start()
    assert with_seam.rows() == other.rows()
    ours, theirs = ({p.relative_to(c.root): p.read_bytes() for p in c.autograded()} for c in (with_seam, other))
    assert ours == theirs


def test_a_mangled_submission_with_links_stops_nobody_and_is_not_followed(with_seam):
    folder = with_seam.hand_in("ada", files={"one.ipynb": "\x00 mangled"})
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "gradebook").symlink_to(with_seam.root / "gradebook.db")
    with_seam.hand_in("ben")
    opened(with_seam).start()
    assert with_seam.rows()["ben", "two", "word-yes", "grade"] == (4.0, None, False)
    assert with_seam.rows()["ada", "one", "double-two", "grade"] == (0.0, None, True)
    names = {path.name for path in with_seam.autograded()}
    assert names == {"one.ipynb", "two.ipynb", "timestamp.txt", "data.csv"}


def test_formgraders_button_grades_one_student_again_and_keeps_marks_by_hand(with_seam):
    from nbgrader.api import Gradebook
    from nbgrader.apps.api import NbGraderAPI

    with_seam.hand_in("ada")
    with_seam.hand_in("ben")
    app = opened(with_seam)
    api = NbGraderAPI(coursedir=app.coursedir, parent=app)
    assert api.autograde(LESSON, "ada")["success"]
    with Gradebook(f"sqlite:///{with_seam.root}/gradebook.db") as gradebook:
        grade = gradebook.find_grade("why", "one", LESSON, "ada")
        grade.manual_score, grade.needs_manual_grade = 2.0, False
        gradebook.db.commit()
    assert api.autograde(LESSON, "ada")["success"]
    rows = with_seam.rows()
    assert rows["ada", "one", "why", "grade"] == (None, 2.0, True)
    assert not any(student == "ben" for student, *_ in rows)


def test_a_submission_without_a_verdict_ends_autograde_with_an_error_that_names_it(with_seam):
    from nbgrader.apps.api import NbGraderAPI

    with_seam.hand_in("ada", {**RIGHT, "two": {"word": "word = 'RAISE IN THE WORKER'"}})
    app = opened(with_seam)
    result = NbGraderAPI(coursedir=app.coursedir, parent=app).autograde(LESSON, "ada")
    assert not result["success"]
    assert "ada could not be graded" in result["log"]
    assert "the grader has a fault" in result["log"]
