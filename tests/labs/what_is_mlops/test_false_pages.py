"""Alert fatigue: the p-values are right, and so are the figures that section 5 gives."""

import itertools

import numpy as np
import pytest
from scipy.stats import ks_2samp

from course.labs.what_is_mlops.false_pages import (
    DAYS,
    LEVELS,
    MORNINGS,
    SHIFTS,
    TESTS_A_DAY,
    FalsePagesLab,
    ks_p_values,
    ring_rate,
    simulate_mornings,
    simulate_pages,
)


@pytest.mark.parametrize("rows", [3, 40, 200])
def test_the_p_values_are_those_of_scipy(rows):
    rng = np.random.default_rng(rows)
    for shift in (0.0, 0.3):
        found = ks_2samp(rng.normal(size=rows), rng.normal(size=rows) + shift, method="exact")
        assert ks_p_values(rows)[round(found.statistic * rows)] == pytest.approx(found.pvalue, rel=1e-6)


@pytest.mark.parametrize("rows", MORNINGS)
def test_p_values_fall_from_one_to_nothing(rows):
    values = ks_p_values(rows)
    assert values[0] == 1 and values[-1] < 1e-6
    assert (np.diff(values) <= 1e-9).all()


@pytest.mark.parametrize("shift", [-0.2, 0.2])
def test_a_morning_is_judged_as_scipy_judges_it(shift):
    rng = np.random.default_rng(9)
    good, today = rng.standard_normal(300), rng.standard_normal(300) + shift
    expected = ks_2samp(good, today, method="exact").pvalue
    assert simulate_mornings(300, shift, mornings=1, seed=9)[0] == pytest.approx(expected, rel=1e-6)


def test_the_exact_rate_without_a_shift_is_the_one_that_mornings_show():
    tried = simulate_mornings(200, 0.0, mornings=4_000, seed=3)
    assert (tried <= 0.05).mean() == pytest.approx(ring_rate(200, 0.0, 0.05), abs=0.01)


def test_ten_tests_a_day_page_on_four_days_in_ten_without_any_drift():
    assert simulate_pages(10, 0.05, 5_000, 0.0)["page"].mean() == pytest.approx(0.40, abs=0.03)
    assert round(1 - 0.95**10, 2) == 0.40


def test_a_shift_of_a_twentieth_of_a_deviation_is_hardly_seen_in_200_rows_and_always_in_50000():
    assert ring_rate(200, 0.0, 0.05) == pytest.approx(0.04, abs=0.005)
    assert ring_rate(200, 0.05, 0.05) == pytest.approx(0.06, abs=0.01)
    assert ring_rate(50_000, 0.05, 0.05) == 1.0
    assert ring_rate(50_000, 0.05, 0.001) == 1.0


def test_pages_grow_with_tests_and_level_and_rows_and_shift():
    for level, rows in itertools.product(LEVELS, MORNINGS):
        shares = [simulate_pages(tests, level, rows, 0.0)["rung"].mean() / tests for tests in TESTS_A_DAY]
        assert np.allclose(shares, shares[0], atol=0.03), "each test rings as often, however many there are"
    for shift in SHIFTS[1:]:
        rates = [ring_rate(rows, shift, 0.05) for rows in MORNINGS]
        assert rates == sorted(rates)
    for rows in MORNINGS:
        assert [ring_rate(rows, 0.05, level) for level in LEVELS] == sorted(
            (ring_rate(rows, 0.05, level) for level in LEVELS), reverse=True
        )


def test_the_same_year_twice_is_the_same_year():
    first, second = (simulate_pages(3, 0.01, 200, 0.05) for _ in range(2))
    assert first.equals(second) and len(first) == DAYS
    assert (first["page"] == (first["rung"] > 0)).all()


def test_the_table_has_every_page_of_the_year():
    lab = FalsePagesLab()
    numbers = lab.numbers(lab.table)
    assert len(numbers) == 13 and numbers["Days with a page"].sum() == lab.table["page"].sum() > 0
    assert numbers["Tests that rang"].sum() == lab.table["rung"].sum()
