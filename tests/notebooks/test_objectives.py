"""What a section promises at its top is checked by graded cells, and every graded cell serves a promise."""

import re
import tomllib
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
LESSON = "01_what_is_mlops"
OBJECTIVES = tomllib.loads((ROOT / "lessons" / LESSON / "objectives.toml").read_text(encoding="utf-8"))
RELEASES = {path.stem: path for path in sorted((ROOT / "release" / LESSON).glob("*.ipynb"))}
BULLETS = re.compile(r"After this section you can\n((?:- .*\n?)+)")


def promised(section: str) -> list[str]:
    first = nbformat.read(RELEASES[section], as_version=4).cells[0].source
    found = BULLETS.search(first)
    return [line.removeprefix("- ").rstrip(",.") for line in found[1].strip().splitlines()] if found else []


def points(section: str) -> dict[str, int]:
    """Points by grade id, of what a machine or a person marks."""
    cells = nbformat.read(RELEASES[section], as_version=4).cells
    marked = [cell.metadata.nbgrader for cell in cells if cell.metadata.get("nbgrader", {}).get("grade")]
    return {about.grade_id: about.points for about in marked if about.points}


def test_every_section_has_objectives():
    assert list(OBJECTIVES) == list(RELEASES)


@pytest.mark.parametrize("section", RELEASES)
def test_the_page_promises_what_stands_in_the_list_word_by_word(section):
    assert promised(section) == list(OBJECTIVES[section])


@pytest.mark.parametrize("section", RELEASES)
def test_every_promise_is_checked_by_cells_that_give_points(section):
    known = points(section)
    for promise, ids in OBJECTIVES[section].items():
        assert ids, f"{promise}: nothing checks it"
        unknown = [name for name in ids if name not in known]
        assert unknown == [], f"{promise}: no cell of {section} that gives points is called {unknown}"


@pytest.mark.parametrize("section", RELEASES)
def test_every_cell_that_gives_points_serves_a_promise(section):
    served = {name for ids in OBJECTIVES[section].values() for name in ids}
    idle = set(points(section)) - served
    assert idle == set(), f"{section}: no objective asks for {sorted(idle)}"
