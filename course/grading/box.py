"""A running box, seen from outside: how much it uses, and how it is ended."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from course.grading import working_folder
from course.grading.records import Level, Limits

ENDING_SECONDS = 10.0  # how long the end of a box may take before we call it a fault of ours
LOOK_SHARE = 20  # looking through the working folder may take one part in so many of the time


@dataclass(frozen=True)
class Use:
    """What one process uses: threads, and bytes that belong to it or that it shares with a relative."""

    threads: int
    bytes: int


def _numbers(report: bytes, names: Iterable[bytes]) -> dict[bytes, int]:
    """The numbers behind some names of a file like /proc/1/status.

    >>> _numbers(b"Name: x\\nThreads: 3\\nRssAnon: 12 kB\\n", [b"Threads", b"RssAnon"])
    {b'Threads': 3, b'RssAnon': 12}
    """
    found = {}
    for line in report.splitlines():
        name, _, value = line.partition(b":")
        if name in names:
            found[name] = int(value.split()[0])
    return found


def _read(name: str, folder: int) -> bytes:
    """A file of /proc; nothing once its process has ended or where we may not look."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return b""
    try:
        return os.read(file, 65536)
    except OSError:
        return b""
    finally:
        os.close(file)


OWN_PAGES = (b"RssAnon", b"RssShmem", b"VmSwap", b"VmPTE")
SHARED_OUT = (b"Pss_Anon", b"Pss_Shmem", b"SwapPss")


def use_of(process: int | str, proc: int) -> Use:
    """A quick upper bound: what relatives share is counted for each of them."""
    numbers = _numbers(_read(f"{process}/status", proc), (b"Threads", *OWN_PAGES))
    return Use(numbers.pop(b"Threads", 0), 1024 * sum(numbers.values()))


def fair_bytes_of(process: int, proc: int) -> int:
    """What relatives share is divided among them. Ten times as slow; the upper bound where we may not look."""
    shares = _numbers(_read(f"{process}/smaps_rollup", proc), SHARED_OUT)
    if not shares:
        return use_of(process, proc).bytes
    page_tables = _numbers(_read(f"{process}/status", proc), (b"VmPTE",))
    return 1024 * (sum(shares.values()) + sum(page_tables.values()))


@contextlib.contextmanager
def opened(name: str, folder: int | None = None) -> Iterator[int]:
    """A folder's descriptor, for a while."""
    descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def descendants(ancestor: int, proc: int) -> list[int]:
    """Every living process beneath `ancestor`, itself left out."""
    children: dict[int, list[int]] = {}
    for name in _names(proc):
        if name.isdigit():
            fields = _read(f"{name}/stat", proc).rpartition(b")")[2].split()
            if len(fields) > 1:
                children.setdefault(int(fields[1]), []).append(-int(name) if fields[0] in b"ZX" else int(name))
    found, waiting = [], [ancestor]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child > 0:
                found.append(child)
            waiting.append(abs(child))
    return found


def freeze_and_kill(ancestor: int) -> None:
    """Stop every descendant, look again until no new one turns up, and only then kill them.

    A killed process makes room for the next one; a stopped one does not, and cannot fork.
    """
    frozen: set[int] = set()
    with opened("/proc") as proc:
        while new := set(descendants(ancestor, proc)) - frozen:
            for process in new:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGSTOP)
            frozen |= new
    for process in frozen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _size(count: int) -> str:
    """
    >>> _size(2 * 2**30), _size(1536 * 2**20), _size(64 * 2**20), _size(2_000)
    ('2 GiB', '1.5 GiB', '64 MiB', '2000 bytes')
    """
    for unit, name in ((2**30, "GiB"), (2**20, "MiB")):
        if count >= unit:
            return f"{count / unit:.4g} {name}"
    return f"{count} bytes"


@dataclass
class Box:
    """A confined tree of processes. `kill` ends it, `close` also frees what it held; a `with` block closes.

    `pid` is the process to wait for, seen from outside: process 1 of the namespace at level A, which is the inside
    itself, else its watcher.
    """

    pid: int
    level: Level
    warm_bytes: int = 0  # what the zygote had in memory already
    proc: int | None = None  # the box's own /proc: exactly its processes
    folder: int | None = None  # the working folder, where it stands on a disk
    folder_path: Path | None = None
    status: int | None = field(default=None, init=False)
    _next_look: float = field(default=0.0, init=False)
    _handle: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._handle = os.pidfd_open(self.pid)

    def __enter__(self) -> Box:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _processes(self) -> Iterator[tuple[list[int], int]]:
        """The processes of the box without a watcher, which is ours, and the /proc to find them in."""
        if self.proc is not None:
            try:
                yield [int(name) for name in _names(self.proc) if name.isdigit()], self.proc
            except OSError:  # the namespace has ended, and its /proc with it
                yield [], self.proc
        else:
            with opened("/proc") as proc:
                yield ([self.pid] if self.level == "A" else []) + descendants(self.pid, proc), proc

    def memory_bytes(self) -> int:
        """Memory of the whole tree beyond what the warm process had; what relatives share counts once."""
        with self._processes() as (processes, proc):
            return max(0, sum(fair_bytes_of(process, proc) for process in processes) - self.warm_bytes)

    def process_count(self) -> int:
        """Processes and threads of the tree."""
        with self._processes() as (processes, proc):
            return sum(use_of(process, proc).threads for process in processes)

    def watch(self, limits: Limits) -> str | None:
        """None while the box keeps to its limits, else what it did: "used more than 2 GiB of memory".

        Cheap enough to be asked twenty times a second.
        """
        with self._processes() as (processes, proc):
            uses = [use_of(process, proc) for process in processes]
            if sum(use.threads for use in uses) > limits.processes:
                return f"started more than {limits.processes} processes"
            if sum(use.bytes for use in uses) > limits.memory_bytes and self.memory_bytes() > limits.memory_bytes:
                return f"used more than {_size(limits.memory_bytes)} of memory"
            if self.folder is not None and time.monotonic() >= self._next_look:
                return self._look_at_folder(processes, proc, limits)
        return None

    def _look_at_folder(self, processes: list[int], proc: int, limits: Limits) -> str | None:
        started = time.monotonic()
        use = working_folder.measure(self.folder, limits.files)
        hidden = sum(_deleted_but_open(processes, proc, os.fstat(self.folder).st_dev).values())
        ended = time.monotonic()
        self._next_look = ended + (ended - started) * LOOK_SHARE
        if use.files > limits.files:
            return f"wrote more than {limits.files} files"
        if use.bytes + hidden > limits.file_bytes:
            return f"wrote more than {_size(limits.file_bytes)}"
        if use.depth > working_folder.DEEPEST:
            return f"made folders more than {working_folder.DEEPEST} deep"
        return None

    def wait(self, seconds: float | None = None) -> int | None:
        """The exit status of what ran inside (128 + n if signal n ended it); None if it still runs after `seconds`."""
        if self.status is None:
            ready, _, _ = select.select([self._handle], [], [], seconds)
            if ready:
                code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
                self.status = code if code >= 0 else 128 - code
        return self.status

    def kill(self) -> None:
        """End everything that runs in the box; when this returns, nothing of it is left."""
        if self.status is not None:
            return
        if self.level == "A":
            os.kill(self.pid, signal.SIGKILL)  # the kernel ends the namespace with its process 1, and only then it
        else:
            os.kill(self.pid, signal.SIGTERM)  # the watcher: freezes, kills and reaps until it has no child
        if self.wait(ENDING_SECONDS) is None:
            freeze_and_kill(self.pid)
            os.kill(self.pid, signal.SIGKILL)
            if self.wait(ENDING_SECONDS) is None:
                raise RuntimeError(f"the box of process {self.pid} cannot be ended; something in it waits for a device")

    def close(self) -> None:
        """`kill`, and remove the working folder."""
        self.kill()
        for descriptor in (self._handle, self.proc, self.folder):
            if descriptor is not None:
                os.close(descriptor)
        self._handle = self.proc = self.folder = None
        if self.folder_path is not None:
            working_folder.remove(self.folder_path)
            self.folder_path = None


def _deleted_but_open(processes: list[int], proc: int, device: int) -> dict[int, int]:
    """Bytes, by file, that no folder shows any more but an open descriptor still holds."""
    held = {}
    for process in processes:
        for found in _descriptors(process, proc):
            if found.st_nlink == 0 and found.st_dev == device and stat.S_ISREG(found.st_mode):
                held[found.st_ino] = found.st_blocks * 512
    return held


def _descriptors(process: int, proc: int) -> Iterator[os.stat_result]:
    with contextlib.suppress(OSError), opened(f"{process}/fd", proc) as folder:
        for name in _names(folder):
            with contextlib.suppress(OSError):
                yield os.stat(name, dir_fd=folder)


def keep_watch(inside: int, ending: Callable[[], None]) -> int:
    """Run in the watcher: reap whoever ends until `inside` has, and return its status.

    `ending` is called then or on SIGTERM. SIGTERM and SIGCHLD must be blocked.
    """
    while True:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == inside:
                    code = os.waitstatus_to_exitcode(ended[1])
                    ending()
                    return code if code >= 0 else 128 - code
        if signal.sigwait({signal.SIGCHLD, signal.SIGTERM}) == signal.SIGTERM:
            ending()
            return 128 + signal.SIGTERM


def end_descendants() -> None:
    """Freeze, kill and reap until this process, a subreaper, has no descendant left."""
    with contextlib.suppress(ChildProcessError):
        while True:
            freeze_and_kill(os.getpid())
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(0.001)
