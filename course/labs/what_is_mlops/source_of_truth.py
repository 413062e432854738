"""Edit one thing of a small training run and look at five fingerprints: which of them noticed, and what was answered.

The run is whole: a text of code that is really executed, a configuration, 120 orders of the shop, the weights that
come out, and the answer for one customer.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from types import MappingProxyType
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from course.display import BLUE, FAINT, GREEN, INK, VERMILLION, ink_of, join_words, label_line, new_figure, title_axes
from course.labs.lab import Lab, movable

CODE = """from sklearn.linear_model import LogisticRegression

model = LogisticRegression(C=config["trust_in_data"])
model.fit(orders[["price", "past_returns"]], orders["came_back"])
"""
CONFIG = MappingProxyType({"trust_in_data": 1.0})
EDITS = MappingProxyType(
    {
        "nothing": "nothing at all",
        "comment": "a comment in the code",
        "cents": "one price in the data: written in cents",
        "labels": "six labels in the data: those orders came back after all",
        "swap": "the data: two rows change places",
        "drop": "the data: the last ten rows are missing",
    }
)
ARTEFACTS = ("code", "config", "data", "weights", "answer")
CUSTOMERS = ((80.0, 2), (25.0, 3), (60.0, 2), (60.0, 3), (130.0, 1))  # price (euro) and past returns of an order


def shop_orders() -> pd.DataFrame:
    """Return 120 orders: price (euro), past_returns (count), came_back (0 or 1).

    >>> shop_orders().shape
    (120, 3)
    """
    rng = np.random.default_rng([3, 4])
    price = np.round(np.exp(rng.normal(4.0, 0.5, 120)), 2)
    past_returns = rng.poisson(1.5, 120)
    score = 0.9 * (past_returns - 1.5) + 0.02 * (price - 60)
    came_back = (rng.random(120) < 1 / (1 + np.exp(-score))).astype(int)
    return pd.DataFrame({"price": price, "past_returns": past_returns, "came_back": came_back})


def _edited(edit: str) -> tuple[str, pd.DataFrame]:
    code, orders = CODE, shop_orders()
    if edit == "comment":
        code += "# reviewed, no change\n"
    elif edit == "cents":
        # The dearest order that had been kept.
        dearest = orders["price"].where(orders["came_back"] == 0).idxmax()
        orders.loc[dearest, "price"] *= 100
    elif edit == "labels":
        # The six cheapest orders that had been kept.
        kept = orders[orders["came_back"] == 0].sort_values("price", kind="stable").index[:6]
        orders.loc[kept, "came_back"] = 1
    elif edit == "swap":
        orders = orders.iloc[[1, 0, *range(2, len(orders))]].reset_index(drop=True)
    elif edit == "drop":
        orders = orders.iloc[:-10]
    return code, orders


@cache
def _run(edit: str) -> tuple[dict[str, str], tuple[float, ...]]:
    """Execute one run; return its fingerprints and the chance that each customer's order comes back."""
    code, orders = _edited(edit)
    names: dict[str, Any] = {"orders": orders, "config": dict(CONFIG)}
    exec(code, names)  # the code is an artefact of this file: a text that can be edited
    model = names["model"]
    weights = np.round(np.append(model.coef_, model.intercept_), 6)
    asked = pd.DataFrame(CUSTOMERS, columns=["price", "past_returns"])
    chances = tuple(float(chance) for chance in model.predict_proba(asked)[:, 1])
    prints = {
        "code": _fingerprint(code.encode()),
        "config": _fingerprint(json.dumps(dict(CONFIG)).encode()),
        "data": _fingerprint(orders.to_csv(index=False).encode()),
        "weights": _fingerprint(weights.tobytes()),
    }
    return prints, chances


def _fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]


def simulate_edit(edit: str, customer: int) -> pd.DataFrame:
    """Run the training before and after an edit; one row an artefact.

    Columns: `artefact`, `before` and `after` (eight digits of a hash; for the answer: the chance in percent that
    this customer's order comes back), `moved`. Weights count to six decimal places.
    """
    (prints, chances), (prints_after, chances_after) = _run("nothing"), _run(edit)
    before, after = 100 * chances[customer - 1], 100 * chances_after[customer - 1]
    rows = [(name, prints[name], prints_after[name], prints[name] != prints_after[name]) for name in prints]
    rows.append(("answer", f"{before:.1f} %", f"{after:.1f} %", f"{before:.1f}" != f"{after:.1f}"))
    table = pd.DataFrame(rows, columns=["artefact", "before", "after", "moved"])
    table.attrs |= {"edit": edit, "customer": customer, "percent": (before, after)}
    return table


def describe_edit(table: pd.DataFrame, guess: None = None) -> str:
    """Say what was edited, which fingerprints moved, and what the customer is told before and after."""
    before, after = table.attrs["percent"]
    prints = table.iloc[:-1]
    moved = list(prints["artefact"][prints["moved"]])
    stayed = list(prints["artefact"][~prints["moved"]])
    verdict = "send" if before < 50 else "ask back"
    verdict_after = "send" if after < 50 else "ask back"
    decision = f"still: {verdict}" if verdict == verdict_after else f"and so {verdict} becomes {verdict_after}"
    return (
        f"Edited: {EDITS[table.attrs['edit']]}. New fingerprints: {join_words(moved)}; the same as before: "
        f"{join_words(stayed)}. The chance that customer {table.attrs['customer']} sends the order back goes from "
        f"{before:.1f} % to {after:.1f} %, {decision}."
    )


def draw_edit(table: pd.DataFrame, guess: None = None) -> Any:
    """Draw the fingerprints in a list, before and after, and beside it the customer's chance."""
    figure, (left, right) = new_figure(
        width=7.2,
        height=2.5,
        columns=2,
        margins={"left": 0.01, "right": 0.99, "bottom": 0.105, "top": 0.895, "wspace": 0.2},
    )
    left.set(xlim=(0, 10), ylim=(-0.6, 4.6))
    for x, head in ((2.4, "before"), (5.7, "after")):
        left.text(x, 4.25, head, fontsize=8.5, color=ink_of(FAINT))
    for place, row in zip((3, 2, 1, 0), table.iloc[:-1].itertuples(), strict=True):
        colour = VERMILLION if row.moved else INK
        left.text(0, place, row.artefact, fontsize=9, weight="bold")
        left.text(2.4, place, row.before, fontsize=9, family="monospace")
        left.text(5.7, place, row.after, fontsize=9, family="monospace", color=ink_of(colour))
        left.text(
            8.9, place, "moved" if row.moved else "same", fontsize=8.5, color=ink_of(colour if row.moved else GREEN)
        )
    left.axis("off")
    title_axes(left, "Fingerprints")
    before, after = table.attrs["percent"]
    right.barh([1, 0], [before, after], color=[FAINT, BLUE], height=0.5)
    for place, chance in ((1, before), (0, after)):
        # Beside the bar, but never across the line at 50.
        beside = 50 if 20 < chance < 50 else chance
        label_line(right, beside, place, f"{chance:.1f} %: {'send' if chance < 50 else 'ask back'}")
    right.axvline(50, color=INK, linestyle="--", linewidth=1)
    right.set_yticks([1, 0], ["before", "after"])
    right.set(xlim=(0, 125), ylim=(-0.6, 1.6), xticks=(0, 50, 100))
    right.grid(axis="y", visible=False)
    title_axes(right, f"Customer {table.attrs['customer']}: chance that it comes back (%)")
    return figure


class SourceOfTruthLab(Lab):
    """One edit at a time; the hash of the code, of the configuration, of the data, of the weights, and the answer."""

    title = "Edit one thing: whose fingerprint notices, and what the customer is told"
    heads = MappingProxyType(
        {
            "artefact": "Artefact",
            "before": "Before",
            "after": "After",
            "moved": "Moved",
        }
    )
    web = movable(edit=..., customer=...)

    def make_controls(self) -> dict[str, widgets.Widget]:
        return {
            "edit": widgets.Dropdown(
                options=[(text, name) for name, text in EDITS.items()], value="cents", description="What is edited"
            ),
            "customer": widgets.IntSlider(
                value=1, min=1, max=len(CUSTOMERS), description="Customer", continuous_update=False
            ),
        }

    simulate = staticmethod(simulate_edit)
    describe = staticmethod(describe_edit)
    draw = staticmethod(draw_edit)
