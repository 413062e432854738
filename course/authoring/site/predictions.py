"""The form in which a reader commits to a prediction, for each kind of prediction that the course asks for."""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import singledispatch
from typing import Any

from course.errors import CourseError
from course.labs.what_is_mlops.funnel import FallingPercents
from course.predict import Among, Between


@singledispatch
def fields_html(question: Any, name: str) -> str:
    """Return the fields of the form; `name` makes their ids unique on a page.

    Raises CourseError for a kind of prediction that has no form yet.
    """
    raise CourseError(
        f"the web edition has no form for predictions of the kind {type(question).__name__}; "
        "register one in course/authoring/site/predictions.py, and its check in static/explore.js"
    )


@fields_html.register
def _(question: Between, name: str) -> str:
    label = f"A number from {question.low:g} to {question.high:g} ({question.unit})"
    return _number(f"{name}-0", label, question.low, question.high)


@fields_html.register
def _(question: Among, name: str) -> str:
    return "".join(
        f'<label class="choice"><input type="radio" name="{name}-0" value="{html.escape(choice)}"> '
        f"{html.escape(choice)}</label>"
        for choice in question.choices
    )


@fields_html.register
def _(question: FallingPercents, name: str) -> str:
    return "".join(_number(f"{name}-{place}", f"{step}, percent", 0, 100) for place, step in enumerate(question.steps))


def _number(name: str, label: str, low: float, high: float) -> str:
    return (
        f'<label class="number" for="{name}">{html.escape(label)}</label>'
        f'<input type="number" id="{name}" min="{low:g}" max="{high:g}" step="any" inputmode="decimal">'
    )


@singledispatch
def kind_of(question: Any) -> Mapping[str, Any]:
    """Return what the page's script needs to check a prediction as `problem` of that kind does."""
    raise CourseError(f"the web edition cannot check predictions of the kind {type(question).__name__}")


@kind_of.register
def _(question: Between) -> Mapping[str, Any]:
    return {"kind": "between", "low": question.low, "high": question.high, "unit": question.unit}


@kind_of.register
def _(question: Among) -> Mapping[str, Any]:
    return {"kind": "among"}


@kind_of.register
def _(question: FallingPercents) -> Mapping[str, Any]:
    return {"kind": "falling", "low": 0, "high": 100, "unit": "percent of all", "steps": question.steps}
