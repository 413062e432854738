"""The film of the start page: one month of a shop, seen twice, and then once more with a check."""

from pathlib import Path

from course.labs.film import Film

TITLE = "One month, seen twice"


def start_film() -> Film:
    """Return the film; `course film` draws it from the shop's simulator."""
    return Film(Path(__file__).with_name("film"), "start", TITLE)
