"""Every laboratory, driven without a browser through every control's whole range.

An exception inside an observer does not fail a cell: `Lab.error` holds it, and so these tests look there.
"""

import re
from functools import cache

import ipywidgets as widgets
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import to_hex
from matplotlib.text import Text

from course.authoring.gallery import a_guess, every_lab
from course.display import MOST_ROWS, TEXT_CONTRAST, contrast_with_paper, label_line, new_figure
from course.labs.lab import Lab
from course.predict import NOT_YET

LABS = every_lab()


@cache
def committed(lab: type[Lab]) -> Lab:
    return lab(a_guess(lab))


def values_of(control: widgets.Widget) -> list:
    """The whole range of a control: all options, both truth values, or the ends and seven places between."""
    if hasattr(control, "options"):
        return [option[1] if isinstance(option, tuple) else option for option in control.options]
    if isinstance(control, widgets.Checkbox | widgets.ToggleButton):
        return [False, True]
    if isinstance(control, widgets.Text | widgets.Textarea):
        return ["", "a", "<b>&", "x" * 200]
    steps = round((control.max - control.min) / control.step)
    places = sorted({round(steps * i / 8) for i in range(9)})
    return [type(control.value)(min(control.max, control.min + place * control.step)) for place in places]


def controls_of_every_lab():
    return [pytest.param(lab, name, id=f"{lab.__name__}-{name}") for lab in LABS for name in committed(lab).controls]


def assert_readable(numbers):
    """A table in words, whole, whose first column names the rows."""
    assert 0 < len(numbers) <= MOST_ROWS and len(numbers.columns) > 1
    for heading in numbers:
        assert re.fullmatch("[A-Z][^_]*", heading), f"expected words that begin with a capital, got {heading!r}"
    names = numbers.iloc[:, 0]
    assert names.is_unique, f"expected a name a row, got {names[names.duplicated()].tolist()} twice"


@pytest.fixture(scope="module", autouse=True)
def _labs_are_found():
    assert len(LABS) >= 1, "no laboratory was found: these tests would be empty"


@pytest.mark.parametrize(("lab_class", "name"), controls_of_every_lab())
def test_a_control_moves_picture_and_sentence_and_never_breaks_the_lab(lab_class, name):
    lab = committed(lab_class)
    control, start = lab.controls[name], lab.controls[name].value
    sentences, pictures = {lab.sentence}, {lab._picture.value}
    try:
        for value in values_of(control):
            control.value = value
            assert lab.error is None, f"{lab_class.__name__} broke at {name}={value!r}: {lab.error!r}"
            assert lab.sentence.strip(), f"{lab_class.__name__} says nothing at {name}={value!r}"
            assert_readable(lab.numbers(lab.table))
            sentences.add(lab.sentence)
            pictures.add(lab._picture.value)
    finally:
        control.value = start
    assert len(sentences) > 1, f"no value of {name} changes what {lab_class.__name__} says: {sentences}"
    assert len(pictures) > 1, f"no value of {name} changes what {lab_class.__name__} shows"


class EdgeRenderer(RendererAgg):
    """Note which words go over the edge of the sheet by more than a pixel."""

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
        width, height, descent = self.get_text_width_height_descent(s, prop, ismath)
        turn = np.exp(-1j * np.radians(angle))  # y goes down
        corners = complex(x, y) + turn * np.array([0, width, -1j * (height - descent), width + 1j * descent])
        across, down = corners.real, corners.imag
        if min(across.min(), down.min()) < -1 or across.max() > self.width + 1 or down.max() > self.height + 1:
            self.beyond.append(s)


def texts_beyond_the_edge(figure) -> list[str]:
    renderer = EdgeRenderer(*FigureCanvasAgg(figure).get_width_height(), figure.dpi)
    renderer.beyond = []
    figure.draw(renderer)
    return renderer.beyond


def faint_words(figure) -> list[str]:
    """Words on white paper that contrast with it by less than WCAG 1.4.3 asks for."""
    written = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    colours = {t.get_text(): to_hex(t.get_color()) for t in written}
    return [f"{text!r} in {colour}" for text, colour in colours.items() if contrast_with_paper(colour) < TEXT_CONTRAST]


@pytest.mark.parametrize("lab_class", LABS, ids=lambda lab: lab.__name__)
def test_no_word_of_a_picture_is_cut_off_or_too_faint(lab_class):
    lab = committed(lab_class)
    for name, control in lab.controls.items():
        start = control.value
        try:
            for value in {values_of(control)[0]: 0, start: 0, values_of(control)[-1]: 0}:
                control.value = value
                figure = lab.draw(lab.table, lab.guess)
                cut, faint = texts_beyond_the_edge(figure), faint_words(figure)
                assert not cut, f"{lab_class.__name__} at {name}={value!r} cuts off: {cut}"
                assert not faint, f"{lab_class.__name__} at {name}={value!r} writes too faintly: {faint}"
        finally:
            control.value = start


def test_a_word_beyond_the_edge_is_found():
    figure, (ax,) = new_figure(2, 1, margins={"left": 0.01})
    ax.set(ylim=(0, 2), yticks=[1], yticklabels=["a long name"], xticks=[])
    assert texts_beyond_the_edge(figure) == ["a long name"]


def test_a_faint_word_is_found():
    figure, (ax,) = new_figure(2, 1)
    ax.text(0, 0, "faint", color="#CC79A7")
    label_line(ax, 0, 0, "the same as ink", "#CC79A7")
    assert faint_words(figure) == ["'faint' in #cc79a7"]


@pytest.mark.parametrize("lab_class", LABS, ids=lambda lab: lab.__name__)
def test_a_lab_comes_back_to_the_same_words_and_picture(lab_class):
    first, second = lab_class(a_guess(lab_class)), lab_class(a_guess(lab_class))
    assert first.sentence == second.sentence
    assert first._picture.value == second._picture.value


@pytest.mark.parametrize("lab_class", LABS, ids=lambda lab: lab.__name__)
def test_every_control_has_a_description(lab_class):
    for name, control in committed(lab_class).controls.items():
        assert control.description.strip(), f"{lab_class.__name__}.{name} has no description"


@pytest.mark.parametrize("lab_class", LABS, ids=lambda lab: lab.__name__)
def test_a_picture_is_shown_with_its_sentence_as_alt_text(lab_class):
    lab = committed(lab_class)
    alts = re.findall(r'<img [^>]*alt="([^"]*)"', lab._picture.value)
    assert alts and all(alt.strip() for alt in alts)
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", lab.sentence), f"a raw value in the sentence: {lab.sentence}"


@pytest.mark.parametrize("lab_class", [lab for lab in LABS if lab.question], ids=lambda lab: lab.__name__)
def test_a_lab_asks_for_a_prediction_first_and_raises_nothing(lab_class):
    lab = lab_class(...)
    assert lab.waiting_for == NOT_YET
    shown = lab._repr_mimebundle_()
    assert "Commit to a prediction first" in shown["text/plain"] and "Commit to a prediction" in shown["text/html"]
    assert "<img" not in shown["text/html"], "the outcome is shown before the prediction"


@pytest.mark.parametrize("lab_class", [lab for lab in LABS if lab.question], ids=lambda lab: lab.__name__)
@pytest.mark.parametrize("nonsense", ["no such choice", None, -1e9, float("nan"), [1], True], ids=repr)
def test_a_prediction_of_another_kind_gets_a_sentence_and_no_traceback(lab_class, nonsense):
    lab = lab_class(nonsense)
    assert lab.waiting_for and "a prediction here is" in lab.waiting_for


@pytest.mark.parametrize("lab_class", LABS, ids=lambda lab: lab.__name__)
def test_a_lab_says_its_words_where_widgets_cannot_be_shown(lab_class):
    lab = committed(lab_class)
    bundle = lab._repr_mimebundle_()
    assert lab.sentence in bundle["text/plain"]
    assert "<img" in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


@pytest.mark.parametrize("lab_class", [lab for lab in LABS if lab.question], ids=lambda lab: lab.__name__)
def test_the_guess_stands_in_words_beside_the_outcome(lab_class):
    """Somewhere in the range of its controls, at the latest, the sentence takes the guess up."""
    lab = committed(lab_class)
    if "guess" in lab.sentence.lower():
        return
    for control in lab.controls.values():
        start = control.value
        try:
            for value in values_of(control):
                control.value = value
                if "guess" in lab.sentence.lower():
                    return
        finally:
            control.value = start
    pytest.fail(f"{lab_class.__name__} never says what was guessed")
