"""What cells and tests usually do, done in the warm process before it forks.

Python looks code up, compiles it and adapts it to what it meets the first times that it runs, and each page of memory
that this writes to has to be copied in a fork. Every tests cell meets a fork: the first small forest that it has fitted
took 18 ms more than the second, and takes 7 ms more after this; some of pandas' methods took 16, and take 13.

Nothing of it is left to be seen: no names, no dice thrown, no warnings.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course.grading.dice import get_chance, set_chance

#: Python 3.11 adapts what has run eight times.
TIMES = 10


def practise() -> None:
    """Do what can be done with the libraries that are imported, and has not been done in this process."""
    new = [module for module in PRACTICE if (not module or module in sys.modules) and module not in _practised]
    if not new:
        return
    _practised.update(new)
    chance = get_chance()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in dict.fromkeys([*new, ""]):  # what crosses the wall is made of them
            for _ in range(TIMES):
                with contextlib.suppress(Exception):  # what fails here fails in its cell again, and is seen
                    PRACTICE[module]()
    set_chance(chance)


def _arrays() -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(60, 4))
    numbers[numbers > 2] = np.nan
    shares = np.where(np.isnan(numbers), 0.0, numbers).mean(axis=0)
    order = np.argsort(shares)
    _ = np.array_equal(shares[order], np.sort(shares)), float(np.nanmedian(numbers)), shares.round(3).tolist()
    _ = rng.permutation(60)[:5], rng.random(5), rng.integers(0, 9, 5), np.unique(order), np.concatenate([order, order])
    _ = random.random(), random.sample(range(9), 3), np.random.rand(3), np.random.normal(size=3)


def _frames() -> None:
    import numpy as np
    import pandas as pd

    frame = pd.DataFrame({"a": np.arange(60.0), "b": np.arange(60) % 3, "c": ["one", "two", "three"] * 20})
    frame["d"] = frame["a"] * 2
    frame.loc[frame["b"] == 1, "a"] = np.nan
    _ = frame.isna().mean(), frame[["a", "d"]].describe(), frame["c"].value_counts(), frame.groupby("b")["d"].mean()
    _ = frame.sort_values("d", ascending=False).head(3), frame.merge(frame[["b", "c"]].drop_duplicates(), on="b")
    _ = frame.assign(e=frame["d"].clip(upper=9)).drop(columns="a").iloc[1:5], frame.median(numeric_only=True).idxmax()
    _ = pd.concat([frame, frame]).reset_index(drop=True), frame.to_dict("records")[:1], frame["d"].to_numpy().sum()
    _ = [row.d for row in frame.head(2).itertuples()], list(frame.head(2).iterrows()), repr(frame.head(2))
    _ = frame.copy().equals(frame), frame["c"].isin(["one"]).any(), frame["d"].between(1, 9).all(), frame.dtypes


def _models() -> None:
    import numpy as np
    from sklearn.base import clone
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = np.random.default_rng(0).normal(size=(40, 3))
    labels = (features[:, 0] > 0).astype(int)
    seen, held_out, seen_labels, true = train_test_split(features, labels, random_state=0)
    for model in (RandomForestClassifier(3, random_state=0), make_pipeline(StandardScaler(), LogisticRegression())):
        fitted = clone(model).fit(seen, seen_labels)
        _ = accuracy_score(true, fitted.predict(held_out)), fitted.predict_proba(held_out), fitted.score(held_out, true)


class _Echo:
    """Both ends of a line, in one process: what is asked is answered at once."""

    def __init__(self) -> None:
        self.server: Any = None
        self._answers: list[tuple[Any, list[bytearray]]] = []

    def send(self, message: Any, buffers: Any = (), seconds: float | None = None) -> None:
        copied = json.loads(json.dumps(message)), [bytearray(buffer) for buffer in buffers]
        if "op" in message:
            self.server._answer(*copied)
        else:
            self._answers.append(copied)

    def receive(self, *_: Any) -> tuple[Any, list[bytearray]]:
        return self._answers.pop()


@contextlib.contextmanager
def _asker(names: dict[str, Any]) -> Iterator[Any]:
    from course.grading import student_side
    from course.grading.files import Folder
    from course.grading.proxies import Asker

    line, nowhere = _Echo(), Folder(Path("/nowhere"))
    line.server = student_side.Server(line, names, nowhere)
    try:
        yield Asker(line, nowhere, {})
    finally:
        student_side._server = None


def _crossing() -> None:
    def answer(*arguments: Any) -> Any:
        print("called")
        return arguments[0] if arguments else {"one": [1, 2.5, "three", None, (True,)]}

    def fails() -> None:
        raise ValueError("as it should")

    values: list[Any] = [3, "words", [1, 2], {"a": 1}, (1, 2)]
    if numpy := sys.modules.get("numpy"):
        values += [numpy.arange(300.0), numpy.float64(1.5)]
    pandas = sys.modules.get("pandas")
    if pandas is not None and hasattr(pandas, "DataFrame"):
        frame = pandas.DataFrame({"a": range(200), "b": ["x", "y"] * 100, "c": [0.5] * 200})
        values += [frame, [frame.head(100), frame.tail(100)], frame["a"], frame["a"].mean()]
    with contextlib.redirect_stdout(io.StringIO()), _asker({"f": answer, "fails": fails, "n": 3}) as asker:
        found = asker.names(frozenset({"f", "fails", "n"}))
        found["f"]()
        for value in values:
            found["f"](value)
            found["f"]("words", value)
        with contextlib.suppress(ValueError):
            found["fails"]()


#: By the module that it is done with.
PRACTICE = {"numpy": _arrays, "pandas": _frames, "sklearn.ensemble": _models, "": _crossing}
_practised: set[str] = set()
