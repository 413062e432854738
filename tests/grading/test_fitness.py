"""A tests cell that cannot work across the wall is refused, one that lets the student judge is warned of, no other."""

import builtins
import contextlib
import io
from pathlib import Path

import pytest
from idioms import IDIOMS
from misfits import DANGEROUS, FINE, REFUSED, WARNED
from test_two_sides import LEVEL, rebuilt

from course.grading.fitness import check_tests_cell
from course.grading.grader import grade_notebook
from course.grading.names import bound_names, imports_of
from course.grading.records import Cell, Limits


def misfits(answer, tests, set_up=""):
    names = bound_names(answer) - bound_names("\n".join(imports_of(answer)))
    return check_tests_cell(tests, names, [set_up], [answer])


@pytest.mark.parametrize("name", REFUSED | DANGEROUS)
def test_is_it_refused_and_named(name):
    words, *cells = (REFUSED | DANGEROUS)[name]
    refused = [misfit for misfit in misfits(*cells) if misfit.refused]
    assert any(words in misfit.found for misfit in refused), f"nothing says {words!r}: {list(map(str, refused))}"


@pytest.mark.parametrize("name", WARNED)
def test_is_it_warned_of_and_named(name):
    words, *cells = WARNED[name]
    found = misfits(*cells)
    assert [misfit.refused for misfit in found] == [False], list(map(str, found))
    assert words in str(found[0])


@pytest.mark.parametrize("name", FINE)
def test_is_nothing_said_of_what_is_fine(name):
    assert misfits(*FINE[name]) == []


@pytest.mark.parametrize("idiom", IDIOMS, ids=lambda idiom: idiom.name)
def test_is_nothing_said_of_the_usual_idioms(idiom):
    assert misfits(idiom.right, idiom.tests, idiom.set_up) == []


@pytest.fixture(scope="module")
def across_the_wall():
    """How each refused cell ends when it runs on two sides all the same: in one notebook, which saves a minute."""
    cells = []
    for name, (_, answer, tests, *set_up) in REFUSED.items():
        cells += [Cell(f"set-up {name}", "set-up", "\n".join(set_up)), Cell(f"answer {name}", "answer", answer)]
        cells.append(Cell(name, "tests", tests, points=1))
    return grade_notebook(rebuilt(*cells), limits=Limits(cell_seconds=5), level=LEVEL).cells


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
def test_does_a_refused_cell_pass_in_one_process_and_not_across_the_wall(name, across_the_wall, tmp_path, monkeypatch):
    """When the wall has learned to do it, the refusal must go."""
    monkeypatch.chdir(tmp_path)
    _, answer, tests, *set_up = REFUSED[name]
    assert across_the_wall[f"answer {name}"].state == "passed"
    assert across_the_wall[name].state != "passed", "it works: refuse it no longer"
    if "__main__" not in tests:
        names = {"__name__": "__main__", "__builtins__": builtins}
        with contextlib.redirect_stdout(io.StringIO()):
            for source in (*set_up, answer, tests):
                exec(source.replace("pickle.dumps(a)", "pickle"), names)
    assert Path.cwd() == tmp_path
