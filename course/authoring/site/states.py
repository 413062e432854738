"""What a laboratory shows in each of its settings, computed before anybody asks.

A page cannot run Python. So the controls that a laboratory declares as `web` are moved here, through all their
values, with the laboratory's own `simulate`, `describe` and `draw`; the page only switches between what came of it.
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from course.display import TableTexts, table_texts
from course.errors import CourseError
from course.labs.lab import Lab, dying_young
from course.predict import Among, Between

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_STATES = 200  # a laboratory
COLOURS = 48  # of a picture: more than any laboratory uses, with the greys between ink and paper

#: Stand around the number of a field of the form, where a sentence takes a guess up.
OPEN, CLOSE = "\ue000", "\ue001"


@dataclass(frozen=True)
class Control:
    """A control as a page has it: `kind` is "range", "select" or "checkbox", `start` the place of the default."""

    name: str
    label: str
    kind: str
    values: tuple[Any, ...]
    texts: tuple[str, ...]
    start: int


@dataclass(frozen=True)
class State:
    """What is shown in one setting.

    `guessed` is the sentence for those who predicted: a template with the fields of the form between `OPEN` and
    `CLOSE`, a sentence a choice where the prediction is a choice, None where it does not take the guess up, or
    does so in a way that only Python can compute.
    """

    picture: bytes
    size: tuple[int, int]
    sentence: str
    guessed: str | Mapping[str, str] | None
    table: TableTexts


@dataclass(frozen=True)
class Explorable:
    """A laboratory with its controls and states; a state's key are the places of its values, in order."""

    lab: type[Lab]
    controls: tuple[Control, ...]
    states: Mapping[tuple[int, ...], State]

    @property
    def start(self) -> tuple[int, ...]:
        """The key of the state in which the laboratory opens."""
        return tuple(control.start for control in self.controls)


def controls_of(lab: type[Lab], most_values: int | None = None) -> tuple[Control, ...]:
    """Return what of a laboratory can be moved on a page.

    With `most_values` no control keeps more than so many, and only the first two controls move: a build for checks.
    Raises CourseError when the declaration names a control or a value that the laboratory does not have, leaves a
    control's default out, or asks for more than `MOST_STATES` states.
    """
    declared = lab.web or {}
    made = lab.make_controls(lab.__new__(lab))
    unknown = sorted(declared.keys() - made.keys())
    if unknown:
        raise CourseError(f"{lab.__name__}.web names {unknown}; its controls are {sorted(made)}")
    controls = tuple(_control(lab, name, made[name], wanted) for name, wanted in declared.items())
    number = math.prod(len(control.values) for control in controls)
    if number > MOST_STATES:
        raise CourseError(
            f"{lab.__name__}.web asks for {number} states; a page has room for {MOST_STATES}: "
            "declare fewer controls, or fewer values of them"
        )
    if most_values is None:
        return controls
    return tuple(_thinned(control, most_values) for control in controls[:2])


def _control(lab: type[Lab], name: str, widget: widgets.Widget, wanted: Any) -> Control:
    every, texts, kind = range_of(widget)
    values = every if wanted is ... else tuple(wanted)
    strange = [value for value in values if value not in every]
    if strange:
        raise CourseError(f"{lab.__name__}.web: {name} cannot be {strange}; it can be {list(every)}")
    if widget.value not in values:
        raise CourseError(f"{lab.__name__}.web: the values of {name} lack its default, {widget.value!r}")
    said = dict(zip(every, texts, strict=True))
    return Control(
        name, widget.description, kind, values, tuple(said[value] for value in values), values.index(widget.value)
    )


def range_of(widget: widgets.Widget) -> tuple[tuple[Any, ...], tuple[str, ...], str]:
    """All values of a widget, their words, and the kind of control that a page has for it."""
    if isinstance(widget, widgets.Checkbox):
        return (False, True), ("no", "yes"), "checkbox"
    if hasattr(widget, "options"):
        pairs = [option if isinstance(option, tuple) else (str(option), option) for option in widget.options]
        kind = "range" if isinstance(widget, widgets.SelectionSlider) else "select"
        return tuple(value for _, value in pairs), tuple(text for text, _ in pairs), kind
    steps = round((widget.max - widget.min) / widget.step)
    values = tuple(type(widget.value)(widget.min + place * widget.step) for place in range(steps + 1))
    return values, tuple(f"{value:g}" for value in values), "range"


def _thinned(control: Control, most: int) -> Control:
    """The same control with its default and the values that lie furthest from it."""
    places = sorted(range(len(control.values)), key=lambda place: (place != control.start, -abs(place - control.start)))
    kept = sorted(places[:most])
    return Control(
        control.name,
        control.label,
        control.kind,
        tuple(control.values[place] for place in kept),
        tuple(control.texts[place] for place in kept),
        kept.index(control.start),
    )


def keys_of(controls: Sequence[Control]) -> list[tuple[int, ...]]:
    """Return the key of every state."""
    return list(itertools.product(*(range(len(control.values)) for control in controls)))


def states_of(lab: type[Lab], controls: Sequence[Control], keys: Sequence[tuple[int, ...]]) -> list[State]:
    """Return the states with these keys; what is not moved keeps its default."""
    opened = lab(...)  # a laboratory with a question waits, and computes nothing yet
    states = []
    for key in keys:
        moved = {control.name: control.values[place] for control, place in zip(controls, key, strict=True)}
        table = opened.simulate(**opened.settings | moved)
        sentence = opened.describe(table, None)
        if not sentence.strip():
            raise CourseError(f"{lab.__name__} says nothing at {moved}: a picture needs its words")
        shown = table_texts(opened.numbers(table), opened.caption)
        with dying_young():
            picture, size = packed(opened.draw(table, None))
        states.append(State(picture, size, sentence, guessed(opened, table, sentence), shown))
    return states


def packed(figure: Figure) -> tuple[bytes, tuple[int, int]]:
    """Return a picture as lossless WebP of few colours, and its size in pixels; a third of what PNG takes."""
    from PIL import Image

    from course.labs.canvas import draw_on_canvas

    size, pixels = draw_on_canvas(figure)
    picture = Image.frombuffer("RGBA", size, pixels, "raw", "RGBA", 0, 1).convert("RGB")
    few = picture.quantize(COLOURS, dither=Image.Dither.NONE).convert("RGB")
    buffer = io.BytesIO()
    few.save(buffer, format="webp", lossless=True, quality=60, method=2)
    return buffer.getvalue(), size


class Field(float):
    """A guessed number that leaves its place in a sentence instead of its digits.

    >>> f"You guessed {Field(0, 40):g} %.".replace(OPEN, "<").replace(CLOSE, ">")
    'You guessed <0> %.'
    """

    place: int

    def __new__(cls, place: int, value: float) -> Field:
        """Return the number `value` that stands in field `place` of the form."""
        made = super().__new__(cls, value)
        made.place = place
        return made

    def __format__(self, spec: str) -> str:
        return f"{OPEN}{self.place}{CLOSE}"


def guessed(lab: Lab, table: Any, sentence: str) -> str | Mapping[str, str] | None:
    """Return what is said to those who predicted (see `State.guessed`).

    A template is believed only when it gives, filled in, the laboratory's own words for several guesses.
    """
    if lab.question is None:
        return None
    if isinstance(lab.question, Among):
        said = {choice: lab.describe(table, choice) for choice in lab.question.choices}
        return said if set(said.values()) != {sentence} else None
    several = probes(lab.question)
    alone = isinstance(lab.question, Between)
    marked = [Field(place, value) for place, value in enumerate(several[0])]
    template = lab.describe(table, marked[0] if alone else marked)
    for probe in several:
        if fill(template, probe) != lab.describe(table, probe[0] if alone else list(probe)):
            return None
    return template if template != sentence else None


def probes(question: Any) -> list[tuple[float, ...]]:
    """Return some guesses of the kind that is asked for, each as the numbers in the fields of the form."""
    if isinstance(question, Between):
        span = question.high - question.low
        return [(question.low + share * span,) for share in (0.5, 0.0, 0.25, 1.0)]
    return [tuple(top - 7 * step for step in range(len(question.example))) for top in (60, 50, 40)]


def fill(template: str, numbers: Sequence[float]) -> str:
    """Return a template with its fields filled in, as the page's script does it.

    >>> fill(f"You guessed {OPEN}0{CLOSE} %.", [12.5])
    'You guessed 12.5 %.'
    """
    for place, number in enumerate(numbers):
        template = template.replace(f"{OPEN}{place}{CLOSE}", f"{number:g}")
    return template


def compute(labs: Sequence[type[Lab]], most_values: int | None = None, jobs: int = 1) -> dict[type[Lab], Explorable]:
    """Return every laboratory's states, computed by `jobs` processes."""
    import joblib

    controls = {lab: controls_of(lab, most_values) for lab in labs}
    # One laboratory's states stay together where they can: what it trains is then trained once.
    parts = [
        (lab, keys[begin : begin + _TOGETHER])
        for lab in labs
        for keys in [keys_of(controls[lab])]
        for begin in range(0, len(keys), _TOGETHER)
    ]
    computed = joblib.Parallel(n_jobs=jobs)(joblib.delayed(states_of)(lab, controls[lab], keys) for lab, keys in parts)
    states: dict[type[Lab], dict[tuple[int, ...], State]] = {lab: {} for lab in labs}
    for (lab, keys), found in zip(parts, computed, strict=True):
        states[lab] |= dict(zip(keys, found, strict=True))
    return {lab: Explorable(lab, controls[lab], states[lab]) for lab in labs}


_TOGETHER = 50
