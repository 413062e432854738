"""The batches of section 3's doorkeeper: what is broken is broken, what is harmless is harmless, and nothing else."""

import secrets

import numpy as np
import pytest

from course.labs.what_is_mlops.order_batches import (
    CONTRACT,
    FAULTS,
    HARMLESS,
    MEAN_FAULTS,
    QUALITY_FAULTS,
    SCHEMA_FAULTS,
    simulate_batch,
)

SEEDS = [*range(30), *(int(secrets.token_hex(16), 16) for _ in range(10))]


def breaches(data):
    """What is wrong with each column, looked up one value after the other: slow, and nobody's solution."""
    found = {}
    for column, rule in CONTRACT.items():
        if column not in data.columns:
            found[column] = "gone"
        elif data[column].dtype != rule["type"]:
            found[column] = "type"
        else:
            there = [value for value in data[column].tolist() if value == value]
            gaps = len(data) - len(there)
            if gaps > rule["most_missing"] * len(data):
                found[column] = "gaps"
            elif any(value < rule["low"] or value > rule["high"] for value in there):
                found[column] = "range"
            elif not rule["mean_low"] <= float(np.mean(there)) <= rule["mean_high"]:
                found[column] = "mean"
    return found


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_breaks_exactly_the_columns_that_it_names(what):
    for seed in SEEDS:
        batch = simulate_batch(seed, what)
        assert batch.broken and list(breaches(batch.data)) == batch.broken, f"seed {seed}"


@pytest.mark.parametrize("what", HARMLESS)
def test_what_is_harmless_breaks_nothing(what):
    for seed in SEEDS:
        batch = simulate_batch(seed, what)
        assert batch.broken == [] and breaches(batch.data) == {}, f"seed {seed}"


@pytest.mark.parametrize(
    ("faults", "kinds"),
    [(SCHEMA_FAULTS, {"gone", "type"}), (QUALITY_FAULTS, {"gaps", "range"}), (MEAN_FAULTS, {"gone", "mean"})],
)
def test_faults_are_of_the_kind_that_they_are_listed_under(faults, kinds):
    found = {
        kind for what in faults for seed in range(20) for kind in breaches(simulate_batch(seed, what).data).values()
    }
    assert found == kinds


def test_every_fault_is_listed_under_one_kind():
    assert sorted([*SCHEMA_FAULTS, *QUALITY_FAULTS, *MEAN_FAULTS]) == sorted(FAULTS)


@pytest.mark.parametrize("what", ["gaps", "mean moved", "column gone", "one value out", "numbers as text"])
def test_every_column_that_can_break_does_in_some_batch(what):
    hit = {column for seed in range(60) for column in simulate_batch(seed, what).broken}
    assert hit == set(CONTRACT) - ({"items"} if what == "gaps" else set())


def test_means_leave_upwards_and_downwards_and_values_too():
    means, values = set(), set()
    for seed in range(40):
        moved, out = simulate_batch(seed, "mean moved"), simulate_batch(seed, "one value out")
        [column] = moved.broken
        means.add(bool(moved.data[column].mean() > CONTRACT[column]["mean_high"]))
        [column] = out.broken
        values.add(bool(out.data[column].max() > CONTRACT[column]["high"]))
    assert means == values == {True, False}


def test_limits_are_reached_exactly_where_a_batch_promises_it():
    data = simulate_batch(3, "at the limits").data
    assert all(data[c].min() == rule["low"] and data[c].max() == rule["high"] for c, rule in CONTRACT.items())
    data = simulate_batch(3, "as many gaps as allowed").data
    # Exactly, however it is counted: the shares are eighths, which a float holds without rounding.
    for column in ("weight", "age"):
        share = data[column].isna().mean()
        assert share == 1 - data[column].notna().mean() == CONTRACT[column]["most_missing"]


@pytest.mark.parametrize("what", [*FAULTS, *HARMLESS])
def test_the_same_seed_gives_the_same_batch_and_another_seed_another(what):
    first, again, other = (simulate_batch(seed, what).data for seed in (7, 7, 8))
    assert first.equals(again) and not first.equals(other)


def test_the_random_state_of_everybody_else_is_left_alone():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    simulate_batch(1, "gaps")
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_a_misspelt_fault_is_named():
    with pytest.raises(ValueError, match="there is no 'gap'"):
        simulate_batch(1, "gap")
