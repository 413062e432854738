"""The parts of a class's hub that need no hub: what is kept running, what ends with it, limits, disks, accounts."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from pathlib import Path

import pytest

from course.cli import main
from course.errors import CourseError
from course.hub import accounts, class_hub
from course.hub.class_plan import CoursePlan
from course.hub.limits import memory_group
from course.hub.supervisor import Kept, keep_running

ROOT = Path(__file__).parents[2]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own way of it is Linux'")


def kept(name, code, folder):
    return Kept(name, [sys.executable, "-c", code], dict(os.environ), folder)


# --- What is kept running -----------------------------------------------------------------------------------------


def until(true, seconds=20):
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, f"not within {seconds} s"
        time.sleep(0.05)


def test_what_ends_is_started_again_and_told_and_all_end_in_the_end(tmp_path):
    both = [kept(name, "import time; time.sleep(600)", tmp_path) for name in ("the proxy", "the hub")]
    said, stop, told = [], threading.Event(), threading.Event()
    both[1].after = told.set
    worker = threading.Thread(target=keep_running, args=(both, stop, said.append))
    worker.start()
    until(lambda: both[1].process is not None)
    first = both[1].process
    first.kill()
    until(lambda: said and both[1].process is not first)
    assert "the hub ended with status -9; started again" in said[0] and both[0].ended() is None
    assert told.wait(10)
    stop.set()
    worker.join(30)
    assert not worker.is_alive() and all(each.ended() is not None for each in both)


def test_what_does_not_come_up_at_all_is_given_up_with_its_status(tmp_path):
    with pytest.raises(CourseError, match=r"the hub ended 5 times .* with status 7"):
        keep_running([kept("the hub", "raise SystemExit(7)", tmp_path)], threading.Event(), lambda words: None)


@LINUX
def test_a_service_ends_with_a_hub_that_is_killed(tmp_path):
    service = "import time, pathlib, os; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(600)"
    words = [sys.executable, "-m", "course.hub.following", sys.executable, "-c", service]
    hub = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess; subprocess.Popen({words!r}, start_new_session=True).wait()"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    number = int((tmp_path / "pid").read_text())
    hub.kill()
    hub.wait()

    def gone():
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return True
        return Path(f"/proc/{number}/stat").read_text().split()[2] == "Z"  # nobody has asked for its status yet

    until(gone)


# --- Limits -----------------------------------------------------------------------------------------------------------


def test_a_memory_group_is_made_where_there_are_groups(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("memory")
    (tmp_path / "mlops-hub").mkdir()
    group = memory_group("ada", 2**31, root=tmp_path)
    assert group == tmp_path / "mlops-hub" / "ada"
    assert (group / "memory.max").read_text() == str(2**31)
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory"


def test_the_older_kind_of_group_is_raised_and_lowered_in_the_order_that_the_kernel_takes(tmp_path):
    group = tmp_path / "memory" / "mlops-hub" / "ada"
    group.mkdir(parents=True)
    for name in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"):
        (group / name).write_text("1000")
    for most in (2000, 500):
        assert memory_group("ada", most, root=tmp_path) == group
        assert {(group / f"memory.{kind}limit_in_bytes").read_text() for kind in ("", "memsw.")} == {str(most)}


def test_where_no_group_can_be_made_there_is_none(tmp_path):
    (tmp_path / "memory").write_text("a file")
    assert memory_group("ada", 1000, root=tmp_path) is None


@pytest.mark.skipif(memory_group("probe-of-a-test", 2**29) is None, reason="no memory group can be made here")
def test_a_process_that_takes_more_than_its_group_has_is_ended():
    group = memory_group("probe-of-a-test", 200 * 2**20)
    code = (
        f"import os, pathlib; pathlib.Path({str(group / 'cgroup.procs')!r}).write_text(str(os.getpid()))\n"
        "bytearray(int({}) * 2**20)"
    )
    try:
        small, large = (subprocess.run([sys.executable, "-c", code.format(size)], check=False) for size in (50, 400))
        assert (small.returncode, large.returncode) == (0, -signal.SIGKILL)
    finally:
        group.rmdir()


# --- Disks, accounts, machines ----------------------------------------------------------------------------------------


def test_a_disk_that_is_nearly_full_is_told_once_until_it_was_better(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    found = iter([usage(100, 50, 50), usage(100, 97, 3), usage(100, 97, 3), usage(100, 50, 50), usage(100, 98, 2)])
    said, stop = [], threading.Event()

    def look(place):
        try:
            return next(found)
        except StopIteration:
            stop.set()
            return usage(100, 98, 2)

    monkeypatch.setattr(class_hub.shutil, "disk_usage", look)
    class_hub.watch_disks([tmp_path], stop, said.append, every=0.01)
    assert len(said) == 2 and all("nearly full" in words for words in said)


def test_an_account_of_the_system_is_nobodys_on_a_roster():
    with pytest.raises(CourseError, match="root is an account of the system itself"):
        accounts.check_people(["root"])
    assert accounts.check_people(["surely-nobody-here"]) == ["surely-nobody-here"]


def test_missing_accounts_are_named_where_none_are_to_be_made():
    with pytest.raises(CourseError, match=r"surely-nobody-here; make them.*accounts = \"create\""):
        accounts.need_all(["surely-nobody-here"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a course's place for another account")
def test_a_course_whose_place_in_the_exchange_another_took_is_not_started(tmp_path):
    tmp_path.chmod(0o755)
    course = CoursePlan("mlops-a", tmp_path / "a.csv", ("ada",), ("ines",), grader="nobody")
    (tmp_path / "mlops-a").symlink_to(tmp_path)
    with pytest.raises(CourseError, match=r"mlops-a is there already, and is not a folder of nobody's"):
        class_hub._make_exchange(tmp_path, course)
    (tmp_path / "mlops-a").unlink()
    (tmp_path / "mlops-a").mkdir()
    with pytest.raises(CourseError, match=r"is there already.*account number 0"):
        class_hub._make_exchange(tmp_path, course)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may")
def test_without_root_a_class_says_what_is_needed(tmp_path, capsys):
    assert _start(tmp_path) == 2
    assert "needs root: sudo make hub-class" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="asks what another account may run, which root can")
def test_an_environment_that_others_cannot_run_is_named(tmp_path, capsys, monkeypatch):
    closed = tmp_path / "closed"
    closed.mkdir(0o700)
    (closed / "python").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(closed / "python"))
    assert _start(tmp_path) == 2
    said = capsys.readouterr().err
    assert "other accounts cannot use this environment" in said and "HUB_VENV=" in said


def _start(folder):
    (folder / "a.csv").write_text("id,first_name,last_name,email\nada,,,\n")
    plan = folder / "class.toml"
    plan.write_text('state = "state"\n[courses.mlops-a]\nroster = "a.csv"\ninstructors = ["ines"]\n')
    try:
        return main(["hub-class", str(plan), "--root", str(folder)])
    finally:
        assert not (folder / "state").exists()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is missing: its unit is not looked at")
def test_the_unit_is_one_for_systemd_and_its_command_one_of_the_courses(tmp_path):
    text = (ROOT / "deploy/jupyterhub/mlops-hub.service").read_text()
    program = "/opt/mlops-course/bin/course"
    command = next(line for line in text.splitlines() if line.startswith(f"ExecStart={program} "))
    unit = tmp_path / "mlops-hub.service"
    unit.write_text(text.replace(program, sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    unit.write_text(unit.read_text().replace("KillMode=process", "KillMode=procession"))
    spoilt = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert "procession" in spoilt.stdout + spoilt.stderr, "a mistake in a unit would be seen"
    words = command.split()[1:]
    assert words[0] == "hub-class" and words[2] == "--root"
