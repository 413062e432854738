"""Laboratories and quizzes as HTML that can be read without a script, and moves with the site's own one."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Mapping
from typing import Any

from course.authoring.site.predictions import fields_html, kind_of
from course.authoring.site.states import Control, Explorable, range_of
from course.display import TableTexts
from course.labs.film import Film
from course.labs.lab import Lab
from course.quiz import Quiz

#: What a script does first, while the page is still being read: nobody sees a form that does nothing, or an outcome
#: before the prediction.
_BEGIN = "<script>document.currentScript.parentElement.classList.add({classes})</script>"


def name_of_picture(picture: bytes) -> str:
    """Return the file name of a picture: equal pictures are one file."""
    return f"{hashlib.sha256(picture).hexdigest()[:16]}.webp"


def id_of(lab: type[Lab]) -> str:
    """Return the anchor of a laboratory on its page."""
    return f"lab-{lab.__name__}"


def explorable_html(explorable: Explorable, pictures: str) -> str:
    """Return a laboratory as a group of form, controls, picture, sentence and table.

    `pictures` is the way from the page to the folder of pictures, with a slash at its end.
    """
    lab, anchor = explorable.lab, id_of(explorable.lab)
    state = explorable.states[explorable.start]
    classes = "'scripted'" + (", 'waiting'" if lab.question is not None else "")
    alt = html.escape(state.sentence, quote=True)
    width, height = state.size
    parts = [
        f'<div class="explorable" id="{anchor}" role="group" aria-labelledby="{anchor}-title">',
        _BEGIN.format(classes=classes),
        f'<p class="lab-title" id="{anchor}-title">{html.escape(lab.title)}</p>',
        _prediction_html(lab, anchor),
        '<div class="outcome">',
        '<p class="committed" tabindex="-1"></p>' if lab.question is not None else "",
        f'<p class="remark">{remark}</p>' if (remark := _remark(explorable)) else "",
        '<div class="controls">' + "".join(_control_html(c, anchor) for c in explorable.controls) + "</div>",
        f'<div class="picture"><img src="{pictures}{name_of_picture(state.picture)}" alt="{alt}" '
        f'width="{width}" height="{height}"></div>',
        f'<p class="sentence" role="status" aria-atomic="false">{html.escape(state.sentence)}</p>',
        "<details><summary>The numbers as a table</summary>",
        f'<div class="numbers" tabindex="0" role="region" aria-label="The numbers of: {html.escape(lab.title)}">',
        f"{_table_html(state.table)}</div></details>",
        "</div>",
        f'<script type="application/json">{_json(_data(explorable, pictures))}</script>',
        "</div>",
    ]
    return "\n".join(part for part in parts if part)


def elsewhere_html(lab: type[Lab], way_to_run: str) -> str:
    """Return what stands in for a laboratory that shows nothing but the machine it runs on."""
    return (
        f'<div class="explorable" id="{id_of(lab)}" role="group" aria-labelledby="{id_of(lab)}-title">'
        f'<p class="lab-title" id="{id_of(lab)}-title">{html.escape(lab.title)}</p>'
        "<p>This laboratory speaks of the machine that it runs on, so a page has nothing to show. "
        f'<a href="{way_to_run}">Run the lesson yourself</a> to see yours.</p></div>'
    )


def film_html(film: Film, folder: str) -> str:
    """Return a film's player and transcript; `folder` is the way from the page to its files, with a slash."""
    # The captions stand in the page: a browser does not fetch them where the page lies on a disk.
    player = film.player_html(
        f"{folder}{film.path('mp4').name}", film.source("vtt"), f"{folder}{film.path('png').name}"
    )
    return f'<div class="film"><p class="lab-title">{html.escape(film.title)}</p>{player}</div>'


def quiz_html(quiz: Quiz, name: str) -> str:
    """Return a quiz as a group of choices, each of which explains itself when it is chosen."""
    choices = "".join(
        f'<div class="choice"><label><input type="radio" name="{name}" value="{place}" autocomplete="off"> '
        f'{html.escape(choice)}</label><p class="why">{html.escape(quiz.answer_text(choice))}</p></div>'
        for place, choice in enumerate(quiz.choices)
    )
    begin = _BEGIN.format(classes="'scripted'")
    return (
        f'<div class="quiz" id="{name}">{begin}<fieldset><legend>{html.escape(quiz.question)}</legend>{choices}'
        '</fieldset><p class="reply" role="status"></p></div>'
    )


def _prediction_html(lab: type[Lab], anchor: str) -> str:
    if lab.question is None:
        return ""
    return (
        '<form class="prediction" novalidate autocomplete="off"><fieldset><legend>First your prediction</legend>'
        f"{fields_html(lab.question, f'{anchor}-guess')}</fieldset>"
        '<p class="problem" role="alert"></p><button type="submit">Commit to it</button> '
        '<button type="button" class="peek">Show me without a prediction</button></form>'
    )


def _control_html(control: Control, anchor: str) -> str:
    name, label = f"{anchor}-{control.name}", html.escape(control.label)
    if control.kind == "checkbox":
        checked = " checked" if control.start else ""
        return (
            f'<div class="control"><input type="checkbox" id="{name}" autocomplete="off"{checked}>'
            f'<label for="{name}">{label}</label></div>'
        )
    if control.kind == "select":
        options = "".join(
            f'<option value="{place}"{" selected" if place == control.start else ""}>{html.escape(text)}</option>'
            for place, text in enumerate(control.texts)
        )
        field = f'<select id="{name}" autocomplete="off">{options}</select>'
    else:
        said = html.escape(control.texts[control.start], quote=True)
        texts = html.escape(json.dumps(control.texts, ensure_ascii=False), quote=True)
        field = (
            f'<input type="range" id="{name}" min="0" max="{len(control.texts) - 1}" step="1" autocomplete="off" '
            f'value="{control.start}" aria-valuetext="{said}" data-texts="{texts}">'
            f'<span class="reading" aria-hidden="true">{said}</span>'
        )
    return f'<div class="control"><label for="{name}">{label}</label>{field}</div>'


def _table_html(table: TableTexts) -> str:
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in table.columns)
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        + "".join(f"<td>{html.escape(text)}</td>" for text in row)
        + "</tr>"
        for name, *row in table.rows
    )
    caption = html.escape(table.caption)
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _remark(explorable: Explorable) -> str:
    """What the page leaves out of the laboratory: said before its controls, for tasks ask for all that they can do."""
    made = explorable.lab.make_controls(explorable.lab.__new__(explorable.lab))
    moved = {control.name: control for control in explorable.controls}
    resting = [widget.description.rstrip(" ?:") for name, widget in made.items() if name not in moved]
    fewer = [c.label.rstrip(" ?:") for c in explorable.controls if _has_more(made[c.name], c)]
    said = []
    if not moved:
        said.append("This is how the laboratory opens; its controls move only in the notebook.")
    elif resting:
        said.append(f"Only the notebook can set: {html.escape('; '.join(resting))}.")
    if fewer:
        said.append(f"Only the notebook has every value of: {html.escape('; '.join(fewer))}.")
    if explorable.lab.question is not None:
        said.append("The picture here leaves your prediction out.")
    return " ".join(said)


def _has_more(widget: Any, control: Control) -> bool:
    return len(range_of(widget)[0]) > len(control.values)


def _data(explorable: Explorable, pictures: str) -> dict[str, Any]:
    """What the script switches between; rows of tables and names of pictures are kept once and named by place."""
    rows: dict[tuple[str, ...], int] = {}
    heads: dict[tuple[str, tuple[str, ...]], int] = {}
    files: dict[str, int] = {}
    states: dict[str, list[Any]] = {}
    for key, state in explorable.states.items():
        table = state.table
        states[",".join(map(str, key))] = [
            files.setdefault(name_of_picture(state.picture), len(files)),
            state.sentence,
            dict(state.guessed) if isinstance(state.guessed, Mapping) else state.guessed,
            heads.setdefault((table.caption, table.columns), len(heads)),
            [rows.setdefault(row, len(rows)) for row in table.rows],
        ]
    data: dict[str, Any] = {
        "controls": [f"{id_of(explorable.lab)}-{control.name}" for control in explorable.controls],
        "pictures": [pictures + name for name in files],
        "heads": [list(head) for head in heads],
        "rows": [list(row) for row in rows],
        "states": states,
    }
    if explorable.lab.question is not None:
        data["question"] = dict(kind_of(explorable.lab.question))
    return data


def _json(data: Any) -> str:
    """JSON that can stand in a page: nothing in it ends the element."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
