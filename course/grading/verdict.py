"""What one notebook's verdict looks like: the marks for the gradebook, and the notebook that people read."""

from __future__ import annotations

import copy
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from course.grading.gradebook import NO_RESPONSE, GradebookNotebook, NotebookMarks
from course.grading.records import Cell, CellResult, NotebookResult, Rebuilt
from course.grading.scores import Mark, mark_tests

#: Marks that Markdown would read as form, not as text.
MARKDOWN = re.compile(r"([\\`*_\[\]()#+!|~$-])")

STATES = {
    "failed": "TestFailed",
    "hung": "TimeLimitReached",
    "died": "ProgramEnded",
    "unseen": "NotGraded",
    "passed": "Passed",
}


def marks_of(known: GradebookNotebook, rebuilt: Rebuilt, result: NotebookResult) -> NotebookMarks:
    """Return what the gradebook shall say about a notebook that was handed in.

    As nbgrader's SaveAutoGrades: an untouched answer gets "No response.", an untouched written one 0, a touched
    written one waits for a person. A tests cell earns what `scores` says. A notebook that could not be read earns
    nothing, and a person looks at it.
    """
    cells = {cell.name: cell for cell in rebuilt.cells}
    raw = {cell.name: entry for cell, entry in zip(rebuilt.cells, rebuilt.notebook["cells"], strict=True)}
    grades: dict[str, Mark] = {}
    comments: dict[str, str | None] = {}
    if rebuilt.unreadable:
        for name, entry in known.cells.items():
            if entry.kind != "task":
                grades[name] = Mark(0.0, needs_person=True, reason=rebuilt.unreadable)
            if entry.comment_cell:
                comments[name] = f"This notebook could not be read: {rebuilt.unreadable}"
        return NotebookMarks(True, grades, comments)
    for name, entry in known.cells.items():
        if entry.kind in ("answer", "written"):
            untouched = name in raw and _checksum(raw[name]) == entry.checksum
            comments[name] = NO_RESPONSE if untouched else None
            if entry.kind == "written":
                grades[name] = Mark(0.0 if untouched else None, needs_person=not untouched)
        elif entry.kind == "read":
            grades[name] = Mark(None, needs_person=True)
        elif entry.kind == "tests":
            # The gradebook's points are what everybody sees.
            cell = cells.get(name, Cell(name, "tests", ""))
            points = Cell(name, "tests", cell.source, points=entry.max_score)
            grades[name] = mark_tests(points, result.cells.get(name))
    _tell_why(rebuilt.cells, grades, comments)
    return NotebookMarks(True, grades, comments)


def _tell_why(cells: Sequence[Cell], grades: Mapping[str, Mark], comments: dict[str, str | None]) -> None:
    """Put a tests cell's reason on the answer before it: in nbgrader a tests cell cannot have a comment."""
    answer = None
    for cell in cells:
        if cell.name in comments:
            answer = cell.name
        mark = grades.get(cell.name)
        if mark is not None and mark.reason and answer is not None:
            comments[answer] = " ".join(filter(None, [comments[answer], mark.reason]))


def _checksum(cell: Mapping[str, Any]) -> str | None:
    if not cell.get("metadata", {}).get("nbgrader", {}).get("grade_id"):
        return None
    import nbformat
    from nbgrader.utils import compute_checksum

    node = nbformat.from_dict(dict(cell))
    node.source = "".join(node.source)
    return compute_checksum(node)


def graded_notebook(
    known: GradebookNotebook,
    rebuilt: Rebuilt,
    result: NotebookResult,
    marks: NotebookMarks,
    notes: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the notebook for `autograded/`: ours with the student's answers, and what was seen in each cell.

    A tests cell that earned nothing has an error among its outputs, so that formgrader shows it red. What a student
    should know about how the submission was read stands in a first cell of text.
    """
    notebook = copy.deepcopy(dict(rebuilt.notebook))
    if known.kernelspec:
        notebook.setdefault("metadata", {})["kernelspec"] = dict(known.kernelspec)
    count = 0
    for cell, entry in zip(rebuilt.cells, notebook["cells"], strict=True):
        settings = entry.get("metadata", {}).get("nbgrader")
        released = known.cells.get(cell.name)
        if settings is not None and released is not None:
            settings["checksum"] = released.checksum
            if released.grade_cell:
                settings["points"] = released.max_score
        if entry["cell_type"] != "code":
            continue
        seen = result.cells.get(cell.name)
        ran = seen is not None and seen.state != "unseen"
        count += ran
        entry["execution_count"] = count if ran else None
        entry["outputs"] = [_numbered(output, count) for output in seen.outputs] if seen else []
        mark = marks.grades.get(cell.name)
        if mark is not None and released is not None and released.kind == "tests":
            _show_failure(entry["outputs"], seen, mark)
    told = list(dict.fromkeys([*([rebuilt.unreadable] if rebuilt.unreadable else []), *notes]))
    if told:
        notebook["cells"].insert(0, _notes_cell(told, {entry.get("id") for entry in notebook["cells"]}))
    return notebook


def _numbered(output: Mapping[str, Any], count: int) -> dict[str, Any]:
    numbered = copy.deepcopy(dict(output))
    if numbered.get("output_type") == "execute_result":
        numbered["execution_count"] = count
    return numbered


def _show_failure(outputs: list[dict[str, Any]], seen: CellResult | None, mark: Mark) -> None:
    state = seen.state if seen is not None else "unseen"
    shown = any(output.get("output_type") == "error" for output in outputs)
    if (state == "passed" and not mark.reason) or (shown and not mark.reason):
        return
    message = mark.reason or (seen.message if seen is not None else "") or "the test did not pass"
    name = STATES[state]
    error = {"output_type": "error", "ename": name, "evalue": message, "traceback": [f"{name}: {message}"]}
    outputs.append(error)


def _notes_cell(notes: Sequence[str], taken: set[Any]) -> dict[str, Any]:
    name = "notes-from-the-grader"
    while name in taken:
        name += "-"
    lines = ["**Notes from the grader**", "", *(f"- {plain(note)}" for note in notes)]
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": "\n".join(lines)}


def plain(text: str) -> str:
    r"""Return text as Markdown that shows it as it is: a file's name is the student's choice.

    >>> print(plain("<b>*.py</b>"))
    &lt;b&gt;\*.py&lt;/b&gt;
    """
    return MARKDOWN.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))
