"""What a student does in JupyterLab, with mouse or keyboard, and what they see of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Locator, TimeoutError, expect

#: Messages of JupyterLab itself on the console, each with its reason; anything else is a fault.
KNOWN: tuple[str, ...] = ()

# From the event that a hand causes to the frame in which the new picture stands; measured in the page itself.
WATCH = """lab => {
    const old = lab.querySelector('img')?.src;
    const seen = window.courseSeen = {begun: null, done: null};
    for (const kind of ['keydown', 'pointerdown', 'change'])
        document.addEventListener(kind, () => { seen.begun ??= performance.now(); }, {capture: true, once: true});
    const watcher = new MutationObserver(() => {
        const picture = lab.querySelector('img');
        if (picture && picture.src !== old && seen.done === null)
            picture.decode().then(() => requestAnimationFrame(() => { seen.done ??= performance.now(); }), () => {});
    });
    watcher.observe(lab, {subtree: true, childList: true, attributes: true, attributeFilter: ['src']});
}"""
SEEN = "() => window.courseSeen.done !== null && window.courseSeen.begun !== null"
TOOK = "() => window.courseSeen.done - window.courseSeen.begun"


def in_the_gate(names: Sequence[str], *some: str) -> list:
    """Parameters for every one of `names`, of which only `some` are tried outside of the long run."""
    return [pytest.param(name, marks=[] if name in some else pytest.mark.long) for name in names]


class Page:
    """A tab with one notebook in it."""

    def __init__(self, browser, address: str, width: int = 1280, height: int = 2400):
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.address = address

    def open(self, name: str) -> None:
        self.page.goto(f"{self.address}/lab/tree/{name}?token=secret&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        # The kernel is there when the status bar says so; what is run earlier is dropped without a word.
        self.page.locator(".jp-StatusBar-TextItem", has_text="| Idle").wait_for(timeout=90_000)

    def menu(self, menu: str, entry: str) -> None:
        self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{menu}$")).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{entry}$")).click()

    def use_theme(self, name: str) -> None:
        """Switch JupyterLab's theme, as Settings > Theme does."""
        if self.page.locator(f"body[data-jp-theme-name='{name}']").count():
            return
        self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Settings$")).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Theme$")).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{name}$")).click()
        self.page.locator(f"body[data-jp-theme-name='{name}']").wait_for(state="attached")

    def run_all(self) -> None:
        self.menu("Run", "Run All Cells")
        self.page.wait_for_function(
            """() => {
                const cells = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell')];
                const prompts = cells.map(c => c.querySelector('.jp-InputPrompt')?.textContent ?? '');
                return cells.length && prompts.every(p => /\\[\\d+\\]/.test(p));
            }""",
            timeout=180_000,
        )

    def restart_kernel(self) -> None:
        self.menu("Kernel", "Restart Kernel…")
        self.page.locator(".jp-Dialog button", has_text="Restart").click()
        self.page.wait_for_timeout(500)
        self.wait_until_idle()

    def run_cell(self, text: str) -> Locator:
        """Run the first code cell that holds `text`, and return it."""
        cell = self.page.locator(".jp-CodeCell", has_text=text).first
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        expect(cell.locator(".jp-InputPrompt").first).to_have_text(re.compile(r"\[\d+\]"), timeout=60_000)
        return cell

    def lab_cells(self) -> list[Locator]:
        """The cells that show laboratories, each of them a `.course-lab`."""
        return self.page.locator(".jp-CodeCell:has(.course-lab)").all()

    def run_again(self, cell: Locator) -> None:
        """Run a cell that shows a laboratory once more: its controls stand where they stood at first."""
        many = self.page.locator(".course-lab").count()
        old = cell.locator(".course-lab").first.element_handle()
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function("old => !old.isConnected", arg=old, timeout=30_000)
        # Until it is back, "the third cell that shows a laboratory" is the fourth.
        expect(self.page.locator(".course-lab")).to_have_count(many, timeout=60_000)

    def validate(self) -> str:
        """Press Validate in the toolbar and return what it says."""
        self.page.locator(".jp-NotebookPanel-toolbar").get_by_text("Validate", exact=True).first.click()
        said = self.page.locator(".jp-Dialog-content")
        expect(said).to_contain_text(re.compile("success|fail|error", re.IGNORECASE), timeout=60_000)
        return said.inner_text()

    def errors(self) -> list[str]:
        shown = self.page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]')
        broken = self.page.locator(".jp-Cell .jp-RenderedText[data-mime-type*='error']")
        return shown.all_inner_texts() + broken.all_inner_texts()

    def strange_requests(self) -> list[str]:
        return [url for url in self.requests if not url.startswith((self.address, "data:", "blob:"))]

    def strange_messages(self) -> list[str]:
        return [text for text in self.complaints if not any(known in text for known in KNOWN)]

    def screenshot(self, name: str) -> None:
        """Keep a picture where COURSE_SCREENSHOTS says, to be looked at by a person."""
        folder = os.environ.get("COURSE_SCREENSHOTS")
        if folder:
            self.page.screenshot(path=Path(folder, f"{name}.png"))

    def close(self) -> None:
        self.context.close()


def sentence_of(lab: Locator) -> Locator:
    """The sentence of a laboratory."""
    return lab.locator(".course-told p").last


def shows(lab: Locator) -> tuple[str | None, str]:
    """The picture and the sentence of a laboratory."""
    return lab.locator("img").first.get_attribute("src"), sentence_of(lab).inner_text()


def name_of(control: Locator) -> str:
    found = re.search(r"course-control-(\w+)", control.get_attribute("class") or "")
    return found[1] if found else "?"


def move(page: Page, lab: Locator, control: Locator, by: str) -> float | None:
    """Move a control, by "keyboard" or "mouse", until picture and sentence are others; return the milliseconds.

    None when nothing that it was moved to showed another picture and another sentence.
    """
    before = shows(lab)
    for act in _acts(page, control, by):
        lab.evaluate(WATCH)
        act()
        try:
            _wait_for_the_picture(page, lab)
            took = page.page.evaluate(TOOK)
            # Picture and sentence are two widgets: their news arrive one after the other.
            expect(sentence_of(lab)).not_to_have_text(before[1], timeout=1_500)
        except (TimeoutError, AssertionError):
            continue
        return took
    return None


def _wait_for_the_picture(page: Page, lab: Locator) -> None:
    try:
        page.page.wait_for_function(SEEN, timeout=4_000)
    except TimeoutError:
        if "course-old" not in (lab.get_attribute("class") or ""):
            raise
        page.page.wait_for_function(SEEN, timeout=60_000)  # it says that it trains


def _acts(page: Page, control: Locator, by: str) -> Iterator:
    keys = page.page.keyboard
    handle, select = control.locator(".noUi-handle").first, control.locator("select").first
    box, buttons = control.locator("input[type=checkbox]").first, control.locator("button")
    if handle.count():
        if by == "keyboard":
            for key in ("ArrowRight", "End", "Home"):
                yield lambda key=key: (handle.focus(), keys.press(key))
        else:
            track = control.locator(".noUi-base").first
            for share in (0.85, 0.5, 0.15):
                size = track.bounding_box()
                place = {"x": size["width"] * share, "y": size["height"] / 2}
                yield lambda place=place: track.click(position=place, force=True)
    elif select.count():
        if by == "keyboard":
            for key in ("ArrowDown", "ArrowDown", "Home", "End"):
                yield lambda key=key: (select.focus(), keys.press(key))
        else:
            for text in reversed(select.locator("option").all_inner_texts()):
                yield lambda text=text: select.select_option(text)  # the list itself is the system's, not the page's
    elif box.count():
        yield (lambda: (box.focus(), keys.press("Space"))) if by == "keyboard" else box.click
    elif buttons.count():
        for button in buttons.all():
            if "mod-active" in (button.get_attribute("class") or ""):
                continue
            yield (lambda b=button: (b.focus(), keys.press("Enter"))) if by == "keyboard" else button.click
