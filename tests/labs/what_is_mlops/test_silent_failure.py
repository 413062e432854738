"""An empty column before two models: the reference numbers, and that silence and error are the libraries' own."""

import numpy as np
import pytest

from course.labs.what_is_mlops.silent_failure import (
    BOOSTING,
    COLUMNS,
    describe_silence,
    sample_training_set,
    silent_model,
    simulate_silence,
)


def test_the_boosting_falls_by_twenty_points_without_a_word():
    row = simulate_silence("distance_km", share=100, filler=False).iloc[0]
    assert row["model"] == BOOSTING and row["said"] == "nothing"
    assert row["right_before"] == pytest.approx(94.6, abs=0.5)
    assert row["right_after"] == pytest.approx(74.6, abs=1.0)


def test_the_logistic_regression_raises_value_error():
    row = simulate_silence("distance_km", share=100, filler=False).iloc[1]
    assert row["said"].startswith("ValueError") and np.isnan(row["right_after"])


def test_a_filler_silences_the_loud_model_and_does_not_save_it():
    row = simulate_silence("distance_km", share=100, filler=True).iloc[1]
    assert row["said"] == "nothing"
    assert row["right_after"] < row["right_before"] - 10


def test_not_every_empty_column_is_a_disaster():
    fall = {}
    for column in COLUMNS:
        row = simulate_silence(column, share=100, filler=False).iloc[0]
        fall[column] = row["right_before"] - row["right_after"]
    assert abs(fall["hour"]) < 0.5 and max(fall, key=fall.get) == "distance_km"


def test_without_gaps_nothing_changes():
    for filler in (False, True):
        table = simulate_silence("amount", share=0, filler=filler)
        assert (table["answers_changed"] == 0).all() and (table["said"] == "nothing").all()


def test_the_more_is_empty_the_more_answers_change():
    changed = [simulate_silence("distance_km", share, False)["answers_changed"][0] for share in range(0, 101, 10)]
    assert changed == sorted(changed) and changed[-1] > 10


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("filler", [False, True])
def test_the_sentence_names_the_error_or_the_fall(column, filler):
    said = describe_silence(simulate_silence(column, 50, filler))
    assert ("ValueError" in said) != filler and "nan %" not in said


def test_training_sets_are_seeded():
    first, again, other = (sample_training_set(seed) for seed in (2**127, 2**127, 5))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.features, other.features)
    assert len(first.labels) == 240 and set(first.labels) == {0, 1}


def test_the_silent_model_answers_nothing_but_nan():
    model, payments = silent_model()
    assert len(model.predict(np.full((3, payments.shape[1]), np.nan))) == 3
