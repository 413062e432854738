"""A real JupyterHub with the values for Kubernetes, whose servers are all one account, and the exchange beside it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from like_pods import COURSE, GRADER, LESSON, ROOT, can_be_proxied, running_hub

from course.cli import main
from course.hub import proxy


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """The hub, its exchange running, nobody's server started."""
    if not can_be_proxied():
        pytest.skip(f"{proxy.PROGRAM} is missing: install Node with npm, or Debian's node-{proxy.PROGRAM}")
    with running_hub(tmp_path_factory.mktemp("pods"), {"spring": ["ada", "bo"], "autumn": ["cy"]}) as running:
        yield running


@pytest.fixture(scope="module")
def servers(hub):
    """Each person's own environment and home, as a terminal of their server has it."""
    return {name: hub.start(name) for name in ("ada", "bo", GRADER)}


@pytest.fixture(scope="module")
def say(hub, servers):
    """Run a command in a terminal of somebody's server; return what it said."""

    def said(who, *words, fails=False, cwd="."):
        home = hub.homes / who
        program = [str(Path(sys.executable).parent / words[0]), *words[1:]]
        done = subprocess.run(program, cwd=home / cwd, env=servers[who], capture_output=True, text=True, timeout=120)
        assert bool(done.returncode) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    return said


@pytest.fixture(scope="module")
def released(hub, say):
    """A course of one small lesson, made and released by its grader."""
    repository = hub.folder / "repository"
    repository.mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", repository)
    for words in (["new-lesson", LESSON], ["build"]):
        assert main([*words, "--root", str(repository)]) == 0
    roster = str(hub.folder / "spring.csv")
    say(GRADER, "course", "new-term", "term", "--course-id", COURSE, "--roster", roster, "--root", str(repository))
    say(GRADER, "nbgrader", "release_assignment", LESSON, cwd="term")
