"""Formgrader, for a class: a button that collects and grades everybody, and grading that does not block the page.

nbgrader's own button grades one student inside the web server, which answers nobody meanwhile. This Jupyter server
extension puts its own handlers before formgrader's (extensions are loaded in the order of their names) and starts
`course grade` beside the server.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader
from jupyter_server.utils import url_path_join
from nbgrader.server_extensions.formgrader.base import BaseApiHandler, BaseHandler, check_notebook_dir, check_xsrf
from nbgrader.server_extensions.formgrader.handlers import ManageAssignmentsHandler, ManageSubmissionsHandler
from tornado import web

TEMPLATES = Path(__file__).parent / "templates"
#: So much of what the commands say is shown.
LOG_CHARACTERS = 20_000
#: A lesson's name, as formgrader's addresses have it.
LESSON = r"([^/]+)"


async def run_command(command: list[str], cwd: str, hear: Any = None) -> tuple[int, str]:
    """Run a command; return its status and all that it said. `hear` is called with each line as it comes."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    said = ""
    try:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            text = line.decode(errors="replace")
            said = (said + text)[-LOG_CHARACTERS:]
            if hear is not None:
                hear(text)
        return await process.wait(), said
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)


@dataclass
class ClassRun:
    """The collecting and grading of one lesson for everybody: what it said, and how it ended."""

    lesson: str
    began: float = field(default_factory=time.time)
    log: str = ""
    last: str = "reading the course …"
    status: int | None = None
    task: asyncio.Task[None] | None = None

    def hear(self, line: str) -> None:
        """Take a line of what a command says."""
        self.log = (self.log + line)[-LOG_CHARACTERS:]
        self.last = line.strip() or self.last

    async def go(self, course_dir: str) -> None:
        """Collect, then grade; a collection that fails ends it."""
        collect = [sys.executable, "-m", "nbgrader", "collect", self.lesson, "--update"]
        # Where grading has workers of its own, as on Kubernetes, whoever starts this server says so.
        options = shlex.split(os.environ.get("COURSE_GRADE_OPTIONS", ""))
        grade = [sys.executable, "-m", "course.cli", "grade", self.lesson, "--course-dir", course_dir, *options]
        status = -1
        try:
            for command in (collect, grade):
                status, _ = await run_command(command, course_dir, self.hear)
                if status and command is collect:
                    break
        except OSError as error:
            self.hear(f"{error}\n")
        finally:
            self.status = status

    def state(self) -> dict[str, Any]:
        """Return how far it is, for the page."""
        if self.status is None:
            says = f"{self.last} ({time.time() - self.began:.0f} s)"
        else:
            says = "Done." if self.status == 0 else "Not everything has its verdict: read below what happened."
        return {"running": self.status is None, "says": says, "log": self.log}


#: By lesson, in this server: a page that is opened anew finds the run that it left.
RUNS: dict[str, ClassRun] = {}


class OurPages(BaseHandler):
    """Formgrader's pages with this folder's templates before its own, which ours extend as `formgrader/…`."""

    def render(self, name: str, **names: Any) -> str:
        """Return a page."""
        environment = self.settings["nbgrader_jinja2_env"]
        theirs = PrefixLoader({"formgrader": environment.loader})
        ours = environment.overlay(loader=ChoiceLoader([FileSystemLoader(TEMPLATES), theirs, environment.loader]))
        return ours.get_template(name).render(lessons=sorted(self.api.get_source_assignments()), **names)


class Assignments(OurPages, ManageAssignmentsHandler):
    """The course's lessons, each with a way to its class."""


class Submissions(OurPages, ManageSubmissionsHandler):
    """A lesson's submissions, with the class's button above them."""


class WholeClass(BaseApiHandler):
    """Start the grading of a whole class, or ask how far it is."""

    @web.authenticated
    @check_xsrf
    def get(self, lesson: str) -> None:
        """Say how far the lesson's run is; one that never began is none."""
        run = RUNS.get(lesson)
        self.write(run.state() if run else {"running": False, "says": "", "log": ""})

    @web.authenticated
    @check_xsrf
    @check_notebook_dir
    def post(self, lesson: str) -> None:
        """Start it, unless it runs."""
        if lesson not in self.api.get_source_assignments():
            raise web.HTTPError(404, f"there is no lesson {lesson}")
        run = RUNS.get(lesson)
        if run is None or run.status is not None:
            run = RUNS[lesson] = ClassRun(lesson)
            run.task = asyncio.get_running_loop().create_task(run.go(self.coursedir.root))
        self.write(run.state())


class OneStudent(BaseApiHandler):
    """Formgrader's button for one student, while the server goes on answering others."""

    @web.authenticated
    @check_xsrf
    @check_notebook_dir
    async def post(self, lesson: str, student: str) -> None:
        """Grade the student's submission again, and answer as nbgrader's own handler does."""
        command = [sys.executable, "-m", "nbgrader", "autograde", lesson, "--student", student, "--force", "--create"]
        status, log = await run_command(command, self.coursedir.root)
        answer = {"success": status == 0, "log": log} | ({} if status == 0 else {"error": log})
        self.write(json.dumps(answer))


def _load_jupyter_server_extension(app: Any) -> None:
    web_app = app.web_app
    base = web_app.settings["base_url"]
    routes = [
        (r"/formgrader/?", Assignments),
        (r"/formgrader/manage_assignments/?", Assignments),
        (rf"/formgrader/manage_submissions/{LESSON}/?", Submissions),
        (rf"/formgrader/api/class/{LESSON}", WholeClass),
        (rf"/formgrader/api/submission/{LESSON}/([^/]+)/autograde", OneStudent),
    ]
    web_app.add_handlers(".*$", [(url_path_join(base, route), handler) for route, handler in routes])


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "course.hub.whole_class"}]
