"""Grade one notebook: data in, data out.

Runs the rebuilt notebook's cells where they belong: set-up cells on both sides, the student's on the student's side,
tests cells on the trusted side against a fork of the student's process. A tests cell that was not seen to pass
earns nothing.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

from course.errors import CourseError
from course.grading.ahead import may_run_ahead
from course.grading.cells import MOST_MESSAGE, safe_outputs
from course.grading.judges import Behind, Judge
from course.grading.names import changed_and_read
from course.grading.records import Cell, CellResult, Level, Limits, NotebookResult, Rebuilt, State
from course.grading.scores import partial_credit
from course.grading.sides import GRACE, Gone, Side
from course.grading.warmth import imported, libraries
from course.grading.zygote import zygote

#: Boxes that one notebook may use up: each cell that ends its process needs a new one.
MOST_BOXES = 12
STATES: tuple[State, ...] = ("passed", "failed", "hung", "died", "unseen")


def grade_notebook(
    rebuilt: Rebuilt,
    *,
    files: Mapping[str, bytes] | None = None,
    course_files: Mapping[str, bytes] | None = None,
    limits: Limits | None = None,
    level: Level = "A",
    only: frozenset[str] | None = None,
) -> NotebookResult:
    """Run a rebuilt notebook confined at `level`, and return what happened in each of its code cells.

    `files` are what the student handed in beside it, `course_files` what the instructor gives out beside it: paths
    within the working folder, and bytes. `only` names the tests cells whose results are wanted (and those that bind
    what they read); None stands for all.
    """
    began = time.monotonic()
    limits = limits or Limits()
    code = [cell for cell in rebuilt.cells if cell.is_code and cell.role not in ("lab", "text")]
    ours = frozenset().union(*(imported(cell.source) for cell in code if cell.role == "set-up"))
    zygote().warm(libraries(cell.source for cell in code) | ours)
    with _Play(rebuilt, files or {}, course_files or {}, limits, level) as play:
        results = play.through(None if only is None else _with_needed(rebuilt.cells, only))
    return NotebookResult(
        name=rebuilt.name,
        cells=results,
        level=level,
        notes=(*rebuilt.notes, *play.notes),
        seconds=time.monotonic() - began,
        cpu_seconds=play.cpu_seconds,
    )


def _with_needed(cells: Sequence[Cell], only: frozenset[str]) -> frozenset[str]:
    """Return the tests cells to run: those wanted, and earlier ones that bind or change a name which they read."""
    wanted: set[str] = set()
    needed: set[str] | None = set()  # None: anything
    for cell in reversed(cells):
        if cell.role != "tests":
            continue
        names = changed_and_read(cell.source)
        if cell.name in only or (wanted and (names is None or needed is None or names[0] & needed)):
            wanted.add(cell.name)
            needed = None if names is None or needed is None else needed | names[1]
    return frozenset(wanted)


class _Play:
    def __init__(
        self,
        rebuilt: Rebuilt,
        files: Mapping[str, bytes],
        course_files: Mapping[str, bytes],
        limits: Limits,
        level: Level,
    ) -> None:
        self._rebuilt, self._limits, self._level = rebuilt, limits, level
        self._files, self._course_files = files, course_files
        self._answers = "\n\n".join(c.source for c in rebuilt.cells if c.role in ("answer", "added", "written"))
        self._student: Side | None = None
        self._judge: Judge | None = None
        self._set_up: list[str] = []
        self._behind: Behind | None = None  # what each judge has behind it
        self._behind_it = 0  # how many set-up cells, imports included, the judge has run
        self._ran: list[Cell] = []  # what a new box for the student's side has to run again
        self._boxes = 1
        self._why_gone = ""
        self.notes: list[str] = []
        self.cpu_seconds = 0.0

    def __enter__(self) -> Self:
        self._ends = time.monotonic() + self._limits.notebook_seconds
        self._student = self._students_side()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._close_judge()
        if self._student is not None:
            with contextlib.suppress(OSError):
                self.cpu_seconds += self._student.close()

    def _students_side(self) -> Side:
        side = Side("student", self._level, self._limits)
        side.give(self._course_files, ours=True)
        side.give(self._files, ours=False)
        return side

    def through(self, tests: frozenset[str] | None) -> dict[str, CellResult]:
        """Run every cell in order; `tests` names the tests cells to run, None stands for all."""
        results: dict[str, CellResult] = {}
        for cell in self._rebuilt.cells:
            if not cell.is_code or cell.role in ("lab", "text"):
                continue
            if cell.role == "tests":
                if tests is None or cell.name in tests:
                    results[cell.name] = self._judged(cell)
            else:
                results[cell.name] = self._run(cell)
        return results

    def _seconds(self) -> float:
        return min(self._limits.cell_seconds, self._ends - time.monotonic())

    def _run(self, cell: Cell) -> CellResult:
        """Run a cell on the student's side, and one of ours on the trusted side as well."""
        if cell.role == "set-up":
            self._set_up.append(cell.source)
            self._bring_up_to_date()
        seconds = self._seconds()
        if self._student is None or seconds <= 0:
            return CellResult(cell.name, "unseen", message=self._why_gone or "the time for this notebook was used up")
        try:
            answer = self._run_there(cell, seconds)
        except Gone as gone:
            late = f"it ran longer than {seconds:.0f} s, and was stopped"
            self._again(late if gone.state == "hung" else str(gone))
            return CellResult(cell.name, gone.state, message=late if gone.state == "hung" else str(gone))
        self._ran.append(cell)
        return self._result(cell, answer)

    def _run_there(self, cell: Cell, seconds: float) -> dict[str, Any]:
        assert self._student is not None
        self._student.tell({"op": "run", "source": cell.source, "ours": cell.role == "set-up"})
        return self._student.hear(seconds)

    def _again(self, why: str) -> None:
        """Open a new box for the student's side, and play the cells before the one that ended the old one again."""
        self._end_student(why)
        self._boxes += 1
        if self._boxes > MOST_BOXES:
            self._why_gone = f"too many cells ended the notebook's process; the last because {why}"
            return
        self._student = self._students_side()
        try:
            for cell in self._ran:
                self._run_there(cell, max(0.1, self._seconds()))
        except Gone as gone:
            self._end_student(f"a cell that ran before did not run again: {gone}")

    def _judged(self, cell: Cell) -> CellResult:
        """Run a tests cell on the trusted side, against a fork of the student's process."""
        seconds = self._seconds()
        if self._student is None or seconds <= 0:
            return CellResult(cell.name, "unseen", 0.0, message=self._why_gone or "the notebook's time was used up")
        try:
            judge = self._the_judge(cell)
        except Gone as gone:
            raise CourseError(f"the trusted side could not be started: {gone}") from None
        mine, theirs = socket.socketpair()
        with mine, theirs:
            try:
                self._student.tell({"op": "serve", "seconds": seconds + GRACE}, theirs.fileno())
            except Gone as gone:
                self._again(str(gone))
                return CellResult(cell.name, "died", 0.0, message=str(gone))
            theirs.close()
            answer: dict[str, Any]
            try:
                answer = judge.ask(cell.source, seconds, mine)
            except Gone:
                # A test that cannot even be stopped: its process goes, and the next tests cell gets a new one.
                self._close_judge(stop=True)
                answer = {"state": "hung", "message": f"it took longer than {seconds:.0f} s, and was stopped"}
        self._let_go(answer.get("state") == "hung")
        return self._result(cell, answer)

    def _let_go(self, hung: bool) -> None:
        """Wait until the student's side has thrown the copy away that answered a tests cell."""
        assert self._student is not None
        try:
            self._student.let_go(stop=hung)  # then the call still runs there, and nobody waits for it
        except Gone as gone:
            self._again(str(gone))

    def _the_judge(self, cell: Cell) -> Judge:
        if self._judge is None:
            if self._behind is None:
                self._behind = self._all_behind(cell)
            self._judge = Judge(self._behind, self._files, self._answers)
            self._behind_it = len(self._behind.set_up) + self._judge.ran_ahead
            self._bring_up_to_date()
        return self._judge

    def _all_behind(self, cell: Cell) -> Behind:
        """Return what a judge has behind it whose first tests cell this is."""
        names = self._rebuilt.student_names
        return Behind(
            level=self._level,
            limits=self._limits,
            student_names=names,
            set_up=(*self._rebuilt.imports, *self._set_up),
            ahead=may_run_ahead(self._rebuilt.cells[self._rebuilt.cells.index(cell) :], names),
            course_files=tuple(sorted(self._course_files.items())),
        )

    def _bring_up_to_date(self) -> None:
        """Run the set-up cells that the judge has not behind it yet, if there is one."""
        if self._judge is not None:
            all_of_them = (*self._rebuilt.imports, *self._set_up)
            for source in all_of_them[self._behind_it :]:
                try:
                    self._judge.set_up(source)
                except Gone as gone:
                    raise CourseError(f"a set-up cell did not come to its end beside the tests: {gone}") from None
            self._behind_it = max(self._behind_it, len(all_of_them))

    def _close_judge(self, stop: bool = False) -> None:
        if self._judge is not None:
            self.cpu_seconds += self._judge.close(stop)
            self.notes += self._judge.notes
            self._judge = None

    def _end_student(self, why: str) -> None:
        if self._student is not None:
            self._why_gone = f"an earlier cell ended the notebook: {why}"
            self.cpu_seconds += self._student.close()
            self._student = None

    def _result(self, cell: Cell, answer: dict[str, Any]) -> CellResult:
        """Read an answer; what it says of a student's cell is a stranger's word, and shown, not scored."""
        state = answer.get("state")
        state = state if state in STATES else "failed"
        message = answer.get("message")
        seconds = answer.get("seconds")
        outputs = safe_outputs(answer.get("outputs"), self._limits.output_bytes + MOST_MESSAGE)
        earned = partial_credit(outputs, cell.points) if state == "passed" else 0.0
        return CellResult(
            cell.name,
            state,
            earned if cell.role == "tests" else None,
            outputs,
            message[:MOST_MESSAGE] if isinstance(message, str) else "",
            float(seconds) if isinstance(seconds, int | float) and seconds == seconds else 0.0,
        )
