"""A small assignment with 10 points in three questions, a good student's answers, and a secret in each place.

A function, a class, and a frame with an estimator. Its tests are written as people write them.
"""

from __future__ import annotations

import copy
import json
import os
from typing import Any

#: What must not come back from grading, by the place where it is planted.
SECRETS = {
    "hidden tests": "planted-in-hidden-tests-58d1",
    "source": "planted-in-source-9c40",
    "gradebook": "planted-in-gradebook-77e2",
    "another submission": "planted-in-another-submission-31ab",
    "environment": "planted-in-environment-c06f",
    "memory": "planted-in-memory-" + "e9" * 2,
    "home": "planted-in-home-4b7d",
}
#: What stands in the command line or the environment of whatever a hostile cell starts.
MARK = f"course-integrity-mark-{os.getpid()}"
THROUGH = "got through"  # printed by a cell that could do what it must not

SET_UP = """\
import random
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression


@dataclass
class Entry:
    who: str
    amount: float

    def signed(self):
        return f"{self.who}: {self.amount:+.2f}"
"""
FUNCTION = """\
def largest_mean(values, k, key=None):
    if k <= 0:
        raise ValueError("k must be positive")
    largest = sorted(values, key=key)[-k:]
    return sum(largest) / len(largest)"""
CLASS = """\
class Ledger:
    def __init__(self):
        self.entries = []

    def add(self, entry):
        self.entries.append(entry)

    def extend(self, entries):
        for entry in entries:
            self.add(entry)

    def total(self):
        return sum(entry.amount for entry in self.entries)

    def __len__(self):
        return len(self.entries)

    def by(self, who):
        return [entry for entry in self.entries if entry.who == who]

    def report(self, notes):
        for entry in self.entries:
            notes.write(entry.signed())"""
FRAME = """\
def clean(frame):
    return frame.dropna().sort_values("day").reset_index(drop=True)"""
MODEL = """\
def train(model, X, y):
    model.fit(X, y)


def build():
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=3, random_state=0)"""
HONEST = {"function": FUNCTION, "class": CLASS, "frame": FRAME, "model": MODEL}
WRONG = {
    "function": "def largest_mean(values, k, key=None):\n    return 0",
    "class": "class Ledger:\n    entries = ()\n    def add(self, entry): pass\n    def extend(self, entries): pass\n"
    "    def total(self): return 0\n    def __len__(self): return 0\n    def by(self, who): return []\n"
    "    def report(self, notes): pass",
    "frame": "def clean(frame):\n    return frame",
    "model": "def train(model, X, y):\n    pass\n\n\ndef build():\n    return None",
}

DATA = """\
spread = np.random.default_rng(4)
X = spread.normal(size=(120, 2))
y = (X[:, 0] + X[:, 1] > 0).astype(int)
"""
TESTS = {
    "function-seen": ("assert largest_mean([1, 2, 3], 2) == 2.5", 1),
    "function-hidden": (
        f'''\
for _ in range(5):
    values = [random.randint(-1000, 1000) for _ in range(8)]
    expected = sum(sorted(values)[-3:]) / 3
    assert abs(largest_mean(values, 3) - expected) < 1e-9
assert largest_mean([4, -9, 1], 1, key=lambda value: abs(value)) == -9
assert all(map(lambda k: largest_mean([7, 7, 7], k) == 7, [1, 2, 3]))
try:
    largest_mean([1], 0)
except Exception:
    pass
else:
    raise AssertionError("k = 0 is no number of values")
word = "{SECRETS["hidden tests"]}"''',
        2,
    ),
    "class-seen": (
        "ledger = Ledger()\nledger.add(Entry('ada', 2.5))\nassert len(ledger) == 1 and ledger.total() == 2.5",
        1,
    ),
    "class-hidden": (
        '''\
class Notes:
    def __init__(self):
        self.lines = []

    def write(self, line):
        self.lines.append(line)

    def text(self):
        return "; ".join(self.lines)


ledger = Ledger()
ledger.extend(Entry(who, amount) for who, amount in [("ada", 5.0), ("bob", -1.5), ("ada", 2.0)])
assert ledger.by("ada") == [Entry("ada", 5.0), Entry("ada", 2.0)]
assert ledger.by("bob")[0].signed() == "bob: -1.50"
notes = Notes()
ledger.report(notes)
assert notes.text() == "ada: +5.00; bob: -1.50; ada: +2.00"''',
        2,
    ),
    "frame-hidden": (
        """\
messy = pd.DataFrame({"day": [3, 1, 2, 9], "litres": [1.5, 2.5, np.nan, 0.5]})
expected = pd.DataFrame({"day": [1, 3, 9], "litres": [2.5, 1.5, 0.5]})
assert isinstance(clean(messy), pd.DataFrame)
assert clean(messy).equals(expected)""",
        2,
    ),
    "model-hidden": (
        f"""\
import colorsys

{DATA}model = LogisticRegression()
train(model, X[:80], y[:80])
assert model.score(X[80:], y[80:]) > 0.85
tree = build()
tree.fit(X[:80], y[:80])
assert tree.score(X[80:], y[80:]) > 0.75
assert colorsys.rgb_to_hsv(0, 0, 1)[2] == 1""",
        2,
    ),
}
POINTS = {name: points for name, (_, points) in TESTS.items()}
ORDER = (
    *("set-up", "function", "function-seen", "function-hidden", "class", "class-seen", "class-hidden"),
    *("frame", "frame-hidden", "model", "model-hidden"),
)


def _cell(name: str, source: str, **grading: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "cell_type": "code", "id": name, "metadata": {}, "source": source, "execution_count": None, "outputs": [],
    }  # fmt: skip
    if grading:
        roles = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
        made["metadata"]["nbgrader"] = roles | {"grade_id": name, "cell_type": "code"} | grading
    return made


def _notebook(cells: list[dict[str, Any]]) -> dict[str, Any]:
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def source() -> dict[str, Any]:
    """The instructor's notebook."""
    cells = []
    for name in ORDER:
        if name == "set-up":
            cells.append(_cell(name, SET_UP))
        elif name in HONEST:
            text = f"### BEGIN SOLUTION\n{HONEST[name]}\n### END SOLUTION\n# {SECRETS['source']}"
            cells.append(_cell(name, text, solution=True))
        else:
            text, points = TESTS[name]
            hidden = text if name.endswith("seen") else f"### BEGIN HIDDEN TESTS\n{text}\n### END HIDDEN TESTS"
            cells.append(_cell(name, hidden, grade=True, locked=True, points=points))
    return _notebook(cells)


def release() -> dict[str, Any]:
    """What students got."""
    made = source()
    for cell in made["cells"]:
        if cell["id"] in HONEST:
            cell["source"] = "# YOUR CODE HERE\nraise NotImplementedError()"
        elif cell["id"].endswith("hidden"):
            cell["source"] = ""
    return made


def handed_in(answers: dict[str, str], added: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    """A student's notebook: the release with answers by grade id, and cells added behind those named."""
    made = release()
    for cell in made["cells"]:
        cell["source"] = answers.get(cell["id"], cell["source"])
    for number, (after, text) in enumerate(added):
        place = next(place for place, cell in enumerate(made["cells"]) if cell["id"] == after)
        while made["cells"][place + 1 :] and made["cells"][place + 1]["id"].startswith("own-"):
            place += 1
        made["cells"].insert(place + 1, _cell(f"own-{number}", text))
    return made


def dumped(notebook: Any) -> bytes:
    return json.dumps(notebook).encode()


def changed(name: str, **fields: Any) -> dict[str, Any]:
    """The honest notebook with one cell's fields replaced."""
    made = copy.deepcopy(handed_in(HONEST))
    next(cell for cell in made["cells"] if cell["id"] == name).update(fields)
    return made
