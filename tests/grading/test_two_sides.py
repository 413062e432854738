"""Ordinary tests cells work across the wall, and nothing that a student's side says is believed."""

import builtins
import contextlib
import io
import os
import tempfile
from pathlib import Path

import pytest
from idioms import FORGERIES, IDIOMS

from course.grading.grader import grade_notebook
from course.grading.names import bound_names, imports_of
from course.grading.records import Cell, Limits, Rebuilt
from course.grading.sandbox import choose_level

LEVEL = choose_level(None, trust=True)


def rebuilt(*cells: Cell, reference: str | None = None) -> Rebuilt:
    """As rebuilt from a notebook whose reference answers bind what `reference`, or else the answers, bind."""
    answers = [reference] if reference is not None else [cell.source for cell in cells if cell.role == "answer"]
    imports = tuple(line for answer in answers for line in imports_of(answer))
    names = frozenset().union(*map(bound_names, answers)) - bound_names("\n".join(imports))
    return Rebuilt("hw", cells, {}, names, imports)


def verdict(set_up: str, answer: str, tests: str, seconds: float = 20, reference: str | None = None):
    cells = Cell("set-up 1", "set-up", set_up), Cell("a", "answer", answer), Cell("t", "tests", tests, points=2)
    found = grade_notebook(rebuilt(*cells, reference=reference), limits=Limits(cell_seconds=seconds), level=LEVEL)
    return found.cells["t"]


def in_process(idiom, answer):
    """Whether the tests pass where everything runs in one process, as a plain kernel does."""
    import ast
    import asyncio
    import random
    import types

    import numpy as np

    if "getsource" in idiom.tests or "patch(" in idiom.tests or "await" in idiom.tests:
        return None  # not in a bare exec
    names = {"__name__": "__main__", "__builtins__": builtins}
    here, dice = Path.cwd(), (random.getstate(), np.random.get_state())
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(folder)
        try:
            for source in (idiom.set_up, answer, idiom.tests):
                code = compile(source, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                got = types.FunctionType(code, names)()
                if asyncio.iscoroutine(got):
                    asyncio.run(got)
            return True
        except Exception:
            return False
        finally:
            os.chdir(here)
            random.setstate(dice[0])
            np.random.set_state(dice[1])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("idiom", IDIOMS, ids=lambda idiom: idiom.name)
def test_does_an_idiom_judge_as_it_does_in_one_process(idiom):
    right, wrong = (
        verdict(idiom.set_up, answer, idiom.tests, reference=idiom.right) for answer in (idiom.right, idiom.wrong)
    )
    assert (right.state, right.score) == ("passed", 2), f"the right answer: {right.state}, {right.message}"
    assert (wrong.state, wrong.score) == ("failed", 0), f"the wrong answer: {wrong.state}, {wrong.message}"
    assert in_process(idiom, idiom.right) in (True, None), "the idiom itself does not pass in one process"
    assert in_process(idiom, idiom.wrong) in (False, None), "the idiom itself does not fail in one process"


@pytest.mark.parametrize("name", FORGERIES)
def test_does_a_forgery_earn_nothing(name):
    answer, tests = FORGERIES[name]
    found = verdict("", answer, tests, reference="def f(v): ...")
    assert (found.state != "passed", found.score) == (True, 0), f"{found.state}: {found.score} points"


def grade(*cells, **limits):
    return grade_notebook(rebuilt(*cells), limits=Limits(**limits), level=LEVEL)


PASSES = Cell("later", "tests", "assert f(1) == 2", points=1)
F = Cell("f", "answer", "def f(v): return v + 1")


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        ("import os\nos._exit(0)", "died", "ended the whole process"),
        ("while True: pass", "hung", "longer than"),
        ("import ctypes\nctypes.string_at(0)", "died", "ended the whole process"),
        ("1 / 0", "failed", "ZeroDivisionError"),
        ("def g(:", "failed", "SyntaxError"),
        ("input('name?')", "failed", "nobody is there"),
        ("b = bytearray(10**12)", "failed", "MemoryError"),
    ],
)
def test_does_a_broken_cell_cost_itself_only(answer, state, words):
    found = grade(F, Cell("broken", "added", answer), PASSES, cell_seconds=2).cells
    assert (found["broken"].state, found["later"].state) == (state, "passed"), found
    assert words in found["broken"].message


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ("while True: pass", "hung"),
        ("import os; os._exit(1)", "died"),
        ("import os; os.kill(os.getppid(), 19)", "failed"),
    ],
)
def test_does_a_call_that_ends_or_hangs_cost_its_tests_cell_only(body, state):
    broken = Cell("g", "answer", f"def g():\n    {body}\n    return 0")
    found = grade(F, broken, Cell("asks", "tests", "assert g() == 1", points=1), PASSES, cell_seconds=2).cells
    assert found["asks"].score == 0 and found["asks"].state in (state, "died", "unseen")
    assert found["later"].score in ((1,) if state != "failed" else (0, 1))


def test_does_a_tests_cell_meet_a_copy_that_later_cells_do_not_see():
    keeps = Cell("a", "answer", "seen = []\ndef f(v):\n    seen.append(v)\n    return len(seen)")
    first, second = (
        Cell(n, "tests", "assert seen == []\nassert f('secret') == 1 and seen == ['secret']", points=1)
        for n in ("one", "two")
    )
    prints = Cell("p", "added", "print(seen)")
    found = grade(keeps, first, prints, second).cells
    assert [found[name].score for name in ("one", "two")] == [1, 1]
    assert found["p"].outputs[0]["text"] == "[]\n", "a hidden input was seen by a later cell"


COUNTS = Cell("c", "added", "import os\nmade = []\nos.register_at_fork(before=lambda: made.append(1))")


@pytest.mark.parametrize(
    ("tests", "copies"),
    [
        ("assert x == 3", 0),
        ("assert globals()['x'] == 3 and word == 'three'", 0),
        ("pass", 0),
        ("assert x == 3 and f(1) == 2", 1),
        ("assert f(1) == 2", 1),
        ("assert numbers == [1, 2]", 1),
        ("import subprocess\nassert subprocess.run(['true']).returncode == 0", 1),
    ],
)
def test_is_a_copy_made_only_for_tests_that_look_at_more_than_plain_values(tests, copies):
    plain = Cell("x", "answer", "x, word, numbers = 3, 'three', [1, 2]")
    prints = Cell("p", "added", "print(len(made))")
    found = grade(F, plain, COUNTS, Cell("asks", "tests", tests, points=1), prints, PASSES).cells
    assert (found["asks"].score, found["later"].score) == (1, 1), found["asks"].message
    assert found["p"].outputs[0]["text"] == f"{copies}\n"


def test_does_what_tests_wrote_and_drew_stay_out_of_the_process_that_runs_cells():
    first = Cell(
        "one", "tests", "import random\nfrom pathlib import Path\nrandom.seed(5)\nPath('hidden').write_text('secret')",
        points=1,
    )  # fmt: skip
    second = Cell("two", "tests", "assert x == 3", points=1)
    plain = Cell("x", "answer", "import random\nx = 3\nrandom.seed(1)\nexpected = random.Random(1).random()")
    prints = Cell("p", "added", "import os\nprint(os.path.exists('hidden'), random.random() == expected)")
    found = grade(plain, first, second, prints).cells
    assert [found[name].score for name in ("one", "two")] == [1, 1]
    assert found["p"].outputs[0]["text"] == "False True\n"


def test_does_a_file_of_the_students_reach_tests_that_ask_for_a_plain_value():
    writes = Cell("x", "answer", "from pathlib import Path\nx = 'made'\nPath(x).write_text('3')")
    # This one cannot be stopped: its process is ended, and with it what it was given.
    hangs = Cell("hangs", "tests", "while x:\n  try:\n    while x: pass\n  except BaseException: pass", points=1)
    reads = Cell("asks", "tests", "from pathlib import Path\nassert Path(x).read_text() == '3'", points=1)
    found = grade(writes, hangs, reads, cell_seconds=1).cells
    assert (found["hangs"].state, found["asks"].score) == ("hung", 1), found["asks"].message


@pytest.mark.parametrize("looks", ["assert x == 3", "assert f is not None"])
def test_does_looking_at_a_name_leave_the_dice_of_the_tests_alone(looks):
    seeds = Cell("s", "set-up", "import random\nrandom.seed(5)")
    plain = Cell("x", "answer", "x = 3\ndef f(): pass")
    draws = Cell("asks", "tests", f"{looks}\nassert random.random() == random.Random(5).random()", points=1)
    assert grade(seeds, plain, draws).cells["asks"].score == 1


def test_does_a_last_value_give_part_of_the_points():
    scores = {"1.5": 1.5, "7": 2, "float('nan')": 0, "-1": 0, "'words'": 2, "f": 2, "print(3)": 2}
    cells = [Cell(value, "tests", f"assert f(1) == 2\n{value}", points=2) for value in scores]
    found = grade(F, *cells).cells
    assert {name: result.score for name, result in found.items() if name != "f"} | {"f": found["f"].score} is not None
    assert {value: found[value].score for value in scores if value != "f"} == {
        k: v for k, v in scores.items() if k != "f"
    }


def test_do_tests_that_loop_on_what_a_student_returns_end():
    endless = Cell("g", "answer", "def g():\n    while True: yield 0")
    swallows = "while True:\n    try:\n        list(g())\n    except Exception: pass"
    found = grade(F, endless, Cell("asks", "tests", swallows, points=1), PASSES, cell_seconds=2).cells
    assert (found["asks"].state, found["asks"].score, found["later"].score) == ("hung", 0, 1)


def test_is_a_notebook_ended_when_its_time_is_used_up():
    slow = [Cell(f"s{n}", "added", "import time\ntime.sleep(1)") for n in range(4)]
    found = grade(F, *slow, PASSES, cell_seconds=5, notebook_seconds=2).cells
    assert found["later"].state == "unseen" and found["later"].score == 0
    assert "time" in found["later"].message


def test_do_outputs_hold_no_markup():
    shows = Cell(
        "s",
        "added",
        "from IPython.display import HTML, Javascript, display\ndisplay(HTML('<script>1</script>'))\nHTML('<b>x</b>')",
    )
    kinds = {kind for output in grade(shows).cells["s"].outputs for kind in output.get("data", {})}
    assert kinds == {"text/plain"}


def test_is_a_picture_kept():
    draws = Cell("s", "added", "import matplotlib.pyplot as plt\nplt.plot([1, 2])")
    assert any("image/png" in output.get("data", {}) for output in grade(draws).cells["s"].outputs)


def test_is_long_output_cut_with_a_word():
    (output,) = grade(Cell("s", "added", "print('x' * 10**6)"), output_bytes=1000).cells["s"].outputs
    assert len(output["text"]) < 1200 and "characters more" in output["text"]


@pytest.mark.parametrize(
    "binds", ["helper = f(1)", "helper = []\nhelper.append(f(1))", "%timeit -n1 -r1 f(1)\nhelper = f(1)"]
)
def test_are_only_the_wanted_tests_cells_run_and_those_that_they_need(binds):
    cells = [Cell("one", "tests", binds, points=1), Cell("two", "tests", "assert f(2) == 3", points=1)]
    cells.append(Cell("three", "tests", "assert helper in (2, [2])", points=1))
    found = grade_notebook(rebuilt(F, *cells), level=LEVEL, only=frozenset({"three"})).cells
    assert set(found) == {"f", "one", "three"} and found["three"].score == 1


def test_is_what_an_earlier_tests_cell_changes_in_place_there_for_the_wanted_one():
    worlds = Cell("w", "set-up", "worlds = []")
    changes = Cell("one", "tests", "worlds.append(f(1))", points=1)
    reads = Cell("two", "tests", "assert worlds == [2]", points=1)
    found = grade_notebook(rebuilt(worlds, F, changes, reads), level=LEVEL, only=frozenset({"two"})).cells
    assert found["two"].score == 1, found["two"]


def test_is_what_a_notebook_uses_imported_before_its_box_is_made(monkeypatch):
    from course.grading import zygote

    monkeypatch.setattr(zygote, "_zygotes", {})  # a warm process that no other test has warmed
    looks = Cell("look", "added", "import sys\nprint(sorted({'pandas', 'sklearn'} & sys.modules.keys()))")
    uses = Cell("use", "added", "def later():\n    import pandas")
    try:
        (output,) = grade(looks, uses).cells["look"].outputs
    finally:
        zygote.zygote().close()
    assert output["text"] == "['pandas']\n"


def test_do_files_reach_both_sides_and_code_of_a_students_only_one():
    answer = Cell("a", "answer", "import mine\ndef f(): return open('data.txt').read() + mine.word")
    without = "try:\n    import mine\nexcept ImportError: pass\nelse:\n    assert False, 'a module of the student'"
    tests = Cell("t", "tests", f"import ours\nassert f() == ours.word\n{without}", points=1)
    found = grade_notebook(
        rebuilt(answer, tests), level=LEVEL,
        files={"data.txt": b"a", "mine.py": b"word = 'b'"}, course_files={"ours.py": b"word = 'ab'"},
    )  # fmt: skip
    assert found.cells["t"].score == 1, found.cells["t"]
