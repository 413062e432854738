"""A world of its own for a process: accounts, mounts, processes, network, names (level A).

`clone` in the zygote, `map_accounts` by the zygote, `enter` in the child, in this order. Needs Linux 5.12 (mounts that
are made and changed by descriptor) and user namespaces that an ordinary user may create.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import signal
import socket
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from course.grading.kernel import call, number, system_call

NEW_MOUNTS, NEW_CGROUP, NEW_NAMES, NEW_IPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEW_ACCOUNTS, NEW_PROCESSES, NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
ALL = NEW_MOUNTS | NEW_CGROUP | NEW_NAMES | NEW_IPC | NEW_ACCOUNTS | NEW_PROCESSES | NEW_NETWORK

OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442
TREE_CLONE, RECURSIVE, EMPTY_PATH, CLOSE_ON_EXEC = 1, 0x8000, 0x1000, 0x80000
MOVE_FROM_DESCRIPTOR = 0x4
READ_ONLY, NO_SETUID, NO_DEVICES, NO_EXEC = 0x1, 0x2, 0x4, 0x8
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 0x20, 0x1000, 0x4000, 0x40000
DETACH = 2
HERE = -100  # AT_FDCWD

NOBODY = 65534
DEVICES = ("null", "zero", "full", "random", "urandom")
SCAFFOLD = Path("/tmp")  # where the new root is put together; every machine has it


def clone() -> int:
    """Fork into new namespaces: 0 in the child, which is process 1 there, and the child's number in the parent.

    Python does what it does around `os.fork`, its hooks included. The C library is not asked: it goes on calling the
    child's main thread by the parent's number, which nobody asks for but locks that must know their owner again.
    """
    what = number("clone")
    python = ctypes.pythonapi
    python.PyOS_BeforeFork()
    child = None
    try:
        child = system_call(what, ALL | signal.SIGCHLD, 0, 0, 0, 0)
    finally:
        (python.PyOS_AfterFork_Child if child == 0 else python.PyOS_AfterFork_Parent)()
    return child


def map_accounts(process: int) -> tuple[int, int]:
    """Give a child of `clone` its account, and return the (user, group) it may become.

    An ordinary user stays the same user. Root becomes nobody, where there is such an account to become: root's number
    opens root's files, and the kernel counts no processes for it.
    """
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        with contextlib.suppress(OSError):
            _map(process, NOBODY, NOBODY)
            return NOBODY, NOBODY
    Path(f"/proc/{process}/setgroups").write_text("deny")
    _map(process, user, group)
    return user, group


def _map(process: int, user: int, group: int) -> None:
    for kind, account in (("uid", user), ("gid", group)):
        Path(f"/proc/{process}/{kind}_map").write_text(f"{account} {account} 1\n")


@dataclass(frozen=True)
class World:
    """What `enter` builds."""

    account: tuple[int, int]
    readable: tuple[Path, ...]
    root: Path  # the working folder
    bytes: int
    files: int


def enter(world: World) -> int | None:
    """Build the new root, move into it, and return a descriptor of the box's own /proc.

    None where the outside's /proc is partly covered, as in many containers: the kernel then refuses a fresh one, and
    the box has none. OSError when a step fails.
    """
    call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    # While this process may still pass the folders above them: an ordinary account may not enter root's home.
    places = [*outermost(world.readable), *(Path("/dev") / name for name in DEVICES)]
    grafts = [_take(path, world.readable) for path in places if path.exists()]
    _become(*world.account)
    _mount("tmpfs", SCAFFOLD, "size=4m,nr_inodes=4k,mode=755", MS_NOSUID)
    _private_places(world)
    for graft in grafts:
        _put(graft)
    for name in ("fd", "stdin", "stdout", "stderr"):
        target = "/proc/self/fd" + {"stdin": "/0", "stdout": "/1", "stderr": "/2"}.get(name, "")
        _inside("/dev", name).symlink_to(target)
    _describe_accounts(world)
    _limit_files(world)
    processes = _own_processes()
    _move_in()
    socket.sethostname("box")
    _bring_up_loopback()
    return processes


def outermost(paths: Iterable[Path]) -> list[Path]:
    """The paths that are not beneath another one, in order.

    >>> outermost([Path("/usr/lib"), Path("/usr"), Path("/opt/python"), Path("/usr")])
    [PosixPath('/usr'), PosixPath('/opt/python')]
    """
    unique = list(dict.fromkeys(paths))
    return [path for path in unique if not any(parent in unique for parent in path.parents)]


def _inside(*parts: str | Path) -> Path:
    """Where a path of the box stands while the root is being built."""
    return SCAFFOLD.joinpath(*(str(part).lstrip("/") for part in parts))


def _mount(kind: str, place: Path, options: str = "", flags: int = MS_NOSUID | MS_NODEV) -> None:
    call("mount", b"box", os.fsencode(place), kind.encode(), flags, options.encode() or None)


def _bind(source: Path, place: Path) -> None:
    call("mount", os.fsencode(source), os.fsencode(place), None, MS_BIND, None)


@dataclass(frozen=True)
class Graft:
    """Something of the old root for the new one: a mount that hangs nowhere yet, or a link to something readable."""

    path: Path
    tree: int | None = None
    link: Path | None = None


def _take(path: Path, readable: tuple[Path, ...]) -> Graft:
    if path.is_symlink() and any(path.resolve().is_relative_to(other) for other in readable if other != path):
        return Graft(path, link=path.readlink())  # /lib, which is usr/lib
    return Graft(path, tree=system_call(OPEN_TREE, HERE, os.fsencode(path), TREE_CLONE | RECURSIVE | CLOSE_ON_EXEC))


def _set_flags(folder: int, path: bytes, flags: int, recursive: bool = False) -> None:
    attributes = struct.pack("=QQQQ", flags, 0, 0, 0)
    at = (EMPTY_PATH if not path else 0) | (RECURSIVE if recursive else 0)
    system_call(MOUNT_SETATTR, folder, path, at, ctypes.c_char_p(attributes), len(attributes))


def _put(graft: Graft) -> None:
    """Give a graft its place in the new root, read-only."""
    place = _inside(graft.path)
    place.parent.mkdir(parents=True, exist_ok=True)
    if graft.link is not None:
        place.symlink_to(graft.link)
        return
    kind = os.fstat(graft.tree).st_mode
    if stat.S_ISDIR(kind):
        place.mkdir(exist_ok=True)
    else:
        place.touch()
    flags = READ_ONLY | NO_SETUID | (NO_EXEC if stat.S_ISCHR(kind) else NO_DEVICES)
    _set_flags(graft.tree, b"", flags, recursive=True)
    system_call(MOVE_MOUNT, graft.tree, b"", HERE, os.fsencode(place), MOVE_FROM_DESCRIPTOR)
    os.close(graft.tree)


def _become(user: int, group: int) -> None:
    """For an ordinary user nothing changes. Before, root is called nobody too: its number has no meaning here."""
    with contextlib.suppress(PermissionError):  # an ordinary user's namespace keeps the user's groups
        os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)  # capabilities in this namespace stay: neither number is its root


def _describe_accounts(world: World) -> None:
    """A short /etc: one user, one group, one host. The machine's own names are nobody's business."""
    user, group = world.account
    etc = _inside("/etc")
    etc.mkdir(exist_ok=True)
    (etc / "passwd").write_text(f"student:x:{user}:{group}::{world.root}:/bin/sh\n")
    (etc / "group").write_text(f"students:x:{group}:\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")


def _private_places(world: World) -> None:
    """/tmp, /dev/shm and the working folder: one file system in memory, with room for what may be written."""
    scratch = _inside("/tmp")
    scratch.mkdir()
    _mount("tmpfs", scratch, f"size={world.bytes},mode=700")
    for name in ("tmp", "shm", "work"):
        (scratch / name).mkdir()
    shared = _inside("/dev/shm")
    shared.mkdir(parents=True)
    _bind(scratch / "shm", shared)
    if world.root.is_relative_to("/tmp"):
        (scratch / "tmp" / world.root.relative_to("/tmp")).mkdir(parents=True, exist_ok=True)
    else:
        place = _inside(world.root)
        place.mkdir(parents=True)
        _bind(scratch / "work", place)
    _bind(scratch / "tmp", scratch)


def _limit_files(world: World) -> None:
    """As many as the box may make, and those that are there already."""
    scratch = _inside("/tmp")
    state = os.statvfs(scratch)
    _mount(
        "tmpfs", scratch, f"nr_inodes={state.f_files - state.f_ffree + world.files}", MS_REMOUNT | MS_NOSUID | MS_NODEV
    )


def _own_processes() -> int | None:
    proc = _inside("/proc")
    proc.mkdir()
    try:
        _mount("proc", proc, flags=MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except PermissionError:
        return None
    (proc / "sys/user/max_user_namespaces").write_text("0")
    _set_flags(HERE, os.fsencode(proc), READ_ONLY)
    return os.open(proc, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _move_in() -> None:
    os.chdir(SCAFFOLD)
    system_call(number("pivot_root"), b".", b".")
    call("umount2", b".", DETACH)
    os.chdir("/")
    _set_flags(HERE, b"/", READ_ONLY | NO_SETUID | NO_DEVICES)


def _bring_up_loopback() -> None:
    """So that a notebook's own server can be asked by the notebook itself, and by nobody else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up, running


def explain(error: OSError) -> str:
    """Why namespaces cannot be had, in plain words."""
    if error.errno in (errno.EPERM, errno.EACCES, errno.ENOSPC):
        return (
            "this account may not create user namespaces here (a container's or a hardened system's setting; "
            f"{os.strerror(error.errno)})"
        )
    if error.errno in (errno.ENOSYS, errno.EINVAL):
        return f"this kernel is too old for it: Linux 5.12 or newer is needed ({os.strerror(error.errno)})"
    return str(error)
