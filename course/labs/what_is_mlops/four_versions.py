"""Code, data, model and configuration, three versions each: every one of the 81 combinations really trains.

The shop of the course's company predicts which orders come back. Its pipeline is small and whole: a snapshot of
orders, a piece of code that makes features of them, a kind of model, a configuration. Each can move alone.
"""

from __future__ import annotations

import hashlib
from functools import cache
from types import MappingProxyType
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from course.display import BLUE, FAINT, INK, PURPLE, VERMILLION, join_words, label_line, new_figure, percent, title_axes
from course.labs.cache import memory
from course.labs.lab import Lab, movable
from course.predict import Between
from course.quiz import Quiz

GROUPS = ("clothes", "shoes", "gadgets")
#: The group whose share the student guesses: no label of theirs was touched.
ASKED = "shoes"
FIRST_RUN = MappingProxyType({"code": 1, "data": 1, "model": 1, "config": 1})

#: The code as an artefact: text that makes the features.
CODE = {
    1: "features = orders[['price', 'discount', 'past_returns']]",
    2: "features = orders[['price', 'discount', 'past_returns']].assign(price=np.log(orders['price']))",
    3: "features = pd.get_dummies(orders[['price', 'discount', 'past_returns', 'group']], dtype=float)",
}
MODEL = {1: "logistic regression", 2: "decision tree", 3: "nearest neighbours"}
CONFIG = {
    1: {"threshold": 0.5, "newest_share": 1.0},
    2: {"threshold": 0.4, "newest_share": 1.0},
    3: {"threshold": 0.5, "newest_share": 0.5},
}
DATA = {1: "the orders of May", 2: "May, 5 % of the labels corrected, clothes only", 3: "the orders of June"}


def simulate_orders(seed: int, size: int) -> pd.DataFrame:
    """Return orders: group, price (euro), discount (share), past_returns (count), came_back (0 or 1).

    The same seed gives the same orders.

    >>> simulate_orders(1, 3).equals(simulate_orders(1, 3))
    True
    """
    rng = np.random.default_rng([2, seed])
    group = rng.choice(GROUPS, size, p=[0.45, 0.3, 0.25])
    price = np.exp(rng.normal(np.select([group == "clothes", group == "shoes"], [3.6, 4.3], 4.9), 0.5))
    discount = rng.choice([0.0, 0.1, 0.2, 0.5], size)
    past_returns = rng.poisson(np.where(group == "gadgets", 0.6, 1.6))
    score = (
        0.7 * (past_returns - 1.3)
        + np.select([group == "clothes", group == "shoes"], [0.9, 0.2], -0.9)
        - np.where(group == "gadgets", -2.4, 1.8) * discount
        + 0.5 * (np.log(price) - 4.1)
    )
    came_back = (rng.random(size) < 1 / (1 + np.exp(-1.6 * score))).astype(int)
    return pd.DataFrame(
        {"group": group, "price": price, "discount": discount, "past_returns": past_returns, "came_back": came_back}
    )


def snapshot(version: int) -> pd.DataFrame:
    """Return the training orders of one version of the data (see `DATA`)."""
    orders = simulate_orders(seed=6 if version == 3 else 5, size=600)
    if version == 2:
        # The 30 clothes orders (5 % of all rows) with the most past returns turn out to have been exchanges.
        clothes = orders[orders["group"] == "clothes"]
        exchanged = clothes.sort_values("past_returns", ascending=False, kind="stable").index[:30]
        orders.loc[exchanged, "came_back"] = 0
    return orders


def _features(code: str, orders: pd.DataFrame) -> np.ndarray:
    names: dict[str, Any] = {"orders": orders, "np": np, "pd": pd}
    exec(code, names)  # the code is an artefact of this file: a text that can have versions
    return names["features"].to_numpy(float)


def _classifier(model: int) -> Any:
    if model == 1:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=1000)
    if model == 2:
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(max_depth=4, random_state=0)
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(15)


@memory.cache
def train_and_predict(code: str, orders: pd.DataFrame, judged: pd.DataFrame, model: int, config: dict) -> np.ndarray:
    """Train one combination on `orders` and return its predictions (0 or 1) for the `judged` ones."""
    orders = orders.tail(round(len(orders) * config["newest_share"]))
    fitted = _classifier(model).fit(_features(code, orders), orders["came_back"])
    shares = fitted.predict_proba(_features(code, judged))[:, 1]
    return (shares >= config["threshold"]).astype(np.int8)


def july() -> pd.DataFrame:
    """Return the 900 orders on which every combination is judged."""
    return simulate_orders(seed=7, size=900)


@cache
def _predictions(code: int, data: int, model: int, config: int) -> np.ndarray:
    # Beside the cache on disk, whose key is a digest of two frames: that takes as long as the picture.
    return train_and_predict(CODE[code], snapshot(data), july(), model, CONFIG[config])


def simulate_versions(code: int, data: int, model: int, config: int) -> pd.DataFrame:
    """Train the first run and yours; one row a group of goods, and one for all.

    Columns: group, orders (count), first_accuracy and your_accuracy (shares), changed (share of predictions that
    differ from the first run), fingerprint (of your predictions: eight hexadecimal digits). The versions that
    were moved stand in `attrs["moved"]`.
    """
    orders = july()
    first, yours = _predictions(1, 1, 1, 1), _predictions(code, data, model, config)
    truth = orders["came_back"].to_numpy()
    rows = []
    for group in ("all", *GROUPS):
        here = np.ones(len(orders), bool) if group == "all" else (orders["group"] == group).to_numpy()
        rows.append(
            {
                "group": group,
                "orders": int(here.sum()),
                "first_accuracy": float((first == truth)[here].mean()),
                "your_accuracy": float((yours == truth)[here].mean()),
                "changed": float((first != yours)[here].mean()),
                "fingerprint": hashlib.sha256(yours.tobytes()).hexdigest()[:8],
            }
        )
    table = pd.DataFrame(rows)
    settings = {"code": code, "data": data, "model": model, "config": config}
    table.attrs["moved"] = [name for name, version in settings.items() if version != FIRST_RUN[name]]
    return table


def describe_versions(table: pd.DataFrame, guess: float | None = None) -> str:
    """Say what moved, how many predictions changed, and in which groups the accuracy rose or fell."""
    whole, groups = table.iloc[0], table.iloc[1:]
    moved = table.attrs["moved"]
    start = f"You moved {join_words(moved)}: " if moved else "Nothing moved: "
    change = groups["your_accuracy"] - groups["first_accuracy"]
    up, down = list(groups["group"][change > 0]), list(groups["group"][change < 0])
    text = (
        f"{start}{percent(whole['changed'])} of the predictions differ from the first run's, overall accuracy goes "
        f"from {percent(whole['first_accuracy'])} to {percent(whole['your_accuracy'])}, better for {join_words(up)}, "
        f"worse for {join_words(down)}. These predictions have the fingerprint {whole['fingerprint']}."
    )
    if guess is not None and moved == ["data"]:
        changed = groups.loc[groups["group"] == ASKED, "changed"].item()
        text += f" Of the predictions for {ASKED} {percent(changed)} differ; you guessed {guess:g} %."
    return text


def draw_versions(table: pd.DataFrame, guess: float | None = None) -> Any:
    """Draw the share of changed predictions and the accuracy before and after, group by group."""
    figure, (left, right) = new_figure(
        width=7.2,
        height=2.7,
        columns=2,
        margins={"left": 0.09, "right": 0.985, "bottom": 0.1, "top": 0.9, "wspace": 0.08},
    )
    places = np.arange(len(table))[::-1]
    left.barh(places, table["changed"] * 100, color=BLUE, height=0.55)
    limit = 1.3 * max(10, guess or 0, table["changed"].max() * 100)
    for place, share in zip(places, table["changed"] * 100, strict=True):
        # At the right edge, where neither a bar nor the guess gets to.
        left.text(limit, place, f"{share:.1f} %", fontsize=8.5, va="center", ha="right", color=INK)
    if guess is not None:
        place = places[table["group"] == ASKED].item()
        left.plot([guess, guess], [place - 0.42, place + 0.42], color=PURPLE, linestyle=":")
        label_line(left, guess, place + 0.42, f"you guessed {guess:g}", PURPLE)
    left.set(yticks=[], ylim=(-0.6, 3.9), xlim=(0, limit))
    left.xaxis.set_major_locator(MaxNLocator(4))
    # Names as texts: ticks with labels would take a third of the redraw.
    for place, group in zip(places, table["group"], strict=True):
        label_line(left, 0, place, group, xytext=(-6, 0), ha="right")
    title_axes(left, "Predictions that changed (%)", pad=6)
    for place, row in zip(places, table.itertuples(), strict=True):
        before, after = row.first_accuracy * 100, row.your_accuracy * 100
        colour = VERMILLION if after < before else INK
        right.plot([before, after], [place, place], color=colour, linewidth=1.2, zorder=1)
        # Both numbers and not their difference: that of two rounded numbers is another one.
        words = f"{before:.1f} → {after:.1f}" if f"{before:.1f}" != f"{after:.1f}" else f"{after:.1f}"
        label_line(right, max(before, after), place, words, colour, xytext=(9, 0))
    right.plot(table["first_accuracy"] * 100, places, "o", color=FAINT, markersize=7, zorder=2)
    right.plot(table["your_accuracy"] * 100, places, "D", color=BLUE, markersize=6, zorder=3)
    right.set(yticks=[], xticks=range(40, 91, 10), xlim=(40, 98), ylim=left.get_ylim())
    title_axes(right, "Accuracy (%): ● first run, ◆ yours", pad=6)
    for ax in (left, right):
        ax.grid(axis="y", visible=False)
    return figure


def accuracy_quiz() -> Quiz:
    """Return the quiz about two runs of one accuracy: it is here, so that its cell does not print the answer."""
    return Quiz(
        "Two runs report the same accuracy. What do you know?",
        right={"nothing about their single predictions": "They may err on different orders. Compare fingerprints."},
        wrong={
            "they are the same model": "Equal accuracy counts equally many errors, not the same errors.",
            "the same data was used": "Other data can give as many errors, on other orders.",
        },
    )


class FourVersionsLab(Lab):
    """Four sliders, one a kind of artefact; the first run (all at version 1) stays beside yours."""

    title = "One run, four artefacts: move one and look what else moves"
    heads = MappingProxyType(
        {
            "group": "Orders of",
            "orders": "Orders",
            "first_accuracy": "Right in the first run (share)",
            "your_accuracy": "Right in yours (share)",
            "changed": "Predictions changed (share)",
            "fingerprint": "Fingerprint of yours",
        }
    )
    question = Between(0, 100, "percent of the shoes' predictions")
    slow = True
    web = movable(code=..., data=..., model=..., config=...)

    def make_controls(self) -> dict[str, widgets.Widget]:
        return {
            name: widgets.SelectionSlider(
                options=[(f"{version}: {text}", version) for version, text in versions.items()],
                description=f"{name} version",
                continuous_update=False,
            )
            for name, versions in {
                "code": {1: "raw numbers", 2: "logarithm of the price", 3: "knows the group of goods"},
                "data": DATA,
                "model": MODEL,
                "config": {1: "threshold 0.5", 2: "threshold 0.4", 3: "train on the newest half"},
            }.items()
        }

    simulate = staticmethod(simulate_versions)
    describe = staticmethod(describe_versions)
    draw = staticmethod(draw_versions)
