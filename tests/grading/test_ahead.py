"""Set-up cells that run before the tests cells before them: only those of which neither could tell."""

from __future__ import annotations

import pytest

from course.grading import judges
from course.grading.ahead import changeable, may_run_ahead
from course.grading.grader import grade_notebook
from course.grading.records import Cell, Limits, Rebuilt
from course.grading.sandbox import available_levels

F = Cell("f", "answer", "def f(x=0): return x + 1")
TESTS = "assert f(size) == 4 and len(rows) == 2"
FIRST = "import warnings\nfrom random import random as draw, seed\nseed(5)\nsize, rows = 3, [1, 2]"


def cells(first: str, tests: str, later: str, last: str = "assert f(1) == 2") -> tuple[Cell, ...]:
    return (
        Cell("s", "set-up", first),
        F,
        Cell("one", "tests", tests, points=1),
        Cell("later", "set-up", later),
        Cell("two", "tests", last, points=1),
    )


@pytest.mark.parametrize(
    "later",
    ["rows = [3]", "rows.append(3)", "size += 1", "two = f(1)", "f = None", "exec('size = 9')", "%matplotlib inline",
     "globals()['size'] = 9", "del rows", "for size in (1, 2): pass"],
)  # fmt: skip
def test_does_a_set_up_cell_stay_that_changes_what_the_tests_read_or_that_nobody_can_read(later):
    assert may_run_ahead(cells(FIRST, TESTS, later)[2:], frozenset({"f"})) == ()


@pytest.mark.parametrize("tests", ["made = 3", "import math as made", "def made(): pass", "made.append(f(1))"])
def test_does_a_set_up_cell_stay_that_reads_what_the_tests_change(tests):
    assert may_run_ahead(cells(FIRST, tests, "other = made")[2:], frozenset({"f"})) == ()


def test_do_all_behind_one_that_stays_stay_as_well():
    more = (*cells(FIRST, TESTS, "rows = [3]")[2:], Cell("last", "set-up", "other = 4"))
    assert may_run_ahead(more, frozenset({"f"})) == ()


@pytest.mark.parametrize(
    ("value", "can_change"),
    [(3, False), ("x", False), ((1, "a"), False), (len, False), (int, False), (pytest, False), ([1], True), ({}, True),
     (([],), True), (object(), True)],
)  # fmt: skip
def test_which_values_can_a_call_change(value, can_change):
    assert bool(changeable({"name"}, {"name": value})) is can_change


def verdicts(*notebook: Cell) -> list[list[str]]:
    rebuilt = Rebuilt("specimen", notebook, {"cells": []}, student_names=frozenset({"f"}))
    graded = [grade_notebook(rebuilt, limits=Limits(cell_seconds=20), level="A").cells for _ in range(2)]
    return [[found[name].state for name in ("one", "two")] for found in graded]


def ran_ahead() -> int:
    kept = list(judges._originals().values())[-1]
    return 0 if kept is None else kept.ran_ahead


@pytest.mark.skipif(bool(available_levels()["A"]), reason="no namespaces here, and so nothing that is shared")
class TestBesideTheTests:
    def test_does_one_that_nobody_can_tell_run_once_a_class(self):
        later = "import time\nmade = time.time_ns()"
        notebook = cells(FIRST, TESTS, later, "print(made)\nassert f(1) == 2")
        rebuilt = Rebuilt("specimen", notebook, {"cells": []}, student_names=frozenset({"f"}))
        found = [grade_notebook(rebuilt, level="A").cells["two"].outputs[0]["text"] for _ in range(2)]
        assert found[0] == found[1] and ran_ahead() == 1

    @pytest.mark.parametrize(
        ("tests", "later", "last"),
        [
            (
                "import random as dice\nassert dice.random() == dice.Random(5).random()",
                "drawn = draw()",
                "assert drawn < 1",
            ),
            (
                "with warnings.catch_warnings(): pass\nwarnings.warn('odd')\nassert f(1) == 2",
                "import warnings as w\nw.simplefilter('error')",
                "try: warnings.warn('odd')\nexcept UserWarning: pass\nelse: raise AssertionError",
            ),
            (
                "import os\nassert not os.path.exists('made')",
                "from pathlib import Path\nPath('made').write_text('x')",
                "assert os.path.exists('made')",
            ),
            ("assert f(1) == 2", "other = 1 / 0", "assert f(1) == 2"),
            ("assert f(1) == 2", "import os as o\no._exit(0) if o.getpid() == 1 and o.getppid() == 0 else 0", "pass"),
            ("assert f(1) == 2 and rows == [1, 2]", "more = rows and 3", "assert more == 3"),
        ],
        ids=["dice", "warnings", "files", "one that fails", "one that ends its process", "something that may change"],
    )
    def test_does_one_run_in_its_place_that_leaves_more_than_names(self, tests, later, last):
        assert verdicts(*cells(FIRST, tests, later, f"{last}\nassert f(1) == 2")) == [["passed"] * 2] * 2
        assert ran_ahead() == 0
