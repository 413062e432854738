"""What people do on a hub in a browser: log in, fetch, write, validate, hand in; release, collect, grade, give back."""

from __future__ import annotations

from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.student import Page as Tab
from tests.hub.classroom.conftest import LESSON, Class

SECTION = "1_first_section"
RIGHT = "def first_gap(values):\n    return next((i for i, value in enumerate(values) if value is None), None)"
WRONG = "def first_gap(values):\n    return 1"
PATIENCE = 60_000


def log_in(klass: Class, browser, who: str) -> Page:
    """Log in, and wait for that person's own JupyterLab."""
    page = browser.new_context(viewport={"width": 1280, "height": 1100}, ignore_https_errors=True).new_page()
    page.goto(f"{klass.url}/hub/login")
    page.fill("#username_input", klass.name(who))
    page.fill("#password_input", klass.password(who))
    page.click("#login_submit")
    page.get_by_role("menuitem", name="Nbgrader").wait_for(timeout=PATIENCE)
    return page


def panel(page: Page, entry: str) -> None:
    """Open one of nbgrader's panels in a JupyterLab that has just been reset."""
    page.locator(".jp-Launcher").wait_for(timeout=PATIENCE)  # the reset comes last, and closes what is open
    page.get_by_role("menuitem", name="Nbgrader").click(timeout=PATIENCE)
    page.locator("#jp-mainmenu-nbgrader").get_by_text(entry, exact=True).click()


def assignments(klass: Class, page: Page, who: str, which: str) -> None:
    """Open the list of assignments anew, of one course."""
    page.goto(f"{klass.page_of(who)}/lab?reset")
    panel(page, "Assignment List")
    chosen = page.locator("#course_list_dropdown, .course-list, #course_list_default").first
    expect(chosen).to_be_visible(timeout=PATIENCE)
    if klass.course_id(which) not in page.locator("#course_list_default").inner_text():
        page.locator("#course_list_dropdown").click()
        page.locator("#course_list").get_by_text(klass.course_id(which)).click()


def fetch(klass: Class, page: Page, who: str, which: str = "a") -> None:
    """Fetch the lesson."""
    assignments(klass, page, who, which)
    page.get_by_role("button", name="Fetch", exact=True).click(timeout=PATIENCE)
    page.get_by_role("button", name="Submit").wait_for(timeout=PATIENCE)


def do(klass: Class, page: Page, who: str, answer: str, which: str = "a") -> str:
    """Write the exercise's answer, run everything, save; return what Validate says."""
    tab = Tab.__new__(Tab)
    tab.page = page
    page.goto(f"{klass.page_of(who)}/lab/tree/{klass.course_id(which)}/{LESSON}/{SECTION}.ipynb?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=PATIENCE)
    tab.wait_until_idle()
    for first_line, text in (("prediction = ", "prediction = 40"), ("def first_gap(values):", answer)):
        cell = page.locator(".jp-CodeCell", has_text=first_line).first
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+A")
        page.keyboard.insert_text(text)
    for _ in range(page.locator(".jp-MarkdownCell", has_text="YOUR ANSWER HERE").count()):
        cell = page.locator(".jp-MarkdownCell", has_text="YOUR ANSWER HERE").first
        cell.dblclick()
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+A")
        page.keyboard.insert_text(f"What {who} thinks of it.")
        page.keyboard.press("Shift+Enter")
    tab.run_all()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+S")
    page.wait_for_timeout(1500)
    said = tab.validate()
    page.keyboard.press("Escape")
    return said


def submit(klass: Class, page: Page, who: str, which: str = "a") -> None:
    """Hand the lesson in, and wait until it is in the exchange."""
    before = len(klass.inbound(which))
    assignments(klass, page, who, which)
    page.get_by_role("button", name="Submit").click(timeout=PATIENCE)
    for _ in range(100):
        if len(klass.inbound(which)) > before:
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"{klass.name(who)}'s submission is not in the exchange: {klass.inbound(which)}")


def formgrader(klass: Class, page: Page, which: str = "a") -> FrameLocator:
    """Open formgrader inside the course's own JupyterLab."""
    page.goto(f"{klass.grader_page(which)}/lab?reset")
    panel(page, "Formgrader")
    frame = page.frame_locator("iframe")
    frame.get_by_role("heading", name="Manage Assignments").wait_for(timeout=PATIENCE)
    return frame


def release(klass: Class, page: Page, which: str = "a") -> None:
    """Release the lesson by formgrader's button."""
    frame = formgrader(klass, page, which)
    frame.locator("tr", has_text=LESSON).locator(".release a").click(timeout=PATIENCE)
    frame.get_by_text("Successfully released").wait_for(timeout=PATIENCE)


def grade_everybody(klass: Class, page: Page, which: str = "a") -> FrameLocator:
    """Collect and grade the class by its button."""
    frame = formgrader(klass, page, which)
    frame.get_by_role("paragraph").get_by_role("link", name=LESSON).click(timeout=PATIENCE)
    frame.get_by_role("button", name="Collect and grade the whole class").click(timeout=PATIENCE)
    frame.locator("#class-status").get_by_text("Done.", exact=True).wait_for(timeout=120_000)
    return frame
