"""Keep a few processes running: what ends is started again, and the operator is told; systemd does this elsewhere."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course.errors import CourseError

#: A process that ends so soon so often does not come up at all.
SOON_SECONDS, OFTEN = 10.0, 5
END_SECONDS = 20.0


@dataclass
class Kept:
    """A process that is to run: its name for the operator, its command, and what it is given."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    short: int = field(default=0)
    #: Called, beside all else, when it was started again.
    after: Callable[[], None] | None = None

    def start(self) -> None:
        """Start it, in a session of its own: what it leaves behind can be ended with it."""
        self.started = time.monotonic()
        self.process = subprocess.Popen(self.command, env=dict(self.environment), cwd=self.cwd, start_new_session=True)

    def ended(self) -> int | None:
        """Return its status if it has ended, else None."""
        return None if self.process is None else self.process.poll()

    def end(self) -> None:
        """Ask it to end; after a while end it, with all of its session."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def keep_running(kept: Sequence[Kept], stop: threading.Event, say: Callable[[str], None] = print) -> None:
    """Run all until `stop`; start again what ends. Raise CourseError for one that will not stay up.

    On the way out the last is ended first.
    """
    try:
        for each in kept:
            each.start()
        while not stop.wait(0.5):
            for each in kept:
                status = each.ended()
                if status is None:
                    continue
                each.short = each.short + 1 if time.monotonic() - each.started < SOON_SECONDS else 0
                if each.short >= OFTEN:
                    raise CourseError(
                        f"{each.name} ended {OFTEN} times within {SOON_SECONDS:g} seconds of its start, the last time "
                        f"with status {status}; what it said stands above"
                    )
                say(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {each.name} ended with status {status}; started again")
                each.start()
                if each.after is not None:
                    threading.Thread(target=each.after, daemon=True).start()
    finally:
        for each in reversed(kept):
            each.end()
