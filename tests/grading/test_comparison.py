"""`make compare-graders` judges rightly: what a submission gains is seen with either grader, and nothing else is."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from course.grading.sandbox import available_levels

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

import compare_graders
import judging
from judging import Seen, got_through
from probing import Sample

FORGED = next(sample for sample in compare_graders.chosen()["forging"] if sample.name == "a hook before each cell")


@pytest.fixture(scope="module")
def verdicts():
    """A forgery and an honest submission after it, as one class for each grader."""
    if reason := available_levels()["A"]:
        pytest.skip(f"level A cannot be had here: {reason}")
    before = compare_graders.built("nobody")
    with ThreadPoolExecutor(2) as threads:
        graded = threads.map(
            lambda grader: compare_graders.graded(grader, [FORGED], before)[0], compare_graders.GRADERS
        )
        return dict(zip(compare_graders.GRADERS, graded, strict=True))


def test_a_forgery_is_seen_to_earn_points_from_plain_nbgrader_and_none_from_ours(verdicts):
    assert verdicts["nbgrader"]["through"] == ["points"], verdicts["nbgrader"]
    assert verdicts["ours"]["through"] == [], verdicts["ours"]


@pytest.mark.parametrize("grader", compare_graders.GRADERS)
def test_an_honest_submission_after_it_keeps_its_points(verdicts, grader):
    assert (verdicts[grader]["seen"]["next_score"], verdicts[grader]["seen"]["status"]) == (10, 0)


QUIET = {"score": 0.0, "next_score": 10.0, "status": 0}


@pytest.mark.parametrize(
    ("effect", "seen"),
    [
        ("points", {"score": 1.0}),
        ("secret", {"told": f"... {judging.specimen.SECRETS['source']} ..."}),
        ("secret", {"shown": judging.specimen.SECRETS["home"]}),
        ("reach", {"told": judging.specimen.THROUGH}),
        ("changed", {"changed": ["gradebook.db"]}),
        ("left", {"left": ["sleep"]}),
        ("called", {"called": True}),
        ("share", {"told": "x" * (judging.FLOOD + 1)}),
        ("held up", {"next_score": None}),
    ],
)
def test_each_probe_is_seen_by_itself(effect, seen):
    sample = Sample("any", "tampering", proof="through")
    assert got_through(sample, Seen(**QUIET)) == []
    assert got_through(sample, Seen(**(QUIET | seen))) == [effect]


def test_what_a_tests_cell_shows_of_itself_is_no_secret():
    shown = judging.specimen.SECRETS["hidden tests"]
    assert got_through(Sample("any", "forging"), Seen(**QUIET, shown=shown)) == []


def test_enough_is_compared_and_in_fair_shares():
    chosen = compare_graders.chosen()
    assert sum(len(chosen[family]) for family in compare_graders.FAMILIES) >= 60
    for family in compare_graders.FAMILIES:
        fit = [
            s for s in compare_graders.one_class.samples() if s.family == family and compare_graders.means_the_same(s)
        ]
        assert 0.4 * len(fit) <= len(chosen[family]) <= 0.4 * len(fit) + 1
