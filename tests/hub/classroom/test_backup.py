"""Is a class that was saved and lost there again, and does an upgrade in mid-term take nothing away?"""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import time

import pytest

from course.hub.arrival import COPYING
from tests.hub.classroom import people
from tests.hub.classroom.conftest import running
from tests.hub.classroom.people import LESSON, RIGHT, SECTION

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def taught(house, chromium):
    """A class of its own in which Ada and Bo have handed in, and were graded and marked as late or in time."""
    with running(house) as klass:
        desks = {who: people.log_in(klass, chromium, who) for who in ("ines", "ada", "bo")}
        people.release(klass, desks["ines"])
        for who in ("ada", "bo"):
            people.fetch(klass, desks[who], who)
        people.do(klass, desks["ada"], "ada", RIGHT)
        for who in ("ada", "bo"):
            people.submit(klass, desks[who], who)
        klass.believed_until = time.monotonic() + COPYING.total_seconds() + 5
        people.grade_everybody(klass, desks["ines"])
        yield klass
        for page in desks.values():
            page.context.close()


def operator(klass, *words):
    """Run a command as the operator."""
    return subprocess.run([klass.house / "env/bin/course", *words], capture_output=True, text=True, check=False)


def grades(klass):
    """What stands in the gradebook, and when everything was handed in."""
    out = klass.term("a").parent / "grades.csv"
    done = klass.run_as(
        "grader-a", "course", "grades", "--format", "plain", "--course-dir", klass.term("a"), "--out", out
    )
    assert done.returncode == 0, done.stderr
    stamps = sorted(path.read_text() for path in (klass.term("a") / "submitted").glob("*/*/timestamp.txt"))
    return list(csv.reader(io.StringIO(out.read_text(encoding="utf-8-sig")))), stamps


def test_a_backup_is_refused_while_the_hub_runs(taught):
    out = taught.state.parent / "early.tgz"
    done = operator(taught, "hub-backup", taught.plan(), "--out", out)
    assert done.returncode == 2 and "stop it first" in done.stderr and not out.exists()


def test_a_class_that_was_lost_comes_back_with_its_accounts_work_marks_and_times(taught, chromium):
    klass = taught
    out, plan = klass.house / f"{klass.tag}.tgz", klass.plan()
    numbers = {name: klass.home(name).stat().st_uid for name in ("ada", "bo", "ines", "grader-a")}
    before, word, notebook = grades(klass), klass.password("ada"), _notebook(klass)
    secret = (klass.term("a") / "term-secret").read_bytes()
    klass.stop()
    for nowhere in (klass.state / "backup.tgz", klass.house / "no-folder" / "backup.tgz"):
        done = operator(klass, "hub-backup", plan, "--out", nowhere)
        assert done.returncode == 2 and "expected a file in a folder that is there" in done.stderr, done.stderr
    done = operator(klass, "hub-backup", plan, "--out", out)
    assert done.returncode == 0, done.stderr
    assert out.stat().st_mode & 0o077 == 0
    refused = operator(klass, "hub-restore", plan, out)
    assert refused.returncode == 2 and f"{klass.state} is there, and not empty" in refused.stderr
    klass.take_away()
    shutil.rmtree(klass.state)
    # Somebody else has got Ada's number meanwhile: her files must not become theirs.
    subprocess.run(["useradd", "--uid", str(numbers["ada"]), "--no-create-home", f"{klass.tag}-other"], check=True)
    try:
        taken = operator(klass, "hub-restore", plan, out)
        assert taken.returncode == 2 and f"is {klass.tag}-other's here" in taken.stderr
        assert not klass.state.exists()
    finally:
        subprocess.run(["userdel", "--force", f"{klass.tag}-other"], check=True)
    time.sleep(max(0.0, klass.believed_until - time.monotonic()))  # until then a stamp would be believed by itself
    done = operator(klass, "hub-restore", plan, out)
    assert done.returncode == 0, done.stderr
    klass.start()
    assert {name: klass.home(name).stat().st_uid for name in numbers} == numbers
    assert klass.password("ada") == word and _notebook(klass) == notebook
    assert (klass.term("a") / "term-secret").read_bytes() == secret
    page = people.log_in(klass, chromium, "ada")
    page.context.close()
    page = people.log_in(klass, chromium, "ines")
    frame = people.grade_everybody(klass, page)
    assert "2 unchanged" in frame.locator("#class-log").inner_text()
    page.context.close()
    assert grades(klass) == before


def test_an_upgrade_in_mid_term_brings_the_mended_lesson_and_takes_nothing_away(taught, chromium):
    klass = taught
    before, secret = grades(klass), (klass.term("a") / "term-secret").read_bytes()
    klass.stop()
    repository = klass.house / "repository"
    [text] = (repository / "lessons" / LESSON).glob("*.py")
    whole = text.read_text()
    first = next(line for line in whole.splitlines() if line.startswith("# # "))
    text.write_text(whole.replace(first, first + ", mended", 1))
    try:
        built = operator(klass, "build", "--root", repository)
        assert built.returncode == 0, built.stderr
        klass.start()
        assert (klass.term("a") / "term-secret").read_bytes() == secret
        assert grades(klass) == before
        page = people.log_in(klass, chromium, "ines")
        done = klass.run_as("grader-a", "nbgrader", "release_assignment", LESSON, "--force", cwd=klass.term("a"))
        assert done.returncode == 0, done.stderr
        people.log_in(klass, chromium, "ada").context.close()
        fetched = klass.in_a_terminal("ada", "nbgrader", "fetch_assignment", LESSON, "--course", klass.course_id("a"))
        assert fetched.returncode == 0, fetched.stderr
        assert ", mended" in _notebook(klass) and "def first_gap(values):\\n    return next(" in _notebook(klass)
        people.grade_everybody(klass, page)
        page.context.close()
        assert grades(klass) == before
    finally:
        text.write_text(whole)
        operator(klass, "build", "--root", repository)


def _notebook(klass):
    return (klass.home("ada") / klass.course_id("a") / LESSON / f"{SECTION}.ipynb").read_text()
