"""What else a student does: asks Validate, restarts the kernel, runs cells out of order, answers a quiz."""

import re

import pytest
from playwright.sync_api import expect
from student import Page, in_the_gate, move
from test_sections import ROOT, SECTIONS

pytestmark = pytest.mark.browser

#: One section in the gate, all of them in the long run.
BEFORE = "NameError? Run"
PAGES = {name: (ROOT / "release" / "01_what_is_mlops" / f"{name}.ipynb").read_text() for name in SECTIONS}
WAITING = [name for name in SECTIONS if BEFORE in PAGES[name]]
QUIZZED = [name for name in SECTIONS if re.search(r"quiz\w*\(", PAGES[name])]
SOME = in_the_gate(SECTIONS, SECTIONS[1])


@pytest.fixture
def student(chromium, lab_url):
    page = Page(chromium, lab_url)
    yield page
    page.close()


@pytest.mark.parametrize("section", SOME)
def test_validate_says_of_a_solved_notebook_that_it_passes(student, section):
    student.open(f"solved_{section}.ipynb")
    said = student.validate()
    student.screenshot(f"{section}-validate-solved")
    assert re.search(r"success", said, re.IGNORECASE), said


@pytest.mark.parametrize("section", SOME)
def test_validate_says_of_an_untouched_notebook_what_is_still_to_be_written(student, section):
    student.open(f"{section}.ipynb")
    said = student.validate()
    student.screenshot(f"{section}-validate-untouched")
    assert "NotImplementedError" in said, said
    assert "Traceback" not in said or "Write" in said or "write" in said, said


@pytest.mark.parametrize("section", SOME)
def test_after_a_restart_a_lab_says_what_to_run_and_runs_again(student, section):
    student.open(f"solved_{section}.ipynb")
    student.run_all()
    student.restart_kernel()
    lab = student.lab_cells()[0].locator(".course-lab")
    expect(lab).to_have_class(re.compile("disconnected"), timeout=20_000)
    said = lab.evaluate("lab => getComputedStyle(lab, '::before').content")
    assert "run the cells again" in said, f"a laboratory that nobody answers says {said}"
    student.screenshot(f"{section}-restarted")
    student.run_all()
    expect(lab).not_to_have_class(re.compile("disconnected"), timeout=30_000)
    controls = lab.locator("[class*=course-control-]").all()
    assert any(move(student, lab, control, "keyboard") for control in controls)
    assert student.errors() == []


@pytest.mark.parametrize("section", WAITING[:1])
def test_a_lab_cell_that_is_run_before_the_cells_above_names_the_one_to_run(student, section):
    student.open(f"solved_{section}.ipynb")
    student.restart_kernel()  # another test may have left one running for this notebook
    cell = student.page.locator(".jp-CodeCell", has_text=BEFORE).first
    cell.locator(".cm-content").click()
    student.page.keyboard.press("Control+Enter")
    expect(cell.locator(".jp-OutputArea-output").last).to_contain_text("NameError", timeout=60_000)


@pytest.mark.parametrize("section", SOME)
def test_a_lab_that_is_run_before_its_prediction_asks_for_it(student, section):
    student.open(f"{section}.ipynb")
    student.run_all()
    waiting = student.page.locator(".jp-CodeCell:has(.course-lab)", has_text="Commit to a prediction first").first
    expect(waiting).to_be_visible()
    assert waiting.locator("img").count() == 0, "the picture must not stand there before the prediction"


@pytest.mark.parametrize("section", in_the_gate(QUIZZED, QUIZZED[1]))
def test_each_choice_of_a_quiz_explains_itself_by_mouse_and_by_keyboard(student, section):
    student.open(f"solved_{section}.ipynb")
    student.run_all()
    student.page.locator(".course-quiz").first.wait_for()
    for quiz in student.page.locator(".course-quiz").all():
        reply, choices = quiz.locator("[role=status], [role=alert], p").last, quiz.locator("input[type=radio]")
        said = set()
        assert choices.count() > 1, "a quiz without choices"
        for number in range(choices.count()):
            if number % 2:
                choices.nth(number - 1).focus()
                student.page.keyboard.press("ArrowDown")
            else:
                choices.nth(number).click()
            expect(choices.nth(number)).to_be_checked()
            student.page.wait_for_timeout(400)
            said.add(reply.inner_text())
        assert len(said) == choices.count(), f"each choice has a word of its own: {said}"
        assert all(said), "a choice without a word"
        quiz.locator("input:checked").focus()
        student.page.keyboard.press("Shift+Tab")
        assert quiz.locator("input:focus").count() == 0, "the choices are one stop for Tab"
    assert student.strange_messages() == []
