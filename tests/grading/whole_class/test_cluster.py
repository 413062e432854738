"""A class on a Dask cluster: the same grades, no folder in common, and what a lost or unfit worker costs."""

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clusters import CODE, HERE, NOTE_OPENED, WATCHED, Cluster, end
from fake_rooms import ROOMS
from small_course import LESSON, RIGHT

from course.cli import main
from course.errors import CourseError
from course.grading import class_run, cluster
from course.grading.class_run import Choices, grade_class
from course.grading.course_directory import open_course
from course.grading.records import Limits

pytest.importorskip("distributed", reason="the package distributed is not installed: --backend dask not tested")


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    """Two workers that somebody else started; they note what they open below the folder of all tests."""
    folder = tmp_path_factory.mktemp("cluster")
    with Cluster(folder) as found:
        for name in ("first", "second"):
            found.add_worker(name, site=NOTE_OPENED, **{WATCHED: str(tmp_path_factory.getbasetemp())})
        yield found


def grade(small_course, address, **choices):
    """Grade with the stand-in rooms on somebody's cluster, or on one of this machine."""
    chosen = Choices(**{"backend": "dask", "scheduler": address, **choices})
    return grade_class(open_course(small_course.root), LESSON, (), chosen, rooms=ROOMS)


def noting(file, more="", word="yes"):
    return {**RIGHT, "two": {"word": f"word = '{word}'  # NOTE AT {file} {more}"}}


def wait_for_files(*files):
    ends = time.monotonic() + 60
    while not all(file.exists() for file in files):
        assert time.monotonic() < ends
        time.sleep(0.02)


def runs(file):
    return file.read_text().split()


def found_in(report):
    return {entry.student: (entry.status, entry.score, entry.reason) for entry in report.entries}


def test_a_cluster_without_a_folder_in_common_gives_what_this_machine_gives(small_course, tmp_path, two_workers):
    small_course.hand_in("ada", files={"mine.csv": "1"})
    small_course.hand_in("ben", {**RIGHT, "one": {"double": "def double(x):\n    return x + 2"}})
    small_course.hand_in("cem", leave_out=["two"])
    (small_course.root / "submitted" / "cem" / LESSON / "one.ipynb").write_text("no notebook")
    here = small_course.copy(tmp_path / "here")
    reports = []
    for where, words in ((here, ["--jobs", "1"]), (small_course, ["--backend", "dask", "--dask-scheduler"])):
        file = where.root / "report.json"
        address = [two_workers.address] if "dask" in words else []
        assert main(["grade", LESSON, "--course-dir", str(where.root), "--report", str(file), *words, *address]) == 0
        report = json.loads(file.read_text())
        for entry in (report, *report["submissions"]):
            del entry["seconds"]
        reports.append(report)
    assert reports[0] == reports[1]
    assert {entry["student"]: entry["score"] for entry in reports[0]["submissions"]} == {
        "ada": 8.0,
        "ben": 6.0,
        "cem": 0.0,
    }
    assert small_course.rows() == here.rows()
    ours, theirs = (
        {path.relative_to(c.root): path.read_bytes() for path in c.autograded()} for c in (small_course, here)
    )
    assert ours == theirs
    opened = [line for name in ("first", "second") for line in two_workers.opened_by(name)]
    assert any("class_run" in path for path in opened), "what is opened is noted"
    own = str(two_workers.folder)
    assert not [path for path in opened if "class_run" not in path and not path.startswith(own)]


def test_a_worker_that_is_killed_costs_a_retry_and_every_submission_counts_once(
    small_course, tmp_path, two_workers, caplog
):
    for student in ("ada", "ben", "cem", "dia"):
        small_course.hand_in(student, noting(tmp_path / student, "WAIT" if student == "ben" else ""))

    def kill_the_worker_of_ben():
        wait_for_files(tmp_path / "ben")
        os.kill(int(runs(tmp_path / "ben")[0]), signal.SIGKILL)

    with ThreadPoolExecutor(1) as killing:
        killed = killing.submit(kill_the_worker_of_ben)
        report = grade(small_course, two_workers.address)
        killed.result()
    assert set(found_in(report).values()) == {("graded", 8.0, "")}
    assert {student: len(runs(tmp_path / student)) for student in ("ada", "ben", "cem", "dia")} == {
        "ada": 1,
        "ben": 2,
        "cem": 1,
        "dia": 1,
    }
    assert [record.message.split(" ", 3)[3] for record in caplog.records if record.name == cluster.__name__] == [
        "died: what it was grading is tried again"
    ]
    assert (report.executed_notebooks, report.executed_tests) == (8, 16)
    again = grade(small_course, two_workers.address)
    assert {entry.status for entry in again.entries} == {"unchanged"}


def test_a_submission_that_ends_its_worker_each_time_is_given_up_and_the_others_go_on(
    small_course, tmp_path, two_workers
):
    small_course.hand_in("ada", noting(tmp_path / "ada", "KILL THE WORKER"))
    small_course.hand_in("ben", {"two": {"word": "word = 'RAISE IN THE WORKER'"}})
    for student in ("cem", "dia", "eva"):
        small_course.hand_in(student, noting(tmp_path / student))
    found = found_in(grade(small_course, two_workers.address))
    assert found.pop("ada") == ("could not be graded", None, "its worker died, three times")
    assert found.pop("ben") == ("could not be graded", None, "RuntimeError: the grader has a fault")
    assert set(found.values()) == {("graded", 8.0, "")}
    assert [len(runs(tmp_path / student)) for student in ("ada", "cem", "dia", "eva")] == [3, 1, 1, 1]
    assert not any(student in ("ada", "ben") for student, *_ in small_course.rows())


@pytest.mark.long
def test_a_worker_that_does_not_end_in_time_is_started_again_and_it_alone(
    small_course, tmp_path, two_workers, monkeypatch
):
    monkeypatch.setattr(class_run, "GRACE_SECONDS", 2.0)
    small_course.hand_in("ada", noting(tmp_path / "ada", "WAIT"))
    for student in ("ben", "cem"):
        small_course.hand_in(student, noting(tmp_path / student))
    report = grade(small_course, two_workers.address, limits=Limits(notebook_seconds=0.5), jobs=1)
    assert set(found_in(report).values()) == {("graded", 8.0, "")}
    assert [len(runs(tmp_path / student)) for student in ("ada", "ben", "cem")] == [2, 1, 1]
    small_course.hand_in("ada", noting(tmp_path / "HANG", "HANG"))
    report = grade(small_course, two_workers.address, limits=Limits(notebook_seconds=0.5))
    assert found_in(report)["ada"] == ("could not be graded", None, "its worker did not end in time, three times")


@pytest.mark.long
def test_a_grading_that_is_broken_off_leaves_no_worker_busy(two_workers):
    broken_off = cluster.DaskPool(0, two_workers.address, "A", 600)
    for _ in range(2):
        broken_off.submit(time.sleep, 600)
    time.sleep(1)
    broken_off.close()
    two_workers.wait_for(2)
    began = time.monotonic()
    next_one = cluster.DaskPool(0, two_workers.address, "A", 600)
    assert next_one.width() == 2
    assert next_one.submit(abs, -1).result(10) == 1
    next_one.close()
    assert time.monotonic() - began < 20


# --- What is refused before anything is graded --------------------------------------------------------------


def refusal(small_course, address, **choices):
    """Try to grade; return what is said, after a look that nothing was graded."""
    small_course.hand_in("ada")
    with pytest.raises(CourseError) as refused:
        grade(small_course, address, **choices)
    assert not small_course.autograded()
    assert not list((small_course.root / ".grading" / LESSON).iterdir())
    return str(refused.value)


@pytest.mark.parametrize("listens", [False, True])
def test_a_scheduler_out_of_reach_is_named_with_what_to_do(small_course, monkeypatch, capsys, listens):
    monkeypatch.setattr(cluster, "SCHEDULER_SECONDS", 1.0)
    small_course.hand_in("ada")
    words = ["grade", LESSON, "--course-dir", str(small_course.root), "--level", "A", "--backend", "dask"]
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if listens:
            silent.listen()
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        assert main([*words, "--dask-scheduler", address]) == 2
    assert time.monotonic() - began < 20
    said = capsys.readouterr().err
    assert f"no Dask scheduler answers at {address}" in said
    assert "dask scheduler" in said and "dask worker" in said


@pytest.mark.long
def test_a_scheduler_without_workers_says_how_to_start_one(small_course, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "FIRST_WORKER_SECONDS", 0.5)
    (tmp_path / "empty").mkdir()
    with Cluster(tmp_path / "empty") as nobody:
        assert "has no worker: start it with `dask scheduler`" in refusal(small_course, nobody.address)


#: What a machine without user namespaces and Landlock says.
NO_SANDBOX = """
import course.grading.sandbox as sandbox
sandbox._try = lambda level: "" if level == "C" else "this kernel is too old"
"""


def changed_code(folder):
    shutil.copytree(CODE / "course", folder / "course", ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "course" / "grading" / "scores.py").open("a") as code:
        code.write("# generous\n")
    return {"code": folder}


def older_code(folder):
    (folder / "course").mkdir(parents=True)
    (folder / "course" / "__init__.py").write_text("")
    return {"code": folder}


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("changed", changed_code, "has other grading code or packages (course/grading/scores.py)"),
        pytest.param("older", older_code, "does not know this version of the course", marks=pytest.mark.long),
        pytest.param(
            "without-sandbox",
            lambda folder: {"site": NO_SANDBOX},
            "cannot confine student code at level A (this kernel is too old): choose another --level",
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_worker_that_would_grade_otherwise_is_refused_and_says_what_differs(
    small_course, tmp_path, two_workers, name, options, said
):
    worker = two_workers.add_worker(name, **options(tmp_path / "code"))
    try:
        two_workers.wait_for(3)
        assert said in refusal(small_course, two_workers.address)
    finally:
        end(worker)
        two_workers.wait_for(2)


@pytest.mark.long
def test_an_unfit_worker_that_comes_later_gets_nothing_to_grade(small_course, tmp_path, two_workers):
    for student in ("ada", "ben"):
        small_course.hand_in(student, noting(tmp_path / student, "WAIT"))
    for student in ("cem", "dia"):
        small_course.hand_in(student, noting(tmp_path / student))
    with ThreadPoolExecutor(1) as grading:
        graded = grading.submit(grade, small_course, two_workers.address)
        wait_for_files(tmp_path / "ada", tmp_path / "ben")
        worker = two_workers.add_worker("late", **changed_code(tmp_path / "code"))
        try:
            two_workers.wait_for(3)
            time.sleep(3)
            nothing_came = not (tmp_path / "cem").exists()
            for student in ("ada", "ben"):
                with (tmp_path / student).open("a") as stream:
                    stream.write("go on\n")
            assert nothing_came
            assert set(found_in(graded.result()).values()) == {("graded", 8.0, "")}
        finally:
            end(worker)
            two_workers.wait_for(2)
    honest = {runs(tmp_path / student)[0] for student in ("ada", "ben")}
    assert {runs(tmp_path / student)[0] for student in ("cem", "dia")} <= honest


@pytest.mark.long
def test_a_scheduler_that_ends_meanwhile_is_named_and_what_is_graded_is_kept(small_course, tmp_path):
    small_course.hand_in("ada", noting(tmp_path / "ada"))
    small_course.hand_in("ben", noting(tmp_path / "ben", "WAIT"))
    (tmp_path / "cluster").mkdir()
    with Cluster(tmp_path / "cluster") as mortal, ThreadPoolExecutor(1) as grading:
        mortal.add_worker("only")
        graded = grading.submit(grade, small_course, mortal.address)
        wait_for_files(tmp_path / "ben")
        began = time.monotonic()
        mortal.end_scheduler()
        with pytest.raises(CourseError, match=rf"scheduler at {mortal.address} does not answer any more.*run the same"):
            graded.result()
        assert time.monotonic() - began < 20
    assert {student for student, *_ in small_course.rows()} == {"ada"}


# --- A cluster of this machine ------------------------------------------------------------------------------


def started_by(process):
    """All descendants of a process, and what they are called."""
    parents = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            status = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)] = int(status[1])
    found, more = set(), {process}
    while more:
        more = {child for child, parent in parents.items() if parent in more} - found
        found |= more
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_a_cluster_of_this_machine_listens_here_only_and_ends_with_its_grading(small_course, tmp_path, how):
    small_course.hand_in("ada", noting(tmp_path / "ada", "WAIT"))
    code = f"""if True:
        import argparse, signal
        from fake_rooms import ROOMS
        from course.grading import command
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs this may ignore it, and so would we
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        words = ["--course-dir", {str(small_course.root)!r}, "--backend", "dask", "--jobs", "1", "--level", "A"]
        command.run(parser.parse_args([{LESSON!r}, *words]), rooms=ROOMS)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", f"import ctypes; ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)\n{code}"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(CODE), str(HERE)]), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        ends = time.monotonic() + 60
        while not (tmp_path / "ada").exists():
            assert time.monotonic() < ends and child.poll() is None
            time.sleep(0.02)
        everyone = started_by(child.pid)
        assert int(runs(tmp_path / "ada")[0]) in everyone - {child.pid}
        listening = addresses_of({child.pid, *everyone})
        assert listening and {address for address, _ in listening} == {"0100007F"}
        if how == signal.SIGINT:
            assert not [port for _, port in listening if says_something(int(port, 16))]
            os.killpg(child.pid, how)  # as a terminal does it
        else:
            os.kill(child.pid, how)
        child.wait(30)
        ends = time.monotonic() + 10
        while any(Path(f"/proc/{process}").exists() for process in everyone) and time.monotonic() < ends:
            time.sleep(0.05)
        assert not [process for process in everyone if Path(f"/proc/{process}").exists()]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        print(*child.communicate())


def says_something(port):
    """Whether a stranger who connects hears anything, as from Dask: plain, or over TLS without a certificate."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    for talk in (lambda line: line, tls.wrap_socket):
        with contextlib.suppress(OSError), talk(socket.create_connection(("127.0.0.1", port), timeout=1)) as line:
            if line.recv(1):
                return True
    return False


def addresses_of(processes):
    """Where these processes listen: address and port, as the kernel writes them."""
    theirs = set()
    for process in processes:
        with contextlib.suppress(OSError):
            theirs |= {str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir()}
    lines = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {tuple(line[1].split(":")) for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in theirs}
