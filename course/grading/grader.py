"""Grade one notebook: data in, data out.

Runs the rebuilt notebook's cells where they belong: set-up cells on both sides, the student's on the student's side,
tests cells on the trusted side against a fork of the student's process. A tests cell that was not seen to pass
earns nothing.
"""

from __future__ import annotations

import array
import contextlib
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from course.errors import CourseError
from course.grading.cells import MOST_MESSAGE, safe_outputs
from course.grading.names import changed_and_read
from course.grading.records import Cell, CellResult, Level, Limits, NotebookResult, Rebuilt, State
from course.grading.scores import partial_credit
from course.grading.warmth import imported, libraries
from course.grading.wire import Channel, Closed, Malformed
from course.grading.zygote import Order, zygote

#: How often a running cell's use of memory, processes and disk is looked at, in seconds.
LOOK = 0.05
#: What a side may be late with its word that it stopped a cell, in seconds.
GRACE = 5.0
#: What a copy that answered a tests cell may take to end once the tests have hung up, in seconds.
COPY_ENDS = 1.0
#: Boxes that one notebook may use up: each cell that ends its process needs a new one.
MOST_BOXES = 12
ENDED = "it ended the whole process (exit, a crash, or no memory left)"
#: The most that a side may answer, in bytes and in parts: this process has no limits of its own.
MOST_HEARD = 16 * 2**20
MOST_PARTS = 2_000_000
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


class _Gone(Exception):
    """A side is no more, or does not answer; the message says why."""

    def __init__(self, message: str, state: State = "died") -> None:
        super().__init__(message)
        self.state = state


class _Side:
    """One confined process: orders go in, answers come back."""

    def __init__(self, side: Literal["student", "trusted"], level: Level, limits: Limits) -> None:
        self._above = tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True)
        Path(self._above.name).chmod(0o711)  # so that root's boxes at level B can be nobody's
        # The same path on both sides wherever there can be one: tests hand paths to a student's functions.
        folder = "/tmp/work" if level == "A" else f"{self._above.name}/work"
        try:
            self._box, control = zygote().spawn(Order(side, level, limits, folder))
        except BaseException:
            self._above.cleanup()
            raise
        self._channel = Channel(control, most_bytes=MOST_HEARD, most_parts=MOST_PARTS)

    def give(self, files: Mapping[str, bytes], ours: bool) -> None:
        """Put files into the working folder."""
        if files:
            self.tell({"op": "files", "names": list(files), "ours": ours}, buffers=list(files.values()))
            self.hear(30)

    def tell(self, order: dict[str, Any], number: int | None = None, buffers: Sequence[bytes] = ()) -> None:
        """Send an order, and a socket with it; raise _Gone when nobody listens."""
        try:
            # One who does not read must not make us wait: what is sent fits into memory, and is read at once.
            self._channel.send(order, buffers, seconds=GRACE)
            if number is not None:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [number]))]
                self._channel.socket.sendmsg([b"!"], rights)
        except (Closed, OSError):
            raise _Gone(ENDED) from None

    def hear(self, seconds: float) -> dict[str, Any]:
        """Return the answer; raise _Gone when there is none in time, or the side used more than it may."""
        ends, next_look = time.monotonic() + seconds, time.monotonic() + LOOK

        def look() -> None:
            nonlocal next_look
            now = time.monotonic()
            if now > ends:
                raise _Gone("it did not answer in time", "hung")
            if now >= next_look:
                next_look = now + LOOK
                reason = zygote().watch(self._box)
                if reason:
                    raise _Gone(f"it {reason}")

        try:
            answer, _ = self._channel.receive(meanwhile=look)
        except (Closed, Malformed, MemoryError) as error:
            raise _Gone(ENDED if isinstance(error, Closed) else "what it answered was no answer") from None
        if not isinstance(answer, dict):
            raise _Gone("what it answered was no answer")
        return answer

    def close(self) -> float:
        """End it and all that it started; return the CPU seconds that it spent."""
        self._channel.close()
        spent = zygote().end(self._box)
        self._above.cleanup()
        return spent


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
        self._student: _Side | None = None
        self._trusted: _Side | None = None
        self._set_up: list[str] = []
        self._ran: list[Cell] = []  # what a new box for the student's side has to run again
        self._boxes = 1
        self._why_gone = ""
        self.notes: list[str] = []
        self.cpu_seconds = 0.0

    def __enter__(self) -> Self:
        self._ends = time.monotonic() + self._limits.notebook_seconds
        self._student = self._side("student")
        return self

    def __exit__(self, *_: object) -> None:
        for side in (self._student, self._trusted):
            if side is not None:
                with contextlib.suppress(OSError):
                    self.cpu_seconds += side.close()

    def _side(self, which: Literal["student", "trusted"]) -> _Side:
        side = _Side(which, self._level, self._limits)
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
                    results[cell.name] = self._judge(cell)
            else:
                results[cell.name] = self._run(cell)
        return results

    def _seconds(self) -> float:
        return min(self._limits.cell_seconds, self._ends - time.monotonic())

    def _run(self, cell: Cell) -> CellResult:
        """Run a cell on the student's side, and one of ours on the trusted side as well."""
        if cell.role == "set-up":
            self._set_up.append(cell.source)
            if self._trusted is not None:
                self._set_up_trusted(cell.source)
        seconds = self._seconds()
        if self._student is None or seconds <= 0:
            return CellResult(cell.name, "unseen", message=self._why_gone or "the time for this notebook was used up")
        try:
            answer = self._run_there(cell, seconds)
        except _Gone as gone:
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
        self._student = self._side("student")
        try:
            for cell in self._ran:
                self._run_there(cell, max(0.1, self._seconds()))
        except _Gone as gone:
            self._end_student(f"a cell that ran before did not run again: {gone}")

    def _judge(self, cell: Cell) -> CellResult:
        """Run a tests cell on the trusted side, against a fork of the student's process."""
        seconds = self._seconds()
        if self._student is None or seconds <= 0:
            return CellResult(cell.name, "unseen", 0.0, message=self._why_gone or "the notebook's time was used up")
        try:
            trusted = self._the_trusted()
        except _Gone as gone:
            raise CourseError(f"the trusted side could not be started: {gone}") from None
        mine, theirs = socket.socketpair()
        with mine, theirs:
            try:
                self._student.tell({"op": "serve", "seconds": seconds + GRACE}, theirs.fileno())
            except _Gone as gone:
                self._again(str(gone))
                return CellResult(cell.name, "died", 0.0, message=str(gone))
            theirs.close()
            answer: dict[str, Any]
            try:
                trusted.tell({"op": "judge", "source": cell.source, "seconds": seconds}, mine.fileno())
                mine.close()
                answer = trusted.hear(seconds + GRACE)
            except _Gone:
                # A test that cannot even be stopped: its process goes, and the next tests cell gets a new one.
                self.cpu_seconds += trusted.close()
                self._trusted = None
                answer = {"state": "hung", "message": f"it took longer than {seconds:.0f} s, and was stopped"}
        self._let_go(answer.get("state") == "hung")
        return self._result(cell, answer)

    def _let_go(self, hung: bool) -> None:
        """Wait until the student's side has thrown the copy away that answered a tests cell."""
        assert self._student is not None
        try:
            if hung:
                self._student.tell({"op": "stop"})  # the call still runs there, and nobody waits for it
            self._student.hear(COPY_ENDS)
        except _Gone:
            try:
                self._student.tell({"op": "stop"})
                self._student.hear(GRACE)
            except _Gone as gone:
                self._again(str(gone))

    def _the_trusted(self) -> _Side:
        if self._trusted is None:
            self._trusted = self._side("trusted")
            names = sorted(self._rebuilt.student_names)
            self._trusted.tell({"op": "begin", "student_names": names, "answers": self._answers})
            for source in (*self._rebuilt.imports, *self._set_up):
                self._set_up_trusted(source)
        return self._trusted

    def _set_up_trusted(self, source: str) -> None:
        assert self._trusted is not None
        self._trusted.tell({"op": "set-up", "source": source})
        answer = self._trusted.hear(self._limits.cell_seconds + GRACE)
        if answer.get("state") != "passed":
            self.notes.append(f"for the instructor: a set-up cell failed beside the tests: {answer.get('message')}")

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
