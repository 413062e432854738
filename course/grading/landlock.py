"""Landlock: which files this process, and all it starts, may still reach. Needs no privilege.

It only ever takes away. It says nothing about metadata: `stat`, `chmod`, `utime` and their kin go on working on every
path, and connecting to a unix socket by its path too; `seccomp` sees to those.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from course.grading.kernel import PR_SET_NO_NEW_PRIVS, set_process, system_call

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
PATH_BENEATH = 1
ASK_VERSION = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE = 1 << 4, 1 << 5
MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_SYM = 1 << 7, 1 << 8, 1 << 9, 1 << 10, 1 << 12
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15

READ = EXECUTE | READ_FILE | READ_DIR
WRITE = (
    READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_SYM | REFER
) | TRUNCATE
ON_FILES = EXECUTE | READ_FILE | WRITE_FILE | TRUNCATE  # the only rights that a rule for a file may name

TCP = 0b11  # bind, connect
SCOPES = 0b11  # abstract unix sockets, signals


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


@functools.cache
def version() -> int:
    """Landlock's version on this kernel; 0 without Landlock.

    1: files. 3: truncation. 4: TCP. 6: signals and abstract unix sockets.
    """
    try:
        return system_call(CREATE_RULESET, None, 0, ASK_VERSION)
    except OSError:
        return 0


def known_rights(abi: int) -> int:
    """Every file right that a kernel with this version can take away."""
    rights = (1 << 13) - 1
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)):
        if abi >= since:
            rights |= right
    return rights


def restrict(readable: Iterable[Path | str], writable: Iterable[Path | str], tcp: bool, abi: int) -> None:
    """From now on: read and run what is beneath `readable`, everything beneath `writable`, no other file.

    With `tcp` no TCP port may be bound or connected to either. Signals and abstract unix sockets reach only processes
    confined by this same call. Paths that do not exist are left out. OSError when the kernel refuses.
    """
    known = known_rights(abi)
    rules = _Ruleset(known, TCP if tcp and abi >= 4 else 0, SCOPES if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = system_call(CREATE_RULESET, ctypes.byref(rules), size, 0)
    try:
        for paths, rights in ((readable, READ), (writable, WRITE)):
            for path in paths:
                with contextlib.suppress(FileNotFoundError):
                    _allow(ruleset, path, rights & known)
        set_process(PR_SET_NO_NEW_PRIVS, 1)
        system_call(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path | str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= ON_FILES
        system_call(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(_Beneath(rights, place)), 0)
    finally:
        os.close(place)
