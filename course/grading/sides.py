"""The grader's end of the two sides: confined processes that take orders and answer, and copies of them.

What a side answers is data that nobody trusts. `Gone` is all that happens when a side ends, hangs or talks nonsense.
"""

from __future__ import annotations

import array
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from course.grading.records import Level, Limits, State
from course.grading.wire import Channel, Closed, Malformed
from course.grading.zygote import Order, zygote

#: How often a running cell's use of memory, processes and disk is looked at, in seconds.
LOOK = 0.05
#: What a side may be late with its word that it stopped a cell, in seconds.
GRACE = 5.0
#: What a copy may take to end once nobody talks to it any more, in seconds.
COPY_ENDS = 1.0
ENDED = "it ended the whole process (exit, a crash, or no memory left)"
#: The most that a side may answer, in bytes and in parts: this process has no limits of its own.
MOST_HEARD = 16 * 2**20
MOST_PARTS = 2_000_000


class Gone(Exception):
    """A side is no more, or does not answer; the message says why."""

    def __init__(self, message: str, state: State = "died") -> None:
        super().__init__(message)
        self.state = state


class _Line:
    """Orders go in, answers come back; meanwhile the box is watched."""

    def __init__(self, control: socket.socket, box: int) -> None:
        self._channel = Channel(control, most_bytes=MOST_HEARD, most_parts=MOST_PARTS)
        self._box = box

    def give(self, files: Mapping[str, bytes], ours: bool) -> None:
        """Put files into the working folder."""
        if files:
            self.tell({"op": "files", "names": list(files), "ours": ours}, buffers=list(files.values()))
            self.hear(30)

    def tell(self, order: dict[str, Any], number: int | None = None, buffers: Sequence[bytes] = ()) -> None:
        """Send an order, and a socket with it; raise Gone when nobody listens."""
        try:
            # One who does not read must not make us wait: what is sent fits into memory, and is read at once.
            self._channel.send(order, buffers, seconds=GRACE)
            if number is not None:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [number]))]
                self._channel.socket.sendmsg([b"!"], rights)
        except (Closed, OSError):
            raise Gone(ENDED) from None

    def hear(self, seconds: float) -> dict[str, Any]:
        """Return the answer; raise Gone when there is none in time, or the side used more than it may."""
        ends, next_look = time.monotonic() + seconds, time.monotonic() + LOOK

        def look() -> None:
            nonlocal next_look
            now = time.monotonic()
            if now > ends:
                raise Gone("it did not answer in time", "hung")
            if now >= next_look:
                next_look = now + LOOK
                reason = zygote().watch(self._box)
                if reason:
                    raise Gone(f"it {reason}")

        try:
            answer, _ = self._channel.receive(meanwhile=look)
        except (Closed, Malformed, MemoryError) as error:
            raise Gone(ENDED if isinstance(error, Closed) else "what it answered was no answer") from None
        if not isinstance(answer, dict):
            raise Gone("what it answered was no answer")
        return answer


class Side(_Line):
    """One confined process."""

    def __init__(self, side: Literal["student", "trusted"], level: Level, limits: Limits) -> None:
        self._above = tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True)
        Path(self._above.name).chmod(0o711)  # so that root's boxes at level B can be nobody's
        # The same path on both sides wherever there can be one: tests hand paths to a student's functions.
        folder = "/tmp/work" if level == "A" else f"{self._above.name}/work"
        try:
            box, control = zygote().spawn(Order(side, level, limits, folder))
        except BaseException:
            self._above.cleanup()
            raise
        super().__init__(control, box)

    def let_go(self, stop: bool = False) -> dict[str, Any]:
        """Wait until this side has thrown a copy of itself away; return what it says of it, or raise Gone.

        A copy ends when nobody talks to it any more; with `stop`, or when it takes too long, it is ended.
        """
        if not stop:
            try:
                return self.hear(COPY_ENDS)
            except Gone:
                pass
        self.tell({"op": "stop"})
        return self.hear(GRACE)

    def abandon(self) -> None:
        """Let go of what belongs to it here; it has ended with the warm process that it descended from."""
        self._channel.close()
        self._above.cleanup()

    def close(self) -> float:
        """End it and all that it started; return the CPU seconds that it spent."""
        self._channel.close()
        spent = zygote().end(self._box)
        self._above.cleanup()
        return spent


class Copy(_Line):
    """A copy of a side within the side's own box: one at a time, and nothing is left of it afterwards."""

    def __init__(self, original: Side) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                original.tell({"op": "copy"}, theirs.fileno())
            except Gone:
                ours.close()
                raise
        super().__init__(ours, original._box)
        self._original = original

    def close(self, stop: bool = False) -> float:
        """End it; return the CPU seconds that it spent. Raise Gone when its original is gone with it."""
        self._channel.close()
        seconds = self._original.let_go(stop).get("cpu_seconds")
        return float(seconds) if isinstance(seconds, int | float) else 0.0
