"""Is the container image one that nobody is root in, that works, and that holds no lesson's source?

`make test-image ENGINE=podman BASE=docker.io/library/python:3.11-slim-bookworm`: it takes minutes, and the base image
must be at hand or to be had, so it runs where that was asked for.
"""

import os
import shlex
import subprocess

import pytest

ENGINE, IMAGE = os.environ.get("COURSE_TEST_ENGINE", ""), os.environ.get("COURSE_TEST_IMAGE", "")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not (ENGINE and IMAGE), reason="no image was named: make test-image ENGINE=…"),
]


@pytest.fixture(scope="module")
def inside():
    """Run a command in the image as its own user; return what it said."""
    engine = shlex.split(ENGINE)
    start = [*engine, "run", "--rm", "--network", "none", IMAGE]
    made = ""
    if "buildah" in engine[0]:  # it builds, and runs a command in a copy
        made = subprocess.run([*engine, "from", IMAGE], check=True, capture_output=True, text=True).stdout.strip()
        start = [*engine, "run", "--isolation", "chroot", made, "--"]

    def said(*words):
        done = subprocess.run([*start, *words], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    yield said
    if made:
        subprocess.run([*engine, "rm", made], check=True, capture_output=True)


def test_whoever_runs_in_it_is_not_root(inside):
    assert inside("id", "-u").strip() == "1000"


def test_the_course_and_a_persons_server_are_there(inside):
    assert "can run now: unit 1" in inside("course", "doctor")
    assert inside("jupyterhub-singleuser", "--version").startswith("6.")
    for panel, other in (("people", "formgrader"), ("grader", "assignment-list")):
        settings = inside("cat", f"/opt/course/config/{panel}/.course/jupyter/labconfig/page_config.json")
        assert f'"@jupyter/nbgrader:{other}": true' in settings
    assert "over_service" in inside("cat", "/opt/course/config/people/.course/jupyter/nbgrader_config.py")


def test_student_code_can_be_confined_in_it(inside):
    told = inside("python", "-c", "from course.grading.sandbox import available_levels; print(available_levels()['B'])")
    assert told.strip() == "", "level B must be possible: Landlock and seccomp"


def test_no_lesson_is_in_it(inside):
    names = "-name '0_start_here*' -o -name 01_what_is_mlops -o -name objectives.toml -o -name gradebook.db"
    found = inside("sh", "-c", f"find / -xdev \\( {names} \\) -not -path '/proc/*' 2>/dev/null; true")
    of_others = ("/site-packages/nbgrader/tests/",)  # nbgrader ships what its own tests need
    assert [line for line in found.splitlines() if not any(other in line for other in of_others)] == []
