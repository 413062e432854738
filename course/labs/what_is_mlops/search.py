"""The search incident: a ranker wins its test, and six weeks later nobody can train it again.

The ranker decides for pairs of a query and a page whether the page answers the query; it learns from clicks. Some
clicks are those of bots, who like new pages best and click on the wrong ones. After the test a well-meant job
corrected rows of bots, in place: the partition that the ranker was trained on is no longer there.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap

from course.display import FAINT, VERMILLION, label_line, new_figure, title_axes
from course.labs.lab import Lab, movable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLICKS, PAIRS = 4_000, 8_000
GAIN_A_WEEK = 20_000  # EUR that the ranker of the test earns
HUNT, NEW_TEST = 2, 6  # weeks to find out why it differs; weeks of a new A/B test
#: What was kept at the time of the test, and what keeping it costs (EUR).
KEPT = {"the code": 0, "the code and a hash of the data": 50, "the code and a copy of the data": 3_000}
SHARES = (0.0, 0.01, 0.02, 0.05, 0.10)
_PARTITION = 73  # a seed


def simulate_clicks(seed: int, overwritten: float = 0.0) -> tuple[pd.DataFrame, pd.Series]:
    """Return the partition that a ranker learns from: 4,000 pairs with eight columns `x0` … `x7`, and the clicks.

    `overwritten` is the share of all rows (0 to 0.1) in which a later job corrected a bot's click in place, new
    pages (high `x6`) first.
    Everything else depends on `seed` alone.

    >>> before, after = simulate_clicks(1)[1], simulate_clicks(1, overwritten=0.05)[1]
    >>> float((before != after).mean())
    0.05
    """
    rng = np.random.default_rng(seed)
    pairs, worth = _pairs(rng, CLICKS)
    is_new = pairs[:, 6] > 1.2
    is_bot = rng.random(CLICKS) < np.where(is_new, 0.7, 0.13)
    clicks = np.where(is_bot, ~worth, worth)
    order = np.lexsort([rng.random(CLICKS), ~is_new, ~is_bot])
    corrected = order[: round(overwritten * CLICKS)]
    clicks[corrected] = worth[corrected]
    return pd.DataFrame(pairs, columns=[f"x{i}" for i in range(8)]), pd.Series(clicks, name="click")


def _pairs(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    x = rng.normal(size=(size, 8))
    score = 1.2 * x[:, 0] - x[:, 1] + 0.8 * x[:, 2] * x[:, 3] + 0.7 * np.sin(2 * x[:, 4]) + 0.5 * x[:, 5]
    return x, score > 0


@lru_cache
def train_ranker(overwritten: float, training_seed: int, partition: int = _PARTITION) -> tuple[str, np.ndarray, float]:
    """Train it; return the fingerprint of all its trees, its decisions on 8,000 fresh pairs, and its accuracy there.

    >>> train_ranker(0.0, 0)[0] == train_ranker.__wrapped__(0.0, 0)[0]
    True
    """
    from sklearn.ensemble import RandomForestClassifier

    pairs, clicks = simulate_clicks(partition, overwritten)
    ranker = RandomForestClassifier(30, min_samples_leaf=40, random_state=training_seed).fit(pairs.to_numpy(), clicks)
    digest = hashlib.sha256()
    for tree in ranker.estimators_:
        digest.update(tree.tree_.threshold.tobytes() + tree.tree_.value.tobytes())
    rng = np.random.default_rng([partition, 99])
    fresh, worth = _pairs(rng, PAIRS)
    seen = np.where(rng.random(PAIRS) < 0.145, ~worth, worth)
    decisions = ranker.predict(fresh)
    return digest.hexdigest()[:8], decisions, float((decisions == seen).mean())


def simulate_rebuild(overwritten: float, seed_kept: bool) -> pd.DataFrame:
    """Try to build the ranker again six weeks later, one row for each thing that may have been kept.

    Columns: `kept` (words), `fingerprint_then`, `fingerprint_now` (of all trees), `same` (to the bit?), `flipped`
    (share of 8,000 decisions that differ), `accuracy_then`, `accuracy_now` (shares), `weeks_lost` (until it can
    ship) and `cost` (EUR: the gain lost in these weeks, and the keeping).

    >>> bool(simulate_rebuild(0.0, seed_kept=True)["same"].all())
    True
    """
    then, decided, was_right = train_ranker(0.0, 0)
    rows = []
    for kept, price in KEPT.items():
        has_copy, knows_why = kept.endswith("copy of the data"), kept != "the code"
        now, decides, is_right = train_ranker(0.0 if has_copy else overwritten, 0 if seed_kept else 1)
        same = now == then
        weeks = 0 if same else NEW_TEST + (0 if knows_why else HUNT)
        rows.append(
            {
                "kept": kept,
                "fingerprint_then": then,
                "fingerprint_now": now,
                "same": same,
                "flipped": float((decides != decided).mean()),
                "accuracy_then": was_right,
                "accuracy_now": is_right,
                "weeks_lost": weeks,
                "cost": weeks * GAIN_A_WEEK + price,
            }
        )
    return pd.DataFrame(rows)


def describe_rebuild(table: pd.DataFrame, guess: None = None) -> str:
    """Say whether it is the ranker that won, what it does otherwise, and what that costs."""
    row = table.loc[table["chosen"]].iloc[0]
    world = (
        f"{100 * row['overwritten']:g} % of the rows were overwritten, the seed was "
        f"{'kept' if row['seed_kept'] else 'lost'}; kept was {row['kept']}."
    )
    if row["same"]:
        rebuilt = f"The rebuilt ranker is the one that won, to the bit: {row['fingerprint_now']}."
    else:
        rebuilt = (
            f"The rebuilt ranker is another one ({row['fingerprint_now']} instead of {row['fingerprint_then']}): it "
            f"decides {100 * row['flipped']:.1f} % of the pairs otherwise. Its accuracy is "
            f"{row['accuracy_now']:.3f}, that of the winner was {row['accuracy_then']:.3f}."
        )
    cheapest = table.loc[table["cost"].idxmin(), "kept"]
    return (
        f"{world} {rebuilt} Until it ships: {row['weeks_lost']} weeks; cost {row['cost']:,.0f} EUR. "
        f"Cheapest here would have been {cheapest}."
    )


def draw_rebuild(table: pd.DataFrame, guess: None = None) -> Figure:
    """Draw 400 of the decisions, those that flipped filled, and beside them what each keeping would have cost."""
    row = table.loc[table["chosen"]].iloc[0]
    used = 0.0 if row["kept"].endswith("copy of the data") else row["overwritten"]
    flipped = train_ranker(used, 0 if row["seed_kept"] else 1)[1] != train_ranker(0.0, 0)[1]
    figure, (left, right) = new_figure(
        width=7.2,
        height=2.9,
        columns=2,
        margins={"left": 0.03, "right": 0.97, "bottom": 0.05, "top": 0.82, "wspace": 0.1},
    )
    squares = ListedColormap(["#e6e8eb", VERMILLION])
    left.pcolormesh(flipped[:400].reshape(16, 25), cmap=squares, vmin=0, vmax=1, edgecolors="white", linewidth=1.2)
    accuracy = f"accuracy {row['accuracy_then']:.3f} → {row['accuracy_now']:.3f}"
    title_axes(left, f"400 decisions, orange: flipped ({100 * row['flipped']:.1f} % of all)\n{accuracy}")
    y = np.arange(len(table))
    right.barh(y, table["cost"] / 1000, height=0.4, color=[VERMILLION if c else FAINT for c in table["chosen"]])
    for place, kept, cost, chosen in zip(y, table["kept"], table["cost"], table["chosen"], strict=True):
        right.text(0, place - 0.32, f"{kept}{' (yours)' if chosen else ''}", fontsize=8.5)
        label_line(right, cost / 1000, place, f"{cost / 1000:,.4g}")
    right.set_xlim(0, 200)
    right.set_ylim(2.5, -0.7)
    title_axes(right, "What it costs to have kept …, 1000 EUR")
    for ax in (left, right):
        ax.set_xticks([])
        ax.set_yticks([])
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
    return figure


class SearchLab(Lab):
    """Train the ranker of six weeks ago once more: overwrite some rows, lose the seed, and see what comes back."""

    title = "The ranker that won: build it again"
    heads = MappingProxyType(
        {
            "kept": "Kept",
            "same": "Same to the bit",
            "flipped": "Decisions flipped (share)",
            "accuracy_then": "Accuracy then (share)",
            "accuracy_now": "Accuracy now (share)",
            "fingerprint_then": "Fingerprint then",
            "fingerprint_now": "Fingerprint now",
            "weeks_lost": "Weeks lost",
            "cost": "Cost (EUR)",
        }
    )
    slow = True
    web = movable(overwritten=..., seed_kept=..., kept=...)

    def make_controls(self) -> dict[str, widgets.Widget]:
        """How much was overwritten, is the seed there, what was kept."""
        return {
            "overwritten": widgets.SelectionSlider(
                options=[(f"{100 * share:g} %", share) for share in SHARES],
                value=0.0,
                description="Rows overwritten since",
                continuous_update=False,
            ),
            "seed_kept": widgets.Checkbox(value=True, description="The training seed was written down", indent=False),
            "kept": widgets.Dropdown(options=list(KEPT), value="the code", description="Kept from the test"),
        }

    def simulate(self, overwritten: float, seed_kept: bool, kept: str) -> pd.DataFrame:
        """Rebuild it under each keeping; mark the chosen one."""
        table = simulate_rebuild(overwritten, seed_kept)
        table.insert(1, "chosen", table["kept"] == kept)
        table.insert(2, "overwritten", overwritten)
        table.insert(3, "seed_kept", seed_kept)
        return table

    def describe(self, table: pd.DataFrame, guess: Any) -> str:
        """Say what the table shows."""
        return describe_rebuild(table)

    def draw(self, table: pd.DataFrame, guess: Any) -> Figure:
        """Draw the table."""
        return draw_rebuild(table)
