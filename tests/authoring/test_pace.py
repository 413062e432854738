"""The model of minutes counts what it says it counts, and no section promises something else altogether."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course.authoring.pace import (
    MINUTES_A_LAB,
    MINUTES_A_POINT_BY_HAND,
    MINUTES_A_PREDICTION,
    MINUTES_A_QUESTION,
    MINUTES_A_QUIZ,
    MINUTES_A_SMALL_ANSWER,
    MINUTES_A_TESTS_CELL,
    MINUTES_TO_BEGIN,
    SECONDS_A_CODE_LINE,
    WORDS_A_MINUTE,
    WORDS_WRITTEN_A_MINUTE,
    Minutes,
    claimed_minutes,
    longest_reading,
    minutes_of,
    word_count,
)
from course.syllabus import load as load_syllabus

ROOT = Path(__file__).parents[2]
RELEASED = sorted((ROOT / "release").glob("*/*.ipynb"))


def notebook(*cells):
    return new_notebook(cells=list(cells))


def text(source, **nbgrader):
    return new_markdown_cell(source, metadata={"nbgrader": nbgrader} if nbgrader else {})


def code(source, tags=(), **nbgrader):
    return new_code_cell(source, metadata={"tags": list(tags)} | ({"nbgrader": nbgrader} if nbgrader else {}))


def answer(source, grade_id="make-it"):
    return code(source, grade=False, solution=True, grade_id=grade_id)


def check_cell(source="assert f()"):
    return code(source, grade=True, solution=False, points=1, grade_id="make-it-well")


PROSE = "word " * WORDS_A_MINUTE
FUNCTION = "def f():\n    raise NotImplementedError"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (text(PROSE), Minutes(1, 0, 0)),
        (text(f"<details><summary>Hint: look</summary>\n{PROSE}</details>"), Minutes(0, 0, 0)),
        (text(f"<details><summary>What you see</summary>\n{PROSE}</details>"), Minutes(0, MINUTES_A_QUESTION, 0)),
        (code("import os\n\nimport re\n"), Minutes(2 * SECONDS_A_CODE_LINE / 60, 0, 0)),
        (code("lab = MapLab()\nlab", ["lab"]), Minutes(0, MINUTES_A_LAB, 0)),
        (code('Quiz("?")', ["lab"]), Minutes(0, MINUTES_A_QUIZ, 0)),
        (code("accuracy_quiz()", ["lab"]), Minutes(0, MINUTES_A_QUIZ, 0)),
        (answer("prediction = ...", "x-prediction"), Minutes(0, MINUTES_A_PREDICTION, 0)),
        (answer("artefact = ..."), Minutes(0, 0, MINUTES_A_SMALL_ANSWER)),
        (check_cell(), Minutes(0, 0, 0)),
        (text("YOUR ANSWER HERE", grade=True, solution=True, points=4), Minutes(0, 0, 4 * MINUTES_A_POINT_BY_HAND)),
    ],
    ids=[
        "prose",
        "hint",
        "question",
        "code",
        "lab",
        "quiz",
        "packed quiz",
        "prediction",
        "small answer",
        "tests alone",
        "by hand",
    ],
)
def test_does_each_kind_of_cell_cost_what_the_model_says(cell, expected):
    assert minutes_of(notebook(cell)) == expected


def test_a_function_costs_its_beginning_its_contract_and_each_check_cell():
    once, twice = (minutes_of(notebook(answer(FUNCTION), *(check_cell() for _ in range(n)))).make for n in (1, 2))
    assert twice - once == pytest.approx(MINUTES_A_TESTS_CELL)
    assert once > MINUTES_TO_BEGIN + MINUTES_A_TESTS_CELL
    two = minutes_of(notebook(answer(f"{FUNCTION}\n\ndef g():\n    ...")))
    assert two.make > 2 * MINUTES_TO_BEGIN


def test_a_written_answer_costs_the_words_that_its_text_allows():
    by_hand = text("YOUR ANSWER HERE", grade=True, solution=True, points=4)
    asked, plain = text("Answer in at most 60 words."), text("Answer in as few of them as you can.")
    assert minutes_of(notebook(asked, by_hand)).make == 60 / WORDS_WRITTEN_A_MINUTE
    assert minutes_of(notebook(asked, plain, by_hand)).make == 4 * MINUTES_A_POINT_BY_HAND


def test_the_tests_cell_of_a_prediction_costs_nothing():
    prediction = answer("prediction = ...", "x-prediction")
    assert minutes_of(notebook(prediction, check_cell())) == minutes_of(notebook(prediction))


def test_what_stands_below_go_further_is_not_counted():
    core = [text(PROSE), answer(FUNCTION), check_cell()]
    extra = [
        text(f"## Reflect\nOne word.\n\n## Go further: more\n{PROSE}"),
        answer(FUNCTION),
        check_cell(),
        text(PROSE),
    ]
    assert minutes_of(notebook(*core, *extra)) == minutes_of(notebook(*core, text("## Reflect\nOne word.")))


def test_looking_changes_nothing():
    cell = text(f"## Go further\n{PROSE}")
    before = cell.source
    minutes_of(notebook(cell))
    assert cell.source == before


def test_more_cells_never_cost_less():
    cells = [text(PROSE), code("x = 1"), code("MapLab()", ["lab"]), answer(FUNCTION), check_cell(), answer("y = ...")]
    totals = [minutes_of(notebook(*cells[:n])).total for n in range(len(cells) + 1)]
    assert totals == sorted(totals) and totals[0] == 0


@pytest.mark.parametrize(
    ("line", "claimed"),
    [
        ("*Reading 5 minutes, playing 6, making 12.*", Minutes(5, 6, 12)),
        ("*Reading 1 minute, playing 6 minutes, making 12 minutes, writing 10 minutes.*", Minutes(1, 6, 22)),
        ("Soon done.", None),
    ],
)
def test_is_the_promise_read(line, claimed):
    assert claimed_minutes(notebook(text(f"# 1. Title\n\n{line}"))) == claimed


def test_a_notebook_without_cells_promises_and_costs_nothing():
    assert claimed_minutes(notebook()) is None
    assert minutes_of(notebook()) == Minutes(0, 0, 0)


def test_words_are_what_is_read():
    assert word_count("| **a** | 8 % | `b_c` |\n|---|---|---|\n\n&lt;x&gt; <code>y</code>, 1,203 re-told") == 7


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_does_a_section_promise_what_it_holds(path):
    """Within a fifth, and two minutes for rounding: the model is rough, and a promise of 12 that holds 30 is found."""
    section = nbformat.read(path, as_version=4)
    claimed, model = claimed_minutes(section), minutes_of(section)
    assert claimed is not None, "the first cell names no minutes to read, play and make"
    assert abs(claimed.total - model.total) <= 2 + model.total / 5, f"promised {claimed}, by the model {model}"


def test_lesson_1_takes_at_most_two_and_a_half_hours():
    """By the model; the syllabus says what the sections promise together."""
    sections = [nbformat.read(path, as_version=4) for path in RELEASED if path.parent.name == "01_what_is_mlops"]
    model = sum(minutes_of(section).total for section in sections)
    promised = sum(claimed_minutes(section).total for section in sections)
    assert model <= 150, f"expected at most 150 minutes, got {model:.1f}"
    assert abs(load_syllabus().unit(1).minutes - promised) <= 5, f"the sections promise {promised:.0f} minutes"


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_a_reader_has_something_to_do_at_least_every_five_minutes(path):
    minutes, heading = longest_reading(nbformat.read(path, as_version=4))
    assert minutes <= 5, f"{minutes:.1f} minutes of reading without an action, up to {heading!r}; at most 5"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([text(PROSE), text(PROSE), code("import os")], 2 + SECONDS_A_CODE_LINE / 60),
        ([text(PROSE), answer("prediction = ...", "a-prediction"), text(PROSE), text(PROSE)], 2),
        ([text(PROSE), code("XLab(1)", tags=["lab"]), text(PROSE)], 1),
        ([text(PROSE + "<details><summary>What you see</summary>\nx</details>"), text(PROSE)], 1),
        ([text(PROSE + "<details><summary>Hint: look</summary>\nx</details>"), text(PROSE)], 2),
        ([text("## Go further: more"), text(PROSE * 9)], 0),
    ],
)
def test_what_ends_a_stretch_of_reading(cells, expected):
    # Headings and folded summaries are words too: a tenth of a minute at most.
    assert longest_reading(notebook(*cells))[0] == pytest.approx(expected, abs=0.1)
