"""The four artefacts of a training run, as things to hold in the hand: for section 2's exercises."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd


class Artefacts(NamedTuple):
    """What an ML engineer ships: text, a frame, the trained weights, settings."""

    code: str
    data: pd.DataFrame
    model: np.ndarray
    config: dict[str, Any]


def sample_artefacts(seed: int) -> Artefacts:
    """Return the artefacts of one small run; the same seed gives equal ones, other seeds others.

    `data` has the columns customer (text), orders (int), spent (euro), came_back (bool); `model` is one weight a
    feature (float64); `config` holds text, numbers, a truth value, None, a list and a nested dict.

    >>> sample_artefacts(1).config == sample_artefacts(1).config
    True
    """
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(5, 9))
    limit = int(rng.integers(2, 9))
    data = pd.DataFrame(
        {
            "customer": [f"c{number:03d}" for number in rng.choice(1000, rows, replace=False)],
            "orders": rng.integers(1, 30, rows),
            "spent": np.round(rng.gamma(2, 40, rows), 2),
            "came_back": rng.random(rows) < 0.5,
        }
    )
    return Artefacts(
        code=f"def features(orders):\n    return orders.clip(upper={limit})\n",
        data=data,
        model=rng.normal(size=3),
        config={
            "threshold": round(float(rng.uniform(0.1, 0.9)), 2),
            "rounds": int(rng.integers(1, 100)),
            "balanced": bool(rng.random() < 0.5),
            "stop_after": None,
            "columns": ["orders", "spent"],
            "solver": {"name": "lbfgs", "tolerance": 10.0 ** -int(rng.integers(2, 7))},
        },
    )
