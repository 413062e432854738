"""Every laboratory stands in the gallery, small, and with words of its own."""

import re
from pathlib import Path

import pytest

from course.authoring.gallery import LEFT_OUT, every_lab, page_of, small_picture
from course.labs.what_is_mlops.kill_switch import KillSwitchLab

DOCS = Path(__file__).parents[2] / "docs"
NAMES = [lab.__name__ for lab in every_lab() if lab.__name__ not in LEFT_OUT]


@pytest.mark.parametrize("name", NAMES)
def test_a_laboratory_has_a_small_picture_with_words(name):
    page = (DOCS / "gallery.md").read_text(encoding="utf-8")
    words = re.search(rf"!\[(.+)\]\(gallery/{name}\.png\)", page)
    assert words and len(words[1]) > 40, "run `course gallery`"
    assert (DOCS / "gallery" / f"{name}.png").stat().st_size <= 40_000


def test_nothing_stands_in_the_gallery_that_is_no_laboratory_any_more():
    assert {path.stem for path in (DOCS / "gallery").glob("*.png")} == set(NAMES)


def test_the_same_laboratory_gives_the_same_picture_and_its_own_sentence():
    one, other = KillSwitchLab(), KillSwitchLab()
    assert small_picture(one) == small_picture(other)
    assert one.sentence in page_of([one])
