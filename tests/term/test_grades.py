"""Can grades be carried to a spreadsheet, to Moodle and to Canvas, whatever a student is called?"""

import csv
import shutil

import pytest

from course.cli import main
from course.term.grades import as_csv
from tests.term.conftest import LESSON
from tests.term.test_new_term import book_of, grade, hand_in

NASTY = ['=HYPERLINK("http://x","y")', "+1", "-2", "@SUM(A1)", "\t=1", " =1", "\r=1", "\n=1"]


@pytest.fixture(scope="module")
def graded(school, term, tmp_path_factory):
    """A term in which ada was in time, ben a day late, cem handed in nothing; a name is a formula."""
    folder = tmp_path_factory.mktemp("graded") / "spring"
    shutil.copytree(term, folder)
    hand_in(school, folder, "ada", "2027-01-30 12:00:00 UTC")
    hand_in(school, folder, "ben", "2027-02-02 12:00:00 UTC")
    assert grade(folder)[0].returncode == 0
    with book_of(folder) as book:
        book.update_or_create_student("ada", last_name='=cmd|"/c calc"!A1', first_name='Ada "the first", Countess')
        grades = [g for n in book.find_submission(LESSON, "ben").notebooks for g in n.grades if g.needs_manual_grade]
        for one in grades:
            one.manual_score, one.needs_manual_grade = 1.5, False
        book.db.commit()
    return folder


def written(folder, out, *words):
    assert main(["grades", "--course-dir", str(folder), "--out", str(out), *words]) == 0
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    with out.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_plain_says_of_everybody_what_they_have_and_why(graded, tmp_path, capsys):
    rows = {row["id"]: row for row in written(graded, tmp_path / "g.csv")}
    assert set(rows) == {"ada", "ben", "cem"} and {row["lesson"] for row in rows.values()} == {LESSON}
    assert rows["ada"]["status"] == "waits for a person" and rows["ben"]["status"] == "graded"
    assert rows["cem"]["status"] == "nothing handed in" and rows["cem"]["points"] == ""
    with book_of(graded) as book:
        ben = book.find_submission(LESSON, "ben")
        assert float(rows["ben"]["points"]) == pytest.approx(ben.score - ben.late_submission_penalty)
        assert 0 < ben.late_submission_penalty == pytest.approx(float(rows["ben"]["late_penalty"]))
        assert float(rows["ben"]["of"]) == ben.max_score
    assert rows["ben"]["handed_in_utc"] == "2027-02-02 12:00:00"
    said = capsys.readouterr().out
    assert f"waits for a person: ada ({LESSON})" in said and f"nothing handed in: cem ({LESSON})" in said


def test_no_name_becomes_a_formula_and_none_breaks_a_row(graded, tmp_path):
    for kind in ("plain", "moodle", "canvas"):
        rows = written(graded, tmp_path / f"{kind}.csv", "--format", kind)
        cells = [cell for row in rows for cell in row.values()]
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells), kind
        assert any("cmd|" in cell for cell in cells) and any('Ada "the first", Countess' in cell for cell in cells)


@pytest.mark.parametrize("name", NASTY)
def test_what_begins_a_formula_is_written_as_text(name):
    [[cell, other]] = csv.reader(as_csv([(name, "x")]).splitlines(keepends=True))
    assert cell == f"'{name}" and other == "x"


def test_moodle_gets_a_column_a_lesson_and_no_grade_where_there_is_none(graded, tmp_path):
    rows = {row["Username"]: row for row in written(graded, tmp_path / "m.csv", "--format", "moodle")}
    assert rows["ben"]["Email address"] == "ben@example.org" and rows["ben"]["First name"] == "José"
    assert rows["cem"][LESSON] == "" and float(rows["ben"][LESSON]) > 0
    rows = {row["Username"]: row for row in written(graded, tmp_path / "m.csv", "--format", "moodle", "--zero")}
    assert rows["cem"][LESSON] == "0"


def test_canvas_gets_its_columns_and_the_points_possible(graded, tmp_path):
    rows = written(graded, tmp_path / "c.csv", "--format", "canvas")
    assert list(rows[0])[:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert rows[0]["Student"].strip() == "Points Possible"
    with book_of(graded) as book:
        assert float(rows[0][LESSON]) == book.find_assignment(LESSON).max_score
    assert {row["SIS Login ID"]: row["Student"] for row in rows[1:]}["ben"] == "Pérez, José"


def test_a_lesson_or_a_folder_that_is_not_there_is_refused(graded, tmp_path, capsys):
    words = ["grades", "--course-dir", str(graded), "--out", str(tmp_path / "g.csv")]
    assert main([*words, "--lesson", "03_nowhere"]) == 2
    assert f"the gradebook has no 03_nowhere; it has: {LESSON}" in capsys.readouterr().err
    assert main([*words[:-1], str(tmp_path / "no" / "g.csv")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
