"""Does a lesson make its whole way over the service, between servers that share an account and no folder?"""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from like_pods import COURSE, GRADER, LESSON, answer_of, exchange_command, wait_for

pytestmark = pytest.mark.long


def test_servers_share_the_account_and_nothing_else(servers, hub):
    homes = {servers[name]["HOME"] for name in servers}
    assert len(homes) == len(servers)
    tokens = {servers[name]["JUPYTERHUB_API_TOKEN"] for name in servers}
    assert len(tokens) == len(servers)
    assert "COURSE_ID" not in servers["ada"] and servers[GRADER]["COURSE_ID"] == COURSE
    assert not any(name.startswith("DASK") for name in servers["ada"])


def test_a_lesson_is_fetched_handed_in_collected_graded_and_given_back(released, say, hub):
    assert LESSON in say("ada", "nbgrader", "list", "--course", COURSE)
    for who in ("ada", "bo"):
        say(who, "nbgrader", "fetch_assignment", LESSON, "--course", COURSE)
    notebook = next((hub.homes / "ada" / COURSE / LESSON).glob("*.ipynb"))
    for who in ("ada", "bo"):
        told = say(who, "nbgrader", "submit", LESSON, "--course", COURSE)
        assert "Submitted as" in told
    collected = say(GRADER, "nbgrader", "collect", LESSON, "--update", cwd="term")
    assert "Processing 2 submissions" in collected
    submitted = hub.homes / GRADER / "term" / "submitted"
    assert {folder.name for folder in submitted.iterdir()} == {"ada", "bo"}
    report = hub.folder / "report.json"
    say(GRADER, "course", "grade", LESSON, "--course-dir", ".", "--report", str(report), cwd="term")
    verdicts = json.loads(report.read_text())["submissions"]
    assert {one["student"] for one in verdicts} == {"ada", "bo"}
    say(GRADER, "nbgrader", "generate_feedback", LESSON, cwd="term")
    say(GRADER, "nbgrader", "release_feedback", LESSON, cwd="term")
    for who in ("ada", "bo"):
        say(who, "nbgrader", "fetch_feedback", LESSON, "--course", COURSE)
        pages = list((hub.homes / who / COURSE / LESSON / "feedback").rglob("*.html"))
        assert [page.stem for page in pages] == [notebook.stem]
    assert "feedback already fetched" in say("ada", "nbgrader", "list", "--cached", "--course", COURSE)


def test_a_mended_lesson_is_merged_into_what_a_student_wrote(released, say, hub):
    if not (hub.homes / "ada" / COURSE / LESSON).exists():
        say("ada", "nbgrader", "fetch_assignment", LESSON, "--course", COURSE)
    mine = next((hub.homes / "ada" / COURSE / LESSON).glob("*.ipynb"))
    theirs = hub.homes / GRADER / "term" / "release" / LESSON / mine.name
    before = theirs.read_text()
    notebook = nbformat.read(mine, as_version=4)
    [answer] = [cell for cell in notebook.cells if "def first_gap" in cell.source]
    answer.source = "def first_gap(values):\n    return 12345"
    nbformat.write(notebook, mine)
    mended = nbformat.read(theirs, as_version=4)
    mended.cells[0].source += ", mended"
    try:
        nbformat.write(mended, theirs)
        say(GRADER, "nbgrader", "release_assignment", LESSON, "--force", cwd="term")
        say("ada", "course", "fetch", LESSON, "--course-id", COURSE)
        text = mine.read_text()
        assert ", mended" in text and "return 12345" in text
    finally:
        theirs.write_text(before)
        say(GRADER, "nbgrader", "release_assignment", LESSON, "--force", cwd="term")


def test_a_resubmission_is_collected_and_the_first_one_kept(released, say, hub):
    if not (hub.homes / "bo" / COURSE / LESSON).exists():
        say("bo", "nbgrader", "fetch_assignment", LESSON, "--course", COURSE)
    stamps = []
    for _ in range(2):
        say("bo", "nbgrader", "submit", LESSON, "--course", COURSE)
        say(GRADER, "nbgrader", "collect", LESSON, "--update", cwd="term")
        stamps.append((hub.homes / GRADER / "term" / "submitted" / "bo" / LESSON / "timestamp.txt").read_text())
    assert stamps[0] < stamps[1]
    kept = list((hub.store / COURSE / "submissions" / LESSON / "bo").glob("*.zip"))
    assert len(kept) >= 2


def test_an_archive_that_cannot_be_unpacked_holds_nobody_else_up(released, say, hub):
    for who in ("ada", "bo"):
        if not (hub.homes / who / COURSE / LESSON).exists():
            say(who, "nbgrader", "fetch_assignment", LESSON, "--course", COURSE)
        say(who, "nbgrader", "submit", LESSON, "--course", COURSE)
    newest = max((hub.store / COURSE / "submissions" / LESSON / "bo").glob("*.zip"))
    whole = newest.read_bytes()
    newest.write_bytes(whole[:1000] + bytes(200) + whole[1200:])
    try:
        for option in ([], ["--before-duedate"]):
            shutil.rmtree(hub.homes / GRADER / "term" / "submitted", ignore_errors=True)
            told = say(GRADER, "nbgrader", "collect", LESSON, "--update", *option, cwd="term")
            assert "What bo handed in" in told and "cannot be taken" in told
            assert {path.name for path in (hub.homes / GRADER / "term" / "submitted").iterdir()} == {"ada"}
    finally:
        newest.write_bytes(whole)
    copy = next((hub.homes / GRADER).glob(f"**/exchange-copy/{COURSE}/inbound"))
    assert [path.name.split("+")[0] for path in copy.iterdir()] == ["ada"], "what is older is not kept"
    say(GRADER, "nbgrader", "collect", LESSON, "--update", cwd="term")
    assert {path.name for path in (hub.homes / GRADER / "term" / "submitted").iterdir()} == {"ada", "bo"}


def test_a_student_who_names_somebody_else_hands_in_as_themselves(released, say, hub, servers):
    if not (hub.homes / "bo" / COURSE / LESSON).exists():
        say("bo", "nbgrader", "fetch_assignment", LESSON, "--course", COURSE)
    before, own = _handed_in(hub), servers["bo"]
    # Whatever checks names on the student's side, the student can switch off.
    settings = hub.homes / "bo" / "nbgrader_config.py"
    settings.write_text('c = get_config()\nc.Authenticator.plugin_class = "nbgrader.auth.NoAuthPlugin"\n')
    servers["bo"] = own | {"JUPYTERHUB_USER": "ada"}
    try:
        say("bo", "nbgrader", "submit", LESSON, "--course", COURSE)
        say("bo", "nbgrader", "submit", LESSON, "--course", COURSE, "--student", "ada")
    finally:
        servers["bo"] = own
        settings.unlink()
    more = _handed_in(hub) - before
    assert {path.parent.name for path in more} == {"bo"} and len(more) == 2


def test_a_student_cannot_release_collect_or_give_feedback(released, say, hub):
    (hub.homes / "ada" / "fake").mkdir(exist_ok=True)
    config = (
        "c = get_config()\n"
        f"c.CourseDirectory.course_id = {COURSE!r}\n"
        'c.Authenticator.plugin_class = "nbgrader.auth.NoAuthPlugin"\n'
    )
    (hub.homes / "ada" / "fake" / "nbgrader_config.py").write_text(config)
    release = hub.homes / "ada" / "fake" / "release" / LESSON
    release.mkdir(parents=True, exist_ok=True)
    shutil.copy(next((hub.homes / GRADER / "term" / "release" / LESSON).glob("*.ipynb")), release)
    before = answer_of(f"{hub.exchange}/api/courses/{COURSE}/lessons", hub.token(GRADER))
    told = say("ada", "nbgrader", "release_assignment", LESSON, "--force", cwd="fake", fails=True)
    assert "the exchange says: ada does not teach" in told
    assert answer_of(f"{hub.exchange}/api/courses/{COURSE}/lessons", hub.token(GRADER)) == before
    say("ada", "nbgrader", "collect", LESSON, cwd="fake")
    taken = hub.homes / "ada" / "fake" / "submitted"
    assert {folder.name for folder in taken.iterdir()} <= {"ada"}


def test_a_service_that_is_killed_loses_nothing_and_who_hands_in_meanwhile_waits(released, say, hub, servers):
    if not (hub.homes / "ada" / COURSE / LESSON).exists():
        say("ada", "nbgrader", "fetch_assignment", LESSON, "--course", COURSE)
    before = _handed_in(hub)
    hub.service.send_signal(signal.SIGKILL)
    hub.service.wait(10)
    program = [str(Path(sys.executable).parent / "nbgrader"), "submit", LESSON, "--course", COURSE]
    waiting = subprocess.Popen(program, cwd=hub.homes / "ada", env=servers["ada"], stderr=subprocess.PIPE, text=True)
    assert waiting.poll() is None
    port = int(re.search(r":(\d+)$", hub.exchange)[1])
    with hub.log.open("a") as said:
        again = subprocess.Popen(exchange_command(hub.store, port, hub.told["hub"]), stdout=said, stderr=said)
    hub.more.append(again)
    wait_for(lambda: answer_of(f"{hub.exchange}/healthz", ""), again, hub.log)
    told = waiting.communicate(timeout=60)[1]
    assert waiting.returncode == 0, told
    more = _handed_in(hub) - before
    assert before <= _handed_in(hub) and len(more) == 1


def test_a_service_that_stays_away_is_named_and_nothing_says_that_it_was_handed_in(released, say, hub, servers):
    if not (hub.homes / "ada" / COURSE / LESSON).exists():
        say("ada", "nbgrader", "fetch_assignment", LESSON, "--course", COURSE)
    cached = say("ada", "nbgrader", "list", "--cached", "--course", COURSE)
    before, servers["ada"] = servers["ada"], servers["ada"] | {"COURSE_EXCHANGE": "http://127.0.0.1:9"}
    try:
        told = say("ada", "nbgrader", "submit", LESSON, "--course", COURSE, fails=True)
        assert "cannot be reached" in told and "Submitted as" not in told
    finally:
        servers["ada"] = before
    assert say("ada", "nbgrader", "list", "--cached", "--course", COURSE).count("\n") == cached.count("\n")


def _handed_in(hub):
    return set((hub.store / COURSE / "submissions" / LESSON).rglob("*.zip"))
