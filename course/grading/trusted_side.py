"""The trusted side of the wall: a process that runs the instructor's tests cells against a student's names.

Forked from the same clean, warm process as the student's side, and confined as well: a test that loops on what a
student returns must end. It gets the tests only after the fork, so that nothing that a student's process descends
from has ever known them. With the set-up cells behind it, it can be kept: then a copy of it judges a submission, and
what the copy did is undone before the next one is made (`judges`, `ground`).
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import os
import random
import select
import signal
import socket
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from course.grading import student_side
from course.grading.ahead import changeable, settings
from course.grading.cells import MOST_MESSAGE, Shell
from course.grading.dice import get_chance
from course.grading.files import CODE, Folder
from course.grading.ground import CannotBeShared, Ground, of_this_process
from course.grading.names import names_read
from course.grading.proxies import Asker, Proxy
from course.grading.records import Limits
from course.grading.wire import Channel, Closed, Late

#: Where a box of level A may write.
SCRATCH = (Path("/tmp"), Path("/dev/shm"))


class TooLate(BaseException):
    """A tests cell that takes too long; no test catches it."""


def live(control: socket.socket, root: str, limits: Limits) -> int:
    """Serve the grader until it hangs up; return the exit status of this process."""
    os.chdir(root)
    sys.path.insert(0, root)
    builtins.input = student_side.nobody_answers
    fork = forbid_code()
    judge = _Judge(Channel(control), Shell(limits.output_bytes), Folder(Path(root), refuse=CODE), fork)
    with contextlib.suppress(Closed):
        judge.live()
    return 0


class _Judge:
    def __init__(self, control: Channel, shell: Shell, folder: Folder, fork: Callable[[], int]) -> None:
        self.control, self.shell, self.folder, self.fork = control, shell, folder, fork
        # A value that a tests cell ends in can be points: a student's object must not write its own.
        shell.show_as(Proxy, "an object on the student's side")
        self.ours: dict[str, Any] = {}
        self.student_names: frozenset[str] = frozenset()
        self.always: frozenset[str] = frozenset()  # what our own set-up functions read of the student's
        self.answers = ""
        self.descriptors: frozenset[str] = frozenset()
        with contextlib.suppress(OSError):  # no /proc: then it cannot be kept
            self.descriptors = of_this_process()
        self.ground: Ground | None = None

    def live(self) -> None:
        while True:
            order, data = self.control.receive()
            if order["op"] == "files":
                # Ours may hold code; a student's may not, and its Folder refuses what could be.
                folder = Folder(self.folder.path) if order["ours"] else self.folder
                folder.write(dict(zip(order["names"], data, strict=True)))
                self.folder.changes()
                self.control.send({"state": "passed"})
            elif order["op"] == "begin":
                self.student_names = frozenset(order["student_names"])
            elif order["op"] == "submission":
                self.answers = order["answers"]
            elif order["op"] == "set-up":
                self.control.send(self.set_up(order["source"]))
            elif order["op"] == "set-up ahead":
                self.control.send(self.set_up_ahead(order["source"], order["shared"]))
            elif order["op"] == "judge":
                (calls,) = student_side._receive_sockets(self.control.socket, 1)
                self.control.send(self.judge(order, Channel(calls)))
            elif order["op"] == "keep":
                self.control.send(self.keep())
            elif order["op"] == "copy":
                (line,) = student_side._receive_sockets(self.control.socket, 1)
                self.copy(Channel(line))
            elif order["op"] != "stop":  # a stop that comes when what it was for has just ended by itself
                return

    def keep(self) -> dict[str, Any]:
        """Say whether copies can be made of what there is now."""
        try:
            self.ground = Ground(self.folder.path, SCRATCH, self.descriptors)
        except (CannotBeShared, OSError) as reason:
            return {"state": "failed", "message": str(reason)}
        return {"state": "passed"}

    def copy(self, line: Channel) -> None:
        """Let a copy of this process answer on a line of its own, until nobody talks to it or the grader says so."""
        assert self.ground is not None
        dice = random.getstate()
        child = self.fork()
        if child == 0:
            random.setstate(dice)  # a fork throws it anew, and a set-up cell may have set it
            former, self.control = self.control, line
            student_side.end_after(former.close, self.live)
        line.close()
        ended = os.pidfd_open(child)
        try:
            ready, _, _ = select.select([ended, self.control.socket], [], [])
            if ended not in ready:
                self.control.receive()  # the word "stop"; Closed, and all ends with this process
                os.kill(child, signal.SIGKILL)
            _, _, used = os.wait4(child, 0)
        finally:
            os.close(ended)
        self.ground.put_back()
        self.control.send({"state": "passed", "cpu_seconds": used.ru_utime + used.ru_stime})

    def set_up(self, source: str) -> dict[str, Any]:
        """Run one of our own cells; what it binds is known on both sides from then on."""
        state, message, outputs = self.shell.run(source)
        self.ours = {
            name: value
            for name, value in self.shell.names.items()
            if isinstance(value, type | types.FunctionType) and getattr(value, "__module__", None) == "__main__"
        }
        self.always |= names_read(source) & self.student_names
        return {"state": state, "message": message, "outputs": outputs}

    def set_up_ahead(self, source: str, shared: list[str]) -> dict[str, Any]:
        """Run a set-up cell before the tests cells before it, if neither could tell; "spoiled" where it was too late.

        It must leave the dice, the files and what else has no name as they were, and pass.
        """
        if name := changeable(shared, self.shell.names):
            return {"state": "failed", "message": f"the tests before it may change {name}"}
        before = get_chance(), settings()
        answer = self.set_up(source)
        if answer["state"] != "passed" or self.folder.has_changed():
            return {"state": "spoiled", "message": answer["message"] or "it wrote files"}
        if (get_chance(), settings()) != before:
            return {"state": "spoiled", "message": "it moved the dice, or changed a setting"}
        return {"state": "passed"}

    def judge(self, order: dict[str, Any], calls: Channel) -> dict[str, Any]:
        """Run one tests cell; say how it ended."""
        source, seconds, began = order["source"], float(order["seconds"]), time.monotonic()
        asker = Asker(calls, self.folder, self.ours, self.answers, self.student_names)
        asker.salt = source
        asker.deadline = lambda: max(0.0, began + seconds - time.monotonic())
        try:
            with _alarm(seconds), _getsource_from(asker), _programs_through(asker):
                self._bind(asker, frozenset(order["reads"]))
                state, message, outputs = self.shell.run(source)
            if asker.broken and state == "passed":
                state, message = asker.broken, "what came back was no data"
        except (TooLate, Late):
            state, message, outputs = "hung", "", []
        except Closed:
            state, message, outputs = "died", "", []
        except Exception as error:  # a message that is none: the student's side sent something else than data
            state, message, outputs = "failed", f"what came back was no data ({error})"[:MOST_MESSAGE], []
        finally:
            calls.close()
        spent = time.monotonic() - began
        if state == "failed" and message.startswith(("TooLate", "Late")):
            state = "hung"
        elif state == "failed" and message.startswith("Closed"):
            state = "died"
        message = {
            "hung": f"it took longer than {seconds:.0f} s, and was stopped",
            "died": "the answer's process ended while it was called (exit, a crash, or no memory left)",
        }.get(state, message)
        return {"state": state, "message": message, "outputs": outputs, "seconds": spent}

    def _bind(self, asker: Asker, reads: frozenset[str]) -> None:
        """Put the student's names, as they are now, in the place of those that the tests cell reads."""
        names = self.shell.names
        wanted = (reads | self.always) & self.student_names
        for name in wanted:
            names.pop(name, None)
        asker.namespace = names
        if wanted:
            names.update(asker.names(wanted))


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise TooLate in this process after so many seconds, and again each second: a handler may be swallowed."""

    def ring(*_: Any) -> None:
        raise TooLate

    old = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


@contextlib.contextmanager
def _getsource_from(asker: Asker) -> Iterator[None]:
    """Let `inspect.getsource` answer from what the student handed in, not from what an object says of itself."""
    import inspect

    original = inspect.getsource

    def getsource(target: Any) -> str:
        if type(target) is not Proxy:
            return original(target)
        name = target.__name__
        for node in ast.walk(_parsed(asker.answers)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == name:
                return (ast.get_source_segment(asker.answers, node) or "") + "\n"
        raise OSError(f"no definition of {name} was handed in")

    inspect.getsource = getsource
    try:
        yield
    finally:
        inspect.getsource = original


@contextlib.contextmanager
def _programs_through(asker: Asker) -> Iterator[None]:
    """Let `subprocess.run` of a test happen on the student's side, where the student's files and code may run."""
    import subprocess

    def run(*arguments: Any, **named: Any) -> Any:
        check = named.pop("check", False)
        words, code, out, err = asker.ask("subprocess", *arguments, **named)
        done = subprocess.CompletedProcess(words, code, out, err)
        if check:
            done.check_returncode()
        return done

    original = subprocess.run
    subprocess.run = run
    try:
        yield
    finally:
        subprocess.run = original


def _parsed(source: str) -> ast.Module:
    with contextlib.suppress(SyntaxError):
        return ast.parse(source)
    return ast.Module([], [])


#: What starts a program, or maps foreign code: `subprocess.run` of a test happens on the student's side instead.
PROGRAMS = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "subprocess.Popen")
#: Functions, not classes, that pickles of arrays and estimators name.
REBUILDERS = {
    ("numpy._core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "scalar"),
    ("numpy.core.multiarray", "_reconstruct"), ("numpy.core.multiarray", "scalar"),
    ("copyreg", "_reconstructor"), ("numpy.random._pickle", "__bit_generator_ctor"),
    ("numpy.random._pickle", "__generator_ctor"), ("numpy.random._pickle", "__randomstate_ctor"),
}  # fmt: skip
DATA_LIBRARIES = ("numpy", "pandas", "scipy", "sklearn", "joblib", "collections", "datetime", "decimal", "fractions")
PLAIN = {"set", "frozenset", "list", "dict", "tuple", "bytearray", "bytes", "complex", "slice", "range", "object"}


def forbid_code() -> Callable[[], int]:
    """Refuse what would turn a student's data into code in this process, for the rest of its life.

    Starting programs, and unpickling a file that names anything but arrays, frames and estimators. Returns the one
    way that is left to fork.
    """
    ours: list[bool] = []

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in PROGRAMS and not ours:
            raise RuntimeError(f"a tests cell may not start programs ({event}); subprocess.run is the way")
        if event == "pickle.find_class" and not _is_data(*arguments):
            raise RuntimeError(f"this file holds more than data: it names {arguments[0]}.{arguments[1]}")

    def fork() -> int:
        ours.append(True)
        try:
            return os.fork()
        finally:
            ours.clear()

    sys.addaudithook(watch)
    return fork


def _is_data(module: str, name: str) -> bool:
    if module == "builtins":
        return name in PLAIN
    if (module, name) in REBUILDERS:
        return True
    found = getattr(sys.modules.get(module), name, None)  # of one name without dots
    return module.split(".")[0] in (*DATA_LIBRARIES, "__main__") and isinstance(found, type)
