"""A switch that stops what a program does, pulled at some minute: the figures of *sec2013*.

One of Knight Capital's eight servers missed a deployment, and a flag that had been given a new meaning woke code on it
that had not been used since 2003. In about 45 minutes 212 parent orders went through that code, and the firm lost more
than 440 million USD. Before the market opened there had been 97 internal e-mails that nobody acted on; no control could
stop it (U.S. SEC, Release 34-70694, October 2013).

The report gives totals. What lies between is this file's model and nothing more: a straight line from the first minute
to the last, for the money and for the orders.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import ipywidgets as widgets
import numpy as np
import pandas as pd

from course.display import BLUE, FAINT, VERMILLION, label_line, new_figure, title_axes
from course.labs.lab import Lab, movable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MINUTES, LOST_MILLIONS, ORDERS = 45, 440, 212  # sec2013: about 45, more than 440 million USD, 212


def simulate_kill_switch(noticed: int, deciding: int) -> pd.DataFrame:
    """Return what has been lost by each minute when the switch is pulled `deciding` minutes after `noticed`.

    Columns: `minute` (0 to 45), `lost_with_switch` and `lost_as_it_was` (million USD, at least), `orders` (of the 212,
    how many had gone wrong; not a whole number, because the model is a line). `attrs["pulled"]` is the minute of the
    pull, 45 when it comes too late to matter.

    >>> simulate_kill_switch(noticed=4, deciding=5)["lost_with_switch"].iloc[-1].item()
    88.0
    """
    minute = np.arange(MINUTES + 1)
    pulled = min(noticed + deciding, MINUTES)
    went_on = np.minimum(minute, pulled)
    table = pd.DataFrame(
        {
            "minute": minute,
            "lost_with_switch": LOST_MILLIONS * went_on / MINUTES,
            "lost_as_it_was": LOST_MILLIONS * minute / MINUTES,
            "orders": ORDERS * went_on / MINUTES,
        }
    )
    table.attrs["pulled"] = pulled
    return table


def describe_kill_switch(table: pd.DataFrame, guess: None = None) -> str:
    """Say when the switch was pulled, what was lost until then, and what was not."""
    pulled, end = table.attrs["pulled"], table.iloc[-1]
    lost, rest = end["lost_with_switch"], end["lost_as_it_was"] - end["lost_with_switch"]
    if pulled == 0:
        return (
            "Pulled in minute 0, the switch leaves no loss at all: somebody had read one of the 97 e-mails that came "
            "before the market opened."
        )
    if pulled >= MINUTES:
        return (
            f"The switch comes in minute {MINUTES} or later: more than {LOST_MILLIONS} million USD are lost and "
            f"{ORDERS} orders went wrong, as if there were no switch."
        )
    return (
        f"Pulled in minute {pulled}, the switch leaves a loss of about {lost:.0f} million USD and saves {rest:.0f}; "
        f"about {end['orders']:.0f} of {ORDERS} orders went wrong. The line between the two reported ends is a model."
    )


def draw_kill_switch(table: pd.DataFrame, guess: None = None) -> Figure:
    """Draw the loss over the minutes, with the switch and as it was."""
    figure, (ax,) = new_figure(
        width=7.0, height=2.7, margins={"left": 0.055, "right": 0.99, "bottom": 0.165, "top": 0.905}
    )
    pulled, lost = table.attrs["pulled"], float(table["lost_with_switch"].iloc[-1])
    ax.plot(table["minute"], table["lost_as_it_was"], color=VERMILLION, linestyle="--", linewidth=1.6)
    ax.plot(table["minute"], table["lost_with_switch"], color=BLUE, linewidth=2)
    ax.fill_between(table["minute"], table["lost_with_switch"], table["lost_as_it_was"], color=FAINT, alpha=0.18)
    label_line(ax, MINUTES, LOST_MILLIONS, "no switch:\nmore than 440", VERMILLION)
    if pulled < MINUTES:
        ax.plot(pulled, lost, "o", color=BLUE, markersize=7)
        beside = min(max(lost, 30), LOST_MILLIONS - 90)  # so that no two labels meet
        label_line(ax, MINUTES, beside, f"pulled in\nminute {pulled}: {lost:.0f}", BLUE)
    ax.set(xlim=(0, 54), ylim=(0, 480), xlabel="minutes since the market opened", xticks=range(0, MINUTES + 1, 5))
    title_axes(ax, "Lost (million USD)")
    return figure


class KillSwitchLab(Lab):
    """Two delays add up: until somebody notices, and until somebody is allowed to act."""

    title = "Pull the switch: the 45 minutes of Knight Capital"
    heads = MappingProxyType(
        {
            "minute": "Minute",
            "lost_with_switch": "Lost with the switch (million USD)",
            "lost_as_it_was": "Lost without it (million USD)",
            "orders": "Orders gone wrong",
        }
    )
    some_rows = "every fifth minute, and that of the pull"
    web = movable(noticed=range(0, 46, 5), deciding=range(0, 31, 5))

    def make_controls(self) -> dict[str, widgets.Widget]:
        return {
            "noticed": widgets.IntSlider(
                value=20, min=0, max=MINUTES, description="Noticed in minute", continuous_update=False
            ),
            "deciding": widgets.IntSlider(
                value=10, min=0, max=30, description="Minutes until somebody dares to pull", continuous_update=False
            ),
        }

    simulate = staticmethod(simulate_kill_switch)
    describe = staticmethod(describe_kill_switch)
    draw = staticmethod(draw_kill_switch)

    def numbers(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return every fifth minute, and that of the pull."""
        return super().numbers(table[(table["minute"] % 5 == 0) | (table["minute"] == table.attrs["pulled"])])
