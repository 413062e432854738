"""The doctor says what is there, starts nothing, and gives nobody away."""

import argparse
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from course import doctor
from course.doctor import (
    Machine,
    as_text,
    check_units,
    disk_free_gb,
    find_problems,
    find_tools,
    look_at_machine,
    memory_gb,
    run,
    say_threads,
    say_units,
    usable_cores,
)
from course.syllabus import load

HEALTHY = Machine("3.11.7", "Linux x86_64", 2, "OMP_NUM_THREADS is 1", 16.0, 100.0)


def call(capsys, *, as_json: bool) -> tuple[int, str]:
    code = run(argparse.Namespace(json=as_json))
    return code, capsys.readouterr().out


def test_unit_1_can_run_where_the_course_is_installed(capsys):
    code, said = call(capsys, as_json=False)
    assert code == 0
    assert "can run now: unit 1" in said


def test_the_json_says_what_the_text_says(capsys):
    code, said = call(capsys, as_json=True)
    report = json.loads(said)
    assert code == 0
    assert list(report) == ["machine", "tools", "units", "problems"]
    assert [unit["unit"] for unit in report["units"] if unit["can_run"]] == [1]
    assert len(report["units"]) == len(load().units)
    assert len(report["tools"]) == len(load().tools)


def test_it_starts_no_process(monkeypatch, capsys):
    def refuse(*args, **kwargs):
        raise AssertionError(f"the doctor started {args}")

    for module, name in ((subprocess, "Popen"), (os, "system"), (os, "fork"), (os, "posix_spawn")):
        monkeypatch.setattr(module, name, refuse)
    assert call(capsys, as_json=True)[0] == 0


@pytest.mark.parametrize("as_json", [True, False])
def test_it_gives_nobody_away(monkeypatch, capsys, tmp_path, as_json):
    monkeypatch.setenv("DATABASE_PASSWORD", "a-secret-of-the-bank")
    monkeypatch.setenv("HOME", str(tmp_path / "ada-lovelace"))
    monkeypatch.setenv("USER", "ada-lovelace")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "hadolint").write_text("#!/bin/sh\n")
    (tmp_path / "hadolint").chmod(0o755)
    _, said = call(capsys, as_json=as_json)
    for private in ("a-secret-of-the-bank", "ada-lovelace", str(tmp_path), str(Path.cwd()), os.uname().nodename):
        assert private not in said


def test_a_command_is_found_on_path_and_nowhere_else(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    lone = {tool.lookup: tool.here for tool in find_tools(load()) if tool.kind == "command"}
    assert not any(lone.values())
    (tmp_path / "promtool").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "promtool").chmod(0o755)
    assert {t.lookup for t in find_tools(load()) if t.kind == "command" and t.here} == {"promtool"}


def test_a_package_is_here_with_its_version():
    import numpy

    found = {tool.lookup: tool for tool in find_tools(load())}
    assert found["numpy"].here and found["numpy"].version == numpy.__version__
    assert 3 in found["numpy"].units


def test_a_ready_unit_runs_exactly_where_all_its_tools_are():
    course = load()
    all_tools = {tool.name for tool in course.tools}
    assert [check.unit for check in check_units(course, all_tools) if check.can_run] == [1]
    for name in ("ipywidgets", "scikit-learn"):
        first = check_units(course, all_tools - {name})[0]
        assert first.missing == (name,) and not first.can_run
    assert all(check.missing for check in check_units(course, set()))


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        (replace(HEALTHY, python="3.10.12"), "Must change: Python is 3.10.12"),
        (replace(HEALTHY, memory_gb=1.0), "1.0 GB of memory"),
        (replace(HEALTHY, disk_free_gb=0.2), "0.2 GB of free space"),
        (replace(HEALTHY, thread_settings="MKL_NUM_THREADS is not set"), "thread setting"),
    ],
)
def test_each_finding_is_said_and_a_healthy_machine_has_none(machine, said):
    units = check_units(load(), {"ipywidgets", "scikit-learn"})
    assert find_problems(HEALTHY, units) == []
    assert [said in problem for problem in find_problems(machine, units)] == [True]


def test_what_cannot_be_known_is_no_problem():
    unknown = replace(HEALTHY, memory_gb=None, disk_free_gb=None)
    units = check_units(load(), {"ipywidgets", "scikit-learn"})
    assert find_problems(unknown, units) == []
    assert "unknown" in as_text(unknown, find_tools(load()), units, [])


def test_a_ready_unit_without_its_tools_must_change(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "installed_version", lambda package: None)
    code, said = call(capsys, as_json=False)
    assert code == 1
    assert "Must change: unit 1 is ready, but ipywidgets, scikit-learn is not here" in said


def test_cores_are_those_of_this_process():
    assert usable_cores() == len(os.sched_getaffinity(0))


def test_cores_are_counted_where_there_is_no_affinity(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1


def test_sizes_are_plausible(tmp_path):
    assert memory_gb() is None or 0.1 < memory_gb() < 1e5
    assert disk_free_gb(tmp_path) >= 0
    assert disk_free_gb(tmp_path / "nowhere") is None


def test_threads_are_named_in_one_order_whatever_the_order_of_the_environment():
    environ = {"MKL_NUM_THREADS": "4", "TOKEN": "x", "OMP_NUM_THREADS": "2"}
    said = say_threads(environ)
    assert said == say_threads(dict(reversed(environ.items())))
    assert said == "OMP_NUM_THREADS is 2; MKL_NUM_THREADS is 4; OPENBLAS_NUM_THREADS is not set"


def test_the_machine_is_looked_at_in_the_environment_that_is_handed_in(tmp_path):
    machine = look_at_machine({"OMP_NUM_THREADS": "7"}, tmp_path)
    assert "OMP_NUM_THREADS is 7" in machine.thread_settings
    assert machine.python.startswith("3.")


@pytest.mark.parametrize(
    ("numbers", "words"),
    [([2, 1], "units 1 and 2"), ([3, 1, 2], "units 1–3"), ([1, 2, 4, 6, 7, 8], "units 1, 2, 4 and 6–8")],
)
def test_runs_of_units_are_shortened(numbers, words):
    assert say_units(numbers) == words
