"""The whole way of a lesson on a hub, in the browser: from release to feedback, with two students and their teachers.

The tests of this file are one story, in order: each goes on where the one before ended.
"""

from __future__ import annotations

import csv
import datetime
import io

import pytest

from tests.hub.classroom import people
from tests.hub.classroom.people import LESSON, PATIENCE, RIGHT, SECTION, WRONG

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def desks(klass, chromium):
    """Everybody's browser, each with its own cookies; opened when first asked for."""
    pages = {}

    def desk(who):
        if who not in pages:
            pages[who] = people.log_in(klass, chromium, who)
        return pages[who]

    yield desk
    for page in pages.values():
        page.context.close()


def grades(klass, kind, which="a"):
    """What `course grades` writes for a course, run as its grader: a row a student, the head first."""
    out = klass.term(which).parent / f"{kind}.csv"
    done = klass.run_as(
        f"grader-{which}", "course", "grades", "--format", kind, "--course-dir", klass.term(which), "--out", out
    )
    assert done.returncode == 0, done.stderr
    return list(csv.reader(io.StringIO(out.read_text(encoding="utf-8-sig"))))


def of(klass, who, column, which="a"):
    """One number of one student, from the plain grades."""
    head, *rows = grades(klass, "plain", which)
    [row] = [dict(zip(head, row, strict=True)) for row in rows if klass.name(who) in row]
    return float(row[column] or 0)


def test_the_instructor_releases_and_students_fetch_do_validate_and_submit(klass, desks):
    people.release(klass, desks("ines"))
    for who, answer in (("ada", RIGHT), ("bo", WRONG)):
        page = desks(who)
        people.fetch(klass, page, who)
        said = people.do(klass, page, who, answer)
        assert ("success" in said.lower()) == (who == "ada"), said
        people.submit(klass, page, who)
    assert len(klass.inbound("a")) == 2


def test_an_assistant_grades_everybody_by_one_button_and_the_page_goes_on_answering(klass, desks):
    frame = people.grade_everybody(klass, desks("tom"))
    for who, status in (("ada", "needs manual grading"), ("bo", "needs manual grading")):
        frame.locator("tr", has_text=klass.name(who)).get_by_text(status).wait_for(timeout=PATIENCE)
    assert "2 graded" in frame.locator("#class-log").inner_text()


def test_the_button_for_one_student_grades_again(klass, desks):
    page = desks("tom")
    page.goto(f"{klass.grader_page('a')}/formgrader/manage_submissions/{LESSON}")
    page.locator("tr", has_text=klass.name("bo")).locator(".autograde a").click(timeout=PATIENCE)
    page.get_by_text("Successfully autograded").wait_for(timeout=PATIENCE)


def test_a_person_marks_what_no_program_can(klass, desks):
    page = desks("ines")
    for number in (1, 2):
        page.goto(f"{klass.grader_page('a')}/formgrader/gradebook/{LESSON}/{SECTION}")
        page.get_by_role("link", name=f"Submission #{number}").click(timeout=PATIENCE)
        boxes = page.locator("input.score")
        boxes.first.wait_for(timeout=PATIENCE)
        page.wait_for_load_state("networkidle")
        for box in boxes.all():
            if not box.input_value() and not box.get_attribute("placeholder"):  # a program has given no points
                box.fill("1")
                box.press("Tab")
        page.wait_for_load_state("networkidle")
    assert of(klass, "ada", "points") > of(klass, "bo", "points") > 0


def test_feedback_reaches_its_student_and_nobody_else(klass, desks):
    page = desks("ines")
    page.goto(f"{klass.grader_page('a')}/formgrader/manage_assignments")
    for button, words in ((".generate-feedback a", "generated feedback"), (".release-feedback a", "released feedback")):
        page.locator("tr", has_text=LESSON).locator(button).click(timeout=PATIENCE)
        page.get_by_text(words).first.wait_for(timeout=120_000)
        page.keyboard.press("Escape")
        page.goto(f"{klass.grader_page('a')}/formgrader/manage_assignments")
    for who in ("ada", "bo"):
        student = desks(who)
        people.assignments(klass, student, who, "a")
        student.get_by_role("button", name="Fetch Feedback").click(timeout=PATIENCE)
        student.get_by_text("View Feedback").first.wait_for(timeout=PATIENCE)
        pages = list((klass.home(who) / klass.course_id("a") / LESSON / "feedback").rglob("*.html"))
        assert len(pages) == 1, pages
        text = pages[0].read_text()
        found = [name for name in ("ada", "bo") if f"What {name} thinks of it." in text]
        assert found == [who], f"{who} got the feedback of {found}"
        assert "HIDDEN" not in text


def test_a_second_try_counts_and_a_late_one_costs_until_there_is_an_extension(klass, desks):
    page = desks("bo")
    people.do(klass, page, "bo", RIGHT)
    people.submit(klass, page, "bo")
    # The lesson was due a day and an hour ago: the second day has begun.
    due = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1, hours=1)
    words = ["--update", "--due", f"{LESSON}={due.isoformat()}", "--late-percent", "10"]
    done = klass.run_as("grader-a", "course", "new-term", klass.term("a"), "--root", klass.house / "repository", *words)
    assert done.returncode == 0, done.stderr
    people.grade_everybody(klass, desks("tom"))
    late, lost = of(klass, "bo", "points"), of(klass, "bo", "late_penalty")
    assert lost == pytest.approx(0.2 * (late + lost)) and lost > 0
    until = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).isoformat()
    done = klass.run_as(
        "grader-a", "course", "extend", LESSON, klass.name("bo"), "--until", until, "--course-dir", klass.term("a")
    )
    assert done.returncode == 0, done.stderr
    people.grade_everybody(klass, desks("tom"))
    assert of(klass, "bo", "late_penalty") == 0 and of(klass, "bo", "points") == pytest.approx(late + lost)


def test_grades_leave_the_hub_as_three_kinds_of_csv_that_a_spreadsheet_may_open(klass):
    for kind in ("plain", "moodle", "canvas"):
        rows = grades(klass, kind)
        assert len({len(row) for row in rows}) == 1, f"{kind}: a name with a quote and a comma broke a row: {rows}"
        assert any('O"Neil, Jr.' in cell for row in rows for cell in row), rows
        assert not [cell for row in rows for cell in row if cell[:1] in "=+-@" and cell[:1]], rows


def test_a_second_course_on_the_hub_has_its_own_students_grader_and_book(klass, desks):
    people.release(klass, desks("tom"), "b")
    page = desks("bo")
    people.fetch(klass, page, "bo", "b")
    people.do(klass, page, "bo", RIGHT, "b")
    people.submit(klass, page, "bo", "b")
    frame = people.grade_everybody(klass, desks("tom"), "b")
    frame.locator("tr", has_text=klass.name("bo")).wait_for(timeout=PATIENCE)
    assert not frame.locator("tr", has_text=klass.name("ada")).count()
    assert klass.name("cy") not in str(grades(klass, "plain")) and klass.name("cy") in str(grades(klass, "plain", "b"))
