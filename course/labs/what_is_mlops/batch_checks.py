"""Twelve batches of card payments before five checks: which check stops which, and which good batches it stops too.

A month in which all was well is the yardstick: a batch is compared with it. How far is too far is counted in wobbles:
one wobble is how far a good batch of that size usually lies from the month, by chance alone.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from course.display import FAINT, GREEN, INK, VERMILLION, ink_of, join_words, new_figure
from course.labs.lab import Lab, movable

CHECKS = MappingProxyType(
    {
        "schema": "are the columns there, in their types?",
        "quality": "are values missing, impossible or doubled?",
        "distribution": "do the averages lie where they lay?",
        "fairness": "is one region declined more often than the other?",
        "performance": "are the decisions still right? (needs labels, weeks later)",
    }
)
CORRUPTED = (
    "amounts did not arrive",
    "hours arrived as text",
    "a third of the amounts is empty",
    "every payment came twice",
    "amounts in cents, not euros",
    "clock one hour off",
    "the south's history reads zero",
    "fraudsters changed their ways",
)
CLEAN = ("an ordinary Monday", "an ordinary Tuesday", "a small, quiet Sunday", "the week before a holiday")
STOPS, PASSES, CANNOT, OFF = "stops it", "lets it in", "cannot run", "off"
REGIONS = ("north", "south")


def simulate_payments(seed: int, size: int, what: str = "an ordinary Monday") -> pd.DataFrame:
    """Return payments to which `what` has happened (one of `CORRUPTED` or `CLEAN`); the same seed gives the same.

    Columns: payment (number), amount (euro), hour (0 to 23), history (payments of the last month), region, fraud
    (0 or 1: the label, known weeks later).

    >>> simulate_payments(1, 100, "every payment came twice").shape
    (200, 6)
    """
    rng = np.random.default_rng([3, seed])
    holiday = what == "the week before a holiday"
    fraud = rng.random(size) < 0.12
    night = rng.random(size) < np.where(fraud, 0.6, 0.08)
    table = pd.DataFrame(
        {
            "payment": np.arange(size) + 100_000 * seed,
            "amount": np.exp(rng.normal(np.where(fraud, 5.2, 3.7 + 0.28 * holiday), 0.6)),
            "hour": np.where(night, rng.integers(0, 7, size), rng.integers(8, 23, size)),
            "history": rng.poisson(np.where(fraud, 2.0, 9.0)),
            "region": np.where(rng.random(size) < 0.02, "south", "north"),
            "fraud": fraud.astype(int),
        }
    )
    return _corrupt(rng, table, what)


def _corrupt(rng: np.random.Generator, table: pd.DataFrame, what: str) -> pd.DataFrame:
    if what == "amounts did not arrive":
        table = table.drop(columns="amount")
    elif what == "hours arrived as text":
        table["hour"] = table["hour"].astype(str)
    elif what == "a third of the amounts is empty":
        table.loc[rng.random(len(table)) < 1 / 3, "amount"] = np.nan
    elif what == "every payment came twice":
        table = pd.concat([table, table], ignore_index=True)
    elif what == "amounts in cents, not euros":
        table["amount"] *= 100
    elif what == "clock one hour off":
        table["hour"] = (table["hour"] + 1) % 24
    elif what == "the south's history reads zero":
        table.loc[table["region"] == "south", "history"] = 0
    elif what == "fraudsters changed their ways":
        # The payments look as before; which of them are fraud is another matter now.
        quiet = table.index[table["fraud"] == 0]
        table.loc[rng.choice(quiet, len(table) // 15, replace=False), "fraud"] = 1
    return table


@lru_cache(maxsize=1)
def _yardstick() -> tuple[pd.DataFrame, Any, pd.Series, float]:
    """The good month, the model that was trained on it, its decisions there, and how often they were right."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    month = simulate_payments(seed=1, size=8000)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(_features(month), month["fraud"])
    declined = pd.Series(model.predict(_features(month)))
    return month, model, declined, float((declined == month["fraud"]).mean())


def _features(payments: pd.DataFrame) -> np.ndarray:
    # An empty amount becomes 0 euros, as in many a pipeline: the model must answer something.
    amount = np.log1p(payments["amount"].fillna(0))
    return np.column_stack([amount, payments["hour"] < 7, payments["history"]]).astype(float)


@lru_cache(maxsize=1)
def _evidence() -> pd.DataFrame:
    """What each check measures on each batch; `None` where it cannot run. Strictness comes later."""
    rows = []
    for number, batch in enumerate([*CORRUPTED, *CLEAN]):
        size = 240 if batch == "a small, quiet Sunday" else 1500
        payments = simulate_payments(seed=20 + number, size=size, what=batch)
        rows.append({"batch": batch, "corrupted": batch in CORRUPTED, **_measured(payments)})
    return pd.DataFrame(rows)


def _measured(payments: pd.DataFrame) -> dict[str, Any]:
    month, model, declined, right = _yardstick()
    same_schema = list(payments.columns) == list(month.columns) and (payments.dtypes == month.dtypes).all()
    if not same_schema:
        return {"schema": True, "quality": None, "distribution": None, "fairness": None, "performance": None}
    clean = (
        payments["amount"].notna().all() and (payments["amount"] >= 0).all() and payments["hour"].between(0, 23).all()
    )
    numbers = ["amount", "hour", "history"]
    logs = [np.log1p(table[numbers].assign(hour=0)) + table[numbers] * [0, 1, 0] for table in (payments, month)]
    away = (logs[0].mean() - logs[1].mean()) / (logs[1].std() / np.sqrt(len(payments)))
    decided = pd.Series(model.predict(_features(payments)), index=payments.index)
    usual = declined.mean()
    south = payments["region"] == "south"
    gap = decided[south].mean() - decided[~south].mean()
    wobble = np.sqrt(usual * (1 - usual) * (1 / south.sum() + 1 / (~south).sum()))
    worse = right - float((decided == payments["fraud"]).mean())
    return {
        "schema": False,
        "quality": bool(not clean or payments["payment"].duplicated().any()),
        "distribution": float(away.abs().max()),
        "fairness": float(abs(gap) / wobble),
        "performance": float(worse / np.sqrt(right * (1 - right) / len(payments))),
    }


def simulate_checks(wobbles: float, **switched_on: bool) -> pd.DataFrame:
    """Put every batch before the checks that are switched on; one row a batch.

    `wobbles` is how far is too far for the last three. Columns: `batch`, `corrupted` (the truth), a column a check
    ("stops it", "lets it in", "cannot run", "off"), `stopped`.
    """
    table = _evidence().copy()
    for check in CHECKS:
        stops = [None if found is None or found != found else found >= _limit(check, wobbles) for found in table[check]]
        words = {None: CANNOT, True: STOPS, False: PASSES}
        table[check] = [words[None if one is None else bool(one)] if switched_on.get(check) else OFF for one in stops]
    table["stopped"] = (table[list(CHECKS)] == STOPS).any(axis=1)
    table.attrs["wobbles"] = wobbles
    return table


def _limit(check: str, wobbles: float) -> float:
    return 0.5 if check in ("schema", "quality") else wobbles


def describe_checks(table: pd.DataFrame, guess: None = None) -> str:
    """Count what is stopped and what gets in, among corrupted and clean batches, by name."""
    on = [check for check in CHECKS if (table[check] != OFF).all()]
    bad, good = table[table["corrupted"]], table[~table["corrupted"]]
    missed, wronged = list(bad["batch"][~bad["stopped"]]), list(good["batch"][good["stopped"]])
    count = f"{bad['stopped'].sum()} of {len(bad)} corrupted batches are stopped"
    gets_in = f"; these get in: {join_words(missed)}" if missed else "; none gets in"
    wrongly = f": {join_words(wronged)}" if wronged else ""
    wobbles = f"{table.attrs['wobbles']:g} wobble{'' if table.attrs['wobbles'] == 1 else 's'}"
    far = f" Too far means {wobbles} or more." if set(on) - {"schema", "quality"} else ""
    return (
        f"On: {join_words(on)}. {count}{gets_in}. {len(wronged)} of {len(good)} clean batches "
        f"{'is' if len(wronged) == 1 else 'are'} stopped for nothing{wrongly}.{far}"
    )


def draw_checks(table: pd.DataFrame, guess: None = None) -> Any:
    """Draw a matrix, a row a batch and a column a check: a disc stops rightly, a cross wrongly, a dash cannot run."""
    figure, (ax,) = new_figure(width=7.2, height=4.05)
    figure.set_layout_engine("none")  # the margins never change: laying them out costs a third of the picture
    ax.set_position((0.27, 0.01, 0.725, 0.875))
    rows = len(table) + 1  # a gap between corrupted and clean
    places = [rows - 1 - number - (not row.corrupted) for number, row in enumerate(table.itertuples())]
    marks = {
        (STOPS, True): ("o", GREEN, 9),
        (STOPS, False): ("X", VERMILLION, 9),
        (PASSES, True): ("o", FAINT, 2.5),
        (PASSES, False): ("o", FAINT, 2.5),
        (CANNOT, True): ("_", INK, 8),
    }
    for (said, corrupted), (marker, colour, size) in marks.items():
        where = (table[list(CHECKS)] == said).to_numpy() & (table["corrupted"] == corrupted).to_numpy()[:, None]
        row_numbers, columns = np.nonzero(where)
        ax.plot(columns, np.array(places)[row_numbers], marker, color=colour, markersize=size, linestyle="none")
    for place, row in zip(places, table.itertuples(), strict=True):
        word, colour = {
            (True, True): ("stopped", GREEN),
            (True, False): ("gets in", VERMILLION),
            (False, True): ("stopped for nothing", VERMILLION),
            (False, False): ("gets in", GREEN),
        }[row.corrupted, row.stopped]
        heavy = "bold" if colour == VERMILLION else "normal"
        ax.text(len(CHECKS) - 0.45, place, word, color=ink_of(colour), fontsize=8.5, va="center", weight=heavy)
    when = {"performance": "performance\nweeks later"}
    names = [when.get(check, check) for check in CHECKS]
    names = [name if (table[check] != OFF).all() else f"({name})" for name, check in zip(names, CHECKS, strict=True)]
    ax.set_xticks(range(len(CHECKS)), names)
    ax.xaxis.tick_top()
    ax.set_yticks(places, [f"{row.batch}" for row in table.itertuples()])
    ax.set(xlim=(-0.5, len(CHECKS) + 1.3), ylim=(-0.6, rows - 0.4))
    ax.tick_params(length=0)
    ax.axhline(len(table) - len(CORRUPTED), color=FAINT, linewidth=1)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return figure


class BatchChecksLab(Lab):
    """Five checks to switch on and off, and how strict they are; eight corrupted batches and four clean ones."""

    title = "Eight corrupted batches, four clean ones, and who is stopped at the door"
    heads = MappingProxyType(
        {
            "batch": "Batch",
            "corrupted": "Corrupted",
            "schema": "Schema",
            "quality": "Quality",
            "distribution": "Distribution",
            "fairness": "Fairness",
            "performance": "Performance",
            "stopped": "Stopped",
        }
    )
    web = movable(schema=..., quality=..., distribution=..., fairness=..., performance=..., wobbles=(2.0, 4.0, 8.0))

    def make_controls(self) -> dict[str, widgets.Widget]:
        switches: dict[str, widgets.Widget] = {
            check: widgets.Checkbox(value=check in ("schema", "distribution"), description=f"{check}: {asks}")
            for check, asks in CHECKS.items()
        }
        return switches | {
            "wobbles": widgets.FloatSlider(
                value=4, min=1, max=12, step=0.5, description="Too far is, in wobbles", continuous_update=False
            )
        }

    simulate = staticmethod(simulate_checks)
    describe = staticmethod(describe_checks)
    draw = staticmethod(draw_checks)
