"""Pictures carry words, tables carry headers, and nothing a student types becomes markup."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from PIL import Image

from course.display import (
    BLUE,
    FAINT,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
    contrast_with_paper,
    figure_html,
    ink_of,
    join_words,
    new_figure,
    notice_html,
    png_of,
    sentence_html,
    table_html,
)


def small_figure():
    figure, (ax,) = new_figure(3, 2)
    ax.plot([1, 2], [2, 1])
    return figure


@pytest.mark.parametrize("alt", ["", "   ", "\n"])
def test_a_picture_without_words_is_refused(alt):
    with pytest.raises(ValueError, match="needs an alt text"):
        figure_html(small_figure(), alt)


def test_words_with_quotes_and_brackets_stay_words():
    html = figure_html(small_figure(), 'a "b" <script>')
    assert 'alt="a &quot;b&quot; &lt;script&gt;"' in html and "<script>" not in html


def test_the_same_figure_is_the_same_picture():
    assert png_of(small_figure()) == png_of(small_figure())


def worded_figure(x: float = 0.5):
    figure, (ax,) = new_figure(4, 2)
    ax.set(xlabel="words beneath, $x^2$", ylabel="upright words", xlim=(0, 1), ylim=(0, 1))
    ax.text(x, 0.5, "Ä ◆ slanted", rotation=30, color=VERMILLION)
    ax.text(0.2, 0.2, "pale\ntwo lines", alpha=0.5)
    return figure


def pixels(png: bytes):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_words_from_memory_look_as_matplotlib_draws_them():
    expected = io.BytesIO()
    worded_figure().savefig(expected)
    ours, theirs = pixels(png_of(worded_figure())), pixels(expected.getvalue())
    assert ours.shape == theirs.shape
    # A stamp begins at a whole pixel: half a pixel aside at most, so letters differ at their edges only. Blurred
    # over five pixels the two are the same; without its words the picture is not.
    blank, nothing = worded_figure(), io.BytesIO()
    for text in blank.findobj(Text):
        text.set_visible(False)
    blank.savefig(nothing)
    assert blurred(ours - theirs).max() < 0.35 * blurred(pixels(nothing.getvalue()) - theirs).max()


def blurred(difference):
    along = np.lib.stride_tricks.sliding_window_view(difference.sum(axis=2), (5, 5))
    return np.abs(along.mean(axis=(2, 3)))


def test_a_word_that_moves_leaves_its_place_and_keeps_its_colour():
    here, there = pixels(png_of(worded_figure(0.5))), pixels(png_of(worded_figure(0.1)))
    red = [((p[..., 0] - p[..., 2]) > 100).nonzero() for p in (here, there)]
    assert len(red[0][0]) == len(red[1][0]) > 50, "the words have another colour or shape at another place"
    assert red[0][1].min() - red[1][1].min() > 100


def test_drawing_leaves_no_pyplot_figure_behind():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    figure_html(small_figure(), "words")
    assert plt.get_fignums() == before


def test_a_table_has_a_caption_and_header_cells_with_a_scope():
    html = table_html(pd.DataFrame({"day": [1, 2], "share": [0.5, float("nan")]}), "Shares")
    assert "<caption" in html and html.count('scope="col"') == 2
    assert html.count('<th scope="row"') == 2 and html.count("<td") == 2, "the first column names the rows"
    assert "nan" not in html


def test_a_long_table_says_how_much_of_it_is_shown():
    html = table_html(pd.DataFrame({"day": range(90)}), "Days")
    assert "the first 50 of 90 rows" in html and html.count("<tr>") == 51


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (23_870.0, "23,870"),
        (-1_234.4, "-1,234"),
        (999.96, "1,000"),
        (999.94, "999.9"),
        (0.123456, "0.1235"),
        (0.0000214, "0.0000214"),
        (-60.65, "-60.65"),
        (0.0, "0"),
        (float("inf"), "Infinity"),
        (2019, "2019"),
        (50_000, "50,000"),
        (True, "yes"),
    ],
)
def test_a_number_in_a_table_is_written_for_people(value, shown):
    assert f">{shown}</td>" in table_html(pd.DataFrame({"name": ["a"], "x": [value]}), "Values")


def test_whole_numbers_of_one_column_are_written_alike():
    html = table_html(pd.DataFrame({"name": ["a", "b"], "notebooks": [27_271, 1_203], "year": [2019, 2022]}), "Values")
    assert all(f">{shown}</td>" in html for shown in ("27,271", "1,203", "2019", "2022"))


def test_values_in_a_table_are_escaped():
    assert "<b>" not in table_html(pd.DataFrame({"x": ["<b>bold</b>"]}), "Values")


@pytest.mark.parametrize("kind", ["note", "right", "wrong", "error"])
def test_a_notice_says_its_kind_in_a_word(kind):
    html = notice_html("text", kind)
    assert {"note": "First", "right": "Yes", "wrong": "Not quite", "error": "Error"}[kind] in html
    assert 'role="status"' in html


def test_sentences_are_spoken_when_they_change():
    assert 'role="status"' in sentence_html("It fell.")


@pytest.mark.parametrize("colour", [BLUE, GREEN, VERMILLION, PURPLE, FAINT])
def test_every_colour_that_means_something_stands_out_from_the_paper(colour):
    """WCAG 1.4.11: 3 to 1 for graphical objects."""
    assert contrast_with_paper(colour) >= 3, colour


@pytest.mark.parametrize("colour", ["#000000", ORANGE, SKY, YELLOW, PURPLE, FAINT, "#ffffff"])
def test_words_in_any_colour_can_be_read_on_the_paper(colour):
    assert contrast_with_paper(ink_of(colour)) >= 4.5


def test_contrast_is_as_wcag_defines_it():
    assert contrast_with_paper("#000000") == pytest.approx(21)
    assert contrast_with_paper("#767676") == pytest.approx(4.54, abs=0.01)  # the lightest grey that passes


@pytest.mark.parametrize(("words", "text"), [([], "none"), (["a"], "a"), (["a", "b"], "a and b")])
def test_words_are_joined_as_in_a_sentence(words, text):
    assert join_words(words) == text
