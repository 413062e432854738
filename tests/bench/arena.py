"""A throw-away machine for a program that may do anything: nothing that it does there is found afterwards.

    python tests/bench/arena.py SECONDS PROGRAM [ARGUMENT ...]

Accounts, mounts, processes, network, IPC and names are its own. Its root holds what Python needs and this repository's
`course/` and `tests/`, read-only, and `/class` and `/tmp` in memory; there is no home, no way out, no privilege.
Standard input and output are the only line. The program is process 1, so its end is the end of all that it started.

It is not the grader's sandbox: no filter of system calls, no Landlock, none of its limits. What runs here meets the
walls of an ordinary account, as it would on an instructor's machine, and may make such walls of its own.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import time
from pathlib import Path

from course.grading import kernel, namespaces
from course.grading.box import descendants, opened, use_of
from course.grading.sandbox import default_readable

ROOT = Path(__file__).resolve().parents[2]
CLASS = Path("/class")
MEMORY_BYTES = 4 * 2**30  # of all its processes
PROCESS_BYTES = 3 * 2**30  # of the address space of one
DISK_BYTES, FILES = 2**29, 40_000
PROCESSES = 400
LATE, GREEDY = 124, 137  # exit statuses: out of time, out of memory

ENVIRONMENT = {
    "PATH": f"{Path(sys.prefix) / 'bin'}:/usr/bin:/bin",
    "PYTHONPATH": str(ROOT),
    "PYTHONDONTWRITEBYTECODE": "1",
    "LANG": "C.UTF-8",
    "HOME": str(CLASS / "course/home"),
    "MPLBACKEND": "agg",
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    **{
        name: str(CLASS / "machine" / name.lower())
        for name in (
            *("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"),
            *("MPLCONFIGDIR", "XDG_CACHE_HOME"),
        )
    },
}


def run(words: list[str], seconds: float) -> int:
    """Run a program in an arena of its own; its exit status, or why it was ended."""
    asks, told = os.pipe(), os.pipe()
    child = namespaces.clone()
    if child == 0:
        try:
            os.close(told[1])
            _live(words, asks[1], told[0])
        except BaseException as error:
            os.write(2, f"arena: {type(error).__name__}: {error}\n".encode())
        os._exit(125)
    for end in (asks[1], told[0]):
        os.close(end)
    try:
        os.read(asks[0], 1)
        user, group = namespaces.map_accounts(child)
        os.write(told[1], f"{user} {group}".encode())
        return _watched(child, seconds)
    finally:
        _end(child)


def _live(words: list[str], asks: int, told: int) -> None:
    """The child: build the walls, give up what is left of privilege, become the program."""
    kernel.set_process(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    os.write(asks, b"?")
    user, group = (int(word) for word in os.read(told, 64).split())
    readable = (*default_readable(), ROOT / "course", ROOT / "tests")
    namespaces.enter(namespaces.World((user, group), readable, CLASS, DISK_BYTES, FILES))
    # In place of the read-only one, which lets nobody make namespaces: a program here may want to, and could outside.
    kernel.call("mount", b"proc", b"/proc", b"proc", namespaces.MS_NOSUID, None)
    Path("/proc/sys/user/max_user_namespaces").write_text("100")
    for what, most in (
        (resource.RLIMIT_AS, PROCESS_BYTES), (resource.RLIMIT_NPROC, PROCESSES), (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, DISK_BYTES),
    ):  # fmt: skip
        resource.setrlimit(what, (most, most))
    kernel.set_process(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.drop_capabilities()
    kernel.set_process(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # once more: a change of account forgets it
    os.setsid()
    os.chdir(CLASS)
    os.closerange(3, 1024)
    os.execve(words[0], words, ENVIRONMENT)


def _watched(child: int, seconds: float) -> int:
    """Wait for the program; look at time and memory meanwhile."""
    ends, handle = time.monotonic() + seconds, os.pidfd_open(child)
    try:
        while not select.select([handle], [], [], 0.1)[0]:
            if time.monotonic() > ends:
                return LATE
            with opened("/proc") as proc:
                if sum(use_of(process, proc).bytes for process in (child, *descendants(child, proc))) > MEMORY_BYTES:
                    return GREEDY
        ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        return ended.si_status if ended.si_code == os.CLD_EXITED else 128 + ended.si_status
    finally:
        os.close(handle)


def _end(child: int) -> None:
    os.kill(child, signal.SIGKILL)  # not reaped yet, so the number is still its own
    os.waitpid(child, 0)


if __name__ == "__main__":
    sys.exit(run(sys.argv[2:], float(sys.argv[1])))
