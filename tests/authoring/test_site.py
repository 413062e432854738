"""The static web edition: what its pages hold, and what its build refuses."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from types import MappingProxyType

import ipywidgets as widgets
import nbformat
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from course.authoring.gallery import every_lab
from course.authoring.site import checks
from course.authoring.site.building import markdown_files, shown_by
from course.authoring.site.command import leaks_in
from course.authoring.site.forms import explorable_html
from course.authoring.site.pages import read_section
from course.authoring.site.predictions import fields_html, kind_of
from course.authoring.site.states import compute, controls_of, fill, packed, states_of
from course.display import new_figure, table_texts
from course.errors import CourseError
from course.labs.canvas import draw_on_canvas
from course.labs.lab import Lab, movable
from course.labs.what_is_mlops.funnel import FunnelLab
from course.labs.what_is_mlops.kill_switch import KillSwitchLab
from course.predict import Among, Between
from course.syllabus import load

LESSON = "01_what_is_mlops"
SECTION = "0_start_here"


class ScaleLab(Lab):
    """A small laboratory: a number, a switch, a word."""

    title = "A scale <&>"
    question = Between(0, 10, "kilograms")
    web = movable(load=(0, 2), doubled=...)

    def make_controls(self):
        return {
            "load": widgets.IntSlider(value=0, min=0, max=4, description="Load"),
            "doubled": widgets.Checkbox(value=True, description="Doubled"),
            "unit": widgets.Dropdown(options=["kg", "lb"], description="Unit"),
        }

    def simulate(self, load, doubled, unit):
        return pd.DataFrame({"weight": [load * (1 + doubled)], "unit": [unit]})

    def describe(self, table, guess):
        said = f"It shows {table['weight'].iloc[0]} {table['unit'].iloc[0]}."
        return said if guess is None else f"{said} You guessed {guess:g}."

    def draw(self, table, guess):
        figure, (ax,) = new_figure(2, 1)
        ax.barh([0], table["weight"])
        return figure


def variant(**parts) -> type[Lab]:
    return type("VariantLab", (ScaleLab,), parts)


# ---- what a laboratory declares -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("web", "complaint"),
    [
        (movable(lode=...), r"names \['lode'\]; its controls are \['doubled', 'load', 'unit'\]"),
        (movable(load=(0, 7)), r"load cannot be \[7\]; it can be \[0, 1, 2, 3, 4\]"),
        (movable(unit=("lb",)), "the values of unit lack its default, 'kg'"),
    ],
)
def test_a_declaration_that_does_not_fit_the_controls_is_refused(web, complaint):
    with pytest.raises(CourseError, match=complaint):
        controls_of(variant(web=web))


def test_more_states_than_a_page_has_room_for_are_refused():
    lab = variant(
        web=movable(load=...),
        make_controls=lambda self: {"load": widgets.IntSlider(value=0, min=0, max=200, description="Load")},
    )
    with pytest.raises(CourseError, match="asks for 201 states; a page has room for 200"):
        controls_of(lab)


@pytest.mark.parametrize("lab", every_lab(), ids=lambda lab: lab.__name__)
def test_every_laboratory_can_be_moved_on_its_page_or_says_why_not(lab):
    assert lab.web is None or controls_of(lab), "declare in `web` which controls a page moves"


def test_every_value_and_every_combination_becomes_a_state():
    explorable = compute([ScaleLab])[ScaleLab]
    assert [control.kind for control in explorable.controls] == ["range", "checkbox"]
    said = {key: state.sentence for key, state in explorable.states.items()}
    assert said == {
        (0, 0): "It shows 0 kg.", (0, 1): "It shows 0 kg.", (1, 0): "It shows 2 kg.", (1, 1): "It shows 4 kg.",
    }  # fmt: skip
    assert explorable.start == (0, 1), "the laboratory opens at 0, doubled"


def test_a_quick_build_keeps_the_default_and_moves_two_controls():
    for lab in every_lab():
        if lab.web:
            controls, whole = controls_of(lab, 2), controls_of(lab)
            assert len(controls) == min(2, len(whole)) and all(len(control.values) == 2 for control in controls)
            assert [c.texts[c.start] for c in controls] == [c.texts[c.start] for c in whole[:2]]


# ---- what a state shows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [FunnelLab, KillSwitchLab], ids=lambda lab: lab.__name__)
def test_a_page_shows_what_the_laboratory_shows(kind):
    controls = controls_of(kind)
    key = tuple(len(control.values) - 1 for control in controls)
    (state,) = states_of(kind, controls, [key])
    lab = kind(kind.question.example) if kind.question else kind()
    for control in controls:
        lab.controls[control.name].value = control.values[-1]  # noqa: PD011
    assert state.sentence == lab.describe(lab.table, None)
    assert state.table == table_texts(lab.numbers(lab.table), lab.caption)
    if kind.question is None:
        assert state.sentence == lab.sentence


def test_a_packed_picture_is_the_picture(tmp_path):
    lab = FunnelLab(FunnelLab.question.example)
    figure = lab.draw(lab.table, None)
    data, size = packed(figure)
    (tmp_path / "p.webp").write_bytes(data)
    shown = np.asarray(Image.open(tmp_path / "p.webp").convert("RGB"), float)
    (width, height), pixels = draw_on_canvas(figure)
    drawn = np.frombuffer(pixels, np.uint8).reshape(height, width, 4)[..., :3]
    assert size == (width, height) and shown.shape == drawn.shape
    assert np.abs(shown - drawn).mean() < 0.5, "of 255: a reader sees no difference"


def test_a_guess_goes_into_the_sentence_as_the_laboratory_writes_it():
    (state,) = states_of(ScaleLab, controls_of(ScaleLab), [(1, 1)])
    assert fill(state.guessed, [2.5]) == "It shows 4 kg. You guessed 2.5."


def test_a_guess_that_python_must_compute_with_is_left_out():
    lab = variant(describe=lambda self, table, guess: "Hm." if guess is None else f"You are {guess - 1:g} off.")
    (state,) = states_of(lab, controls_of(lab), [(0, 0)])
    assert state.sentence == "Hm." and state.guessed is None


def test_a_choice_gets_its_own_sentence():
    lab = variant(
        question=Among(["up", "down"]),
        describe=lambda self, table, guess: "It rose." if guess is None else f"It rose; you said {guess}.",
    )
    (state,) = states_of(lab, controls_of(lab), [(0, 0)])
    assert state.guessed == {"up": "It rose; you said up.", "down": "It rose; you said down."}


@pytest.mark.long
@pytest.mark.parametrize("lab", [lab for lab in every_lab() if lab.question], ids=lambda lab: lab.__name__)
def test_some_state_of_every_laboratory_takes_the_guess_up(lab):
    assert any(state.guessed for state in compute([lab], jobs=1)[lab].states.values())


def test_a_silent_laboratory_is_refused():
    lab = variant(describe=lambda self, table, guess: " ")
    with pytest.raises(CourseError, match="says nothing"):
        states_of(lab, controls_of(lab), [(0, 0)])


def test_a_laboratory_is_written_so_that_nothing_in_it_ends_its_element():
    lab = variant(describe=lambda self, table, guess: 'A "</script><b>" in words.')
    page = explorable_html(compute([lab])[lab], "../_static/states/")
    assert page.count("</script>") == 2, "one that begins it, one with its states"
    assert "<b>" not in page and "A scale &lt;&amp;&gt;" in page
    states = json.loads(re.search(r'<script type="application/json">(.*)</script>', page)[1])
    assert states["states"]["0,0"][1] == 'A "</script><b>" in words.'


def test_a_laboratory_says_on_its_page_what_only_the_notebook_moves():
    page = explorable_html(compute([ScaleLab])[ScaleLab], "")
    said = "Only the notebook can set: Unit. Only the notebook has every value of: Load."
    assert said in page and page.index(said) < page.index('<div class="controls">'), (
        "before the controls that it speaks of"
    )
    still = variant(web=MappingProxyType({}))
    page = explorable_html(compute([still])[still], "")
    assert "This is how the laboratory opens; its controls move only in the notebook." in page and "<img" in page


def test_a_laboratory_that_speaks_of_its_machine_shows_nothing_of_the_one_that_built_the_page():
    lab = variant(web=None, question=None)()
    page = shown_by({})(lab, False, "x")
    assert "<img" not in page and "Run the lesson yourself" in page


def test_a_kind_of_prediction_without_a_form_is_named():
    for give in (lambda question: fields_html(question, "x"), kind_of):
        with pytest.raises(CourseError, match="predictions of the kind dict"):
            give({})


# ---- what a page holds ----------------------------------------------------------------------------------------


def notebook_of(*cells) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=list(cells))


def lab_cell(source: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_code_cell(source, metadata={"tags": ["lab"]})


TITLE = nbformat.v4.new_markdown_cell("# A title")


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ([nbformat.v4.new_markdown_cell("no title")], "should begin with the section's title"),
        ([TITLE, lab_cell("XLab(prediction)")], "cannot be shown on a page .*NameError"),
        ([TITLE, lab_cell("3")], "shows a int; a page takes laboratories, quizzes and films"),
    ],
)
def test_a_notebook_that_is_no_page_is_refused(cells, complaint):
    with pytest.raises(CourseError, match=complaint):
        read_section("x", notebook_of(*cells))


def test_every_release_notebook_is_a_page_with_all_its_text(root):
    for path in sorted((root / "release" / LESSON).glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        section = read_section(path.stem, notebook)
        text = "\n".join(part for part in section.parts if isinstance(part, str))
        for cell in notebook.cells:
            assert "lab" in cell.metadata.get("tags", []) or cell.source in text, f"{path.stem} lacks: {cell.source}"


def test_the_roadmap_has_every_unit_with_its_state_and_leads_to_what_is_ready():
    text = markdown_files(load(), {LESSON: []}, {})["roadmap.md"]
    rows = re.findall(r"^\| (.+?) \| (ready|planned) \|", text, re.MULTILINE)
    assert len(rows) == 44
    assert rows[0] == (f"[1. What Is MLOps and Why It Matters]({LESSON}/index.md)", "ready")
    assert len(re.findall(r"^## \d\. ", text, re.MULTILINE)) == 8


def test_the_site_holds_every_page_and_no_answer(quick_site):
    pages = {path.relative_to(quick_site).as_posix() for path in quick_site.rglob("*.html")}
    sections = {f"{LESSON}/{path.stem}.html" for path in (quick_site / LESSON).glob("[0-9]_*.html")}
    assert len(sections) == 8
    assert pages == sections | {f"{LESSON}/index.html", "index.html", "roadmap.html", "run.html", "search.html"}
    everything = "".join(path.read_text(encoding="utf-8") for path in quick_site.rglob("*.html"))
    assert "BEGIN SOLUTION" not in everything and "HIDDEN TESTS" not in everything
    assert everything.count('class="explorable"') == len(every_lab())


# ---- what is checked of the built pages -----------------------------------------------------------------------

GOOD = b'<p id="here"><a href="b.html#there">b</a><img src="d.png" alt="d"></p>'
OTHER = {"b.html": b'<p id="there"></p>', "d.png": b"d"}


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        (GOOD, None),
        (b'<a href="c.html">c</a>', "the link 'c.html' leads to no file"),
        (b'<a href="b.html#nowhere">b</a>', "the link 'b.html#nowhere' leads to no place on b.html"),
        (b'<a href="#nowhere">b</a>', "the link '#nowhere' leads to no place on a.html"),
        (b'<script src="https://cdn.example/x.js"></script>', "it would load https://cdn.example/x.js"),
        (b'<link rel="stylesheet" href="//fonts.example/x.css">', "it would load //fonts.example/x.css"),
        (b'<img src="d.png" alt=" ">', "the picture d.png has no words"),
        (b'<img src="e.png" alt="e">', "the link 'e.png' leads to no file"),
        (b'<a href="https://example.org/">elsewhere, if the reader wants</a>', None),
    ],
)
def test_a_fault_of_a_page_is_found_and_named(page, complaint):
    found = checks.problems_of({"a.html": page, **OTHER}, {})
    assert (found == []) if complaint is None else (len(found) == 1 and complaint in found[0]), found


def test_a_stylesheet_that_loads_from_elsewhere_is_found():
    found = checks.problems_of({"a.css": b"@font-face{src:url(https://fonts.example/a.woff)} b{src:url(data:x)}"}, {})
    assert found == ["a.css: it would load https://fonts.example/a.woff"]


def test_a_page_is_weighed_with_every_picture_that_it_may_come_to_show():
    files = {"a.html": GOOD, **OTHER, "s.webp": b"0" * checks.MOST_BYTES}
    assert checks.problems_of(files, {}) == []
    (found,) = checks.problems_of(files, {"a.html": {"s.webp"}})
    assert "it weighs 3.00 MB with all its states" in found and "declare fewer values" in found


# ---- the command ----------------------------------------------------------------------------------------------


@pytest.fixture
def one_section(root, tmp_path):
    """A course of one section, whose laboratory is quick."""
    for tree in ("release", "source"):
        (tmp_path / tree / LESSON).mkdir(parents=True)
        shutil.copy(root / tree / LESSON / f"{SECTION}.ipynb", tmp_path / tree / LESSON)
    return tmp_path


def site(folder, out="site"):
    command = [sys.executable, "-m", "course.cli", "site", "--jobs", "1", "--root", folder, "--out", folder / out]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def add_to_release(folder, text: str) -> None:
    path = folder / "release" / LESSON / f"{SECTION}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_markdown_cell(text, id="added"))
    nbformat.write(notebook, path)


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def solution_of(folder) -> str:
    notebook = nbformat.read(folder / "source" / LESSON / f"{SECTION}.ipynb", as_version=4)
    return next(
        found[1]
        for cell in notebook.cells
        if (found := re.search(r"### BEGIN SOLUTION\n(.*?)\s*### END SOLUTION", cell.source, re.DOTALL))
        and "prediction" not in cell.source
    )


def test_an_answer_on_a_page_is_refused_and_the_old_site_stays(one_section):
    (one_section / "site").mkdir()
    (one_section / "site" / "searchindex.js").write_text("an older site")
    before = digests(one_section / "site")
    add_to_release(one_section, f"```python\n{solution_of(one_section)}\n```")
    done = site(one_section)
    assert done.returncode == 1 and "the solution of start-worst-step" in done.stdout, done.stdout + done.stderr
    assert digests(one_section / "site") == before


@pytest.mark.parametrize(
    "link",
    [
        '<a href="gone.html">gone</a>',
        pytest.param("[gone](gone.md)", marks=pytest.mark.long),
        pytest.param("[gone](#gone)", marks=pytest.mark.long),
    ],
)
def test_a_dead_link_is_refused(one_section, link):
    add_to_release(one_section, link)
    done = site(one_section)
    assert done.returncode in (1, 2) and "gone" in done.stdout + done.stderr
    assert not (one_section / "site").exists()


@pytest.mark.long
def test_the_same_sources_give_the_same_bytes(one_section):
    for out in ("one", "two"):
        done = site(one_section, out)
        assert done.returncode == 0, done.stdout + done.stderr
    assert digests(one_section / "one") == digests(one_section / "two")


def test_a_folder_with_something_else_in_it_is_left_alone(one_section):
    (one_section / "site").mkdir()
    (one_section / "site" / "thesis.txt").write_text("years of work")
    done = site(one_section)
    assert done.returncode == 2 and "holds something else than a site" in done.stderr
    assert (one_section / "site" / "thesis.txt").exists()


def test_without_a_source_to_look_for_answers_with_nothing_is_built(tmp_path):
    with pytest.raises(CourseError, match="to look for answers with"):
        leaks_in({}, tmp_path / "source")
