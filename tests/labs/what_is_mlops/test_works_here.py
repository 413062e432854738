"""The same training at six places: what must be the same, what must not, and that looking less closely finds less."""

import numpy as np
import pytest

from course.labs.what_is_mlops.works_here import CLOSELY, PLACES, describe_places, share_the_same, simulate_places


@pytest.fixture(scope="module")
def same():
    """Shares of equal scores: by how closely they are compared, then by place."""
    return {closely: dict(zip(PLACES, simulate_places(closely)["same"], strict=True)) for closely in CLOSELY}


def test_here_once_more_is_the_same_to_the_last_bit(same):
    assert same["bits"]["again"] == 1.0


def test_threads_never_move_more_than_last_digits(same):
    """Whether they move any depends on the machine's linear algebra: the lab says what it found."""
    assert same["six"]["threads"] == 1.0


def test_half_the_digits_move_bits_and_no_decision_to_speak_of(same):
    assert same["bits"]["dtype"] < 0.1
    assert same["three"]["dtype"] > 0.99 and same["decision"]["dtype"] > 0.99


def test_another_generator_is_another_draw_of_the_same_seed(same):
    assert same["three"]["generator"] < 0.5
    assert 0.8 < same["decision"]["generator"] < 1.0


def test_an_older_default_can_move_decimals_or_decisions(same):
    assert same["six"]["solver"] < 0.5 < same["decision"]["solver"]
    assert same["decision"]["trees"] < 0.95


def test_looking_less_closely_never_finds_less_the_same(same):
    for place in PLACES:
        shares = [same[closely][place] for closely in ("bits", "six", "three")]
        assert shares == sorted(shares), place


def test_ten_trees_take_less_time_than_a_hundred():
    table = simulate_places("bits").set_index("place")
    row = table.loc[PLACES["trees"]]
    assert row["seconds"] < 0.6 * row["seconds_here"]


def test_scores_are_compared_as_asked():
    ours = np.array([0.1, 0.49, 0.7])
    theirs = np.array([0.1, 0.51, 0.7004])
    assert [round(3 * share_the_same(ours, theirs, closely)) for closely in CLOSELY] == [1, 1, 2, 2]


@pytest.mark.parametrize("closely", CLOSELY)
def test_the_sentence_names_every_place(closely):
    said = describe_places(simulate_places(closely))
    assert CLOSELY[closely] in said and all(place in said for place in PLACES.values())
