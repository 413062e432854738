"""Claims about the kill switch: the reported ends are held, and what lies between is a straight line."""

import numpy as np
import pytest

from course.labs.what_is_mlops.kill_switch import (
    KillSwitchLab,
    describe_kill_switch,
    draw_kill_switch,
    simulate_kill_switch,
)

DELAYS = [(0, 0), (0, 1), (3, 0), (20, 10), (44, 0), (45, 0), (30, 30), (45, 30)]


def test_the_ends_are_those_that_the_report_gives():
    end = simulate_kill_switch(45, 30).iloc[-1]
    assert (end["minute"], end["lost_as_it_was"], end["orders"]) == (45, 440, 212)
    assert end["lost_with_switch"] == end["lost_as_it_was"]


def test_a_switch_before_the_first_minute_loses_nothing():
    assert simulate_kill_switch(0, 0).iloc[-1][["lost_with_switch", "orders"]].tolist() == [0, 0]


@pytest.mark.parametrize(("noticed", "deciding"), DELAYS)
def test_the_loss_is_a_line_that_ends_at_the_pull(noticed, deciding):
    table = simulate_kill_switch(noticed, deciding)
    pulled = min(noticed + deciding, 45)
    assert np.allclose(table["lost_with_switch"], [440 / 45 * min(minute, pulled) for minute in range(46)])
    assert (table["lost_with_switch"] <= table["lost_as_it_was"]).all()


def test_each_minute_later_costs_more_whichever_of_the_two_delays_it_is():
    def lost(noticed, deciding):
        return simulate_kill_switch(noticed, deciding)["lost_with_switch"].iloc[-1]

    for minute in range(20):
        assert lost(minute, 5) < lost(minute + 1, 5)
        assert lost(minute, 6) == pytest.approx(lost(minute + 1, 5))


@pytest.mark.parametrize(("noticed", "deciding"), DELAYS)
def test_the_sentence_names_the_minute_and_the_figures(noticed, deciding):
    sentence = describe_kill_switch(simulate_kill_switch(noticed, deciding))
    assert f"minute {min(noticed + deciding, 45)}" in sentence
    draw_kill_switch(simulate_kill_switch(noticed, deciding))


def test_a_switch_that_comes_too_late_is_said_to_be_none():
    assert "as if there were no switch" in describe_kill_switch(simulate_kill_switch(40, 10))


def test_the_lab_asks_for_no_prediction():
    lab = KillSwitchLab()
    lab.controls["noticed"].value = 0
    lab.controls["deciding"].value = 0
    assert lab.error is None
    assert "97 e-mails" in lab.sentence


@pytest.mark.parametrize(("noticed", "deciding"), DELAYS)
def test_the_minute_of_the_pull_stands_in_the_table(noticed, deciding):
    table = simulate_kill_switch(noticed, deciding)
    assert min(noticed + deciding, 45) in KillSwitchLab().numbers(table)["Minute"].tolist()
