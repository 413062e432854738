"""What moves when nothing was changed: the reference numbers, and that pinning really trains again."""

import numpy as np
import pytest

from course.labs.what_is_mlops import determinism
from course.labs.what_is_mlops.determinism import (
    A_POINT,
    FOREST,
    LOGISTIC,
    NETWORK,
    SEED,
    SPLIT,
    SUM,
    DeterminismLab,
    describe_runs,
    pair_differences,
    simulate_runs,
    spread,
)

# The same library gives the same numbers; another build of it may round otherwise, so digits are left some room.
ONE_DIGIT = 100 / 270


def test_thirty_networks_spread_over_two_points():
    table = simulate_runs(NETWORK, SEED, pinned=False, runs=30)
    assert spread(table) == pytest.approx(2.2, abs=2 * ONE_DIGIT)


def test_pinned_networks_agree_although_each_is_trained():
    table = simulate_runs(NETWORK, SEED, pinned=True, runs=3)
    assert spread(table) == 0.0
    assert table["seed"].nunique() == 1


def test_a_pinned_run_is_trained_and_not_read_from_the_one_before(monkeypatch):
    asked = []
    monkeypatch.setattr(determinism, "_percent_right", lambda *args: asked.append(args) or 95.0)
    simulate_runs(NETWORK, SEED, pinned=True, runs=4)
    assert len(set(asked)) == 4, f"four pinned runs were answered by {len(set(asked))} trainings"


def test_logistic_regression_does_not_move_with_its_seed():
    assert spread(simulate_runs(LOGISTIC, SEED, pinned=False, runs=5)) == 0.0


def test_the_split_alone_moves_it_by_six_points():
    table = simulate_runs(LOGISTIC, SPLIT, pinned=False, runs=30)
    assert spread(table) == pytest.approx(5.9, abs=2 * ONE_DIGIT)
    assert table["seed"].nunique() == 1, "only the split may differ"


def test_a_third_of_identical_forests_differ_by_a_point():
    apart = pair_differences(simulate_runs(FOREST, SEED, pinned=False, runs=30))
    assert len(apart) == 30 * 29 / 2
    assert (apart >= A_POINT).mean() == pytest.approx(0.31, abs=0.06)


def test_a_sum_in_twenty_orders_has_several_results():
    outcomes = simulate_runs(SUM, SEED, pinned=False, runs=20)["outcome"]
    assert 4 <= outcomes.nunique() <= 16, f"about 8 are the reference, {outcomes.nunique()} were found"
    assert outcomes.abs().max() < 0.01, "float32 keeps about seven digits"


def test_a_sum_in_one_order_has_one_result():
    assert simulate_runs(SUM, SEED, pinned=True, runs=5)["outcome"].nunique() == 1
    assert simulate_runs(SUM, SPLIT, pinned=False, runs=5)["outcome"].nunique() == 1


def test_runs_that_were_trained_are_not_trained_again_when_the_slider_moves(monkeypatch):
    trained = []
    monkeypatch.setattr(determinism, "_percent_right", lambda *args: trained.append(args) or 90.0 + len(trained) % 3)
    few = simulate_runs(NETWORK, SEED, pinned=False, runs=3)
    more = simulate_runs(NETWORK, SEED, pinned=False, runs=5)
    assert [list(row) for row in few[["seed", "split"]].to_numpy()] == more[["seed", "split"]].to_numpy()[:3].tolist()
    assert trained[:3] == trained[3:6], "the first three runs were asked for under other arguments: no cache can help"


def test_who_looks_learns_which_run_is_being_trained():
    told = []
    simulate_runs(SUM, SEED, pinned=False, runs=3, progress=told.append)
    assert told == [1, 2, 3]


def test_a_pair_is_a_distance_between_two_runs():
    table = simulate_runs(SUM, SEED, pinned=False, runs=3)
    a, b, c = table["outcome"]
    assert pair_differences(table) == pytest.approx(np.abs([a - b, a - c, b - c]))


def test_the_guess_stands_beside_what_it_was_about_and_nowhere_else():
    guessed = describe_runs(simulate_runs(NETWORK, SEED, pinned=False, runs=2), guess=12.5)
    assert "You guessed a spread of 12.5" in guessed
    for model, chance in ((SUM, SEED), (LOGISTIC, SEED), (NETWORK, SPLIT)):
        assert "guess" not in describe_runs(simulate_runs(model, chance, pinned=False, runs=2), guess=12.5)


def test_the_lab_draws_its_status_line_and_clears_it():
    lab = DeterminismLab(5)
    spoken, seen = [], []
    lab._status.observe(lambda change: spoken.append(change["new"]), names="value")
    lab._progress.observe(lambda change: seen.append(change["new"]), names="value")
    lab.controls["model"].value = SUM
    assert lab.error is None and lab._status.value == lab._progress.value == ""
    assert len(spoken) == 2 and "Training" in spoken[0], "said once, however many runs there are"
    assert len(seen) == lab.settings["runs"] + 1 and "Run 1 of 6" in seen[0]
