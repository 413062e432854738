"""Are solutions published as pages that a student learns from, not before their time, and without what stays hidden?"""

import datetime
import re

import nbformat
import pytest

from course.cli import main
from course.errors import CourseError
from course.term.seeds import seeds_of
from course.term.solutions import check_over, write_solutions
from tests.term.conftest import LESSON

AFTER = datetime.datetime(2027, 2, 2, tzinfo=datetime.UTC)


def test_a_page_shows_the_answer_and_no_hidden_test(term, tmp_path):
    [page] = write_solutions(term, LESSON, tmp_path / "pages", now=AFTER)
    source = nbformat.read(next((term / "source" / LESSON).glob("*.ipynb")), as_version=4)
    text = re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))
    answers = [c for c in source.cells if "BEGIN SOLUTION" in c.source]
    assert answers and all(
        line.split("(")[0].strip() in text
        for cell in answers
        for line in cell.source.split("### BEGIN SOLUTION")[1].split("### END")[0].strip().splitlines()
    )
    hidden = [
        line.strip()
        for cell in source.cells
        for region in re.findall(r"### BEGIN HIDDEN TESTS(.*?)### END", cell.source, re.DOTALL)
        for line in region.splitlines()
        if len(line.strip()) > 20
    ]
    assert hidden and not any(line.split('"')[0] in text for line in hidden)
    assert not any(seed in page.read_text() for seed in seeds_of(source))
    assert "BEGIN SOLUTION" not in text and "NotImplementedError" not in text


def test_before_the_due_date_nothing_is_published(term, tmp_path):
    with pytest.raises(CourseError, match="is due 2027-02-01T23:59"):
        write_solutions(term, LESSON, tmp_path / "pages", now=AFTER - datetime.timedelta(hours=2))
    assert not (tmp_path / "pages").exists()
    assert len(write_solutions(term, LESSON, tmp_path / "pages", early=True)) == 1


@pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")  # nbgrader's own adding of a submission
def test_who_has_an_extension_is_waited_for(own_term):
    from nbgrader.api import Gradebook

    check_over(own_term, LESSON, AFTER)
    with Gradebook(f"sqlite:///{own_term / 'gradebook.db'}", "mlops-spring-27") as book:
        book.add_submission(LESSON, "ben")
        book.grant_extension(LESSON, "ben", days=3)
    with pytest.raises(CourseError, match="ben until 2027-02-04T23:59"):
        check_over(own_term, LESSON, AFTER)
    check_over(own_term, LESSON, AFTER + datetime.timedelta(days=3))


def test_a_lesson_that_is_not_there_is_named_with_those_that_are(term, capsys):
    assert main(["solutions", "03_nowhere", "--course-dir", str(term), "--early"]) == 2
    assert "there is no 03_nowhere" in capsys.readouterr().err


def test_an_answer_that_does_not_run_publishes_no_page(own_term, tmp_path):
    path = next((own_term / "source" / LESSON).glob("*.ipynb"))
    path.write_text(path.read_text().replace("### BEGIN SOLUTION", "raise OSError('gone')"))
    with pytest.raises(CourseError, match=r"does not run.*(?s:.*)gone"):
        write_solutions(own_term, LESSON, tmp_path / "pages", early=True)
    assert not (tmp_path / "pages").exists()
