"""Does a box hold? Each probe is first seen to work outside one, then not to work within."""

import contextlib
import ctypes
import json
import os
import resource
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

import course
from course.errors import CourseError
from course.grading import sandbox, seccomp
from course.grading.box import Box
from course.grading.records import Limits
from course.grading.sandbox import Confinement, available_levels, choose_level, run_confined

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="student code is confined on Linux only")

SECRET = "the answer is 42-a8c1"
NOBODY = 65534
REPOSITORY = Path(course.__file__).parents[1]
ROOMY = Limits(memory_bytes=2**30)


@dataclass(frozen=True)
class Where:
    """A level, and the account of the zygote."""

    level: str
    account: str  # user; root; open root: one whose Python everybody may read, as in a container

    def __str__(self) -> str:
        return f"{self.level}, {self.account}"


PLACES = [
    Where(level, account)
    for level, account in (("A", "user"), ("A", "root"), ("B", "user"), ("B", "root"), ("B", "open root"))
]

#: For what takes seconds: one account a level in the gate's share, the others in the long run.
SPARED = {"A, user", "B, open root" if os.geteuid() == 0 else "B, user"}
sparing = pytest.mark.parametrize(
    "ground",
    [pytest.param(where, marks=[] if str(where) in SPARED else [pytest.mark.long], id=str(where)) for where in PLACES],
    indirect=True,
    scope="module",
)


def call(function: str, *arguments) -> int:
    result = getattr(ctypes.CDLL(None, use_errno=True), function)(*arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def show_python_to_everybody() -> None:
    """In a mount namespace of the test's own: a Python below a closed home is readable, the rest of it vanishes."""
    needed = [Path(sys.base_prefix), Path(sys.prefix), Path(course.__file__).parent]
    closed = [top for path in needed for top in reversed(path.parents) if not top.stat().st_mode & 0o1]
    if not closed:
        return
    hidden = [path for path in needed if path.is_relative_to(closed[0])]
    call("unshare", 0x20000)
    call("mount", None, b"/", None, 0x4000 | 0x40000, None)
    kept = [(path, tempfile.mkdtemp()) for path in hidden]
    for path, place in kept:
        call("mount", os.fsencode(path), os.fsencode(place), None, 0x1000, None)
    call("mount", b"test", os.fsencode(closed[0]), b"tmpfs", 0, b"mode=755")
    for path, place in kept:
        path.mkdir(parents=True)
        call("mount", os.fsencode(place), os.fsencode(path), None, 0x1000, None)
        call("umount2", os.fsencode(place), 2)
        Path(place).rmdir()


def become(account: str) -> None:
    if os.geteuid() == 0 and account != "root":
        show_python_to_everybody()
        if account == "user":
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            call("prctl", 4, 1, 0, 0, 0)


def answer(channel: int, probe: Callable) -> int:
    """Run a probe, and say what came of it."""
    try:
        result = {"value": probe()}
    except BaseException as error:
        result = {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
    os.write(channel, json.dumps(result).encode())
    return 0


def collect(channel: int) -> dict:
    with os.fdopen(channel, "rb") as file:
        return json.loads(file.read() or '{"error": "no answer"}')


def as_account(account: str, what: Callable) -> dict:
    """Run something in a child under an account: a zygote, or a probe without a box."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            become(account)
            answer(theirs, what)
        finally:
            os._exit(0)
    os.close(theirs)
    result = collect(ours)
    os.waitpid(child, 0)
    return result


def value_of(result: dict):
    assert "value" in result, result.get("trace", result)
    return result["value"]


class Ground:
    """A place to test at: folders, secrets, listeners, a victim."""

    def __init__(self, where: Where, folder: Path) -> None:
        self.where = where
        self.folder = folder
        self.count = 0

    def confinement(self, limits: Limits = ROOMY) -> Confinement:
        self.count += 1
        root = Path("/tmp/work") if self.where.level == "A" else self.folder / f"work-{os.getpid()}-{self.count}"
        return Confinement(self.where.level, root, limits=limits)

    def box(self, probe: Callable, limits: Limits = ROOMY, keep: tuple[int, ...] = ()) -> Box:
        return run_confined(self.confinement(limits), probe, keep)

    def outside(self, probe: Callable) -> dict:
        return as_account(self.where.account, probe)

    def within(self, probe: Callable, limits: Limits = ROOMY) -> dict:
        def zygote():
            ours, theirs = os.pipe()
            with self.box(lambda: answer(theirs, probe), limits, keep=(theirs,)) as box:
                os.close(theirs)
                box.wait(30)
                return collect(ours)

        return value_of(as_account(self.where.account, zygote))

    def zygote(self, what: Callable):
        return value_of(as_account(self.where.account, what))


@pytest.fixture(scope="module", params=PLACES, ids=str)
def ground(request):
    where = request.param
    if os.geteuid() != 0 and where.account != "user":
        pytest.skip("only root can grade as root")
    reason = value_of(as_account(where.account, lambda: sandbox._try(where.level)))
    if reason:
        pytest.skip(f"level {where.level} cannot be had here: {reason}")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield Ground(where, folder)
    shutil.rmtree(folder)


@pytest.fixture
def planted(ground):
    """A secret for everybody to read, in folders of several kinds."""
    homes = [Path("/tmp"), Path("/var/tmp"), *([Path.home()] if ground.where.account == "root" else [])]
    folders = [Path(tempfile.mkdtemp(dir=home)) for home in homes]
    for folder in folders:
        folder.chmod(0o777)
        (folder / "source").mkdir()
        for name in ("secret.txt", "gradebook.db", "source/lesson.ipynb"):
            (folder / name).write_text(SECRET)
            (folder / name).chmod(0o666)
    yield [folder / name for folder in folders for name in ("secret.txt", "gradebook.db", "source/lesson.ipynb")]
    for folder in folders:
        shutil.rmtree(folder)


def test_it_cannot_read_what_is_not_its_own(ground, planted):
    def read():
        found = []
        for path in planted:
            with contextlib.suppress(OSError):
                found.append(path.read_text())
        return found

    assert value_of(ground.outside(read)) == [SECRET] * len(planted)
    assert value_of(ground.within(read)) == []


def test_it_cannot_read_the_repository_or_other_homes(ground):
    def read():
        found = []
        for path in (REPOSITORY / "pyproject.toml", REPOSITORY / "source", Path("/var/log"), Path("/home"), Path("/")):
            with contextlib.suppress(OSError):
                found.append([place.name for place in path.iterdir()] if path.is_dir() else path.read_text()[:9])
        return found

    assert len(value_of(ground.outside(read))) >= 3
    assert value_of(ground.within(read)) == []


def test_it_cannot_write_outside_its_folder(ground, planted):
    target = planted[0]

    def write():
        done = []
        for attempt in (
            lambda: target.write_text("mine"),
            lambda: (target.parent / "new.txt").write_text("mine"),
            lambda: target.unlink(),
            lambda: os.truncate(target.with_name("gradebook.db"), 0),
            lambda: os.link(target.with_name("gradebook.db"), "linked"),
            lambda: (Path(sys.prefix) / "planted.pth").write_text("import os"),
            lambda: Path(course.__file__).open("r+b").close(),
        ):
            with contextlib.suppress(OSError):
                attempt()
                done.append(1)
        return done

    assert value_of(ground.within(write)) == []
    assert target.read_text() == SECRET
    write_here = value_of(ground.outside(lambda: target.write_text("mine")))
    assert write_here == 4


def test_it_cannot_change_modes_or_times_outside(ground, planted):
    target = planted[1]

    def change():
        with contextlib.suppress(OSError):
            target.chmod(0o600)
        with contextlib.suppress(OSError):
            os.utime(target, (1, 1))
        with contextlib.suppress(OSError):
            library = os.open(seccomp.__file__, os.O_RDONLY)  # readable within, and its own account's at level B
            os.fchmod(library, 0o777)
            os.utime(library, (1, 1))

    if ground.where.account == "user" and os.geteuid() == 0:
        os.chown(target, NOBODY, NOBODY)
    library = Path(seccomp.__file__).stat()
    value_of(ground.within(change))
    assert (stat.S_IMODE(target.stat().st_mode), target.stat().st_mtime > 1) == (0o666, True)
    after = Path(seccomp.__file__).stat()
    assert (library.st_mode, library.st_mtime) == (after.st_mode, after.st_mtime)
    value_of(ground.outside(lambda: target.chmod(0o600)))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_one_box_cannot_see_another(ground):
    def zygote():
        ready, tell = os.pipe()

        def neighbour():
            Path("mine.txt").write_text(SECRET)
            os.write(tell, b"x")
            return time.sleep(20)

        first = ground.confinement()
        with run_confined(first, neighbour, (tell,)) as box:
            os.read(ready, 1)
            ours, theirs = os.pipe()

            def look():
                seen = []
                for place in (first.root / "mine.txt", Path(f"/proc/{box.pid}/root{first.root}/mine.txt")):
                    with contextlib.suppress(OSError):
                        seen.append(place.read_text())
                return seen

            control = look() if ground.where.level != "A" else [SECRET]
            with ground.box(lambda: answer(theirs, look), keep=(theirs,)) as second:
                os.close(theirs)
                second.wait(20)
                return control, collect(ours)

    control, seen = ground.zygote(zygote)
    assert SECRET in control
    assert value_of(seen) == []


def those_that_work(attempts: dict[str, Callable]) -> list[str]:
    """The names of the attempts that raise nothing."""
    worked = []
    for name, attempt in attempts.items():
        with contextlib.suppress(Exception):
            attempt()
            worked.append(name)
    return worked


def test_it_cannot_read_the_grader_through_proc(ground):
    names = ["environ", "mem", "cmdline", "maps", "fd"]

    def probe(grader):
        def read(name):
            path = f"/proc/{grader}/{name}"
            if name == "fd":
                assert list(Path(path).iterdir())
                return
            with Path(path).open("rb") as file:
                if name == "mem":
                    file.seek(id(SECRET))
                assert file.read(10)

        return lambda: those_that_work({name: partial(read, name) for name in names})

    def zygote():
        ours, theirs = os.pipe()
        with ground.box(lambda: answer(theirs, probe(grader)), keep=(theirs,)) as box:
            os.close(theirs)
            box.wait(20)
            return collect(ours)

    def outer():
        nonlocal grader
        grader = os.getpid()
        control = as_account("root", probe(grader))  # a child of the same account
        return control, zygote()

    grader = 0
    control, result = ground.zygote(outer)
    assert value_of(control) == names
    assert value_of(result) == []


def test_no_word_of_the_graders_environment_is_left_in_it(ground):
    script = (
        "import os, sys; from pathlib import Path; from course.grading.sandbox import *\n"
        "def look():\n"
        "    return int(b'PLANTED' in Path('/proc/self/environ').read_bytes() or 'PLANTED' in os.environ)\n"
        "assert look()\n"
        f"with run_confined(Confinement({ground.where.level!r}, Path(sys.argv[1])), look, ()) as box:\n"
        "    print(box.wait(20))\n"
    )
    root = str(ground.confinement().root)

    def run():
        return subprocess.run(
            [sys.executable, "-c", script, root],
            env={"PLANTED": SECRET, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def zygote():
        done = run()
        return done.stdout + done.stderr

    assert ground.zygote(zygote).strip() == "0"


@contextlib.contextmanager
def listening(family, kind, address):
    with socket.socket(family, kind) as listener:
        listener.bind(address)
        if kind == socket.SOCK_STREAM:
            listener.listen()
        yield listener


def heard(listeners: dict) -> list[str]:
    """The names of the listeners that somebody came to within a moment."""
    ready = set()
    ending = time.monotonic() + 0.3
    while (left := ending - time.monotonic()) > 0 and len(ready) < len(listeners):
        ready |= set(select.select([each for each in listeners.values() if each not in ready], [], [], left)[0])
    for listener in ready:
        if listener.type == socket.SOCK_STREAM:
            listener.accept()[0].close()
        else:
            listener.recv(10)
    return [name for name, listener in listeners.items() if listener in ready]


def test_it_cannot_talk_to_anybody_outside(ground):
    forms = {
        "tcp": (socket.AF_INET, socket.SOCK_STREAM),
        "udp": (socket.AF_INET, socket.SOCK_DGRAM),
        "unix": (socket.AF_UNIX, socket.SOCK_STREAM),
        "abstract": (socket.AF_UNIX, socket.SOCK_STREAM),
        "unix datagram": (socket.AF_UNIX, socket.SOCK_DGRAM),
    }
    with contextlib.ExitStack() as stack:
        listeners = {}
        for name, (family, form) in forms.items():
            path = ground.folder / f"socket-{os.urandom(4).hex()}"
            wanted = f"\0{path.name}" if name == "abstract" else str(path)
            address = wanted if family == socket.AF_UNIX else ("127.0.0.1", 0)
            listeners[name] = stack.enter_context(listening(family, form, address))
            if path.exists():
                path.chmod(0o777)

        def talk(name):
            with socket.socket(*forms[name]) as talker:
                talker.connect(listeners[name].getsockname())
                talker.send(b"hello")

        def talk_through_a_pair():
            one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            one.sendto(b"hello", listeners["unix datagram"].getsockname())

        each = {name: partial(talk, name) for name in forms}
        for attempts in (each, {"unix datagram": talk_through_a_pair}):
            those = {name: listeners[name] for name in attempts}
            assert value_of(ground.outside(partial(those_that_work, attempts))) == list(attempts)
            assert heard(those) == list(attempts)
            ground.within(partial(those_that_work, attempts))
            assert heard(those) == []


def test_unusual_sockets_are_refused(ground):
    families = {"netlink": 16, "packet": 17, "bluetooth": 31, "crypto": 38, "virtual machine": 40}

    def ask():
        had = []
        for name, number in families.items():
            for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM, socket.SOCK_STREAM, 5):
                with contextlib.suppress(OSError):
                    socket.socket(number, kind).close()
                    had.append(name)
        return had

    assert "netlink" in value_of(ground.outside(ask))
    assert value_of(ground.within(ask)) == []


@pytest.fixture
def victim(ground):
    """A process of the grader's account."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        become(ground.where.account)
        os.write(theirs, b"x")
        time.sleep(60)
        os._exit(0)
    os.read(ours, 1)
    yield child
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ours)
    os.close(theirs)


TOUCHES = {
    "signal": lambda pid: os.kill(pid, signal.SIGURG),
    "signal to the group": lambda pid: os.killpg(os.getpgid(pid), 0),
    "ptrace": lambda pid: call("ptrace", 16, pid, None, None),
    "limits": lambda pid: resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0)),
    "priority": lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 5),
    "processors": lambda pid: os.sched_setaffinity(pid, os.sched_getaffinity(pid)),
    "signal by descriptor": lambda pid: signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGURG),
}


def test_it_cannot_touch_a_process_outside(ground, victim):
    def probe():
        return those_that_work({name: partial(touch, victim) for name, touch in TOUCHES.items()})

    assert value_of(ground.outside(probe)) == list(TOUCHES)
    assert value_of(ground.within(probe)) == []


FORBIDDEN = {
    "user namespaces": lambda: call("unshare", 0x10000000),
    "ptrace": lambda: call("ptrace", 0, 0, None, None),
    "memory that belongs to nobody": lambda: os.close(os.memfd_create("x")),
    "shared memory segments": lambda: call("shmget", 0, 4096, 0o1600),
    "hiding from the watch": lambda: call("prctl", 4, 0, 0, 0, 0),
}


def test_a_call_that_works_outside_is_refused_within(ground):
    assert value_of(ground.outside(partial(those_that_work, FORBIDDEN))) == list(FORBIDDEN)
    assert value_of(ground.within(partial(those_that_work, FORBIDDEN))) == []


def test_clone_with_namespaces_is_refused(ground):
    def probe():
        child = call("syscall", ctypes.c_long(56 if os.uname().machine == "x86_64" else 220), 0x10000011, 0, 0, 0, 0)
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)

    assert "error" in ground.within(probe)


def test_it_has_no_privilege_left(ground):
    def look():
        status = Path("/proc/self/status").read_text()
        return [line.split()[1] for line in status.splitlines() if line.startswith(("Cap", "NoNewPrivs", "Seccomp:"))]

    inheritable, permitted, effective, _, ambient, no_new, filtered = value_of(ground.within(look))
    assert {inheritable, permitted, effective, ambient} == {"0" * 16}
    assert (no_new, filtered) == ("1", "2")


def test_only_the_kept_descriptors_are_open(ground):
    def zygote():
        extra = [os.open("/etc/hostname", os.O_RDONLY) for _ in range(5)]
        inherited = os.dup(extra[0])
        os.set_inheritable(inherited, True)
        ours, theirs = os.pipe()

        def look():
            listing = list(Path("/proc/self/fd").iterdir())  # and its own descriptor, closed by now
            return sorted(str(place.readlink()) for place in listing if place.is_symlink())

        with ground.box(lambda: answer(theirs, look), keep=(theirs,)) as box:
            os.close(theirs)
            box.wait(20)
            return collect(ours)

    *standard, last = value_of(ground.zygote(zygote))
    assert standard == ["/dev/null"] * 3
    assert last.startswith("pipe:")


@pytest.mark.parametrize("way", ["at its end", "when it is killed"])
def test_nothing_survives(ground, way):
    """Every process of the box holds the end of a pipe: once all are gone, and only then, the pipe is at its end."""

    def zygote():
        ours, theirs = os.pipe()

        def inside():
            for style in range(4):
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0:
                        os.setsid()
                        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                            signal.signal(number, signal.SIG_IGN)
                        os.write(theirs, b"x")
                        if style == 1:
                            os.kill(os.getpid(), signal.SIGSTOP)
                        if style == 2:
                            for _ in range(100):  # always a new number, never two at once
                                if os.fork():
                                    os._exit(0)
                                time.sleep(0.05)
                        time.sleep(30)
                    os._exit(0)
            if way == "when it is killed":
                time.sleep(30)
            while len(started) < 4:
                started.append(1)
            time.sleep(0.3)
            return 7

        started = []
        box = ground.box(inside, keep=(theirs,))
        os.close(theirs)
        for _ in range(4):
            assert os.read(ours, 1) == b"x"
        if way == "at its end":
            assert box.wait(20) == 7
        else:
            assert box.wait(0) is None
            box.kill()
        os.set_blocking(ours, False)
        rest = os.read(ours, 100)  # BlockingIOError if somebody still holds the other end
        box.close()
        return rest.decode()

    assert ground.zygote(zygote) == ""


def test_the_box_dies_with_the_zygote(ground):
    ours, theirs = os.pipe()

    def zygote():
        def inside():
            if os.fork() == 0:
                os.setsid()
            os.write(theirs, b"x")
            return time.sleep(30)

        ground.box(inside, keep=(theirs,))
        os.read(ours, 1)
        os.read(ours, 1)
        os.kill(os.getpid(), signal.SIGKILL)

    as_account(ground.where.account, zygote)
    os.close(theirs)
    ended = threading.Event()
    threading.Thread(target=lambda: (os.read(ours, 10), ended.set()), daemon=True).start()
    assert ended.wait(5)
    os.close(ours)


def watched(ground, inside, limits, seconds=8.0):
    """What the watch says about a box within some seconds, and the status with which the box ended by itself."""

    def zygote():
        with ground.box(inside, limits) as box:
            ending = time.monotonic() + seconds
            while time.monotonic() < ending:
                if reason := box.watch(limits):
                    return reason
                if box.wait(0.02) is not None:
                    return box.status
        return "still running"

    return ground.zygote(zygote)


def take_memory_in_a_tree():
    ready, done = os.pipe()
    for _ in range(5):
        if os.fork() == 0:
            # Together much more than the limit: a box is credited with a little too much of what this process holds.
            held = bytearray(os.urandom(1 << 20)) * 80
            os.write(done, b"!")
            time.sleep(5)
            os._exit(len(held) % 2)
    for _ in range(5):
        os.read(ready, 1)
    time.sleep(0.5)  # all five hold it now, and the watch looks many times
    return 0


@sparing
def test_a_tree_of_processes_cannot_take_more_memory_than_allowed(ground):
    assert (
        watched(ground, take_memory_in_a_tree, Limits(memory_bytes=100 * 2**20)) == "used more than 100 MiB of memory"
    )
    assert watched(ground, take_memory_in_a_tree, Limits(memory_bytes=2**30)) == 0


def test_one_greedy_array_is_an_ordinary_memory_error(ground):
    result = ground.within(lambda: len(bytearray(300 * 2**20)), Limits(memory_bytes=200 * 2**20))
    assert result["error"].startswith("MemoryError")


@sparing
def test_memory_that_was_there_before_does_not_count(ground):
    def zygote():
        warm = bytearray(os.urandom(1 << 20)) * 100
        with ground.box(lambda: time.sleep(5)) as box:
            time.sleep(0.1)
            return box.memory_bytes(), len(warm), box.process_count()

    used, warm, processes = ground.zygote(zygote)
    assert used < warm / 2
    assert processes == 1


@sparing
def test_a_loop_of_forks_ends(ground):
    def fork():
        for _ in range(30):  # bounded: 30 processes that sleep
            if os.fork() == 0:
                time.sleep(5)
                os._exit(0)
        time.sleep(1)
        return 0

    limits = Limits(processes=20)
    result = watched(ground, fork, limits)
    if ground.where.level == "A":
        assert result == 1  # the kernel refused the twenty-first: BlockingIOError
    else:
        assert result == "started more than 20 processes"
    assert watched(ground, fork, Limits(processes=100)) == 0


@sparing
def test_it_cannot_write_more_than_allowed(ground):
    def fill():
        for number in range(40):
            Path(f"{number}.bin").write_bytes(b"x" * 2**20)
        time.sleep(1)
        return 0

    said = watched(ground, fill, Limits(file_bytes=20 * 2**20))
    assert said == (1 if ground.where.level == "A" else "wrote more than 20 MiB")
    assert watched(ground, fill, Limits(file_bytes=64 * 2**20)) == 0


def test_it_cannot_write_one_file_that_is_too_long(ground):
    def fill():
        with Path("long.bin").open("wb") as file:
            for _ in range(40):
                file.write(b"x" * 2**20)

    assert "OSError" in ground.within(fill, Limits(file_bytes=20 * 2**20))["error"]


@sparing
def test_it_cannot_hide_what_it_wrote(ground):
    def hide():
        held = []
        for number in range(40):
            file = Path(f"{number}.bin").open("wb", buffering=0)  # noqa: SIM115
            file.write(b"x" * 2**20)
            Path(f"{number}.bin").unlink()
            held.append(file)
        Path("closed").mkdir()
        time.sleep(1)
        return 0

    said = watched(ground, hide, Limits(file_bytes=20 * 2**20))
    assert said == (1 if ground.where.level == "A" else "wrote more than 20 MiB")


@sparing
def test_it_cannot_make_more_files_than_allowed(ground):
    def make():
        for number in range(300):
            Path(f"{number}").mkdir()
        time.sleep(1)
        return 0

    said = watched(ground, make, Limits(files=200))
    assert said == (1 if ground.where.level == "A" else "wrote more than 200 files")
    assert watched(ground, make, Limits(files=400)) == 0


@sparing
def test_cpu_time_ends(ground):
    def burn():
        while True:
            pass

    ended_by = signal.SIGKILL if ground.where.level == "A" else signal.SIGXCPU  # which process 1 would not hear
    assert watched(ground, burn, Limits(cpu_seconds=1)) == 128 + ended_by


@sparing
def test_a_planted_tree_is_removed_and_nothing_beyond_it(ground, planted):
    """Links, closed folders, depth, pipes: the folder goes, what the links point to stays."""
    if ground.where.level == "A":
        pytest.skip("at level A the folder is in memory and vanishes with the box")

    def plant():
        Path("link").symlink_to(planted[0].parent)
        Path("file-link").symlink_to(planted[0])
        os.mkfifo("pipe")
        Path("closed").mkdir()
        Path("closed/inner").mkdir(mode=0o000)
        for _ in range(1500):
            Path("deep").mkdir()
            os.chdir("deep")
        return 0

    def zygote():
        confinement = ground.confinement()
        with run_confined(confinement, plant, ()) as box:
            assert box.wait(20) == 0
            deep = box.watch(Limits())
        return confinement.root.exists(), deep

    assert ground.zygote(zygote) == [False, "made folders more than 200 deep"]
    assert all(path.read_text() == SECRET for path in planted)


def honest_work() -> list[str]:
    done = []
    import colorsys  # noqa: F401
    import sqlite3
    import wave  # noqa: F401

    done.append(f"sqlite {sqlite3.connect('here.db').execute('select 40 + 2').fetchone()[0]}")
    thread = threading.Thread(target=lambda: done.append("thread"))
    thread.start()
    thread.join()
    done.append(f"true {subprocess.run(['/usr/bin/true'], check=False).returncode}")
    python = subprocess.run(
        [sys.executable, "-c", "import numpy; print(6 * 7)"], capture_output=True, text=True, check=False
    )
    done.append(f"python {python.stdout.strip()}{python.stderr}")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "data.csv"
        place.write_text("a,b")
        shutil.copy(place, place.with_name("copy.csv"))
        done.append(place.with_name("copy.csv").read_text())
    import multiprocessing

    context = multiprocessing.get_context("fork")
    one, two = context.Pipe()
    process = context.Process(target=lambda: two.send(42))
    process.start()
    done.append(f"process {one.recv()}")
    process.join()
    import asyncio

    done.append(asyncio.run(asyncio.sleep(0, "asyncio")))
    Path("a.txt").write_text("x")
    Path("a.txt").rename("b.txt")
    done.append(Path("b.txt").read_text())
    sleeper = subprocess.Popen(["/usr/bin/sleep", "20"])
    sleeper.kill()
    done.append(f"killed {sleeper.wait()}")
    return done


def test_honest_work_works(ground):
    expected = ["sqlite 42", "thread", "true 0", "python 42", "a,b", "process 42", "asyncio", "x", "killed -9"]
    assert value_of(ground.within(honest_work)) == expected


def test_locks_of_multiprocessing_and_a_server_of_its_own_work_at_a(ground):
    if ground.where.level != "A":
        pytest.skip("level B has neither; the table in the sandbox's docstring says so")

    def work():
        import http.server
        import multiprocessing
        import urllib.request

        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        process = context.Process(target=lambda: queue.put(42))
        process.start()
        found = queue.get(timeout=10)
        process.join()
        server = http.server.HTTPServer(("localhost", 0), http.server.SimpleHTTPRequestHandler)
        threading.Thread(target=server.handle_request).start()
        with urllib.request.urlopen(f"http://localhost:{server.server_port}/", timeout=10) as page:
            return found, page.status

    assert value_of(ground.within(work)) == [42, 200]


@pytest.fixture(scope="module")
def font_cache():
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    command = [sys.executable, "-c", "import matplotlib.font_manager"]
    subprocess.run(command, env=os.environ | {"MPLCONFIGDIR": str(folder)}, check=True)
    yield folder
    shutil.rmtree(folder)


@sparing
def test_a_warm_matplotlib_draws_and_a_lazy_module_loads(ground, font_cache, monkeypatch):
    monkeypatch.setenv("MPLCONFIGDIR", str(font_cache))

    def zygote():
        import matplotlib

        matplotlib.use("agg")
        import matplotlib.pyplot as plt

        ours, theirs = os.pipe()

        def draw():
            import matplotlib.backends.backend_svg  # noqa: F401

            figure, axes = plt.subplots()
            axes.plot([1, 2])
            axes.set_title("π")
            figure.savefig("plot.png")
            figure.savefig("plot.svg")
            return Path("plot.png").read_bytes()[1:4].decode(), "<svg" in Path("plot.svg").read_text()

        with ground.box(lambda: answer(theirs, draw), keep=(theirs,)) as box:
            os.close(theirs)
            box.wait(60)
            return collect(ours)

    assert value_of(ground.zygote(zygote)) == ["PNG", True]


def test_the_status_tells_how_it_ended(ground):
    def zygote():
        statuses = []
        for inside in (
            lambda: 0,
            lambda: 3,
            lambda: 1 / 0,
            lambda: len(ctypes.string_at(0)),
            lambda: os.kill(os.getpid(), signal.SIGKILL) or 4,
        ):
            with ground.box(inside) as box:
                statuses.append(box.wait(20))
        return statuses

    # Process 1 of a namespace, which the inside is at level A, has no signal of its own to fear.
    killed = 4 if ground.where.level == "A" else 128 + signal.SIGKILL
    assert ground.zygote(zygote) == [0, 3, 1, 128 + signal.SIGSEGV, killed]


def test_levels_that_cannot_be_had_are_refused_with_the_reason(monkeypatch):
    none = {"A": "no namespaces", "B": "no Landlock", "C": ""}
    monkeypatch.setattr(sandbox, "available_levels", lambda: none)
    with pytest.raises(CourseError, match=r"no namespaces.*no Landlock.*container image.*--trust"):
        choose_level(None, trust=False)
    with pytest.raises(CourseError, match="level A cannot be had here: no namespaces"):
        choose_level("A", trust=True)
    with pytest.raises(CourseError, match="--trust"):
        choose_level("C", trust=False)
    assert choose_level(None, trust=True) == "C"
    monkeypatch.setattr(sandbox, "available_levels", lambda: none | {"B": ""})
    assert choose_level(None, trust=True) == "B"


def test_other_systems_get_a_clear_word(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    available_levels.cache_clear()
    try:
        with pytest.raises(CourseError, match=r"Linux only.*container image"):
            choose_level(None, trust=True)
    finally:
        available_levels.cache_clear()


def test_a_level_that_the_kernel_refuses_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox.landlock, "version", lambda: 0)
    with pytest.raises(CourseError, match="no Landlock"):
        run_confined(Confinement("B", tmp_path / "work"), lambda: 0, ())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("landlock", [1, 5, 7])
def test_the_filter_for_older_kernels_holds_too(tmp_path, monkeypatch, landlock):
    """On a kernel whose Landlock lets signals out, or files be emptied, the filter sees to it."""
    monkeypatch.setattr(sandbox.landlock, "version", lambda: landlock)
    if available_levels()["B"]:
        pytest.skip(f"level B cannot be had here: {available_levels()['B']}")
    victim = subprocess.Popen(["/usr/bin/sleep", "30"])
    library = tmp_path / "library.py"
    library.write_text("ours")
    ours, theirs = os.pipe()

    def probe():
        for touch in (
            lambda: os.kill(victim.pid, signal.SIGURG),
            lambda: os.close(os.open(library, os.O_RDONLY | os.O_TRUNC)),
            lambda: os.truncate(library, 0),
        ):
            with contextlib.suppress(OSError):
                touch()
                return "touched"
        Path("own.txt").write_text("one")
        Path("own.txt").write_text("two")
        return Path("own.txt").read_text() + library.read_text()

    confinement = Confinement("B", tmp_path / "work", (*sandbox.default_readable(), library))
    with victim, run_confined(confinement, lambda: answer(theirs, probe), (theirs,)) as box:
        os.close(theirs)
        box.wait(20)
        victim.kill()
    assert value_of(collect(ours)) == "twoours"
    assert library.read_text() == "ours"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_rule_finds_its_call(machine):
    """The numbers agree with the kernel's own headers, where they are installed."""
    header = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}
    if not Path(header[machine]).exists():
        pytest.skip("the kernel's headers are not installed")
    known = {}
    for line in Path(header[machine]).read_text().splitlines():
        words = line.split()
        if len(words) >= 3 and words[0] == "#define" and words[2].isdigit():
            known[words[1].removeprefix("__NR_").removeprefix("__NR3264_")] = int(words[2])
    column = seccomp.COLUMN[machine]
    wrong = {
        name: numbers[column]
        for name, numbers in seccomp.CALLS.items()
        if (name in known and known[name] != numbers[column]) or (numbers[column] is None and name in known)
    }
    assert wrong == {}
    for rules in (seccomp.rules_for(True, 7), seccomp.rules_for(False, 1)):
        assert len({rule.call for rule in rules}) == len(rules)
