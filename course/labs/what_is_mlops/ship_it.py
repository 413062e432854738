"""Ship it? Five questions, five answers, and the half-year that follows: no answer is free.

The shop of the course's company promises with each order how many days the parcel will travel, 100 promises an hour.
A promise is bad when it is off by more than a day, or when there is none. In the notebook 4 of 100 were.
The story is fixed and holds no chance, so that two boards differ by your answers alone:

- day 18, a lost column: a partner's system no longer sends the distance of two orders in five, and nothing raises;
- day 40, drift: customers begin to order from farther away, more each day until day 160;
- day 75, a broken supply: what carries data to the model breaks, each kind of delivery in its own way;
- day 104, a bad release: version 2 learned from labels that were joined to the wrong orders;
- day 150, an auditor asks why a customer was promised two days on day 31.

Every number of this world stands at the top of this file. They were chosen to be plausible and to be seen; none was
measured anywhere.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import ipywidgets as widgets
import numpy as np
import pandas as pd

from course.display import BLUE, FAINT, INK, PURPLE, VERMILLION, ink_of, join_words, new_figure, percent, title_axes
from course.labs.lab import Lab, movable
from course.predict import Between

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DAYS, A_DAY = 180, 24
HOURS = DAYS * A_DAY
PROMISES_AN_HOUR = 100
LOST_COLUMN, DRIFT, DRIFT_ENDS, BROKEN_SUPPLY, BAD_RELEASE = (day * A_DAY for day in (18, 40, 160, 75, 104))

# Shares of promises that are bad. What is marked + comes on top of the others.
IN_THE_NOTEBOOK = 0.04
BY_RULE = 0.22  # the rule of thumb that the shop used before it had a model
WITHOUT_DISTANCE, ORDERS_WITHOUT = 0.65, 0.40  # the model's own answer when the distance is missing; how often it is
DRIFT_AT_ITS_END = 0.20  # +, for a model that knows the world of the first day only
BAD_VERSION = 0.22  # +
LEARNED_FROM_BROKEN_DATA = 0.015  # +, until the next training

# People: what an hour of work costs (EUR), and the hours that they need when nothing is prepared.
WAGE = 50
MEND_COLUMN, MEND_COLUMN_BY_RECORD = 72, 48
MEND_RELEASE = 120
MEND_SUPPLY = {"batch": 24, "streaming": 9, "on-device": 72}
RETRAIN_BY_HAND = 24
RETRAIN_BY_MACHINE = 250  # EUR
FIND_TIME_TO_RETRAIN, TIMETABLE = 14, 30  # days


class Delivery(NamedTuple):
    """How data reaches the model."""

    milliseconds: float  # from the question to the answer
    euro_a_day: float
    stale: float  # +, share of promises that are bad because the data is old or coarse
    broken: float  # +, on day 75


class Logging(NamedTuple):
    """What is kept of each prediction."""

    milliseconds: float
    euro_a_day: float
    notice: int  # hours from a silent fault until somebody knows of it
    audit: int  # hours of work that the auditor's question costs
    drift_seen: float  # the share of bad promises from drift alone at which people see it
    drift_seen_by_machine: float


class OnHarm(NamedTuple):
    """What is prepared for the day a prediction does harm."""

    milliseconds: float
    euro_a_day: float


class Kept(NamedTuple):
    """What is kept of each version, so that it can be made again."""

    euro_a_day: float
    bring_back: int  # hours until the version before the last answers again
    to_the_bit: bool


DELIVERY = MappingProxyType(
    {
        "batch": Delivery(20, 14, 0.02, 0.12),
        "streaming": Delivery(90, 50, 0.00, 1.00),
        "on-device": Delivery(6, 30, 0.01, 0.10),
    }
)
RETRAINING = MappingProxyType({"by hand": 0, "on a schedule": 2, "when drift shows": 6})  # EUR a day
LOGGING = MappingProxyType(
    {
        "nothing": Logging(0, 0, 21 * A_DAY, 40, 0.08, math.inf),
        "predictions": Logging(4, 4, 4 * A_DAY, 30, 0.06, 0.05),
        "audit record": Logging(18, 20, 8, 1, 0.03, 0.02),
    }
)
ON_HARM = MappingProxyType(
    {
        "improvise": OnHarm(0, 0),
        "kill switch": OnHarm(1, 3),
        "rollback": OnHarm(0, 5),
        "fallback model": OnHarm(12, 9),
    }
)
REPRODUCIBILITY = MappingProxyType(
    {"the notebook": Kept(0, 72, False), "code": Kept(2, 30, False), "all four": Kept(12, 1, True)}
)
# The hours until an update is everywhere: batch waits for the night's run, telephones for their owners.
NIGHTLY_AT, TO_THE_DEVICES = 3, 48

QUESTIONS = MappingProxyType(
    {
        "delivery": DELIVERY,
        "retraining": RETRAINING,
        "logging": LOGGING,
        "on_harm": ON_HARM,
        "reproducibility": REPRODUCIBILITY,
    }
)
AS_THE_NOTEBOOK_LEFT_IT = MappingProxyType({question: next(iter(answers)) for question, answers in QUESTIONS.items()})
CAUSES = ("without a mishap", "lost column", "drift", "broken supply", "bad release")
MEASURES = ("bad_share", "rollback_hours", "latency_ms", "cost_eur", "rebuildable")


def simulate_ship_it(delivery: str, retraining: str, logging: str, on_harm: str, reproducibility: str) -> pd.DataFrame:
    """Return what the half-year was like, one row a cause of bad promises.

    Columns: `cause` (one of `CAUSES`), `from_day` (0 to 179), `over_after_hours` (NaN: it does not end), and
    `bad_promises` (a whole number: what this cause added). `attrs["board"]` holds the measures: `bad_share` (0 to 1),
    `rollback_hours` (from the bad release until it answers nobody), `latency_ms` (a question waits), `cost_eur`
    (machines and people) and `rebuildable` (version 1, to the bit). `attrs["daily"]` holds the share of bad promises
    of each day, `attrs["answers"]` the five arguments.

    Raises KeyError for an answer that is none of those of its question.

    >>> half_year = simulate_ship_it("streaming", "on a schedule", "audit record", "rollback", "all four")
    >>> half_year.attrs["board"]["rollback_hours"], half_year.attrs["board"]["rebuildable"]
    (9, True)
    """
    way, log, kept, prepared = DELIVERY[delivery], LOGGING[logging], REPRODUCIBILITY[reproducibility], ON_HARM[on_harm]
    # Records that telephones keep come in a day late.
    notice = log.notice + (A_DAY if delivery == "on-device" and logging != "nothing" else 0)
    usual = IN_THE_NOTEBOOK + way.stale

    by_record = logging == "audit record"
    mend_column = MEND_COLUMN_BY_RECORD if by_record else MEND_COLUMN
    column_back = _arrives(LOST_COLUMN + notice + mend_column, delivery)
    supply_back = BROKEN_SUPPLY + MEND_SUPPLY[delivery]
    if delivery == "on-device":  # silent, and the mended program must reach the telephones
        supply_back = _arrives(supply_back + notice, delivery)
    mended = _arrives(BAD_RELEASE + notice + MEND_RELEASE, delivery)
    to_stop = {"kill switch": 1, "rollback": kept.bring_back}.get(on_harm, MEND_RELEASE)
    stopped = _arrives(BAD_RELEASE + notice + to_stop, delivery)

    rolled_back = _day(stopped) if on_harm == "rollback" else None
    learned, trainings = _learned_on(delivery, retraining, log, notice // A_DAY, rolled_back, _day(mended))
    days = np.arange(DAYS)
    broken_days = _during(LOST_COLUMN, column_back).reshape(DAYS, A_DAY).any(axis=1)
    drift = np.abs(_drift(days) - _drift(learned)) + LEARNED_FROM_BROKEN_DATA * broken_days[learned]
    without_distance = BY_RULE if on_harm == "fallback model" else WITHOUT_DISTANCE
    no_feed = (BY_RULE if on_harm == "fallback model" else 1.0) - usual
    added = {
        "without a mishap": np.full(HOURS, usual),
        "lost column": ORDERS_WITHOUT * (without_distance - usual) * _during(LOST_COLUMN, column_back),
        "drift": np.repeat(drift, A_DAY),
        "broken supply": (no_feed if delivery == "streaming" else way.broken) * _during(BROKEN_SUPPLY, supply_back),
        "bad release": BAD_VERSION * _during(BAD_RELEASE, stopped),
    }
    if on_harm == "kill switch":
        switched_off = {
            "lost column": _during(_arrives(LOST_COLUMN + notice + 1, delivery), column_back),
            "bad release": _during(stopped, mended),
        }
        if delivery == "streaming":  # a service that is down is seen within the hour
            switched_off["broken supply"] = _during(BROKEN_SUPPLY + 1, supply_back)
        for cause, off in switched_off.items():
            for other in CAUSES[1:]:
                added[other][off] = BY_RULE - usual if other == cause else 0.0
    # Nothing is worse than all promises bad: what comes on top of that adds nothing.
    so_far = np.minimum(np.cumsum(list(added.values()), axis=0), 1.0)
    added = dict(zip(CAUSES, np.diff(so_far, axis=0, prepend=0.0), strict=True))

    work = log.audit + mend_column + MEND_RELEASE
    if retraining == "by hand":
        work += RETRAIN_BY_HAND * trainings
    machines = way.euro_a_day + RETRAINING[retraining] + log.euro_a_day + prepared.euro_a_day + kept.euro_a_day
    runs = 0 if retraining == "by hand" else RETRAIN_BY_MACHINE * trainings
    release_over = mended if on_harm == "kill switch" else stopped
    over = [math.nan, column_back - LOST_COLUMN, math.nan, supply_back - BROKEN_SUPPLY, release_over - BAD_RELEASE]
    table = pd.DataFrame(
        {
            "cause": CAUSES,
            "from_day": [0, *(hour // A_DAY for hour in (LOST_COLUMN, DRIFT, BROKEN_SUPPLY, BAD_RELEASE))],
            "over_after_hours": over,
            "bad_promises": [round(PROMISES_AN_HOUR * float(added[cause].sum())) for cause in CAUSES],
        }
    )
    table.attrs["answers"] = dict(
        zip(QUESTIONS, (delivery, retraining, logging, on_harm, reproducibility), strict=True)
    )
    table.attrs["board"] = {
        "bad_share": float(so_far[-1].mean()),
        "rollback_hours": stopped - BAD_RELEASE,
        "latency_ms": way.milliseconds + log.milliseconds + prepared.milliseconds,
        "cost_eur": machines * DAYS + runs + WAGE * work,
        "rebuildable": kept.to_the_bit,
    }
    table.attrs["daily"] = so_far[-1].reshape(DAYS, A_DAY).mean(axis=1).tolist()
    return table


def _during(start: int, end: int) -> np.ndarray:
    hours = np.arange(HOURS)
    return (hours >= start) & (hours < end)


def _arrives(hour: int, delivery: str) -> int:
    """Return the hour at which what is ready at `hour` answers everybody."""
    if delivery == "batch":
        return hour + (NIGHTLY_AT - hour) % A_DAY
    return hour + TO_THE_DEVICES if delivery == "on-device" else hour


def _day(hour: int) -> int:
    """Return the first day that begins at this hour or after it."""
    return -(-hour // A_DAY)


def _drift(day: np.ndarray | list[int] | int) -> np.ndarray:
    """Return how far the world of that day is from the first day's, as the share of bad promises that it makes."""
    return DRIFT_AT_ITS_END * np.clip((np.asarray(day) * A_DAY - DRIFT) / (DRIFT_ENDS - DRIFT), 0, 1)


def _learned_on(
    delivery: str, retraining: str, log: Logging, notice: int, rolled_back: int | None, mended: int
) -> tuple[list[int], int]:
    """Return for each day the day whose data the answering model learned from, and how often it was trained again."""
    by_machine = retraining == "when drift shows"
    seen_at = log.drift_seen_by_machine if by_machine else log.drift_seen
    wait = 0 if by_machine else notice + FIND_TIME_TO_RETRAIN
    drift = _drift(np.arange(DAYS)).tolist()
    release, lost_column_seen = BAD_RELEASE // A_DAY, LOST_COLUMN // A_DAY + notice
    knows = knew_before = 0
    coming: tuple[int, int] | None = None  # the day of a training, the day from which it answers
    learned, trainings = [], 0
    for day in range(DAYS):
        if day == release:
            knew_before, knows, coming = knows, day, None
        if day == rolled_back:
            knows = knew_before
        if day == mended:
            knows = day
        if retraining == "on a schedule":
            due = day if day and day % TIMETABLE == 0 else None
        elif by_machine and day == lost_column_seen and seen_at < math.inf:
            due = day  # to a machine a lost column looks like drift: it trains at once, on broken data
        else:
            due = day + wait if abs(drift[day] - drift[knows]) >= seen_at and coming is None else None
        if due is not None:
            coming = (due, _day(_arrives(due * A_DAY, delivery)))
        if coming and day == coming[0]:
            trainings += 1
        if coming and day == coming[1]:
            knows, coming = coming[0], None
        learned.append(knows)
    return learned, trainings


@lru_cache
def every_board() -> pd.DataFrame:
    """Return the board of every way to answer the five questions: one row each, the answers, then the measures.

    >>> len(every_board())
    324
    """
    rows = []
    for answers in itertools.product(*QUESTIONS.values()):
        table = simulate_ship_it(*answers)
        rows.append(table.attrs["answers"] | table.attrs["board"])
    return pd.DataFrame(rows)


@lru_cache
def ends_of(measure: str) -> tuple[Any, Any]:
    """Return the best and the worst that any answers reach in one of the five measures."""
    every = every_board()[measure]
    ends = every.min(), every.max()
    return ends[::-1] if measure == "rebuildable" else ends


def at_best(board: dict[str, Any]) -> list[str]:
    """Return the names of the measures in which no other answers do better."""
    return [name for measure, name, _ in _RAILS if board[measure] == ends_of(measure)[0]]


def describe_ship_it(table: pd.DataFrame, guess: float | None = None) -> str:
    """Say what the half-year was like in the five measures, and which mishap made the most bad promises."""
    board = table.attrs["board"]
    worst = table.iloc[1:].sort_values("bad_promises", kind="stable").iloc[-1]
    can = "can be rebuilt to the bit" if board["rebuildable"] else "cannot be rebuilt"
    answers = table.attrs["answers"]
    text = (
        f"{percent(board['bad_share'])} of the promises were bad, where the notebook said {percent(IN_THE_NOTEBOOK, 0)}"
        f"{_AND_FROM_DAY_0[answers['delivery']]}; of the mishaps {_AS_WORDS[worst['cause']]} added most "
        f"({worst['bad_promises']:,} promises). The bad release answered customers for {board['rollback_hours']:,} "
        f"hours. {_AUDITOR[answers['logging']].format(LOGGING[answers['logging']].audit)}. A question waits "
        f"{board['latency_ms']:g} ms, the half-year cost {board['cost_eur']:,} EUR, and version 1 {can}. "
        f"At the best end of their lines: {join_words(at_best(board))}."
    )
    if guess is not None and table.attrs["answers"] == AS_THE_NOTEBOOK_LEFT_IT:
        text += f" You guessed {guess:g} %."
    return text


def draw_ship_it(table: pd.DataFrame, guess: float | None = None) -> Figure:
    """Draw the share of bad promises day by day, and the board: five rails from the best to the worst there is."""
    figure, (days, board) = new_figure(width=7.2, height=4.2, rows=2)
    # Fixed places: letting matplotlib find them would take longer than all the rest of the drawing.
    figure.set_layout_engine("none")
    days.set_position((0.08, 0.58, 0.80, 0.36))
    board.set_position((0.01, 0.01, 0.98, 0.42))
    at_start = table.attrs["answers"] == AS_THE_NOTEBOOK_LEFT_IT
    back = table["from_day"][1] + math.ceil(table["over_after_hours"][1] / A_DAY)
    _draw_days(days, table.attrs["daily"], back, guess if at_start else None)
    _draw_board(board, table.attrs["board"])
    return figure


_AS_WORDS = {name: f"the {name}" if name != "drift" else name for name in CAUSES}
_FROM_DAY_0 = " ({} from day 0 on, because {} data is {})"
_AND_FROM_DAY_0 = {
    "batch": _FROM_DAY_0.format(percent(IN_THE_NOTEBOOK + DELIVERY["batch"].stale, 0), "batch", "old"),
    "streaming": "",
    "on-device": _FROM_DAY_0.format(percent(IN_THE_NOTEBOOK + DELIVERY["on-device"].stale, 0), "on-device", "coarse"),
}
_AUDITOR = {
    "nothing": "After {} hours of work the auditor has no answer, for nothing was kept",
    "predictions": "After {} hours of work the auditor knows what was promised, and not why",
    "audit record": "The auditor has an answer after {} hour of work",
}
_LANDMARKS = (
    (18, "lost column", 0),
    (40, "drift begins", 1),
    (75, "supply breaks", 0),
    (104, "bad release", 1),
    (150, "auditor asks", 0),
)


def _draw_days(ax: Axes, daily: list[float], column_back: int, guess: float | None) -> None:
    days = np.arange(DAYS + 1)
    bad = np.array([*daily, daily[-1]]) * 100
    ax.fill_between(days, bad, step="post", color=BLUE, alpha=0.16)
    ax.step(days, bad, where="post", color=BLUE, linewidth=1.4)
    ax.vlines([day for day, _, _ in _LANDMARKS], 0, 60, color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
    behind = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    for day, words, row in _LANDMARKS:
        ax.text(day + 1, 57 - 7 * row, words, fontsize=8, va="center", color=INK, bbox=behind)
    ax.vlines(column_back, 0, 45, color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
    ax.text(column_back + 1, 43, "column mended", fontsize=8, va="center", color=INK, bbox=behind)
    ax.axhline(IN_THE_NOTEBOOK * 100, color=VERMILLION, linewidth=1.0, linestyle="--")
    ax.text(DAYS + 1, IN_THE_NOTEBOOK * 100, "notebook", color=ink_of(VERMILLION), fontsize=8.5, va="center")
    if guess is not None:
        # A guess above the picture's top stands at its top, and is told in the sentence all the same.
        place = min(guess, 59.0)
        ax.axhline(place, color=PURPLE, linewidth=1.0, linestyle="-.")
        apart = max(place, IN_THE_NOTEBOOK * 100 + 5) if place >= IN_THE_NOTEBOOK * 100 else -2.0
        ax.text(DAYS + 1, apart, "your guess", color=ink_of(PURPLE), fontsize=8.5, va="center")
    ax.set(xlim=(0, DAYS), ylim=(0, 60), xlabel="day", xticks=range(0, DAYS + 1, 30), yticks=range(0, 61, 20))
    title_axes(ax, "Bad promises a day (%)")


_RAILS = (
    ("bad_share", "bad promises", percent),
    ("rollback_hours", "hours until rollback", lambda value: f"{value:,.0f} h"),
    ("latency_ms", "latency", lambda value: f"{value:.0f} ms"),
    ("cost_eur", "cost", lambda value: f"{value:,.0f} EUR"),
    ("rebuildable", "version 1 rebuildable", lambda value: "yes" if value else "no"),
)


def _draw_board(ax: Axes, board: dict[str, Any]) -> None:
    start = simulate_ship_it(**AS_THE_NOTEBOOK_LEFT_IT).attrs["board"]
    rows = range(len(_RAILS))
    places, places_at_start = [], []
    for row, (measure, name, words) in enumerate(_RAILS):
        best, worst = ends_of(measure)
        length = worst * 1.0 - best
        places.append((board[measure] - best * 1.0) / length)
        places_at_start.append((start[measure] - best * 1.0) / length)
        ax.text(places[-1], row - 0.22, words(board[measure]), color=BLUE, fontsize=8.5, ha="center", va="bottom")
        ax.text(-0.04, row, f"{name}: {words(best)}", color=INK, fontsize=8.5, ha="right", va="center")
        ax.text(1.04, row, words(worst), color=INK, fontsize=8.5, va="center")
    ax.hlines(rows, 0, 1, color="#d7dbe0", linewidth=3)
    ax.plot(places_at_start, rows, "o", markersize=9, markerfacecolor="none", markeredgecolor=INK)
    ax.plot(places, rows, "o", markersize=6, color=BLUE)
    title = f"The board: ● yours, ○ as the notebook left it, best to worst of all {len(every_board())} combinations"
    ax.text(-0.55, -0.95, title, fontsize=10, color=INK)
    ax.set(xlim=(-0.55, 1.25), ylim=(len(_RAILS) - 0.5, -1.0))
    ax.set_axis_off()


class ShipItLab(Lab):
    """Five questions as five controls; the same half-year happens to every answer."""

    title = "Ship it? Five questions, 180 days"
    question = Between(0, 100, "percent of the promises")
    web = movable(
        delivery=...,
        retraining=("by hand", "when drift shows"),
        logging=...,
        on_harm=...,
        reproducibility=("the notebook", "all four"),
    )

    def make_controls(self) -> dict[str, widgets.Widget]:
        asked = {
            "delivery": "1. Data reaches the model",
            "retraining": "2. It is retrained",
            "logging": "3. Kept of each prediction",
            "on_harm": "4. When a prediction does harm",
            "reproducibility": "5. Kept of version 1",
        }
        return {
            question: widgets.ToggleButtons(options=list(answers), description=asked[question])
            for question, answers in QUESTIONS.items()
        }

    simulate = staticmethod(simulate_ship_it)
    describe = staticmethod(describe_ship_it)
    draw = staticmethod(draw_ship_it)

    def numbers(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the board, with how far each line reaches, and what each mishap added."""
        start = simulate_ship_it(**AS_THE_NOTEBOOK_LEFT_IT)
        board = [
            (name, *(words(value) for value in (yours, first, *ends_of(measure))))
            for measure, name, words in _RAILS
            for yours, first in [(table.attrs["board"][measure], start.attrs["board"][measure])]
        ]
        added = [
            (f"bad promises: {cause}", f"{yours:,}", f"{first:,}", "", "")
            for cause, yours, first in zip(table["cause"], table["bad_promises"], start["bad_promises"], strict=True)
        ]
        columns = ["What", "Yours", "As the notebook left it", "Best of all", "Worst of all"]
        return pd.DataFrame(board + added, columns=columns)
