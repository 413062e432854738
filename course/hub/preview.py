"""`course hub`: a JupyterHub for one person, to see the course as a class would; on loopback, without root.

Student and instructor are the same account here, so nothing is kept from anybody: a place to look, not to teach in.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import platformdirs

from course.errors import CourseError
from course.hub.proxy import find_proxy
from course.pack.start import StartError, free_port, write_lab_settings
from course.term.folder import nbgrader
from course.term.new_term import new_term, update_term
from course.term.plan import TermPlan, read_plan

SUMMARY = "start a JupyterHub for one person on this machine, to see the course as a class would"
COURSE_ID = "mlops-preview"
CONFIG, SETTINGS = "jupyterhub_config.py", "hub-settings.json"
CONFIG_TEXT = f'''"""Written by `course hub`: what it has chosen stands beside it, in {SETTINGS}."""

import json
from pathlib import Path

from course.hub.configuration import configure

configure(get_config(), json.loads(Path(__file__).with_name("{SETTINGS}").read_text(encoding="utf-8")))  # noqa: F821
'''


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course hub`."""
    parser.add_argument("--state", type=Path, help="where its term, exchange and work lie (default: a folder of yours)")
    parser.add_argument("--port", type=int, default=8000, help="on loopback (default: 8000)")
    parser.add_argument("--root", type=Path, default=Path(), help="the course's repository (default: here)")


def run(args: argparse.Namespace) -> int:
    """Prepare the term and the exchange, then be the hub until it is stopped."""
    state = (args.state or platformdirs.user_data_path("mlops-course", appauthor=False) / "hub-preview").absolute()
    root = args.root.resolve()
    proxy = find_proxy(state / "proxy")
    prepare(state, root)
    settings = settings_for(state, args.port, proxy)
    print(welcome(settings), flush=True)
    return serve(settings, state)


def prepare(state: Path, root: Path) -> None:
    """Make the preview's folders, its term of one student, and release every lesson into its exchange."""
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o700)
    (state / "work").mkdir(exist_ok=True)
    exchange = state / "exchange"
    exchange.mkdir(exist_ok=True)
    exchange.chmod(0o777)  # nbgrader insists; the folder above lets nobody in
    roster = state / "roster.csv"
    roster.write_text(f"id,first_name,last_name,email\n{getpass.getuser()},Student,And Instructor,\n", encoding="utf-8")
    term = state / COURSE_ID
    if term.exists():
        update_term(term, root, {}, {}, roster)
    else:
        new_term(term, root, TermPlan(COURSE_ID), roster, say=lambda words: print(words.split("\n")[0], flush=True))
    for lesson in read_plan(term).draws:
        nbgrader(term, "release_assignment", lesson, "--force", f"--Exchange.root={exchange}")


def settings_for(state: Path, port: int, proxy: Sequence[str]) -> dict[str, Any]:
    """Return all that the hub's configuration needs, as data; the password is a new one each time."""
    inner = dict(zip(("hub_port", "proxy_port", "service_port"), free_ports(3), strict=True))
    return inner | {
        "user": getpass.getuser(),
        "password": secrets.token_urlsafe(9),
        "url": f"http://127.0.0.1:{_outer_port(port)}",
        "proxy": list(proxy),
        "state": str(state),
        "course_id": COURSE_ID,
        "student_config": str(_write_config(state / "work", state, student=True)),
        "grader_config": str(_write_config(state / "grader", state, student=False)),
    }


def _outer_port(wanted: int) -> int:
    try:
        return free_port(wanted)
    except StartError:
        raise CourseError(f"port {wanted} is taken on this machine; name another with --port") from None


def free_ports(count: int) -> list[int]:
    """Return so many free ports of the loopback interface, each another one."""
    with contextlib.ExitStack() as held:
        doors = [held.enter_context(socket.socket()) for _ in range(count)]
        for door in doors:
            door.bind(("127.0.0.1", 0))
        return [door.getsockname()[1] for door in doors]


def _write_config(base: Path, state: Path, *, student: bool) -> Path:
    """Write what one side's JupyterLab and nbgrader read: panels, where the exchange is, and where the course."""
    folder = write_lab_settings(base, instructor=not student)
    lines = [
        "c = get_config()",
        f"c.Exchange.root = {str(state / 'exchange')!r}",
        f"c.CourseDirectory.course_id = {COURSE_ID!r}",
    ]
    if student:
        lines.append('c.ExchangeFactory.fetch_assignment = "course.pack.fetching.FetchKeepingAnswers"')
        lines.append(f"c.Exchange.assignment_dir = {str(state / 'work')!r}")
    else:
        lines.append(f"c.CourseDirectory.root = {str(state / COURSE_ID)!r}")
        # The hub forbids frames, and formgrader is one in its server's page; all pages of this hub are one person's.
        headers = {"Content-Security-Policy": "frame-ancestors 'self'"}
        framing = f"c = get_config()\nc.ServerApp.tornado_settings = {{'headers': {headers!r}}}\n"
        (folder / "jupyter_server_config.py").write_text(framing, encoding="utf-8")
    (folder / "nbgrader_config.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def welcome(settings: dict[str, Any]) -> str:
    """Say where to go and what this is."""
    url, course = settings["url"], settings["course_id"]
    return (
        "A preview for one person, on this machine only: you are student and instructor at once.\n"
        f"  student:    {url}/hub/login\n"
        f"  instructor: {url}/services/{course}/ (formgrader is in the menu Nbgrader)\n"
        f"  name {settings['user']}, password {settings['password']}; stop with Ctrl+C"
    )


def serve(settings: dict[str, Any], state: Path) -> int:
    """Run the hub until it ends or is told to; return 0 when it was told to."""
    if shutil.which("jupyterhub", path=sysconfig.get_path("scripts")) is None:
        raise CourseError("JupyterHub is not in this environment; `make setup` in the course's repository installs it")
    (state / CONFIG).write_text(CONFIG_TEXT, encoding="utf-8")
    secret = state / SETTINGS
    secret.touch(0o600)
    secret.write_text(json.dumps(settings), encoding="utf-8")
    environment = os.environ | {
        # nbgrader and the servers are looked for on PATH.
        "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")]),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    environment.pop("JUPYTERHUB_USER", None)
    # Started in the background a shell has it ignored, and so would every process of the hub, which ends them by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hub = subprocess.Popen(
        [sys.executable, "-m", "jupyterhub", "-f", str(state / CONFIG)],
        cwd=state,
        env=environment,
        start_new_session=True,
    )
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: hub.send_signal(signal.SIGTERM))
    try:
        return 1 if hub.wait() else 0
    except KeyboardInterrupt:
        hub.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            hub.wait(30)
        return 0
    finally:
        secret.unlink(missing_ok=True)
        # A hub that ends badly leaves its proxy and servers behind: they are of its session, and end with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(hub.pid, signal.SIGKILL if hub.poll() is None else signal.SIGTERM)
