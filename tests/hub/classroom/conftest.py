"""A class on a real hub: Unix accounts, processes and homes of their own, made for these tests and taken away again.

Only where the machine may be used so: as root, on Linux, with COURSE_TEST_ACCOUNTS=1 (`make test-hub` sets it).
"""

from __future__ import annotations

import contextlib
import csv
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from course.hub.accounts import NOBODY
from course.hub.preview import free_ports

ROOT = Path(__file__).parents[3]
LESSON = "02_gaps"
#: Where start.py and the hub find what they need of the repository.
NEEDED = ("course", "pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXTS", "requirements-hub.lock")


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    if os.geteuid() == 0 and sys.platform == "linux" and os.environ.get("COURSE_TEST_ACCOUNTS") == "1":
        return
    why = "makes Unix accounts on this machine: as root, with COURSE_TEST_ACCOUNTS=1 (make test-hub)"
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=why))


def open_python() -> Path | None:
    """A Python that every account may run: the one that runs this, or the system's."""
    for python in (Path(sys.base_prefix) / "bin" / "python3", Path("/usr/bin/python3")):
        with contextlib.suppress(OSError):
            words = [str(python), "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
            if not subprocess.run(words, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", check=False).returncode:
                return python
    return None


def let_read(folder: Path) -> None:
    """Let everybody read a folder and what lies in it."""
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)


@pytest.fixture(scope="session")
def house():
    """Where the course, its environment and a repository lie for all tests."""
    with a_house() as folder:
        yield folder


@contextlib.contextmanager
def a_house():
    """A folder that everybody can read: the course, an environment for it, and a repository of one small lesson."""
    folder = Path(tempfile.mkdtemp(prefix="mlops-hub-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        for name in NEEDED:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
        python = open_python()
        assert python is not None, "no Python 3.11 or newer that other accounts may run: install the system's"
        done = subprocess.run(
            [python, folder / "course/pack/start.py", "--project", folder, "--venv", folder / "env",
             "--lock", folder / "requirements-hub.lock", "--only-setup"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        repository = folder / "repository"
        repository.mkdir()
        shutil.copy(ROOT / "nbgrader_config.py", repository)
        shutil.copytree(ROOT / "lessons" / "skeleton", repository / "lessons" / "skeleton")
        for words in (["new-lesson", LESSON], ["build"]):
            subprocess.run([folder / "env/bin/course", *words, "--root", repository], check=True, capture_output=True)
        let_read(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Class:
    """A running class: where it is, who is in it, and how to look behind it."""

    house: Path
    state: Path
    tag: str
    port: int
    settings: str = ""
    front: str = ""  # where browsers find it, if something stands before the hub
    process: subprocess.Popen | None = None
    names: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.front or f"http://localhost:{self.port}"

    def below(self, name: str) -> str:
        """The address of a name below the hub's."""
        scheme, host = self.url.split("://")
        return f"{scheme}://{name}.{host}"

    @property
    def log(self) -> str:
        return (self.state.parent / "log").read_text(errors="replace")

    def name(self, who: str) -> str:
        return f"{self.tag}-{who}"

    def course_id(self, which: str) -> str:
        return f"{self.tag}-{which}"

    def term(self, which: str) -> Path:
        return self.state / "courses" / self.course_id(which) / "term"

    def inbound(self, which: str) -> list[Path]:
        return sorted((self.state / "exchange" / self.course_id(which) / "inbound").iterdir())

    def grader_page(self, which: str) -> str:
        return f"{self.below(f'{self.course_id(which)}--service')}/services/{self.course_id(which)}"

    def page_of(self, who: str) -> str:
        return f"{self.below(self.name(who))}/user/{self.name(who)}"

    def home(self, who: str) -> Path:
        return Path(pwd.getpwnam(self.name(who)).pw_dir)

    def password(self, who: str) -> str:
        with (self.state / "private/first-passwords.csv").open(newline="") as stream:
            return dict(csv.reader(stream))[self.name(who)]

    def plan(self) -> Path:
        """Write the class's plan: two courses on one hub; Bo takes both, and Tom helps in one and teaches the other."""
        folder = self.state.parent
        for which, who in (("a", ("ada", "bo")), ("b", ("bo", "cy"))):
            rows = "".join(f'{self.name(name)},{name.title()},"O""Neil, Jr.",\n' for name in who)
            (folder / f"{which}.csv").write_text("id,first_name,last_name,email\n" + rows)
        plan = folder / "class.toml"
        plan.write_text(
            f'url = "{self.url}"\nbind = "http://127.0.0.1:{self.port}"\nstate = "{self.state}"\naccounts = "create"\n'
            f"{self.settings}\n"
            f'[courses.{self.course_id("a")}]\nroster = "a.csv"\ngrader = "{self.tag}-grader-a"\n'
            f'instructors = ["{self.name("ines")}"]\nassistants = ["{self.name("tom")}"]\n'
            f'[courses.{self.course_id("b")}]\nroster = "b.csv"\ngrader = "{self.tag}-grader-b"\n'
            f'instructors = ["{self.name("tom")}"]\n'
        )
        self.names = [self.name(who) for who in ("ada", "bo", "cy", "ines", "tom", "grader-a", "grader-b")]
        return plan

    def start(self) -> None:
        """Start the hub as an operator does, and wait until it answers."""
        said = (self.state.parent / "log").open("a")
        begin = len(self.log)
        self.process = subprocess.Popen(
            [self.house / "env/bin/course", "hub-class", self.plan(), "--root", self.house / "repository"],
            stdout=said, stderr=said, cwd="/",
        )  # fmt: skip
        said.close()
        self.wait_for_log("JupyterHub is now running", 120, begin)

    def wait_for_log(self, words: str, seconds: float = 60, begin: int = 0) -> None:
        ends = time.monotonic() + seconds
        while words not in self.log[begin:]:
            assert self.process is not None and self.process.poll() is None, self.log[-4000:]
            assert time.monotonic() < ends, f"{words!r} is not in the log after {seconds} s:\n{self.log[-4000:]}"
            time.sleep(0.3)

    def stop(self) -> None:
        """Stop the hub as an operator does: by Ctrl+C."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(60)
            finally:
                self.process.kill()

    def run_as(self, who: str, *words: str, **more) -> subprocess.CompletedProcess:
        """Run a command as somebody, as in a terminal of that person's JupyterLab."""
        person = pwd.getpwnam(self.name(who))
        config = self.state / "config" / (self.course_id(who[-1]) if who.startswith("grader") else "people")
        environment = {
            "PATH": f"{self.house}/env/bin:/usr/bin:/bin", "HOME": person.pw_dir, "USER": person.pw_name,
            "JUPYTER_CONFIG_PATH": str(config / ".course/jupyter"), "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        settings = {"cwd": person.pw_dir, "capture_output": True, "text": True, "check": False, "env": environment}
        return subprocess.run(
            list(map(str, words)), user=person.pw_uid, group=person.pw_gid, extra_groups=[], **(settings | more)
        )

    def server_of(self, who: str) -> psutil.Process:
        """The JupyterLab of somebody that runs."""
        [server] = [p for p in self.processes(who) if "jupyterhub.singleuser" in " ".join(p.cmdline())]
        return server

    def in_a_terminal(self, who: str, *words: str) -> subprocess.CompletedProcess:
        """Run a command with all that a terminal of somebody's JupyterLab would give it."""
        return self.run_as(who, *words, env=self.server_of(who).environ() | {"HOME": str(self.home(who))})

    def processes(self, who: str) -> list[psutil.Process]:
        """Everything that runs as somebody."""
        with contextlib.suppress(KeyError):
            number = pwd.getpwnam(self.name(who)).pw_uid
            return [p for p in psutil.process_iter(["uids"]) if p.info["uids"] and p.info["uids"].real == number]
        return []

    def take_away(self) -> None:
        """End what the accounts still run, and delete them: they were made for this class."""
        for name in self.names:
            for process in self.processes(name.removeprefix(f"{self.tag}-")):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            subprocess.run(["userdel", "--remove", "--force", name], capture_output=True, check=False)


@pytest.fixture(scope="module")
def klass(house):
    """A class of the file's own: its story begins with nothing released."""
    with running(house) as made:
        yield made


@contextlib.contextmanager
def running(house: Path, settings: str = "", front: str = ""):
    """Run a class of its own; afterwards nothing of it is left."""
    place = Path(tempfile.mkdtemp(prefix="class-", dir=house))
    place.chmod(0o755)
    (place / "log").touch()
    made = Class(house, place / "state", f"t{secrets.token_hex(3)}", free_ports(1)[0], settings, front)
    try:
        made.start()
        yield made
    finally:
        try:
            made.stop()
        finally:
            made.take_away()
