"""What every picture, table and notice of the course looks like, and the words that stand in for each.

Colours are those of Okabe and Ito (2008), which people with the common colour-blindnesses tell apart; no
meaning hangs on colour alone, so each series also has a line style, a marker and a label beside it.
"""

from __future__ import annotations

import base64
import functools
import html
import io
import math
import numbers
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
INK, FAINT, PAPER = "#1b1f24", "#8a929c", "#ffffff"

DPI = 110
TEXT_CONTRAST = 4.5  # WCAG 1.4.3, for words of this size


def luminance(colour: str) -> float:
    """Return the relative luminance of "#rrggbb" as WCAG 2.2 defines it, 0 (black) to 1 (white).

    >>> luminance("#ffffff"), round(luminance("#0072B2"), 3)
    (1.0, 0.152)
    """
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast_with_paper(colour: str) -> float:
    """Return how much a colour stands out from the white paper, 1 (not at all) to 21 (black)."""
    return 1.05 / (luminance(colour) + 0.05)


@functools.cache
def ink_of(colour: str) -> str:
    """Return a colour to write with: the same hue, darkened until its words can be read on white paper.

    >>> ink_of(BLUE) == BLUE, ink_of(PURPLE)
    (True, '#a36186')
    """
    share, ink = 1.0, colour
    while contrast_with_paper(ink) < TEXT_CONTRAST:
        share -= 0.01
        ink = "#" + "".join(f"{round(int(colour[i : i + 2], 16) * share):02x}" for i in (1, 3, 5))
    return ink


def new_figure(
    width: float = 7.0,
    height: float = 2.9,
    rows: int = 1,
    columns: int = 1,
    margins: Mapping[str, float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """Return an empty figure of the house style (inches) and its axes, row by row.

    `margins` are left, right, bottom, top, wspace and hspace as Matplotlib's `subplots_adjust` takes them. Without
    them the margins are measured while drawing, which takes as long as all the rest.
    The figure belongs to no window and no pyplot state: there is nothing to close.

    >>> figure, (left, right) = new_figure(columns=2)
    >>> left.spines["top"].get_visible()
    False
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER, layout=None if margins else "constrained")
    grid = figure.subplots(rows, columns, squeeze=False, gridspec_kw=dict(margins or {}))
    axes = list(grid.ravel())
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["left", "bottom"]].set_color(FAINT)
        ax.tick_params(colors=INK, labelsize=8.5, length=3)
        ax.xaxis.label.set(size=9, color=INK)
        ax.yaxis.label.set(size=9, color=INK)
        ax.set_axisbelow(True)
        ax.grid(axis="y", color="#e6e8eb", linewidth=0.8)
    return figure, axes


def label_line(ax: Axes, x: float, y: float, text: str, color: str = INK, **placing: object) -> None:
    """Write a direct label beside a line or a bar, 4 points to the right of (x, y) unless placed otherwise.

    It has the colour of what it stands beside, as ink (see `ink_of`).
    """
    from matplotlib.transforms import ScaledTranslation

    settings: dict = {"va": "center", "fontsize": 8.5} | placing
    right, up = settings.pop("xytext", (4, 0))
    # Not annotate: an annotation is measured once more than a text.
    beside = ScaledTranslation(right / 72, up / 72, ax.get_figure().dpi_scale_trans)
    ax.text(x, y, text, color=ink_of(color), transform=ax.transData + beside, **settings)


def draw_bars(ax: Axes, bars: Sequence[tuple[float, float, float]], color: str, hatch: str, height: float) -> None:
    """Draw horizontal bars of one look, each (left end, middle, length), as one path.

    A hatch is made anew for every path, which takes longer than all bars together.
    """
    import numpy as np
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    half = height / 2
    corners = [[(x, y - half), (x, y + half), (x + far, y + half), (x + far, y - half)] for x, y, far in bars]
    path = Path.make_compound_path_from_polys(np.array(corners))
    ax.add_patch(PathPatch(path, facecolor=color, hatch=hatch, edgecolor="white", linewidth=0))


def title_axes(ax: Axes, text: str, **placing: object) -> None:
    """Write a title above the left edge of the axes, in the size of the house."""
    ax.set_title(text, loc="left", fontsize=10, color=INK, **placing)


def png_of(figure: Figure) -> bytes:
    """Return the figure as PNG bytes, the same bytes for the same figure."""
    from PIL import Image

    from course.labs.canvas import draw_on_canvas

    size, pixels = draw_on_canvas(figure)
    buffer = io.BytesIO()
    # Without the alpha channel: the paper is opaque, and three channels are packed faster than four.
    picture = Image.frombuffer("RGBA", size, pixels, "raw", "RGBA", 0, 1).convert("RGB")
    picture.save(buffer, format="png", compress_level=3)
    return buffer.getvalue()


#: A table has room for so many rows; the course's 44 units fit.
MOST_ROWS = 50


def figure_html(figure: Figure, alt: str) -> str:
    """Return the figure as an `<img>` that carries `alt`, for `widgets.HTML`.

    Raises ValueError when `alt` is empty: JupyterLab ignores alt metadata on PNG outputs, so the words must
    stand in the image element itself, and a picture without words is nothing for many readers.
    """
    if not alt.strip():
        raise ValueError("a figure needs an alt text: one sentence computed from the data that it shows")
    width = round(figure.get_figwidth() * 100)
    data = base64.b64encode(png_of(figure)).decode("ascii")
    return (
        f'<img src="data:image/png;base64,{data}" alt="{html.escape(alt, quote=True)}" width="{width}" '
        'style="max-width:100%;height:auto;background:#fff;border-radius:4px">'
    )


def table_html(frame: pd.DataFrame, caption: str, most: int = MOST_ROWS) -> str:
    """Return a frame as an accessible table: a caption, header cells with a scope, at most `most` rows.

    The first column names the rows.

    >>> import pandas as pd
    >>> table_html(pd.DataFrame({"day": [1], "share": [0.25]}), "Two numbers").count("scope=")
    3
    """
    texts = table_texts(frame, caption, most)
    head = "".join(f'<th scope="col" style="{_CELL}">{html.escape(name)}</th>' for name in texts.columns)
    body = "".join(
        f'<tr><th scope="row" style="{_CELL};font-weight:normal">{html.escape(name)}</th>'
        + "".join(f'<td style="{_CELL}">{html.escape(text)}</td>' for text in row)
        + "</tr>"
        for name, *row in texts.rows
    )
    return (
        f'<table style="border-collapse:collapse;margin:4px 0"><caption style="text-align:left;padding:2px 0">'
        f"{html.escape(texts.caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


class TableTexts(NamedTuple):
    """A frame as it is shown: every cell as text."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def table_texts(frame: pd.DataFrame, caption: str, most: int = MOST_ROWS) -> TableTexts:
    """Return the texts of a table of at most `most` rows; the caption says when there are more.

    >>> import pandas as pd
    >>> table_texts(pd.DataFrame({"day": [1, 2], "share": [0.25, 1 / 3]}), "Two days", most=1)
    TableTexts(caption='Two days (the first 1 of 2 rows)', columns=('day', 'share'), rows=(('1', '0.25'),))
    """
    shown = frame.head(most)
    columns = [_column_texts(list(shown.iloc[:, place])) for place in range(shown.shape[1])]
    more = f" (the first {most} of {len(frame)} rows)" if len(frame) > most else ""
    return TableTexts(caption + more, tuple(map(str, shown.columns)), tuple(zip(*columns, strict=True)))


_CELL = "text-align:left;padding:2px 12px 2px 0;border-bottom:1px solid #d7dbe0"


def _column_texts(values: list[object]) -> list[str]:
    """Whole numbers below 10,000 may be years and get no comma, unless a larger one stands in their column."""
    whole = [value for value in values if isinstance(value, numbers.Integral) and not isinstance(value, bool)]
    years = all(abs(value) < 10_000 for value in whole)
    return [_cell_text(value, years) for value in values]


def _cell_text(value: object, years: bool) -> str:
    """Four digits, or all before the point, with commas; never an exponent. `years` get no comma."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, numbers.Integral):
        return str(value) if years else f"{value:,}"
    if not isinstance(value, float):
        return str(value)
    if value != value:
        return "–"
    return f"{value:,.0f}" if 999.95 <= abs(value) < math.inf else f"{Decimal(f'{value:.4g}'):f}"


def heading_html(text: str) -> str:
    """Return the line above a laboratory, quiz or film."""
    style = "margin:2px 0;font-weight:600;line-height:1.45;max-width:46em"
    return f'<p style="{style}">{html.escape(text)}</p>'


def sentence_html(text: str) -> str:
    """Return the sentence under a picture; screen readers speak it when it changes."""
    return f'<p role="status" style="margin:4px 0;line-height:1.45;max-width:46em">{html.escape(text)}</p>'


def notice_html(text: str, kind: str = "note") -> str:
    """Return a short boxed notice; `kind` is "note", "right", "wrong" or "error": a word, not only a colour."""
    word, colour = {
        "note": ("First", BLUE),
        "right": ("Yes", GREEN),
        "wrong": ("Not quite", ORANGE),
        "error": ("Error", VERMILLION),
    }[kind]
    return (
        f'<p role="status" style="margin:6px 0;padding:6px 10px;border-left:4px solid {colour};line-height:1.45;'
        f'max-width:46em"><strong>{word}.</strong> {html.escape(text)}</p>'
    )


def percent(share: float, digits: int = 1) -> str:
    """Return a share as the pages write it.

    >>> percent(0.1549), percent(0.09, 0)
    ('15.5 %', '9 %')
    """
    return f"{100 * share:.{digits}f} %"


def signed(number: float, digits: int = 1) -> str:
    """Return a gain or a loss with its sign, a true minus among them; nothing has none.

    >>> signed(1.25), signed(-1.5), signed(-0.01)
    ('+1.2', '−1.5', '0.0')
    """
    text = f"{number:+.{digits}f}".replace("-", "−")
    return text[1:] if float(text[1:]) == 0 else text


def join_words(words: Sequence[str]) -> str:
    """Return words as a list in a sentence.

    >>> join_words(["code", "data", "model"])
    'code, data and model'
    >>> join_words([])
    'none'
    """
    if not words:
        return "none"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
