"""The six rows of the table, each really played: one thing is done to a small program and to a model beside it.

The program computes the fee of a card payment, in whole cents. The model says whether the payment is fraud. In each row
both meet the same kind of trouble; what they answer before and after is compared, and whether they raise.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import ipywidgets as widgets
import numpy as np
import pandas as pd

from course.display import BLUE, FAINT, GREEN, INK, PURPLE, VERMILLION, ink_of, join_words, new_figure
from course.labs.cache import memory
from course.labs.lab import Lab, movable
from course.labs.what_is_mlops.silent_failure import COLUMNS, simulate_card_payments
from course.predict import Between

SAME, OTHER, ERROR = "the same answers", "other answers, no error", "an error"
NOT_YET, CLOSED = "no bet yet", "closed"


class Row(NamedTuple):
    """One row of the table: what is done to the program and to the model."""

    concern: str
    to_program: str
    to_model: str


ROWS = MappingProxyType(
    {
        "determinism": Row("Determinism", "run twice", "trained twice, no seed pinned"),
        "testing": Row("Testing", "a bug, then its unit tests", "amounts in cents, then the unit tests"),
        "failure": Row("Failure mode", "an amount is empty", "a column is empty"),
        "truth": Row("Source of truth", "rebuilt from the same commit", "trained again: same commit, newer data"),
        "works": Row("Works on my machine", "computed in float32", "a logistic regression trained in float32"),
        "cost": Row("Cost of being wrong", "a field is renamed upstream", "same payments, others are now fraud"),
    }
)


def fee_in_cents(payment: dict[str, float]) -> int:
    """Return the fee of a payment: 1.5 % of its amount, in whole cents.

    >>> fee_in_cents({"amount": 20.0})
    30
    """
    return round(payment["amount"] * 100 * 0.015)


def _fee_with_a_bug(payment: dict[str, float]) -> int:
    return round(payment["amount"] * 100 * 0.15)


def _test_fee(fee: Callable[[dict[str, float]], int]) -> None:
    if fee({"amount": 20.0}) != 30:
        raise AssertionError("a payment of 20 euro costs 30 cents")


def _test_scores(scores: np.ndarray) -> None:
    """What a unit test can say of a model: a score a payment, each between 0 and 1."""
    if not ((scores >= 0) & (scores <= 1)).all():
        raise AssertionError("a score is a number from 0 to 1")


class Outcome(NamedTuple):
    """What came of it: one of `SAME`, `OTHER`, `ERROR`; shares of answers and scores that changed, of answers wrong."""

    kind: str
    words: str = ""
    changed: float = 0.0
    scores_changed: float = 0.0
    wrong_before: float = float("nan")
    wrong_after: float = float("nan")


def compare(before: Callable[[], Any], after: Callable[[], Any], truths: tuple[Any, Any] | None = None) -> Outcome:
    """Ask before and after, and say what came of it.

    `truths` are the right answers before and after, where there are any.

    >>> compare(lambda: [1, 2], lambda: [1, 3]).kind
    'other answers, no error'
    >>> compare(lambda: 1, lambda: 1 / 0).words
    'ZeroDivisionError'
    """
    first = np.asarray(before())
    try:
        second = np.asarray(after())
    except Exception as error:  # whatever a program or a library raises is the outcome
        return Outcome(ERROR, type(error).__name__)
    changed = float((first != second).mean())
    kind = OTHER if changed else SAME
    if truths is None:
        return Outcome(kind, changed=changed)
    wrong = [float((answers != truth).mean()) for answers, truth in zip((first, second), truths, strict=True)]
    return Outcome(kind, changed=changed, wrong_before=wrong[0], wrong_after=wrong[1])


def _program(row: str, payments: pd.DataFrame) -> Outcome:
    asked = payments[["amount"]].to_dict("records")
    again: Any = asked
    fee = fee_in_cents
    if row == "testing":
        fee = _fee_with_a_bug
    elif row == "truth":
        built: dict[str, Any] = {}
        exec(inspect.getsource(fee_in_cents), built)  # the commit, built again
        fee = built["fee_in_cents"]
    elif row == "works":
        again = [{"amount": np.float32(payment["amount"])} for payment in asked]
    elif row == "failure":
        again = [{"amount": float("nan")}, *asked[1:]]
    elif row == "cost":
        again = [{"amount_eur": payment["amount"]} for payment in asked]

    def after() -> list[int]:
        if row == "testing":
            _test_fee(fee)
        return [fee(payment) for payment in again]

    return compare(lambda: [fee_in_cents(payment) for payment in asked], after)


def _model(row: str) -> Outcome:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng([3, 8])
    learned, newer, judged = (simulate_card_payments(rng, size) for size in (800, 800, 1000))
    x, truth = judged[list(COLUMNS)].to_numpy(), judged["fraud"].to_numpy()

    def trained(payments: pd.DataFrame, kind: type = np.float64, seed: int = 1) -> Any:
        # Trees compare numbers and do not add them up: of another precision they notice nothing.
        model: Any = RandomForestClassifier(15, random_state=seed)
        if row == "works":
            model = make_pipeline(StandardScaler(), LogisticRegression())
        return model.fit(payments[list(COLUMNS)].to_numpy().astype(kind), payments["fraud"])

    old = trained(learned)
    x_after, truth_after, new = x.copy(), truth, old
    if row == "determinism":
        new = trained(learned, seed=2)  # two draws that stand for "no seed"
    elif row == "testing":
        x_after[:, 0] *= 100
    elif row == "failure":
        x_after[:, 1] = np.nan
    elif row == "truth":
        new = trained(newer)
    elif row == "works":
        new, x_after = trained(learned, np.float32), x.astype(np.float32)
    else:
        # The payments look as before; a quarter of them has become the other thing.
        truth_after = np.where(rng.random(len(truth)) < 0.25, 1 - truth, truth)

    def after() -> np.ndarray:
        _test_scores(new.predict_proba(x_after))
        return new.predict(x_after)

    found = compare(lambda: old.predict(x), after, (truth, truth_after))
    if found.kind == ERROR:
        return found
    scores = [model.predict_proba(asked)[:, 1] for model, asked in ((old, x), (new, x_after))]
    return found._replace(scores_changed=float((scores[0] != scores[1]).mean()))


@memory.cache
def play_rows() -> dict[str, tuple[tuple, tuple]]:
    """Play all six rows: what came of it for the program and for the model, by row."""
    payments = simulate_card_payments(np.random.default_rng([3, 9]), 200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {row: (tuple(_program(row, payments)), tuple(_model(row))) for row in ROWS}


_played = lru_cache(maxsize=1)(play_rows)


def simulate_rows(newest: str | None = None, **bets: str) -> pd.DataFrame:
    """Play the rows that have a bet on them; one row a concern.

    `bets` are by row: what the model will do; `newest` is the row of the last bet: its concern stands in `attrs`.
    Columns: `concern`, `done_to_program`, `program` (what it did),
    `done_to_model`, `bet`, `model` (what it did; "closed" while there is no bet), `changed` and
    `scores_changed` (shares of the model's answers, yes or no, and of its scores), `wrong_before` and `wrong_after`
    (shares of the answers).
    """
    rows = []
    for name, row in ROWS.items():
        program, model = (Outcome(*outcome) for outcome in _played()[name])
        bet = bets.get(name, NOT_YET)
        nothing = Outcome(CLOSED, changed=float("nan"), scores_changed=float("nan"))
        seen = model if bet != NOT_YET else nothing
        rows.append(
            {
                "concern": row.concern,
                "done_to_program": row.to_program,
                "program": f"{program.kind}: {program.words}" if program.words else program.kind,
                "done_to_model": row.to_model,
                "bet": bet,
                "model": seen.kind,
                "changed": seen.changed,
                "scores_changed": seen.scores_changed,
                "wrong_before": seen.wrong_before,
                "wrong_after": seen.wrong_after,
            }
        )
    table = pd.DataFrame(rows)
    table.attrs["newest"] = ROWS[newest].concern if newest else None
    return table


def describe_rows(table: pd.DataFrame, guess: float | None = None) -> str:
    """Say what came of the newest bet, or of each, then of all together: the score, and who raised how often."""
    open_rows = table[table["bet"] != NOT_YET]
    errors = table["program"].str.startswith(ERROR).sum()
    start = f"The program stopped with an error in {errors} of 6 rows"
    if open_rows.empty:
        return f"{start}. No bet is placed yet: choose in a row what the model will do."
    newest = table.attrs["newest"]  # None where nobody knows which bet came last: then of every open row
    told = open_rows if newest is None else open_rows[open_rows["concern"] == newest]
    text = "".join(map(_what_came_of, told.itertuples()))
    kinds = join_words([f"{kind} in {number}" for kind, number in open_rows["model"].value_counts(sort=False).items()])
    right = (open_rows["bet"] == open_rows["model"]).sum()
    stopped = (open_rows["model"] == ERROR).sum()
    text += f"Open rows: {len(open_rows)} of 6; the model: {kinds}. Bets that hold: {right} of {len(open_rows)}."
    text += f" {start}, the model in {stopped} of {len(open_rows)} so far"
    return text + (f"; you guessed {guess:g} of 6." if guess is not None else ".")


def _what_came_of(row: Any) -> str:
    said = f"{row.concern}: program ({row.done_to_program}), {row.program}; model ({row.done_to_model}), {row.model}"
    if row.model == OTHER:
        said += f" in {_percent(row.changed)} of the payments"
    elif row.model == SAME and row.scores_changed:
        said += f", yes or no, though {_percent(row.scores_changed)} of the scores differ in some decimal"
    if row.model != ERROR:
        said += f", wrong {_percent(row.wrong_before)} before and {_percent(row.wrong_after)} after"
    return f"{said}. "


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def draw_rows(table: pd.DataFrame, guess: float | None = None) -> Any:
    """Draw the table with what came of it: the program, your bet, the model and its wrong answers."""
    figure, (ax,) = new_figure(width=7.2, height=3.9)
    figure.set_layout_engine("none")  # a table of fixed columns: there is nothing to lay out
    ax.set_position((0, 0, 1, 1))
    ax.set(xlim=(0, 100), ylim=(-0.6, 6.3))
    ax.axis("off")
    for x, head in ((1, "Concern"), (23, "Program"), (50, "Your bet"), (69, "Model")):
        ax.text(x, 5.85, head, fontsize=9, weight="bold", color=INK)
    for place, row in zip(range(5, -1, -1), table.itertuples(), strict=True):
        ax.axhline(place + 0.52, color="#e6e8eb", linewidth=0.8)
        ax.text(1, place, row.concern, fontsize=9, va="center")
        ax.text(23, place + 0.2, f"{row.done_to_program}:", fontsize=8.5, va="center", color=INK)
        loud = row.program.startswith(ERROR)
        ax.text(23, place - 0.22, row.program, fontsize=8.5, va="center", color=ink_of(BLUE if loud else GREEN))
        ax.text(50, place, row.bet.replace(", ", ",\n"), fontsize=8.5, va="center", color=ink_of(PURPLE))
        if row.bet == NOT_YET:
            ax.text(69, place, "?", fontsize=9, va="center", color=ink_of(FAINT))
            continue
        words = f"other answers ({_percent(row.changed)}), no error" if row.model == OTHER else row.model
        ax.text(69, place + 0.2, words, fontsize=8.5, va="center", color=ink_of(_colour(row)))
        if row.model != ERROR:
            words = f"wrong: {_percent(row.wrong_before)} → {_percent(row.wrong_after)}"
            if row.model == SAME and row.scores_changed:
                words = f"wrong: {_percent(row.wrong_after)}, other scores: {_percent(row.scores_changed)}"
            ax.text(69, place - 0.22, words, fontsize=8.5, va="center", color=ink_of(_colour(row)))
        if row.bet == row.model:
            ax.text(67.5, place, "✓", fontsize=10, va="center", ha="right", color=ink_of(GREEN))
    return figure


def _colour(row: Any) -> str:
    """What it does to whoever relies on the answers: loud, silently worse, or no worse than before."""
    if row.model == ERROR:
        return BLUE
    return VERMILLION if row.wrong_after > row.wrong_before else GREEN


class SixRowsLab(Lab):
    """The table itself: place a bet in a row, and the row is played."""

    title = "Six rows: what the program did is shown; bet on what the model does"
    heads = MappingProxyType(
        {
            "concern": "Concern",
            "done_to_program": "Done to the program",
            "program": "Program",
            "done_to_model": "Done to the model",
            "bet": "Your bet",
            "model": "Model",
            "changed": "Answers changed (share)",
            "scores_changed": "Scores changed (share)",
            "wrong_before": "Wrong before (share)",
            "wrong_after": "Wrong after (share)",
        }
    )
    question = Between(0, 6, "rows in which the model stops with an error")
    web = movable(determinism=..., failure=..., cost=...)
    _newest: str | None = None

    def make_controls(self) -> dict[str, widgets.Widget]:
        return {
            name: widgets.Dropdown(
                options=[NOT_YET, SAME, OTHER, ERROR], value=NOT_YET, description=f"{row.concern}: {row.to_model}"
            )
            for name, row in ROWS.items()
        }

    def _on_change(self, change: Any) -> None:
        self._newest = next(name for name, control in self.controls.items() if control is change["owner"])
        super()._on_change(change)

    def simulate(self, **bets: str) -> pd.DataFrame:
        return simulate_rows(self._newest, **bets)

    describe = staticmethod(describe_rows)
    draw = staticmethod(draw_rows)
