"""The thin view that every laboratory shares: controls, a picture, the sentence that says what it shows, a table.

A laboratory is a small class that names its parts; the physics is in pure functions:

- `simulate(**settings)` returns a DataFrame; `settings` are the controls' values by name;
- `describe(table, guess)` returns one or two sentences computed from the table: shown, and the alt text;
- `draw(table, guess)` returns a matplotlib Figure.

`guess` is the student's prediction, or None where the laboratory asks for none.
"""

from __future__ import annotations

import gc
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import ipywidgets as widgets

from course.display import figure_html, heading_html, notice_html, sentence_html, table_html
from course.predict import NOT_YET, Among, Between

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

#: One stylesheet for every laboratory: descriptions and read-outs in full, in columns. The line about details is for
#: the page around it, where what follows a closed one would stick to it; the last rule is JupyterLab's word for
#: widgets whose kernel has gone.
STYLE = """<style>
.course-lab { padding: 4px 0 8px; }
.course-lab .widget-readout { overflow: visible; }
.course-lab .course-worded .widget-readout { min-width: 15em; margin-left: 16px; text-align: left; }
.course-lab.course-old .course-outcome { opacity: 0.35; }
.course-lab .widget-toggle-buttons { display: flex; align-items: baseline; }
.course-lab .widget-toggle-buttons > .widget-label { flex: none; text-align: right; margin-right: 6px; }
.course-lab .widget-toggle-buttons .widget-toggle-button { width: auto; min-width: 7em; padding: 0 12px; }
.course-lab .widget-toggle-buttons .mod-active { box-shadow: inset 0 -3px 0 currentColor; }
.course-voice { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); }
.jp-RenderedMarkdown details { margin-bottom: 0.8em; }
.course-lab.jupyter-widgets-disconnected::before, .course-quiz.jupyter-widgets-disconnected::before {
  content: "The kernel was restarted, so nothing answers here any more: run the cells again, from the top.";
  padding: 6px 10px; margin-bottom: 6px; border-left: 4px solid #D55E00; background: rgba(213, 94, 0, 0.12);
  font: 600 1em var(--jp-ui-font-family, sans-serif); color: inherit;
}
</style>"""
EM_A_LETTER = 0.56
SHOW_NUMBERS, HIDE_NUMBERS = "Show the numbers as a table", "Hide the table"


def movable(**values: Any) -> Mapping[str, Any]:
    """Return which controls the web edition can move, each with its values there; `...` is all that it has.

    >>> dict(movable(share=range(0, 101, 50), filler=...))
    {'share': range(0, 101, 50), 'filler': Ellipsis}
    """
    return MappingProxyType(values)


@contextmanager
def dying_young() -> Iterator[None]:
    """Hold the garbage collector back while a figure lives.

    A figure is thousands of objects in circles. Those that survive a collection halfway are looked for again only
    when everything is looked at, numpy, pandas and scikit-learn included: a third of a second, now and then.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


class Lab:
    """Compose the widgets of one laboratory and redraw whenever a control moves.

    Attributes that a student or a test reads: `controls` (widgets by name), `settings` (their values),
    `table` (the DataFrame behind the picture), `sentence`, `error` (None while all is well).
    """

    title: ClassVar[str]
    question: ClassVar[Between | Among | None] = None
    #: Set where a redraw trains something: the reader then sees that work is going on.
    slow: ClassVar[bool] = False
    #: What the web edition can move: controls, each with its values there (`...` for all that it has); the others
    #: keep their default. Empty: it shows the default state. None: it shows nothing, for it speaks of this machine.
    web: ClassVar[Mapping[str, Any] | None] = movable()
    #: What the table shows: columns in their order, each with its heading in words, and the unit. The first names the
    #: row. Empty: all of them, under their own names.
    heads: ClassVar[Mapping[str, str]] = MappingProxyType({})
    #: Which rows `numbers` keeps, in words, where it leaves some out.
    some_rows: ClassVar[str] = ""

    def __init__(self, prediction: Any = None) -> None:
        self.guess = prediction
        self.controls = self.make_controls()
        self.table: pd.DataFrame | None = None
        self.sentence = ""
        self.error: Exception | None = None
        self._picture = widgets.HTML()
        self._words = widgets.HTML()
        self._numbers = widgets.HTML()
        # Outside of what is rewritten: a table that was opened stays open while its numbers change.
        self._opener = widgets.ToggleButton(layout={"width": "auto", "align_self": "flex-start"})
        self._opener.observe(self._on_open, names="value")
        self._on_open()
        # One line high from the start where something trains: the picture below stays where it is.
        self._status = widgets.HTML(layout={"min_height": "28px"} if self.slow else {})
        #: How far a training is: seen beside the status and not read aloud, for it changes many times a second.
        self._progress = widgets.HTML()
        # A checkbox has its words behind it, in full: it needs no column.
        in_columns = [c for c in self.controls.values() if not isinstance(c, widgets.Checkbox)]
        column = max((len(control.description) for control in in_columns), default=0) * EM_A_LETTER + 1
        for name, control in self.controls.items():
            control.style.description_width = f"{column:.1f}em"
            control.layout.width = "auto"
            control.layout.max_width = "700px"
            control.add_class(f"course-control-{name}")
            if isinstance(control, widgets.Checkbox):
                control.indent = False
            elif isinstance(control, widgets.SelectionSlider):
                control.add_class("course-worded")
            control.observe(self._on_change, names="value")
        self._status.add_class("course-said")
        self._words.add_class("course-told")  # of which what changed is said
        for shown in (self._picture, self._words, self._numbers):
            shown.add_class("course-outcome")
        self.widget = widgets.VBox(self._rows())
        self.widget.add_class("course-lab")
        if self.waiting_for is None:
            self.redraw()

    def make_controls(self) -> dict[str, widgets.Widget]:
        """Return the controls by the names that `simulate` takes; each has a description."""
        raise NotImplementedError

    def simulate(self, **settings: Any) -> pd.DataFrame:
        """Return what happened, one row a case; columns are words."""
        raise NotImplementedError

    def describe(self, table: pd.DataFrame, guess: Any) -> str:
        """Say in a sentence or two what the table shows."""
        raise NotImplementedError

    def draw(self, table: pd.DataFrame, guess: Any) -> Figure:
        """Draw the table."""
        raise NotImplementedError

    def numbers(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return what the table shows: the columns of `heads`, under their headings."""
        if not self.heads:
            return table
        return table[[name for name in self.heads if name in table]].rename(columns=dict(self.heads))

    @property
    def caption(self) -> str:
        """The title of the table, and which rows it shows."""
        return f"{self.title} ({self.some_rows})" if self.some_rows else self.title

    @property
    def waiting_for(self) -> str | None:
        """What the reader has to do before the laboratory shows anything, or None."""
        if self.question is None:
            return None
        return NOT_YET if self.guess is ... else self.question.problem(self.guess)

    @property
    def settings(self) -> dict[str, Any]:
        """The controls' values by name."""
        return {name: control.value for name, control in self.controls.items()}

    def redraw(self) -> None:
        """Simulate, describe and draw with the present settings; raise what goes wrong."""
        try:
            self.table = self.simulate(**self.settings)
        finally:
            self._progress.value = ""
        self.sentence = self.describe(self.table, self.guess)
        with dying_young():
            picture = figure_html(self.draw(self.table, self.guess), alt=self.sentence)
        self._picture.value = picture
        self._words.value = sentence_html(self.sentence)
        if self._opener.value:
            self._numbers.value = self._numbers_html()

    def _numbers_html(self) -> str:
        return table_html(self.numbers(self.table), self.caption)

    def _on_open(self, _change: object = None) -> None:
        is_open = self._opener.value
        # Written when somebody looks: a table that nobody sees would make every step slower.
        self._numbers.value = self._numbers_html() if is_open and self.table is not None else ""
        self._opener.description = HIDE_NUMBERS if is_open else SHOW_NUMBERS
        self._numbers.layout.display = None if is_open else "none"

    def _on_change(self, _change: object) -> None:
        if self.slow:
            # On the box: an HTML widget writes its words anew whenever anything of it changes, and they are read aloud.
            self.widget.add_class("course-old")
            self._status.value = '<p role="status" style="margin:0">Training …</p>'
        try:
            self.redraw()
            self.error, self._status.value = None, ""
        except Exception as error:  # an observer's exception would vanish: show it, and keep it for the tests
            self.error = error
            self._status.value = notice_html(
                f"this laboratory could not redraw: {error!r}. Please report it with these lines: "
                + traceback.format_exc(limit=-2),
                "error",
            )
        finally:
            self.widget.remove_class("course-old")

    def _rows(self) -> list[widgets.Widget]:
        from course.labs.names import Names  # only where something is shown: grading imports simulators alone

        heading = widgets.HTML(STYLE + heading_html(self.title))
        if self.waiting_for is not None:
            return [heading, widgets.HTML(notice_html(self.waiting_for))]
        state = widgets.HBox([self._status, self._progress]) if self.slow else self._status
        outcome = [state, self._picture, self._words, self._opener, self._numbers]
        return [heading, *self.controls.values(), *outcome, Names(self.title)]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        # The HTML stands in where widgets cannot be shown: a printed page, an export, a reader without them.
        bundle = self.widget._repr_mimebundle_()
        notice = self.waiting_for
        bundle["text/plain"] = f"{self.title}: {notice or self.sentence}"
        bundle["text/html"] = f"<p><strong>{self.title}</strong></p>" + (
            notice_html(notice)
            if notice
            else f"{self._picture.value}{self._words.value}"
            f"<details><summary>The numbers</summary>{self._numbers_html()}</details>"
        )
        return bundle
