"""A film in a notebook: it plays offline and never by itself, with captions; where it cannot play, its words stand."""

from __future__ import annotations

import base64
import html
import json
from functools import cached_property
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from course.display import heading_html, sentence_html
from course.errors import CourseError

STYLE = """<style>
.course-film video { width: 100%; max-width: 860px; background: #fff; border: 1px solid #8a929c; border-radius: 4px; }
.course-film video:focus-visible { outline: 3px solid #0072B2; outline-offset: 2px; }
.course-film video::cue { background: #1b1f24; color: #fff; }
</style>"""
KEYS = "It has no sound. Space plays and pauses, the arrow keys go back and forth; it never starts by itself."


class Film:
    """A film with poster, captions and transcript, from four files of one name: .mp4, .png, .vtt and .json.

    The film itself travels to the page as a widget's state, so that it is not saved with the notebook: what is
    handed in, printed or exported has the poster and the transcript. Raises CourseError when a file is missing.
    """

    def __init__(self, folder: Path, name: str, title: str) -> None:
        self.folder, self.name, self.title = folder, name, title
        missing = [path.name for kind in ("mp4", "png", "vtt", "json") if not (path := self.path(kind)).is_file()]
        if missing:
            raise CourseError(f"the film {name!r} lacks {', '.join(missing)} in {folder}; `course film` makes them")
        self.record = json.loads(self.path("json").read_text(encoding="utf-8"))

    def path(self, kind: str) -> Path:
        """Return one of the film's files."""
        return self.folder / f"{self.name}.{kind}"

    def source(self, kind: str) -> str:
        """Return one of the film's files as an address that needs no server."""
        media = {"mp4": "video/mp4", "png": "image/png", "vtt": "text/vtt"}[kind]
        return f"data:{media};base64,{base64.b64encode(self.path(kind).read_bytes()).decode('ascii')}"

    @property
    def words(self) -> str:
        """What the poster stands for, in a sentence."""
        return f"{self.title}: a silent film of {self.record['seconds']:.0f} seconds; its transcript follows."

    @property
    def transcript_html(self) -> str:
        """The whole film in words: what is seen in italics, then what the captions say."""
        acts = [(html.escape(seen), html.escape(said)) for seen, said in self.record["transcript"]]
        return "".join(f"<p><em>{seen}</em><br>{said}</p>" for seen, said in acts)

    def player_html(self, film: str, captions: str, poster: str) -> str:
        """Return the player with these addresses, and the transcript folded below it."""
        return (
            f'<video controls preload="metadata" playsinline poster="{poster}" aria-label="{html.escape(self.title)}">'
            f'<source src="{film}" type="video/mp4">'
            f'<track kind="captions" srclang="en" label="English" src="{captions}" default>'
            f"{self.words}</video>"
            f'<p class="film-keys">{KEYS}</p>'
            f"<details><summary>The film in words</summary>{self.transcript_html}</details>"
        )

    @cached_property
    def widget(self) -> widgets.Widget:
        """The player as a widget."""
        from course.labs.names import Names  # only where something is shown, as in laboratories

        heading = widgets.HTML(STYLE + heading_html(self.title))
        player = widgets.HTML(self.player_html(self.source("mp4"), self.source("vtt"), self.source("png")))
        box = widgets.VBox([heading, player, Names(self.title)])
        box.add_class("course-film")
        return box

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle = self.widget._repr_mimebundle_()
        bundle["text/plain"] = self.words
        bundle["text/html"] = (
            f"<p><strong>{html.escape(self.title)}</strong></p>"
            f'<img src="{self.source("png")}" alt="{html.escape(self.words)}" style="max-width:100%">'
            f"{sentence_html(self.words)}{self.transcript_html}"
        )
        return bundle
