"""A warm process that forks: numpy, pandas and scikit-learn are imported once, not once a notebook.

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
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

from course.errors import CourseError
from course.grading.records import Level, Limits

#: What a warm process has imported: what lessons use, and what comes lazily when a cell runs or fails.
WARM = (
    "numpy", "numpy.random", "pandas", "scipy.stats", "sklearn", "sklearn.base", "sklearn.datasets",
    "sklearn.ensemble", "sklearn.linear_model", "sklearn.metrics", "sklearn.model_selection", "sklearn.neural_network",
    "sklearn.pipeline", "sklearn.preprocessing", "sklearn.tree", "matplotlib.figure", "matplotlib.pyplot",
    "matplotlib.backends.backend_agg", "ipywidgets", "IPython.display", "IPython.core.inputtransformer2",
    "IPython.core.displaypub", "IPython.core.displayhook", "bdb", "inspect", "ast", "asyncio",
    "unittest.mock", "joblib",
)  # fmt: skip
#: The only environment that either side has.
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "agg",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_SIZE = struct.Struct("!Q")


@dataclass(frozen=True)
class Order:
    """One child to fork."""

    side: Literal["student", "trusted"]
    level: Level
    limits: Limits
    folder: str  # a private folder of the caller's for this child


class Zygote:
    """A warm process, and the line to it; a context manager. Not for use from several threads at once."""

    def __init__(self, modules: tuple[str, ...] = WARM) -> None:
        here, there = socket.socketpair()
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; from course.grading.zygote import serve; "
            f"serve({there.fileno()}, {modules!r})"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", code],
            stdin=subprocess.DEVNULL,
            env={**ENVIRONMENT, "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", "/tmp"), "HOME": "/"},
            pass_fds=[there.fileno()],
            start_new_session=True,
            cwd="/",
        )
        there.close()
        self._line = here

    def spawn(self, order: Order) -> tuple[Any, socket.socket]:
        """Fork a confined child; return its box and the socket that it listens to."""
        ours, theirs = socket.socketpair()
        with theirs:
            _send(self._line, pickle.dumps(order), theirs.fileno())
        answer = pickle.loads(_receive(self._line)[0])
        if isinstance(answer, str):
            ours.close()
            raise CourseError(f"a grading process could not be started: {answer}")
        return answer, ours

    def reap(self, child: int) -> float:
        """Let go of a child that was killed; return the CPU seconds that it spent, with all that descended from it."""
        _send(self._line, pickle.dumps(child))
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
    """Be the zygote: import, then fork a child for each order until the line is closed."""
    from course.grading import cells, sandbox, student_side, trusted_side

    for module in modules:
        with contextlib.suppress(ImportError):  # an environment of another course has not all of them
            importlib.import_module(module)
    cells.warm_up()
    gc.collect()
    gc.freeze()
    sock = socket.socket(fileno=line)
    sock.set_inheritable(False)
    lives = {"student": student_side.live, "trusted": trusted_side.live}
    with contextlib.suppress(EOFError):
        while True:
            data, number = _receive(sock, with_number=True)
            order = pickle.loads(data)
            if isinstance(order, int):
                _send(sock, pickle.dumps(_reap(order)))
                continue
            try:
                confinement = sandbox.Confinement.of(order.level, order.folder, order.limits)
                live = lives[order.side]

                inside = functools.partial(_inside, live, number, confinement.root, order.limits)
                answer: Any = sandbox.run_confined(confinement, inside, [number])
            except Exception as error:
                answer = f"{type(error).__name__}: {error}"
            finally:
                os.close(number)
            _send(sock, pickle.dumps(answer))


def _inside(live: Callable[..., int], number: int, root: str, limits: Limits) -> int:
    return live(socket.socket(fileno=number), root, limits)


def _reap(child: int) -> float:
    """Wait for a child that was killed; return the CPU seconds that it and what it waited for have spent."""
    try:
        used = os.wait4(child, 0)[2]
    except ChildProcessError:
        return 0.0
    return used.ru_utime + used.ru_stime


def _send(sock: socket.socket, data: bytes, number: int | None = None) -> None:
    rights = [] if number is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [number]))]
    sock.sendmsg([_SIZE.pack(len(data))], rights)
    sock.sendall(data)


def _receive(sock: socket.socket, with_number: bool = False) -> tuple[bytes, int]:
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
