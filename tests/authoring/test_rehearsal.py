"""Does the stage play a section as grading would, and does nothing outlive or leave it?"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import pytest

from course.authoring.rehearsal import Stage, Step, Variation, limits_from, role_of, steps_of, visible_only
from course.errors import CourseError

HALF = "def half(n):\n    return n // 2"
STEPS = [
    Step("set-up", "set-up", "import os, sys, time\nbase = 10"),
    Step("half", "answer", HALF),
    Step("half-works", "tests", "assert half(8) == 4, f'half of 8 is 4, got {half(8)}'", 2),
    Step("lab cell", "lab", "base = 99\n%time nothing"),
    Step("other lab", "lab", "base = 99"),
    Step(
        "half-of-base",
        "tests",
        "assert half(base) == 5, 'no'\n### BEGIN HIDDEN TESTS\nassert half(7) == 3\n### END HIDDEN TESTS",
        3,
    ),
]
QUICK = {step.name: 1.0 for step in STEPS}


@pytest.fixture(scope="module")
def stage():
    with Stage(modules=()) as stage:
        yield stage


def play(stage, source=None, steps=STEPS, **settings):
    sources = {} if source is None else {"half": source}
    [went] = stage.rehearse(steps, [Variation("one", sources)], **({"limits": QUICK} | settings))
    return went


def with_answer(answer, *others):
    return [Step("half", "answer", answer), *others]


def wait_until_gone(pid):
    until = time.monotonic() + 5
    while True:
        try:
            os.kill(int(pid), 0)
            if "Z" in subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True).stdout:
                return
        except ProcessLookupError:
            return
        assert time.monotonic() < until, f"process {pid}, which a play started, is still there"
        time.sleep(0.02)


def test_the_reference_earns_everything(stage):
    went = play(stage)
    assert not went.lost and not went.broken and went.points == 5


def test_a_mistake_loses_its_tests_cells_and_says_why(stage):
    went = play(stage, "def half(n):\n    return n / 2")
    assert went.lost == {"half-of-base"} and went.points == 2
    assert str(went.tests["half-of-base"]) == "AssertionError" and went.tests["half-of-base"].line == 3


def test_variations_do_not_see_one_another(stage):
    marking = "import builtins\nbuiltins.mark = 1\n" + HALF
    reading = "import builtins\nassert not hasattr(builtins, 'mark')\n" + HALF
    plays = list(stage.rehearse(STEPS, [Variation("one", {"half": marking}), Variation("two", {"half": reading})]))
    assert [went.name for went in plays] == ["one", "two"] and not plays[1].broken


def test_lab_cells_run_only_when_they_are_asked_for_and_magics_never(stage):
    assert "other lab" not in play(stage).outcomes
    went = play(stage, with_labs=True)
    assert went.outcomes["other lab"].passed and "lab cell" not in went.outcomes
    assert went.lost == {"half-of-base"}, "the lab cell binds base anew"


def test_a_cell_that_hangs_costs_itself_only(stage):
    went = play(stage, "def half(n):\n    while n == 8: pass\n    return n // 2")
    assert {name: o.state for name, o in went.tests.items()} == {"half-works": "hung", "half-of-base": "passed"}


def test_a_cell_that_ends_the_process_costs_itself_only(stage):
    went = play(stage, "import os\ndef half(n):\n    return n // 2 if n != 8 else os._exit(0)")
    assert {name: o.state for name, o in went.tests.items()} == {"half-works": "died", "half-of-base": "passed"}


def test_an_answer_that_hangs_leaves_the_rest_unseen(stage):
    went = play(stage, "while True: pass")
    assert went.outcomes["half"].state == "hung" and went.lost == {"half-works", "half-of-base"} and went.points == 0


def test_stopping_early_ends_at_the_first_loss(stage):
    went = play(stage, "def half(n):\n    return None", stop_early=True)
    assert went.lost == {"half-works"} and "half-of-base" not in went.outcomes


def test_visible_only_leaves_hidden_tests_out(stage):
    odd = "def half(n):\n    return n / 2"
    assert not play(stage, odd, visible_only(STEPS)).lost


@pytest.mark.parametrize(
    "noise", ["print('so', file=sys.stderr)", "import warnings; warnings.warn('so')", "os.write(2, b'so')"]
)
def test_what_a_cell_writes_to_the_error_stream_is_seen(stage, noise):
    went = play(
        stage, steps=[STEPS[0], Step("a-test", "tests", noise + "\n", 1), Step("b-test", "tests", "print('so')", 1)]
    )
    assert "so" in went.tests["a-test"].stderr and went.tests["b-test"].stderr == ""


@pytest.mark.parametrize(("source", "shown"), [("0.5", "float"), ("0.5;", ""), ("None", ""), ("x = 3", "")])
def test_the_value_in_which_a_cell_ends_is_seen(stage, source, shown):
    assert play(stage, steps=[Step("a-test", "tests", source)]).tests["a-test"].shows == shown


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("raise NotImplementedError('later')", "NotImplementedError"),
        ("class NotImplementedError(Exception): pass\nraise NotImplementedError", "__main__.NotImplementedError"),
        ("import sys; sys.exit()", "SystemExit"),
        ("1 +", "SyntaxError"),
        ("class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute", "__main__.Mute"),
    ],
)
def test_exceptions_are_told_apart_by_their_class(stage, source, error):
    assert play(stage, steps=[Step("a-test", "tests", source)]).tests["a-test"].error == error


def test_cells_run_as_in_a_notebook(stage):
    source = (
        "import inspect, pickle, dataclasses\n"
        "@dataclasses.dataclass\nclass Point:\n    x: int\n"
        "def twice(n): return 2 * n\n"
        "assert pickle.loads(pickle.dumps(Point(3))) == Point(3)\n"
        "assert inspect.getsource(twice) == 'def twice(n): return 2 * n\\n'\n"
        "assert __name__ == '__main__' and Point.__annotations__ == {'x': int}\n"
        "display(3)\n"
    )
    went = play(stage, steps=[Step("a-test", "tests", source)])
    assert went.tests["a-test"].passed, str(went.tests["a-test"])


def test_each_variation_has_a_folder_of_its_own_with_the_lessons_data(stage, tmp_path):
    (tmp_path / "data.csv").write_text("1\n")
    (tmp_path / "1_section.ipynb").write_text("{}")
    source = "import os\nassert os.listdir() == ['data.csv'], os.listdir()\nopen('mine', 'w').close()"
    variations = [Variation("one", {"look": source}), Variation("two", {"look": source})]
    plays = list(stage.rehearse([Step("look", "answer", source)], variations, folder=tmp_path))
    assert all(not went.broken for went in plays), [str(went.outcomes["look"]) for went in plays]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1_section.ipynb", "data.csv"]


def test_nothing_is_alive_or_left_afterwards(stage, tmp_path):
    note = tmp_path / "where"
    source = (
        "import subprocess, sys, os\n"
        f"open({str(note)!r}, 'w').write(os.getcwd())\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(note)!r}, 'a').write('\\n' + str(child.pid))"
    )
    play(stage, steps=[Step("a-cell", "answer", source)])
    folder, child = note.read_text().splitlines()
    wait_until_gone(child)
    assert not Path(folder).exists()


def test_cpu_of_set_up_and_answer_cells_is_counted_and_that_of_tests_is_not(stage):
    burn = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass"
    steps = [
        Step("s", "set-up", burn.format(0.1)),
        *with_answer(burn.format(0.1)),
        Step("t", "tests", burn.format(0.3)),
    ]
    assert 0.2 <= play(stage, steps=steps, limits={}).own_cpu_seconds < 0.3


def test_limits_follow_the_reference(stage):
    went = play(stage)
    assert set(limits_from(went)) == set(went.outcomes) and all(2 <= s < 3 for s in limits_from(went).values())


def test_replacing_a_cell_that_is_not_there_is_an_error(stage):
    with pytest.raises(CourseError, match="one replaces third, which is no cell of this section"):
        list(stage.rehearse(STEPS, [Variation("one", {"third": "x"})]))


def test_the_stage_is_single_threaded_and_free_of_plots_on_screens(stage):
    source = "import os\nassert os.environ['OMP_NUM_THREADS'] == '1' and os.environ['MPLBACKEND'] == 'agg'"
    assert not play(stage, steps=[Step("a-cell", "answer", source)]).broken


def test_closing_ends_a_play_that_hangs(tmp_path):
    note = tmp_path / "pid"
    hang = f"import os\nopen({str(note)!r}, 'w').write(f'{{os.getpid()}}\\n')\nwhile True: pass"
    stage = Stage(modules=())

    def close_once_it_plays():
        while not (note.exists() and note.read_text().endswith("\n")):
            time.sleep(0.02)
        stage.close()

    threading.Thread(target=close_once_it_plays).start()
    with pytest.raises(CourseError, match="the rehearsal's process ended"):
        list(stage.rehearse(STEPS, [Variation("one", {"half": hang})]))
    wait_until_gone(note.read_text().strip())


def test_roles_are_read_alike_from_source_and_release():
    flags = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3, "grade_id": "a-b"}

    def cell(tags=(), kind=nbformat.v4.new_code_cell, **role):
        made = kind("x", metadata={"tags": list(tags)})
        if role:
            made.metadata["nbgrader"] = flags | {"cell_type": made.cell_type} | role
        return made

    text = nbformat.v4.new_markdown_cell
    roles = {
        "set-up": cell(),
        "lab": cell(["lab"]),
        "answer": cell(solution=True),
        "tests": cell(["raises-exception"], grade=True, locked=True, points=3),
        "written": cell(grade=True, solution=True, points=1),
        "readonly": cell(locked=True),
        "text": cell(kind=text),
    }
    assert {name: role_of(made) for name, made in roles.items()} == {name: name for name in roles}
    assert role_of(cell(["raises-exception", "self-check"])) == "tests"
    assert role_of(cell(kind=text, grade=True, solution=True)) == "written"
    steps = steps_of(nbformat.v4.new_notebook(cells=[roles["set-up"], roles["tests"], roles["text"]]))
    assert [(step.name, step.role, step.points) for step in steps] == [
        ("set-up cell 1", "set-up", 0),
        ("a-b", "tests", 3),
    ]


def test_the_stage_loads_no_notebook_library():
    code = "import sys, course.authoring.rehearsal; sys.exit('nbformat' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
