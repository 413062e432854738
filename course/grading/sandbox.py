"""How a forked child of a warm process confines itself before it runs code that nobody has read.

    box = run_confined(Confinement("A", Path("/tmp/work")), inside, keep_fds=[channel])

`inside` runs in a fork of the calling process: everything that was imported is there. It may reach what `Confinement`
says and nothing else. The grader calls `box.watch(limits)` now and then and `box.kill()` when it has had enough.

Three levels, named in every report:

- **A**: namespaces of its own for accounts, mounts, processes, network, IPC and names; a root made of nothing but
  `readable`, read-only, and a private /tmp in memory; Landlock where the kernel has it; the filter of system calls.
- **B**: where user namespaces are off, as in most containers: Landlock, a stricter filter, and a watcher that finds
  and ends every descendant.
- **C**: limits only. For code that you trust.

What B does not stop, compared with A:

| what | how far it goes |
| --- | --- |
| seeing that a path exists, its size, mode and times (`stat`) | contents, listings and changes are refused |
| disk beyond the limit | seen and ended at the next look, within about 0.1 s; each file is capped; files that are \
deleted but only mapped, no longer open, are not seen |
| processes beyond the limit | seen and ended at the next look; the kernel's own cap, sixteen times the limit, counts \
all processes of the account, and none for root |
| knowing the machine: host name, accounts, load, the addresses of its network cards | no connection can be made |
| outliving a watcher that the *outside* kills (out of memory, an operator) | the box itself dies; what it started may \
live on |
| Linux before 6.12 (Landlock before 6) | signals are refused altogether, so `Popen.kill` fails for honest code too |

What B refuses to honest code: sockets of every kind but connected pairs (so servers within a notebook, and managers of
`multiprocessing`), /dev/shm (so locks, queues and pools of `multiprocessing`, and `n_jobs` of scikit-learn's process
backend, unless the zygote began with JOBLIB_MULTIPROCESSING=0: then it works in turn); changes of modes and times are
ignored. Threads, `subprocess`, `Process` with `Pipe`, temporary files work.

At level A the inside is process 1 of its box. A signal that it sends itself, and does not handle, does not end it (a
crash does); and of processes that outlive what started them, those that have ended count until the box ends.

At neither level: kernel memory behind sockets (bounded by descriptors times processes, 0.2 MB each), CPU caches and
timing, and faults of the kernel itself.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import select
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from course.errors import CourseError
from course.grading import kernel, landlock, seccomp, working_folder
from course.grading.box import Box, end_descendants, keep_watch, opened, use_of
from course.grading.records import Level, Limits

LEVELS: tuple[Level, ...] = ("A", "B", "C")

#: What an ordinary program reads of the system. Nothing here tells of a person or of the course.
SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"),
    *("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/fonts", "/etc/mime.types", "/etc/ssl/certs"),
)
#: What stands in for namespaces at level B: the machine's own files, harmless ones only.
SYSTEM_WITHOUT_NAMESPACES = (
    *("/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/hosts"),
    *("/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"),
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/loadavg", "/proc/version", "/proc/filesystems"),
    *("/proc/self", "/sys/devices/system/cpu"),
)

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
#: Taken over from outside where set: they say how to compute, not who we are.
TAKEN_OVER = ("LD_LIBRARY_PATH", "MPLBACKEND", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONHASHSEED", "TZ")

DESCRIPTORS = 256
FORK_BOMB_CAP = 16  # times `Limits.processes`, where the kernel counts an account's processes, not a box's


def default_readable() -> tuple[Path, ...]:
    """Python, its libraries, the course's code, the system's programs, fonts and matplotlib's font cache."""
    import course

    places = [*SYSTEM, sys.base_prefix, sys.prefix, *(course.__path__)]
    if matplotlib := sys.modules.get("matplotlib"):
        places.append(matplotlib.get_cachedir())
    return tuple(Path(place) for place in places)


@dataclass(frozen=True)
class Confinement:
    """What the inside of a box may reach.

    At A the working folder `root` is a path within the box, made there. At B and C it is made on the disk, private,
    below a folder that must exist, and removed by `Box.close`; where root grades, give that folder the mode 0711, so
    that the inside can be nobody.
    """

    level: Level
    root: Path
    readable: tuple[Path, ...] = field(default_factory=default_readable)
    limits: Limits = field(default_factory=Limits)


@functools.cache
def available_levels() -> Mapping[Level, str]:
    """For each level an empty string when this machine can do it for this account, else the reason in plain words.

    Tried, in a forked child, once; not guessed.

    >>> available_levels()["C"]
    ''
    """
    if sys.platform != "linux":
        reason = f"student code can be confined on Linux only, and this is {platform.system()}"
        return {"A": reason, "B": reason, "C": reason}
    return {level: _try(level) for level in LEVELS}


def _try(level: Level) -> str:
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os._exit(_report_whether_it_works(level, theirs))
    os.close(theirs)
    with os.fdopen(ours, encoding="utf-8") as report:
        reason = report.read()
    _, status = os.waitpid(child, 0)
    return reason if reason or status == 0 else "the try ended without a word"


def _report_whether_it_works(level: Level, report: int) -> int:
    reason = ""
    try:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o711)
            place = Path("/tmp/work") if level == "A" else Path(folder) / "work"
            with run_confined(Confinement(level, place), lambda: 0, ()) as box:
                if box.wait(10) != 0:
                    reason = f"a program that does nothing ended there with status {box.status}"
    except CourseError as error:
        reason = str(error)
    except BaseException:
        reason = traceback.format_exc()
    os.write(report, reason.encode())
    return 0


INSTEAD = "Grade in the course's container image, or on a Linux machine"


def choose_level(wanted: Level | None, trust: bool) -> Level:
    """The level to grade at: the one that is wanted, else the best this machine has; C only with `trust`.

    CourseError when there is none, with the reasons and what would help.
    """
    reasons = available_levels()
    if sys.platform != "linux":
        raise CourseError(f"The grader will not run here: {reasons['A']}. {INSTEAD}.")
    if wanted is not None and wanted not in LEVELS:
        raise CourseError(f"There is no sandbox level {wanted!r}. The levels are A, B and C.")
    if wanted in ("A", "B"):
        if reasons[wanted]:
            raise CourseError(f"Sandbox level {wanted} cannot be had here: {reasons[wanted]}. {INSTEAD}.")
        return wanted
    if wanted is None:
        for level in ("A", "B"):
            if not reasons[level]:
                return level
    if trust:
        return "C"
    if wanted == "C":
        raise CourseError("Level C confines nothing: it is for code that you trust. Say so with --trust.")
    raise CourseError(
        f"Student code cannot be confined here. Level A: {reasons['A']}. Level B: {reasons['B']}. "
        f"{INSTEAD} with Linux 5.13 or newer; or, if you trust all that was submitted, say --trust."
    )


def run_confined(confinement: Confinement, inside: Callable[[], int], keep_fds: Iterable[int]) -> Box:
    """Fork, confine the child, and run `inside` in it; what it returns becomes the exit status of the box.

    To be called in a process with a single thread. Of its descriptors the child keeps `keep_fds`; 0, 1 and 2 become
    /dev/null. Nothing of the caller's environment is kept but `TAKEN_OVER`. CourseError, and nothing left behind, when
    this machine cannot confine at that level.
    """
    ours, theirs = socket.socketpair()
    folder = account = None
    try:
        if confinement.level != "A":
            confinement.root.mkdir(mode=0o700)
            folder = os.open(confinement.root, working_folder.FOLDER)
            account = _own_account(confinement)
            os.fchown(folder, *account)
        child = _fork(confinement.level)
        if child == 0:
            begin = _alone if confinement.level == "A" else _watched
            begin(confinement, inside, tuple(keep_fds), theirs, account)
        theirs.close()
        proc = _see_child_in(confinement.level, child, ours)
        with opened("/proc") as everyone:
            warm = use_of(os.getpid(), everyone).bytes
        path = None if folder is None else confinement.root
        return Box(child, confinement.level, warm, proc, folder, path)
    except BaseException:
        if folder is not None:
            os.close(folder)
            working_folder.remove(confinement.root)
        raise
    finally:
        ours.close()
        theirs.close()


def _fork(level: Level) -> int:
    if level != "A":
        return os.fork()
    from course.grading import namespaces

    try:
        return namespaces.clone()
    except OSError as error:
        raise CourseError(namespaces.explain(error)) from None


ASKS_FOR_ACCOUNT, READY, REFUSED = b"a", b"r", b"x"


def _see_child_in(level: Level, child: int, line: socket.socket) -> int | None:
    """Answer the child until it runs; the descriptor of its own /proc, if it has one."""
    try:
        if level == "A" and line.recv(1) == ASKS_FOR_ACCOUNT:
            from course.grading import namespaces

            try:
                user, group = namespaces.map_accounts(child)
            except OSError as error:
                raise CourseError(namespaces.explain(error)) from None
            line.sendall(f"{user} {group}".encode())
        words, descriptors, _, _ = socket.recv_fds(line, 65536, 1)
        while more := line.recv(65536):
            words += more
        if words != READY:
            reason = words.removeprefix(READY).removeprefix(REFUSED).decode("utf-8", "replace")
            raise CourseError(reason or "the child ended without a word")
        return descriptors[0] if descriptors else None
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise


def _alone(
    confinement: Confinement, inside: Callable[[], int], keep: tuple[int, ...], line: socket.socket, _: None
) -> NoReturn:
    """Process 1 of the box, and its inside: builds the walls around itself. The rest of the box ends with it."""
    try:
        kernel.set_process(kernel.PR_SET_DUMPABLE, 1)  # so that the zygote, same account, may map our account
        account = _ask_for_account(line)
        _leave_the_zygote(confinement, keep, line)
        caps = _caps(confinement)
        _go_first_when_memory_runs_out()
        proc = _enter_namespaces(confinement, account)
        _die_with_zygote(line, signal.SIGKILL)
        socket.send_fds(line, [READY], [] if proc is None else [proc])
    except BaseException as error:
        _refuse(line, error)
    _inner(confinement, inside, keep, line, account, caps)


def _watched(
    confinement: Confinement,
    inside: Callable[[], int],
    keep: tuple[int, ...],
    line: socket.socket,
    account: tuple[int, int],
) -> NoReturn:
    """The watcher of a box without namespaces: forks the inside, waits for it, ends the rest."""
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGCHLD))
        _leave_the_zygote(confinement, keep, line)
        caps = _caps(confinement)
        kernel.set_process(kernel.PR_SET_CHILD_SUBREAPER, 1)
        _die_with_zygote(line, signal.SIGTERM)
        socket.send_fds(line, [READY], [])
        process = os.fork()
        if process == 0:
            os.setsid()
            kernel.set_process(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
            _inner(confinement, inside, keep, line, account, caps)
        kernel.set_process(kernel.PR_SET_DUMPABLE, 0)
        line.close()
        _close_all_but()
        os._exit(keep_watch(process, end_descendants))
    except BaseException as error:
        _refuse(line, error)


def _leave_the_zygote(confinement: Confinement, keep: tuple[int, ...], line: socket.socket) -> None:
    _reset_signals()
    _close_all_but(*keep, line.fileno())
    os.setsid()
    kernel.scrub_environment(_environment(confinement))


def _inner(
    confinement: Confinement,
    inside: Callable[[], int],
    keep: tuple[int, ...],
    line: socket.socket,
    account: tuple[int, int],
    caps: Mapping[int, tuple[int, int]],
) -> NoReturn:
    """The inside: gives up what it may, then runs what it is for."""
    try:
        _close_all_but(*keep, line.fileno())  # once more: what the walls were built with, and the old /dev/null
        if confinement.level != "A":
            _become(account)
        kernel.set_process(kernel.PR_SET_DUMPABLE, 1)  # the watch reads its memory
        if confinement.level != "A":
            _go_first_when_memory_runs_out()
        kernel.set_process(kernel.PR_SET_NO_NEW_PRIVS, 1)
        kernel.drop_capabilities()
        _set_caps(caps)
        os.chdir(confinement.root)
        tempfile.tempdir = None  # what the zygote found is another folder
        if confinement.level != "C":
            _lock(confinement)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGCHLD))
        line.close()
    except BaseException as error:
        _refuse(line, error)
    _former = _renew_standard_streams()  # held: the end of one would close a descriptor that is another's by now
    status = 1
    try:
        status = inside()
    finally:
        os._exit(status)


def _die_with_zygote(line: socket.socket, how: signal.Signals) -> None:
    """After the last change of account, which would forget it."""
    kernel.set_process(kernel.PR_SET_PDEATHSIG, how)
    if select.select([line], [], [], 0)[0]:  # the zygote says nothing any more: it has ended already
        os._exit(125)


def _refuse(line: socket.socket, error: BaseException) -> NoReturn:
    """Tell the zygote why, and end."""
    words = str(error) if isinstance(error, CourseError) else "".join(traceback.format_exception(error))
    with contextlib.suppress(OSError):
        line.sendall(REFUSED + words.encode())
    os._exit(125)


def _reset_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _close_all_but(*kept: int) -> None:
    nothing = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    edges = sorted({descriptor for descriptor in kept if descriptor > 2})
    for before, after in zip([2, *edges], [*edges, os.sysconf("SC_OPEN_MAX")], strict=True):
        os.closerange(before + 1, after)


def _renew_standard_streams() -> list[object]:
    """New ones, on 0, 1 and 2; the zygote's may stand on descriptors that are closed here. Returns the former."""
    former = [sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__]
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        stream = open(descriptor, mode, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    return former


def _environment(confinement: Confinement) -> dict[str, str]:
    taken = {name: os.environ[name] for name in TAKEN_OVER if name in os.environ}
    root = str(confinement.root)
    path = f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin"
    fixed = {"PATH": path, "LANG": "C.UTF-8", "HOME": root, "TMPDIR": root, "PYTHONDONTWRITEBYTECODE": "1"}
    serial = {} if confinement.level == "A" else {"JOBLIB_MULTIPROCESSING": "0"}  # without locks: in turn, unasked
    return taken | fixed | serial | dict.fromkeys(ONE_THREAD, "1")


def _ask_for_account(line: socket.socket) -> tuple[int, int]:
    line.sendall(ASKS_FOR_ACCOUNT)
    answer = line.recv(64)
    if not answer:
        os._exit(125)
    user, group = answer.split()
    return int(user), int(group)


def _own_account(confinement: Confinement) -> tuple[int, int]:
    """Who the inside of a box without namespaces shall be: nobody instead of root, where nobody may pass everywhere."""
    from course.grading.namespaces import NOBODY

    user, group = os.geteuid(), os.getegid()
    needed = [place for path in (*confinement.readable, confinement.root.parent) for place in (path, *path.parents)]
    if user == 0 and all(place.stat().st_mode & 0o1 for place in needed if place.is_dir()):
        return NOBODY, NOBODY
    return user, group


def _become(account: tuple[int, int]) -> None:
    """Of root's box at level B or C: take the account on, and the working folder with it."""
    if account != (os.geteuid(), os.getegid()):
        os.setgroups([])
        os.setresgid(account[1], account[1], account[1])
        os.setresuid(account[0], account[0], account[0])


def _enter_namespaces(confinement: Confinement, account: tuple[int, int]) -> int | None:
    from course.grading import namespaces

    limits = confinement.limits
    world = namespaces.World(account, confinement.readable, confinement.root, limits.file_bytes, limits.files)
    try:
        return namespaces.enter(world)
    except OSError as error:
        raise CourseError(namespaces.explain(error)) from None


def _lock(confinement: Confinement) -> None:
    """Landlock, then the filter of system calls."""
    abi = landlock.version()
    alone = confinement.level == "A"
    if not alone and not abi:
        raise CourseError("this kernel has no Landlock (Linux 5.13 or newer, switched on at boot)")
    if abi:
        if alone:
            readable: tuple[Path | str, ...] = (*confinement.readable, "/etc", "/proc", "/dev")
            writable: tuple[Path | str, ...] = ("/tmp", "/dev/shm", "/dev/null", confinement.root)
        else:
            readable = (*confinement.readable, *SYSTEM_WITHOUT_NAMESPACES)
            writable = (confinement.root, "/dev/null")
        landlock.restrict(readable, writable, tcp=not alone, abi=abi)
    try:
        seccomp.restrict(own_namespaces=alone, landlock=abi)
    except OSError as error:
        raise CourseError(f"this kernel refuses a filter of system calls ({error.strerror})") from None


def _go_first_when_memory_runs_out() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _caps(confinement: Confinement) -> dict[int, tuple[int, int]]:
    """The kernel's own limits, soft and hard; worked out while the machine's /proc can be read."""
    import resource

    limits = confinement.limits
    seconds = max(1, round(limits.cpu_seconds))
    # So that one greedy array is a MemoryError in its cell, not the end of the box. The tree is watched besides.
    data = _writable_bytes() + limits.memory_bytes
    return {
        resource.RLIMIT_CPU: (seconds, seconds if confinement.level == "A" else seconds + 5),  # SIGXCPU, then SIGKILL
        resource.RLIMIT_FSIZE: (limits.file_bytes, limits.file_bytes),
        resource.RLIMIT_NOFILE: (DESCRIPTORS, DESCRIPTORS),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_MSGQUEUE: (0, 0),
        resource.RLIMIT_DATA: (data, data),
        resource.RLIMIT_NPROC: (_process_cap(confinement),) * 2,
    }


def _set_caps(caps: Mapping[int, tuple[int, int]]) -> None:
    import resource

    for kind, (soft, hard) in caps.items():
        _, most = resource.getrlimit(kind)
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(kind, (soft, hard))


def _writable_bytes() -> int:
    """Bytes of private memory that this process may write, as RLIMIT_DATA counts them."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return 1024 * int(line.split()[1])
    return 2**30


def _process_cap(confinement: Confinement) -> int:
    """The kernel's own cap on processes. From Linux 5.14 on it counts those of a user namespace, else an account's."""
    processes = confinement.limits.processes
    release = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])
    if confinement.level == "A" and release >= (5, 14):
        return processes
    running = int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])  # every thread of the machine
    return running + FORK_BOMB_CAP * processes
