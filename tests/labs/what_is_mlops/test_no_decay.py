"""Not every model decays: the generator that does not, beside the cited figures, and the one that does."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from course.labs.what_is_mlops.no_decay import (
    ACS_AUC,
    CHANGES,
    SPEEDS,
    area_under_curve,
    describe_years,
    simulate_people,
    simulate_years,
)


def test_a_difference_within_chance_is_called_so_and_one_beyond_it_is_given():
    assert "AUC stays" in describe_years(simulate_years(CHANGES[0], "slowly", 20_000))
    assert "within chance, ±0.02" in describe_years(simulate_years(CHANGES[0], "slowly", 20_000))
    assert "0.20 less in three years" in describe_years(simulate_years(CHANGES[2], "fast", 20_000))


@pytest.mark.parametrize("change", CHANGES[:2])
@pytest.mark.parametrize("speed", SPEEDS)
def test_a_model_keeps_its_worth_while_the_relation_stays(change, speed):
    for seed in (5, 50):
        auc = simulate_years(change, speed, 20_000, seed)["auc"]
        assert auc.max() - auc.min() < 0.02
        assert np.abs(auc - ACS_AUC).max() < 0.015, "it stands beside the cited one"


def test_inputs_move_far_without_decay_and_a_model_decays_without_moving_inputs():
    mix = simulate_years(CHANGES[1], "fast", 20_000).iloc[-1]
    relation = simulate_years(CHANGES[2], "fast", 20_000).iloc[-1]
    assert mix["moved"] > 2 and mix["auc"] > 0.89
    assert relation["moved"] < 0.05 and relation["auc"] < 0.75


def test_it_decays_year_by_year_and_the_faster_the_faster_the_relation_changes():
    slow, fast = (simulate_years(CHANGES[2], speed, 20_000)["auc"] for speed in ("slowly", "fast"))
    assert slow.is_monotonic_decreasing and fast.is_monotonic_decreasing
    assert (fast[1:] < slow[1:]).all()


def test_the_cited_figures_are_those_of_the_references():
    assert ACS_AUC == (0.903, 0.902, 0.905, 0.906)


def test_the_area_is_the_one_that_scikit_learn_computes():
    rng = np.random.default_rng(1)
    outcome, scores = rng.integers(0, 2, 500), rng.normal(size=500)
    assert area_under_curve(scores, outcome) == pytest.approx(roc_auc_score(outcome, scores))


def test_the_same_seed_gives_the_same_people_and_nonsense_is_refused():
    assert simulate_people(2**127, 50).equals(simulate_people(2**127, 50))
    with pytest.raises(ValueError, match="change is one of"):
        simulate_people(1, 5, "the weather")
