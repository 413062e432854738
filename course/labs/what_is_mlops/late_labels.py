"""A model turns worse on one day; the labels that tell come later. What the time between costs.

damage = rate × (day of detection − day of onset): the rate is the world's, the onset is the world's, and only the day
of detection is ours.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from course.display import BLUE, FAINT, GREEN, INK, VERMILLION, join_words, label_line, new_figure, percent, title_axes
from course.labs.lab import Lab, movable

DAYS, ONSET, ANSWERS_A_DAY = 120, 40, 200
WRONG_BEFORE, WRONG_AFTER, ALARM = 0.08, 0.14, 0.11  # shares of a day's answers
EURO_A_WRONG_ANSWER = 10.0
#: Euro a day that the model loses more than it always did.
RATE = round(ANSWERS_A_DAY * (WRONG_AFTER - WRONG_BEFORE) * EURO_A_WRONG_ANSWER)
_CAMPAIGN = 17  # on this day other people come to the shop, and the model serves them as well as anybody


def simulate_log(seed: int) -> pd.DataFrame:
    """Return what happened, one row a day: `day`, `wrong` (share of answers), `input_shift` (wobbles).

    From day 40 the share of wrong answers is 0.14 instead of 0.08. `input_shift` says how far the day's inputs lie
    from the usual ones, in their usual wobbles: it needs no labels. It rises at the onset, and also for three days
    from day 17, when a campaign brings other people and nothing is wrong. The same seed gives the same log.

    >>> simulate_log(1).shape
    (120, 3)
    """
    rng = np.random.default_rng([3, 6, seed])
    day = np.arange(DAYS)
    wrong = rng.binomial(ANSWERS_A_DAY, np.where(day < ONSET, WRONG_BEFORE, WRONG_AFTER)) / ANSWERS_A_DAY
    shift = np.abs(rng.normal(0, 1, DAYS).clip(-2.4, 2.4) + 5.0 * (day >= ONSET + 1))
    shift[_CAMPAIGN : _CAMPAIGN + 3] += 4.0
    return pd.DataFrame({"day": day, "wrong": wrong, "input_shift": shift})


def simulate_waiting(delay: int, window: int, watch_inputs: bool) -> pd.DataFrame:
    """Let an alarm watch the labels that have arrived, and the inputs too if asked; one row a day.

    A label arrives `delay` days after its answer. The alarm rings when more than 11 % of the answers of the newest
    `window` labelled days were wrong; on the inputs, when they lie 3 wobbles or more off. From the first right
    ring on the old model serves again. Columns: `day`, `wrong` (share that really is wrong), `known` (the
    share that the alarm sees that day; missing while there are too few labels), `rings` ("labels", "inputs" or
    nothing), `rings_rightly`, `lost` (euro, that day, beyond what was always lost).
    """
    log = simulate_log(seed=1)
    known = log["wrong"].rolling(window).mean().shift(delay)
    rings = np.where(known > ALARM, "labels", "")
    if watch_inputs:
        rings = np.where((log["input_shift"] >= 3) & (rings == ""), "inputs", rings)
    table = log[["day", "wrong"]].assign(known=known, rings=rings)
    # Labels from before the onset cannot tell of it: when they ring, it is chance.
    right = (rings == "inputs") & (log["day"] >= ONSET) | (rings == "labels") & (log["day"] - delay >= ONSET)
    table["rings_rightly"] = right
    found = int(right.idxmax()) if right.any() else None
    table["lost"] = np.where((table["day"] >= ONSET) & (table["day"] < (DAYS if found is None else found)), RATE, 0.0)
    table.attrs |= {
        "delay": delay,
        "window": window,
        "watch_inputs": watch_inputs,
        "detected": found,
        "false_rings": _occasions(((table["rings"] != "") & ~right).to_numpy()[:found]),
        "false_rings_by": {
            name: _occasions(((table["rings"] == name) & ~right).to_numpy()[:found]) for name in ("labels", "inputs")
        },
    }
    return table


def _occasions(rings: np.ndarray) -> int:
    """Count runs of days: an alarm that rings three days on end is one call."""
    return int((rings & ~np.append(False, rings[:-1])).sum())


def describe_waiting(table: pd.DataFrame, guess: None = None) -> str:
    """Say when the alarm rang, by what, what the wait cost, and how often it rang for nothing."""
    about = table.attrs
    late = f"Labels arrive {_days(about['delay'])} late"
    lost = table["lost"].sum()
    if about["detected"] is None:
        found = (
            f"no alarm within {DAYS} days: {RATE} euro a day × ({DAYS} − {ONSET}) days = {lost:,.0f} euro, "
            "and still counting"
        )
    else:
        day = about["detected"]
        by = f"the {table['rings'][day]} ring"
        found = f"{by} on day {day}: {RATE} euro a day × ({day} − {ONSET}) days = {lost:,.0f} euro"
    by = [f"the {name} rang for nothing {_times(n)}" for name, n in about["false_rings_by"].items() if n]
    nothing = join_words(by) if by else "no alarm rang for nothing"
    return (
        f"{late}. From day {ONSET} on {percent(WRONG_AFTER, 0)} of the answers are wrong instead of "
        f"{percent(WRONG_BEFORE, 0)}; {found}. Before that {nothing}."
    )


def _days(number: int) -> str:
    return f"{number} day{'' if number == 1 else 's'}"


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def draw_waiting(table: pd.DataFrame, guess: None = None) -> Any:
    """Draw what is wrong and what is known of it, the wait between onset and alarm shaded, the rings as marks."""
    figure, (ax,) = new_figure(
        width=7.2, height=2.9, margins={"left": 0.04, "right": 0.99, "bottom": 0.15, "top": 0.91}
    )
    found = table.attrs["detected"]
    end = DAYS if found is None else found
    ax.axvspan(ONSET, end, color="#fbe3d6", zorder=0)
    waited = f"{_days(end - ONSET)} × {RATE} = {table['lost'].sum():,.0f} euro"
    if end - ONSET > 30:
        ax.text((ONSET + end) / 2, 21.6, waited, ha="center", fontsize=8.5)
    else:
        label_line(ax, end, 21.8, waited, INK)
    # What would have happened had nobody done anything after the alarm is nobody's business.
    shown = table[table["day"] <= end + 6]
    ax.plot(shown["day"], 100 * shown["wrong"].rolling(7, min_periods=1).mean(), color=FAINT, linewidth=1.4)
    label_line(ax, 0, 3.4, "what is wrong (nobody sees it yet)", FAINT, xytext=(2, 0))
    ax.plot(shown["day"], 100 * shown["known"], color=BLUE, linewidth=1.8)
    if shown["known"].notna().any():
        last = shown["known"].last_valid_index()
        label_line(ax, last, 100 * shown["known"][last], "what is\nknown", BLUE)
    ax.axhline(100 * ALARM, color=INK, linestyle="--", linewidth=1)
    label_line(ax, 0, 100 * ALARM, f"alarm above {percent(ALARM, 0)}", INK, xytext=(2, 7))
    for name, marker, place in (("labels", "^", 17.6), ("inputs", "v", 20.2)):
        rings = table[(table["rings"] == name) & (table["day"] <= end)]
        right, wrong = (rings["day"][rings["rings_rightly"] == rightly] for rightly in (True, False))
        if len(right):
            ax.plot(right.iloc[0], place, marker, color=GREEN, markersize=8)
            label_line(ax, right.iloc[0], place, f"{name} ring", GREEN, xytext=(7, 0))
        if len(wrong):
            wrong = wrong[wrong.diff() != 1]
            ax.plot(wrong, np.full(len(wrong), place), marker, color=VERMILLION, markersize=7, fillstyle="none")
            words = f"{name} ring for nothing"
            label_line(ax, wrong.mean(), place, words, VERMILLION, xytext=(0, 10), ha="center")
    ax.set(xlim=(0, DAYS + 9), ylim=(2.5, 23), xlabel="day", yticks=(5, 10, 15, 20))
    title_axes(ax, "Wrong answers (%)")
    return figure


class LateLabelsLab(Lab):
    """How late the labels arrive, how many days an alarm averages, and whether it watches the inputs as well."""

    title = "The model turns worse on day 40: when you know, and what it has cost"
    heads = MappingProxyType(
        {
            "day": "Day",
            "wrong": "Really wrong (share)",
            "known": "Known to the alarm (share)",
            "rings": "Rings on",
            "rings_rightly": "Rightly",
            "lost": "Lost that day (EUR)",
        }
    )
    some_rows = "every tenth day, and each on which the alarm begins to ring"
    web = movable(delay=range(0, 91, 10), window=(1, 3, 7, 14, 21), watch_inputs=...)

    def make_controls(self) -> dict[str, widgets.Widget]:
        return {
            "delay": widgets.IntSlider(
                value=30, min=0, max=90, step=5, description="Labels arrive late by, in days", continuous_update=False
            ),
            "window": widgets.IntSlider(
                value=7, min=1, max=21, description="The alarm averages over, in days", continuous_update=False
            ),
            "watch_inputs": widgets.Checkbox(value=False, description="Watch the inputs too (needs no labels)"),
        }

    simulate = staticmethod(simulate_waiting)
    describe = staticmethod(describe_waiting)
    draw = staticmethod(draw_waiting)

    def numbers(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return every tenth day, and each on which the alarm begins to ring, on labels or on inputs."""
        begins = (table["rings"] != "") & (table["rings"] != table["rings"].shift(fill_value=""))
        rightly = table["rings_rightly"].map({True: "yes", False: "no"}).where(table["rings"] != "", "")
        return super().numbers(table.assign(rings_rightly=rightly)[(table["day"] % 10 == 0) | begins])
