"""Alert fatigue: tests for drift that are all right each, and page a team for nothing all the same.

Each morning the day's rows are compared with as many rows of a good day, feature by feature, by the two-sample
Kolmogorov-Smirnov test. Under no drift a test at 0.05 rings on up to one morning in twenty: ten tests a day are
ten chances. And with enough rows a test finds a shift that nobody will ever feel: significance is not importance.
"""

from __future__ import annotations

from functools import lru_cache
from math import lgamma
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap

from course.display import BLUE, INK, VERMILLION, label_line, new_figure, title_axes
from course.labs.cache import memory
from course.labs.lab import Lab, movable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DAYS = 364
TESTS_A_DAY = (1, 3, 10, 30)
LEVELS = (0.05, 0.01, 0.001)
#: Rows a day, and how many mornings are tried out with that many: many where a morning is cheap.
MORNINGS = {200: 6_000, 1_000: 2_000, 5_000: 500, 50_000: 40}
SHIFTS = (0.0, 0.05, 0.2)


@lru_cache
def ks_p_values(rows: int) -> np.ndarray:
    """Return the exact two-sided p-value of each possible statistic k / rows, k = 0 … rows, for two equal samples.

    Gnedenko and Korolyuk: P(D >= k/n) = 2 * sum over j of (-1)^(j+1) * C(2n, n - jk) / C(2n, n).

    >>> ks_p_values(2).round(3).tolist()
    [1.0, 1.0, 0.333]
    """
    middle = 2 * lgamma(rows + 1)
    values = np.ones(rows + 1)
    for k in range(1, rows + 1):
        terms = (
            (-1) ** (j + 1) * np.exp(middle - lgamma(rows - j * k + 1) - lgamma(rows + j * k + 1))
            for j in range(1, rows // k + 1)
        )
        total = 0.0
        for term in terms:
            total += term
            if abs(term) < 1e-12:
                break
        values[k] = min(1.0, 2 * total)
        if values[k] < 1e-9:  # from here on nobody asks
            values[k:] = 0.0
            break
    return values


@memory.cache
def simulate_mornings(rows: int, shift: float, mornings: int, seed: int) -> np.ndarray:
    """Return the p-values of so many mornings, each with two fresh samples; `shift` is in standard deviations.

    >>> bool(simulate_mornings(200, 1.0, mornings=5, seed=1).max() < 0.001)
    True
    """
    rng = np.random.default_rng(seed)
    furthest = np.empty(mornings, dtype=int)
    steps = np.arange(rows)
    for morning in range(mornings):
        good = np.sort(rng.standard_normal(rows))
        today = np.sort(rng.standard_normal(rows)) + shift
        below = np.searchsorted(good, today)
        furthest[morning] = max(np.abs(below - steps).max(), np.abs(below - steps - 1).max())
    return ks_p_values(rows)[furthest]


def simulate_pages(tests: int, level: float, rows: int, shift: float) -> pd.DataFrame:
    """Return a year of mornings: `day` (0 to 363), `rung` (how many of the `tests` rang) and `page` (did any?).

    `level` is the significance at which a test rings, `rows` how many rows a day it sees, `shift` how far every
    feature has moved, in standard deviations; 0 is a year without drift.

    >>> len(simulate_pages(10, 0.05, 200, 0.0))
    364
    """
    luck = np.random.default_rng([tests, 364]).random((DAYS, tests))  # the same luck for every other setting
    rung = (luck < ring_rate(rows, shift, level)).sum(axis=1)
    return pd.DataFrame({"day": np.arange(DAYS), "rung": rung, "page": rung > 0}).assign(
        tests=tests, level=level, rows=rows, shift=shift
    )


def ring_rate(rows: int, shift: float, level: float) -> float:
    """Return how often one test rings, as a share of mornings: exact without a shift, tried out with one.

    Without a shift it is the largest p-value not above `level` that the statistic, which moves in steps, can have.

    >>> round(ring_rate(200, 0.0, 0.05), 3)
    0.04
    """
    if shift == 0:
        possible = ks_p_values(rows)
        return float(possible[possible <= level].max())
    return float((_tried(rows, shift) <= level).mean())


@lru_cache
def _tried(rows: int, shift: float) -> np.ndarray:
    return simulate_mornings(rows, shift, MORNINGS[rows], seed=7)


def describe_pages(table: pd.DataFrame, guess: None = None) -> str:
    """Say on how many days the year pages, and what one test can see."""
    first = table.iloc[0]
    tests, level, rows, shift = first["tests"], first["level"], int(first["rows"]), first["shift"]
    nothing = ring_rate(rows, 0.0, level)
    moved = "No feature has moved" if shift == 0 else f"Every feature has moved by {shift:g} standard deviations"
    seen = "" if shift == 0 else f" With the shift it rings on {100 * ring_rate(rows, shift, level):.1f} %."
    return (
        f"{moved}. {_tests(tests)} a day at {level:g} on {rows:,} rows page on {table['page'].sum()} of {DAYS} days "
        f"({100 * table['page'].mean():.0f} %). Without any drift one test on that many rows rings on "
        f"{100 * nothing:.1f} % of mornings.{seen}"
    )


def _tests(number: int) -> str:
    return "One test" if number == 1 else f"{number} tests"


def draw_pages(table: pd.DataFrame, guess: None = None) -> Figure:
    """Draw the year as weeks of seven days, paged days filled, and beside it how often one test rings."""
    first = table.iloc[0]
    level, shift = first["level"], first["shift"]
    figure, (left, right) = new_figure(
        width=7.2,
        height=2.9,
        columns=2,
        margins={"left": 0.03, "right": 0.97, "bottom": 0.15, "top": 0.84, "wspace": 0.16},
    )
    year = table["page"].to_numpy().reshape(14, 26)
    squares = ListedColormap(["#e6e8eb", VERMILLION])
    left.pcolormesh(year, cmap=squares, vmin=0, vmax=1, edgecolors="white", linewidth=1.2)
    left.grid(visible=False)
    left.invert_yaxis()
    left.set_xticks([])
    left.set_yticks([])
    left.spines[:].set_visible(False)
    title_axes(left, f"A year, orange: a page ({100 * table['page'].mean():.0f} % of days)")
    sizes = list(MORNINGS)
    x = np.arange(len(sizes))
    none = [100 * ring_rate(rows, 0.0, level) for rows in sizes]
    right.plot(x, none, color=INK, linestyle="--", marker="o", markersize=4)
    label_line(right, x[-1], none[-1], "no shift", xytext=(0, 8), ha="right")
    if shift:
        rates = [100 * ring_rate(rows, shift, level) for rows in sizes]
        right.plot(x, rates, color=BLUE, marker="s", markersize=4)
        label_line(right, x[-1], rates[-1], f"shift {shift:g} σ", BLUE, xytext=(0, 8), ha="right")
    chosen = sizes.index(int(first["rows"]))
    right.axvline(chosen, color=INK, linewidth=0.8, linestyle=":")
    right.set_xticks(x, [f"{rows:,}" for rows in sizes])
    right.set_yticks([0, 50, 100])
    right.set_ylim(0, 118)
    right.set_xlabel("rows a day")
    title_axes(right, "One test rings, % of mornings")
    return figure


class FalsePagesLab(Lab):
    """A year of drift tests: how many features, at which level, on how many rows, with how much drift."""

    title = "Alert fatigue: a year of drift tests"
    some_rows = "each row four weeks"
    slow = True
    web = movable(tests=..., level=..., rows=..., shift=...)

    def make_controls(self) -> dict[str, widgets.Widget]:
        """How many tests, how strict, on how much data, with what shift."""

        def choice(options: list, value: object, description: str) -> widgets.SelectionSlider:
            return widgets.SelectionSlider(
                options=options, value=value, description=description, continuous_update=False
            )

        return {
            "tests": choice(list(TESTS_A_DAY), 10, "Tests a day"),
            "level": choice(list(LEVELS), 0.05, "A test rings at"),
            "rows": choice([(f"{rows:,}", rows) for rows in MORNINGS], 5_000, "Rows a day"),
            "shift": choice([(f"{shift:g} σ", shift) for shift in SHIFTS], 0.0, "Everything moved by"),
        }

    def simulate(self, tests: int, level: float, rows: int, shift: float) -> pd.DataFrame:
        """Play the year."""
        return simulate_pages(tests, level, rows, shift)

    def describe(self, table: pd.DataFrame, guess: Any) -> str:
        """Say what the table shows."""
        return describe_pages(table)

    def draw(self, table: pd.DataFrame, guess: Any) -> Figure:
        """Draw the table."""
        return draw_pages(table)

    def numbers(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the year in rows of four weeks."""
        by_weeks = table.groupby(table["day"] // 28)
        return pd.DataFrame(
            {
                "Weeks": [f"{4 * four + 1} to {4 * four + 4}" for four in by_weeks.groups],
                "Days with a page": by_weeks["page"].sum(),
                "Tests that rang": by_weeks["rung"].sum(),
            }
        )
