"""Can an instructor let one student hand in later, before or after the lesson was graded?"""

import datetime

import pytest

from course.cli import main
from course.errors import CourseError
from course.term.extending import extend
from course.term.plan import read_when
from tests.term.conftest import LESSON
from tests.term.test_new_term import book_of, grade, hand_in

LATER = read_when("2027-02-10T23:59+01:00", "--until")


def penalties(term):
    done, report = grade(term)
    assert done.returncode == 0, done.stderr
    return {entry["student"]: entry["late_penalty"] for entry in report["submissions"]}


def test_an_extension_before_or_after_grading_spares_the_student_until_it_is_taken_back(school, own_term):
    said = extend(own_term, LESSON, "ada", LATER)  # nothing is handed in yet
    assert "2027-02-10T23:59" in said
    for student in ("ada", "ben"):
        hand_in(school, own_term, student, "2027-02-05 12:00:00 UTC")
    assert (found := penalties(own_term))["ada"] == 0 and found["ben"] > 0
    extend(own_term, LESSON, "ben", LATER)
    assert penalties(own_term)["ben"] == 0
    assert main(["extend", LESSON, "ada", "--none", "--course-dir", str(own_term)]) == 0
    assert penalties(own_term)["ada"] > 0


def test_a_new_extension_replaces_the_one_before(own_term):
    extend(own_term, LESSON, "ada", LATER)
    extend(own_term, LESSON, "ada", LATER + datetime.timedelta(days=1))
    with book_of(own_term) as book:
        assert book.find_submission(LESSON, "ada").extension == datetime.timedelta(days=10)


@pytest.mark.parametrize(
    ("lesson", "student", "until", "words"),
    [
        (LESSON, "eve", LATER, "eve"),
        ("03_nowhere", "ada", LATER, "03_nowhere has no due date"),
        (LESSON, "ada", read_when("2027-01-01T00:00+01:00", "--until"), "is no later than"),
    ],
)
def test_a_mistake_is_named(term, lesson, student, until, words):
    with pytest.raises(CourseError, match=words):
        extend(term, lesson, student, until)


@pytest.mark.parametrize(
    ("text", "words"), [("tomorrow", "a date and a time"), ("2027-02-08", "write 2027-02-08T23:59")]
)
def test_a_time_is_asked_for_in_full(term, capsys, text, words):
    assert main(["extend", LESSON, "ada", "--until", text, "--course-dir", str(term)]) == 2
    assert f"--until {text}" in (said := capsys.readouterr().err) and words in said
