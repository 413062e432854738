"""The film of the start page: it belongs to its story and simulator, can be read and borne, and stands in words too."""

import hashlib
import html
import itertools
import json
import re
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text
from PIL import Image

from course.authoring.film import command, frames, story
from course.display import TEXT_CONTRAST, contrast_with_paper
from course.errors import CourseError
from course.labs.film import Film
from course.labs.what_is_mlops.start_film import start_film

RECORD = json.loads((command.FOLDER / "start.json").read_text(encoding="utf-8"))
ONCE_A_SECOND = np.arange(0, story.length(), 1.0)


def pixels(small: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(small), dtype=np.uint8).astype(int)


def test_the_film_that_is_played_is_the_one_that_was_recorded():
    assert hashlib.sha256((command.FOLDER / "start.mp4").read_bytes()).hexdigest() == RECORD["sha256"]


@pytest.mark.parametrize("second", RECORD["frames"])
def test_the_recorded_frames_are_what_is_drawn_today(second):
    """A changed simulator, story or drawing shows here: then `course film` makes the film anew."""
    apart = np.abs(pixels(RECORD["frames"][second]) - pixels(command.small(float(second))))
    assert apart.max() <= 3, f"second {second}: drawn anew it differs by {apart.max()} of 255; run `course film`"


def test_the_record_tells_one_act_from_another():
    for one, other in itertools.combinations(RECORD["frames"], 2):
        apart = np.abs(pixels(RECORD["frames"][one]) - pixels(RECORD["frames"][other])).max()
        assert apart > 3, f"{one} and {other} look alike to the record"


def test_captions_and_transcript_are_the_storys():
    assert (command.FOLDER / "start.vtt").read_text(encoding="utf-8") == story.webvtt()
    assert [tuple(act) for act in RECORD["transcript"]] == story.transcript()
    said = " ".join(said for _, said in story.transcript())
    assert said == " ".join(caption.text.replace("\n", " ") for caption in story.captions())


def test_the_film_lasts_as_the_page_says():
    assert 60 <= story.length() <= 90 and RECORD["seconds"] == story.length() == 80


def test_captions_can_be_read_in_time():
    for caption in story.captions():
        lines = caption.text.split("\n")
        assert len(lines) <= 2 and max(map(len, lines)) <= 42, caption
        assert len(caption.text) / (caption.end - caption.begin) <= 17, f"too fast: {caption}"
    assert all(one.end < other.begin for one, other in pairwise(story.captions()))
    assert story.captions()[-1].end <= story.length()


@pytest.mark.parametrize("act", story.ACTS)
def test_every_word_in_the_picture_can_be_read(act):
    middle = story.begins()[act] + story.ACTS[act] / 2
    words = [text for text in frames.frame(middle).findobj(Text) if text.get_visible() and text.get_text().strip()]
    assert words
    for text in words:
        assert contrast_with_paper(to_hex(text.get_color())) >= TEXT_CONTRAST or text.get_text() == "■", text
        # 720 pixels wide, where a page is narrow: 10 pixels and more.
        assert text.get_fontsize() * frames.DPI / 72 * 720 / frames.WIDTH >= 10, text


def test_captions_cover_nothing_but_paper():
    for second in ONCE_A_SECOND:
        strip = command.pixels_at(float(second))[-int(0.28 * frames.HEIGHT) :]
        assert strip.min() == 255, f"second {second:g}: something is drawn where the captions stand"


def test_nothing_flashes():
    assert RECORD["brightest_step"] <= command.MOST_CHANGE
    bright = [command.pixels_at(second).mean() / 255 for second in np.arange(33.0, 42.0, 1 / 12)]
    assert max(abs(one - other) for one, other in pairwise(bright)) <= RECORD["brightest_step"] + 1e-4


def test_the_clue_is_in_the_picture_before_anybody_points_to_it():
    """In the first telling the climbing line is drawn, as thin and as grey as the others."""
    second = story.begins()["month"] + 15
    lines = frames.frame(second).axes[1].lines
    assert len({(line.get_color(), line.get_linewidth(), line.get_alpha()) for line in lines}) == 1
    highest = max(line.get_ydata()[-1] for line in lines)
    assert highest > 60, "by now most visits lack the column"


def test_the_sums_are_the_simulators():
    told = story.tell()
    at_the_end = frames.moment_at(story.begins()["check"] - 0.01)
    assert frames.lost_by(told, at_the_end) == pytest.approx(told.lost)
    checked = frames.moment_at(story.begins()["end"] - 0.01)
    assert checked.checked and frames.lost_by(told, checked) == pytest.approx(told.lost_checked)
    assert f"{told.lost:,.0f} euro" in story.webvtt() and f"{told.lost_checked:,.0f} euro" in story.webvtt()


def test_a_month_that_is_not_as_told_makes_no_film(monkeypatch):
    monkeypatch.setattr(story, "WOBBLES", 40.0)
    story.tell.cache_clear()
    try:
        with pytest.raises(ValueError, match="the check on"):
            story.tell()
    finally:
        monkeypatch.undo()
        story.tell.cache_clear()


@pytest.mark.parametrize("second", [-0.1, 80.1])
def test_there_is_no_frame_outside_of_the_film(second):
    with pytest.raises(ValueError, match="lasts from 0 to 80"):
        frames.frame(second)


def test_the_film_is_not_saved_with_the_notebook():
    """Its bytes travel as a widget's state; what the notebook keeps is the poster and the words."""
    bundle = start_film()._repr_mimebundle_()
    assert sum(len(str(part)) for part in bundle.values()) < 50_000
    page = html.unescape(bundle["text/html"])
    assert re.search(r'<img src="data:image/png;base64,[^"]+" alt="One month, seen twice: a silent film', page)
    for seen, said in story.transcript():
        assert said in page and seen.split(".")[0] in page


def test_the_player_never_starts_by_itself_and_has_captions():
    player = start_film().widget.children[1].value
    assert "autoplay" not in player and "loop" not in player
    assert re.search(r'<track kind="captions" srclang="en" label="English" src="data:text/vtt;base64,', player)
    assert "http" not in re.sub(r"base64,[^\"]+", "", player)


def test_a_film_that_lacks_a_file_says_which(tmp_path):
    (tmp_path / "other.mp4").touch()
    with pytest.raises(CourseError, match=r"lacks other\.png, other\.vtt, other\.json"):
        Film(tmp_path, "other", "Another")


def test_without_an_encoder_the_command_says_what_is_missing(monkeypatch, tmp_path, capsys):
    from course.cli import main

    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["film", "--out", str(tmp_path / "film")]) == 2
    assert "needs ffmpeg on PATH" in capsys.readouterr().err


def test_the_lights_on_the_poster_are_green():
    poster = np.asarray(Image.open(command.FOLDER / "start.png").convert("RGB")).astype(int)
    assert (np.abs(poster - np.array([0, 158, 115])).sum(axis=-1) < 40).sum() > 100


def test_the_poster_does_not_point_to_the_clue():
    assert frames.moment_at(command.POSTER_AT).told == 0
    drawn = Image.fromarray(command.pixels_at(command.POSTER_AT)).resize((640, 360), Image.Resampling.BOX)
    poster = Image.open(command.FOLDER / "start.png").convert("RGB").resize((640, 360))
    apart = np.abs(np.asarray(drawn).astype(int) - np.asarray(poster).astype(int))
    assert apart.mean() < 2, "another picture than the film's: run `course film`"
