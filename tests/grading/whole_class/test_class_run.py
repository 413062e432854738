"""A class: nothing runs twice, nothing is lost, and one submission's fate is its own."""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest
from fake_rooms import ROOMS
from small_course import LESSON, RIGHT

from course.cli import main
from course.errors import CourseError
from course.grading import command
from course.grading.class_run import Choices, grade_class
from course.grading.course_directory import open_course
from course.grading.journal import cells_to_run, key_of
from course.grading.records import Cell, CellResult, Limits, NotebookResult, Rebuilt


def counts(report):
    return report.executed_notebooks, report.executed_tests


def test_nothing_changed_nothing_runs_and_what_changed_runs_alone(small_course):
    for student in ("ada", "ben", "cem"):
        small_course.hand_in(student)
    assert counts(small_course.grade()) == (6, 12)
    again = small_course.grade()
    assert counts(again) == (0, 0)
    assert {entry.status for entry in again.entries} == {"unchanged"}
    small_course.edit_source("one", "double-two", "assert double(2) == 5")
    changed = small_course.grade()
    assert counts(changed) == (3, 3), "of each notebook `one`, one tests cell"
    assert {entry.score for entry in changed.entries} == {6.0}
    small_course.hand_in("ben", {**RIGHT, "two": {"word": "word = 'no'"}})
    resubmitted = small_course.grade()
    assert counts(resubmitted) == (1, 1), "one resubmission, its one changed notebook"
    scores = {entry.student: (entry.score, entry.status) for entry in resubmitted.entries}
    assert scores == {"ada": (6.0, "unchanged"), "ben": (2.0, "graded"), "cem": (6.0, "unchanged")}
    assert counts(small_course.grade("ben", force=True)) == (2, 4)


def test_a_lost_gradebook_row_or_notebook_comes_back_without_running_anything(small_course):
    from nbgrader.api import Gradebook

    small_course.hand_in("ada")
    small_course.grade()
    before = small_course.rows()
    with Gradebook(f"sqlite:///{small_course.root}/gradebook.db") as gradebook:
        gradebook.remove_submission(LESSON, "ada")
    (small_course.root / "autograded" / "ada" / LESSON / "two.ipynb").unlink()
    assert counts(small_course.grade()) == (0, 0)
    assert small_course.rows() == before
    assert small_course.graded_notebook("ada", "two").cells


def test_a_changed_file_beside_a_notebook_runs_it_again(small_course):
    small_course.hand_in("ada", files={"mine.csv": "1"})
    small_course.grade()
    small_course.hand_in("ada", files={"mine.csv": "2"})
    assert counts(small_course.grade()) == (2, 4)


def test_files_that_the_course_ignores_and_links_do_not_get_into_autograded(small_course):
    folder = small_course.hand_in("ada", files={"notes.txt": "x", "key.secret": "y"})
    (folder / "link.txt").symlink_to(small_course.root / "gradebook.db")
    small_course.grade()
    names = {path.name for path in small_course.autograded()}
    assert names == {"one.ipynb", "two.ipynb", "timestamp.txt", "notes.txt", "data.csv"}


def test_a_worker_that_dies_costs_its_own_submission_only_and_a_fault_says_what_it_was(small_course):
    small_course.hand_in("ada")
    small_course.hand_in("ben", {"two": {"word": "word = 'KILL THE WORKER'"}})
    small_course.hand_in("cem", {"two": {"word": "word = 'RAISE IN THE WORKER'"}})
    small_course.hand_in("dia")
    report = small_course.grade(processes=True)
    found = {entry.student: (entry.status, entry.reason) for entry in report.entries}
    assert found["ada"] == found["dia"] == ("graded", "")
    assert found["ben"] == ("could not be graded", "its worker died, twice")
    assert found["cem"] == ("could not be graded", "RuntimeError: the grader has a fault")
    assert not report.all_have_a_verdict
    assert not any(student in ("ben", "cem") for student, *_ in small_course.rows())
    small_course.hand_in("ben")
    assert {entry.student: entry.status for entry in small_course.grade("ben").entries} == {"ben": "graded"}


CLASS = [f"student-{number:02}" for number in range(12)]


def hand_in_a_class(small_course):
    for number, student in enumerate(CLASS):
        answers = {"one": {"double": f"def double(x):\n    return x + {number % 4}  # SLOWLY"}, "two": RIGHT["two"]}
        small_course.hand_in(student, answers)


def grade_in_a_child(root):
    """Start the command in a process of its own; a fork, since this one has nbgrader imported."""
    child = os.fork()
    if child == 0:
        status = 3
        try:
            os.setsid()
            with Path(os.devnull).open("w") as nothing, contextlib.redirect_stdout(nothing):
                status = run_command(root, "--report", str(root / "report.json"))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    while os.getpgid(child) != child:  # until then there is no group to kill
        time.sleep(0.001)
    return child


def run_command(root, *words):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    arguments = parser.parse_args([LESSON, "--course-dir", str(root), "--jobs", "1", "--level", "A", *words])
    return command.run(arguments, rooms=ROOMS)


def recorded(root):
    return sum((root / ".grading" / LESSON / f"{student}.json").is_file() for student in CLASS)


@pytest.mark.parametrize("kills", [3, pytest.param(12, marks=pytest.mark.long)])
def test_a_grading_that_is_killed_again_and_again_ends_like_an_undisturbed_one(small_course, tmp_path, kills):
    hand_in_a_class(small_course)
    undisturbed = small_course.copy(tmp_path / "undisturbed")
    assert counts(undisturbed.grade()) == (24, 48)
    dice = random.Random(kills)
    executed_before = 0
    for kill in range(kills):
        child = grade_in_a_child(small_course.root)
        # Killed after some more submissions, at any point of the next one's way.
        goal = min(9, executed_before + dice.randrange(1, 2 + 12 // kills))
        ends = time.monotonic() + 120
        while recorded(small_course.root) < goal and time.monotonic() < ends:
            time.sleep(0.005)
        time.sleep(dice.random() * 0.2)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        executed_before = recorded(small_course.root)
        assert executed_before >= goal, f"kill {kill} came too early"
    child = grade_in_a_child(small_course.root)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    report = json.loads((small_course.root / "report.json").read_text())
    assert report["executed_notebooks"] == 2 * (12 - executed_before), "what was in the journal did not run again"
    assert small_course.rows() == undisturbed.rows()
    ours, theirs = (
        {path.relative_to(c.root): path.read_bytes() for path in c.autograded()} for c in (small_course, undisturbed)
    )
    assert ours == theirs
    assert counts(small_course.grade()) == (0, 0)


def test_workers_do_not_outlive_a_killed_grading(small_course):
    hand_in_a_class(small_course)
    child = grade_in_a_child(small_course.root)
    ends = time.monotonic() + 120
    while not recorded(small_course.root) and time.monotonic() < ends:
        time.sleep(0.01)
    workers = children_of(child)
    assert workers
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    ends = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < ends:
        time.sleep(0.1)
    alive = [Path(f"/proc/{worker}/cmdline").read_text() for worker in workers if Path(f"/proc/{worker}").exists()]
    assert not alive


def children_of(process):
    return [int(number) for number in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def test_a_grading_that_the_keyboard_stops_says_that_nothing_is_lost(small_course, capsys, monkeypatch):
    import course.grading.class_run
    from course.cli import main

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(course.grading.class_run, "grade_class", stopped)
    small_course.hand_in("ada")
    assert main(["grade", LESSON, "--course-dir", str(small_course.root)]) == 130
    assert "what is graded is kept" in capsys.readouterr().err


def test_two_gradings_of_one_course_do_not_run_at_once(small_course):
    from course.grading.journal import Journal

    small_course.hand_in("ada")
    with Journal(small_course.root, LESSON).locked(), pytest.raises(CourseError, match="another grading"):
        small_course.grade()
    began = time.monotonic()
    with Journal(small_course.root, LESSON).locked(), pytest.raises(CourseError, match="another grading"):
        small_course.grade(wait_seconds=0.3)
    assert time.monotonic() - began >= 0.3
    assert small_course.grade().all_have_a_verdict


def test_the_journal_is_the_owners_alone_and_git_does_not_see_it(small_course):
    small_course.hand_in("ada")
    small_course.grade()
    folder = small_course.root / ".grading"
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / ".gitignore").read_text() == "*\n"
    entry = json.loads((folder / LESSON / "ada.json").read_text())
    assert entry["notebooks"]["one"]["result"]["cells"]["double-two"]["state"] == "passed"


@pytest.mark.parametrize("content", ["", "{", '{"version": 1}', "[]", "null"])
def test_a_broken_journal_means_grading_again_not_an_error(small_course, content):
    from course.grading.journal import Journal

    folder = small_course.root / ".grading" / LESSON
    folder.mkdir(parents=True)
    (folder / "ada.json").write_text(content)
    assert Journal(small_course.root, LESSON).read("ada") is None


def rebuilt_of(*tests, answer="x = 1"):
    cells = (Cell("answer", "answer", answer), *(Cell(f"t{i}", "tests", text) for i, text in enumerate(tests)))
    return Rebuilt("nb", cells, {"cells": [{} for _ in cells]})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (["a = 1", "assert a", "assert x"], ["a = 2", "assert a", "assert x"], {"t0", "t1"}),
        (["assert x", "assert x"], ["assert x > 0", "assert x"], {"t0"}),
        (["w.append(1)", "assert w"], ["w.append(2)", "assert w"], {"t0", "t1"}),
        (["%magic", "assert x"], ["%magics", "assert x"], {"t0", "t1"}),
        (["assert x"], ["assert x", "assert x == 1"], {"t1"}),
        (["a = 1", "b = a", "assert b"], ["a = 2", "b = a", "assert b"], {"t0", "t1", "t2"}),
    ],
)
def test_a_tests_cell_runs_again_with_those_that_read_what_it_binds(before, after, expected):
    from course.grading.journal import KeptNotebook

    old, new = rebuilt_of(*before), rebuilt_of(*after)
    results = {cell.name: CellResult(cell.name, "passed") for cell in old.cells}
    kept = KeptNotebook(key_of(old, {}, Limits(), "A"), NotebookResult("nb", results))
    assert cells_to_run(key_of(new, {}, Limits(), "A"), kept) == expected
    assert cells_to_run(key_of(rebuilt_of(*after, answer="x = 2"), {}, Limits(), "A"), kept) is None
    assert cells_to_run(key_of(new, {}, Limits(cell_seconds=1), "A"), kept) is None
    assert cells_to_run(key_of(new, {"f": b"1"}, Limits(), "A"), kept) is None


@pytest.mark.long
def test_a_dask_cluster_gives_the_same_gradebook(small_course, tmp_path):
    pytest.importorskip("distributed", reason="the package distributed is not installed: --backend dask not tested")
    small_course.hand_in("ada")
    here = small_course.copy(tmp_path / "here")
    here.grade()
    small_course.grade(backend="dask", processes=True)
    assert small_course.rows() == here.rows()


def test_dask_without_its_package_says_what_to_install(small_course, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    small_course.hand_in("ada")
    with pytest.raises(CourseError, match="uv pip install distributed"):
        grade_class(open_course(small_course.root), LESSON, (), Choices(backend="dask"), rooms=ROOMS)


# --- The command --------------------------------------------------------------------------------------------


def test_the_command_reports_and_its_status_says_whether_all_have_a_verdict(small_course, capsys):
    small_course.hand_in("ada")
    small_course.hand_in("ben", {"two": {"word": "word = 'RAISE IN THE WORKER'"}})
    file = small_course.root / "report.json"
    assert run_command(small_course.root, "--report", str(file)) == 1
    report = json.loads(file.read_text())
    ada, ben = report["submissions"]
    assert (ada["student"], ada["status"], ada["score"], ada["max_score"]) == ("ada", "graded", 8.0, 11.0)
    assert ada["level"] == "A"
    assert ben["status"] == "could not be graded"
    said = capsys.readouterr().out
    assert "1 graded" in said
    assert "1 need a person: ada" in said
    assert "ben could not be graded: RuntimeError: the grader has a fault" in said
    assert run_command(small_course.root, "--student", "a*") == 0
    assert "1 unchanged" in capsys.readouterr().out


def test_the_command_answers_before_anything_heavy_is_loaded():
    heavy = ["nbgrader", "sqlalchemy", "nbformat", "numpy", "pandas", "joblib", "rich"]
    code = f"""if True:
        import sys, time
        from course.cli import main
        try:
            main(["grade", "--help"])
        except SystemExit:
            pass
        print([name for name in {heavy} if name in sys.modules], time.process_time())
    """
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "--dask-scheduler" in said
    loaded, _, seconds = said.splitlines()[-1].rpartition(" ")
    assert loaded == "[]"
    assert float(seconds) < 1.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hwx"], "did you mean 'hw'"),
        (["hw", "--student", "adda"], "near it: ada"),
        (["hw", "--course-dir", "nowhere"], "nowhere is no folder"),
        (["hw", "--course-dir", "empty"], "is no course directory"),
        (["hw", "--level", "C"], "--trust"),
        (["hw", "--jobs", "-1"], "no workers"),
        (["hw", "--dask-scheduler", "tcp://x:1"], "--backend dask"),
        (["hw", "--report", "no/such/report.json"], "there is no folder"),
    ],
)
def test_what_cannot_start_ends_with_status_2_and_says_why(small_course, monkeypatch, capsys, words, said):
    small_course.hand_in("ada")
    (small_course.root / "empty").mkdir()
    monkeypatch.chdir(small_course.root)
    extra = [] if "--level" in words else ["--level", "A"]
    assert main(["grade", *words, *extra]) == 2
    assert said in capsys.readouterr().err


def test_what_was_never_released_is_named_with_the_command_that_releases(small_course, monkeypatch, capsys):
    monkeypatch.chdir(small_course.root)
    small_course.hand_in("ada")
    (small_course.root / "gradebook.db").unlink()
    assert main(["grade", LESSON, "--level", "A"]) == 2
    assert f"nbgrader generate_assignment {LESSON}" in capsys.readouterr().err
    assert not (small_course.root / "gradebook.db").exists()


def test_points_that_changed_since_the_release_are_refused(small_course):
    file = small_course.root / "source" / LESSON / "two.ipynb"
    content = json.loads(file.read_text())
    content["cells"][2]["metadata"]["nbgrader"]["points"] = 5
    file.write_text(json.dumps(content))
    small_course.hand_in("ada")
    with pytest.raises(CourseError, match=r"different points for word-yes.*generate_assignment hw --force"):
        small_course.grade()


def test_any_structure_of_folders_that_nbgrader_knows_is_found(small_course):
    with (small_course.root / "nbgrader_config.py").open("a") as config:
        config.write('c.CourseDirectory.submitted_directory = "in"\n')
        config.write('c.CourseDirectory.directory_structure = "{nbgrader_step}/{assignment_id}/{student_id}"\n')
    for step in ("source", "release"):
        folder = small_course.root / step
        (folder / LESSON).rename(folder / "x")
        (folder / LESSON).mkdir()
        for file in list((folder / "x").iterdir()):
            file.rename(folder / LESSON / file.name)
    folder = small_course.hand_in("ada")
    (small_course.root / "in" / LESSON).mkdir(parents=True)
    folder.rename(small_course.root / "in" / LESSON / "ada [1]")
    (entry,) = small_course.grade().entries
    assert (entry.student, entry.score) == ("ada [1]", 8.0)
    assert (small_course.root / "autograded" / LESSON / "ada [1]" / "one.ipynb").is_file()
