"""The one writer: what it leaves behind is what nbgrader leaves behind."""

import csv
import datetime
import sqlite3
import stat

import pytest
from small_course import LESSON, RIGHT, nbgrader

from course.errors import CourseError
from course.grading.course_directory import open_course

LATE_CONFIG = 'c.LateSubmissionPlugin.penalty_method = "zero"\n'


def due(course, day):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        gradebook.update_or_create_assignment(LESSON, duedate=f"2026-11-{day} 00:00:00 UTC")


def change_grade(course, student, notebook, cell, **values):
    """Mark by hand, as formgrader does."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        grade = gradebook.find_grade(cell, notebook, LESSON, student)
        for name, value in values.items():
            setattr(grade, name, value)
        gradebook.db.commit()


def test_the_gradebook_says_what_plain_nbgrader_says(small_course, tmp_path):
    with (small_course.root / "nbgrader_config.py").open("a") as config:
        config.write(LATE_CONFIG)
    due(small_course, 21)
    small_course.hand_in("ada", files={"notes.txt": "mine", "data.csv": "forged"})
    half = {"one": {"double": "def double(x):\n    return 4 if x == 2 else 2 * min(x, 3)"}}
    small_course.hand_in("ben", half, timestamp="2026-11-22 10:00:00 +0200", leave_out=["two"])
    plain = small_course.copy(tmp_path / "plain")
    nbgrader(plain.root, "autograde", LESSON)
    small_course.grade()
    assert small_course.rows() == plain.rows()
    assert small_course.rows()["ben", "one", "double-worlds", "grade"] == (0.5, None, False)
    assert small_course.rows()["ben", "one", "penalty"] == 3.5
    ours, theirs = (
        {file.relative_to(c.root): file.stat().st_mode for file in c.autograded()} for c in (small_course, plain)
    )
    assert ours == theirs
    assert {stat.S_IMODE(mode) for mode in ours.values()} == {0o444}
    for file in ours:
        if file.suffix != ".ipynb":
            assert (small_course.root / file).read_bytes() == (plain.root / file).read_bytes(), file


@pytest.mark.filterwarnings("default")
def test_feedback_export_and_hand_marking_work_on_the_result(small_course, monkeypatch):
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.converters import GenerateFeedback
    from nbgrader.plugins import CsvExportPlugin

    small_course.hand_in("ada", {**RIGHT, "two": {"word": "word = 'no'"}})
    small_course.grade()
    course = open_course(small_course.root)
    course.directory.assignment_id = LESSON
    GenerateFeedback(coursedir=course.directory, parent=course.directory.parent).start()
    page = (small_course.root / "feedback" / "ada" / LESSON / "two.html").read_text()
    assert "Score: 0.0 / 4.0" in page
    assert "AssertionError" in page
    api = NbGraderAPI(coursedir=course.directory, parent=course.directory.parent)
    (submission,) = api.get_submissions(LESSON)
    assert (submission["score"], submission["max_score"], submission["needs_manual_grade"]) == (4.0, 11.0, True)
    (notebook,) = api.get_notebook_submissions(LESSON, "two")
    assert (notebook["failed_tests"], notebook["needs_manual_grade"]) == (True, False)
    monkeypatch.chdir(small_course.root)
    with api.gradebook as gradebook:
        CsvExportPlugin(parent=course.directory.parent).export(gradebook)
    (row,) = csv.DictReader((small_course.root / "grades.csv").read_text().splitlines())
    assert (row["student_id"], float(row["score"]), float(row["max_score"])) == ("ada", 4.0, 11.0)


def test_a_failed_tests_cell_is_red_and_a_passed_one_is_not(small_course):
    small_course.hand_in("ada", {"one": {"double": "def double(x):\n    return 4"}})
    small_course.grade()
    notebook = small_course.graded_notebook("ada", "one")
    import nbformat

    nbformat.validate(notebook)
    kinds = {cell.id: [output.output_type for output in cell.get("outputs", [])] for cell in notebook.cells}
    assert kinds["double-two"] == []
    assert kinds["double-three"] == ["error"]
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"] == [1, 2, 3, 4, 5]


def test_a_persons_marks_survive_and_are_asked_for_again_only_when_the_answer_changed(small_course):
    small_course.hand_in("ada")
    small_course.grade()
    change_grade(small_course, "ada", "one", "why", manual_score=2.5, needs_manual_grade=False)
    small_course.grade()
    assert small_course.rows()["ada", "one", "why", "grade"] == (None, 2.5, False)
    small_course.edit_source("one", "double-two", "assert double(2) == 4.0")
    small_course.grade()
    assert small_course.rows()["ada", "one", "why", "grade"] == (None, 2.5, False)
    small_course.hand_in("ada", {**RIGHT, "one": {**RIGHT["one"], "why": "I changed my mind."}})
    report = small_course.grade()
    assert small_course.rows()["ada", "one", "why", "grade"] == (None, 2.5, True)
    assert report.executed_notebooks == 0, "words do not run"
    change_grade(small_course, "ada", "one", "why", needs_manual_grade=False)
    small_course.grade(force=True)
    assert small_course.rows()["ada", "one", "why", "grade"] == (None, 2.5, True), "--force asks again, as nbgrader"


def test_a_due_date_that_moves_moves_the_penalty_without_running_anything(small_course):
    with (small_course.root / "nbgrader_config.py").open("a") as config:
        config.write(LATE_CONFIG)
    small_course.hand_in("ada")
    (entry,) = small_course.grade().entries
    assert (entry.score, entry.late_penalty) == (8.0, 0.0)
    due(small_course, 10)
    report = small_course.grade()
    assert (report.entries[0].score, report.entries[0].late_penalty, report.executed_notebooks) == (0.0, 8.0, 0)


def test_a_lost_result_earns_nothing_and_a_person_is_told_why(small_course):
    small_course.hand_in("ada", {"two": {"word": "word = 'yes'  # LOSE THE RESULT"}})
    (entry,) = small_course.grade().entries
    assert small_course.rows()["ada", "two", "word-yes", "grade"] == (0.0, None, True)
    comment, _ = small_course.rows()["ada", "two", "word", "comment"]
    assert "word-yes: no result" in comment
    assert any("word-yes" in note for note in entry.notes)


def test_an_unreadable_notebook_has_a_reason_for_the_student_and_waits_for_a_person(small_course):
    small_course.hand_in("ada", files={"one.ipynb": "{ no notebook", "two.ipynb": "[broken <b>too</b>"})
    report = small_course.grade()
    (entry,) = report.entries
    assert (entry.status, entry.score, entry.needs_person) == ("could not be read", 0.0, True)
    assert "one: The file is damaged" in entry.reason
    assert report.all_have_a_verdict
    assert small_course.rows()["ada", "one", "why", "grade"] == (0.0, None, True)
    first = small_course.graded_notebook("ada", "one").cells[0]
    assert "The file is damaged at line 1" in first.source


def test_a_course_that_creates_no_students_says_so_and_goes_on(small_course):
    with (small_course.root / "nbgrader_config.py").open("a") as config:
        config.write("c.Autograde.create_student = False\n")
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{small_course.root}/gradebook.db") as gradebook:
        gradebook.add_student("ben")
    small_course.hand_in("ada")
    small_course.hand_in("ben")
    statuses = {entry.student: (entry.status, entry.reason) for entry in small_course.grade().entries}
    assert statuses["ben"] == ("graded", "")
    assert statuses["ada"][0] == "could not be graded"
    assert "nbgrader db student add ada" in statuses["ada"][1]


def test_a_gradebook_that_another_holds_is_said_to_be_locked(small_course, monkeypatch):
    monkeypatch.setattr("course.grading.gradebook.LOCK_SECONDS", 0.1)
    small_course.hand_in("ada")
    before = small_course.rows()
    other = sqlite3.connect(small_course.root / "gradebook.db")
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(CourseError, match="stays locked"):
            small_course.grade()
    finally:
        other.rollback()
        other.close()
    assert small_course.rows() == before
    report = small_course.grade()
    assert (report.entries[0].status, report.executed_notebooks) == ("graded", 0), "the journal had the results"


def test_a_gradebook_of_an_older_nbgrader_is_named_with_the_remedy(small_course):
    small_course.hand_in("ada")
    database = sqlite3.connect(small_course.root / "gradebook.db")
    database.execute("ALTER TABLE student DROP COLUMN lms_user_id")
    database.close()
    with pytest.raises(CourseError, match="nbgrader db upgrade"):
        small_course.grade()


def test_a_submission_without_a_time_keeps_the_one_the_gradebook_has(small_course):
    small_course.hand_in("ada")
    small_course.grade()
    small_course.hand_in("ada", timestamp="the day before yesterday, honestly")
    (entry,) = small_course.grade().entries
    assert small_course.rows()["ada", "", "timestamp"] == datetime.datetime(2026, 11, 20, 10)
    assert any("is no time" in note for note in entry.notes)
