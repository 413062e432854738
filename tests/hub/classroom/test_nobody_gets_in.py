"""Can a student get where only others belong? Each attempt is made by the student's own account, or own browser.

Beside each refusal stands that the same attempt works for whoever may: a door that is shut for all proves nothing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest

from tests.hub.classroom import people
from tests.hub.classroom.people import LESSON

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def ada(klass, chromium):
    """Ada's browser, with her server running and a submission of hers and of Bo's in the exchange."""
    pages = {who: people.log_in(klass, chromium, who) for who in ("ines", "ada", "bo")}
    outbound = klass.state / "exchange" / klass.course_id("a") / "outbound" / LESSON
    if not outbound.exists():
        people.release(klass, pages["ines"])
    for who in ("ada", "bo"):
        if not (klass.home(who) / klass.course_id("a")).exists():
            people.fetch(klass, pages[who], who)
        people.submit(klass, pages[who], who)
    yield pages["ada"]
    for page in pages.values():
        page.context.close()


def status(page, address: str) -> int:
    """What somebody gets who types an address into the browser that `page` belongs to."""
    tab = page.context.new_page()  # not page.request: it does not find names below localhost
    try:
        return tab.goto(address).status
    finally:
        tab.close()


def refused(done) -> bool:
    return done.returncode != 0 and bool(re.search("Permission denied|Operation not permitted", done.stderr))


# --- In the browser -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page", ["lab", "formgrader", f"formgrader/manage_submissions/{LESSON}", "formgrader/api/class/x"]
)
def test_a_student_does_not_see_the_courses_grader(klass, ada, page):
    assert status(ada, f"{klass.grader_page('a')}/{page}") == 403


def test_an_assistant_of_one_course_does_not_see_a_course_that_somebody_else_teaches(klass, chromium):
    page = people.log_in(klass, chromium, "ines")
    assert status(page, f"{klass.grader_page('a')}/formgrader") == 200
    assert status(page, f"{klass.grader_page('b')}/formgrader") == 403
    page.context.close()


def test_a_student_does_not_get_into_anothers_server(klass, ada):
    assert status(ada, f"{klass.page_of('ada')}/api/contents") == 200
    assert status(ada, f"{klass.page_of('bo')}/api/contents") == 403


def test_nobody_gets_into_a_server_of_a_student_not_even_the_instructor(klass, ada, chromium):
    page = people.log_in(klass, chromium, "ines")
    assert status(page, f"{klass.page_of('ada')}/api/contents") == 403
    page.context.close()


def test_the_formgrader_may_stand_in_a_frame_of_its_own_server_only(klass, chromium):
    page = people.log_in(klass, chromium, "ines")
    headers = page.goto(f"{klass.grader_page('a')}/formgrader").headers
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    page.goto(f"{klass.page_of('ines')}/lab?reset")
    page.evaluate(
        """address => new Promise(done => {
            const frame = document.createElement('iframe');
            frame.onload = done; frame.src = address; document.body.append(frame);
        })""",
        f"{klass.grader_page('a')}/formgrader",
    )
    assert not any("formgrader" in frame.url for frame in page.frames), [frame.url for frame in page.frames]
    page.context.close()


def test_a_page_of_one_server_cannot_ask_another_in_its_visitors_name(klass, chromium):
    page = people.log_in(klass, chromium, "ines")
    page.goto(f"{klass.grader_page('a')}/lab?reset")  # the visitor is known at the grader
    asks = "address => fetch(address, {credentials: 'include'}).then(r => r.text(), error => 'refused: ' + error)"
    there = f"{klass.grader_page('a')}/formgrader/api/assignments"
    page.goto(f"{klass.page_of('ines')}/lab?reset")
    assert page.evaluate(asks, there).startswith("refused")
    page.context.close()


# --- With the server's own token ------------------------------------------------------------------------------------

ASK = """
import json, os, sys, urllib.error, urllib.request
method, path = sys.argv[1:]
with open("/proc/" + os.environ["OF"] + "/environ", "rb") as stream:
    environ = dict(item.split("=", 1) for item in stream.read().decode().split("\\0") if "=" in item)
headers = {"Authorization": "token " + environ["JUPYTERHUB_API_TOKEN"]}
request = urllib.request.Request(environ["JUPYTERHUB_API_URL"] + path, headers=headers, method=method, data=b"{}")
try:
    print(200, urllib.request.urlopen(request).read().decode())
except urllib.error.HTTPError as error:
    print(error.code)
"""


KNOCK = """
import sys, urllib.error, urllib.request
for url in sys.argv[1:]:
    try:
        print(urllib.request.urlopen(url).status, url)
    except urllib.error.HTTPError as error:
        print(error.code, url)
"""


def ask(klass, method, path, of="ada"):
    python = klass.house / "env/bin/python"
    environment = {"OF": str(klass.server_of(of).pid), "PATH": "/usr/bin"}
    return klass.run_as("ada", python, "-c", ASK, method, path, env=environment)


def test_a_students_token_knows_the_student(klass, ada):
    said = ask(klass, "GET", f"/users/{klass.name('ada')}").stdout
    assert said.startswith("200") and f"nbgrader-{klass.course_id('a')}" in said


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users"),
        ("GET", "/users/{bo}"),
        ("POST", "/users/{bo}/server"),
        ("DELETE", "/users/{bo}/server"),
        ("POST", "/users/{bo}/tokens"),
        ("GET", "/groups"),
        ("POST", "/groups/formgrade-{a}/users"),
        ("GET", "/services"),
        ("GET", "/proxy"),
        ("POST", "/shutdown"),
        ("POST", "/users/{ada}/tokens"),
    ],
)
def test_a_students_token_opens_nothing_else_of_the_hub(klass, ada, method, path):
    names = {"ada": klass.name("ada"), "bo": klass.name("bo"), "a": klass.course_id("a")}
    said = ask(klass, method, path.format(**names)).stdout.strip()
    assert said in ("403", "404"), said


def test_a_student_cannot_read_anothers_token(klass, ada):
    assert "PermissionError" in ask(klass, "GET", "/", of="bo").stderr
    assert "PermissionError" in ask(klass, "GET", "/", of="grader-a").stderr


def test_what_listens_on_loopback_asks_who_is_there(klass, ada):
    told = json.loads((klass.state / "private/hub-settings.json").read_text())
    bo = next(c.laddr.port for p in klass.processes("bo") for c in p.net_connections() if c.status == "LISTEN")
    doors = {
        f"http://127.0.0.1:{told['ports']['proxy']}/api/routes": "403",
        f"http://127.0.0.1:{told['ports']['hub']}/hub/api/users": "403",
        f"http://127.0.0.1:{bo}/user/{klass.name('bo')}/api/contents": "403",
        f"http://127.0.0.1:{told['courses'][0]['port']}/services/{klass.course_id('a')}/api/contents": "403",
    }
    said = klass.run_as("ada", klass.house / "env/bin/python", "-c", KNOCK, *doors)
    assert said.stdout.split() == [word for url, code in doors.items() for word in (code, url)], said.stderr


# --- In a terminal --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        "{state}/courses/{a}", "{term}", "{term}/gradebook.db", "{term}/term-secret", "{term}/source",
        "{state}/private", "{state}/private/first-passwords.csv", "{state}/private/jupyterhub.sqlite",
        "{bo}", "{bo}/{a}", "{exchange}/{a}/inbound", "{exchange}/{a}/feedback",
    ],
)  # fmt: skip
def test_a_student_cannot_look_into(klass, ada, place):
    names = {
        "state": klass.state, "term": klass.term("a"), "a": klass.course_id("a"), "bo": klass.home("bo"),
        "exchange": klass.state / "exchange",
    }  # fmt: skip
    path = place.format(**names)
    assert os.path.lexists(path), f"{path} is not there: nothing is proven"
    assert refused(klass.run_as("ada", "ls", "-R", path)) or refused(klass.run_as("ada", "cat", path))


@pytest.mark.parametrize(
    "command",
    [
        "echo mine > {exchange}/{a}/outbound/{lesson}/1_first_section.ipynb",
        "echo mine > {exchange}/{a}/outbound/extra",
        "echo mine > {exchange}/{a}/feedback/extra.html",
        "echo mine > {exchange}/{a}/extra",
        "mv {exchange}/{a} {exchange}/other",
        "rm -rf {exchange}/{a}/outbound",
        "mv {exchange}/{a}/inbound {exchange}/{a}/other",
        "echo mine >> {state}/config/people/.course/jupyter/nbgrader_config.py",
    ],
)
def test_a_student_cannot_change(klass, ada, command):
    names = {"state": klass.state, "a": klass.course_id("a"), "exchange": klass.state / "exchange", "lesson": LESSON}
    assert refused(klass.run_as("ada", "sh", "-c", command.format(**names)))


def test_a_student_cannot_take_away_anothers_submission_even_by_its_name(klass, ada):
    [theirs, *_] = [folder for folder in klass.inbound("a") if folder.name.startswith(klass.name("bo"))]
    assert refused(klass.run_as("ada", "mv", theirs, theirs.with_name("gone")))
    [mine, *_] = [folder for folder in klass.inbound("a") if folder.name.startswith(klass.name("ada"))]
    assert klass.run_as("ada", "mv", mine, mine.with_name(f"{mine.name}x")).returncode == 0


def test_a_submission_in_anothers_name_and_one_with_a_forged_stamp_gain_nothing(klass, ada):
    inbound = klass.state / "exchange" / klass.course_id("a") / "inbound"
    forged = f"{inbound}/{klass.name('bo')}+{LESSON}+2031-01-01 00:00:00.000000 UTC+forged"
    early = f"{inbound}/{klass.name('ada')}+{LESSON}+2020-01-01 00:00:00.000000 UTC+early"
    words = (
        'mkdir "$0"; echo "by ada" > "$0/by.txt"; echo x > "$0/submission_secret.txt"; echo "$1" > "$0/timestamp.txt"'
    )
    for folder in (forged, early):
        assert klass.run_as("ada", "sh", "-c", words, folder, "2020-01-01 00:00:00.000000 UTC").returncode == 0
    done = klass.run_as("grader-a", "nbgrader", "collect", LESSON, "--update", cwd=klass.term("a"))
    assert done.returncode == 0 and f"is not {klass.name('bo')}'s" in done.stderr, done.stderr
    submitted = klass.term("a") / "submitted"
    assert not (submitted / klass.name("bo") / LESSON / "by.txt").exists()
    assert (submitted / klass.name("ada") / LESSON / "by.txt").exists()  # the newest of hers, at its true time
    assert not (submitted / klass.name("ada") / LESSON / "timestamp.txt").read_text().startswith("2020")


def test_links_in_a_graders_folders_lead_root_nowhere_at_the_next_start(klass, tmp_path):
    """Who grades is not who operates: root works in folders that a grader's account may fill with links."""
    closed = tmp_path / "closed"
    closed.mkdir(0o700)
    inbound = klass.state / "exchange" / klass.course_id("b") / "inbound"
    home = klass.home("grader-b")
    words = (
        f"mv {inbound} {inbound}.kept && ln -s {closed} {inbound} && mv {home}/roster.csv {home}/kept.csv 2>/dev/null;"
        f" ln -s {closed}/roster {home}/roster.csv"
    )
    assert klass.run_as("grader-b", "sh", "-c", words).returncode == 0
    try:
        done = subprocess.run(
            [klass.house / "env/bin/course", "hub-class", klass.state.parent / "class.toml", "--only-prepare",
             "--root", klass.house / "repository"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert closed.stat().st_uid == 0 and closed.stat().st_mode & 0o777 == 0o700, done.stdout
        assert list(closed.iterdir()) == []
        assert done.returncode == 2 and "could not be made" in done.stderr  # chmod of root's folder, as the grader
    finally:
        klass.run_as("grader-b", "sh", "-c", f"rm {inbound} {home}/roster.csv && mv {inbound}.kept {inbound}")
