"""Do nbgrader's own panels work over the service, and may people use no server but theirs and their course's?"""

import pytest
from like_pods import COURSE, GRADER, LESSON

pytestmark = [pytest.mark.browser, pytest.mark.long]
PATIENCE = 60_000


@pytest.fixture(scope="module")
def log_in(hub, chromium):
    """Log in as somebody; return a page with their cookies."""
    pages = []

    def logged_in(who):
        page = chromium.new_context(viewport={"width": 1280, "height": 1000}).new_page()
        pages.append(page)
        page.goto(f"{hub.url}/hub/login?next=/hub/home")
        page.fill("#username_input", who)
        page.fill("#password_input", hub.told["password"])
        page.click("#login_submit")
        page.wait_for_load_state()
        return page

    yield logged_in
    for page in pages:
        page.context.close()


def test_a_student_fetches_and_hands_in_from_the_assignment_list(released, hub, log_in):
    before = len(list((hub.store / COURSE / "submissions").rglob("*.zip")))
    page = log_in("ada")
    page.goto(f"{hub.url}/user/ada/lab?reset")
    page.locator(".jp-Launcher").wait_for(timeout=PATIENCE)
    page.get_by_role("menuitem", name="Nbgrader").click(timeout=PATIENCE)
    assert not page.get_by_text("Formgrader", exact=True).count()
    page.locator("#jp-mainmenu-nbgrader").get_by_text("Assignment List", exact=True).click()
    page.get_by_text(LESSON).first.wait_for(timeout=PATIENCE)
    if not (hub.homes / "ada" / COURSE / LESSON).exists():
        page.get_by_role("button", name="Fetch", exact=True).click(timeout=PATIENCE)
    page.get_by_role("button", name="Submit").click(timeout=PATIENCE)
    for _ in range(100):
        if len(list((hub.store / COURSE / "submissions").rglob("*.zip"))) > before:
            break
        page.wait_for_timeout(200)
    assert len(list((hub.store / COURSE / "submissions" / LESSON / "ada").glob("*.zip"))) >= 1
    assert len(list((hub.store / COURSE / "submissions").rglob("*.zip"))) == before + 1


def test_an_instructor_collects_and_grades_the_class_in_the_courses_own_server(released, hub, log_in):
    page = log_in("ines")
    page.goto(f"{hub.url}/user/{GRADER}/formgrader/manage_submissions/{LESSON}")
    if page.get_by_role("button", name="Authorize").count():
        page.get_by_role("button", name="Authorize").click()
    page.get_by_role("button", name="Collect and grade the whole class").click(timeout=PATIENCE)
    page.locator("#class-status").get_by_text("Done.", exact=True).wait_for(timeout=120_000)
    page.locator("tr", has_text="ada").get_by_text("needs manual grading").wait_for(timeout=PATIENCE)


@pytest.mark.parametrize("whose", [GRADER, "bo"])
def test_a_student_cannot_open_the_graders_server_or_anothers(released, hub, log_in, whose):
    page = log_in("ada")
    for path in (f"user/{whose}/lab", f"user/{whose}/formgrader", f"hub/spawn/{whose}"):
        answer = page.goto(f"{hub.url}/{path}")
        assert answer.status in (403, 404), f"{path}: {answer.status}"
    assert page.get_by_text("Formgrader").count() == 0


def test_nobody_becomes_a_courses_grader_by_choosing_its_name(hub, log_in):
    page = log_in(GRADER)
    page.get_by_text("Invalid username or password").wait_for(timeout=PATIENCE)
    page.goto(f"{hub.url}/hub/home")
    assert "login" in page.url
    assert "Logout" in log_in("ada").content(), "others come in by the same words"
