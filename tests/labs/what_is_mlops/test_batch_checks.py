"""Five checks before twelve batches: what each finds, and that no strictness is free of cost."""

import itertools

import pytest

from course.labs.what_is_mlops.batch_checks import (
    CANNOT,
    CHECKS,
    CLEAN,
    CORRUPTED,
    OFF,
    PASSES,
    STOPS,
    describe_checks,
    draw_checks,
    simulate_checks,
    simulate_payments,
)

ALL = dict.fromkeys(CHECKS, True)
STRICTNESS = [1 + step / 2 for step in range(23)]


def stopped(wobbles=4, **on):
    table = simulate_checks(wobbles, **on)
    return set(table["batch"][table["stopped"]])


def test_each_check_that_needs_no_labels_finds_what_none_of_the_other_three_finds():
    alone = {check: stopped(**{check: True}) & set(CORRUPTED) for check in CHECKS if check != "performance"}
    for check in alone:
        others = set().union(*(found for name, found in alone.items() if name != check))
        assert alone[check] - others, f"whatever {check} stops, another one stops too"


def test_at_four_wobbles_only_fairness_sees_the_south_on_the_day_itself_and_at_three_another_one_does():
    south = "the south's history reads zero"

    def finders(wobbles):
        return [check for check in CHECKS if check != "performance" and south in stopped(wobbles, **{check: True})]

    assert finders(4) == ["fairness"]
    assert finders(3) == ["distribution", "fairness"]


def test_each_of_four_checks_is_the_only_one_to_find_some_batch():
    """Fairness is not: a slice that is served badly is seen in its labels too, weeks later."""
    alone = {check: stopped(**{check: True}) & set(CORRUPTED) for check in CHECKS}
    for check in ("schema", "quality", "distribution", "performance"):
        others = set().union(*(found for name, found in alone.items() if name != check))
        assert alone[check] - others, f"{check} finds nothing that the others miss"


def test_all_five_stop_all_that_is_corrupted_at_the_usual_strictness():
    assert set(CORRUPTED) <= stopped(4, **ALL)


@pytest.mark.parametrize("wobbles", STRICTNESS)
def test_no_strictness_stops_all_that_is_corrupted_and_nothing_that_is_clean(wobbles):
    assert stopped(wobbles, **ALL) != set(CORRUPTED)


def test_the_stricter_the_more_is_stopped():
    for looser, stricter in itertools.pairwise(reversed(STRICTNESS)):
        assert stopped(looser, **ALL) <= stopped(stricter, **ALL)


def test_one_more_check_never_lets_more_in():
    for check in CHECKS:
        rest = {name: True for name in CHECKS if name != check}
        assert stopped(**rest) <= stopped(**ALL)


def test_ordinary_days_come_in_at_the_usual_strictness():
    assert stopped(4, **ALL) & set(CLEAN) == {"the week before a holiday"}


def test_a_check_that_is_off_says_so_and_one_that_cannot_run_stops_nothing():
    table = simulate_checks(4, distribution=True)
    assert (table["schema"] == OFF).all()
    assert set(table["distribution"]) == {STOPS, PASSES, CANNOT}
    blind = table[table["distribution"] == CANNOT]
    assert set(blind["batch"]) == {"amounts did not arrive", "hours arrived as text"} and not blind["stopped"].any()


def test_the_picture_says_that_one_check_comes_weeks_later():
    (ax,) = draw_checks(simulate_checks(4, **ALL)).axes
    assert [label.get_text() for label in ax.get_xticklabels()][-1] == "performance\nweeks later"


@pytest.mark.parametrize("switches", list(itertools.product([False, True], repeat=5)))
def test_any_switches_give_a_sentence_that_counts_right(switches):
    table = simulate_checks(5, **dict(zip(CHECKS, switches, strict=True)))
    said = describe_checks(table)
    assert f"{table['stopped'][table['corrupted']].sum()} of 8 corrupted" in said
    assert f"{table['stopped'][~table['corrupted']].sum()} of 4 clean" in said


@pytest.mark.parametrize("what", [*CORRUPTED, *CLEAN])
def test_the_same_seed_gives_the_same_payments(what):
    assert simulate_payments(3, 80, what).equals(simulate_payments(3, 80, what))
