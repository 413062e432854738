"""Not every model decays: one that keeps its worth for years, and what has to change before one does.

A model is fitted on 2015 and used, untouched, until 2018. Three worlds: nothing changes; other people come, but
what holds of them still holds (the mix); or what the columns say of the outcome changes (the meaning).
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from course.display import BLUE, FAINT, INK, label_line, new_figure, title_axes
from course.labs.lab import Lab, movable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

YEARS = (2015, 2016, 2017, 2018)
#: AUC of a classifier fitted on 2015: American Community Survey, Massachusetts employment, key *acs*; quoted.
ACS_AUC = (0.903, 0.902, 0.905, 0.906)
CHANGES = ("nothing", "who comes (the mix)", "what it means (the relation)")
SPEEDS = {"slowly": 0.3, "fast": 0.8}
_WEIGHTS = np.array([1.8, -1.5, 1.0, 0.9, 0.0])


def simulate_people(seed: int, people: int, change: str = "nothing", years_since: float = 0.0) -> pd.DataFrame:
    """Return people of one year: five columns `x0` … `x4` in standard deviations of 2015, and `outcome` (0 or 1).

    `change` is one of `CHANGES`; `years_since` says how far it has gone (speed times years).

    >>> simulate_people(1, 3).shape
    (3, 6)
    """
    if change not in CHANGES:
        raise ValueError(f"change is one of {', '.join(map(repr, CHANGES))}; this one is {change!r}")
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(people, len(_WEIGHTS)))
    weights = _WEIGHTS
    if change == CHANGES[1]:  # older people, and more of the kinds that were rare: where they are, not what they do
        x = x + years_since * np.array([0.25, 0.25, 0.0, 0.0, 1.0])
    elif change == CHANGES[2]:
        weights = _WEIGHTS - years_since * np.array([0.8, 0.0, 0.0, 0.0, -0.8])
    outcome = rng.random(people) < 1 / (1 + np.exp(-x @ weights))
    return pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])]).assign(outcome=outcome.astype(int))


@lru_cache
def _fitted(people: int) -> tuple[np.ndarray, float]:
    from sklearn.linear_model import LogisticRegression

    past = simulate_people(2015, people)
    model = LogisticRegression().fit(past.drop(columns="outcome").to_numpy(), past["outcome"])
    return model.coef_[0], float(model.intercept_[0])


def area_under_curve(scores: np.ndarray, outcome: np.ndarray) -> float:
    """Return the area under the ROC curve: how often a one is scored above a zero.

    >>> area_under_curve(np.array([0.1, 0.4, 0.8]), np.array([0, 0, 1]))
    1.0
    """
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores)] = np.arange(1, len(scores) + 1)
    ones = int(outcome.sum())
    return float((ranks[outcome == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(scores) - ones)))


def simulate_years(change: str, speed: str, people: int, seed: int = 5) -> pd.DataFrame:
    """Return one row a year: `year`, `auc` (of the model of 2015, on people it has not seen), `moved` (how far the
    column that moved most is from where it was, in standard deviations), `auc_acs` (quoted, see `ACS_AUC`).
    """
    weights, bias = _fitted(20_000)
    rows = []
    for since, year in enumerate(YEARS):
        now = simulate_people(seed + since, people, change, SPEEDS[speed] * since)
        columns = now.drop(columns="outcome").to_numpy()
        scores = columns @ weights + bias
        auc = area_under_curve(scores, now["outcome"].to_numpy())
        rows.append(
            {"year": year, "auc": auc, "moved": float(np.abs(columns.mean(axis=0)).max()), "auc_acs": ACS_AUC[since]}
        )
    return pd.DataFrame(rows).assign(change=change, speed=speed, people=people)


def describe_years(table: pd.DataFrame, guess: None = None) -> str:
    """Say what became of the model in three years, beside the cited one."""
    first = table.iloc[0]
    auc = table["auc"]
    fell = auc.iloc[0] - auc.iloc[-1]
    chance = max(0.02, 1.2 / first["people"] ** 0.5)  # few people: the AUC wanders by itself
    went = "stays" if abs(fell) < chance else "falls" if fell > 0 else "rises"
    by = (
        f"{abs(fell):.2f} {'less' if fell > 0 else 'more'} in three years"
        if went != "stays"
        else f"within chance, ±{chance:.2g}"
    )
    how = "" if first["change"] == CHANGES[0] else f", {first['speed']}"
    return (
        f"What changes: {first['change']}{how}. Fitted on 2015, seen on {first['people']:,} people a year, the model's "
        f"AUC {went}: {', '.join(f'{a:.3f}' for a in auc)}, {by}, "
        f"while the inputs moved by up to {table['moved'].iloc[-1]:.1f} standard deviations. "
        f"The cited one (acs) went {', '.join(f'{a:.3f}' for a in table['auc_acs'])}."
    )


def draw_years(table: pd.DataFrame, guess: None = None) -> Figure:
    """Draw both AUCs over the years."""
    figure, (ax,) = new_figure(width=6.0, height=2.5, margins={"left": 0.07, "right": 0.99, "bottom": 0.1, "top": 0.9})
    ax.plot(table["year"], table["auc_acs"], color=FAINT, linestyle="--", marker="s", markersize=4)
    ax.plot(table["year"], table["auc"], color=BLUE, marker="o", markersize=4)
    label_line(ax, 2018, table["auc_acs"].iloc[-1], "cited: acs", INK, xytext=(6, 7))
    label_line(ax, 2018, table["auc"].iloc[-1], "computed here", BLUE, xytext=(6, -7))
    ax.set_xticks(list(YEARS))
    ax.set_xlim(2014.8, 2018.9)
    ax.set_ylim(0.5, 1.0)
    first = table.iloc[0]
    title_axes(ax, f"AUC of the model of 2015; what changes, {first['speed']}: {first['change']}")
    return figure


class NoDecayLab(Lab):
    """A model that is left alone for three years, in a world that changes, or does not."""

    title = "Three years without a hand on the model"
    heads = MappingProxyType(
        {
            "year": "Year",
            "auc": "AUC",
            "moved": "Inputs moved (standard deviations)",
            "auc_acs": "AUC in the census survey",
        }
    )
    web = movable(change=..., speed=..., people=...)

    def make_controls(self) -> dict[str, widgets.Widget]:
        """What changes, how fast, and how many people there are to see it with."""
        return {
            "change": widgets.Dropdown(options=list(CHANGES), value=CHANGES[1], description="What changes"),
            "speed": widgets.ToggleButtons(options=list(SPEEDS), value="slowly", description="How fast"),
            "people": widgets.SelectionSlider(
                options=[(f"{people:,}", people) for people in (500, 4_000, 20_000)],
                value=20_000,
                description="People a year",
                continuous_update=False,
            ),
        }

    def simulate(self, change: str, speed: str, people: int) -> pd.DataFrame:
        """Leave the model alone for three years."""
        return simulate_years(change, speed, people)

    def describe(self, table: pd.DataFrame, guess: Any) -> str:
        """Say what the table shows."""
        return describe_years(table)

    def draw(self, table: pd.DataFrame, guess: Any) -> Figure:
        """Draw the table."""
        return draw_years(table)
