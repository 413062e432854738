"""Where tests cells run: a confined process that has the notebook's set-up cells behind it, and no submission.

The set-up cells are the same for everybody, so a class needs one such process for each notebook, and a copy of it for
each submission: a fork, a tenth of what a box and the set-up cells cost. A copy gets the tests and a submission only
after the fork. When it has ended, the original ends whatever is left of it and puts the folders back as they were
before the next one is made (`trusted_side`).

Not shared: at levels B and C, where a box has no /tmp of its own; with files of the student's, which set-up cells may
read; and where the set-up cells leave threads, processes or open files behind, which no fork takes along.
"""

from __future__ import annotations

import contextlib
import socket
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from course.grading.ahead import Ahead
from course.grading.names import names_read
from course.grading.records import Level, Limits
from course.grading.sides import GRACE, Copy, Gone, Side
from course.grading.zygote import Zygote, zygote

#: Originals that this process keeps: the notebooks of a lesson, and some more.
MOST_KEPT = 10


@dataclass(frozen=True)
class Behind:
    """What a judge has behind it, the same for every submission: our own cells, in order, and our files."""

    level: Level
    limits: Limits
    student_names: frozenset[str]
    set_up: tuple[str, ...]
    ahead: tuple[Ahead, ...]  # set-up cells further down that may run ahead, in a copy's original
    course_files: tuple[tuple[str, bytes], ...]


class Judge:
    """The process that judges one submission's notebook: a copy of a kept one, or a box of its own.

    Opening it may raise `Gone`: a set-up cell that does not end, or ends its process. `notes` say which set-up cells
    failed beside the tests, `ran_ahead` how many of `Behind.ahead` have run.
    """

    def __init__(self, behind: Behind, files: Mapping[str, bytes], answers: str) -> None:
        self._behind, self.notes, self.ran_ahead = behind, list[str](), 0
        self._line = self._copy() if behind.level == "A" and not files else self._alone(files)
        try:
            self._line.tell({"op": "submission", "answers": answers})
        except Gone:
            self.close(stop=True)
            raise

    def set_up(self, source: str) -> None:
        """Run one more of our own cells."""
        self.notes += _failure(_set_up(self._line, source, self._behind.limits))

    def ask(self, source: str, seconds: float, calls: socket.socket) -> dict[str, Any]:
        """Have a tests cell judged that talks to the student's side by `calls`, which ends here; may raise `Gone`."""
        order = {"op": "judge", "source": source, "reads": sorted(names_read(source)), "seconds": seconds}
        with calls:
            self._line.tell(order, calls.fileno())
        return self._line.hear(seconds + GRACE)

    def close(self, stop: bool = False) -> float:
        """End it; return the CPU seconds that it spent. `stop` says that it will not end by itself."""
        if isinstance(self._line, Side):
            return self._line.close()
        try:
            return self._line.close(stop)
        except Gone:
            return _forget(self._behind)

    def _alone(self, files: Mapping[str, bytes]) -> Side:
        side, notes = _made(self._behind, files)
        self.notes += notes
        return side

    def _copy(self) -> Copy | Side:
        for _ in range(2):  # an original that has been ended from outside is made anew
            known = _originals()
            if self._behind not in known:
                original, can_be_copied = _original(self._behind)
                _remember(self._behind, original if can_be_copied else None)
                if not can_be_copied:
                    self.notes += original.notes
                    self.ran_ahead = original.ran_ahead
                    return original.side
            kept = known[self._behind]
            known.move_to_end(self._behind)
            if kept is None:
                return self._alone({})
            try:
                copy = Copy(kept.side)
            except Gone:
                _forget(self._behind)
                continue
            self.notes += kept.notes
            self.ran_ahead = kept.ran_ahead
            return copy
        raise Gone("it could not be copied, twice")


@dataclass(frozen=True)
class _Original:
    side: Side
    notes: Sequence[str]
    ran_ahead: int


#: The warm process from which the originals descend, and they; None for what cannot be copied.
_kept: tuple[Zygote | None, OrderedDict[Behind, _Original | None]] = (None, OrderedDict())


def _originals() -> OrderedDict[Behind, _Original | None]:
    """Return the originals of this process; those of a warm process that has ended have ended with it."""
    global _kept
    mine = zygote()
    if _kept[0] is not mine:
        for original in _kept[1].values():
            if original is not None:
                original.side.abandon()
        _kept = mine, OrderedDict()
    return _kept[1]


def _remember(behind: Behind, original: _Original | None) -> None:
    known = _originals()
    known[behind] = original
    while len(known) > MOST_KEPT:
        _forget(next(iter(known)))


def _forget(behind: Behind) -> float:
    """End an original; return the CPU seconds that it spent."""
    original = _originals().pop(behind, None)
    with contextlib.suppress(OSError):
        return 0.0 if original is None else original.side.close()
    return 0.0


def _original(behind: Behind) -> tuple[_Original, bool]:
    """Return a process with the set-up cells behind it, and whether it can be copied.

    As many of the set-up cells further down as may run ahead have run there too.
    """
    ahead = list(behind.ahead)
    while True:
        side, notes = _made(behind, {})
        tried = len(ahead)
        try:
            spoiled = _run_ahead(side, ahead, behind.limits)
            side.tell({"op": "keep"})
            can_be_copied = side.hear(GRACE).get("state") == "passed"
        except Gone:
            side.close()
            if len(ahead) == tried:
                raise
            continue  # without the cell that did not end, or ended its process: in its place it is seen to
        if not spoiled:
            return _Original(side, notes, len(ahead)), can_be_copied
        side.close()


def _run_ahead(side: Side, ahead: list[Ahead], limits: Limits) -> bool:
    """Run set-up cells ahead; drop from the list what must stay behind, and say whether it was noticed too late."""
    for place, cell in enumerate(ahead):
        side.tell({"op": "set-up ahead", "source": cell.source, "shared": sorted(cell.shared)})
        try:
            state = side.hear(limits.cell_seconds + GRACE).get("state")
        except Gone:
            del ahead[place:]
            raise
        if state != "passed":
            del ahead[place:]
            return state == "spoiled"
    return False


def _made(behind: Behind, files: Mapping[str, bytes]) -> tuple[Side, list[str]]:
    """Return a process with all of that behind it, and what failed."""
    side = Side("trusted", behind.level, behind.limits)
    try:
        side.give(dict(behind.course_files), ours=True)
        side.give(files, ours=False)
        side.tell({"op": "begin", "student_names": sorted(behind.student_names)})
        notes = [note for source in behind.set_up for note in _failure(_set_up(side, source, behind.limits))]
    except Gone:
        side.close()
        raise
    return side, notes


def _set_up(line: Copy | Side, source: str, limits: Limits) -> dict[str, Any]:
    line.tell({"op": "set-up", "source": source})
    return line.hear(limits.cell_seconds + GRACE)


def _failure(answer: Mapping[str, Any]) -> list[str]:
    if answer.get("state") == "passed":
        return []
    return [f"for the instructor: a set-up cell failed beside the tests: {answer.get('message')}"]
