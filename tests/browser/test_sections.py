"""One pass a section in real JupyterLab: open, run all, move one control, see picture and sentence change."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
SECTIONS = sorted(path.stem for path in (ROOT / "release" / "01_what_is_mlops").glob("*.ipynb"))


class Page:
    """What a student does in a notebook, and what they see."""

    def __init__(self, browser, address: str):
        self.context = browser.new_context(viewport={"width": 1280, "height": 2400}, offline=False)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.address = address

    def open(self, name: str) -> None:
        self.page.goto(f"{self.address}/lab/tree/{name}?token=secret&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
        # The kernel is there when the status bar says so; what is run earlier is dropped without a word.
        self.page.locator(".jp-StatusBar-TextItem", has_text="| Idle").wait_for(timeout=90_000)

    def run_all(self) -> None:
        self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
        self.page.wait_for_function(
            """() => {
                const cells = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell')];
                const prompts = cells.map(c => c.querySelector('.jp-InputPrompt')?.textContent ?? '');
                return cells.length && prompts.every(p => /\\[\\d+\\]/.test(p));
            }""",
            timeout=180_000,
        )

    def errors(self) -> list[str]:
        shown = self.page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]')
        broken = self.page.locator(".jp-Cell .jp-RenderedText[data-mime-type*='error']")
        return shown.all_inner_texts() + broken.all_inner_texts()

    def screenshot(self, name: str) -> None:
        """Keep a picture where COURSE_SCREENSHOTS says, to be looked at by a person."""
        folder = os.environ.get("COURSE_SCREENSHOTS")
        if folder:
            self.page.screenshot(path=Path(folder, f"{name}.png"))

    def close(self) -> None:
        self.context.close()


@pytest.fixture
def student(chromium, lab_url):
    page = Page(chromium, lab_url)
    yield page
    page.close()


@pytest.mark.parametrize("section", SECTIONS)
def test_a_solved_section_runs_and_its_lab_moves(student, section, tmp_path):
    student.open(f"solved_{section}.ipynb")
    student.run_all()
    assert student.errors() == []
    lab = student.page.locator(".course-lab").first
    lab.scroll_into_view_if_needed()
    picture, sentence = lab.locator("img").first, lab.locator("p[role=status]").last
    picture.wait_for(timeout=20_000)
    student.screenshot(f"{section}-before")
    before = picture.get_attribute("src"), sentence.inner_text()
    move_one_control(student.page, lab)
    # Picture and sentence are two widgets: their news arrive one after the other.
    expect(picture).not_to_have_attribute("src", before[0], timeout=20_000)
    expect(sentence, "the picture changed and the sentence did not").not_to_have_text(before[1], timeout=5_000)
    student.screenshot(f"{section}-after")
    assert picture.get_attribute("alt").strip(), "the picture has no words"
    away = [url for url in student.requests if not url.startswith((student.address, "data:", "blob:"))]
    assert away == [], f"requests that leave this machine: {away}"


@pytest.mark.parametrize("section", SECTIONS)
def test_an_untouched_section_runs_to_its_last_cell_and_asks_for_predictions(student, section):
    student.open(f"{section}.ipynb")
    student.run_all()
    text = student.page.locator(".jp-Notebook").inner_text()
    assert "Commit to a prediction first" in text


def move_one_control(page, lab) -> None:
    """Move the first control that moves, with the keyboard as a student without a mouse does."""
    for control in lab.locator("[class*=course-control-]").all():
        for selector, key in (
            ("select", None),
            ("input[type=checkbox]", "Space"),
            ("input[type=radio]:not(:checked)", "Space"),
            (".noUi-handle", "ArrowRight"),
            ("button:not(.mod-active)", "Enter"),
        ):
            part = control.locator(selector).first
            if part.count() == 0:
                continue
            if key is None:
                options = part.locator("option").all_inner_texts()
                part.select_option(options[-1] if part.input_value() != options[-1] else options[0])
            else:
                part.focus()
                page.keyboard.press(key)
            return
    pytest.fail("no control that can be moved was found")
