"""Tests of a class: does a judge of one submission leave anything to the next, and is what they share run once?"""

from __future__ import annotations

import pytest

from course.grading import judges
from course.grading.grader import grade_notebook
from course.grading.records import Cell, CellResult, Limits, NotebookResult, Rebuilt
from course.grading.sandbox import available_levels

LEVELS = [level for level in ("A", "B") if not available_levels()[level]]
LIMITS = Limits(cell_seconds=20)
ALONE = pytest.mark.skipif("A" not in LEVELS, reason="no namespaces here, and so no copies")
F = Cell("f", "answer", "def f(x): return x + 1")


def submission(*cells: Cell, level: str = LEVELS[0], limits: Limits = LIMITS, **files: dict) -> NotebookResult:
    rebuilt = Rebuilt("specimen", cells, {"cells": []}, student_names=frozenset({"f", "loops"}))
    return grade_notebook(rebuilt, limits=limits, level=level, **files)


def a_test(source: str, name: str = "asks") -> Cell:
    return Cell(name, "tests", source, points=1)


def asks(*cells: Cell, **more) -> CellResult:
    return submission(*cells, **more).cells["asks"]


def printed(result: CellResult) -> str:
    return "".join(output.get("text", "") for output in result.outputs)


@ALONE
def test_do_submissions_share_what_the_set_up_cells_made():
    set_up = Cell("s", "set-up", "import time\nmade = time.time_ns()")
    first, second = (printed(asks(set_up, F, a_test("print(made)\nassert f(1) == 2"))) for _ in range(2))
    assert first == second != ""


@ALONE
def test_do_other_set_up_cells_limits_or_files_make_another_judge():
    set_up, reads = Cell("s", "set-up", "import time\nmade = time.time_ns()"), a_test("print(made)\nassert f(1) == 2")
    found = {
        printed(asks(set_up, F, reads)),
        printed(asks(Cell("s", "set-up", set_up.source + "\n"), F, reads)),
        printed(asks(set_up, F, reads, limits=Limits(cell_seconds=21))),
        printed(asks(set_up, F, reads, course_files={"data.csv": b"1"})),
        printed(asks(set_up, F, reads, course_files={"data.csv": b"2"})),
    }
    assert len(found) == 5


# Each leaves something, and what the next submission's tests must find.
LEFT = {
    "a file in the working folder": ("open('left', 'w').write('x')", "import os\nassert os.listdir() == []"),
    "a file in /tmp": (
        "open('/tmp/left', 'w').write('x')",
        "import os\nassert os.listdir('/tmp') == [os.path.basename(os.getcwd())]",
    ),
    "a file in memory": ("open('/dev/shm/left', 'w').write('x')", "import os\nassert os.listdir('/dev/shm') == []"),
    "folders that hide what is in them": (
        "import os\nos.makedirs('a/b/c')\nos.chmod('a/b', 0)\nos.chmod('a', 0)",
        "import os\nassert os.listdir() == []",
    ),
    "no working folder": (
        "import os, shutil\nshutil.rmtree(os.getcwd())",
        "import os\nassert os.listdir() == []\nopen('there', 'w').write('x')",
    ),
    "a link in the place of the working folder": (
        "import os\nhere = os.getcwd()\nos.rmdir(here)\nos.symlink('/dev/shm', here)",
        "import os\nassert not os.path.islink(os.getcwd()) and os.path.realpath('.') == os.getcwd() != '/dev/shm'",
    ),
    "another value of a set-up name": ("numbers.append(2)", "assert numbers == [1]"),
    "another attribute of a library": ("import math\nmath.pi = 3", "import math\nassert math.pi > 3.1"),
    "no original": ("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)", "assert numbers == [1]"),
    "an original that was interrupted": (
        "import os, signal\nos.kill(os.getppid(), signal.SIGINT)",
        "assert numbers == [1]",
    ),
    "an original that stands still": (
        "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)",
        "assert numbers == [1]",
    ),
    "an original that may write no file": (
        "import os, resource\nresource.prlimit(os.getppid(), resource.RLIMIT_FSIZE, (0, 0))",
        "from pathlib import Path\nPath('there').write_text('x' * 100)",
    ),
    "an original that comes last": (
        "import os\nos.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
        "import os\nassert os.getpriority(os.PRIO_PROCESS, 0) < 19",
    ),
    "a /tmp that nobody may read": ("import os\nos.chmod('/tmp', 0)", "open('/tmp/there', 'w').write('x')"),
    "tests that cannot be stopped": (
        "while True:\n  try:\n    while True: pass\n  except BaseException: pass",
        "assert numbers == [1]",
    ),
    "other dice": (
        "import random\nrandom.seed(1)",
        "import random\nassert random.random() == random.Random(5).random()",
    ),
}  # fmt: skip


@ALONE
@pytest.mark.parametrize("what", LEFT)
def test_does_the_next_submission_meet_what_the_tests_of_one_left_behind(what):
    leaves, meets = LEFT[what]
    set_up = Cell("s", "set-up", "import random\nrandom.seed(5)\nnumbers = [1]")
    limits = Limits(cell_seconds=2)
    submission(set_up, F, a_test(f"assert f(1) == 2\n{leaves}"), limits=limits)
    found = asks(set_up, F, a_test(f"assert f(1) == 2\n{meets}"), limits=limits)
    assert found.state == "passed", found.message


@ALONE
def test_does_a_process_that_tests_started_outlive_them():
    # What a tests cell may not do, but something that has taken its process over could.
    forks = "import ctypes, time\nif ctypes.CDLL(None).fork() == 0:\n    ctypes.CDLL(None).setsid(); time.sleep(60)"
    counts = "import os\nassert sorted(int(n) for n in os.listdir('/proc') if n.isdigit()) == [1, os.getpid()]"
    submission(F, a_test(f"assert f(1) == 2\n{forks}"))
    found = asks(F, a_test(f"assert f(1) == 2\n{counts}"))
    assert found.state == "passed", found.message


@ALONE
def test_are_the_courses_files_put_back():
    given = {"data/numbers.csv": b"1\n2\n", "words.txt": b"three"}
    spoils = (
        "from pathlib import Path\nPath('words.txt').write_text('seven')\nPath('data/numbers.csv').unlink()\n"
        "Path('data').rmdir()\nassert f(1) == 2"
    )
    reads = (
        "from pathlib import Path\nassert Path('words.txt').read_text() == 'three'\n"
        "assert Path('data/numbers.csv').read_text() == '1\\n2\\n' and f(1) == 2"
    )
    submission(F, a_test(spoils), course_files=given)
    found = asks(F, a_test(reads), course_files=given)
    assert found.state == "passed", found.message


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("set_up", "uses"),
    [
        (
            "import threading\nstop = threading.Event()\nwaits = threading.Thread(target=stop.wait, daemon=True)\n"
            "waits.start()",
            "assert waits.is_alive()",
        ),
        (
            "import tempfile\nopened = tempfile.TemporaryFile()\nopened.write(b'x')",
            "opened.seek(0)\nassert opened.read() == b'x'\nopened.write(b'y')\nopened.flush()",
        ),
    ],
    ids=["a thread", "an open file"],
)
def test_does_each_submission_have_what_no_fork_takes_along(level, set_up, uses):
    for _ in range(2):
        found = asks(Cell("s", "set-up", set_up), F, a_test(f"{uses}\nassert f(1) == 2"), level=level)
        assert found.state == "passed", found.message


@pytest.mark.parametrize("level", LEVELS)
def test_do_set_up_cells_read_what_was_handed_in_with_this_submission(level):
    set_up = Cell("s", "set-up", "from pathlib import Path\nwords = Path('words.txt').read_text()")
    for words in (b"mine", b"yours"):
        found = asks(set_up, F, a_test("print(words)\nassert f(1) == 2"), level=level, files={"words.txt": words})
        assert printed(found) == f"{words.decode()}\n", found.message


@pytest.mark.parametrize("level", LEVELS)
def test_does_every_submission_say_that_a_set_up_cell_fails_beside_the_tests(level):
    fails = Cell("s", "set-up", "1 / 0")
    for _ in range(2):
        found = submission(fails, F, a_test("assert f(1) == 2"), level=level)
        assert sum("ZeroDivisionError" in note for note in found.notes) == 1
        assert found.cells["asks"].state == "passed"


@pytest.mark.parametrize("level", LEVELS)
def test_do_set_up_cells_between_tests_run_for_each_submission(level):
    first, later = a_test("assert f(1) == 2", "one"), Cell("s", "set-up", "more = 3")
    for _ in range(2):
        found = submission(F, first, later, a_test("assert f(2) == more"), level=level)
        assert [found.cells[name].state for name in ("one", "asks")] == ["passed", "passed"]


@ALONE
def test_are_there_never_more_originals_than_are_kept(monkeypatch):
    monkeypatch.setattr(judges, "MOST_KEPT", 2)
    for number in (1, 2, 3, 1):
        set_up = Cell("s", "set-up", f"number = {number}")
        assert asks(set_up, F, a_test(f"assert f({number} - 1) == number")).state == "passed"
    assert len(judges._originals()) == 2
