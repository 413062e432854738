"""A small course notebook with a cell of every role, and what students make of it: no true lesson is needed."""

from __future__ import annotations

import copy
import json
from typing import Any

from course.grading.reading import Received
from course.grading.rebuild import rebuild
from course.grading.records import Rebuilt

STUB = "raise NotImplementedError()"
SOLVED = "def double(number):\n    return number + number"
HIDDEN = "\n### BEGIN HIDDEN TESTS\nassert double(7309) == 14618\n### END HIDDEN TESTS"


def cell(kind: str, cell_id: str, source: str, **grading: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": kind, "id": cell_id, "metadata": {}, "source": source}
    if kind == "code":
        made |= {"execution_count": None, "outputs": []}
    if grading:
        roles = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
        made["metadata"]["nbgrader"] = roles | {"grade_id": cell_id, "cell_type": kind} | grading
    return made


def solution(head: str, body: str, after: str = "") -> str:
    return f"{head}    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION{after}"


def source() -> dict[str, Any]:
    """The instructor's notebook."""
    cells = [
        cell("markdown", "title", "# Doubling"),
        cell("code", "set-up", "import math\nnumber = 21"),
        cell("code", "double", solution("def double(number):\n", "    return 2 * number"), solution=True),
        cell("code", "double-21", "assert double(number) == 42" + HIDDEN, grade=True, locked=True, points=2),
        cell("code", "given", "factor = 3", locked=True),
        cell("code", "triple", "def triple(number):\n    return factor * number", solution=True),
        cell("code", "triple-7", "assert triple(7) == 21", grade=True, locked=True, points=3),
        cell("markdown", "why", "Because two halves make a whole.", grade=True, solution=True, points=4),
        cell("code", "record", "record = {'who': 'model'}", grade=True, solution=True, points=1),
        cell("markdown", "essay", "Do research.", task=True, points=5),
        cell("code", "look", "double(1)"),
        cell("code", "check-yourself", "assert double(0) == 0"),
        cell("markdown", "end", "That is all."),
    ]
    cells[3]["metadata"]["course"] = {"hint": "Try a larger number."}
    cells[10]["metadata"]["tags"] = ["lab"]
    cells[11]["metadata"]["tags"] = ["self-check"]
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


STUBS = {
    "double": f"def double(number):\n    {STUB}",
    "double-21": "assert double(number) == 42",
    "triple": f"# YOUR CODE HERE\n{STUB}",
    "why": "YOUR ANSWER HERE",
    "record": f"# YOUR CODE HERE\n{STUB}",
}


def release() -> dict[str, Any]:
    """What students got."""
    made = source()
    for each in made["cells"]:
        each["source"] = STUBS.get(each["id"], each["source"])
        each["metadata"].pop("course", None)
    return made


def solved() -> dict[str, Any]:
    """A good student's notebook: run, so that there are outputs, and with cells of her own."""
    made = release()
    answers = {"double": SOLVED, "triple": "def triple(n):\n    return 3 * n", "why": "Since 2 = 1 + 1."}
    answers |= {"record": "record = {'who': 'me'}", "essay": "Do research.\n\nI did."}
    for each in made["cells"]:
        each["source"] = answers.get(each["id"], each["source"])
        if each["cell_type"] == "code":
            each["execution_count"] = 3
            each["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "42\n"}]
    return made


ANSWERS = ("double", "triple", "why", "record", "essay")


def dump(notebook: Any) -> bytes:
    return json.dumps(notebook).encode()


def by_id(notebook: dict[str, Any], cell_id: str) -> dict[str, Any]:
    return next(each for each in notebook["cells"] if each.get("id") == cell_id)


def place_of(notebook: dict[str, Any], cell_id: str) -> int:
    return notebook["cells"].index(by_id(notebook, cell_id))


def plain(text: str, kind: str = "code", cell_id: str = "a1b2c3") -> dict[str, Any]:
    return cell(kind, cell_id, text)


def insert_after(notebook: dict[str, Any], cell_id: str, *cells: dict[str, Any]) -> dict[str, Any]:
    place = place_of(notebook, cell_id) + 1
    notebook["cells"][place:place] = copy.deepcopy(list(cells))
    return notebook


def graded(submission: Any) -> Rebuilt:
    """The rebuilt notebook of a submission: bytes, or data that becomes JSON."""
    raw = submission if isinstance(submission, bytes) else dump(submission)
    return rebuild("hw1", source(), release(), Received(raw))


def answers_of(rebuilt: Rebuilt) -> dict[str, str]:
    return {each.name: each.source for each in rebuilt.cells if each.name in ANSWERS}


def texts(rebuilt: Rebuilt) -> list[str]:
    return [each.source for each in rebuilt.cells]
