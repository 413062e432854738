"""A release notebook as a page of Markdown: what a student reads, with laboratories and quizzes where they stand.

Nothing of a notebook runs here but the cells that only show something (role lab), with every name that a prediction's
stub leaves open as `...`.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from nbformat.notebooknode import NotebookNode

from course.authoring.rehearsal import role_of
from course.errors import CourseError
from course.labs.film import Film
from course.labs.lab import Lab
from course.quiz import Quiz

PREDICTION = "In the notebook: the cell for your prediction, and what checks its kind"


@dataclass(frozen=True)
class Shown:
    """What a lab cell shows: laboratories, quizzes and films, in order."""

    things: tuple[Lab | Quiz | Film, ...]


@dataclass(frozen=True)
class Section:
    """A notebook as a page: `parts` are Markdown, or what a lab cell shows."""

    name: str
    title: str
    parts: tuple[str | Shown, ...]

    @property
    def labs(self) -> list[type[Lab]]:
        """The classes of the laboratories on this page, each once."""
        things = [thing for part in self.parts if isinstance(part, Shown) for thing in part.things]
        return list(dict.fromkeys(type(thing) for thing in things if isinstance(thing, Lab)))

    @property
    def films(self) -> list[Film]:
        """The films on this page."""
        things = [thing for part in self.parts if isinstance(part, Shown) for thing in part.things]
        return [thing for thing in things if isinstance(thing, Film)]


def read_section(name: str, notebook: NotebookNode) -> Section:
    """Return the page of a release notebook.

    Raises CourseError when it has no title, or when a cell that only shows something cannot run by itself.
    """
    title = re.match(r"# (.+)", notebook.cells[0].source) if notebook.cells else None
    if title is None:
        raise CourseError(f"{name}: the first cell should begin with the section's title, `# …`")
    names: dict[str, Any] = {}
    parts: list[str | Shown] = []
    waiting: list[str] = []  # cells of one prediction, which share a fold
    for cell in notebook.cells:
        role = role_of(cell)
        left_open = _left_open(cell.source) if role == "answer" else []
        names |= dict.fromkeys(left_open, ...)
        if left_open or (role == "tests" and "check_prediction" in cell.source):
            waiting.append(_fence(cell.source))
            continue
        if waiting:
            parts.append(_folded(PREDICTION, "\n\n".join(waiting)))
            waiting = []
        parts.append(Shown(tuple(_run(name, cell.source, names))) if role == "lab" else _page_of_cell(cell, role))
    if waiting:
        parts.append(_folded(PREDICTION, "\n\n".join(waiting)))
    return Section(name, title[1], tuple(parts))


def _left_open(source: str) -> list[str]:
    """The names that a stub binds to `...`, if it does nothing else: a prediction's cell.

    >>> _left_open("guess = ...  # percent"), _left_open("def train(): ...")
    (['guess'], [])
    """
    found = []
    for node in ast.parse(source).body:
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value is ...):
            return []
        found += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return found


def _run(name: str, source: str, names: dict[str, Any]) -> Iterator[Lab | Quiz | Film]:
    """Run a lab cell as a notebook does, and return what it shows."""
    shown: list[Any] = []
    names["__builtins__"] = vars(builtins) | {"display": lambda *things: shown.extend(things)}
    try:
        body = ast.parse(source).body
        last = ast.Expression(body.pop().value) if body and isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), name, "exec"), names)
        if last is not None and (value := eval(compile(last, name, "eval"), names)) is not None:
            shown.append(value)
    except Exception as error:
        raise CourseError(f"{name}: this lab cell cannot be shown on a page ({error!r}):\n{source}") from error
    for thing in shown:
        if not isinstance(thing, Lab | Quiz | Film):
            raise CourseError(
                f"{name}: a lab cell shows a {type(thing).__name__}; a page takes laboratories, quizzes and films"
            )
        yield thing


def _page_of_cell(cell: NotebookNode, role: str) -> str:
    """A cell as Markdown; what checks is folded, for it is long."""
    if role == "text":
        return cell.source
    if cell.cell_type == "markdown":
        return f'<div class="written">\n\n{cell.source}\n\n</div>'
    if role == "tests":
        points = cell.metadata.get("nbgrader", {}).get("points", 0)
        worth = f"{points:g} point{'s' * (points != 1)}" if points else "without points"
        return _folded(f"The visible checks ({worth})", _fence(cell.source))
    return _fence(cell.source)


def _fence(source: str) -> str:
    ticks = "`" * (max([2, *map(len, re.findall(r"`{3,}", source))]) + 1)
    return f"{ticks}python\n{source}\n{ticks}"


def _folded(summary: str, text: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


def markdown_of(section: Section, show: Callable[[Lab | Quiz | Film, bool, str], str], foot: str) -> str:
    """Return the page as Markdown; `show` gives the HTML of a laboratory, quiz or film.

    It is told whether that stood on this page before, and a name for it that is unique there.
    """
    lines: list[str] = []
    seen: list[Lab | Quiz | Film] = []
    for part in section.parts:
        for thing in part.things if isinstance(part, Shown) else ():
            is_again = any(thing is earlier for earlier in seen)
            seen.append(thing)
            lines.append(f"```````{{raw}} html\n{show(thing, is_again, f'shown-{len(seen)}')}\n```````")
        if isinstance(part, str):
            lines.append(part)
    return "\n\n".join([*lines, foot, ""])
