"""Names for screen readers: what stands beside a control, said by the control itself."""

from pathlib import Path

import anywidget
import traitlets


class Names(anywidget.AnyWidget):
    """A part of a laboratory or quiz that shows nothing and names the controls around it, here and as they change.

    ipywidgets gives a slider no name, says of a slider with words only the place of the word, and of a row of
    buttons neither what it is for nor which is pressed.
    """

    _esm = Path(__file__).with_name("names.js")
    title = traitlets.Unicode().tag(sync=True)

    def __init__(self, title: str) -> None:
        super().__init__(title=title, layout={"display": "none"})
