"""What copies of one process share, and might leave to the next one: folders, and settings of the process itself.

Within a box of level A a process may write to /tmp, /dev/shm and its working folder, and change the limits, cores and
priority of a relative. `Ground` remembers them before the first copy is made, and puts them back after each.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
from pathlib import Path
from typing import Any

from course.grading import working_folder

#: A working folder with more in it is not kept in memory.
MOST_FILES = 500
MOST_BYTES = 32 * 2**20
#: What ending everything else may take, in seconds.
ENDING_SECONDS = 3.0
_LIMITS = sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")})


class CannotBeShared(Exception):
    """Something is there that a copy could not have, or that could not be put back; the message says what."""


def of_this_process() -> frozenset[str]:
    """Return the descriptors that this process has open."""
    return frozenset(path.name for path in Path("/proc/self/fd").iterdir())


class Ground:
    """What there is now, within a box of level A; raise CannotBeShared where copies could not each have it.

    `scratch` are the folders that the box may write to, the working folder `root` in one of them; `descriptors` are
    those that were open before anything of ours ran.
    """

    def __init__(self, root: Path, scratch: tuple[Path, ...], descriptors: frozenset[str]) -> None:
        if os.getpid() != 1:
            raise CannotBeShared("this process does not run in a namespace of its own")
        if len(list(Path("/proc/self/task").iterdir())) > 1:
            raise CannotBeShared("threads are running")
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
            raise CannotBeShared("processes are running")
        if of_this_process() != descriptors:
            raise CannotBeShared("files are open")
        self._root, self._scratch = root, scratch
        self._folders: list[Path] = []
        self._files: dict[Path, bytes] = {}
        for folder in scratch:
            self._remember(folder)
        self._settings = _settings()

    def _remember(self, folder: Path) -> None:
        for path in sorted(folder.iterdir()):
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise CannotBeShared(f"{path} is neither a file nor a folder")
            if path.is_dir():
                self._folders.append(path)
                self._remember(path)
                continue
            self._files[path] = path.read_bytes()
            if len(self._files) > MOST_FILES or sum(map(len, self._files.values())) > MOST_BYTES:
                raise CannotBeShared("the working folder holds too much")

    def put_back(self) -> None:
        """End every other process of the box and make all as it was; raise CannotBeShared where that fails."""
        _end_all_others()
        if self._files or not self._is_empty():
            try:
                self._write_anew()
            except OSError as error:
                raise CannotBeShared(f"the folders cannot be put back: {error}") from None
        os.chdir(self._root)
        if _settings() != self._settings:
            raise CannotBeShared("the settings of this process have been changed")

    def _is_empty(self) -> bool:
        """Whether there are the folders that were there, and nothing else."""
        found = [entry for folder in (*self._scratch, *self._folders) for entry in _entries(folder)]
        folders = {Path(entry.path) for entry in found if entry.is_dir(follow_symlinks=False)}
        return len(found) == len(folders) and folders == set(self._folders)

    def _write_anew(self) -> None:
        for folder in self._scratch:
            for entry in _entries(folder):
                if entry.is_dir(follow_symlinks=False):
                    working_folder.remove(Path(entry.path))
                else:
                    Path(entry.path).unlink()
        for path in self._folders:
            path.mkdir(mode=0o700)
        for path, content in self._files.items():
            path.write_bytes(content)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _settings() -> tuple[Any, ...]:
    limits = tuple(resource.getrlimit(kind) for kind in _LIMITS)
    return limits, os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0), os.sched_getscheduler(0)


def _end_all_others() -> None:
    """Kill all that this process may signal: process 1 of a namespace may signal all that runs there, and no more."""
    ends = time.monotonic() + ENDING_SECONDS
    while True:
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            break
        if time.monotonic() > ends:
            raise CannotBeShared("something does not end")
        time.sleep(0.001)
        _reap()
    _reap()


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
