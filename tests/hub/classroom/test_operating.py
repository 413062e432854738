"""Can a class be run without names below the hub's, be watched, and be helped by its instructor?"""

from __future__ import annotations

import contextlib
import re
import time
import urllib.error
import urllib.request

import psutil
import pytest

from tests.hub.classroom import people
from tests.hub.classroom.conftest import running
from tests.hub.classroom.people import LESSON, PATIENCE

pytestmark = pytest.mark.browser
TOKEN = "0123456789abcdef" * 2
MORE = f"""
c.JupyterHub.services.append({{"name": "prometheus", "api_token": "{TOKEN}"}})
c.JupyterHub.load_roles.append({{"name": "prometheus", "services": ["prometheus"], "scopes": ["read:metrics"]}})
"""
#: Asks the hub's API as whoever looks at the page.
ASK = """async ([method, path]) => {
    const token = document.cookie.match(/_xsrf=([^;]+)/)[1];
    const headers = {"X-XSRFToken": token, "Content-Type": "application/json"};
    const answer = await fetch(path, {method, headers, body: method == "POST" ? "{}" : null});
    return answer.status;
}"""


@pytest.fixture(scope="module")
def plain(house):
    """A class on one name, with a file of the operator's own."""
    more = house / "more.py"
    more.write_text(MORE)
    with running(house, f'subdomains = false\nmore = "{more}"') as made:
        yield made


@pytest.fixture(scope="module")
def desks(plain, chromium):
    """Everybody's browser."""
    pages = {who: people.log_in(plain, chromium, who) for who in ("ines", "ada")}
    yield pages
    for page in pages.values():
        page.context.close()


def test_without_names_below_the_hubs_a_lesson_makes_its_way(plain, desks):
    released = plain.run_as("grader-a", "nbgrader", "release_assignment", LESSON, cwd=plain.term("a"))
    assert released.returncode == 0, released.stderr
    for words in (["fetch_assignment"], ["submit"]):
        done = plain.in_a_terminal("ada", "nbgrader", *words, LESSON, "--course", plain.course_id("a"))
        assert done.returncode == 0, done.stderr
    page = desks["ines"]
    page.goto(f"{plain.url}/services/{plain.course_id('a')}/formgrader/manage_submissions/{LESSON}")
    page.get_by_role("button", name="Collect and grade the whole class").click(timeout=PATIENCE)
    page.locator("#class-status").get_by_text("Done.", exact=True).wait_for(timeout=120_000)
    page.locator("tr", has_text=plain.name("ada")).get_by_text("needs manual grading").wait_for(timeout=PATIENCE)


def test_without_names_below_the_hubs_a_student_still_sees_no_grader_and_no_other_server(plain, desks):
    for path in (f"services/{plain.course_id('a')}/formgrader", f"user/{plain.name('ines')}/lab"):
        assert desks["ada"].goto(f"{plain.url}/{path}").status == 403
    assert desks["ada"].goto(f"{plain.url}/user/{plain.name('ada')}/lab").status == 200


def test_the_hubs_figures_are_for_whoever_may_watch_it(plain):
    address = f"{plain.url}/hub/metrics"
    request = urllib.request.Request(address, headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        text = answer.read().decode()
    assert re.search(r"^jupyterhub_running_servers 2\.0$", text, re.MULTILINE), text[-2000:]
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address, timeout=20)
    assert refused.value.code == 403
    refused.value.close()


def test_an_instructor_stops_and_starts_a_students_server_and_only_their_own_students(plain, desks):
    page = desks["ines"]
    page.goto(f"{plain.url}/hub/home")
    before = plain.server_of("ada").pid

    def ask(method, who):
        return page.evaluate(ASK, [method, f"/hub/api/users/{plain.name(who)}/server"])

    assert ask("POST", "cy") in (403, 404) and ask("DELETE", "cy") in (403, 404)  # a student of another's course
    assert ask("POST", "tom") in (403, 404)
    assert ask("DELETE", "ada") in (202, 204)
    _until(lambda: not _servers(plain))
    assert ask("POST", "ada") in (201, 202)
    _until(lambda: _servers(plain))
    assert plain.server_of("ada").pid != before
    assert page.goto(f"{plain.url}/user/{plain.name('ada')}/lab").status == 403  # started, and not looked into


def _servers(klass):
    found = []
    for process in klass.processes("ada"):
        with contextlib.suppress(psutil.Error):  # it ends just now
            if "jupyterhub.singleuser" in " ".join(process.cmdline()):
                found.append(process)
    return found


def _until(holds, seconds=60):
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.3)
