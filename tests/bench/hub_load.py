"""How many students does a hub hold? N of them log in, fetch lesson 1, run its first notebook and hand in, on loopback.

`make load-hub STUDENTS=20 MINUTES=2`: as root, on a machine that may be used so (it makes Unix accounts, and takes them
away again). Nothing leaves the machine, and nothing is asked of anybody else's hub. Prints a table for docs/hub.md.
"""

from __future__ import annotations

import argparse
import json
import os
import pwd
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import nbformat
import psutil
import requests
import websocket

from course.display import join_words
from tests.hub.classroom import conftest
from tests.hub.classroom.conftest import ROOT, Class

LESSON, FIRST = "01_what_is_mlops", "0_start_here.ipynb"
MOST_STUDENTS = 120
STEPS = ("log in, server up", "fetch", "open, kernel up", "run the notebook", "hand in")


def resolve_localhost() -> None:
    """Let every name below `localhost` be this machine, as browsers do by themselves."""
    ask = socket.getaddrinfo

    def answer(host, *more, **named):
        return ask("127.0.0.1" if isinstance(host, str) and host.endswith(".localhost") else host, *more, **named)

    socket.getaddrinfo = answer


@dataclass
class Student:
    """One student's afternoon: how long each step took, and what went wrong."""

    klass: Class
    who: str
    took: dict[str, float] = field(default_factory=dict)
    failed: str = ""

    def __post_init__(self) -> None:
        self.session = requests.Session()

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.took[step] = time.monotonic() - began

    def token(self, path: str) -> dict[str, str]:
        found = [cookie.value for cookie in self.session.cookies if cookie.name == "_xsrf" and cookie.path == path]
        return {"X-XSRFToken": found[-1] if found else ""}

    def post(self, path: str, told: dict) -> requests.Response:
        here = f"/user/{self.klass.name(self.who)}/"
        answer = self.session.post(
            f"{self.klass.page_of(self.who)}/{path}", json=told, headers=self.token(here), timeout=120
        )
        answer.raise_for_status()
        return answer

    def go(self) -> None:
        """Do it all; what goes wrong is kept, not raised."""
        try:
            with self.timed(STEPS[0]):
                self.log_in()
            lesson = {"course_id": self.klass.course_id("a"), "assignment_id": LESSON}
            with self.timed(STEPS[1]):
                self.post("assignments/fetch", lesson)
            path = f"{self.klass.course_id('a')}/{LESSON}/{FIRST}"
            with self.timed(STEPS[2]):
                self.session.get(f"{self.klass.page_of(self.who)}/api/contents/{path}", timeout=120).raise_for_status()
                asked = {"path": path, "name": FIRST, "type": "notebook", "kernel": {"name": "python3"}}
                kernel = self.post("api/sessions", asked).json()["kernel"]["id"]
                door = self.door(kernel)
                run(door, "pass")
            with self.timed(STEPS[3]):
                notebook = nbformat.read(ROOT / "release" / LESSON / FIRST, as_version=4)
                for cell in notebook.cells:
                    if cell.cell_type == "code":
                        run(door, cell.source)
            door.close()
            with self.timed(STEPS[4]):
                answer = self.post("assignments/submit", lesson).json()
                assert answer["success"], answer
        except Exception as error:  # every kind of failure is a finding
            self.failed = f"{type(error).__name__}: {error}"[:300]

    def log_in(self) -> None:
        page = self.session.get(f"{self.klass.url}/hub/login", timeout=120)
        page.raise_for_status()
        told = {"username": self.klass.name(self.who), "password": self.klass.password(self.who)}
        token = self.token("/hub/")["X-XSRFToken"]
        self.session.post(f"{self.klass.url}/hub/login", data=told | {"_xsrf": token}, timeout=120).raise_for_status()
        ends = time.monotonic() + 180
        while True:
            answer = self.session.get(f"{self.klass.page_of(self.who)}/lab", timeout=120)
            if answer.status_code == 200 and "jupyter-config-data" in answer.text:
                return
            if time.monotonic() > ends:
                raise TimeoutError(f"the server is not up: {answer.status_code} {answer.url}")
            time.sleep(0.5)

    def door(self, kernel: str) -> websocket.WebSocket:
        address = f"{self.klass.page_of(self.who)}/api/kernels/{kernel}/channels"
        request = requests.Request("GET", address).prepare()
        cookie = requests.cookies.get_cookie_header(self.session.cookies, request) or ""
        here = f"/user/{self.klass.name(self.who)}/"
        # A socket has no header of a script's: the page's token stands in the address.
        address += f"?_xsrf={quote(self.token(here)['X-XSRFToken'])}"
        return websocket.create_connection(
            address.replace("http://", "ws://"), cookie=cookie, timeout=180,
            origin=self.klass.page_of(self.who).split("/user/")[0],
        )  # fmt: skip


def run(door: websocket.WebSocket, code: str) -> None:
    """Run a cell and wait until the kernel has done so; an error in it is the student's, not the hub's."""
    number = uuid.uuid4().hex
    header = {"msg_id": number, "username": "", "session": number, "msg_type": "execute_request", "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    door.send(json.dumps(message))
    while True:
        said = door.recv()
        if isinstance(said, bytes):
            continue  # a picture's buffers
        answer = json.loads(said)
        idle = answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle"
        if idle and answer["parent_header"].get("msg_id") == number:
            return


class Watch(threading.Thread):
    """Memory of all the students' processes, proportionally shared, and of the hub; and how busy the machine is."""

    def __init__(self, klass: Class, students: list[str]) -> None:
        super().__init__(daemon=True)
        self.numbers = {pwd.getpwnam(klass.name(who)).pw_uid for who in students}
        self.hub = klass.process.pid
        self.peak, self.hub_peak, self.busy, self.done = 0, 0, [], threading.Event()

    def run(self) -> None:
        psutil.cpu_percent()
        while not self.done.wait(3):
            mine = [p for p in psutil.process_iter(["uids"]) if p.info["uids"] and p.info["uids"].real in self.numbers]
            self.peak = max(self.peak, sum(map(_memory, mine)))
            operator = psutil.Process(self.hub)
            theirs = {p.pid for p in mine}  # servers are the hub's children
            others = [p for p in (operator, *operator.children(recursive=True)) if p.pid not in theirs]
            self.hub_peak = max(self.hub_peak, sum(map(_memory, others)))
            self.busy.append(psutil.cpu_percent())


def _memory(process: psutil.Process) -> int:
    try:
        return process.memory_full_info().pss
    except psutil.Error:
        return 0


class LoadClass(Class):
    """A class of one course with many students."""

    students: list[str]

    def plan(self) -> Path:
        folder = self.state.parent
        rows = "".join(f"{self.name(who)},{who},Load,\n" for who in self.students)
        (folder / "a.csv").write_text("id,first_name,last_name,email\n" + rows)
        plan = folder / "class.toml"
        plan.write_text(
            f'url = "{self.url}"\nbind = "http://127.0.0.1:{self.port}"\nstate = "{self.state}"\naccounts = "create"\n'
            f'[courses.{self.course_id("a")}]\nroster = "a.csv"\ngrader = "{self.tag}-grader-a"\n'
            f'instructors = ["{self.name("ines")}"]\n'
        )
        self.names = [self.name(who) for who in (*self.students, "ines", "grader-a")]
        return plan


@contextmanager
def class_of(students: list[str], house: Path) -> Iterator[LoadClass]:
    """Run a class with lesson 1 released."""
    place = Path(tempfile.mkdtemp(prefix="load-", dir=house))
    place.chmod(0o755)
    (place / "log").touch()
    klass = LoadClass(house, place / "state", f"l{uuid.uuid4().hex[:5]}", conftest.free_ports(1)[0])
    klass.students = students
    try:
        klass.start()
        done = klass.run_as("grader-a", "nbgrader", "release_assignment", LESSON, cwd=klass.term("a"))
        assert done.returncode == 0, done.stderr
        yield klass
    finally:
        try:
            klass.stop()
        finally:
            klass.take_away()


def afternoon(klass: LoadClass, minutes: float) -> tuple[list[Student], Watch, float]:
    """Let all students do their work, arriving evenly over some minutes."""
    students = [Student(klass, who) for who in klass.students]
    watch = Watch(klass, klass.students)
    watch.start()
    began = time.monotonic()
    workers = []
    for number, student in enumerate(students):
        time.sleep(max(0.0, began + 60 * minutes * number / len(students) - time.monotonic()))
        workers.append(threading.Thread(target=student.go, daemon=True))
        workers[-1].start()
    for worker in workers:
        worker.join(900)
    watch.done.set()
    watch.join()
    return students, watch, time.monotonic() - began


def report(klass: LoadClass, students: list[Student], watch: Watch, seconds: float, minutes: float) -> str:
    """Return what was seen as Markdown; grades the class to see that nothing is lost or doubled."""
    failed = [f"{student.who}: {student.failed}" for student in students if student.failed]
    handed_in = [folder.name.split("+")[0] for folder in klass.inbound("a")]
    collected = klass.run_as("grader-a", "nbgrader", "collect", LESSON, cwd=klass.term("a"))
    began = time.monotonic()
    graded = klass.run_as("grader-a", "course", "grade", LESSON, "--course-dir", klass.term("a"), cwd=klass.term("a"))
    grading = time.monotonic() - began
    arrived = sorted(path.name for path in (klass.term("a") / "submitted").iterdir())
    lines = [
        f"{len(students)} students arrive within {minutes:g} minutes; the last has handed in after {seconds / 60:.1f}. "
        f"{len(handed_in)} submissions in the exchange, of {len(set(handed_in))} students; collected: {len(arrived)}; "
        f"grading them took {grading:.0f} s (status {graded.returncode}, collecting {collected.returncode}).",
        f"At the peak the students' processes hold {watch.peak / 2**30:.2f} GiB, "
        f"{watch.peak / len(students) / 2**20:.0f} MiB each; hub, proxy and grader {watch.hub_peak / 2**30:.2f} GiB. "
        f"The processors were busy {statistics.mean(watch.busy):.0f} % on average.",
        "",
        "| Step | Median (s) | 95 % within (s) | Longest (s) |",
        "|---|---:|---:|---:|",
    ]
    for step in STEPS:
        took = sorted(student.took[step] for student in students if step in student.took)
        if took:
            high = took[min(len(took) - 1, round(0.95 * len(took)))]
            lines.append(f"| {step} | {statistics.median(took):.1f} | {high:.1f} | {took[-1]:.1f} |")
    return "\n".join(lines + (["", f"Failed: {join_words(failed)}"] if failed else []))


def main() -> int:
    """Run one afternoon; return 1 when somebody's work was lost, doubled or refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=2.0, help="within which they arrive")
    args = parser.parse_args()
    if os.geteuid() != 0 or os.environ.get("COURSE_TEST_ACCOUNTS") != "1":
        print("this makes Unix accounts on this machine: as root, with COURSE_TEST_ACCOUNTS=1", file=sys.stderr)
        return 2
    if not 1 <= args.students <= MOST_STUDENTS:
        print(f"--students {args.students}: from 1 to {MOST_STUDENTS}", file=sys.stderr)
        return 2
    resolve_localhost()
    with conftest.a_house() as house:
        repository = house / "repository"
        for name in ("lessons", "source", "release"):
            shutil.copytree(ROOT / name / LESSON, repository / name / LESSON)
        shutil.rmtree(repository / "lessons" / conftest.LESSON)
        conftest.let_read(house)
        with class_of([f"s{number:03}" for number in range(args.students)], house) as klass:
            students, watch, seconds = afternoon(klass, args.minutes)
            print(report(klass, students, watch, seconds, args.minutes))
            arrived = [folder.name.split("+")[0] for folder in klass.inbound("a")]
            whole = sorted(arrived) == sorted(klass.name(student.who) for student in students)
            return 0 if whole and not any(student.failed for student in students) else 1


if __name__ == "__main__":
    sys.exit(main())
