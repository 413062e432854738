"""A canvas that remembers words: Matplotlib sets every label letter by letter anew, which takes most of a redraw.

A laboratory's labels are the same from one redraw to the next, or stand elsewhere. So each is drawn once, on a small
sheet of its own, and stamped from then on. A stamp begins at a whole pixel.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.font_manager import fontManager, get_font

if TYPE_CHECKING:
    from matplotlib.backend_bases import GraphicsContextBase
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.text import Text


class StampingRenderer(RendererAgg):
    """Draw as RendererAgg does, words from memory."""

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: Any = False,
        mtext: Text | None = None,
    ) -> None:
        """Stamp the words with the left end of their baseline at (x, y), pixels from the upper left."""
        # A copy: font properties can change, and their hash with them.
        image, left, below = _stamp(s, prop.copy(), angle, ismath, self.dpi, gc.get_rgb(), gc.get_antialiased())
        if image.size:
            self.draw_image(gc, round(x) - left, self.height - round(y) - below, image)

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: Any) -> tuple[float, float, float]:
        """Return what RendererAgg does, in pixels."""
        return _measure(s, prop.copy(), ismath, self.dpi)

    def _get_font_height_metrics(self, prop: FontProperties) -> tuple[float, float, float]:
        # Text asks for this wherever a renderer has it, and otherwise reads the font's tables, several times a word.
        return _font_heights(prop.copy(), self.dpi)


@lru_cache(maxsize=4096)
def _measure(s: str, prop: FontProperties, ismath: Any, dpi: float) -> tuple[float, float, float]:
    return RendererAgg(1, 1, dpi).get_text_width_height_descent(s, prop, ismath)


@lru_cache(maxsize=256)
def _font_heights(prop: FontProperties, dpi: float) -> tuple[float, float, float]:
    """Return the ascent, descent and line gap of the font in pixels, as the font's own table has them."""
    font = get_font(fontManager.findfont(prop))
    scale = prop.get_size_in_points() * dpi / 72 / font.get_sfnt_table("head")["unitsPerEm"]
    table = font.get_sfnt_table("OS/2")
    return table["sTypoAscender"] * scale, -table["sTypoDescender"] * scale, table["sTypoLineGap"] * scale


@lru_cache(maxsize=4096)
def _stamp(
    s: str, prop: FontProperties, angle: float, ismath: Any, dpi: float, rgb: tuple[float, ...], smooth: bool
) -> tuple[np.ndarray, int, int]:
    """Return the words' pixels, bottom row first, and how far left of and below the baseline's start they begin."""
    width, height, _ = _measure(s, prop, ismath, dpi)
    room = prop.get_size_in_points() * dpi / 72
    # Level words reach to the right of the baseline's start; turned ones may reach anywhere.
    far = width if not angle else math.hypot(width, height)
    before, beyond, above = (math.ceil(room + reach) for reach in (far if angle else 0, far, far if angle else height))
    sheet = RendererAgg(before + beyond, 2 * above, dpi)
    gc = sheet.new_gc()
    gc.set_foreground(rgb, isRGBA=True)
    gc.set_antialiased(smooth)
    sheet.draw_text(gc, before, above, s, prop, angle, ismath=ismath)
    pixels = np.asarray(sheet.buffer_rgba())
    rows, columns = (np.flatnonzero(pixels[..., 3].any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return pixels[:0, :0].copy(), 0, 0
    cut = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return cut[::-1].copy(), before - int(columns[0]), int(rows[-1]) + 1 - above


def draw_on_canvas(figure: Figure) -> tuple[tuple[int, int], memoryview]:
    """Draw the figure once; return its width and height and its RGBA pixels."""
    # Not savefig, nor print_figure: both draw everything twice, once for the layout alone.
    canvas = FigureCanvasAgg(figure)
    size = canvas.get_width_height()
    renderer = StampingRenderer(*size, figure.dpi)
    figure.draw(renderer)
    return size, renderer.buffer_rgba()
