"""A student's words are words: never markup in an instructor's browser, nor in another student's page."""

from __future__ import annotations

import re

#: Is not seen and joins two signs; what follows `<` is then no tag, in text and in code alike.
JOINER = "\u2060"
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY = re.compile(r"&(?=[#A-Za-z])")
#: A scheme that runs code, with the white space in it that browsers overlook, and the backslash that Markdown does.
_COLON = re.compile(r"\\?:")
_SCHEMES = ("javascript", "vbscript")


def without_markup(markdown: str) -> str:
    """Return Markdown in which no HTML and no link that runs code is left; it reads as before.

    Which `<` stands in code is Markdown's to say, and its readers differ; so each that could begin a tag gets an
    invisible joiner after it, wherever it stands.

    >>> without_markup("a < b and <b>") == "a < b and <" + JOINER + "b>"
    True
    """
    text = _TAG.sub("<" + JOINER, markdown)
    text = _ENTITY.sub("&" + JOINER, text)
    return _COLON.sub(_disarm, text)


def _disarm(colon: re.Match[str]) -> str:
    before = re.sub(r"\s", "", colon.string[max(0, colon.start() - 60) : colon.start()]).lower()
    return JOINER + colon[0] if before.endswith(_SCHEMES) else colon[0]
