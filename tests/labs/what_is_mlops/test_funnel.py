"""Claims about the funnel: the counts are the study's, and no bar is shown before it is guessed."""

import math

import pytest

from course.labs.what_is_mlops.funnel import (
    FIVE_BARS,
    FunnelLab,
    describe_funnel,
    draw_funnel,
    notebook_funnel,
    simulate_funnel,
)
from course.predict import check_prediction

GUESS = [80, 60, 40, 30, 20]


def test_the_counts_are_those_of_the_study():
    assert notebook_funnel()["remaining"].tolist() == [27271, 22578, 15817, 10388, 1203, 879]


def test_the_largest_loss_is_at_running_through_and_is_88_percent():
    left = notebook_funnel().set_index("step")["remaining"]
    assert round(1 - left["ran through"] / left["installable"], 2) == 0.88


def test_one_funnel_is_not_the_next():
    funnel = notebook_funnel()
    funnel["remaining"] = 0
    assert notebook_funnel()["remaining"].iloc[0] == 27271


@pytest.mark.parametrize(
    "guess",
    [
        [80, 60, 40, 30],
        [80, 60, 40, 30, 20, 10],
        "80, 60, 40, 30, 20",
        80,
        [80, 60, 40, 30, "20"],
        [80, 60, 40, 30, math.nan],
        [80, 60, 40, 30, -1],
        [101, 60, 40, 30, 20],
        [True, 0, 0, 0, 0],
        [80, 60, 61, 30, 20],
        [80, 60, 40, 20, 30],
    ],
)
def test_what_is_no_funnel_is_no_guess(guess):
    with pytest.raises(AssertionError):
        check_prediction(guess, FIVE_BARS)


@pytest.mark.parametrize("guess", [GUESS, tuple(GUESS), [100] * 5, [0] * 5, [82.8, 58.0, 38.1, 4.4, 3.2]])
def test_any_five_percents_that_do_not_rise_are_a_guess(guess):
    check_prediction(guess, FIVE_BARS)


def test_an_untouched_prediction_is_told_apart_from_a_wrong_one():
    with pytest.raises(NotImplementedError):
        check_prediction(..., FIVE_BARS)


@pytest.mark.parametrize("shown", range(6))
def test_a_bar_is_shown_only_when_it_is_asked_for(shown):
    table = simulate_funnel(shown)
    assert len(table) == shown + 1
    counts = [f"{count:,}" for count in notebook_funnel()["remaining"]]
    written = " ".join(text.get_text() for text in draw_funnel(table, GUESS).axes[0].texts)
    sentence = describe_funnel(table, GUESS)
    for count in counts[: shown + 1]:
        assert count in written
    for count in counts[shown + 1 :]:
        assert count not in written + sentence


def test_each_position_of_the_slider_is_said_in_other_words():
    assert len({describe_funnel(simulate_funnel(shown), GUESS) for shown in range(6)}) == 6


def test_at_the_end_the_guess_is_measured():
    sentence = describe_funnel(simulate_funnel(5), GUESS)
    assert "You guessed 20 %" in sentence
    assert "furthest at “ran through”" in sentence


def test_the_lab_shows_nothing_before_a_guess():
    assert FunnelLab(...).table is None
    assert FunnelLab([80]).table is None
    lab = FunnelLab(GUESS)
    lab.controls["shown"].value = 5
    assert lab.error is None
    assert "879" in lab.sentence
