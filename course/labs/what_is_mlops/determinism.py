"""Train the same thing again and again: what moves although nothing was changed, and what does not.

Three models read the handwritten digits that come with scikit-learn (1,797 pictures of 8 by 8 pixels), and one plain
sum adds up a million numbers in another order each time. Every run really runs, pinned ones too.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from course.display import BLUE, FAINT, INK, PURPLE, VERMILLION, label_line, new_figure, title_axes
from course.labs.cache import memory
from course.labs.lab import Lab, movable
from course.predict import Between

NETWORK, LOGISTIC, FOREST, SUM = "small neural network", "logistic regression", "random forest", "sum of a million"
SEED, SPLIT = "the seed of the training", "only which digits are held out"
#: How many digits are learned from, and how many are held out to judge by.
SIZES = {NETWORK: (900, 270), LOGISTIC: (900, 270), FOREST: (1347, 450)}
NUMBERS = 1_000_000
A_POINT = 1.0 - 1e-9  # percentage points, less the rounding of a difference


def _classifier(model: str, seed: int) -> Any:
    if model == NETWORK:
        from sklearn.neural_network import MLPClassifier

        return MLPClassifier((32,), learning_rate_init=0.01, max_iter=25, random_state=seed)
    if model == LOGISTIC:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(solver="lbfgs", tol=1e-3, max_iter=300, random_state=seed)
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(20, random_state=seed)


@memory.cache
def percent_right(model: str, seed: int, split: int, run: int) -> float:
    """Train once and return how many of the held-out digits are read right, in percent.

    `seed` steers the training and `split` the drawing of the held-out digits. `run` changes nothing; it makes the
    cache train a repetition anew, so that "the same seed gives the same model" is seen and not assumed.
    """
    from sklearn.datasets import load_digits
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import train_test_split

    pixels, digits = load_digits(return_X_y=True)
    learn, held_out = SIZES[model]
    x, x_held_out, y, y_held_out = train_test_split(
        pixels / 16, digits, train_size=learn, test_size=held_out, random_state=split
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 25 rounds are enough to look at chance
        fitted = _classifier(model, seed).fit(x, y)
    return 100 * float(fitted.score(x_held_out, y_held_out))


@lru_cache(maxsize=1)
def _numbers() -> tuple[np.ndarray, float]:
    numbers = np.random.default_rng(6).standard_normal(NUMBERS, dtype=np.float32)
    return numbers.reshape(1000, -1), math.fsum(numbers.tolist())


def sum_in_another_order(seed: int) -> float:
    """Add a million float32 numbers, whose thousand blocks come in an order drawn from `seed`; less the exact sum."""
    blocks, exact = _numbers()
    ordered = np.random.default_rng([6, seed]).permutation(blocks)
    return float(ordered.ravel().sum(dtype=np.float32)) - exact


_percent_right = lru_cache(maxsize=None)(percent_right)


def simulate_runs(
    model: str,
    chance: str,
    pinned: bool,
    runs: int,
    pairs: bool = False,
    progress: Callable[[int], None] = lambda _run: None,
) -> pd.DataFrame:
    """Run the same training `runs` times; one row a run.

    Columns: `run` (from 1), `seed` and `split` (what was handed over), `outcome` (percent of held-out digits read
    right; for the sum: its distance from the exact sum). `progress` is told before each run that is about to begin.
    The settings stand in `attrs`.

    >>> table = simulate_runs("sum of a million", "the seed of the training", pinned=True, runs=3)
    >>> table["outcome"].nunique()
    1
    """
    rows = []
    for run in range(runs):
        progress(run + 1)
        moved = 0 if pinned else run
        seed, split = (moved, 0) if chance == SEED else (0, moved)
        again = run if pinned else 0
        outcome = sum_in_another_order(seed) if model == SUM else _percent_right(model, seed, split, again)
        rows.append({"run": run + 1, "seed": seed, "split": split, "outcome": outcome})
    table = pd.DataFrame(rows)
    table.attrs |= {"model": model, "chance": chance, "pinned": pinned, "pairs": pairs}
    return table


def spread(table: pd.DataFrame) -> float:
    """Return best minus worst outcome, in the unit of the outcome.

    >>> spread(pd.DataFrame({"outcome": [94.0, 95.5, 94.5]}))
    1.5
    """
    return float(table["outcome"].max() - table["outcome"].min())


def pair_differences(table: pd.DataFrame) -> np.ndarray:
    """Return how far the outcomes of any two runs lie apart."""
    return np.array([abs(a - b) for a, b in itertools.combinations(table["outcome"], 2)])


def describe_runs(table: pd.DataFrame, guess: float | None = None) -> str:
    """Say from where to where the outcomes reach, and how many pairs of runs differ by a point or more."""
    about = table.attrs
    outcomes = table["outcome"]
    if about["pinned"]:
        how = "all pinned to the same seed"
    elif about["chance"] == SEED:
        how = "nothing differs but the order" if about["model"] == SUM else "nothing differs but the seed"
    else:
        how = "the seed pinned and nothing else different, for a sum holds nothing out"
        if about["model"] != SUM:
            how = "the seed pinned, other digits held out"
    start = f"{len(table)} runs of the {about['model']}, {how}: "
    if about["model"] == SUM:
        text = f"{start}{_results(outcomes.nunique())}, {_scientific(spread(table))} between the smallest and largest."
        if about["pairs"]:
            apart = pair_differences(table)
            text += f" Of {_count(len(apart), 'pair')}, {(apart > 0).sum()} differ at all."
        return text
    if spread(table) == 0:
        text = f"{start}{outcomes[0]:.1f} % right every time, 0.0 percentage points between worst and best."
    else:
        # One end and the distance: with both ends, rounded, a reader gets another distance.
        text = f"{start}the worst {outcomes.min():.1f} % right, the best {spread(table):.1f} percentage points better."
    if about["pairs"]:
        apart = pair_differences(table)
        text += (
            f" Of {_count(len(apart), 'pair')} of runs, {100 * (apart >= A_POINT).mean():.0f} % differ by a "
            "percentage point or more."
        )
    if guess is not None and _is_guessed(table):
        text += f" You guessed a spread of {guess:g} for thirty runs."
    return text


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _results(different: int) -> str:
    return "the same result every time" if different == 1 else f"{different} different results"


def _scientific(number: float) -> str:
    return f"{number:.4f}".rstrip("0").rstrip(".") if number else "0"


def draw_runs(table: pd.DataFrame, guess: float | None = None) -> Any:
    """Draw one dot a run, the spread as a bracket, the guess beneath it; beside it the pairs, when asked for."""
    about = table.attrs
    is_sum = about["model"] == SUM
    guess = guess if _is_guessed(table) else None
    margins = {"left": 0.085, "right": 0.985, "bottom": 0.1, "top": 0.9, "wspace": 0.16}
    figure, axes = new_figure(width=7.2, height=2.8, columns=2 if about["pairs"] else 1, margins=margins)
    strip, outcomes = axes[0], table["outcome"]
    low, high = outcomes.min(), outcomes.max()
    strip.plot(outcomes, np.linspace(0, 1, len(table)), "o", color=BLUE, markersize=6, alpha=0.75)
    strip.set(ylim=(-0.12 if guess is None else -0.42, 1.45), yticks=[0, 1], yticklabels=["first run", "last run"])
    wanted = max(0.0008 if is_sum else 8.0, 1.15 * (high - low), min(1.1 * (guess or 0), 100))
    left = (low + high) / 2 - wanted / 2
    if not is_sum:
        left = min(left, 100.5 - wanted) if guess is None else max(min(low - 0.4, 100.5 - wanted), 0)
    strip.set_xlim(left, left + wanted)
    words = _results(outcomes.nunique()) if is_sum else f"{spread(table):.1f} points"
    if spread(table):
        for end in (low, high):
            strip.plot([end, end], [1.14, 1.24], color=INK, linewidth=1.2)
        strip.plot([low, high], [1.19, 1.19], color=INK, linewidth=1.2)
    label_line(strip, (low + high) / 2, 1.19, words, xytext=(0, 6), ha="center", va="bottom")
    if guess is not None:
        strip.plot([low, min(low + guess, left + wanted)], [-0.31, -0.31], ":", color=PURPLE, linewidth=2.5)
        words = f"your guess for thirty runs: {guess:g} point{'s' * (guess != 1)}"
        if low < left + 0.55 * wanted:
            label_line(strip, low, -0.31, words, PURPLE, xytext=(0, 7))
        else:
            label_line(strip, left + wanted, -0.31, words, PURPLE, xytext=(0, 7), ha="right")
    strip.grid(axis="x", color="#e6e8eb", linewidth=0.8)
    if is_sum:
        title_axes(strip, "Sum less the exact sum (ten-thousandths)")
        strip.set_xticks(strip.get_xticks(), [f"{1e4 * tick:.0f}".replace("-", "−") for tick in strip.get_xticks()])
        strip.set_xlim(left, left + wanted)
        strip.axvline(0, color=FAINT, linewidth=1)
    else:
        title_axes(strip, "Held-out digits read right (%)")
    if about["pairs"]:
        _draw_pairs(axes[1], table, is_sum)
    return figure


def _is_guessed(table: pd.DataFrame) -> bool:
    return table.attrs["model"] == NETWORK and table.attrs["chance"] == SEED


def _draw_pairs(ax: Any, table: pd.DataFrame, is_sum: bool) -> None:
    apart = np.sort(pair_differences(table))
    far = apart > 0 if is_sum else apart >= A_POINT
    apart = apart * 1e4 if is_sum else apart
    places = np.arange(1, len(apart) + 1)
    for where, colour, marker in ((~far, FAINT, "o"), (far, VERMILLION, "D")):
        ax.plot(places[where], apart[where], marker, color=colour, markersize=4, linestyle="none")
    if not is_sum:
        ax.axhline(1, color=INK, linewidth=1, linestyle="--")
        label_line(ax, 0, 1, "one point", INK, xytext=(2, 6))
    ax.set(
        xlabel=f"{_count(len(apart), 'pair')}, closest first",
        xticks=[],
        xlim=(-0.02 * len(apart), 1.05 * len(apart) + 1),
    )
    ax.set_ylim(-0.05 * max(apart.max(), 1.5), 1.1 * max(apart.max(), 1.5))
    title_axes(ax, "How far two runs lie apart" + (" (same unit)" if is_sum else " (points)"))


class DeterminismLab(Lab):
    """Pin the seed or do not, and run the same training two to thirty times."""

    title = "The same code, the same data, run again"
    heads = MappingProxyType(
        {
            "run": "Run",
            "seed": "Seed handed over",
            "split": "Split handed over",
            "outcome": "Digits read right (%)",
        }
    )
    question = Between(0, 100, "percentage points between the worst and the best of thirty runs")
    slow = True
    web = movable(model=..., chance=..., pinned=..., pairs=..., runs=(6, 30))

    def make_controls(self) -> dict[str, widgets.Widget]:
        return {
            "model": widgets.Dropdown(options=[NETWORK, LOGISTIC, FOREST, SUM], description="What is run"),
            "chance": widgets.Dropdown(options=[SEED, SPLIT], description="What may differ from run to run"),
            "pinned": widgets.Checkbox(value=False, description="Pin the seed"),
            "runs": widgets.IntSlider(value=6, min=2, max=30, description="How many runs", continuous_update=False),
            "pairs": widgets.Checkbox(value=False, description="Compare every run with every other"),
        }

    def simulate(self, **settings: Any) -> pd.DataFrame:
        def say(run: int) -> None:
            self._progress.value = f'<p style="margin:0 0 0 6px">Run {run} of {settings["runs"]} …</p>'

        return simulate_runs(**settings, progress=say)

    describe = staticmethod(describe_runs)
    draw = staticmethod(draw_runs)

    def numbers(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the runs; the outcome of the sum is no percentage."""
        shown = super().numbers(table)
        if table.attrs["model"] == SUM:
            shown = shown.rename(columns={self.heads["outcome"]: "Distance from the exact sum"})
        return shown
