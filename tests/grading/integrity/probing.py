"""Grade a sample as the course does, and run it where nothing guards: each probe must work there.

Unguarded does not mean loose. A probe there holds none of our descriptors and meets a victim of its own in the place of
the grader, and what it reads, changes or sends a signal to lies in a world that was made for it. A sample that would
reach further without a guard does not belong here.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import select
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import course_specimen as specimen

from course.grading import judges
from course.grading.box import descendants, opened
from course.grading.grader import grade_notebook
from course.grading.reading import extra_files, read_submission
from course.grading.rebuild import rebuild
from course.grading.records import Level, Limits, NotebookResult, Rebuilt
from course.grading.zygote import zygote

MiB = 2**20
LIMITS = Limits(
    cell_seconds=5, notebook_seconds=12, cpu_seconds=10, memory_bytes=300 * MiB, processes=20,
    file_bytes=8 * MiB, files=100, output_bytes=20_000,
)  # fmt: skip
GRACE = 8.0  # what ending a box, and the look at it, may take on a busy machine


@dataclass(frozen=True)
class Sample:
    """One submission. `proof` says by what its success would be known, guarded or not:

    score (more points than `deserved`), secret (printed), changed (a file), lingers (a process), hangs, dies, through
    (it says so), reached (a listener), floods (pages of output), wire (`word` reaches the other end of the wall), lies
    (the file tells of other points or tests than ours), unreadable (a strict reader gives up), nothing (an honest one,
    or one that aims at a limit that only the wall has).
    """

    name: str
    family: str
    answers: dict[str, str] = field(default_factory=dict)  # by grade id; where none is given, the wrong ones
    added: tuple[tuple[str, str], ...] = ()
    files: dict[str, bytes] = field(default_factory=dict)
    raw: bytes | None = None  # instead of a notebook made of answers
    place: Callable[[Path], None] | None = None  # instead of writing raw: makes what lies in the folder
    deserved: float = 0.0
    proof: str = "score"
    word: str = ""
    gate: str = ""  # the levels at which it belongs to the gate's share; at the others it is for the long run
    limits: dict[str, float] = field(default_factory=dict)

    def notebook(self, world: World) -> bytes:
        if self.raw is not None:
            return self.raw
        told = {key: world.tell(text) for key, text in (specimen.WRONG | self.answers).items()}
        added = tuple((after, world.tell(text)) for after, text in self.added)
        return specimen.dumped(specimen.handed_in(told, added))


@dataclass
class World:
    """A course on the disk with a secret in each place, and listeners that nobody must reach."""

    root: Path
    ports: dict[str, Any] = field(default_factory=dict)
    grader: int = 0  # what a probe takes for the grader; none in particular: this process

    @contextlib.contextmanager
    def victim(self) -> Iterator[None]:
        """Put a process that does nothing in the place of the grader."""
        ready, say = os.pipe()
        self.grader = os.fork()
        if self.grader == 0:
            try:
                os.write(say, b"!")
                time.sleep(60)
            finally:
                os._exit(0)
        os.read(ready, 1)
        try:
            yield
        finally:
            os.kill(self.grader, signal.SIGKILL)
            os.waitpid(self.grader, 0)
            os.close(ready)
            os.close(say)
            self.grader = 0

    @classmethod
    def build(cls, root: Path) -> World:
        for place, name in {
            "source": "source/hw/hw.ipynb", "gradebook": "gradebook.db", "another submission": "submitted/bob/hw/hw.ipynb",
            "hidden tests": "source/hw/tests.py", "home": "home/.netrc",
        }.items():  # fmt: skip
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(specimen.SECRETS[place])
        (root / "cache").mkdir()
        return cls(root)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Listen on TCP, UDP and a unix socket while the block runs; `reached` says who came."""
        tcp, udp, unix = (
            socket.socket(family, kind)
            for family, kind in (
                (socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
            )
        )  # fmt: skip
        path = self.root / "listener"
        with tcp, udp, unix:
            tcp.bind(("127.0.0.1", 0))
            udp.bind(("127.0.0.1", 0))
            unix.bind(str(path))
            path.chmod(0o777)
            tcp.listen()
            unix.listen()
            self.ports = {"tcp": tcp.getsockname()[1], "udp": udp.getsockname()[1], "unix": str(path)}
            self._listeners = tcp, udp, unix
            try:
                yield
            finally:
                path.unlink()

    def reached(self) -> bool:
        return bool(select.select(self._listeners, [], [], 0.02)[0])  # whoever called has done so by now

    def tell(self, text: str) -> str:
        """A cell's text with this world's paths and ports in it."""
        text = text.replace("{root}", str(self.root)).replace("{grader}", str(self.grader or os.getpid()))
        for name, where in self.ports.items():
            text = text.replace("{%s}" % name, str(where))  # noqa: UP031
        return text

    def snapshot(self) -> dict[str, tuple[int, bytes]]:
        """What every file holds."""
        return {
            str(path): (path.stat().st_mode, path.read_bytes())
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and "handed" not in path.parts
        }


def lay_out(sample: Sample, world: World, folder: Path) -> None:
    """Make a submitted folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if sample.place is not None:
        sample.place(folder)
    else:
        (folder / "hw.ipynb").write_bytes(sample.notebook(world))
    for name, content in sample.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def rebuilt_from(folder: Path) -> tuple[Rebuilt, dict[str, bytes]]:
    received = read_submission(folder, ["hw"])["hw"]
    made = rebuild("hw", specimen.source(), specimen.release(), received)
    return made, {file.path: file.content for file in extra_files(folder).files}


def graded(sample: Sample, world: World, level: Level) -> NotebookResult:
    """Grade as the course does: from a folder to points."""
    with tempfile.TemporaryDirectory(dir=world.root, prefix="handed") as above:
        folder = Path(above) / "hw"
        lay_out(sample, world, folder)
        made, files = rebuilt_from(folder)
        limits = Limits(**(vars(LIMITS) | sample.limits))
        return grade_notebook(made, files=files, limits=limits, level=level)


def score(result: NotebookResult) -> float:
    return sum(cell.score or 0.0 for cell in result.cells.values())


def alive() -> list[str]:
    """What still runs of a submission: beneath the warm process, or with the mark anywhere.

    What judges a class is kept, with nobody's submission in it.
    """
    with opened("/proc") as proc:
        running = set(descendants(zygote()._process.pid, proc))
        running -= {original.side._box for original in filter(None, judges._originals().values())}
    return [f"process {pid} of the grader's" for pid in sorted(running)] + marked()


def marked() -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                if specimen.MARK.encode() in words:
                    found.append(entry.name)
    return found


# --- where nothing guards ---------------------------------------------------------------------------------------


@dataclass
class Naive:
    """What happened where everything ran in one process that may do anything."""

    score: float = 0.0
    text: str = ""
    ended: str = "through"  # or hung, or died
    outputs: list[Any] = field(default_factory=list)


def unguarded(sample: Sample, world: World, seconds: float = 4.0) -> Naive:
    """Run a sample's cells and the tests in one process: whatever passes there has earned its points."""
    found = Naive()
    with tempfile.TemporaryDirectory(dir=world.root, prefix="handed") as above:
        folder = Path(above) / "hw"
        lay_out(sample, world, folder)
        made, files = rebuilt_from(folder)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        for place in (Path(above), folder):
            place.chmod(0o777)
        mine, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(mine)
            _play(made, folder, theirs)
        os.close(theirs)
        said = _all_of(mine, child, seconds, found)
    for line in said.split(b"\n"):
        with contextlib.suppress(ValueError):
            name, state, text = json.loads(line.lstrip(b"\0"))
            found.text += text
            if state == "passed":
                found.score += specimen.POINTS.get(name, 0)
    return found


def _play(made: Rebuilt, folder: Path, report: int) -> None:
    """The child: run every cell, report each."""
    from course.grading.cells import Shell

    try:
        os.setsid()
        os.closerange(3, report)
        os.closerange(report + 1, 1024)
        os.environ["HOME"] = str(folder)
        os.chdir(folder)
        shell = Shell(100_000)
        for cell in made.cells:
            if cell.is_code:
                state, message, outputs = shell.run(cell.source)
                text = message + json.dumps(outputs)[:200_000]
                os.write(report, json.dumps([cell.name, state, text]).encode() + b"\n")
    finally:
        os._exit(0)


def _all_of(pipe: int, child: int, seconds: float, found: Naive) -> bytes:
    """What the child says until it ends, or is late and is ended."""
    said, ends, gone = b"", time.monotonic() + seconds, os.pidfd_open(child)
    while True:
        ready, _, _ = select.select([pipe, gone], [], [], max(0.0, ends - time.monotonic()))
        if pipe in ready:
            more = os.read(pipe, 65536)
            said += more
            if more:
                continue
        if gone in ready:
            break
        if not ready:
            found.ended = "hung"
            break
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if found.ended != "hung" and status:
        found.ended = "died"
    os.close(pipe)
    os.close(gone)
    return said


def on_the_wire(sample: Sample, world: World) -> bytes:
    """Everything that an unguarded student's side puts on the wire when it is asked for its names and calls them."""
    from course.grading import student_side
    from course.grading.cells import Shell
    from course.grading.files import Folder
    from course.grading.wire import Channel

    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            ours.close()
            os.closerange(3, theirs.fileno())
            os.closerange(theirs.fileno() + 1, 1024)
            os.setsid()
            with tempfile.TemporaryDirectory() as folder:
                os.chdir(folder)
                Path(folder).chmod(0o777)
                shell = Shell(1000)
                told = specimen.WRONG | {name: world.tell(text) for name, text in sample.answers.items()}
                for text in (specimen.SET_UP, *told.values(), *(world.tell(text) for _, text in sample.added)):
                    shell.run(text)
                student_side.Server(Channel(theirs), shell.names, Folder(Path(folder))).serve()
        finally:
            os._exit(0)
    theirs.close()
    heard = b""
    ours.settimeout(1.5)
    key = student_side.Remote, (7, "key")
    calls = [
        ("names", ("largest_mean", "Ledger"), {}), ("call", (_Own(0), [4, -9, 1], 1, _Reduced(key)), {}),
        ("call", (_Own(0), [1], 0), {}), ("call", (_Own(1),), {}),
        ("call", (_Own(2),), {}),
    ]  # fmt: skip
    channel = Channel(ours)
    with ours, contextlib.suppress(OSError):
        for kind, arguments, named in calls:
            channel.send({"op": kind}, [pickle.dumps((arguments, named))])
            with contextlib.suppress(TimeoutError):
                for number in range(20):
                    ready, _, _ = select.select([ours], [], [], 0.15 if number else 2.0)
                    if not ready:
                        break
                    more = ours.recv(2**20)
                    heard += more
                    if not more:
                        break
                    if b'"back"' in more:
                        channel.send({"reply": True}, [pickle.dumps(None)])
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return heard


class _Own:
    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> Any:
        from course.grading import student_side

        return student_side.own, (self.number,)


class _Reduced:
    def __init__(self, how: Any) -> None:
        self.how = how

    def __reduce__(self) -> Any:
        return self.how
