"""What the standard library of Python 3.11 does not offer of Linux: a few system calls, by ctypes.

The library is loaded with `PyDLL`, so the interpreter's lock is kept during a call. That is what makes `clone` usable:
the child goes on in the middle of a Python statement, as after `os.fork`.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
from pathlib import Path
from typing import Any

#: Numbers of system calls that differ between the machines we know; those after 424 are the same everywhere.
NUMBERS = {
    "x86_64": {"clone": 56, "capset": 126, "pivot_root": 155, "seccomp": 317},
    "aarch64": {"clone": 220, "capset": 91, "pivot_root": 41, "seccomp": 277},
}

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

LAST_CAPABILITY = 63  # the kernel answers EINVAL for those it does not have


@functools.cache
def libc() -> ctypes.PyDLL:
    return ctypes.PyDLL(None, use_errno=True)


def number(name: str) -> int:
    """The number of a system call on this machine; OSError on machines that nobody tried."""
    numbers = NUMBERS.get(platform.machine())
    if numbers is None:
        raise OSError(f"the sandbox knows x86_64 and aarch64, and this machine is a {platform.machine()}")
    return numbers[name]


def call(function: str, *arguments: Any) -> int:
    """Call a C function that answers -1 and sets errno when it fails; OSError then."""
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result = getattr(libc(), function)(*wide)
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{function}: {os.strerror(code)}")
    return result


def system_call(number: int, *arguments: Any) -> int:
    """Like `call`, for what libc has no function for."""
    return call("syscall", number, *arguments)


def set_process(option: int, *values: int) -> None:
    """`prctl(2)`; the kernel wants zeros where there is no value."""
    call("prctl", option, *(*values, 0, 0, 0, 0)[:4])


def drop_capabilities() -> None:
    """Give up every capability, for this process and whatever it starts."""
    for capability in range(LAST_CAPABILITY + 1):
        try:
            set_process(PR_CAPBSET_DROP, capability)
        except OSError:
            break  # past the last one; or an ordinary user, who has none to lose (no_new_privs sees to the rest)
    set_process(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3; this process
    system_call(number("capset"), header, (ctypes.c_uint32 * 6)())


def scrub_environment(kept: dict[str, str]) -> None:
    """Replace the environment, and blank the place where it stood when the process began.

    `os.environ.clear()` alone leaves every value in the process's own memory and in `/proc/self/environ`.
    """
    os.environ.clear()
    fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    start, end = int(fields[47]), int(fields[48])  # env_start and env_end, fields 50 and 51 of proc(5)
    if start:  # zeros, if we may not know
        ctypes.memset(start, 0, end - start)
    os.environ.update(kept)
