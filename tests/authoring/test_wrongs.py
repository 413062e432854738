"""Does a file of planted mistakes say what is wrong with it, cell by cell?"""

import pytest

from course.authoring.rehearsal import Step
from course.authoring.wrongs import BadWrongs, read_wrongs, stray_files

STEPS = [
    Step("half", "answer", "def half(n):\n    ### BEGIN SOLUTION\n    return n // 2\n    ### END SOLUTION"),
    Step("plan", "written", "plan = {'who': 'us'}"),
    Step("half-works", "tests", "assert half(2) == 1, 'no'", 1),
    Step("half-is-whole", "tests", "assert half(3) == 1, 'no'", 1),
]
SOUND = """# %% wrong="divides" replaces="half" loses="half-works half-is-whole" demo=true
# The other division,
# as in another language.
def half(n):
    return n / 2

# %% equivalent="same-thing" replaces="half"
# Nobody can tell.
# - return n // 2
# + return n >> 1
"""


@pytest.fixture
def read(tmp_path):
    def write_and_read(text):
        path = tmp_path / "1_halves.py"
        path.write_text(text, encoding="utf-8")
        return read_wrongs(path, STEPS)

    return write_and_read


def test_a_sound_file_is_read(read):
    planted = read(SOUND)
    [wrong], [equivalent] = planted.wrongs, planted.equivalents
    assert wrong.loses == {"half-works", "half-is-whole"} and wrong.demo and planted.of("half") == [wrong]
    assert wrong.why == "The other division, as in another language."
    assert wrong.source.startswith("# The other") and wrong.source.endswith("return n / 2")
    assert (equivalent.before, equivalent.after) == ("return n // 2", "return n >> 1")
    assert equivalent.why == "Nobody can tell."


def test_a_section_without_a_file_has_no_mistakes(tmp_path):
    assert read_wrongs(tmp_path / "1_none.py", STEPS).wrongs == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("# %% wrong=", "x = 1\n# %% wrong="), "line 1: text before the first marker"),
        (("# %% wrong=", "# %%wrong="), "line 1: the marker '# %%wrong="),
        (("# %% wrong=", "# %% [markdown] wrong="), "line 1: the marker '# %% [markdown] wrong="),
        (('wrong="divides"', 'mistake="divides"'), "the marker has the keys mistake, replaces, loses, demo"),
        (("loses=", "looses="), "'divides': the marker has the keys wrong, replaces, looses, demo"),
        (('"divides"', '"Divides it"'), "'Divides it': its name is not in kebab-case"),
        (('"same-thing"', '"divides"'), "line 7, 'divides': the cell in line 1 has this name too"),
        (('replaces="half" loses', 'replaces="halve" loses'), "it replaces 'halve', which is no answer cell"),
        (('replaces="half" loses', 'replaces="half-works" loses'), "the answer cells are half, plan"),
        ((' loses="half-works half-is-whole"', ""), "'divides': it loses nothing"),
        (("half-is-whole", "half-is-hole"), "it loses half-is-hole, no tests cell of this section"),
        (("demo=true", "demo=1"), "demo=1; write demo=true"),
        (("return n / 2", "return n /"), "it does not compile: invalid syntax at its line 4"),
        (("def half(n):", "def halve(n):"), "it does not bind half, as the answer cell does"),
        (("# The other division,\n# as in another language.\n", ""), "it does not say what the mistake is"),
        (("# Nobody can tell.\n", ""), "'same-thing': it does not say what the mistake is"),
        (("# + return n >> 1\n", ""), "'same-thing': it does not name one mutant"),
    ],
)
def test_every_error_names_the_cell_and_the_mend(read, change, message):
    assert change[0] in SOUND
    with pytest.raises(BadWrongs) as caught:
        read(SOUND.replace(*change))
    assert message in str(caught.value) and "1_halves.py" in str(caught.value)


def test_all_errors_of_a_file_are_told_at_once(read):
    with pytest.raises(BadWrongs, match=r"2 problem\(s\)"):
        read(SOUND.replace('replaces="half"', 'replaces="third"'))


def test_files_of_no_section_are_named(tmp_path):
    (tmp_path / "wrong").mkdir()
    for name in ("1_halves.py", "1_halfs.py"):
        (tmp_path / "wrong" / name).touch()
    assert stray_files(tmp_path, ["1_halves"]) == ["1_halfs.py"]
