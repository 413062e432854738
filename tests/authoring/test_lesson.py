"""A lesson file with a fault is refused: one specimen for each way to be broken, and the words it must earn."""

from pathlib import Path

import pytest

from course.authoring.lesson import BadLesson, notebook_bytes, notebook_of, read_lesson, read_section

SOUND = '''\
# %% [markdown]
# # 1. A claim

# %%
import math

# %% role="answer" grade_id="half-it"
def half(x):
    """Return half of x."""
    ### BEGIN SOLUTION
    return x / 2
    ### END SOLUTION

# %% role="tests" grade_id="half-it-works" points=2 hint="Divide."
assert half(4) == 2, f"expected 2, got {half(4)}"
### BEGIN HIDDEN TESTS
assert half(9) == 4.5, f"expected 4.5, got {half(9)}"
### END HIDDEN TESTS

# %% [markdown] role="written" grade_id="half-memo" points=3
# Half of the cake each.
'''


def section(tmp_path: Path, text: str, name: str = "1_halves.py") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_sound_section_becomes_an_nbgrader_notebook(tmp_path):
    notebook = notebook_of(read_section(section(tmp_path, SOUND)))
    by_id = {c.metadata.nbgrader.grade_id: c.metadata.nbgrader for c in notebook.cells if "nbgrader" in c.metadata}
    assert by_id["half-it"].solution and not by_id["half-it"].grade
    assert by_id["half-it-works"].grade and by_id["half-it-works"].locked and by_id["half-it-works"].points == 2
    assert by_id["half-memo"].solution and by_id["half-memo"].grade and by_id["half-memo"].points == 3
    assert [c.id for c in notebook.cells if "nbgrader" in c.metadata] == ["half-it", "half-it-works", "half-memo"]


def test_the_same_section_becomes_the_same_bytes(tmp_path):
    path = section(tmp_path, SOUND)
    assert notebook_bytes(notebook_of(read_section(path))) == notebook_bytes(notebook_of(read_section(path)))


def edited(*replacements: tuple[str, str]) -> str:
    text = SOUND
    for old, new in replacements:
        assert old in text, f"the specimen has no {old!r}"
        text = text.replace(old, new, 1)
    return text


TESTS_MARKER = '# %% role="tests" grade_id="half-it-works" points=2 hint="Divide."'
BROKEN = {
    "markdown after the keys": (
        edited(('# %% [markdown] role="written" grade_id', '# %% role="written" [markdown] grade_id')),
        "silently becomes a code cell",
    ),
    "a title in the marker": (edited(("# %%\nimport", "# %% Set-up\nimport")), "is not one"),
    "an unknown role": (edited(('role="answer"', 'role="solution"')), "there is no role 'solution'"),
    "an unknown key": (edited(("points=2", "point=2")), "a tests cell has point"),
    "points on an answer": (edited(('"half-it"', '"half-it" points=2')), "an answer cell has points"),
    "a key given twice": (edited(("points=2", "points=2 points=3")), "gives a key twice"),
    "keys without a role": (edited(("# %%\nimport", '# %% grade_id="set-up"\nimport')), "a cell without a role"),
    "no grade id": (edited((' grade_id="half-it"', "")), "it has no grade_id"),
    "a grade id in capitals": (edited(('"half-it"', '"Half_It"')), "kebab-case"),
    "a grade id used twice": (edited(('"half-memo"', '"half-it"')), "has this grade_id too"),
    "no points": (edited((" points=2", "")), "points=None"),
    "no points for hidden tests": (edited(("points=2", "points=0")), "hides tests and gives no points"),
    "points that are a text": (edited(("points=2", 'points="2"')), "points='2'"),
    "an answer without a region": (
        edited(("    ### BEGIN SOLUTION\n", ""), ("    ### END SOLUTION\n", "")),
        "it has no solution region",
    ),
    "a region never closed": (edited(("    ### END SOLUTION\n", "")), "is never closed"),
    "a region closed before it opens": (
        edited(("### BEGIN SOLUTION", "### END SOLUTION")),
        "stands where it cannot",
    ),
    "a solution in set-up": (
        edited(("import math", "### BEGIN SOLUTION\nimport math\n### END SOLUTION")),
        "does not belong here",
    ),
    "hidden tests in an answer": (
        edited(("BEGIN SOLUTION", "BEGIN HIDDEN TESTS"), ("END SOLUTION", "END HIDDEN TESTS")),
        "does not belong here",
    ),
    "a delimiter in prose": (
        edited(("# # 1. A claim", "# # 1. A claim\n# Never write BEGIN HIDDEN TESTS.")),
        "never stand in prose",
    ),
    "a delimiter written another way": (edited(("### BEGIN SOLUTION", "# BEGIN SOLUTION")), "does not belong here"),
    "lines after the hidden tests": (
        edited(("### END HIDDEN TESTS", "### END HIDDEN TESTS\nprint('done')")),
        "lines follow its hidden region",
    ),
    "hidden tests without a hint": (edited((' hint="Divide."', "")), "hides tests and has no hint"),
    "an assert without a message": (edited((', f"expected 2, got {half(4)}"', "")), "has no message"),
    "a hidden assert without a message": (edited((', f"expected 4.5, got {half(9)}"', "")), "has no message"),
    "tests of nobody's answer": (
        edited(
            ("half(4) == 2", "2 == 2"),
            ("got {half(4)}", "got 2"),
            ("half(9) == 4.5", "4.5 == 4.5"),
            ("got {half(9)}", "got 4.5"),
        ),
        "uses no name that an answer cell binds",
    ),
    "code that does not compile": (edited(("import math", "import math as")), "does not compile"),
    "code that does not compile once it is cut": (
        edited(
            (
                "    ### BEGIN SOLUTION\n    return x / 2\n    ### END SOLUTION",
                "    if x:\n    ### BEGIN SOLUTION\n        return x / 2\n    ### END SOLUTION\n"
                "    else:\n        y = [1",
            )
        ),
        "does not compile",
    ),
    "a magic in set-up": (edited(("import math", "%matplotlib inline")), "it has a magic"),
    "a stub and a region": (edited(('"half-it"', '"half-it" stub="half = ..."')), "both a stub and a solution region"),
    "a tests cell that is text": (
        edited((TESTS_MARKER, TESTS_MARKER.replace("# %%", "# %% [markdown]"))),
        "it is text",
    ),
    "an empty cell": (edited(("# %%\nimport math", "# %%\n\n# %%\nimport math")), "the cell is empty"),
    "words before the first marker": ("print('hello')\n" + SOUND, "put nothing before it"),
}


@pytest.mark.parametrize("specimen", BROKEN)
def test_is_a_broken_section_refused_with_file_cell_and_mend(tmp_path, specimen):
    text, words = BROKEN[specimen]
    with pytest.raises(BadLesson) as refused:
        read_section(section(tmp_path, text))
    message = str(refused.value)
    assert words in message, message
    assert "1_halves.py, line " in message, message


def test_a_section_file_needs_a_section_name(tmp_path):
    with pytest.raises(BadLesson, match=r"K_words_like_this\.py"):
        read_section(section(tmp_path, SOUND, "halves.py"))


def test_latin_1_is_refused_with_a_reason(tmp_path):
    path = tmp_path / "1_halves.py"
    path.write_bytes("# %% [markdown]\n# # 1. Caf\u00e9\n".encode("latin-1"))
    with pytest.raises(BadLesson, match="not UTF-8"):
        read_section(path)


def test_every_problem_of_a_lesson_is_told_at_once(tmp_path):
    lesson = tmp_path / "01_halves"
    lesson.mkdir()
    section(lesson, edited((" points=2", "")), "1_halves.py")
    section(lesson, edited(('role="answer"', 'role="solution"')), "2_thirds.py")
    with pytest.raises(BadLesson) as refused:
        read_lesson(lesson)
    assert "points=None" in str(refused.value) and "there is no role" in str(refused.value)


def test_two_sections_cannot_share_a_grade_id(tmp_path):
    lesson = tmp_path / "01_halves"
    lesson.mkdir()
    section(lesson, SOUND, "1_halves.py")
    section(lesson, SOUND, "2_thirds.py")
    with pytest.raises(BadLesson, match=r"1_halves\.py has this grade_id too"):
        read_lesson(lesson)


def test_a_notebook_among_the_lesson_files_is_refused(tmp_path):
    lesson = tmp_path / "01_halves"
    lesson.mkdir()
    section(lesson, SOUND)
    (lesson / "1_halves.ipynb").write_text("{}")
    with pytest.raises(BadLesson, match="holds notebooks"):
        read_lesson(lesson)


def test_a_missing_lesson_is_named_with_those_that_exist(tmp_path):
    (tmp_path / "01_halves").mkdir()
    with pytest.raises(BadLesson, match="there are: 01_halves"):
        read_lesson(tmp_path / "02_thirds")
