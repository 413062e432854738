"""Every section in real JupyterLab: each control of each laboratory is moved, and picture and sentence follow."""

import statistics
from pathlib import Path

import pytest
from student import Page, in_the_gate, move, name_of

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
LESSON = "01_what_is_mlops"
SECTIONS = sorted(path.stem for path in (ROOT / "release" / LESSON).glob("*.ipynb"))


@pytest.fixture
def student(chromium, lab_url):
    page = Page(chromium, lab_url)
    yield page
    page.close()


def move_every_control(student, section, by, most=None) -> list[float]:
    """Run the solved section, move its controls, and say in one message which of them did nothing.

    `most` is how many of each laboratory's controls are moved; None stands for all.
    """
    student.open(f"solved_{section}.ipynb")
    student.run_all()
    assert student.errors() == []
    places = [(cell, n) for cell in student.lab_cells() for n in range(cell.locator(".course-lab").count())]
    assert places, "this section shows no laboratory"
    took, dead = [], []
    made_by = {}  # a laboratory that is shown a second time is the same one: only its first cell makes it anew
    for number, (cell, place) in enumerate(places):
        lab = cell.locator(".course-lab").nth(place)
        made_by.setdefault(lab.locator("p").first.inner_text(), cell)
        lab.scroll_into_view_if_needed()
        lab.locator("img").first.wait_for(timeout=20_000)
        student.screenshot(f"{section}-{number}-before")
        names = [name_of(control) for control in lab.locator("[class*=course-control-]").all()]
        assert names, f"laboratory {number} of {section} has no control"
        for name in names[:most]:
            control = lab.locator(f".course-control-{name}")
            milliseconds = move(student, lab, control, by)
            if milliseconds is None:  # where the others have been moved to, it may make no difference
                for again in dict.fromkeys([made_by[lab.locator("p").first.inner_text()], cell]):
                    student.run_again(again)
                milliseconds = move(student, lab, control, by)
            took += [milliseconds] if milliseconds else []
            dead += [] if milliseconds else [f"laboratory {number}: {name}"]
        assert lab.locator("img").first.get_attribute("alt").strip(), f"picture {number} has no words"
        student.screenshot(f"{section}-{number}-after")
    assert dead == [], f"moved by {by}, these changed neither picture nor sentence: {dead}"
    assert student.errors() == []
    assert student.strange_messages() == []
    assert student.strange_requests() == [], "requests that leave this machine"
    return took


#: What the gate looks at: sliders, lists and boxes without training, and of what trains the first control each.
#: Every other section is moved in the long run; `tests/labs/test_every_lab.py` moves all of them without a browser.
IN_THE_GATE = ("2_one_sentence", "4_five_pillars", "6_ownership")


@pytest.mark.parametrize("section", in_the_gate(SECTIONS, *IN_THE_GATE))
def test_every_control_of_a_solved_section_moves_by_keyboard(student, section, record_property):
    took = move_every_control(student, section, "keyboard")
    record_property("milliseconds", statistics.median(took))


@pytest.mark.parametrize("section", ["5_cost_of_skipping"])
def test_the_first_control_of_each_laboratory_moves_by_keyboard(student, section):
    move_every_control(student, section, "keyboard", most=1)


@pytest.mark.long
@pytest.mark.parametrize("section", SECTIONS)
def test_every_control_of_a_solved_section_moves_by_mouse(student, section):
    move_every_control(student, section, "mouse")


@pytest.mark.parametrize("section", in_the_gate(SECTIONS, *SECTIONS[:2]))
def test_an_untouched_section_runs_to_its_last_cell_and_asks_for_predictions(student, section):
    student.open(f"{section}.ipynb")
    student.run_all()
    text = student.page.locator(".jp-Notebook").inner_text()
    assert "Commit to a prediction first" in text
    assert student.strange_messages() == []
    assert student.strange_requests() == [], "requests that leave this machine"
