"""Stand-ins for the other rooms of the grader: they read, rebuild and grade small honest notebooks by simple rules.

They are found by name in workers, so everything here is a plain function of a module.
"""

import ast
import copy
import io
import json
import os
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from course.grading.class_run import Rooms
from course.grading.records import Cell, CellResult, NotebookResult, Rebuilt

ROOMS = Rooms(*(f"{__name__}:{name}" for name in ("read_submission", "extra_files", "rebuild", "grade_notebook")))


@dataclass(frozen=True)
class Received:
    raw: bytes | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExtraFile:
    path: str
    content: bytes
    ours: bool = False


@dataclass(frozen=True)
class Extras:
    files: tuple[ExtraFile, ...] = ()
    notes: tuple[str, ...] = ()


def read_submission(folder, names):
    files = {name: folder / f"{name}.ipynb" for name in names}
    return {
        name: Received(file.read_bytes()) if file.is_file() else Received(reason=f"there is no {name}.ipynb")
        for name, file in files.items()
    }


def extra_files(folder, ours=None):
    def below(place):
        for file in sorted(place.rglob("*")):
            if file.is_file() and not file.is_symlink() and file.suffix != ".ipynb" and file.name != "timestamp.txt":
                yield file.relative_to(place).as_posix(), file.read_bytes()

    mine = [ExtraFile(name, content, ours=True) for name, content in below(ours)] if ours is not None else []
    taken = {file.path for file in mine}
    theirs = [ExtraFile(name, content) for name, content in below(Path(folder)) if name not in taken]
    return Extras((*mine, *theirs))


def rebuild(name, source, release, received):
    released = {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in release["cells"] if _settings(cell)}
    try:
        notebook = json.loads(received.raw) if received.raw is not None else {"cells": []}
        handed = {_settings(cell)["grade_id"]: _text(cell) for cell in notebook["cells"] if _settings(cell)}
        unreadable = received.reason
    except ValueError as error:
        handed, unreadable = {}, f"it is no notebook ({error})"
    made, cells = copy.deepcopy(dict(source)), []
    for number, cell in enumerate(made["cells"], 1):
        settings = _settings(cell)
        role = _role(cell, settings)
        if settings:
            grade_id = settings["grade_id"]
            cell["metadata"] = {"nbgrader": {**released[grade_id]["metadata"]["nbgrader"]}}
            if role in ("answer", "written"):
                cell["source"] = handed.get(grade_id, _text(released[grade_id]))
        cell["source"] = _text(cell)
        points = float(settings.get("points", 0)) if settings else 0.0
        name_of_cell = settings["grade_id"] if settings else f"{role} {number}"
        cells.append(Cell(name_of_cell, role, cell["source"], cell["cell_type"] == "code", points))
    return Rebuilt(name, tuple(cells), made, frozenset(), (), unreadable)


def grade_notebook(rebuilt, *, files, course_files, limits, level, only=None):
    """Run the cells in one namespace; answers that name a deed do it."""
    results, namespace = {}, {"files": {**files, **course_files}}
    for cell in rebuilt.cells:
        if not cell.is_code or (cell.role == "tests" and only is not None and cell.name not in only):
            continue
        if "SLOWLY" in cell.source:
            time.sleep(0.05)
        if "KILL THE WORKER" in cell.source:
            os._exit(9)
        if "RAISE IN THE WORKER" in cell.source:
            raise RuntimeError("the grader has a fault")
        if "LOSE THE RESULT" in rebuilt.cells[1].source and cell.role == "tests":
            continue
        results[cell.name] = _run(cell, namespace)
    return NotebookResult(rebuilt.name, results, level, rebuilt.notes, 0.01, 0.01)


def _run(cell, namespace):
    out = io.StringIO()
    value = None
    try:
        tree = ast.parse(cell.source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        with redirect_stdout(out):
            exec(compile(tree, cell.name, "exec"), namespace)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), cell.name, "eval"), namespace)
    except Exception as error:
        state, message = "failed", f"{type(error).__name__}: {error}"
    else:
        state, message = "passed", ""
    outputs = []
    if out.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": out.getvalue()})
    if value is not None:
        data = {"text/plain": repr(value)}
        outputs.append({"output_type": "execute_result", "execution_count": None, "metadata": {}, "data": data})
    return CellResult(cell.name, state, None, tuple(outputs), message)


def _settings(cell):
    return cell["metadata"].get("nbgrader")


def _text(cell):
    return "".join(cell["source"])


def _role(cell, settings):
    if not settings:
        return "set-up" if cell["cell_type"] == "code" else "text"
    if settings["grade"]:
        return "written" if settings["solution"] or cell["cell_type"] != "code" else "tests"
    return "answer" if settings["solution"] else "text"
