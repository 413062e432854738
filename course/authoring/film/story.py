"""What the film of lesson 1 tells, second by second, and the numbers that it tells, all from the shop's simulator.

One month is told three times: as the team saw it, as it was, and as it would have been with one check on what arrives.
What gives the fault away stands in the picture from the beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from course.display import percent
from course.labs.what_is_mlops.retail import (
    DAYS,
    GOOD_WEEK,
    HEALTH,
    LIMITS,
    WATCHES,
    Break,
    daily_signals,
    pages_of,
    simulate_retail_month,
)

if TYPE_CHECKING:
    import pandas as pd

SEED = 2026
BREAK = Break("days_since_order", day=12, share=0.04, grows=True)
WATCHED, WOBBLES = "the model's columns", 4.0

#: The acts in order, each with its length in seconds.
ACTS = {"launch": 8.5, "month": 21.0, "home": 4.0, "rewind": 6.0, "again": 20.0, "check": 14.5, "end": 6.0}


@dataclass(frozen=True)
class Caption:
    """Words below the picture, from `begin` to `end` (seconds); a line break parts its two lines."""

    begin: float
    end: float
    text: str


@dataclass(frozen=True)
class Story:
    """The month by day, and what is told of it in EUR: `lost` unwatched, `lost_checked` with the check."""

    signals: pd.DataFrame
    rang_on: int
    lost: float
    lost_checked: float

    @property
    def whole(self) -> pd.Series:
        """The revenue that the shop would have had from whole data, EUR a day."""
        return self.signals["revenue"] + self.signals["lost"]


@lru_cache
def tell() -> Story:
    """Play the month; raise ValueError when it no longer is what the captions say of it.

    >>> story = tell()
    >>> story.rang_on, story.lost_checked < story.lost / 100
    (12, True)
    """
    signals = daily_signals(simulate_retail_month(SEED, BREAK), SEED)
    rang_on = pages_of(signals, WATCHED, WOBBLES, (BREAK,))
    by_revenue = pages_of(signals, "revenue", WOBBLES, (BREAK,))
    green = all((signals[light] < LIMITS[light]).all() for light in HEALTH)
    if rang_on != [BREAK.day] or by_revenue or not green:
        raise ValueError(
            f"the film says that the check rings on day {BREAK.day} and nothing else rings; the simulator has the "
            f"check on {rang_on}, revenue on {by_revenue}, every light green: {green}"
        )
    lost = signals["lost"]
    return Story(signals, BREAK.day, float(lost.sum()), float(lost.loc[: BREAK.day].sum()))


def begins() -> dict[str, float]:
    """Return the second in which each act begins.

    >>> begins()["month"]
    8.5
    """
    ends = [0.0]
    for length in ACTS.values():
        ends.append(ends[-1] + length)
    return dict(zip(ACTS, ends, strict=False))


def length() -> float:
    """Return the seconds that the whole film takes."""
    return sum(ACTS.values())


def captions() -> list[Caption]:
    """Return all captions in order."""
    story, at = tell(), begins()
    watched, more = WATCHES[WATCHED], percent(BREAK.share, 0)
    said: dict[str, Sequence[tuple[float, str]]] = {
        "launch": [
            (0.5, "A shop lets a model choose\nwhat it offers to each visitor."),
            (4.7, "The first week goes as it should."),
        ],
        "month": [
            (0.2, "A month follows. Every request\nis answered, fast and without an error."),
            (5.6, "Some days sell more, some less.\nThey always have."),
            (10.0, "No alarm rings: nothing fails\nof all that anybody watches."),
            (15.0, "The model has not changed by a bit."),
        ],
        "home": [(0.2, "At the end of the month\nthe team goes home content.")],
        "rewind": [(0.4, "Now watch it again.\nThis time look at the lowest lines.")],
        "again": [
            (
                0.2,
                f"From day {BREAK.day} on a column comes empty,\nin {more} more of the visits each day.",
            ),
            (6.0, "Nothing breaks. Each gap is filled\nby the usual value, as is often done."),
            (11.6, "So the offers get worse. The dashed line\nis what better ones would have sold."),
            (16.4, f"Nobody sees that line.\nIt lies {story.lost:,.0f} euro higher."),
        ],
        "check": [
            (0.2, f"Once more, with one check on what arrives:\n{len(watched) // 2} columns against their first week."),
            (6.0, f"It rings on day {story.rang_on}.\nBy the next morning the column is mended."),
            (10.8, f"Lost: {story.lost_checked:,.0f} euro instead of {story.lost:,.0f}."),
        ],
        "end": [(0.3, "The model was the same each time.\nWhat stood around it was not.")],
    }
    starts = [(at[act] + second, text) for act, lines in said.items() for second, text in lines]
    # A caption stands until the next begins, but for a blink in which the eye sees that it has changed.
    ends = [begin - 0.2 for (_, _), (begin, _) in pairwise(starts)] + [length() - 0.5]
    return [
        Caption(round(begin, 3), round(min(end, begin + 6.5), 3), text)
        for (begin, text), end in zip(starts, ends, strict=True)
    ]


#: What is to be seen in each act, for those who do not look: it stands in the transcript before the words.
SEEN = {
    "launch": "A line of revenue a day begins to draw itself, for seven days. Beside it stand three green lights "
    "(answers, error rate, load) and a counter of alarms at 0; below it, small and pale, five lines: the share of "
    "visits in which each column has no value.",
    "month": "The line goes on to day {last}, up and down. The lights stay green, the counter at 0. "
    "From day {day} on one of the small pale lines climbs, and nothing points to it.",
    "home": "The month stands complete. Alarms: 0.",
    "rewind": "The month runs backwards to day {good}. The line that climbed is now thick and has a name, "
    "days_since_order.",
    "again": "The same month again, the climbing line in front: {start:.0f} % of the visits lack the column in the "
    "first week, all of them at the end. A dashed line parts from the revenue, and what lies between them adds up "
    "to {lost:,.0f} euro.",
    "check": "The month a third time. On day {day} an alarm rings; the next day the climbing line falls back, and the "
    "dashed line and the revenue are one. What was lost stays at {checked:,.0f} euro.",
    "end": "The two sums beside each other, {lost:,.0f} and {checked:,.0f} euro, and where all numbers come from: "
    "the shop's simulator, seed {seed}.",
}


def seen() -> dict[str, str]:
    """Return what is to be seen in each act, with its numbers."""
    story = tell()
    usual = 100 * story.signals[f"missing {BREAK.column}"].iloc[:GOOD_WEEK].mean()
    numbers = {
        "last": DAYS - 1, "day": BREAK.day, "good": GOOD_WEEK, "start": usual,
        "lost": story.lost, "checked": story.lost_checked, "seed": SEED,
    }  # fmt: skip
    return {act: words.format(**numbers) for act, words in SEEN.items()}


def transcript() -> list[tuple[str, str]]:
    """Return the film in words: for each act what is seen, and what the captions say."""
    at, after = begins(), [*begins().values(), length()][1:]
    said = {
        act: " ".join(c.text.replace("\n", " ") for c in captions() if at[act] <= c.begin < end)
        for act, end in zip(at, after, strict=True)
    }
    return [(words, said[act]) for act, words in seen().items()]


def webvtt() -> str:
    """Return the captions as WebVTT.

    >>> webvtt().splitlines()[:4]
    ['WEBVTT', '', '00:00.500 --> 00:04.500', 'A shop lets a model choose']
    """
    blocks = [f"{_clock(c.begin)} --> {_clock(c.end)}\n{c.text}" for c in captions()]
    return "\n\n".join(["WEBVTT", *blocks]) + "\n"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:02.0f}:{rest:06.3f}"
