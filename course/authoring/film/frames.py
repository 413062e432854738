"""One picture of the film: a pure function of the second. The house's colours and type, larger, and nothing flashes.

The lowest quarter of the picture stays empty: there a player writes the captions, above its controls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from course.authoring.film.story import ACTS, BREAK, SEED, Story, begins, length, tell
from course.display import BLUE, FAINT, GREEN, INK, PAPER, VERMILLION, ink_of
from course.labs.what_is_mlops.retail import COLUMNS, DAYS, GOOD_WEEK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT, DPI = 1280, 720, 100  # pixels, and pixels an inch
LARGE, MIDDLE, SMALL = 24, 16.5, 13.5  # points; the smallest is 10 pixels high where the film is 720 wide
LIGHTS = ("answers", "error rate", "load")
LAST = float(DAYS - 1)
FADE = 0.8  # seconds


@dataclass(frozen=True)
class Moment:
    """What a frame shows: the day that is reached, and how far along each emphasis is, 0 to 1."""

    day: float
    told: float = 0.0  # the climbing line is thick and named
    whole: float = 0.0  # the dashed line and the sum are there
    checked: bool = False  # the month with the check
    card: float = 0.0  # the last picture covers the month


def moment_at(second: float) -> Moment:
    """Return what the film shows at a second, 0 up to its length.

    >>> moment_at(0.0).day, moment_at(34.0).day, moment_at(20.0).told
    (0.0, 36.0, 0.0)
    """
    if not 0 <= second <= length():
        raise ValueError(f"the film lasts from 0 to {length():g} seconds; {second:g} lies outside")
    at = begins()
    act = max((name for name in at if at[name] <= second), key=at.__getitem__)
    passed = second - at[act]
    share = passed / ACTS[act]
    if act == "launch":
        return Moment(GOOD_WEEK * share)
    if act == "month":
        return Moment(GOOD_WEEK + (LAST - GOOD_WEEK) * min(1.0, passed / (ACTS[act] - 1)))
    if act == "home":
        return Moment(LAST)
    if act == "rewind":
        back = _smooth((passed - 2.0) / 3.0)
        return Moment(LAST - (LAST - GOOD_WEEK) * back, told=_smooth((passed - 1.0) / 2.0))
    if act == "again":
        days = min(1.0, passed / (ACTS[act] - 3))
        return Moment(GOOD_WEEK + (LAST - GOOD_WEEK) * days, told=1.0, whole=_smooth(passed / FADE))
    if act == "check":
        back = _smooth((passed - 0.5) / 2.0)
        days = max(0.0, min(1.0, (passed - 3.5) / (ACTS[act] - 5)))
        if passed < 2.5:
            return Moment(LAST - (LAST - GOOD_WEEK) * back, told=1.0, whole=1.0)
        return Moment(GOOD_WEEK + (LAST - GOOD_WEEK) * days, told=1.0, whole=1.0, checked=True)
    return Moment(LAST, told=1.0, whole=1.0, checked=True, card=_smooth(passed / FADE))


def _smooth(share: float) -> float:
    """Begin and end gently: 0 below 0, 1 above 1."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)


def frame(second: float) -> Figure:
    """Return the picture at a second, `WIDTH` by `HEIGHT` pixels."""
    story, now = tell(), moment_at(second)
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor=PAPER)
    if now.card >= 1:
        _draw_card(figure, story, 1.0)
        return figure
    revenue = figure.add_axes((0.075, 0.545, 0.70, 0.335))
    columns = figure.add_axes((0.075, 0.345, 0.70, 0.115))
    _draw_revenue(revenue, story, now)
    _draw_columns(columns, story, now)
    _draw_side(figure, story, now)
    if now.card > 0:
        cover = figure.add_axes((0, 0, 1, 1), facecolor=(1, 1, 1, now.card))
        cover.set(xticks=[], yticks=[])
        cover.spines[:].set_visible(False)
    return figure


def upto(values: np.ndarray, day: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the days and values of a line that has come as far as `day`, its end between two days.

    >>> [list(map(float, part)) for part in upto(np.array([0.0, 2.0, 4.0]), 1.5)]
    [[0.0, 1.0, 1.5], [0.0, 2.0, 3.0]]
    """
    days = np.arange(len(values))
    reached = days <= day
    if day >= days[-1]:
        return days.astype(float), values
    return np.append(days[reached], day), np.append(values[reached], np.interp(day, days, values))


def _seen_revenue(story: Story, checked: bool) -> np.ndarray:
    """What the shop takes a day, 1000 EUR; once the column is mended, as much as from whole data."""
    revenue, whole = story.signals["revenue"].to_numpy(), story.whole.to_numpy()
    return np.where(checked & (np.arange(DAYS) > story.rang_on), whole, revenue) / 1000


def _missing(story: Story, column: str, checked: bool) -> np.ndarray:
    """The share of visits without a value, percent; once the column is mended, the first week's again."""
    share = story.signals[f"missing {column}"].to_numpy()
    if checked and column == BREAK.column:
        mended = np.arange(DAYS) > story.rang_on
        share = np.where(mended, np.resize(share[:GOOD_WEEK], DAYS), share)
    return 100 * share


def _draw_revenue(ax: Axes, story: Story, now: Moment) -> None:
    seen = _seen_revenue(story, now.checked)
    x, y = upto(seen, now.day)
    if now.whole:
        _, above = upto(story.whole.to_numpy() / 1000, now.day)
        ax.fill_between(x, y, above, color=VERMILLION, alpha=0.28 * now.whole, linewidth=0)
        ax.plot(x, above, color=INK, linestyle=(0, (4, 2)), linewidth=1.8, alpha=now.whole)
    ax.plot(x, y, color=BLUE, linewidth=3)
    ax.plot(x[-1:], y[-1:], "o", color=BLUE, markersize=9)
    _plain(ax, range(6, 13, 2), (5.6, 12.6))
    ax.set_title("What the shop takes, 1000 EUR a day", loc="left", fontsize=MIDDLE, color=INK, pad=12)
    ax.set_xticks(range(0, DAYS, 7), [])


def _draw_columns(ax: Axes, story: Story, now: Moment) -> None:
    for column in COLUMNS:
        x, y = upto(_missing(story, column, now.checked), now.day)
        is_it = column == BREAK.column
        ax.plot(x, y, color=FAINT, linewidth=1.4, alpha=1.0 if is_it else 1 - 0.5 * now.told)
        if is_it and now.told:
            ax.plot(x, y, color=VERMILLION, linewidth=1.4 + 2.6 * now.told, alpha=now.told)
    if now.checked and now.day >= story.rang_on:
        place = _missing(story, BREAK.column, now.checked)[story.rang_on]
        ax.plot([story.rang_on], [place + 60], "v", color=INK, markersize=13)
        ax.text(story.rang_on + 0.8, place + 60, "the check rings", fontsize=MIDDLE, color=INK, va="center")
    _plain(ax, (0, 50, 100), (-4, 106))
    title = "Visits without a value, %, column by column"
    if now.told >= 1:
        title = f"Visits without {BREAK.column}, % (thick; pale: the other columns)"
    ax.set_title(title, loc="left", fontsize=SMALL, color=INK, pad=7)
    ax.set_xticks(range(0, DAYS, 7), [f"day {day}" if not day else f"{day}" for day in range(0, DAYS, 7)])


def _plain(ax: Axes, ticks: object, limits: tuple[float, float]) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(FAINT)
    ax.tick_params(colors=INK, labelsize=SMALL, length=4)
    ax.set(xlim=(-0.4, LAST + 0.6), ylim=limits, yticks=ticks)


def _draw_side(figure: Figure, story: Story, now: Moment) -> None:
    """The lights that the team has, its alarms, and on the second look the sum."""
    left = 0.815
    day = int(now.day + 1e-9)
    figure.text(left, 0.895, f"Day {day}", fontsize=LARGE, color=INK, weight="bold", va="center")
    for place, light in enumerate(LIGHTS):
        figure.text(left, 0.82 - 0.052 * place, "■", fontsize=MIDDLE, color=GREEN, va="center")
        figure.text(left + 0.03, 0.82 - 0.052 * place, f"{light} ok", fontsize=MIDDLE, color=INK, va="center")
    alarms = int(now.checked and now.day >= story.rang_on)
    figure.text(left, 0.65, f"Alarms: {alarms}", fontsize=MIDDLE, color=INK, va="center")
    if now.whole:
        figure.text(left, 0.56, "Lost so far", fontsize=MIDDLE, color=INK, va="center", alpha=now.whole)
        sum_now = f"{lost_by(story, now):,.0f} EUR"
        figure.text(left, 0.505, sum_now, fontsize=LARGE, color=ink_of(VERMILLION), va="center", alpha=now.whole)


def lost_by(story: Story, now: Moment) -> float:
    """Return what has been lost up to a moment, EUR, a part of the day that is running included."""
    lost = story.signals["lost"].to_numpy()
    if now.checked:
        lost = np.where(np.arange(DAYS) > story.rang_on, 0.0, lost)
    sums = np.concatenate([[0.0], np.cumsum(lost)])
    return float(np.interp(now.day + (now.day / LAST), np.arange(DAYS + 1), sums))


def _draw_card(figure: Figure, story: Story, shown: float) -> None:
    rows = (("nobody looked", story.lost, VERMILLION), ("one check looked", story.lost_checked, BLUE))
    ax = figure.add_axes((0.27, 0.46, 0.55, 0.28))
    ax.barh([1, 0], [lost for _, lost, _ in rows], color=[colour for *_, colour in rows], height=0.5, alpha=shown)
    for place, (who, lost, colour) in zip((1, 0), rows, strict=True):
        ax.text(-story.lost / 40, place, who, fontsize=MIDDLE, color=INK, ha="right", va="center", alpha=shown)
        ax.text(
            lost + story.lost / 60, place, f"{lost:,.0f} EUR lost", fontsize=MIDDLE, color=ink_of(colour),
            va="center", alpha=shown,
        )  # fmt: skip
    ax.set(xlim=(0, story.lost * 1.45), ylim=(-0.6, 1.6), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    figure.text(0.075, 0.83, "The same month, the same model", fontsize=LARGE, color=INK, weight="bold", alpha=shown)
    source = f"All numbers: the course's simulator of a shop, seed {SEED}. Lesson 1: What Is MLOps and Why It Matters."
    figure.text(0.075, 0.36, source, fontsize=SMALL, color=INK, alpha=shown)
