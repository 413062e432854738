"""Submissions that are unusual and right: they lose nothing."""

from __future__ import annotations

from typing import Any

import course_specimen as specimen
from probing import Sample

HONEST = specimen.HONEST
NOTEBOOK = specimen.handed_in(HONEST)
GOOD = specimen.dumped(NOTEBOOK)


def right(name: str, gate: str = "", answers: dict[str, str] | None = None, **more: Any) -> Sample:
    if "raw" not in more and "place" not in more:
        more["answers"] = HONEST | (answers or {})
    return Sample(name, "honest", deserved=10, proof="nothing", gate=gate, **more)


def _renamed(folder: Any) -> None:
    (folder / "HW (1).IPYNB").write_bytes(GOOD)


def _copied() -> bytes:
    made = specimen.handed_in(HONEST)
    made["cells"].insert(3, made["cells"][2])
    return specimen.dumped(made)


def _without_tests() -> bytes:
    made = specimen.handed_in(HONEST)
    made["cells"] = [cell for cell in made["cells"] if cell["id"] != "class-seen"]
    return specimen.dumped(made)


UNUSUAL = [
    right("as the reference", gate="AB"),
    right("numpy's scalars", answers={"function": "def largest_mean(values, k, key=None):\n    if k <= 0: raise ValueError\n"
          "    return np.mean(sorted(values, key=key)[-k:])"}, gate="A"),
    right("a subclass of a float", answers={"function": "class Mean(float): pass\n" + HONEST["function"].replace(
          "return sum(largest) / len(largest)", "return Mean(sum(largest) / len(largest))")}),
    right("a subclass of the set-up's class", answers={"class": "class Line(Entry):\n    pass\n\n" + HONEST["class"]}),
    right("a subclass of a frame", answers={"frame": "class Tidy(pd.DataFrame): pass\n" + HONEST["frame"].replace(
          "return frame", "return Tidy(frame)").replace("Tidy(frame).dropna()", "Tidy(frame.dropna()").replace(
          "drop=True)", "drop=True))")}),
    right("a subclass of an estimator", answers={"model": "from sklearn.tree import DecisionTreeClassifier\n"
          "class Tree(DecisionTreeClassifier):\n    pass\n" + HONEST["model"].replace(
              "return DecisionTreeClassifier", "return Tree")}, gate="A"),
    right("a pipeline", answers={"model": "def train(model, X, y):\n    model.fit(X, y)\ndef build():\n"
          "    from sklearn.pipeline import make_pipeline\n    from sklearn.preprocessing import StandardScaler\n"
          "    return make_pipeline(StandardScaler(), LogisticRegression())"}, gate="A"),
    right("an estimator nobody thought of", answers={"model": "def train(model, X, y):\n    model.fit(X, y)\ndef build():\n"
          "    from sklearn.neighbors import KNeighborsClassifier\n    return KNeighborsClassifier(5)"}, gate="B"),
    right("helper cells", added=(("set-up", "def mean(v): return sum(v) / len(v)"), ("function", "largest_mean([1], 1)")),
          answers={"function": HONEST["function"].replace("sum(largest) / len(largest)", "mean(largest)")}, gate="A"),
    right("more imports in the set-up cell", raw=specimen.dumped(specimen.changed(
          "set-up", source=specimen.SET_UP + "\nimport math, statistics")), gate="A"),
    right("warnings", added=(("set-up", "import warnings\nwarnings.warn('careful')\nnp.array([1.0]) / 0"),)),
    right("words on stderr", added=(("set-up", "import sys\nprint('careful', file=sys.stderr)"),)),
    right("a plot", added=(("frame", "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"),), gate="A"),
    right("a widget", added=(("frame", "import ipywidgets\nipywidgets.IntSlider()"),)),
    right("threads", answers={"class": HONEST["class"].replace("self.entries.append(entry)",
          "import threading\n        t = threading.Thread(target=self.entries.append, args=(entry,))\n"
          "        t.start(); t.join()")}, gate="B"),
    right("long training", answers={"model": HONEST["model"].replace("    model.fit(X, y)", "    import time\n    time.sleep(2.5)\n"
          "    model.fit(X, y)")}),
    right("its own dice", answers={"function": HONEST["function"].replace("    largest =", "    random.seed(4)\n    "
          "random.random()\n    np.random.seed(1)\n    largest =")}, gate="A"),
    right("an attribute on a class of ours", answers={"class": HONEST["class"].replace("self.entries.append(entry)",
          "entry.number = len(self.entries)\n        self.entries.append(entry)")}, gate="A"),
    right("a copied cell", raw=_copied(), gate="A"),
    right("a deleted tests cell", raw=_without_tests(), gate="A"),
    right("exit at the end", added=(("model-hidden", "exit()"),), gate="A"),
    right("sys.exit in the middle", added=(("frame", "import sys\nsys.exit(0)"),)),
    right("a renamed file", place=_renamed, gate="A"),
    right("a byte order mark", raw=b"\xef\xbb\xbf" + GOOD),
    right("latin-1", raw=GOOD.replace(b"def clean", b"# caf\xe9\\ndef clean"), gate="B"),
    right("a magic and a shell's line", added=(("set-up", "%matplotlib inline\n!ls > /dev/null\n%time x = 3"),)),
    right("files beside it", files={"mine.py": b"def mean(v): return sum(v) / len(v)", "d/x.csv": b"a\n1\n"},
          added=(("set-up", "import mine\npd.read_csv('d/x.csv')"),),
          answers={"function": HONEST["function"].replace("sum(largest) / len(largest)", "mine.mean(largest)")}, gate="A"),
    right("annotations and a decorator", answers={"function": "import functools\n@functools.lru_cache(None)\n"
          "def three(): return 3\n" + HONEST["function"].replace("values, k, key=None", "values: list, k: int, key=None")}),
    right("a dataclass for the ledger", answers={"class": "from dataclasses import dataclass, field\n@dataclass\n"
          + HONEST["class"].replace("    def __init__(self):\n        self.entries = []",
                                    "    entries: list = field(default_factory=list)")}),
]  # fmt: skip
