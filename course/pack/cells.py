"""Notebooks read as plain data: whatever a student's file holds, reading it runs nothing and trusts nothing."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

Cell = dict[str, Any]
Notebook = dict[str, Any]


class Unreadable(ValueError):
    """A file that is no notebook; the message says in what way."""


def parse_notebook(raw: bytes) -> Notebook:
    """The notebook in these bytes, its cells known to have a type and a source. Raises ``Unreadable``.

    >>> parse_notebook(b'{"cells": []')
    Traceback (most recent call last):
    course.pack.cells.Unreadable: it is not whole: Expecting ',' delimiter at line 1, column 13
    """
    try:
        notebook = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Unreadable("it is no text") from error
    except json.JSONDecodeError as error:
        raise Unreadable(f"it is not whole: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise Unreadable("it is nested too deeply") from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or notebook.get("nbformat") != 4:
        raise Unreadable("it is no notebook of format 4")
    for number, cell in enumerate(cells, 1):
        source = cell.get("source") if isinstance(cell, dict) else None
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str) or cell.get("cell_type") not in ("code", "markdown", "raw"):
            raise Unreadable(f"its cell {number} is no cell")
        if not isinstance(cell.get("metadata", {}), dict):
            raise Unreadable(f"its cell {number} has broken metadata")
    return notebook


def dump_notebook(notebook: Notebook) -> bytes:
    """The bytes of a notebook, as JupyterLab writes them."""
    return (json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def source_of(cell: Cell) -> str:
    """A cell's source as one text (files may hold it as a list of lines).

    >>> source_of({"source": ["a\\n", "b"]})
    'a\\nb'
    """
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def source_hash(cell: Cell) -> str:
    """The sha256 of a cell's source without the white space at its ends."""
    return hashlib.sha256(source_of(cell).strip().encode("utf-8", "surrogatepass")).hexdigest()


def grading_of(cell: Cell) -> dict[str, Any]:
    """nbgrader's metadata of a cell, or an empty dict when it has none that counts.

    >>> grading_of({"metadata": {"nbgrader": {"solution": True, "grade_id": "first-bad-day"}}})["grade_id"]
    'first-bad-day'
    """
    grading = cell.get("metadata", {}).get("nbgrader")
    if not isinstance(grading, dict) or not isinstance(grading.get("grade_id"), str):
        return {}
    return grading if any(grading.get(role) for role in ("grade", "solution", "locked", "task")) else {}


def is_answer(cell: Cell) -> bool:
    """Whether the student writes in this cell: code to answer with, or text that a person marks."""
    return bool(grading_of(cell).get("solution"))


def key_of(cell: Cell) -> str:
    """What a cell is known by: its grade id, else its cell id, else an empty text.

    >>> key_of({"id": "a1", "metadata": {}})
    'cell:a1'
    """
    if grading := grading_of(cell):
        return "grade:" + grading["grade_id"]
    return "cell:" + cell["id"] if isinstance(cell.get("id"), str) else ""


def answer_cells(notebook: Notebook) -> Iterator[Cell]:
    """The cells in which the student writes, in order."""
    return (cell for cell in notebook["cells"] if is_answer(cell))


def grade_ids(notebook: Notebook) -> set[str]:
    """All grade ids of a notebook: how a renamed one is recognised."""
    return {grading_of(cell)["grade_id"] for cell in notebook["cells"] if grading_of(cell)}


def cell_hashes(notebook: Notebook) -> dict[str, str]:
    """For every cell that has a key, the hash of its source: what is remembered of a placed release."""
    return {key_of(cell): source_hash(cell) for cell in notebook["cells"] if key_of(cell)}
