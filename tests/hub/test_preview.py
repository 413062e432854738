"""Does one person see the course as a class would, with student and instructor each in their own JupyterLab?"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course.cli import main
from course.hub import proxy
from course.hub.preview import COURSE_ID, free_ports

ROOT = Path(__file__).parents[2]
LESSON = "02_gaps"


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A running preview of a course of one small lesson: its words, its state, and the process."""
    if not shutil.which(proxy.PROGRAM) and not shutil.which("npm"):
        pytest.skip(f"{proxy.PROGRAM} is missing: install Node with npm, or Debian's node-{proxy.PROGRAM}")
    home = tmp_path_factory.mktemp("hub")
    repository = home / "repository"
    repository.mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", repository)
    for words in (["new-lesson", LESSON], ["build"]):
        assert main([*words, "--root", str(repository)]) == 0
    words = ["hub", "--state", home / "state", "--root", repository, "--port", str(free_ports(1)[0])]
    said = (home / "said").open("w+")
    process = subprocess.Popen([sys.executable, "-m", "course.cli", *words], stdout=said, stderr=said)
    try:
        ends = time.monotonic() + 150
        while "JupyterHub is now running" not in (home / "said").read_text():
            assert process.poll() is None and time.monotonic() < ends, (home / "said").read_text()[-3000:]
            time.sleep(0.5)
        yield home / "state", (home / "said").read_text(), process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            process.kill()
            said.close()


@pytest.mark.browser
def test_a_lesson_is_fetched_as_student_and_seen_as_instructor(hub, chromium):
    state, said, process = hub
    [(name, password)] = re.findall(r"name (\S+), password (\S+);", said)
    [student] = re.findall(r"student: +(\S+)", said)
    [instructor] = re.findall(r"instructor: +(\S+)", said)
    assert "for one person, on this machine only" in said and student.startswith("http://127.0.0.1:")
    page = chromium.new_page()
    page.goto(student)
    page.fill("#username_input", name)
    page.fill("#password_input", password)
    page.click("#login_submit")
    page.get_by_role("menuitem", name="Nbgrader").click(timeout=60_000)
    assert not page.get_by_text("Formgrader", exact=True).count()
    page.get_by_text("Assignment List", exact=True).click()
    page.get_by_role("button", name="Fetch").click(timeout=30_000)
    page.get_by_role("button", name="Submit").wait_for(timeout=30_000)
    assert list((state / "work" / LESSON).glob("*.ipynb"))
    page.get_by_role("button", name="Submit").click()
    inbound = state / "exchange" / COURSE_ID / "inbound"
    ends = time.monotonic() + 30
    while not list(inbound.glob(f"{name}+{LESSON}+*/timestamp.txt")):
        assert time.monotonic() < ends, [path.name for path in inbound.iterdir()]
        page.wait_for_timeout(200)
    page.goto(instructor)
    page.get_by_role("menuitem", name="Nbgrader").click(timeout=60_000)
    page.get_by_text("Formgrader", exact=True).click()
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name=LESSON).first.wait_for(timeout=30_000)
    assert process.poll() is None
    page.close()


@pytest.mark.browser
def test_nobody_comes_in_without_the_password_and_nothing_listens_elsewhere(hub, chromium):
    state, said, _ = hub
    [student] = re.findall(r"student: +(\S+)", said)
    [name] = re.findall(r"name (\S+), password", said)
    page = chromium.new_page()
    page.goto(student)
    page.fill("#username_input", name)
    page.fill("#password_input", "guess")
    page.click("#login_submit")
    page.get_by_text("Invalid username or password").wait_for(timeout=30_000)
    page.close()
    assert state.stat().st_mode & 0o077 == 0
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    port = int(student.split(":")[2].split("/")[0])
    doors = [line.split()[1] for line in listening if line.split()[3] == "0A"]
    assert {door.split(":")[0] for door in doors if int(door.split(":")[1], 16) == port} == {"0100007F"}


def test_what_stops_it_leaves_no_process_behind(hub):
    state, _, process = hub
    process.send_signal(signal.SIGTERM)
    process.wait(40)
    assert process.returncode == 0
    time.sleep(1)
    left = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                words = (folder / "cmdline").read_bytes().decode(errors="replace") + str((folder / "cwd").readlink())
            except OSError:
                continue
            if str(state) in words:
                left.append(words)
    assert left == []
    assert not (state / "hub-settings.json").exists()


def test_without_a_proxy_and_npm_it_says_what_to_install(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["hub", "--state", str(tmp_path / "state"), "--root", str(ROOT)]) == 2
    assert "install Node with npm, or on Debian and Ubuntu node-configurable-http-proxy" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
