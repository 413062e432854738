"""What travels between the rooms of the grader: plain, frozen data that pickles and becomes JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: What a cell is to the grader.
#: set-up: ours, runs on both sides; answer: the student's; added: the student's own cell, kept as plain code;
#: tests: runs on the trusted side; written: read by a person, and runs on the student's side where it is code;
#: lab: runs nowhere; text: words.
Role = Literal["set-up", "answer", "added", "tests", "written", "lab", "text"]

#: How a cell ended. unseen: it did not run, because what it needs had ended before.
State = Literal["passed", "failed", "hung", "died", "unseen"]

#: How far student code is confined; see `sandbox`.
Level = Literal["A", "B", "C"]


@dataclass(frozen=True)
class Cell:
    """One cell of a notebook as it is graded, at its place in `Rebuilt.notebook["cells"]`."""

    name: str  # its grade id; a cell without one is called by its role and place: "set-up 3", "added 7"
    role: Role
    source: str
    is_code: bool = True
    points: float = 0.0  # the most a tests cell or a written answer can earn
    hint: str = ""  # the author's words, which feedback shows instead of a hidden test


@dataclass(frozen=True)
class Rebuilt:
    """Our notebook with the student's answers in it, and what was found on the way."""

    name: str  # the notebook's name, without .ipynb
    cells: tuple[Cell, ...]  # one a cell of `notebook`, in order
    notebook: Mapping[str, Any]  # nbformat 4, no outputs: what becomes autograded/…ipynb once results are in
    student_names: frozenset[str] = frozenset()  # what the reference answers bind: tests take these from the student
    imports: tuple[str, ...] = ()  # what the reference answers import: tests get these from the libraries
    notes: tuple[str, ...] = ()  # what was repaired or left out, in words a student understands
    unreadable: str = ""  # why nothing could be taken from the submission; then the notebook is the untouched release


@dataclass(frozen=True)
class Limits:
    """What student code may use; beyond it the cell ends, and the notebook goes on where it can."""

    cell_seconds: float = 120.0  # wall time of one cell, set-up and answers as well as tests
    notebook_seconds: float = 300.0  # wall time of all cells together
    cpu_seconds: float = 300.0  # CPU time of any one process
    memory_bytes: int = 2 * 2**30  # of the whole tree of processes, beyond what the warm process had
    processes: int = 64  # processes and threads of the tree
    file_bytes: int = 64 * 2**20  # what it may write, all files together
    files: int = 2000  # files and folders it may create
    output_bytes: int = 200_000  # what is kept of one cell's output


@dataclass(frozen=True)
class CellResult:
    """What happened in one cell."""

    name: str
    state: State
    score: float | None = None  # tests cells only: what was earned; None elsewhere
    outputs: tuple[Mapping[str, Any], ...] = ()  # nbformat outputs, safe to show: text and pictures, no markup
    message: str = ""  # why it did not pass, one line
    seconds: float = 0.0


@dataclass(frozen=True)
class NotebookResult:
    """What one notebook of one submission earned, as the grader saw it."""

    name: str
    cells: Mapping[str, CellResult] = field(default_factory=dict)  # code cells by name, in order
    level: Level = "C"
    notes: tuple[str, ...] = ()  # the rebuild's, and what happened while running
    seconds: float = 0.0
    cpu_seconds: float = 0.0
