"""Take the same training somewhere else: is it the same result, and in the same time?

Everything here is really run on the reader's machine, once, and kept. What cannot be had without installing another
machine or another library is not shown: of other library versions only those ways that the installed one still ships.
"""

from __future__ import annotations

import time
import warnings
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from course.display import BLUE, FAINT, INK, label_line, new_figure, title_axes
from course.labs.cache import memory
from course.labs.lab import Lab, movable

PLACES = MappingProxyType(
    {
        "again": "here, once more",
        "threads": "two threads instead of one",
        "dtype": "float32 instead of float64",
        "generator": "NumPy's older generator, same seed",
        "solver": "scikit-learn's default solver before 0.22",
        "trees": "scikit-learn's default forest before 0.22",
    }
)
#: How closely two scores are compared.
CLOSELY = MappingProxyType(
    {"bits": "to the last bit", "six": "to 6 decimals", "three": "to 3 decimals", "decision": "as yes or no"}
)
# So many that the threads share the work: below, one does it alone.
_ROWS, _COLUMNS, _ASKED = 20_000, 60, 1000
_FOREST_ROWS = 300


def _world() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Payments to learn from, their labels, and payments to be scored: sixty numbers each."""
    rng = np.random.default_rng([3, 5])
    x = rng.standard_normal((_ROWS + _ASKED, _COLUMNS))
    score = x @ rng.normal(0, 0.3, _COLUMNS) + 0.5 * x[:, 0] * x[:, 1]
    y = (rng.random(_ROWS + _ASKED) < 1 / (1 + np.exp(-score))).astype(int)
    return x[:_ROWS], y[:_ROWS], x[_ROWS:]


def _train_at(place: str) -> tuple[np.ndarray, float]:
    """Draw a training half with seed 7, train on it, score; return the scores and the seconds of the training."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    x, y, asked = _world()
    # Both are NumPy's, both take the seed 7: the older one is what most code of before 2019 used.
    older = np.random.RandomState(7)
    drawn = (older if place == "generator" else np.random.default_rng(7)).permutation(_ROWS)[: _ROWS // 2]
    if place == "dtype":
        x, asked = x.astype(np.float32), asked.astype(np.float32)
    if place in ("trees", "trees now"):
        drawn = drawn[:_FOREST_ROWS]
        model: Any = RandomForestClassifier(10 if place == "trees" else 100, random_state=7)
    else:
        model = LogisticRegression(solver="liblinear" if place == "solver" else "lbfgs", random_state=7)
    with threadpool_limits(2 if place == "threads" else 1), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # threads are no warning's business here
        began = time.perf_counter()
        model.fit(x[drawn], y[drawn])
        seconds = time.perf_counter() - began
    return model.predict_proba(asked)[:, 1].astype(float), seconds


@memory.cache
def train_everywhere() -> dict[str, tuple[np.ndarray, float]]:
    """Train at every place, forests once and all else twice: the first scores and the shorter time count."""
    found = {}
    _train_at("home")  # the first run of all pays for what is loaded on the way
    for place in ("home", *PLACES, "trees now"):
        runs = [_train_at(place) for _ in range(1 if place.startswith("trees") else 2)]
        found[place] = (runs[0][0], min(seconds for _, seconds in runs))
    return found


_everywhere = lru_cache(maxsize=1)(train_everywhere)


def share_the_same(ours: np.ndarray, theirs: np.ndarray, closely: str) -> float:
    """Return the share of scores that are the same, compared as `closely` says (a key of `CLOSELY`).

    >>> share_the_same(np.array([0.1, 0.7]), np.array([0.1000004, 0.4]), "three")
    0.5
    """
    if closely == "bits":
        same = ours == theirs
    elif closely == "decision":
        same = (ours >= 0.5) == (theirs >= 0.5)
    else:
        same = np.abs(ours - theirs) < 0.5 * 10.0 ** -{"six": 6, "three": 3}[closely]
    return float(same.mean())


def simulate_places(closely: str) -> pd.DataFrame:
    """Compare the training here with the same training elsewhere; one row a place.

    Columns: `place`, `same` (share of 1,000 scores), `largest_difference` (of two scores), `seconds` and
    `seconds_here` (of the training, measured once on this machine).
    """
    found = _everywhere()
    rows = []
    for place, words in PLACES.items():
        home, seconds_here = found["trees now" if place == "trees" else "home"]
        scores, seconds = found[place]
        rows.append(
            {
                "place": words,
                "same": share_the_same(home, scores, closely),
                "largest_difference": float(np.abs(home - scores).max()),
                "seconds": seconds,
                "seconds_here": seconds_here,
            }
        )
    table = pd.DataFrame(rows)
    table.attrs["closely"] = closely
    return table


def describe_places(table: pd.DataFrame, guess: None = None) -> str:
    """Say how many of the thousand scores are the same at each place, compared this closely, and in what time."""
    parts = [
        f"{row.place} ({_thousand(row.same)}, in {_times(row.seconds / row.seconds_here)} times the time)"
        for row in table.itertuples()
    ]
    return f"Of 1,000 scores, compared {CLOSELY[table.attrs['closely']]}, so many are the same: {'; '.join(parts)}."


def _times(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 0.2 else f"{ratio:.1f}"


def _thousand(share: float) -> str:
    return "all" if share == 1 else "none" if share == 0 else f"{round(1000 * share)}"


def draw_places(table: pd.DataFrame, guess: None = None) -> Any:
    """Draw the share of scores that are the same as bars, and the time beside them."""
    figure, (left, right) = new_figure(width=7.2, height=2.8, columns=2)
    figure.set_layout_engine("none")  # the margins never change: laying them out costs a third of the picture
    left.set_position((0.325, 0.1, 0.33, 0.8))
    right.set_position((0.67, 0.1, 0.325, 0.8))
    places = np.arange(len(table))[::-1]
    left.barh(places, 100 * table["same"], color=BLUE, height=0.55)
    for place, row in zip(places, table.itertuples(), strict=True):
        label_line(left, 100 * row.same, place, _thousand(row.same))
    left.set_yticks(
        places, [name.replace("scikit-learn's default", "scikit-learn's\ndefault") for name in table["place"]]
    )
    left.set(xlim=(0, 125), xticks=(0, 50, 100), xticklabels=("0", "500", "1,000"))
    title_axes(left, f"Same of 1,000, {CLOSELY[table.attrs['closely']]}")
    ratio = table["seconds"] / table["seconds_here"]
    powers = np.log10(ratio).clip(-1.2, 1.3)  # on a plain axis: matplotlib's logarithmic one is slow
    right.axvline(0, color=FAINT, linestyle="--", linewidth=1)
    right.plot(powers, places, "D", color=INK, markersize=6, linestyle="none")
    for place, power, times in zip(places, powers, ratio, strict=True):
        label_line(right, power, place, f"{_times(times)}×", xytext=(7, 0))
    right.set(xlim=(-1.4, 2.1), ylim=left.get_ylim(), yticks=[])
    right.set_xticks([-1, 0, 1], ["0.1", "1", "10"])
    title_axes(right, "Time, compared with here")
    for ax in (left, right):
        ax.grid(axis="y", visible=False)
    return figure


class WorksHereLab(Lab):
    """One slider: how closely do you look when you say that it works on another machine too?"""

    title = "The same training elsewhere: the same result, in the same time"
    heads = MappingProxyType(
        {
            "place": "Trained",
            "same": "Equal scores (share)",
            "largest_difference": "Largest difference",
            "seconds": "Seconds",
            "seconds_here": "Seconds here",
        }
    )
    slow = True
    web = movable(closely=...)

    def make_controls(self) -> dict[str, widgets.Widget]:
        return {
            "closely": widgets.SelectionSlider(
                options=[(words, name) for name, words in CLOSELY.items()],
                description="How closely the scores are compared",
                continuous_update=False,
            )
        }

    simulate = staticmethod(simulate_places)
    describe = staticmethod(describe_places)
    draw = staticmethod(draw_places)
