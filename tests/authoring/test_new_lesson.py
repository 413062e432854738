"""Does a lesson that was just started build, and pass the gate?"""

import re
from pathlib import Path

import pytest

from course.authoring.gate import check_lesson
from course.authoring.lesson import ROLES
from course.authoring.new_lesson import new_lesson, skeleton_folder
from course.authoring.rehearsal import Stage
from course.cli import main
from course.errors import CourseError

ROOT = Path(__file__).parents[2]


def test_a_new_lesson_builds_and_passes_the_gate(tmp_path, capsys):
    assert main(["new-lesson", "02_gaps", "--root", str(tmp_path)]) == 0
    assert "course build 02_gaps" in capsys.readouterr().out
    assert main(["build", "--root", str(tmp_path)]) == 0
    with Stage(modules=()) as stage:
        report = check_lesson(tmp_path, "02_gaps", package={}, stages=[stage])
    assert report.all_findings == [] and report.sections[0].censuses[0].counted >= 2


def test_the_skeleton_holds_every_kind_of_cell():
    [section] = skeleton_folder(ROOT).glob("*.py")
    text = section.read_text(encoding="utf-8")
    assert set(re.findall(r'(?m)^# %%.* role="(\w+)"', text)) == set(ROLES)


def test_two_lessons_get_seeds_of_their_own(tmp_path):
    seeds = set()
    for name in ("02_gaps", "03_gaps"):
        [section, _] = new_lesson(tmp_path, name)
        seeds |= set(re.findall(r"0x[0-9A-F]{32}", (tmp_path / section).read_text(encoding="utf-8")))
    assert len(seeds) == 2 and not any("5EED" * 8 in seed for seed in seeds)


@pytest.mark.parametrize("name", ["gaps", "2_gaps", "02-gaps", "02_Gaps", "02_", "02_gaps/../x", ""])
def test_a_name_that_is_no_lessons_is_refused(tmp_path, name):
    with pytest.raises(CourseError, match="two digits and words"):
        new_lesson(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_ever_written_over(tmp_path):
    new_lesson(tmp_path, "02_gaps")
    with pytest.raises(CourseError, match="lesson 02 is there already: 02_gaps"):
        new_lesson(tmp_path, "02_other_gaps")
