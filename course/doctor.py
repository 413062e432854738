"""`course doctor`: what this machine is, which tools of the course are on it, and which units can run now.

It looks and starts nothing: packages are read from their metadata, commands are looked for on PATH. It says of the
machine what helps to help, and leaves out what tells on its owner: no paths, no host or user name.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from course.display import join_words
from course.syllabus import Syllabus, load

SUMMARY = "say what this machine has, and which units can run on it"

NEEDS_PYTHON = (3, 11)
NEEDS_MEMORY_GB = 2.0
NEEDS_DISK_GB = 1.5
#: How many threads the numeric libraries start is read from these, once, when a library is loaded.
THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
GB = 1e9


@dataclass(frozen=True)
class Machine:
    """What the doctor sees: `cores` that this process may use, sizes in gigabytes, None where it cannot be known."""

    python: str
    system: str
    cores: int
    thread_settings: str
    memory_gb: float | None
    disk_free_gb: float | None


@dataclass(frozen=True)
class ToolFound:
    """One tool of the course: whether it is here, its version where a package says one, and the units that use it."""

    tool: str
    kind: str  # "package" or "command"
    lookup: str  # the name it was looked for under
    here: bool
    version: str
    units: tuple[int, ...]


@dataclass(frozen=True)
class UnitCheck:
    """One unit: whether it is written, what it lacks here, and whether it can run now (ready, and nothing lacks)."""

    unit: int
    title: str
    section: int
    state: str
    missing: tuple[str, ...]
    can_run: bool


# --- Looking ------------------------------------------------------------------------------------------------------


def look_at_machine(environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Machine:
    """Return what this machine is; `folder` is where free space is measured (default: here)."""
    return Machine(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}".strip(),
        cores=usable_cores(),
        thread_settings=say_threads(os.environ if environ is None else environ),
        memory_gb=memory_gb(),
        disk_free_gb=disk_free_gb(folder or Path()),
    )


def usable_cores() -> int:
    """Return the number of cores that this process may use: in a container often fewer than the machine has.

    `nproc` obeys OMP_NUM_THREADS and os.cpu_count counts what others use, so neither is asked first.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_gb() -> float | None:
    """Return the memory that this process can have, in gigabytes: the machine's, or a container's smaller limit."""
    try:
        import psutil

        sizes = [psutil.virtual_memory().total]
    except ImportError:
        sizes = []
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            sizes.append(int(Path(limit).read_text()))
        except (OSError, ValueError):  # not there, or the word "max"
            continue
    return round(min(sizes) / GB, 1) if sizes else None


def disk_free_gb(folder: Path) -> float | None:
    """Return the free space where `folder` lies, in gigabytes."""
    try:
        return round(shutil.disk_usage(folder).free / GB, 1)
    except OSError:
        return None


def say_threads(environ: Mapping[str, str]) -> str:
    """Say in words how the numeric libraries are told to count their threads.

    >>> say_threads({"OMP_NUM_THREADS": "1", "HOME": "somewhere"})
    'OMP_NUM_THREADS is 1; OPENBLAS_NUM_THREADS and MKL_NUM_THREADS are not set'
    """
    given = [f"{name} is {environ[name]}" for name in THREAD_SETTINGS if name in environ]
    absent = [name for name in THREAD_SETTINGS if name not in environ]
    if absent:
        given.append(f"{join_words(absent)} {'is' if len(absent) == 1 else 'are'} not set")
    return "; ".join(given)


def find_tools(syllabus: Syllabus) -> tuple[ToolFound, ...]:
    """Look for every tool that some unit uses: packages by their metadata, commands on PATH; nothing is started."""
    found = []
    for tool in syllabus.tools:
        units = tuple(unit.number for unit in syllabus.units if tool.key in unit.tools)
        if tool.package is not None:
            version = installed_version(tool.package)
            found.append(ToolFound(tool.name, "package", tool.package, version is not None, version or "", units))
        elif tool.command is not None:
            found.append(ToolFound(tool.name, "command", tool.command, bool(shutil.which(tool.command)), "", units))
    return tuple(found)


def installed_version(package: str) -> str | None:
    """Return the version of an installed package, or None.

    >>> installed_version("no-such-package-at-all") is None
    True
    """
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


# --- Judging ------------------------------------------------------------------------------------------------------


def check_units(syllabus: Syllabus, here: Collection[str]) -> tuple[UnitCheck, ...]:
    """Say of each unit what it lacks; `here` holds the names of the tools that were found.

    >>> check_units(load(), {"ipywidgets", "scikit-learn"})[0].can_run
    True
    >>> check_units(load(), {"ipywidgets"})[0].missing
    ('scikit-learn',)
    """
    checks = []
    for unit in syllabus.units:
        missing = tuple(name for name in (syllabus.tool(key).name for key in unit.tools) if name not in here)
        can_run = unit.state == "ready" and not missing
        checks.append(UnitCheck(unit.number, unit.title, unit.section, unit.state, missing, can_run))
    return tuple(checks)


def find_problems(machine: Machine, units: Sequence[UnitCheck]) -> list[str]:
    """Return what keeps the course from running well here, one sentence each; the first words say how bad it is."""
    problems = []
    major, minor = (int(part) for part in machine.python.split(".")[:2])
    if (major, minor) < NEEDS_PYTHON:
        problems.append(f"Must change: Python is {machine.python}; the course needs 3.11 or newer.")
    for unit in units:
        if unit.state == "ready" and unit.missing:
            lacks = ", ".join(unit.missing)
            problems.append(f"Must change: unit {unit.unit} is ready, but {lacks} is not here; run the set-up again.")
    if machine.memory_gb is not None and machine.memory_gb < NEEDS_MEMORY_GB:
        problems.append(f"May be slow: {machine.memory_gb} GB of memory; {NEEDS_MEMORY_GB:g} are comfortable.")
    if machine.disk_free_gb is not None and machine.disk_free_gb < NEEDS_DISK_GB:
        problems.append(f"May fail: {machine.disk_free_gb} GB of free space; a fresh set-up takes {NEEDS_DISK_GB:g}.")
    if "not set" in machine.thread_settings:
        problems.append("May be slow or vary: not every thread setting is set; `make lab` and start.py set them to 1.")
    return problems


# --- The command --------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course doctor`."""
    parser.add_argument("--json", action="store_true", help="write the report as JSON, for another program")


def run(args: argparse.Namespace) -> int:
    """Print the report; return 1 when something must change before the units that are ready can run."""
    syllabus = load()
    machine, tools = look_at_machine(), find_tools(syllabus)
    units = check_units(syllabus, {tool.tool for tool in tools if tool.here})
    problems = find_problems(machine, units)
    if args.json:
        report = {
            "machine": asdict(machine),
            "tools": [asdict(tool) for tool in tools],
            "units": [asdict(unit) for unit in units],
            "problems": problems,
        }
        json.dump(report, sys.stdout, indent=2)
        print()
    else:
        print(as_text(machine, tools, units, problems))
    return 1 if any(problem.startswith("Must") for problem in problems) else 0


def as_text(machine: Machine, tools: Sequence[ToolFound], units: Sequence[UnitCheck], problems: Sequence[str]) -> str:
    """Return the report for a person."""
    here = [tool for tool in tools if tool.here]
    lines = [
        "This machine",
        f"  Python    {machine.python} on {machine.system}",
        f"  cores     {machine.cores} that this process may use",
        f"  threads   {machine.thread_settings}",
        f"  memory    {say_gb(machine.memory_gb)}",
        f"  disk      {say_gb(machine.disk_free_gb)} free here",
        "",
        f"Tools of the course: {len(here)} of {len(tools)} are here",
    ]
    width = max(len(tool.tool) for tool in tools)
    for tool in sorted(tools, key=lambda tool: not tool.here):
        state = (tool.version or "on PATH") if tool.here else "not here"
        lines.append(f"  {tool.tool:<{width}}  {state:<12}  {say_units(tool.units)}")
    lines += ["", "Units", f"  can run now: {say_units([unit.unit for unit in units if unit.can_run])}"]
    waiting = [unit.unit for unit in units if unit.state != "ready"]
    equipped = [unit.unit for unit in units if unit.state != "ready" and not unit.missing]
    lines.append(f"  not written yet: {say_units(waiting)}")
    lines.append(f"  of these, every tool is here already for: {say_units(equipped)}")
    lines += ["", "Findings", *(f"  {problem}" for problem in problems or ["Nothing to change."])]
    return "\n".join(lines)


def say_gb(size: float | None) -> str:
    """Return a size in words.

    >>> say_gb(15.6), say_gb(None)
    ('15.6 GB', 'unknown')
    """
    return "unknown" if size is None else f"{size:.1f} GB"


def say_units(numbers: Collection[int]) -> str:
    """Return unit numbers in words, runs of them shortened.

    >>> say_units([1, 3, 4, 5, 9])
    'units 1, 3–5 and 9'
    >>> say_units([7]), say_units([])
    ('unit 7', 'none')
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = []
    for one in runs:
        words += [str(one[0])] if len(one) == 1 else [f"{one[0]}–{one[-1]}"] if len(one) > 2 else [str(n) for n in one]
    return ("" if not words else "unit " if len(numbers) == 1 else "units ") + join_words(words)
