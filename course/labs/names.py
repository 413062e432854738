"""Names for screen readers: what stands beside a control, said by the control itself."""

from pathlib import Path

import anywidget
import traitlets


class Names(anywidget.AnyWidget):
    """A part of a laboratory, quiz or film that shows nothing and names the controls around it, as they change too.

    ipywidgets gives a slider no name, says of a slider with words only the place of the word, and of a row of
    buttons neither what it is for nor which is pressed. A key that is pressed in a control stays there: to
    JupyterLab the letter that chooses "May" means a cell of text instead of code.
    """

    _esm = Path(__file__).with_name("names.js")
    title = traitlets.Unicode().tag(sync=True)

    def __init__(self, title: str) -> None:
        super().__init__(title=title, layout={"display": "none"})
