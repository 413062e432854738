"""What a post-mortem is made of: the structure only; whether it is a good one, a person says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any

from course.display import join_words
from course.errors import in_one_line
from course.labs.what_is_mlops.ownership import ROLES

INCIDENTS = ("retail", "bank", "search")
#: Fewer entries than this cannot tell how it began, who noticed, what was done and when it was over.
FEWEST_ENTRIES = 4
FEWEST_WORDS = 5
MOST_WORDS = 60


def check_timeline(post_mortem: Any) -> None:
    """Pass when the post-mortem names its incident and tells what happened, day by day and in order.

    `post_mortem["incident"]` is one of INCIDENTS; `post_mortem["timeline"]` is a list of four or more pairs (day as
    "2026-03-31", words), no day before the one above it.

    Raises NotImplementedError while `post_mortem` is still `...`, AssertionError that says what is missing.

    >>> check_timeline({"incident": "retail", "timeline": []})
    Traceback (most recent call last):
    AssertionError: a timeline has 4 entries or more; yours has 0
    """
    report = _begun(post_mortem)
    incident, timeline = report.get("incident"), report.get("timeline")
    _expect(incident in INCIDENTS, f"expected an incident of notebook 5 ({join_words(INCIDENTS)}), got {incident!r}")
    _expect(isinstance(timeline, list | tuple), f"expected the timeline as a list of pairs, got {timeline!r}")
    entries = f"a timeline has {FEWEST_ENTRIES} entries or more; yours has {len(timeline)}"
    _expect(len(timeline) >= FEWEST_ENTRIES, entries)
    days = []
    for entry in timeline:
        is_pair = isinstance(entry, list | tuple) and len(entry) == 2
        _expect(is_pair, f"an entry of the timeline is a pair, day and words; one of yours is {entry!r}")
        days.append(_day(entry[0], "a timeline entry"))
        _words(entry[1], f"the entry of {entry[0]}", fewest=2)
    for before, after in pairwise(days):
        _expect(before <= after, f"a timeline is in order; yours tells of {after} after {before}")
    _expect(days[0] < days[-1], f"each incident of notebook 5 lasts weeks; yours begins and ends on {days[0]}")


def check_actions(post_mortem: Any) -> None:
    """Pass when the post-mortem has a cause, and two actions that each have an owner and a date.

    `post_mortem["cause"]` is a sentence; `post_mortem["detecting"]` and `post_mortem["preventing"]` are dicts with
    action (a sentence), owner (one of ROLES) and due (a day as "2026-03-31", not before the timeline's last day).
    The two actions are two different ones. Prints how many words there are, and passes when they are too many: a
    person marks.

    Raises NotImplementedError while `post_mortem` is still `...`, AssertionError that says what is missing.

    >>> check_actions({"cause": "a column could be empty without anybody being told"})
    Traceback (most recent call last):
    AssertionError: expected the detecting action as a dict with action, owner and due, got None
    """
    report = _begun(post_mortem)
    _words(report.get("cause"), "the cause")
    over = _last_day(report.get("timeline"))
    said = []
    for kind in ("detecting", "preventing"):
        action = report.get(kind)
        is_dict = isinstance(action, Mapping)
        _expect(is_dict, f"expected the {kind} action as a dict with action, owner and due, got {action!r}")
        said.append(_words(action.get("action"), f"the {kind} action"))
        owner = action.get("owner")
        _expect(owner in ROLES, f"the {kind} action is owned by one role ({join_words(ROLES)}), got {owner!r}")
        due = _day(action.get("due"), f"the {kind} action")
        _expect(due >= (over or due), f"the {kind} action is due on {due}, before the timeline's last day, {over}")
    _expect(said[0] != said[1], "expected two actions, one that detects and one that prevents; they are the same")
    words = count_words(report)
    long = f"{words} words, and at most {MOST_WORDS} are asked: shorten it before you hand it in."
    print(long if words > MOST_WORDS else f"{words} of {MOST_WORDS} words.")


def count_words(post_mortem: Mapping) -> int:
    """Return the number of words in the timeline's entries, the cause and both actions: no days, no owners.

    >>> count_words({"timeline": [("2026-03-02", "it began")], "cause": "nobody had looked"})
    5
    """
    timeline = post_mortem.get("timeline")
    timeline = timeline if isinstance(timeline, list | tuple) else []
    entries = [entry[-1] for entry in timeline if isinstance(entry, list | tuple) and entry]
    actions = [post_mortem.get(kind) for kind in ("detecting", "preventing")]
    told = [*entries, post_mortem.get("cause"), *(a.get("action") for a in actions if isinstance(a, Mapping))]
    return sum(len(text.split()) for text in told if isinstance(text, str))


def _expect(holds: bool, otherwise: str) -> None:
    """Raise AssertionError with what was expected unless it holds: an assert would vanish under `python -O`."""
    if not holds:
        raise in_one_line(AssertionError(otherwise))


def _begun(post_mortem: Any) -> Mapping:
    if post_mortem is ...:
        words = "write the post-mortem first: replace the ... by a dict as the text above shows it"
        raise in_one_line(NotImplementedError(words))
    _expect(isinstance(post_mortem, Mapping), f"expected the post-mortem as a dict, got {type(post_mortem).__name__}")
    return post_mortem


def _day(text: Any, whose: str) -> date:
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        raise in_one_line(AssertionError(f'{whose} has a day like "2026-03-31"; yours is {text!r}')) from None


def _last_day(timeline: Any) -> date | None:
    """Return the day of the last entry, or None: `check_timeline` says what is wrong with a timeline."""
    try:
        return date.fromisoformat(timeline[-1][0])
    except (TypeError, ValueError, LookupError):
        return None


def _words(text: Any, what: str, fewest: int = FEWEST_WORDS) -> str:
    is_told = isinstance(text, str) and len(text.split()) >= fewest
    _expect(is_told, f"{what} is told in {fewest} words or more; yours is {text!r}")
    return " ".join(text.lower().split())
