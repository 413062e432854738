"""A tests cell's score: no evidence, no points."""

import pytest

from course.grading.records import Cell, CellResult
from course.grading.scores import mark_tests

CELL = Cell("t", "tests", "", points=2)


def result(state, *outputs, score=None):
    return CellResult("t", state, score, outputs)


def ends_in(text):
    return {"output_type": "execute_result", "metadata": {}, "data": {"text/plain": text}}


WARNING = {"output_type": "stream", "name": "stderr", "text": "UserWarning: old\n"}


@pytest.mark.parametrize("state", ["failed", "hung", "died", "unseen"])
def test_only_what_was_seen_to_pass_earns_points(state):
    assert mark_tests(CELL, result(state, ends_in("2"), score=2.0)).auto_score == 0


@pytest.mark.parametrize("state", ["failed", "hung", "died", "passed"])
def test_a_cell_that_ran_needs_no_person(state):
    assert not mark_tests(CELL, result(state)).needs_person


@pytest.mark.parametrize("seen", [None, result("unseen")])
def test_a_cell_that_never_ran_waits_for_a_person_with_a_reason(seen):
    mark = mark_tests(CELL, seen)
    assert (mark.auto_score, mark.needs_person) == (0, True)
    assert "t:" in mark.reason


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([], 2),
        ([WARNING], 2),
        ([WARNING, ends_in("0.5")], 0.5),
        ([ends_in("np.float64(1.5)")], 1.5),
        ([ends_in(["1"])], 1),
        ([ends_in("'well done'")], 2),
        ([ends_in("True")], 2),
        ([ends_in("3")], 2),
        ([ends_in("-1")], 0),
        ([ends_in("nan")], 0),
        ([ends_in("inf")], 0),
        ([ends_in("1"), ends_in("2")], 1),
    ],
)
def test_partial_credit_is_the_number_that_a_passed_cell_ends_in(outputs, expected):
    assert mark_tests(CELL, result("passed", *outputs)).auto_score == expected


@pytest.mark.parametrize(("score", "expected"), [(1.5, 1.5), (9, 2), (-3, 0), (float("nan"), 0)])
def test_a_score_from_outside_stays_within_the_points(score, expected):
    assert mark_tests(CELL, result("passed", score=score)).auto_score == expected
