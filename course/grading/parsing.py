"""The bytes of a submitted notebook, read as cells: repaired where that is plain, refused with a reason where not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MiB = 2**20
MOST_BYTES = 20 * MiB
MOST_PARTS = 1_000_000  # lists and objects; each costs far more memory than it takes in the file
MOST_CELLS = 5_000
MOST_SOURCE = 1_000_000  # characters of one cell
PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class SubmittedCell:
    """A cell as the student's file has it, and nothing of it but what a person wrote or what tells it apart."""

    kind: str  # "code" or "markdown"; everything that is not code is text
    source: str
    cell_id: str = ""
    grade_id: str = ""
    pictures: tuple[tuple[str, str, str], ...] = ()  # pasted ones: name, type, base64


@dataclass(frozen=True)
class Opened:
    """The cells of a file, or why there are none, and what was repaired; all in words a student understands."""

    cells: tuple[SubmittedCell, ...] = ()
    notes: tuple[str, ...] = ()
    unreadable: str = ""


class _Refused(ValueError):
    """The file holds no notebook; the message says why and what to do."""


def open_notebook(raw: bytes) -> Opened:
    """The cells in the bytes of a notebook file of any version, in any encoding. Never raises.

    >>> open_notebook(b"").unreadable
    'The file is empty. Save the notebook in Jupyter (File, Save Notebook), and hand it in again.'
    >>> opened = open_notebook(b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": ["a = 1\\\\n", "a"]}]}')
    >>> opened.cells
    (SubmittedCell(kind='code', source='a = 1\\na', cell_id='', grade_id='', pictures=()),)
    """
    notes: list[str] = []
    try:
        notebook = _parse(_decode(raw, notes), notes)
        cells = _cells(_listed_cells(notebook, notes), notes)
    except _Refused as reason:
        return Opened(unreadable=str(reason), notes=tuple(notes))
    except (RecursionError, MemoryError):
        return Opened(unreadable=f"The file is nested too deeply to be a notebook. {_SAVE_AGAIN}", notes=tuple(notes))
    return Opened(tuple(cells), tuple(notes))


_SAVE_AGAIN = "Open it in Jupyter, see that all is there, save it, and hand it in again."
_OTHER_FILES = {b"pk\x03\x04": "a zip archive", b"%pdf": "a PDF", b"<!doctype": "a web page", b"<html": "a web page"}


def _decode(raw: bytes, notes: list[str]) -> str:
    """The text of a file; what was no UTF-8 is noted."""
    if not raw.strip(b" \t\r\n\0"):
        raise _Refused("The file is empty. Save the notebook in Jupyter (File, Save Notebook), and hand it in again.")
    if len(raw) > MOST_BYTES:
        raise _Refused(
            f"The file is too big ({len(raw) / MiB:.0f} MB; at most {MOST_BYTES // MiB} MB). Clear its outputs "
            "(Kernel, Restart Kernel and Clear Outputs of All Cells), save it, and hand it in again."
        )
    for start, what in _OTHER_FILES.items():
        if raw[:100].lstrip().lower().startswith(start):
            raise _Refused(f"The file is {what}, not a notebook, whatever its name says. Hand in the .ipynb file.")
    encoding = json.detect_encoding(raw)
    # Wide encodings show by their zero bytes; a few of those alone are damage, not an encoding.
    if not encoding.startswith("utf-8") and (raw[:2] in (b"\xff\xfe", b"\xfe\xff") or 4 * raw.count(0) >= len(raw)):
        notes.append(f"The file was saved as {encoding.upper()}; a notebook is UTF-8. We could read it all the same.")
        return raw.decode(encoding, "replace").removeprefix("\ufeff")
    text = raw.decode("utf-8-sig", "surrogateescape")
    if _SURROGATES.search(text):
        notes.append(
            "The file was not all saved as UTF-8; we read the rest as Western European text, and some letters beyond "
            "plain English may be wrong. Save the notebook in Jupyter, which writes UTF-8, before you hand it in."
        )
        text = _SURROGATES.sub(_as_windows_has_it, text)
    return text


def _as_windows_has_it(escaped: re.Match[str]) -> str:
    """The letter that a byte is in Windows' Western European table, which nearly contains latin-1."""
    byte = bytes([ord(escaped[0]) - 0xDC00])
    try:
        return byte.decode("cp1252")
    except UnicodeDecodeError:
        return byte.decode("latin-1")


def _parse(text: str, notes: list[str]) -> Any:
    """The JSON in a text; raises ``_Refused`` and RecursionError."""
    if "\0" in text:
        text = text.replace("\0", "")
        notes.append("The file held zero bytes, as damaged files do; we left them out.")
    if text.count("{") + text.count("[") > MOST_PARTS:
        raise _Refused(
            "The file has too many parts to be a notebook. Clear its outputs (Kernel, Restart Kernel and Clear "
            "Outputs of All Cells), save it, and hand it in again."
        )
    text = text.strip()
    try:
        value, end = json.JSONDecoder(strict=False, parse_int=_whole_number).raw_decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        if re.search(r"^(<{7}|>{7}) ", text, re.MULTILINE):
            why = "The file holds marks of a merge by git (<<<<<<<), which make it unreadable. Settle the merge first."
        elif not text.startswith(("{", "[")):
            why = "The file is not a notebook: a notebook's text begins with a brace."
        elif error.pos >= len(text) or error.msg.startswith("Unterminated string"):
            why = "The file ends in the middle: it was cut short when it was saved or sent."
        else:
            why = f"The file is damaged at {where}."
        raise _Refused(f"{why} {_SAVE_AGAIN}") from error
    if end < len(text):
        notes.append("Something stood behind the end of the notebook in your file; we left it out.")
    return value


def _whole_number(digits: str) -> int:
    """A whole number; Python refuses those of more than 4300 digits, and none here matters."""
    return int(digits) if len(digits) < 20 else 0


def _listed_cells(notebook: Any, notes: list[str]) -> list[Any]:
    """The raw cells of a notebook of any version."""
    not_one = f"The file is no notebook: it has no list of cells. {_SAVE_AGAIN}"
    if not isinstance(notebook, dict):
        raise _Refused(not_one)
    cells = notebook.get("cells")
    sheets = notebook.get("worksheets")
    if not isinstance(cells, list) and isinstance(sheets, list):
        # Versions 2 and 3 kept their cells in sheets.
        lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
        cells = [cell for each in lists if isinstance(each, list) for cell in each]
    if not isinstance(cells, list):
        raise _Refused(not_one)
    version = notebook.get("nbformat")
    if version in (1, 2, 3) and not isinstance(version, bool):
        notes.append(f"The file is a notebook of the old version {version}; we read it as if it were of version 4.")
    elif version != 4:
        notes.append("The file does not say a version of notebooks that we know; we read it as version 4.")
    if len(cells) > MOST_CELLS:
        notes.append(f"The notebook has {len(cells)} cells; we read the first {MOST_CELLS}.")
    return cells[:MOST_CELLS]


def _cells(listed: list[Any], notes: list[str]) -> list[SubmittedCell]:
    """The cells that hold something, with what was repaired noted once."""
    seen: dict[str, list[int]] = {}
    cells = []
    for number, raw in enumerate(listed, 1):
        if not isinstance(raw, dict):
            seen.setdefault("no cell at all; left out", []).append(number)
            continue
        source = _source(raw, lambda what, number=number: seen.setdefault(what, []).append(number))
        kind = raw.get("cell_type")
        known = kind in ("code", "markdown", "raw", "heading", "html", "text") if isinstance(kind, str) else False
        is_code = kind == "code" if known else "outputs" in raw or "input" in raw
        if kind == "heading":
            level = raw.get("level")
            hashes = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1)
            source = f"{hashes} {' '.join(source.splitlines())}"
        grading = _dict(_dict(raw, "metadata"), "nbgrader")
        cells.append(
            SubmittedCell(
                "code" if is_code else "markdown",
                source,
                _word(raw.get("id")),
                _word(grading.get("grade_id")),
                () if is_code else tuple(_pictures(_dict(raw, "attachments"))),
            )
        )
    for what, numbers in seen.items():
        which = ", ".join(str(number) for number in numbers[:5]) + (", …" if len(numbers) > 5 else "")
        notes.append(f"Cell {which}: {what}." if len(numbers) == 1 else f"Cells {which}: {what}.")
    return cells


def _source(cell: Mapping[str, Any], remark: Any) -> str:
    """A cell's text with plain line ends, and without what no text may hold."""
    source = next((cell[key] for key in ("source", "input", "code", "text") if key in cell), "")
    if isinstance(source, list):
        if not all(isinstance(line, str) for line in source):
            remark("some lines were no text; left out")
        source = "".join(line for line in source if isinstance(line, str))
    if not isinstance(source, str):
        remark("what should be its text is none; read as empty")
        return ""
    if len(source) > MOST_SOURCE:
        remark(f"longer than {MOST_SOURCE:,} characters; read as empty")
        return ""
    if "\0" in source:
        remark("held zero bytes; left out")
        source = source.replace("\0", "")
    if _SURROGATES.search(source):
        remark("held broken characters (halves of a pair); replaced by �")
        source = _SURROGATES.sub("\ufffd", source)
    return source.replace("\r\n", "\n").replace("\r", "\n")


def _pictures(attachments: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The pictures that were pasted into a text cell, as far as they are pictures."""
    found = []
    for name, bundle in attachments.items():
        for kind, data in bundle.items() if isinstance(bundle, dict) else ():
            text = "".join(data) if isinstance(data, list) and all(isinstance(line, str) for line in data) else data
            if kind in PICTURES and isinstance(text, str) and _BASE64.fullmatch(text) and _word(name) == name:
                found.append((name, kind, text))
    return found


def _dict(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def _word(value: Any) -> str:
    """A short printable text, or an empty one."""
    return value if isinstance(value, str) and len(value) <= 200 and value.isprintable() else ""
