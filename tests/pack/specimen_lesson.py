"""A lesson of two small notebooks, made here, so that these tests need no true lesson."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

from course.pack.submitting import nbgrader_checksum

LESSON = "01_specimen"
STUB = 'raise NotImplementedError("write this part, then run this cell again")'
HIDDEN_NUMBER = 7309151
DOUBLE = f"def double(number):\n    {STUB}"
SOLVED_DOUBLE = "def double(number):\n    return 2 * number"
TRIPLE = f"def triple(number):\n    {STUB}"
SOLVED_TRIPLE = "def triple(number):\n    return 3 * number"


def cell(kind: str, source: str, grade_id: str = "", **role: Any) -> dict[str, Any]:
    """One cell; with a grade id it gets nbgrader's metadata as a release has them."""
    made: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": source}
    made["id"] = grade_id or hashlib.sha256(source.encode()).hexdigest()[:12]
    if kind == "code":
        made |= {"execution_count": None, "outputs": []}
    if grade_id:
        grading = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
        made["metadata"]["nbgrader"] = grading | {"grade_id": grade_id, "cell_type": kind} | role
        made["metadata"]["nbgrader"]["checksum"] = nbgrader_checksum(made)
    return made


def prose(text: str) -> dict[str, Any]:
    return cell("markdown", text)


def code(text: str) -> dict[str, Any]:
    return cell("code", text)


def answer(grade_id: str, source: str) -> dict[str, Any]:
    return cell("code", source, grade_id, solution=True)


def tests(grade_id: str, source: str, points: int = 1) -> dict[str, Any]:
    return cell("code", source, grade_id, grade=True, locked=True, points=points)


def written(grade_id: str, source: str = "YOUR ANSWER HERE", points: int = 2) -> dict[str, Any]:
    return cell("markdown", source, grade_id, grade=True, solution=True, points=points)


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return {
        "cells": copy.deepcopy(list(cells)),
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def first() -> dict[str, Any]:
    return notebook(
        prose("# A function can double\nRead this first."),
        code("number = 21"),
        answer("double", DOUBLE),
        tests("double-of-21", "assert double(number) == 42, f'expected 42, got {double(number)}'"),
        written("why-double"),
    )


def second() -> dict[str, Any]:
    return notebook(
        prose("# A function can triple"),
        answer("triple", TRIPLE),
        tests("triple-of-7", "assert triple(7) == 21, f'expected 21, got {triple(7)}'", points=3),
    )


def source_of_lesson() -> dict[str, dict[str, Any]]:
    """The instructor's side: solutions between nbgrader's markers, and a hidden test."""

    def solved(text: str) -> str:
        head, body = text.split("\n")
        return f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"

    hidden = f"\n### BEGIN HIDDEN TESTS\nassert double({HIDDEN_NUMBER}) == {2 * HIDDEN_NUMBER}\n### END HIDDEN TESTS"
    one, two = first(), second()
    one["cells"][2]["source"] = solved(SOLVED_DOUBLE)
    one["cells"][3]["source"] += hidden
    two["cells"][1]["source"] = solved(SOLVED_TRIPLE)
    for made in (one, two):
        for each in made["cells"]:
            each["metadata"].get("nbgrader", {}).pop("checksum", None)
    return {"1_first.ipynb": one, "2_second.ipynb": two}


def dump(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()


def write_release(folder: Path, lesson: str = LESSON, **changed: dict[str, Any]) -> Path:
    """Write the released lesson into ``folder``; ``first=…`` and ``second=…`` replace a notebook."""
    target = folder / lesson
    target.mkdir(parents=True, exist_ok=True)
    (target / "1_first.ipynb").write_bytes(dump(changed.get("first") or first()))
    (target / "2_second.ipynb").write_bytes(dump(changed.get("second") or second()))
    return folder


def by_id(content: dict[str, Any], grade_id: str) -> dict[str, Any]:
    """The first cell with this id."""
    return next(each for each in content["cells"] if each.get("id") == grade_id)


def fill_in(file: Path, **answers: str) -> None:
    """Write answers into a notebook file as a student would; ``_`` in a name stands for ``-``."""
    content = json.loads(file.read_text(encoding="utf-8"))
    for grade_id, source in answers.items():
        by_id(content, grade_id.replace("_", "-"))["source"] = source
    file.write_bytes(dump(content))
