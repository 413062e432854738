"""A warm process that forks: what notebooks use is imported once, not once a notebook.

The zygote never sees a test, an answer or a grade: what descends from it can know nothing. It forks a confined child
for each side of each notebook; the trusted side gets the tests afterwards, over its own socket.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import functools
import gc
import importlib
import os
import pickle
import resource
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import platformdirs

from course.errors import CourseError
from course.grading import practice, sandbox, warmth
from course.grading.records import Level, Limits
from course.grading.warmth import ALWAYS

#: The only environment that either side has.
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "agg",
    # Fewer and larger pages for arrays: a fork copies their table. Objects stay in Python's own pools, where small ones
    # lie close together: of what a fork writes to, each page is copied.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "JOBLIB_MULTIPROCESSING": "0",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}
#: How long a box whose line was closed may take to end by itself, in seconds.
POLITE = 0.3
_SIZE = struct.Struct("!Q")


@dataclass(frozen=True)
class Order:
    """One child to fork."""

    side: Literal["student", "trusted"]
    level: Level
    limits: Limits
    folder: str  # its working folder: at A a path within the box, else one that does not exist yet on the disk


class Zygote:
    """A warm process, and the line to it; a context manager. Not for use from several threads at once."""

    def __init__(self, modules: tuple[str, ...] = ALWAYS) -> None:
        # matplotlib's list of fonts takes seconds to make, and is made once a user.
        fonts = platformdirs.user_cache_path("mlops-course", appauthor=False) / "matplotlib"
        fonts.mkdir(parents=True, exist_ok=True)
        here, there = socket.socketpair()
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; from course.grading.zygote import serve; "
            f"serve({there.fileno()}, {modules!r})"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", code],
            stdin=subprocess.DEVNULL,
            env={**ENVIRONMENT, "MPLCONFIGDIR": str(fonts), "HOME": "/"},
            pass_fds=[there.fileno()],
            start_new_session=True,
            cwd="/",
        )
        there.close()
        self._line = here
        self._warmed: frozenset[str] = frozenset()

    def warm(self, modules: frozenset[str]) -> None:
        """Import what a notebook uses, once, before the first fork that needs it.

        Modules of its own set-up cells, which students have, and known libraries: knowing these is knowing nothing.
        """
        new = modules - self._warmed
        if new:
            self._warmed |= new
            self._ask("warm", sorted(new))

    def spawn(self, order: Order) -> tuple[int, socket.socket]:
        """Fork a confined child; return the number of its box and the socket that it listens to."""
        ours, theirs = socket.socketpair()
        with theirs:
            _send(self._line, pickle.dumps(order), theirs.fileno())
        answer = pickle.loads(_receive(self._line)[0])
        if isinstance(answer, str):
            ours.close()
            raise CourseError(f"a grading process could not be started: {answer}")
        return answer, ours

    def watch(self, box: int) -> str | None:
        """Return None while a box keeps to its limits, else what it did: "used more than 2 GiB of memory"."""
        return self._ask("watch", box)

    def end(self, box: int) -> float:
        """End a box and all that runs in it; return the CPU seconds that all of it spent."""
        return self._ask("end", box)

    def _ask(self, what: str, about: Any) -> Any:
        _send(self._line, pickle.dumps((what, about)))
        return pickle.loads(_receive(self._line)[0])

    def close(self) -> None:
        """End the warm process; its children end with it."""
        with contextlib.suppress(OSError):
            self._line.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_zygotes: dict[int, Zygote] = {}


def zygote() -> Zygote:
    """Return the warm process of this worker, started when it is first asked for."""
    mine = os.getpid()
    found = _zygotes.get(mine)
    if found is None or found._process.poll() is not None:
        found = _zygotes[mine] = Zygote()
        atexit.register(found.close)
    return found


def serve(line: int, modules: tuple[str, ...]) -> None:
    """Be the zygote: import, then do what the line says until it is closed; boxes end with it."""
    from course.grading import cells, kernel, student_side, trusted_side

    cells.warm_up()
    _warm(modules)
    kernel.set_process(kernel.PR_SET_DUMPABLE, 0)  # at level B what runs in a box has this account
    sock = socket.socket(fileno=line)
    lives = {"student": student_side.live, "trusted": trusted_side.live}
    boxes: dict[int, tuple[sandbox.Box, Limits]] = {}
    with contextlib.suppress(EOFError):
        while True:
            data, number = _receive(sock)
            order = pickle.loads(data)
            if isinstance(order, Order):
                answer = _spawn(order, lives[order.side], number, boxes)
            elif order[0] == "warm":
                answer = _warm(order[1])
            elif order[0] == "watch":
                box, limits = boxes[order[1]]
                answer = box.watch(limits)
            else:
                answer = _end(boxes.pop(order[1])[0])
            _send(sock, pickle.dumps(answer))
    for box, _ in boxes.values():
        box.close()


def _warm(modules: Iterable[str]) -> None:
    for module in modules:
        with contextlib.suppress(Exception):  # what is not there, or fails, does so again in its cell, and is seen
            warmth.compute_once(importlib.import_module(module))
    practice.practise()
    gc.collect()
    gc.freeze()


def _spawn(
    order: Order, live: Callable[..., int], number: int, boxes: dict[int, tuple[sandbox.Box, Limits]]
) -> int | str:
    root = Path(order.folder)
    confinement = sandbox.Confinement(order.level, root, limits=order.limits)
    inside = functools.partial(_inside, live, number, str(root), order.limits)
    try:
        box = sandbox.run_confined(confinement, inside, [number])
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        os.close(number)
    boxes[box.pid] = box, order.limits
    return box.pid


def _end(box: sandbox.Box) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    box.wait(POLITE)  # its line is closed: what ends by itself is counted, what has to be killed is not
    box.close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _inside(live: Callable[..., int], number: int, root: str, limits: Limits) -> int:
    return live(socket.socket(fileno=number), root, limits)


def _send(sock: socket.socket, data: bytes, number: int | None = None) -> None:
    rights = [] if number is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [number]))]
    sock.sendmsg([_SIZE.pack(len(data))], rights)
    sock.sendall(data)


def _receive(sock: socket.socket) -> tuple[bytes, int]:
    head, ancillary, _, _ = sock.recvmsg(_SIZE.size, socket.CMSG_SPACE(4))
    if len(head) < _SIZE.size:
        raise EOFError("the line is closed")
    number = -1
    for _, _, data in ancillary:
        (number,) = array.array("i", data[:4])
    size, data = _SIZE.unpack(head)[0], b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise EOFError("the line is closed")
        data += more
    return data, number
