"""When a part of the hub dies, or a disk fills up: is nothing lost, does it come back, and is the operator told?"""

from __future__ import annotations

import contextlib
import subprocess
import time

import psutil
import pytest

from tests.hub.classroom import people
from tests.hub.classroom.conftest import running
from tests.hub.classroom.people import LESSON, PATIENCE

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def class_with_work(house, chromium):
    """A class of its own, in which Ada and Bo have fetched the lesson and their servers run."""
    with running(house) as made:
        desks = {who: people.log_in(made, chromium, who) for who in ("ines", "ada", "bo")}
        people.release(made, desks["ines"])
        for who in ("ada", "bo"):
            people.fetch(made, desks[who], who)
        yield made, desks
        for page in desks.values():
            page.context.close()


def children(klass, words):
    """The processes of the hub's operator whose command has these words in it."""
    return [p for p in psutil.Process(klass.process.pid).children() if words in " ".join(p.cmdline())]


def comes_back(page, address, seconds=60):
    """Ask until a page answers well again; return how long that took."""
    began = time.monotonic()
    while True:
        with contextlib.suppress(Exception):
            answer = page.goto(address, timeout=5_000)
            if answer is not None and answer.status == 200:
                return time.monotonic() - began
        assert time.monotonic() - began < seconds, f"{address} is not back after {seconds} s"
        time.sleep(0.5)


def test_a_hub_that_is_killed_comes_back_and_interrupts_nobody(class_with_work):
    klass, desks = class_with_work
    before = klass.server_of("ada").pid
    begin = len(klass.log)
    [hub] = children(klass, "jupyterhub -f")
    hub.kill()
    answer = desks["ada"].goto(f"{klass.page_of('ada')}/lab", timeout=PATIENCE)
    assert answer.status == 200  # the server and the way to it are there without a hub
    klass.wait_for_log("JupyterHub is now running", 60, begin)
    assert "the hub ended with status -9; started again" in klass.log[begin:]
    assert klass.server_of("ada").pid == before
    people.submit(klass, desks["ada"], "ada")
    comes_back(desks["ines"], f"{klass.grader_page('a')}/formgrader")


def test_a_proxy_that_is_killed_comes_back_with_its_routes(class_with_work):
    klass, desks = class_with_work
    begin = len(klass.log)
    [proxy] = children(klass, "configurable-http-proxy")
    proxy.kill()
    took = comes_back(desks["bo"], f"{klass.page_of('bo')}/lab")
    assert took < 40
    assert "the proxy ended with status -9; started again" in klass.log[begin:]
    people.submit(klass, desks["bo"], "bo")


def test_a_server_that_is_killed_is_started_again_by_its_owner_and_the_files_are_there(class_with_work):
    klass, desks = class_with_work
    files = klass.home("ada") / klass.course_id("a") / LESSON
    (files / "mine.txt").write_text("what Ada wrote")
    klass.server_of("ada").kill()
    page = desks["ada"]
    for _ in range(60):
        page.goto(f"{klass.url}/hub/spawn/{klass.name('ada')}")
        with contextlib.suppress(Exception):
            page.get_by_role("menuitem", name="Nbgrader").wait_for(timeout=15_000)
            break
    assert (files / "mine.txt").read_text() == "what Ada wrote"
    people.submit(klass, page, "ada")


def test_a_grader_that_is_killed_in_a_batch_comes_back_and_nothing_is_lost_or_doubled(class_with_work):
    klass, desks = class_with_work
    frame = people.formgrader(klass, desks["ines"])
    frame.get_by_role("paragraph").get_by_role("link", name=LESSON).click(timeout=PATIENCE)
    frame.get_by_role("button", name="Collect and grade the whole class").click(timeout=PATIENCE)
    time.sleep(3)  # it collects, or grades
    for process in klass.processes("grader-a"):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    comes_back(desks["ines"], f"{klass.grader_page('a')}/formgrader")
    frame = people.grade_everybody(klass, desks["ines"])
    for who in ("ada", "bo"):
        assert frame.locator("tr", has_text=klass.name(who)).count() == 1
    assert "could not be" not in frame.locator("#class-log").inner_text().replace("0 could not be", "")


def test_an_exchange_without_room_refuses_and_loses_nothing(class_with_work):
    klass, _ = class_with_work
    inbound = klass.state / "exchange" / klass.course_id("a") / "inbound"
    before = {folder.name for folder in klass.inbound("a")}
    small = ["mount", "-t", "tmpfs", "-o", f"size=8k,mode=1733,uid={inbound.stat().st_uid}", "none", str(inbound)]
    if subprocess.run(small, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    words = ["nbgrader", "submit", LESSON, "--course", klass.course_id("a")]
    try:
        full = klass.in_a_terminal("ada", *words)
        assert full.returncode != 0 and "No space left" in full.stderr, full.stderr[-500:]
        graded = klass.run_as("grader-a", "nbgrader", "collect", LESSON, "--update", cwd=klass.term("a"))
        assert graded.returncode == 0, graded.stderr
        submitted = klass.term("a") / "submitted" / klass.name("ada") / LESSON
        assert (submitted / "1_first_section.ipynb").stat().st_size > 1000, "half a submission replaced a whole one"
    finally:
        subprocess.run(["umount", str(inbound)], check=True)
    assert {folder.name for folder in klass.inbound("a")} == before
    assert klass.in_a_terminal("ada", *words).returncode == 0


def test_who_leaves_the_roster_is_taken_out_and_keeps_the_files(class_with_work):
    klass, desks = class_with_work
    klass.stop()
    roster = klass.state.parent / "a.csv"
    text = "".join(line for line in roster.read_text().splitlines(True) if klass.name("ada") not in line)
    begin = len(klass.log)
    write, klass.plan = klass.plan, lambda: klass.state.parent / "class.toml"
    try:
        roster.write_text(text)
        klass.start()
        klass.wait_for_log(f"{klass.name('ada')} is on no roster", 60, begin)
    finally:
        klass.plan = write
    page = desks["ada"]
    page.context.clear_cookies()
    page.goto(f"{klass.url}/hub/login")
    page.fill("#username_input", klass.name("ada"))
    page.fill("#password_input", klass.password("ada"))
    page.click("#login_submit")
    page.get_by_text("Invalid username or password").or_(page.get_by_text("403")).first.wait_for(timeout=PATIENCE)
    assert (klass.home("ada") / klass.course_id("a") / LESSON / "mine.txt").exists()


def test_a_server_that_nobody_uses_is_stopped_and_shows_its_limit_while_it_runs(house, chromium):
    with running(house, 'idle_minutes = 0.25\nmemory = "1G"') as klass:
        page = people.log_in(klass, chromium, "cy")
        page.get_by_text("/ 1024.00 MB").wait_for(timeout=PATIENCE)
        page.context.close()
        ends = time.monotonic() + 90
        while klass.processes("cy"):
            assert time.monotonic() < ends, [p.cmdline() for p in klass.processes("cy")]
            time.sleep(1)
