"""The retail incident: a column turns to NaN upstream, nothing raises, and the recommender sells less for a month.

A small online shop recommends one of six offers in every session. The recommender was fitted on logged
sessions; while it serves, a missing value is filled with the column's usual value, as most pipelines do, so
that no exception can ever say that something is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from course.display import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    PURPLE,
    VERMILLION,
    ink_of,
    label_line,
    new_figure,
    signed,
    title_axes,
)
from course.labs.lab import Lab, movable
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
_PULL = np.array([1.53, 1.60, 1.46, 0.25, 0.0])
_ORGANIC = 8.5  # EUR a session that is spent whatever is recommended
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
    rush: float = 1.7


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
    day = table["day"].to_numpy()
    gaps = _gaps(np.random.default_rng([7, seed]), day, changes)
    wanted = _standardised(whole)
    best = _recommended(np.where(gaps, np.nan, whole))

    served = whole.copy()
    for change in changes:
        if isinstance(change, Rescale):
            served[day >= change.day, COLUMNS.index(change.column)] *= change.factor
    missing = gaps.copy()
    for change in changes:
        if isinstance(change, Break):
            column = COLUMNS.index(change.column)
            missing[:, column] |= _broken(np.random.default_rng([11, seed]), day, gaps[:, column], change)
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
    seen = month[list(BATCH_COLUMNS)].copy()  # in one piece, as each day's copy then is
    return [batch.reset_index(drop=True).copy() for _, batch in seen.groupby(month["day"])]


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
            traffic[change.day : change.day + change.length] *= change.rush
            fuller[change.day : change.day + change.length] *= 1.12
        elif isinstance(change, NewShop):
            from_new_shop[change.day :] = 1 / 6
    day = np.repeat(np.arange(DAYS), np.round(traffic).astype(int))
    values = _CENTRE + _SPREAD * rng.normal(size=(len(day), len(COLUMNS)))
    new = rng.random(len(day)) < from_new_shop[day]
    place = np.where(new, 2, rng.random(len(day)) < 0.4)
    # The same three objects throughout, where an array of characters would become as many as there are sessions.
    shop = np.array(["market", "station", "harbour"], dtype=object)[place]
    values[:, COLUMNS.index("basket_value")] *= fuller[day]
    values[new, COLUMNS.index("screen_width")] *= 0.55
    return pd.DataFrame({"day": day, "shop": shop, **dict(zip(COLUMNS, np.maximum(values, 0.0).T, strict=True))})


def _gaps(rng: np.random.Generator, day: np.ndarray, changes: Sequence[Change]) -> np.ndarray:
    """Where a value is missing although all is well: a share that wanders by half a point from day to day."""
    gaps = np.zeros((len(day), len(COLUMNS)), dtype=bool)
    for column, (name, normal) in enumerate(NORMALLY_MISSING.items()):
        share = normal + rng.uniform(-0.005, 0.005, DAYS)
        for change in changes:
            if isinstance(change, Holiday) and name == "loyalty_points":
                share[change.day : change.day + change.length] += 0.06
        gaps[:, column] = _exact_share(rng.random(len(day)), day, share)
    return gaps


def _broken(rng: np.random.Generator, day: np.ndarray, gaps: np.ndarray, change: Break) -> np.ndarray:
    """Where a break takes a value: from rows that have one as long as there are any, so that the share is exact."""
    ran = np.arange(DAYS) - change.day
    share = np.where(ran >= 0, change.share * (ran + 1 if change.grows else 1), 0.0)
    return _exact_share(rng.random(len(day)) + gaps, day, np.minimum(share, 1.0))


def _exact_share(order: np.ndarray, day: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Pick that share of each day's rows, lowest `order` (0 to 2) first: which rows is chance, how many is not."""
    sizes = np.bincount(day, minlength=DAYS)
    place = np.empty(len(day), dtype=int)
    place[np.argsort(2 * day + order)] = np.arange(len(day)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return place < np.round(share * sizes)[day]


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


#: What keeps its result, for whoever calls often: the grader calls these before it forks.
ONCE = (_tastes, _fitted)


def _recommended(values: np.ndarray) -> np.ndarray:
    """Recommend the offer with the best predicted chance; a missing value counts as the usual one."""
    filled = np.nan_to_num(_standardised(values), nan=0.0)
    weights = _fitted()
    return np.argmax(weights[:, 0] + filled @ weights[:, 1:].T, axis=1)


# ---- what could have been watched -----------------------------------------------------------------------------

HEALTH = ("slowest_answers_ms", "failed_requests", "cpu_load")
#: A health light is green below its limit.
LIMITS = {"slowest_answers_ms": 300.0, "failed_requests": 0.01, "cpu_load": 0.85}
WATCHES = {
    "health lights": HEALTH,
    "revenue": ("revenue",),
    "missing values": tuple(f"missing {column}" for column in COLUMNS),
    "column averages": tuple(f"average {column}" for column in COLUMNS),
}
WATCHES["the model's columns"] = tuple(f"{kind} {column}" for kind in ("missing", "average") for column in KEY_COLUMNS)
WATCHES["everything"] = tuple(
    signal for name, watch in WATCHES.items() if name != "the model's columns" for signal in watch
)

FALSE_PAGE_COST = 500.0  # EUR: half a night of two people
PATIENCE = 3  # false pages in a month; after them the team mutes the alarm
SILENT_DAYS = 7  # a signal that somebody has looked into keeps quiet for a week

_HOURS = Rescale("days_since_order", day=22, factor=24.0)
#: Six months of the shop: a seed, what happens, and what is said of it afterwards.
MONTHS: dict[str, tuple[int, tuple[Change, ...], str]] = {
    "April": (14, (Break("basket_value", day=7),), "basket_value turned to NaN upstream"),
    "May": (5, (), "nothing was wrong"),
    "June": (6, (Holiday(day=17, length=6),), "there was a holiday, and all was well"),
    "July": (
        7,
        (NewShop(day=13), Break("screen_width", day=22)),
        "a shop was opened and screen_width, which the model hardly reads, turned to NaN: harmless both",
    ),
    "August": (
        8,
        (Rescale("screen_width", day=9, factor=0.5), Holiday(day=12, length=4, rush=2.6), _HOURS),
        "after a new page layout and a holiday, both harmless, days_since_order began to arrive in hours",
    ),
    "September": (9, (Break("views_today", day=12, share=0.11),), "one value in nine of views_today got lost upstream"),
}
WHILE, AFTERWARDS = "while it happened", "afterwards"
LOST_PERCENT = Between(0, 100, "percent of the month's revenue")


def daily_signals(month: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return one row a day with every number that an alarm could watch, and `lost` (EUR, the simulator's truth).

    Signals: `slowest_answers_ms` (the slowest in twenty), `failed_requests` and `cpu_load` (shares), `revenue`
    (EUR a day), `missing …` (share of the day's sessions) and `average …` (unit of the column).
    """
    by_day = month.groupby("day")
    sessions = by_day.size()
    rng = np.random.default_rng([3, seed])
    health = pd.DataFrame(
        {
            "slowest_answers_ms": 120 * np.exp(rng.normal(0, 0.06, DAYS)) * (sessions / SESSIONS_A_DAY) ** 0.3,
            "failed_requests": rng.poisson(8, DAYS) / 10_000,
            "cpu_load": 0.36 * (sessions / SESSIONS_A_DAY) ** 0.6 * np.exp(rng.normal(0, 0.05, DAYS)),
        }
    )
    values = month[list(COLUMNS)]
    missing = values.isna().groupby(month["day"]).mean().add_prefix("missing ")
    average = by_day[list(COLUMNS)].mean().add_prefix("average ")
    return pd.concat([health, by_day["revenue"].sum(), missing, average, by_day["lost"].sum()], axis=1)


@lru_cache
def _signals_of(name: str) -> pd.DataFrame:
    seed, changes, _ = MONTHS[name]
    return daily_signals(simulate_retail_month(seed, *changes), seed)


def simulate_watching(watch: str, wobbles: float) -> pd.DataFrame:
    """Play all six months with one alarm: it pages when a signal leaves its normal value by `wobbles` wobbles.

    A signal's normal value and its wobble are the mean and the standard deviation of the good week. A right page
    has the column mended by the next morning; a false one costs 500 EUR, and after three in a month the team
    mutes the alarm. Columns: `month`, `what_happened` (words), `began_on` (day), `pages` (days, as words),
    `false_pages` (count), `noticed_on` (day), `lost_unwatched`, `lost`, `saved`, `net` (EUR; net is saved minus
    the price of the false pages).
    """
    return _played(watch, wobbles).copy()


@lru_cache
def _played(watch: str, wobbles: float) -> pd.DataFrame:
    rows = []
    for name, (_, changes, happened) in MONTHS.items():
        signals = _signals_of(name)
        lost = signals["lost"].to_numpy()
        guilty, began = _guilty(changes)
        pages, false_pages, noticed = _pages(signals, WATCHES[watch], wobbles, guilty, began)
        saved = float(lost[noticed + 1 :].sum()) if noticed is not None else 0.0
        rows.append(
            {
                "month": name,
                "what_happened": happened,
                "began_on": float("nan") if began is None else began,
                "pages": ", ".join(map(str, pages)) or "none",
                "false_pages": false_pages,
                "noticed_on": float("nan") if noticed is None else noticed,
                "lost_unwatched": float(lost.sum()),
                "lost": float(lost.sum()) - saved,
                "saved": saved,
                "net": saved - FALSE_PAGE_COST * false_pages,
            }
        )
    return pd.DataFrame(rows)


def pages_of(signals: pd.DataFrame, watch: str, wobbles: float, changes: Sequence[Change]) -> list[int]:
    """Return the days on which one of the alarms in `WATCHES` pages in a month with these signals and changes."""
    pages, _, _ = _pages(signals, WATCHES[watch], wobbles, *_guilty(changes))
    return pages


def _guilty(changes: Sequence[Change]) -> tuple[set[str], int | None]:
    """The signals that tell of what costs money, and the day it begins."""
    for change in changes:
        if isinstance(change, Break | Rescale) and change.column in KEY_COLUMNS:
            return {f"missing {change.column}", f"average {change.column}", "revenue"}, change.day
    return set(), None


def _pages(
    signals: pd.DataFrame, watched: Sequence[str], wobbles: float, guilty: set[str], began: int | None
) -> tuple[list[int], int, int | None]:
    good = signals.iloc[:GOOD_WEEK]
    normal = good.mean()
    is_share = signals.columns.str.startswith("missing")
    wobble = good.std().clip(lower=np.where(is_share, 0.01, 0.0))  # a share wanders by a point at least
    rings = ((signals - normal).abs() > wobbles * wobble)[list(watched)].to_numpy()
    silent_until = dict.fromkeys(watched, 0)
    pages: list[int] = []
    false_pages = 0
    for day in range(GOOD_WEEK, DAYS):
        rung = [s for s, on in zip(watched, rings[day], strict=True) if on and day >= silent_until[s]]
        if not rung:
            continue
        pages.append(day)
        silent_until |= dict.fromkeys(rung, day + SILENT_DAYS)
        if began is not None and day >= began and guilty & set(rung):
            return pages, false_pages, day
        false_pages += 1
        if false_pages == PATIENCE:
            break
    return pages, false_pages, None


# ---- what the laboratory shows --------------------------------------------------------------------------------


def describe_watching(table: pd.DataFrame, guess: float | None = None) -> str:
    """Say what the team saw in the month that is shown, or what was found out afterwards."""
    shown = table.loc[table["shown"]].iloc[0]
    name, watch = shown["month"], shown["watching"]
    signals = _signals_of(name)
    paged = "Nobody was paged." if shown["pages"] == "none" else f"It paged on day {_and(shown['pages'])}."
    # Its numbers wander past a few wobbles long before a light turns red.
    watched = "the numbers behind the health lights" if watch == "health lights" else watch
    watching = f"The alarm watches {watched} and rings at {shown['wobbles']:g} wobbles. {paged}"
    if "net" not in table:
        return (
            f"{name}, {WHILE}: every health light is green on all {DAYS} days, a good week and 30 days of {name}. "
            f"No exception, at most {1000 * signals['failed_requests'].max():.1f} failed requests in 1,000, the "
            f"slowest answers {signals['slowest_answers_ms'].max():.0f} ms. "
            f"Revenue is {signals['revenue'].mean():,.0f} EUR a day, give or take {signals['revenue'].std():,.0f}. "
            f"{watching}"
        )
    if shown["lost_unwatched"] > _NOTHING * signals["revenue"].sum():
        guessed = f" (you guessed {guess:g} %)" if guess is not None and name == "April" else ""
        noticed = (
            f"noticed on day {shown['noticed_on']:.0f}, {shown['saved']:,.0f} EUR saved"
            if shown["noticed_on"] == shown["noticed_on"]
            else "never noticed, nothing saved"
        )
        story = (
            f"{shown['what_happened']} on day {shown['began_on']:.0f}; left alone it costs "
            f"{100 * _share_lost(signals):.1f} % of the month's revenue{guessed}, {shown['lost_unwatched']:,.0f} EUR; "
            f"{noticed}."
        )
    else:
        moved, whole = -shown["lost_unwatched"], signals["revenue"].sum()
        by_chance = f" (revenue moved by {moved:+,.0f} EUR of {whole:,.0f})" if round(moved) else ""
        story = f"{shown['what_happened']}; there was nothing to save{by_chance}."
    return (
        f"{name}, {AFTERWARDS}: {story} {watching} {_count(shown['false_pages'], 'false page')}, net "
        f"{shown['net']:+,.0f} EUR. Over all six months this alarm nets {table['net'].sum():+,.0f} EUR with "
        f"{_count(table['false_pages'].sum(), 'false page')}."
    )


_NOTHING = 0.002  # below this share of revenue nobody would call it a loss


def _share_lost(signals: pd.DataFrame) -> float:
    after = signals.iloc[GOOD_WEEK:]
    return float(after["lost"].sum() / (after["revenue"].sum() + after["lost"].sum()))


def _and(pages: str) -> str:
    return " and ".join(pages.rsplit(", ", 1))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def draw_watching(table: pd.DataFrame, guess: float | None = None) -> Figure:
    """Draw the shown month day by day, and beside it all six months' pages or money."""
    shown = table.loc[table["shown"]].iloc[0]
    figure, (left, right) = new_figure(
        width=7.2,
        height=3.1,
        columns=2,
        margins={"left": 0.055, "right": 0.98, "bottom": 0.15, "top": 0.9, "wspace": 0.3},
    )
    _draw_days(left, shown, guess)
    if "net" in table:
        right.barh(table["month"], table["net"] / 1000, color=[GREEN if net > 0 else FAINT for net in table["net"]])
        for row, net in enumerate(table["net"]):
            label_line(right, max(net, 0) / 1000, row, signed(net / 1000))
        title_axes(right, "Saved minus false pages, 1000 EUR")
        low, high = min(table["net"].min() / 1000, -3), max(table["net"].max() / 1000, 3)
        right.set_xlim(low - 0.05 * (high - low), high + 0.25 * (high - low))
        right.axvline(0, color=FAINT, linewidth=0.8)
    else:
        counts = [0 if pages == "none" else pages.count(",") + 1 for pages in table["pages"]]
        right.barh(table["month"], counts, color=BLUE)
        for row, count in enumerate(counts):
            label_line(right, count, row, str(count))
        title_axes(right, "Pages in each month")
        right.set_xlim(0, max(5, *counts) + 1)
    right.invert_yaxis()
    right.set_xticks([])  # every bar says its number
    right.grid(visible=False)
    return figure


def _judged(shown: pd.Series) -> str:
    """The days that it paged, and which of them was right."""
    if shown["pages"] == "none":
        return "none"
    right = "" if np.isnan(shown["noticed_on"]) else f"{shown['noticed_on']:.0f}"
    return ", ".join(f"{day} ({'right' if day == right else 'false'})" for day in shown["pages"].split(", "))


def _draw_days(ax: Axes, shown: pd.Series, guess: float | None) -> None:
    signals = _signals_of(shown["month"])
    days = np.arange(DAYS)
    revenue = signals["revenue"] / 1000
    ax.plot(days, revenue, color=BLUE, marker="o", markersize=2.5, linewidth=1)
    top = revenue.max() * 1.35
    ax.plot(days, np.full(DAYS, top), linestyle="", marker="s", markersize=3, color=GREEN)
    ax.text(0, top * 1.03, "health lights: green every day", fontsize=8.5, color=ink_of(GREEN))
    pages = [] if shown["pages"] == "none" else [int(day) for day in shown["pages"].split(", ")]
    ax.plot(pages, np.full(len(pages), top * 0.85), linestyle="", marker="v", markersize=6, color=VERMILLION)
    told = shown["pages"] if "net" not in shown else _judged(shown)
    ax.text(0, top * 0.9, f"pages: {told}", fontsize=8.5, color=ink_of(VERMILLION))
    title = f"{shown['month']}: revenue, 1000 EUR a day"
    if "net" in shown and shown["lost_unwatched"] > _NOTHING * signals["revenue"].sum():
        whole = (signals["revenue"] + signals["lost"]) / 1000
        ax.plot(days, whole, color=INK, linestyle="--", linewidth=1)
        ax.fill_between(days, revenue, whole, color=VERMILLION, alpha=0.25, linewidth=0)
        ax.axvline(shown["began_on"] - 0.5, ymax=0.72, color=INK, linewidth=0.8, linestyle=":")
        title = f"{shown['month']}, 1000 EUR a day: {100 * _share_lost(signals):.1f} % lost (shaded)"
        if guess is not None and shown["month"] == "April":
            behind = {"facecolor": "white", "edgecolor": "none", "pad": 1}
            ax.text(
                0.02,
                0.05,
                f"you guessed {guess:g} %",
                color=ink_of(PURPLE),
                fontsize=8.5,
                transform=ax.transAxes,
                bbox=behind,
            )
    ax.set_ylim(0, top * 1.12)
    ax.set_xticks(range(0, DAYS, 7))
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.set_xlabel("day")
    title_axes(ax, title)


class RetailLab(Lab):
    """Six months of a shop, as the team saw them and as they were; choose what to watch."""

    title = "Six months of a shop: what to watch"
    heads = MappingProxyType(
        {
            "month": "Month",
            "pages": "Paged on day",
            "what_happened": "What happened",
            "began_on": "Began on day",
            "noticed_on": "Noticed on day",
            "false_pages": "False pages",
            "lost_unwatched": "Lost if left alone (EUR)",
            "lost": "Lost (EUR)",
            "saved": "Saved (EUR)",
            "net": "Saved, less false pages (EUR)",
        }
    )
    question = LOST_PERCENT
    web = movable(month=..., seen=..., watch=..., wobbles=(2, 4))

    def make_controls(self) -> dict[str, widgets.Widget]:
        """Which month, seen when, which alarm, how sensitive."""
        return {
            "month": widgets.Dropdown(options=list(MONTHS), value="April", description="Month"),
            "seen": widgets.ToggleButtons(options=[WHILE, AFTERWARDS], value=WHILE, description="Seen"),
            "watch": widgets.Dropdown(options=list(WATCHES), value="health lights", description="Watch"),
            "wobbles": widgets.SelectionSlider(
                options=[2, 3, 4, 6, 8, 12],
                value=4,
                description="Ring at how many wobbles",
                continuous_update=False,
            ),
        }

    def simulate(self, month: str, seen: str, watch: str, wobbles: float) -> pd.DataFrame:
        """Play all months; leave the truth out while it happens."""
        table = simulate_watching(watch, wobbles)
        table.insert(1, "watching", watch)
        table.insert(2, "wobbles", wobbles)
        table.insert(3, "shown", table["month"] == month)
        if seen == WHILE:
            return table[["month", "watching", "wobbles", "shown", "pages"]]
        return table

    def describe(self, table: pd.DataFrame, guess: Any) -> str:
        """Say what the table shows."""
        return describe_watching(table, guess)

    def draw(self, table: pd.DataFrame, guess: Any) -> Figure:
        """Draw the table."""
        return draw_watching(table, guess)
