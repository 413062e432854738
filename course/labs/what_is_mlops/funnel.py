"""How many published notebooks can anybody run again? The funnel of *samuel2024*, one bar at a time.

Samuel and Mietchen, "Computational reproducibility of Jupyter notebooks from biomedical publications", GigaScience 13,
2024. The counts are theirs; nothing here is simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import ipywidgets as widgets
import numpy as np
import pandas as pd

from course.display import BLUE, FAINT, INK, PURPLE, ink_of, new_figure, title_axes
from course.labs.lab import Lab, movable
from course.predict import Between
from course.quiz import Quiz

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def notebook_funnel() -> pd.DataFrame:
    """Return the funnel of *samuel2024*, one row a step: `step` (its name) and `remaining` (notebooks that reach it).

    >>> notebook_funnel().head(2)
            step  remaining
    0      found      27271
    1  in Python      22578
    """
    return pd.DataFrame(
        {
            "step": ["found", "in Python", "dependencies declared", "installable", "ran through", "same results"],
            "remaining": [27_271, 22_578, 15_817, 10_388, 1_203, 879],
        }
    )


@dataclass(frozen=True)
class FallingPercents:
    """A guess that is a list of percents, one a step, none above the one before it.

    >>> FallingPercents(("in Python", "ran through")).problem([80, 30])
    >>> FallingPercents(("in Python", "ran through")).problem([30, 80])
    'a funnel never widens: 80 (ran through) comes after 30'
    """

    steps: Sequence[str]

    @property
    def example(self) -> list[float]:
        """A guess of this kind, for those who test: it falls evenly from 90 to 50."""
        return [90 - 40 * place / max(1, len(self.steps) - 1) for place in range(len(self.steps))]

    def problem(self, guess: object) -> str | None:
        """Say what keeps `guess` from being a prediction of this kind, or return None."""
        if not isinstance(guess, list | tuple) or len(guess) != len(self.steps):
            return f"a prediction here is a list of {len(self.steps)} percents, as [90, 80, …]; yours is {guess!r}"
        for percent in guess:
            trouble = Between(0, 100, "percent of all notebooks").problem(percent)
            if trouble:
                return trouble
        for before, (step, percent) in zip(guess, list(zip(self.steps, guess, strict=True))[1:], strict=False):
            if percent > before:
                return f"a funnel never widens: {percent:g} ({step}) comes after {before:g}"
        return None


#: The bars to guess: all but the first, which is 100 percent.
FIVE_BARS = FallingPercents(tuple(notebook_funnel()["step"][1:]))


def simulate_funnel(shown: int) -> pd.DataFrame:
    """Return the first bar of the funnel and `shown` more (0 to 5).

    Columns: `step`, `notebooks` (how many reach it), `percent_of_all` (0 to 100).
    """
    funnel = notebook_funnel()
    table = pd.DataFrame(
        {
            "step": funnel["step"],
            "notebooks": funnel["remaining"],
            "percent_of_all": 100 * funnel["remaining"] / funnel["remaining"].iloc[0],
        }
    )
    return table.iloc[: shown + 1]


def describe_funnel(table: pd.DataFrame, guess: Sequence[float] | None = None) -> str:
    """Say how many notebooks reach the last bar that is shown, and how far off the guess was."""
    all_of_them, last = table.iloc[0]["notebooks"], table.iloc[-1]
    if len(table) == 1:
        return (
            f"{all_of_them:,} notebooks were found. The other bars are your guesses: move the slider to see the next."
        )
    text = (
        f"{last['notebooks']:,} of {all_of_them:,} notebooks reach the step “{last['step']}”: "
        f"{last['percent_of_all']:.1f} % of all."
    )
    if guess is None:
        return text
    text += f" You guessed {guess[len(table) - 2]:g} %."
    if len(table) == len(guess) + 1:
        off = np.abs(table["percent_of_all"].to_numpy()[1:] - np.array(guess, dtype=float))
        furthest = int(off.argmax())
        text += (
            f" Over all five bars you were {off.mean():.0f} percentage points off on average, and furthest at "
            f"“{table['step'].iloc[furthest + 1]}”."
        )
    return text


def draw_funnel(table: pd.DataFrame, guess: Sequence[float] | None = None) -> Figure:
    """Draw the bars that are shown, and the guess beside each, shown or not."""
    figure, (ax,) = new_figure(
        width=7.0, height=2.9, margins={"left": 0.215, "right": 0.99, "bottom": 0.09, "top": 0.905}
    )
    steps = list(notebook_funnel()["step"])
    ax.barh(range(len(table)), table["percent_of_all"], color=BLUE, height=0.5)
    for row, (count, percent) in enumerate(zip(table["notebooks"], table["percent_of_all"], strict=True)):
        ax.text(129, row, f"{count:,} = {percent:.1f} %", va="center", ha="right", fontsize=8.5, color=INK)
    for row in range(len(table), len(steps)):
        ax.text(129, row, "?", va="center", ha="right", fontsize=8.5, color=ink_of(FAINT))
    if guess is not None:
        ax.plot(guess, range(1, len(steps)), "D:", color=PURPLE, markersize=6, linewidth=1)
    ax.set(
        yticks=range(len(steps)),
        yticklabels=steps,
        xlim=(0, 130),
        ylim=(len(steps) - 0.4, -0.6),
        xticks=range(0, 101, 25),
    )
    ax.grid(visible=False)
    title_axes(ax, "Percent of all notebooks that reach a step" + (" (◆ your guess)" if guess is not None else ""))
    return figure


def retelling_quiz() -> Quiz:
    """Return the quiz about the five famous figures: it is here, so that its cell does not print the answer."""
    return Quiz(
        "Two of the five count projects that arrive. The older is often re-told as counting those that fail: which?",
        right={"53 %": "It counts projects that do arrive; some re-tellings turn it into projects that fail."},
        wrong={
            "54 %": "It counts projects that arrive as well, two years later. Re-told as failure is the earlier one.",
            "78 %": "It counts projects that stall at some stage, also those that go on later: wide, not the opposite.",
            "85 %": "It is re-told as something else: a forecast of wrong outcomes became a count of failures.",
            "87 %": "It points the way it is told. What it lacks is a sample: it is one person's remark.",
        },
    )


class FunnelLab(Lab):
    """The funnel behind the guesses, one bar after the other."""

    title = "Who can run a published notebook again?"
    heads = MappingProxyType(
        {
            "step": "Step",
            "notebooks": "Notebooks",
            "percent_of_all": "Of all found (%)",
        }
    )
    question = FIVE_BARS  # type: ignore[assignment]  # a kind of guess of its own
    web = movable(shown=...)

    def make_controls(self) -> dict[str, widgets.Widget]:
        last = len(FIVE_BARS.steps)
        return {
            "shown": widgets.IntSlider(
                value=0, min=0, max=last, description="Bars shown beside the first", continuous_update=False
            )
        }

    simulate = staticmethod(simulate_funnel)
    describe = staticmethod(describe_funnel)
    draw = staticmethod(draw_funnel)
