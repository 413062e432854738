"""Lesson files as authors write them: read, checked marker by marker, turned into nbgrader source notebooks.

A section is one file in jupytext's percent format. This module refuses what nbgrader would silently get wrong,
and says for each refusal the file, the cell, what was given and what would be right.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jupytext
import nbformat
from nbformat.notebooknode import NotebookNode

from course.errors import CourseError

ROLES = ("answer", "tests", "written", "readonly", "task", "lab")
MARKER = re.compile(r"^# %%(?P<rest>.*)$", re.MULTILINE)
WELL_FORMED = re.compile(r'^(?P<type> \[markdown\])?(?P<pairs>( [a-z_]+=("[^"]*"|\d+|true|false))*)$')
PAIR = re.compile(r'([a-z_]+)=("[^"]*"|\d+|true|false)')
GRADE_ID = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)+$")
LESSON_NAME = re.compile(r"^\d\d_[a-z0-9_]+$")
SECTION_NAME = re.compile(r"^\d_[a-z0-9_]+$")
SOLUTION = ("### BEGIN SOLUTION", "### END SOLUTION")
HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")
#: Any writing of these words makes nbgrader cut or abort, in prose too.
DELIMITER = re.compile(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)")
KEYS = {
    "answer": {"grade_id", "stub"},
    "tests": {"grade_id", "points", "hint"},
    "written": {"grade_id", "points", "stub"},
    "readonly": {"grade_id"},
    "task": {"grade_id", "points"},
    "lab": set(),
}
POINTED = {"tests", "written", "task"}


class BadLesson(CourseError):
    """A lesson file that must not be built; the message lists every problem found."""


@dataclass(frozen=True)
class Cell:
    """One cell of a lesson file, as its marker says."""

    kind: str  # "code" or "markdown"
    source: str
    line: int  # of its marker in the file, from 1
    role: str | None = None
    grade_id: str | None = None
    points: int | None = None
    hint: str | None = None
    stub: str | None = None

    @property
    def name(self) -> str:
        """How messages call this cell."""
        return f"{self.role or ('text' if self.kind == 'markdown' else 'set-up')} cell" + (
            f" {self.grade_id!r}" if self.grade_id else ""
        )


@dataclass
class _Findings:
    path: Path
    problems: list[str] = field(default_factory=list)

    def add(self, cell_or_line: Cell | int, given: str, mend: str) -> None:
        where = (
            f"line {cell_or_line}"
            if isinstance(cell_or_line, int)
            else f"line {cell_or_line.line}, {cell_or_line.name}"
        )
        self.problems.append(f"{self.path.name}, {where}: {given}; {mend}")

    def raise_if_any(self) -> None:
        if self.problems:
            raise BadLesson("\n  ".join([f"{len(self.problems)} problem(s) in {self.path}:", *self.problems]))


def read_section(path: Path) -> list[Cell]:
    """Read and check one lesson file.

    Raises BadLesson with every problem in it: malformed markers, unknown roles or keys, missing or doubled grade
    ids, points where none belong, regions that are missing, unbalanced or in the wrong cell, delimiters in prose,
    code that does not compile before or after the regions are cut, asserts without a message.
    """
    findings = _Findings(path)
    if not SECTION_NAME.match(path.stem):
        findings.add(1, f"the file is named {path.name!r}", "a section is named K_words_like_this.py, K a digit")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadLesson(f"{path} is not UTF-8 text ({error}); save it as UTF-8") from error
    headers = _headers(text, findings)
    findings.raise_if_any()
    notebook = jupytext.reads(text, fmt="py:percent")
    if len(notebook.cells) != len(headers):
        findings.add(
            1,
            f"{len(headers)} markers, but {len(notebook.cells)} cells",
            "begin the file with a marker, and put nothing before it",
        )
        findings.raise_if_any()
    cells = [
        Cell(kind=raw.cell_type, source=raw.source.strip("\n"), line=line, **keys)
        for raw, (line, keys) in zip(notebook.cells, headers, strict=True)
    ]
    _check_cells(cells, findings)
    findings.raise_if_any()
    return cells


def _headers(text: str, findings: _Findings) -> list[tuple[int, dict]]:
    headers = []
    for match in MARKER.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        rest = match["rest"].rstrip()
        shape = WELL_FORMED.match(rest)
        if not shape:
            mend = 'write # %%, then [markdown] for text, then key="value" pairs, a space before each'
            if "[markdown]" in rest and not rest.startswith(" [markdown]"):
                mend = "put [markdown] directly after # %%: later, it silently becomes a code cell"
            findings.add(line, f"the marker {match[0]!r} is not one", mend)
            continue
        pairs = PAIR.findall(shape["pairs"])
        keys = {key: _value(value) for key, value in pairs}
        if len(keys) < len(pairs):
            findings.add(line, f"the marker {match[0]!r} gives a key twice", "give each key once")
        role = keys.get("role")
        if role is not None and role not in ROLES:
            findings.add(line, f"there is no role {role!r}", f"the roles are {', '.join(ROLES)}")
            continue
        unknown = sorted(set(keys) - {"role"} - (KEYS[role] if role else set()))
        if unknown:
            who = f"{'an' if role == 'answer' else 'a'} {role} cell" if role else "a cell without a role"
            may = ", ".join(sorted(KEYS[role])) if role and KEYS[role] else "no key"
            findings.add(line, f"{who} has {', '.join(unknown)}", f"it may have {may}")
            continue
        headers.append((line, keys))
    return headers


def _value(text: str) -> str | int | bool:
    if text.startswith('"'):
        return text[1:-1]
    return {"true": True, "false": False}.get(text, int(text) if text.isdigit() else text)


def _check_cells(cells: Sequence[Cell], findings: _Findings) -> None:
    seen: dict[str, Cell] = {}
    for cell in cells:
        if not cell.source.strip():
            findings.add(cell, "the cell is empty", "write into it or take it out")
        if cell.role not in (None, "lab"):
            _check_grade_id(cell, seen, findings)
        if cell.role in POINTED and (type(cell.points) is not int or cell.points < (cell.role != "tests")):
            findings.add(
                cell, f"points={cell.points!r}", "points is a whole number of 1 and more (0: tests of Go further only)"
            )
        if cell.role == "tests" and cell.points == 0 and HIDDEN[0] in cell.source:
            findings.add(cell, "it hides tests and gives no points", "what gives no points is checked in the open")
        if cell.kind == "markdown" and cell.role not in (None, "written", "task"):
            findings.add(cell, "it is text", f"a cell of the role {cell.role} is code: leave [markdown] out")
        _check_regions(cell, findings)
        if cell.kind == "code":
            _check_code(cell, findings)
    graded_answers = {name for cell in cells if cell.role == "answer" for name in bound_names(cell.source)}
    for cell in cells:
        if cell.role == "tests" and not (used_names(cell.source) & (graded_answers | _written_names(cells))):
            findings.add(
                cell,
                "it uses no name that an answer cell binds",
                "a tests cell judges what a student wrote: call it by its name, and put its answer cell before it",
            )


def _written_names(cells: Iterable[Cell]) -> set[str]:
    return {n for cell in cells if cell.role == "written" and cell.kind == "code" for n in bound_names(cell.source)}


def _check_grade_id(cell: Cell, seen: dict[str, Cell], findings: _Findings) -> None:
    if cell.grade_id is None:
        findings.add(cell, "it has no grade_id", f'name it: role="{cell.role}" grade_id="words-like-these"')
    elif not GRADE_ID.match(str(cell.grade_id)):
        findings.add(cell, f"grade_id={cell.grade_id!r}", "write two words or more in kebab-case: first-bad-day")
    elif cell.grade_id in seen:
        findings.add(cell, f"the cell in line {seen[cell.grade_id].line} has this grade_id too", "give each its own")
    else:
        seen[cell.grade_id] = cell


def _check_regions(cell: Cell, findings: _Findings) -> None:
    allowed = {("answer", "code"): SOLUTION, ("written", "code"): SOLUTION, ("tests", "code"): HIDDEN}.get(
        (cell.role or "", cell.kind)
    )
    depth = 0
    regions = 0
    for text in cell.source.splitlines():
        if not DELIMITER.search(text):
            continue
        stripped = text.strip()
        if allowed is None or stripped not in allowed:
            findings.add(
                cell,
                f"the line {stripped!r} names a region that does not belong here",
                "a solution region stands in an answer cell, hidden tests in a tests cell, each delimiter alone on "
                "its line, and these words never stand in prose (nbgrader would cut there)",
            )
            return
        depth += 1 if stripped == allowed[0] else -1
        regions += stripped == allowed[0]
        if depth not in (0, 1):
            findings.add(cell, f"{stripped!r} stands where it cannot", "open a region once and close it once")
            return
    if depth:
        findings.add(cell, f"{allowed[0]!r} is never closed", f"add {allowed[1]!r}")  # type: ignore[index]
    if cell.role == "answer" and cell.stub is None and not regions:
        findings.add(
            cell,
            "it has no solution region",
            f"put the solution between {SOLUTION[0]!r} and {SOLUTION[1]!r}, or say what the release shows by stub=…: "
            "without either, nbgrader would empty the whole cell",
        )
    if cell.stub is not None and regions:
        findings.add(cell, "it has both a stub and a solution region", "a cell with a stub is replaced whole")
    if cell.role == "written" and cell.kind == "code" and cell.stub is None:
        findings.add(cell, "it is code without a stub", 'say what the release shows: stub="name = ..."')
    if cell.role == "tests":
        if regions > 1:
            findings.add(cell, f"it has {regions} hidden regions", "one region, at the end of the cell")
        if regions and not cell.hint:
            findings.add(cell, "it hides tests and has no hint", 'add hint="…": feedback shows it instead')
        if regions and cell.source.splitlines()[-1].strip() != HIDDEN[1]:
            findings.add(cell, "lines follow its hidden region", "put the hidden region at the end of the cell")


def _check_code(cell: Cell, findings: _Findings) -> None:
    magic = [line for line in cell.source.splitlines() if re.match(r"\s*[%!]", line)]
    if magic and cell.role != "lab":
        findings.add(cell, f"it has a magic: {magic[0].strip()!r}", "plain Python only: magics may stand in lab cells")
        return
    versions = {"": cell.source}
    if cell.role in ("answer", "tests", "written"):
        versions[" once its region is cut"] = released_source(cell)
    for when, source in versions.items():
        try:
            tree = ast.parse(source if not magic else "")
        except SyntaxError as error:
            findings.add(cell, f"it does not compile{when}: {error.msg} at its line {error.lineno}", "mend the code")
            return
    if cell.role == "tests":
        bare = [
            node.lineno for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Assert) and not node.msg
        ]
        if bare:
            findings.add(cell, f"the assert in its line {bare[0]} has no message", "say what was expected of what")
    if cell.role == "answer":
        lost = bound_names(cell.source) - _names_bound_by(tree) - _names_inside_regions(cell.source)
        if lost:
            findings.add(cell, f"the release would not bind {', '.join(sorted(lost))}", "keep the def line visible")


def _names_inside_regions(source: str) -> set[str]:
    """Names that only a solution binds at top level: its own business."""
    inside, keep = False, []
    for line in source.splitlines():
        if line.strip() == SOLUTION[0]:
            inside = True
        elif line.strip() == SOLUTION[1]:
            inside = False
        elif inside and line[:1].strip():
            keep.append(line)
    try:
        return _names_bound_by(ast.parse("\n".join(keep)))
    except SyntaxError:
        return {match for line in keep for match in re.findall(r"^(?:def|class)?\s*([A-Za-z_]\w*)", line)}


def released_source(cell: Cell) -> str:
    """Return what the release shows of a code cell, nbgrader's own stub standing for each region."""
    if cell.stub is not None:
        return cell.stub
    begin, end = SOLUTION if cell.role in ("answer", "written") else HIDDEN
    lines, inside = [], False
    for line in cell.source.splitlines():
        if line.strip() == begin:
            inside = True
            if cell.role != "tests":
                lines.append(line[: len(line) - len(line.lstrip())] + "raise NotImplementedError()")
        elif line.strip() == end:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def bound_names(source: str) -> set[str]:
    """Return the names that running `source` binds at top level.

    >>> sorted(bound_names("import os\\nx, y = 1, 2\\ndef f(): z = 3"))
    ['f', 'os', 'x', 'y']
    """
    try:
        return _names_bound_by(ast.parse(source))
    except SyntaxError:
        return set()


def _names_bound_by(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        else:
            names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return names


def used_names(source: str) -> set[str]:
    """Return the names that `source` reads.

    >>> used_names("assert add(1, b) == 2, 'no'") == {"add", "b"}
    True
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def notebook_of(cells: Sequence[Cell]) -> NotebookNode:
    """Return the nbgrader source notebook of checked cells; the same notebook for the same cells."""
    notebook = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    taken: dict[str, int] = {}
    for cell in cells:
        make = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
        notebook.cells.append(make(cell.source, id=_cell_id(cell, taken), metadata=_metadata(cell)))
    nbformat.validate(notebook)
    return notebook


def _cell_id(cell: Cell, taken: dict[str, int]) -> str:
    base = cell.grade_id or hashlib.sha256(cell.source.encode()).hexdigest()[:12]
    taken[base] = taken.get(base, 0) + 1
    return base if taken[base] == 1 else f"{base}-{taken[base]}"


def _metadata(cell: Cell) -> dict:
    metadata: dict = {}
    if cell.role == "lab":
        metadata["tags"] = ["lab"]
    course = {key: getattr(cell, key) for key in ("role", "hint", "stub") if getattr(cell, key) is not None}
    if course:
        metadata["course"] = course
    if cell.role == "tests" and cell.points == 0:
        # No cell of nbgrader's: Validate would call the whole notebook failed where a student leaves Go further out.
        metadata["tags"] = ["self-check"]
    if cell.role in (None, "lab") or "tags" in metadata:
        return metadata
    nbgrader: dict = {
        "grade": cell.role in ("tests", "written"),
        "solution": cell.role in ("answer", "written"),
        "locked": cell.role in ("tests", "readonly"),
        "task": cell.role == "task",
        "grade_id": cell.grade_id,
        "schema_version": 3,
        "cell_type": cell.kind,
    }
    if cell.role in POINTED:
        nbgrader["points"] = cell.points
    metadata["nbgrader"] = nbgrader
    return metadata


def notebook_bytes(notebook: NotebookNode) -> bytes:
    """Return a notebook as the bytes that are committed: sorted keys, one space of indent, a last newline."""
    return (nbformat.writes(notebook, version=4, sort_keys=True, indent=1) + "\n").encode("utf-8")


def section_files(lesson_dir: Path) -> list[Path]:
    """Return the section files of a lesson in order.

    Raises BadLesson when the folder's name or its content is not a lesson's.
    """
    if not lesson_dir.is_dir():
        there = sorted(p.name for p in lesson_dir.parent.glob("[0-9][0-9]_*")) if lesson_dir.parent.is_dir() else []
        raise BadLesson(f"there is no lesson {lesson_dir.name!r}; there are: {', '.join(there) or 'none'}")
    if not LESSON_NAME.match(lesson_dir.name):
        raise BadLesson(f"a lesson folder is named NN_words_like_this; this one is {lesson_dir.name!r}")
    stray = [p.name for p in lesson_dir.iterdir() if p.suffix == ".ipynb"]
    if stray:
        raise BadLesson(f"{lesson_dir} holds notebooks ({', '.join(sorted(stray))}); a lesson holds .py files only")
    files = sorted(p for p in lesson_dir.glob("*.py"))
    if not files:
        raise BadLesson(f"{lesson_dir} holds no section; a section is a file K_words_like_this.py")
    return files


def read_lesson(lesson_dir: Path) -> dict[str, list[Cell]]:
    """Return the checked cells of every section by section name; grade ids are unique in the whole lesson."""
    sections, problems = {}, []
    for path in section_files(lesson_dir):
        try:
            sections[path.stem] = read_section(path)
        except BadLesson as error:
            problems.append(str(error))
    owner: dict[str, str] = {}
    for section, cells in sections.items():
        for cell in cells:
            if cell.grade_id is None:
                continue
            other = owner.setdefault(cell.grade_id, section)
            if other != section:
                problems.append(
                    f"{section}.py, line {cell.line}, {cell.name}: {other}.py has this grade_id too; give each its own"
                )
    if problems:
        raise BadLesson("\n".join(problems))
    return sections
