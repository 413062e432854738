"""The same empty column goes into two models: one stops, one answers.

The bank's models say which card payments are fraud. Both were trained on whole rows; then a column begins to arrive
empty. What each model does about it is its library's doing, and really happens here.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import ipywidgets as widgets
import numpy as np
import pandas as pd

from course.display import BLUE, FAINT, VERMILLION, label_line, new_figure, title_axes
from course.labs.lab import Lab, movable

COLUMNS = ("amount", "distance_km", "minutes_since_last", "hour")
BOOSTING, LOGISTIC = "gradient boosting", "logistic regression"


def simulate_card_payments(rng: np.random.Generator, size: int) -> pd.DataFrame:
    """Return payments: amount (euro), distance_km (from home), minutes_since_last (payment), hour, fraud (0 or 1).

    Four in ten are fraud, far more than in life, so that accuracy says something.

    >>> list(simulate_card_payments(np.random.default_rng(1), 2))
    ['amount', 'distance_km', 'minutes_since_last', 'hour', 'fraud']
    """
    fraud = rng.random(size) < 0.4
    return pd.DataFrame(
        {
            "amount": np.exp(rng.normal(np.where(fraud, 4.6, 3.7), 0.8, size)),
            "distance_km": rng.gamma(2, np.where(fraud, 40, 6), size),
            "minutes_since_last": rng.gamma(1.5, np.where(fraud, 60, 400), size),
            "hour": rng.integers(0, 24, size),
            "fraud": fraud.astype(int),
        }
    )


class TrainingSet(NamedTuple):
    """Payments as arrays: to learn from, with labels (1 is fraud), and new ones to be judged, with theirs."""

    features: np.ndarray
    labels: np.ndarray
    new_features: np.ndarray
    new_labels: np.ndarray


def sample_training_set(seed: int) -> TrainingSet:
    """Return 240 payments to learn from and 120 new ones; a row holds the four numbers of `COLUMNS`.

    The same seed gives equal arrays.

    >>> sample_training_set(1).features.shape
    (240, 4)
    """
    rng = np.random.default_rng([3, seed])
    learned, new = simulate_card_payments(rng, 240), simulate_card_payments(rng, 120)
    arrays = [(table[list(COLUMNS)].to_numpy(dtype=float), table["fraud"].to_numpy()) for table in (learned, new)]
    return TrainingSet(*arrays[0], *arrays[1])


def silent_model() -> tuple[Any, pd.DataFrame]:
    """Return the gradient boosting of the laboratory, and 1,000 whole payments for it to judge.

    Its `predict` takes an array of the four columns, in the order of `COLUMNS`.
    """
    models, judged = _trained()
    return models[BOOSTING], judged[list(COLUMNS)].astype(float)


@lru_cache(maxsize=1)
def _trained() -> tuple[dict[str, Any], pd.DataFrame]:
    """The two models, the logistic regression with and without a filler, and the payments to judge them by."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(3)
    learned, judged = simulate_card_payments(rng, 1500), simulate_card_payments(rng, 1000)
    models = {
        BOOSTING: HistGradientBoostingClassifier(max_iter=25, max_leaf_nodes=8, random_state=0),
        LOGISTIC: make_pipeline(StandardScaler(), LogisticRegression()),
        "filled": make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression()),
    }
    for model in models.values():
        model.fit(learned[list(COLUMNS)].to_numpy(), learned["fraud"])
    return models, judged


def simulate_silence(column: str, share: int, filler: bool) -> pd.DataFrame:
    """Empty `share` percent of one column and ask both models; one row a model.

    With `filler` the logistic regression has its gaps filled with the column's median first. Columns: `model`,
    `right_before` and `right_after` (percent; missing where the model stopped), `answers_changed` (percent),
    `said` (the error, or "nothing").
    """
    models, judged = _trained()
    truth, whole = judged["fraud"].to_numpy(), judged[list(COLUMNS)].to_numpy(dtype=float)
    empty = whole.copy()
    order = np.random.default_rng(5).permutation(len(whole))
    empty[order[: round(share / 100 * len(whole))], COLUMNS.index(column)] = np.nan
    rows = []
    for name in (BOOSTING, LOGISTIC):
        model = models["filled" if filler and name == LOGISTIC else name]
        before = model.predict(whole)
        row = {
            "model": f"{name} with filler" if filler and name == LOGISTIC else name,
            "right_before": 100 * float((before == truth).mean()),
            "right_after": float("nan"),
            "answers_changed": float("nan"),
            "said": "nothing",
        }
        try:
            after = model.predict(empty)
        except ValueError as error:
            row["said"] = f"{type(error).__name__}: {str(error).splitlines()[0].rstrip('.')}"
        else:
            row["right_after"] = 100 * float((after == truth).mean())
            row["answers_changed"] = 100 * float((after != before).mean())
        rows.append(row)
    table = pd.DataFrame(rows)
    table.attrs |= {"column": column, "share": share}
    return table


def describe_silence(table: pd.DataFrame, guess: None = None) -> str:
    """Say of each model whether it stopped, with which words, or how much worse it got without any."""
    sentences = [f"{table.attrs['column']} is empty in {table.attrs['share']} % of the payments."]
    for row in table.itertuples():
        name = row.model[0].upper() + row.model[1:]
        if row.said != "nothing":
            sentences.append(f"{name} stops: {row.said}.")
        else:
            sentences.append(
                f"{name} answers every payment without a word: {row.right_before:.1f} % right before, "
                f"{row.right_after:.1f} % after."
            )
    return " ".join(sentences)


def draw_silence(table: pd.DataFrame, guess: None = None) -> Any:
    """Draw what was right before and after as bars, or the error in the place of the second bar."""
    figure, (ax,) = new_figure(
        width=7.2, height=2.3, margins={"left": 0.175, "right": 0.99, "bottom": 0.115, "top": 0.89}
    )
    for place, row in zip((1, 0), table.itertuples(), strict=True):
        ax.barh(place + 0.2, row.right_before, height=0.34, color=FAINT)
        label_line(ax, row.right_before, place + 0.2, f"{row.right_before:.1f} % before")
        if row.said == "nothing":
            ax.barh(place - 0.2, row.right_after, height=0.34, color=BLUE)
            label_line(ax, row.right_after, place - 0.2, f"{row.right_after:.1f} % after, not a word", BLUE)
        else:
            label_line(ax, 0, place - 0.2, f"stops. {row.said}", VERMILLION, weight="bold")
    ax.set_yticks([1, 0], [name.replace(" with", "\nwith") for name in table["model"]])
    ax.set(xlim=(0, 135), ylim=(-0.5, 1.5), xticks=range(0, 101, 20))
    ax.grid(axis="y", visible=False)
    title_axes(ax, f"Payments judged right (%), {table.attrs['column']} empty in {table.attrs['share']} %")
    return figure


class SilentFailureLab(Lab):
    """Choose the column that turns to NaN, in how many rows, and whether a filler hides it from the loud model."""

    title = "The same empty column goes into two models"
    heads = MappingProxyType(
        {
            "model": "Model",
            "right_before": "Right before (%)",
            "right_after": "Right after (%)",
            "answers_changed": "Answers changed (%)",
            "said": "It said",
        }
    )
    web = movable(column=..., share=..., filler=...)

    def make_controls(self) -> dict[str, widgets.Widget]:
        return {
            "column": widgets.Dropdown(options=COLUMNS, value="distance_km", description="Column that turns to NaN"),
            "share": widgets.IntSlider(
                value=100, min=0, max=100, step=10, description="In percent of the rows", continuous_update=False
            ),
            "filler": widgets.Checkbox(
                value=False, description="Fill gaps with the median before the logistic regression"
            ),
        }

    simulate = staticmethod(simulate_silence)
    describe = staticmethod(describe_silence)
    draw = staticmethod(draw_silence)
