"""axe-core over what the course puts before people: sections in JupyterLab, exported pages, feedback."""

import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbclient import NotebookClient
from playwright.sync_api import expect
from student import Page, in_the_gate
from test_sections import LESSON, ROOT, SECTIONS

pytestmark = pytest.mark.browser

#: One section in the gate, all of them in the long run; this one has laboratories, a quiz and a written answer.
SOME = in_the_gate(SECTIONS, SECTIONS[6])
#: What JupyterLab makes and the course cannot change, each by rule and by where it stands.
NOT_OURS = {
    "aria-input-field-name": r"cm-content",
    "scrollable-region-focusable": r"cm-scroller|jp-",
}


def faults(page, within: list[str]) -> list[str]:
    """Serious and critical faults in some parts of a page, one line each."""
    parts = [[part] for part in within]
    found = Axe().run(page, context={"include": parts}, options={"resultTypes": ["violations"]}).response
    return [
        f"{fault['id']} ({fault['impact']}): {node['html'][:160]} | {node['failureSummary'][:200]}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
        if not re.search(NOT_OURS.get(fault["id"], "$^"), node["html"])
    ]


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """Make the exported page of a solved section, run as a student runs it."""
    folder, made = tmp_path_factory.mktemp("pages"), {}

    def page_of(section: str):
        if section not in made:
            notebook = nbformat.read(ROOT / "source" / LESSON / f"{section}.ipynb", as_version=4)
            NotebookClient(
                notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}
            ).execute()
            nbformat.write(notebook, folder / f"{section}.ipynb")
            command = [sys.executable, "-m", "course.cli", "export", folder / f"{section}.ipynb"]
            assert "never run" not in subprocess.run(command, check=True, capture_output=True, text=True).stdout
            made[section] = folder / f"{section}.html"
        return made[section]

    return page_of


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
@pytest.mark.parametrize("section", SOME)
def test_a_section_in_jupyterlab_has_no_serious_fault(chromium, lab_url, section, theme):
    student = Page(chromium, lab_url)
    try:
        student.open(f"solved_{section}.ipynb")
        student.use_theme(theme)
        student.run_all()
        student.screenshot(f"{section}-{theme[11:].lower()}")
        # A slider gets its name by a script, on a busy machine a second after it is there.
        for _ in range(10):
            found = faults(student.page, [".jp-RenderedMarkdown", ".jp-OutputArea-output"])
            if not found:
                break
            student.page.wait_for_timeout(1_000)
        assert found == []
    finally:
        student.close()


def test_a_screen_reader_hears_names_values_and_changes(chromium, lab_url):
    student = Page(chromium, lab_url)
    try:
        student.open("solved_1_the_gap.ipynb")
        student.run_all()
        lab = student.page.locator(".course-lab").first
        expect(lab.get_by_role("group", name="5. Kept of version 1")).to_be_visible()
        choice = lab.get_by_role("button", name="all four")
        assert choice.get_attribute("aria-pressed") == "false"
        choice.focus()
        words, voice = lab.locator(".course-told"), lab.locator(".course-voice")
        before = re.split(r"(?<=[.!?])\s+(?=[A-Z])", words.inner_text().strip())
        expect(voice).to_have_text("")
        student.page.keyboard.press("Enter")
        expect(choice).to_have_attribute("aria-pressed", "true")
        expect(voice).not_to_have_text("")
        after = re.split(r"(?<=[.!?])\s+(?=[A-Z])", words.inner_text().strip())
        changed = [sentence for sentence in after if sentence not in before]
        expect(voice).to_have_text(" ".join(changed))
        assert 0 < len(changed) < len(after), "the others would be heard after every step"

        student.open("solved_2_one_sentence.ipynb")
        student.run_all()
        lab = student.page.locator(".course-lab").first
        said = lab.get_by_role("status").last  # it is there before its words change: only then they are read aloud
        place, before = said.element_handle(), said.inner_text()
        slider = lab.get_by_role("slider", name="data version")
        slider.focus()
        student.page.keyboard.press("End")
        expect(slider).to_have_attribute("aria-valuetext", re.compile("^3: "))
        expect(said).not_to_have_text(before)
        assert place.evaluate("(old, now) => old === now", said.element_handle())
        assert lab.locator(".course-said [role=status], .course-told [role=status]").count() == 0, "said by one place"
        quiz = student.page.locator(".course-quiz").first
        expect(quiz.get_by_role("radiogroup", name=re.compile("same accuracy"))).to_be_visible()
        quiz.get_by_role("radio").first.check()
        expect(quiz.get_by_role("status")).to_contain_text(re.compile("^(Yes|Not quite)"))
        assert student.page.locator(".course-lab [title=null]").count() == 0

        student.open("solved_3_whats_different.ipynb")
        student.run_all()
        number = student.page.get_by_role("textbox", name=re.compile(", as a number$")).first
        slider = student.page.locator(".course-lab").filter(has=number).locator(".noUi-handle").first
        slider.focus()
        student.page.keyboard.press("Tab")
        expect(slider).not_to_be_focused()
        expect(number).not_to_be_focused()
    finally:
        student.close()


def test_a_key_pressed_in_a_control_moves_the_control_and_never_the_notebook(chromium, lab_url):
    """To JupyterLab "a" is a new cell and "m" a cell of text, whose outputs are gone."""
    student = Page(chromium, lab_url)
    keys = student.page.keyboard
    try:
        student.open("solved_5_cost_of_skipping.ipynb")
        student.run_all()
        cells = student.page.locator(".jp-Notebook .jp-Cell")
        kinds = "cells => cells.map(cell => cell.className.match(/jp-\\w+Cell/)[0])"
        before = cells.evaluate_all(kinds)
        month = student.page.get_by_role("combobox", name="Month").first
        month.focus()
        for key, chosen in (("m", "May"), ("a", "August"), ("ArrowDown", "September"), ("b", "September")):
            student.page.wait_for_timeout(1_200)  # letters in quick succession are one word
            keys.press(key)
            expect(month.locator("option:checked")).to_have_text(chosen)
            expect(month).to_be_focused()
        slider = student.page.locator(".course-lab .noUi-handle").first
        slider.focus()
        for key in ("b", "x", "ArrowDown"):
            keys.press(key)
            expect(slider).to_be_focused()
        assert cells.evaluate_all(kinds) == before
        keys.press("Escape")
        keys.press("b")
        expect(cells).to_have_count(len(before) + 1)  # out of the control, JupyterLab has its keys again
    finally:
        student.close()


@pytest.mark.parametrize("section", SOME)
def test_an_exported_page_keeps_its_meaning_and_asks_nobody(chromium, pages, section):
    context = chromium.new_context(viewport={"width": 1000, "height": 1400})
    requests: list[str] = []
    try:
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.goto(pages(section).as_uri())
        alts = page.locator("img").evaluate_all("pictures => pictures.map(picture => picture.alt)")
        assert alts and all(alt.strip() for alt in alts), "a picture without words"
        said = page.locator("p[role=status]").all_inner_texts()
        assert set(alts) <= set(said), "each picture's sentence stands below it for everybody"
        drawn = [alt for alt in alts if "a silent film" not in alt]  # a film stands in words only
        assert page.locator("details table").count() >= len(drawn), "and its numbers too"
        assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
        assert faults(page, ["body"]) == []
        page.emulate_media(media="print")
        assert page.locator("img").first.is_visible()
    finally:
        context.close()


@pytest.fixture(scope="session")
def feedback(tmp_path_factory):
    """Grade an untouched and a solved section, and return the folder of feedback pages, by student."""
    course, section = tmp_path_factory.mktemp("course"), SECTIONS[6]
    shutil.copy(ROOT / "nbgrader_config.py", course)
    for tree, place in (("source", "source"), ("release", "submitted/ada"), ("source", "submitted/bo")):
        target = course / place / LESSON
        target.mkdir(parents=True)
        shutil.copy(ROOT / tree / LESSON / f"{section}.ipynb", target)
    for words in (
        ["nbgrader", "generate_assignment", LESSON],
        ["course.cli", "grade", LESSON, "--course-dir", str(course)],
        ["nbgrader", "generate_feedback", LESSON],
    ):
        done = subprocess.run([sys.executable, "-m", *words], cwd=course, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return course / "feedback"


@pytest.mark.parametrize("who", ["ada", "bo"])
def test_a_page_of_feedback_has_no_serious_fault_and_runs_and_fetches_nothing(chromium, feedback, who):
    context = chromium.new_context(viewport={"width": 1000, "height": 1400})
    requests: list[str] = []
    try:
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.goto((feedback / who / LESSON / f"{SECTIONS[6]}.html").as_uri())
        assert re.search(r"\d of \d points?", page.locator("body").inner_text()), "no word on points"
        assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
        assert faults(page, ["html"]) == []
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')")
        page.wait_for_timeout(300)
        assert page.evaluate("window.ran") is None, "what stands in a page of feedback must not run"
    finally:
        context.close()
