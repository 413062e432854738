"""Batches of orders on their way into a model, good ones and bad ones, and the contract that they have to keep.

For section 3's second exercise. The simulator knows which columns it broke; what it hands to a check does not say so.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd

#: What the team that sends the orders promised, column by column.
CONTRACT = {
    "items": {"type": "int64", "most_missing": 0.0, "low": 1, "high": 20, "mean_low": 2.0, "mean_high": 4.0},
    "price": {"type": "float64", "most_missing": 0.0, "low": 0, "high": 500, "mean_low": 40, "mean_high": 60},
    "weight": {"type": "float64", "most_missing": 0.125, "low": 0, "high": 40, "mean_low": 1.5, "mean_high": 2.5},
    "age": {"type": "float64", "most_missing": 0.25, "low": 18, "high": 110, "mean_low": 35, "mean_high": 50},
}

#: What can be wrong with a batch.
FAULTS = MappingProxyType(
    {
        "column gone": "a column did not arrive",
        "numbers as text": "a column's numbers arrived as words",
        "whole as decimal": "the whole numbers of items arrived as decimal ones",
        "gaps": "more of a column is missing than was agreed",
        "one value out": "a single value lies outside the agreed range",
        "mean moved": "every value is in range, but their mean is not where it was agreed to be",
        "two at once": "one column did not arrive, and the mean of another moved",
    }
)
#: The same, by the kind of agreement that they break.
SCHEMA_FAULTS = ("column gone", "numbers as text", "whole as decimal")
QUALITY_FAULTS = ("gaps", "one value out")
MEAN_FAULTS = ("mean moved", "two at once")
#: What may look odd about a batch and keeps the contract all the same.
HARMLESS = MappingProxyType(
    {
        "nothing": "a batch like any other",
        "one column more": "a column arrived that nobody has asked for",
        "other order": "the columns stand in another order",
        "at the limits": "the smallest and the largest value that were agreed both occur",
        "as many gaps as allowed": "exactly as much is missing as was agreed",
        "rows renumbered": "the rows carry other numbers, some of them twice",
    }
)


class Batch(NamedTuple):
    """What arrived, and which of its columns the simulator broke, in the order of the contract."""

    data: pd.DataFrame
    broken: list[str]


def simulate_batch(seed: int, what: str = "nothing") -> Batch:
    """Return a batch of orders to which `what` has happened: a key of `FAULTS` or of `HARMLESS`.

    `data` has a row an order and the columns items (count), price (euro), weight (kilograms), age (of the customer,
    years); some weights and ages are missing. `broken` is empty unless `what` is a fault. The same seed gives the
    same batch. Raises ValueError when there is no such thing to happen.

    >>> simulate_batch(1).data.columns.tolist()
    ['items', 'price', 'weight', 'age']
    >>> simulate_batch(1, "whole as decimal").broken
    ['items']
    """
    if what not in FAULTS and what not in HARMLESS:
        raise ValueError(f"there is no {what!r}; there are {', '.join([*FAULTS, *HARMLESS])}")
    data = _good_batch(np.random.default_rng(seed))
    rng = np.random.default_rng([seed, [*FAULTS, *HARMLESS].index(what)])
    if what == "two at once":
        gone, moved = rng.permutation(list(CONTRACT))[:2].tolist()
        _move_mean(rng, data, moved)
        return Batch(data.drop(columns=gone), sorted([gone, moved], key=list(CONTRACT).index))
    if what in FAULTS:
        return _broken(rng, data, what)
    return Batch(_odd(rng, data, what), [])


def _good_batch(rng: np.random.Generator) -> pd.DataFrame:
    rows = 8 * int(rng.integers(30, 60))
    data = pd.DataFrame(
        {
            "items": 1 + rng.binomial(19, 0.105, rows),
            "price": np.round(np.clip(rng.gamma(4, 12.5, rows), 1, 400), 2),
            "weight": np.round(np.clip(rng.gamma(5, 0.4, rows), 0.1, 30), 1),
            "age": np.round(np.clip(rng.normal(42.5, 10, rows), 19, 90)),
        }
    )
    for column, share in (("weight", 0.04), ("age", 0.15)):
        data.loc[_some_rows(rng, rows, round(share * rows)), column] = np.nan
    return data


def _some_rows(rng: np.random.Generator, rows: int, number: int) -> np.ndarray:
    return rng.choice(rows, number, replace=False)


def _move_mean(rng: np.random.Generator, data: pd.DataFrame, column: str) -> None:
    """Move every value towards one end of the range, none beyond it, until the mean is outside the agreement."""
    rule, values, up = CONTRACT[column], data[column], rng.random() < 0.5
    if column == "items":
        data[column] = (values + (2 if up else -2)).clip(rule["low"], rule["high"])
        return
    end = rule["high"] if up else rule["low"]
    far = 0.2 * (rule["mean_high"] - rule["mean_low"])
    wanted = rule["mean_high"] + far if up else rule["mean_low"] - far
    data[column] = np.round(values + (wanted - values.mean()) / (end - values.mean()) * (end - values), 2)


def _broken(rng: np.random.Generator, data: pd.DataFrame, fault: str) -> Batch:
    column = "items" if fault == "whole as decimal" else str(rng.choice(list(CONTRACT)))
    rule, rows = CONTRACT[column], len(data)
    if fault == "column gone":
        return Batch(data.drop(columns=column), [column])
    if fault == "numbers as text":
        data[column] = data[column].astype(str)
    elif fault == "whole as decimal":
        data[column] = data[column].astype(float)
    elif fault == "gaps":
        # A column of whole numbers has no gaps: the type would change with the first.
        column = str(rng.choice([name for name in CONTRACT if name != "items"]))
        most = round(CONTRACT[column]["most_missing"] * rows)
        data.loc[_some_rows(rng, rows, most + int(rng.integers(1, rows // 5))), column] = np.nan
    elif fault == "one value out":
        beyond = [rule["low"] - 1, rule["high"] + 1, -999]
        if column != "items":
            beyond += [rule["low"] - 0.01, rule["high"] + 0.01, np.inf]
        data.loc[int(rng.integers(rows)), column] = beyond[int(rng.integers(len(beyond)))]
    else:
        _move_mean(rng, data, column)
    return Batch(data, [column])


def _odd(rng: np.random.Generator, data: pd.DataFrame, what: str) -> pd.DataFrame:
    rows = len(data)
    if what == "one column more":
        data.insert(int(rng.integers(4)), "voucher", rng.choice(["SPRING", "NONE", "-1"], rows))
    elif what == "other order":
        turn = int(rng.integers(1, 4))
        data = data[[*list(CONTRACT)[turn:], *list(CONTRACT)[:turn]]]
    elif what == "at the limits":
        for column, rule in CONTRACT.items():
            first, second = _some_rows(rng, rows, 2)
            data.loc[first, column], data.loc[second, column] = rule["low"], rule["high"]
    elif what == "as many gaps as allowed":
        for column in ("weight", "age"):
            filled = data[column].fillna(data[column].median())
            filled[_some_rows(rng, rows, round(CONTRACT[column]["most_missing"] * rows))] = np.nan
            data[column] = filled
    elif what == "rows renumbered":
        data.index = rng.integers(0, rows // 2, rows)
    return data
