"""Labels that come late: the damage is the rate times the wait, and every quickening has its price."""

import itertools

import pytest

from course.labs.what_is_mlops.late_labels import (
    ALARM,
    DAYS,
    ONSET,
    RATE,
    LateLabelsLab,
    describe_waiting,
    simulate_log,
    simulate_waiting,
)

DELAYS, WINDOWS = range(0, 91, 5), (1, 2, 3, 5, 7, 10, 14, 21)


def cost(delay, window, watch_inputs=False):
    table = simulate_waiting(delay, window, watch_inputs)
    return table["lost"].sum(), table.attrs["false_rings"]


@pytest.mark.parametrize(
    ("delay", "window", "watch"), list(itertools.product((0, 15, 30, 60, 90), (1, 7, 21), (False, True)))
)
def test_damage_is_rate_times_detection_minus_onset(delay, window, watch):
    table = simulate_waiting(delay, window, watch)
    found = table.attrs["detected"]
    assert table["lost"].sum() == RATE * ((DAYS if found is None else found) - ONSET)
    assert f"{table['lost'].sum():,.0f} euro" in describe_waiting(table)


def test_a_day_of_delay_costs_a_day_of_damage():
    waits = {delay: simulate_waiting(delay, 7, False).attrs["detected"] for delay in (0, 5, 30, 60)}
    assert {day - delay for delay, day in waits.items()} == {waits[0]}


def test_nobody_finds_out_before_the_onset_or_before_its_labels():
    for delay, window in itertools.product(DELAYS, WINDOWS):
        found = simulate_waiting(delay, window, False).attrs["detected"]
        assert found is None or found >= ONSET + delay


def test_no_window_is_quickest_and_quiet():
    """Without watching the inputs: the quickest window rings for nothing, the quiet ones are slower."""
    outcomes = {window: cost(30, window) for window in WINDOWS}
    quickest = min(lost for lost, _ in outcomes.values())
    assert all(false > 0 for lost, false in outcomes.values() if lost == quickest)
    assert any(false == 0 for _, false in outcomes.values())


def test_watching_the_inputs_is_quick_and_rings_for_a_campaign():
    lost, false = cost(30, 7, watch_inputs=True)
    lost_without, false_without = cost(30, 7)
    assert lost <= 3 * RATE < lost_without
    assert false == false_without + 1


def test_the_sentence_names_what_rang_for_nothing():
    said = describe_waiting(simulate_waiting(30, 7, True))
    assert "the inputs rang for nothing once" in said and "labels rang" not in said
    assert "the labels rang for nothing" in describe_waiting(simulate_waiting(30, 1, False))
    assert "no alarm rang for nothing" in describe_waiting(simulate_waiting(30, 7, False))


def test_labels_that_come_too_late_are_no_alarm():
    table = simulate_waiting(90, 7, False)
    assert table.attrs["detected"] is None and "still counting" in describe_waiting(table)


def test_what_is_known_is_what_was_wrong_some_days_ago():
    log, table = simulate_log(1), simulate_waiting(10, 1, False)
    assert table["known"][30] == log["wrong"][20] and table["known"][:10].isna().all()
    assert ((table["rings"] == "labels") == (table["known"] > ALARM)).all()


def test_the_same_seed_gives_the_same_log():
    assert simulate_log(4).equals(simulate_log(4)) and not simulate_log(4).equals(simulate_log(5))


def test_the_log_is_worse_after_the_onset():
    log = simulate_log(9)
    before, after = log["wrong"][:ONSET].mean(), log["wrong"][ONSET:].mean()
    assert before == pytest.approx(0.08, abs=0.01) and after == pytest.approx(0.14, abs=0.01)


@pytest.mark.parametrize("watch_inputs", [False, True])
@pytest.mark.parametrize("window", [1, 3, 7, 14, 21])
def test_the_day_of_the_first_right_ring_stands_in_the_table(window, watch_inputs):
    lab = LateLabelsLab()
    for delay in range(0, 91, 3):
        table = simulate_waiting(delay, window, watch_inputs)
        numbers, detected = lab.numbers(table), table.attrs["detected"]
        if detected is not None:
            row = numbers[numbers["Day"] == detected]
            assert row["Rightly"].tolist() == ["yes"], f"{delay} days late: expected day {detected} among the rows"
