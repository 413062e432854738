"""Is a class's plan understood, and does each mistake in it get words that help?"""

import re

import pytest

from course.errors import CourseError
from course.hub.class_plan import ClassPlan, read_class

COURSE = '[courses.mlops-a]\nroster = "a.csv"\ninstructors = ["ines"]\n'
STATE = 'state = "state"\n'


@pytest.fixture
def plan(tmp_path):
    """Write a plan and a roster beside it, and read the plan."""

    def write(text: str, students=("ada", "bo")) -> ClassPlan:
        rows = "".join(f"{name},,,\n" for name in students)
        (tmp_path / "a.csv").write_text("id,first_name,last_name,email\n" + rows)
        (tmp_path / "class.toml").write_text(text)
        return read_class(tmp_path / "class.toml")

    return write


def test_a_short_plan_is_enough_and_paths_are_beside_it(plan, tmp_path):
    read = plan(STATE + COURSE)
    [course] = read.courses
    assert (read.state, course.roster) == (tmp_path / "state", tmp_path / "a.csv")
    assert course.people == ("ines", "ada", "bo") and course.grader == "grade-mlops-a"
    assert (read.url, read.database, read.accounts) == ("http://localhost:8000", "sqlite", "exist")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (COURSE, "state is None; expected a folder"),
        (STATE, "it names no course"),
        (STATE + "memori = 2\n" + COURSE, "memori is no setting; there are: accounts"),
        (STATE + 'memory = "lots"\n' + COURSE, 'expected a size such as "2G"'),
        (STATE + 'accounts = "maybe"\n' + COURSE, "expected one of exist, create"),
        (STATE + 'database = "mysql://x"\n' + COURSE, "expected 'sqlite', or PostgreSQL"),
        (STATE + 'url = "hub.example.org"\n' + COURSE, "expected an address without a path"),
        (STATE + 'url = "https://example.org/hub"\n' + COURSE, "expected an address without a path"),
        (STATE + "idle_minutes = 0\n" + COURSE, "expected a number, 0.1 or more"),
        (STATE + "processes = true\n" + COURSE, "expected a number, 50 or more"),
        (STATE + "processes = 99.5\n" + COURSE, "expected a whole number"),
        (STATE + 'subdomains = "no"\n' + COURSE, "expected true or false"),
        (STATE + COURSE.replace("mlops-a", "MLOps"), "cannot be a course id"),
        (STATE + COURSE.replace('["ines"]', "[]"), "has no instructor"),
        (STATE + COURSE.replace('["ines"]', '"ines"'), "expected a list of Unix accounts"),
        (STATE + COURSE.replace('["ines"]', '["ines", "bo"]'), "bo teaches mlops-a and is on its roster as well"),
        (STATE + COURSE + 'grader = "ines"\n', "the grader ines is a person's account too"),
        (STATE + COURSE + 'grade = "x"\n', "expected roster, instructors; assistants, grader"),
        ("state = ", "is no TOML"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(plan, text, words):
    with pytest.raises(CourseError, match=re.escape(words)):
        plan(text)


def test_an_id_that_is_no_account_is_named(plan):
    with pytest.raises(CourseError, match=r"Ada Lovelace|José"):
        plan(STATE + COURSE, students=("José",))
    with pytest.raises(CourseError, match=r"x@y\.org cannot be a Unix account"):
        plan(STATE + COURSE, students=("x@y.org",))


def test_two_courses_may_not_share_a_grader(plan):
    both = COURSE + 'grader = "g"\n' + COURSE.replace("mlops-a", "mlops-b") + 'grader = "g"\n'
    with pytest.raises(CourseError, match="or another course's grader"):
        plan(STATE + both)


def test_a_plan_that_is_not_there_says_so(tmp_path):
    with pytest.raises(CourseError, match=r"class\.toml cannot be read"):
        read_class(tmp_path / "class.toml")
