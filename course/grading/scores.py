"""A tests cell's score, from what was seen: no evidence, no points.

nbgrader reads a score from a notebook's outputs, so that a cell which never ran earns everything and one warning
costs everything. Here a cell earns only when its result says that it ran to its end and passed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from course.grading.records import Cell, CellResult

#: How numpy 2 writes a scalar: a test that ends in `np.float64(0.5)` means half a point.
NUMPY_SCALAR = re.compile(r"(?:np|numpy)\.\w+\((?P<number>[^()]*)\)")

WAITS_FOR_A_PERSON = "This could not be graded by machine, and a person will look at it."


@dataclass(frozen=True)
class Mark:
    """What goes into the gradebook for one graded cell."""

    auto_score: float | None  # in points; None: a person has to say
    needs_person: bool = False
    reason: str = ""  # why a person has to look, in words a student understands


def partial_credit(outputs: Iterable[Mapping[str, Any]], points: float) -> float:
    """Return what a passed tests cell earns, in points: the number it ends in, else everything.

    The number is clipped to 0…`points`; one that is not finite earns nothing. nbgrader gives everything for a
    number below zero and ends with an error above the most; its rule for anything that is no number, full points,
    is kept.

    >>> partial_credit([{"output_type": "execute_result", "data": {"text/plain": "1.5"}}], 2)
    1.5
    >>> partial_credit([{"output_type": "stream", "name": "stderr", "text": "a warning"}], 2)
    2.0
    """
    for output in outputs:
        if output.get("output_type") == "execute_result":
            number = _number(output.get("data", {}).get("text/plain", ""))
            return float(points) if number is None else clipped(number, points)
    return float(points)


def clipped(number: float, points: float) -> float:
    """Return a number of points within 0…`points`; 0 for one that is not finite.

    >>> clipped(3, 2), clipped(-1, 2), clipped(float("nan"), 2)
    (2.0, 0.0, 0.0)
    """
    return min(max(float(number), 0.0), float(points)) if math.isfinite(number) else 0.0


def mark_tests(cell: Cell, result: CellResult | None) -> Mark:
    """Return what a tests cell earns.

    Without a result, or with one that says it never ran, it earns nothing and waits for a person.
    """
    if result is None:
        return Mark(0.0, needs_person=True, reason=f"{cell.name}: no result. {WAITS_FOR_A_PERSON}")
    if result.state == "passed":
        if result.score is not None:
            return Mark(clipped(result.score, cell.points))
        return Mark(partial_credit(result.outputs, cell.points))
    if result.state == "unseen":
        why = result.message or "it did not run"
        return Mark(0.0, needs_person=True, reason=f"{cell.name}: {why}. {WAITS_FOR_A_PERSON}")
    return Mark(0.0)


def _number(text: Any) -> float | None:
    if isinstance(text, list | tuple):
        if len(text) != 1:
            return None
        text = text[0]
    text = str(text).strip()
    scalar = NUMPY_SCALAR.fullmatch(text)
    try:
        return float(scalar["number"] if scalar else text)
    except ValueError:
        return None
