"""The retail incident: a column turns to NaN upstream, nothing raises, and the recommender sells less for a month.

A small online shop recommends one of six offers in every session. The recommender was fitted on logged
sessions; while it serves, a missing value is filled with the column's usual value, as most pipelines do, so
that no exception can ever say that something is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from course.display import BLUE, FAINT, GREEN, INK, PURPLE, VERMILLION, label_line, new_figure, title_axes
from course.labs.lab import Lab
from course.predict import Between

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: One week known to be good, then a month of thirty days.
GOOD_WEEK, DAYS = 7, 37
SESSIONS_A_DAY = 500
OFFERS = 6
OFFER_PRICE = 30.0  # EUR

#: What a session brings to the model, and the share of sessions that lack it on a day when all is well.
NORMALLY_MISSING = {
    "basket_value": 0.01,
    "days_since_order": 0.08,
    "views_today": 0.02,
    "loyalty_points": 0.40,
    "screen_width": 0.03,
}
COLUMNS = tuple(NORMALLY_MISSING)
#: The columns that the model leans on.
KEY_COLUMNS = ("basket_value", "days_since_order", "views_today")
BATCH_COLUMNS = ("shop", *COLUMNS)

_CENTRE = np.array([60.0, 30.0, 12.0, 400.0, 1100.0])
_SPREAD = np.array([20.0, 9.0, 3.5, 120.0, 380.0])
#: How strongly each column decides which offer a customer wants; calibrated to the reference losses.
_PULL = np.array([1.55, 1.62, 1.52, 0.25, 0.0])
_ORGANIC = 7.0  # EUR a session that is spent whatever is recommended
_WEEK = np.array([0.94, 0.92, 0.95, 0.98, 1.06, 1.12, 1.03])  # traffic by weekday


@dataclass(frozen=True)
class Break:
    """From `day` on a share of a column's values is lost upstream; with `grows`, that share more each day."""

    column: str
    day: int
    share: float = 1.0
    grows: bool = False


@dataclass(frozen=True)
class Rescale:
    """From `day` on a column arrives in another unit: every value times `factor`."""

    column: str
    day: int
    factor: float


@dataclass(frozen=True)
class Holiday:
    """From `day` on, for `length` days: more sessions, fuller baskets, more guests (who have no loyalty points)."""

    day: int
    length: int = 5


@dataclass(frozen=True)
class NewShop:
    """From `day` on a sixth of the sessions comes from a new shop, mostly on telephones."""

    day: int


Change = Break | Rescale | Holiday | NewShop


def simulate_retail_month(seed: int, *changes: Change) -> pd.DataFrame:
    """Return 37 days of sessions: seven days that are known to be good, then a month in which `changes` happen.

    Columns that the team has: `day` (0 to 36), `shop` (name), `basket_value` (EUR), `days_since_order` (days),
    `views_today` (pages), `loyalty_points` (points; guests have none), `screen_width` (pixels).
    Columns that come after the recommendation: `offer` (0 to 5), `revenue` (EUR), and one that nobody has but
    the simulator: `lost` (EUR; what the offer costs, on average, against the one recommended from whole data).
    Customers and their luck depend on `seed` alone, so that two months with one seed differ by `changes` alone.

    >>> quiet = simulate_retail_month(1)
    >>> broken = simulate_retail_month(1, Break("views_today", day=7))
    >>> float(quiet["lost"].sum()), bool(broken["lost"].sum() > 5_000)
    (0.0, True)
    """
    rng = np.random.default_rng(seed)
    table = _customers(rng, changes)
    luck = rng.random(len(table))
    organic = rng.exponential(_ORGANIC, len(table))
    whole = table[list(COLUMNS)].to_numpy(copy=True)
    gaps = _gaps(np.random.default_rng([7, seed]), table["day"].to_numpy())
    wanted = _standardised(whole)
    best = _recommended(np.where(gaps, np.nan, whole))

    served = whole.copy()
    day = table["day"].to_numpy()
    for change in changes:
        if isinstance(change, Rescale):
            served[day >= change.day, COLUMNS.index(change.column)] *= change.factor
    missing = gaps.copy()
    for change in changes:
        if isinstance(change, Break):
            missing[:, COLUMNS.index(change.column)] |= _broken(np.random.default_rng([11, seed]), day, change)
    served[missing] = np.nan
    offer = _recommended(served)

    chance = _chance_to_buy(wanted)
    rows = np.arange(len(table))
    bought = luck < chance[rows, offer]
    return table.assign(
        **dict(zip(COLUMNS, served.T, strict=True)),
        offer=offer,
        revenue=np.round(organic + OFFER_PRICE * bought, 2),
        lost=OFFER_PRICE * (chance[rows, best] - chance[rows, offer]),
    )


def daily_batches(month: pd.DataFrame) -> list[pd.DataFrame]:
    """Return what arrives each morning: one frame a day, with the columns that a guard can see, and no others.

    >>> days = daily_batches(simulate_retail_month(1))
    >>> len(days), list(days[0].columns)[:3]
    (37, ['shop', 'basket_value', 'days_since_order'])
    """
    return [batch[list(BATCH_COLUMNS)].reset_index(drop=True) for _, batch in month.groupby("day")]


def loss_share(month: pd.DataFrame) -> float:
    """Return the share of the month's revenue (days 7 to 36) that was lost, 0 to 1; below 0 it was gained."""
    after = month[month["day"] >= GOOD_WEEK]
    return float(after["lost"].sum() / (after["revenue"].sum() + after["lost"].sum()))


def _customers(rng: np.random.Generator, changes: Sequence[Change]) -> pd.DataFrame:
    traffic = SESSIONS_A_DAY * _WEEK[np.arange(DAYS) % 7] * np.exp(rng.normal(0, 0.04, DAYS))
    fuller = np.ones(DAYS)
    from_new_shop = np.zeros(DAYS)
    for change in changes:
        if isinstance(change, Holiday):
            traffic[change.day : change.day + change.length] *= 1.7
            fuller[change.day : change.day + change.length] *= 1.12
        elif isinstance(change, NewShop):
            from_new_shop[change.day :] = 1 / 6
    day = np.repeat(np.arange(DAYS), np.round(traffic).astype(int))
    values = _CENTRE + _SPREAD * rng.normal(size=(len(day), len(COLUMNS)))
    new = rng.random(len(day)) < from_new_shop[day]
    shop = np.where(new, "harbour", np.array(["market", "station"])[(rng.random(len(day)) < 0.4).astype(int)])
    values[:, COLUMNS.index("basket_value")] *= fuller[day]
    values[new, COLUMNS.index("screen_width")] *= 0.55
    return pd.DataFrame({"day": day, "shop": shop, **dict(zip(COLUMNS, np.maximum(values, 0.0).T, strict=True))})


def _gaps(rng: np.random.Generator, day: np.ndarray) -> np.ndarray:
    """Where a value is missing although all is well: a share that wanders by half a point from day to day."""
    gaps = np.zeros((len(day), len(COLUMNS)), dtype=bool)
    for column, normal in enumerate(NORMALLY_MISSING.values()):
        share = normal + rng.uniform(-0.005, 0.005, DAYS)
        gaps[:, column] = _exact_share(rng, day, share)
    return gaps


def _broken(rng: np.random.Generator, day: np.ndarray, change: Break) -> np.ndarray:
    ran = np.arange(DAYS) - change.day
    share = np.where(ran >= 0, change.share * (ran + 1 if change.grows else 1), 0.0)
    normal = NORMALLY_MISSING[change.column]
    # Lost are values that would have been there: divide, so that the missing share rises by exactly `share`.
    return _exact_share(rng, day, np.minimum(share / (1 - normal), 1.0))


def _exact_share(rng: np.random.Generator, day: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Pick that share of each day's rows: which rows is chance, how many is not."""
    place = pd.Series(rng.random(len(day))).groupby(day).rank(method="first").to_numpy() - 1
    return place < np.round(share * np.bincount(day, minlength=DAYS))[day]


def _standardised(values: np.ndarray) -> np.ndarray:
    return (values - _CENTRE) / _SPREAD


@lru_cache
def _tastes() -> np.ndarray:
    """What each column says about each offer: the same customers for everybody."""
    rng = np.random.default_rng(2019)
    directions = rng.normal(size=(OFFERS, len(COLUMNS)))
    directions, _ = np.linalg.qr(directions - directions.mean(axis=0))
    return directions * _PULL


def _chance_to_buy(wanted: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(2.0 - wanted @ _tastes().T))


@lru_cache
def _fitted() -> np.ndarray:
    """Fit the recommender: for each offer, purchases in 40,000 logged sessions by least squares."""
    rng = np.random.default_rng(2020)
    logged = rng.normal(size=(40_000, len(COLUMNS)))
    shown = rng.integers(0, OFFERS, len(logged))
    bought = rng.random(len(logged)) < _chance_to_buy(logged)[np.arange(len(logged)), shown]
    design = np.column_stack([np.ones(len(logged)), logged])
    return np.stack([np.linalg.lstsq(design[shown == k], bought[shown == k])[0] for k in range(OFFERS)])


def _recommended(values: np.ndarray) -> np.ndarray:
    """Recommend the offer with the best predicted chance; a missing value counts as the usual one."""
    filled = np.nan_to_num(_standardised(values), nan=0.0)
    weights = _fitted()
    return np.argmax(weights[:, 0] + filled @ weights[:, 1:].T, axis=1)
