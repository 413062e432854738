"""The instructor's guide keeps up with the lesson, marks every written answer, and reaches no student."""

import re
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from course.authoring.guide import fill, guide_path
from course.authoring.pace import claimed_minutes
from course.cli import main
from course.errors import CourseError

sys.path.insert(0, str(Path(__file__).parents[1] / "labs"))
from test_every_lab import LABS

ROOT = Path(__file__).parents[2]
LESSON = "01_what_is_mlops"
GUIDE = guide_path(ROOT, LESSON).read_text(encoding="utf-8")
RUBRIC = re.compile(r"^### `([a-z-]+)` \(section \d\): (\d+) points$(.*?)(?=^##)", re.MULTILINE | re.DOTALL)
RELEASES = [nbformat.read(path, as_version=4) for path in sorted((ROOT / "release" / LESSON).glob("*.ipynb"))]


def written() -> dict[str, int]:
    cells = [cell.metadata.get("nbgrader", {}) for release in RELEASES for cell in release.cells]
    return {about.grade_id: about.points for about in cells if about.get("grade") and about.get("solution")}


def test_the_tables_are_up_to_date():
    assert main(["guide", LESSON, "--check", "--root", str(ROOT)]) == 0


def test_an_old_table_is_said_and_mended(tmp_path, capsys):
    for tree in ("lessons", "source", "release"):
        (tmp_path / tree).symlink_to(ROOT / tree)
    guide = guide_path(tmp_path, LESSON)
    guide.parent.mkdir()
    guide.write_text(GUIDE.replace("| `7_roadmap` |", "| `8_roadmap` |"), encoding="utf-8")
    assert main(["guide", LESSON, "--check", "--root", str(tmp_path)]) == 1
    assert "out of date" in capsys.readouterr().out
    assert main(["guide", LESSON, "--root", str(tmp_path)]) == 0
    assert guide.read_text(encoding="utf-8") == GUIDE


def test_a_mark_that_nothing_is_made_for_is_named():
    with pytest.raises(CourseError, match="'glanze'"):
        fill("<!-- made: glanze -->\n<!-- end -->", {"glance": ""})


def test_a_lesson_without_a_guide_is_told_where_to_write_one(tmp_path, capsys):
    assert main(["guide", "02_other", "--root", str(tmp_path)]) == 2
    assert "docs/lesson-02-guide.md" in capsys.readouterr().err


def test_every_written_answer_has_a_rubric_with_a_full_a_middling_and_a_failing_example():
    found = {name: (int(points), text) for name, points, text in RUBRIC.findall(GUIDE)}
    assert {name: points for name, (points, _) in found.items()} == written()
    for name, (points, text) in found.items():
        marks = [int(mark) for mark, most in re.findall(r"\*\*(\d+) of (\d+)\.", text) if int(most) == points]
        assert len(marks) >= 3 and marks == sorted(marks, reverse=True), f"{name}: {marks}"
        assert marks[0] == points and 0 < marks[1] < points and marks[-1] <= points / 3, f"{name}: {marks}"


def test_every_laboratory_has_its_line():
    missing = [lab.__name__ for lab in LABS if f"| `{lab.__name__}` |" not in GUIDE]
    assert missing == []


def test_the_plans_take_the_minutes_that_they_name():
    promised = [claimed_minutes(release).total for release in RELEASES]
    plans = re.findall(r"^\| (\d+) minutes \| sections ([\d, and]+): (\d+) minutes", GUIDE, re.MULTILINE)
    assert len(plans) >= 3
    for have, sections, takes in plans:
        total = sum(promised[int(number)] for number in re.findall(r"\d", sections))
        assert total == int(takes) <= int(have), f"sections {sections} take {total:.0f} minutes"
    assert sum(promised) == 150


def test_no_student_gets_it(tmp_path):
    assert main(["pack", LESSON, "--out", str(tmp_path)]) == 0
    (pack,) = tmp_path.glob("*.zip")
    with zipfile.ZipFile(pack) as zipped:
        names = zipped.namelist()
        for wheel in [name for name in names if name.endswith(".whl")]:
            with zipped.open(wheel) as inner, zipfile.ZipFile(inner) as wheeled:
                names += wheeled.namelist()
    assert [name for name in names if "guide" in name and not name.endswith("authoring/guide.py")] == []
