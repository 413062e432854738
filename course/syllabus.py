"""The course as data: sections, units, pillars, tools, and what each unit needs, read from `syllabus.toml`.

Pure apart from reading that one file, and cheap to import: the command line, the doctor and lesson 1 use it.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from course.errors import CourseError

FILE = Path(__file__).with_name("syllabus.toml")
STATES = ("ready", "planned")
KINDS = ("lesson", "game day", "capstone")


class BadSyllabus(CourseError):
    """A syllabus that must not be used; the message lists every problem found."""


@dataclass(frozen=True)
class Pillar:
    """One of the five ideas that the course stands on."""

    name: str
    promise: str


@dataclass(frozen=True)
class Tool:
    """A tool that units use: a package, by its name on PyPI, or else a command on PATH."""

    key: str
    name: str
    package: str | None = None
    command: str | None = None


@dataclass(frozen=True)
class Section:
    """A part of the course; `pillar` is None where a section builds on all of them."""

    number: int
    name: str
    story: str
    pillar: str | None = None


@dataclass(frozen=True)
class Unit:
    """One sitting: a lesson, the game day or the capstone; `needs` are the unit numbers that it needs directly."""

    number: int
    section: int
    title: str
    short: str
    minutes: int
    state: str
    needs: tuple[int, ...]
    tools: tuple[str, ...]
    problem: str
    graded: str
    kind: str = "lesson"


@dataclass(frozen=True)
class Syllabus:
    """The whole course: everything in it is in the order of its numbers."""

    title: str
    pillars: tuple[Pillar, ...]
    tools: tuple[Tool, ...]
    sections: tuple[Section, ...]
    units: tuple[Unit, ...]

    def unit(self, number: int) -> Unit:
        """Return one unit.

        >>> load().unit(2).title
        'The ML Lifecycle and Technical Debt'
        """
        if not 1 <= number <= len(self.units):
            raise CourseError(f"there is no unit {number}; units are numbered 1 to {len(self.units)}")
        return self.units[number - 1]

    def section(self, number: int) -> Section:
        """Return one section."""
        if not 1 <= number <= len(self.sections):
            raise CourseError(f"there is no section {number}; sections are numbered 1 to {len(self.sections)}")
        return self.sections[number - 1]

    def units_of(self, section: int) -> tuple[Unit, ...]:
        """Return the units of one section."""
        return tuple(unit for unit in self.units if unit.section == self.section(section).number)

    def pillar_of(self, number: int) -> str | None:
        """Return the pillar of a unit: its section's, None where a section builds on all five."""
        return self.section(self.unit(number).section).pillar

    def tool(self, key: str) -> Tool:
        """Return one tool by its key."""
        for tool in self.tools:
            if tool.key == key:
                return tool
        raise CourseError(f"there is no tool {key!r} in the syllabus")

    def road_to(self, number: int) -> tuple[int, ...]:
        """Return the numbers of all units that a unit needs, directly or through others, in order, without itself.

        >>> load().road_to(5)
        (1, 4)
        """
        found: set[int] = set()
        todo = list(self.unit(number).needs)
        while todo:
            needed = todo.pop()
            if needed not in found:
                found.add(needed)
                todo.extend(self.unit(needed).needs)
        return tuple(sorted(found))

    def minutes_of(self, numbers: Iterable[int]) -> int:
        """Return the minutes that these units take together."""
        return sum(self.unit(number).minutes for number in numbers)


def weeks_for(minutes: int, minutes_a_week: int) -> int:
    """Return the number of weeks in which `minutes` are done: a week that is begun counts.

    >>> weeks_for(150, 120)
    2
    """
    if minutes_a_week <= 0:
        raise ValueError(f"minutes a week are a number above 0; given: {minutes_a_week}")
    return math.ceil(minutes / minutes_a_week)


@cache
def load() -> Syllabus:
    """Return the course's own syllabus."""
    return parse(FILE.read_text(encoding="utf-8"))


def parse(text: str) -> Syllabus:
    """Read and check a syllabus written as TOML.

    Raises BadSyllabus with every problem in it: text that is no TOML, missing, unknown or mistyped keys, numbers
    that do not run from 1 without a gap, units that need a later unit or themselves, names that nothing bears.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadSyllabus(f"the syllabus is not TOML: {error}") from error
    problems: list[str] = []
    whole = _keep_known(raw, {"title": str, "pillars": list, "tools": dict, "sections": list, "units": list}, problems)
    _stop_at(problems)
    pillars = _tables(raw["pillars"], "pillar", _PILLAR, problems)
    tools = [
        _keep_known({"key": key, **_table(value)}, _TOOL, problems, f"tool {key!r}", optional=_TOOL_MAY)
        for key, value in raw["tools"].items()
    ]
    sections = _tables(raw["sections"], "section", _SECTION, problems, optional={"pillar": str})
    units = _tables(raw["units"], "unit", _UNIT, problems, optional={"kind": str})
    _stop_at(problems)
    syllabus = Syllabus(
        whole["title"],
        tuple(Pillar(**pillar) for pillar in pillars),
        tuple(Tool(**tool) for tool in tools),
        tuple(Section(**section) for section in sections),
        tuple(Unit(**unit | {"needs": tuple(unit["needs"]), "tools": tuple(unit["tools"])}) for unit in units),
    )
    _check(syllabus, problems)
    _stop_at(problems)
    return syllabus


_PILLAR = {"name": str, "promise": str}
_TOOL = {"key": str, "name": str}
_TOOL_MAY = {"package": str, "command": str}
_SECTION = {"number": int, "name": str, "story": str}
_UNIT = {
    "number": int,
    "section": int,
    "title": str,
    "short": str,
    "minutes": int,
    "state": str,
    "needs": list,
    "tools": list,
    "problem": str,
    "graded": str,
}
#: What a list holds.
_ITEMS = {"needs": int, "tools": str}
_WORDS = {int: "a whole number", str: "text", list: "a list", dict: "a table"}


def _stop_at(problems: list[str]) -> None:
    if problems:
        raise BadSyllabus("\n  ".join([f"{len(problems)} problem(s) in the syllabus:", *problems]))


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tables(
    values: list[Any],
    what: str,
    wanted: Mapping[str, type],
    problems: list[str],
    optional: Mapping[str, type] | None = None,
) -> list[dict[str, Any]]:
    kept = []
    for place, value in enumerate(values, start=1):
        table = _table(value)
        kept.append(_keep_known(table, wanted, problems, f"{what} {table.get('number', place)}", optional or {}))
    return kept


def _keep_known(
    table: Mapping[str, Any],
    wanted: Mapping[str, type],
    problems: list[str],
    where: str = "the syllabus",
    optional: Mapping[str, type] | None = None,
) -> dict[str, Any]:
    """Return the table when its keys and types are the wanted ones; what is not goes to `problems`."""
    allowed = {**wanted, **(optional or {})}
    problems += [f"{where}: it has no {key!r}" for key in wanted if key not in table]
    problems += [
        f"{where}: the key {key!r} is not known; known are {', '.join(allowed)}" for key in table.keys() - allowed
    ]
    for key, kind in allowed.items():
        if key in table and type(table[key]) is not kind:
            problems.append(f"{where}: {key} = {table[key]!r} should be {_WORDS[kind]}")
        elif key in table and key in _ITEMS and any(type(item) is not _ITEMS[key] for item in table[key]):
            problems.append(f"{where}: {key} = {table[key]!r} should hold nothing but {_WORDS[_ITEMS[key]]} each")
        elif key in table and kind is str and not table[key].strip():
            problems.append(f"{where}: {key} is empty")
    return dict(table)


def _check(syllabus: Syllabus, problems: list[str]) -> None:
    """Check what the parts say about each other."""
    for what, parts in (("section", syllabus.sections), ("unit", syllabus.units)):
        numbers = [part.number for part in parts]
        if numbers != list(range(1, len(numbers) + 1)):
            problems.append(f"{what}s are numbered {numbers}; number them 1, 2, 3 … in the order of the file")
    pillars = [pillar.name for pillar in syllabus.pillars]
    tools = [tool.key for tool in syllabus.tools]
    titles = [unit.title for unit in syllabus.units]
    shorts = [unit.short for unit in syllabus.units]
    for what, names in (("pillar", pillars), ("title", titles), ("short title", shorts)):
        problems += [f"the {what} {name!r} is given twice" for name in sorted({n for n in names if names.count(n) > 1})]
    for tool in syllabus.tools:
        if (tool.package is None) == (tool.command is None):
            problems.append(f"tool {tool.key!r}: it has either a package or a command; give exactly one of them")
    for section in syllabus.sections:
        if section.pillar is not None and section.pillar not in pillars:
            problems.append(f"section {section.number}: there is no pillar {section.pillar!r}; there are {pillars}")
    sections = {section.number for section in syllabus.sections}
    for unit in syllabus.units:
        where = f"unit {unit.number}"
        if unit.section not in sections:
            problems.append(f"{where}: there is no section {unit.section}")
        if unit.state not in STATES:
            problems.append(f"{where}: state = {unit.state!r}; a unit is {' or '.join(STATES)}")
        if unit.kind not in KINDS:
            problems.append(f"{where}: kind = {unit.kind!r}; a unit is a {', a '.join(KINDS)}")
        if unit.minutes <= 0:
            problems.append(f"{where}: minutes = {unit.minutes}; give a number above 0")
        late = [number for number in unit.needs if not 1 <= number < unit.number]
        if late:
            problems.append(f"{where}: it needs {late}; a unit needs earlier ones only")
        if list(unit.needs) != sorted(set(unit.needs)):
            problems.append(f"{where}: needs = {list(unit.needs)}; name each once, in order")
        problems += [f"{where}: there is no tool {key!r}" for key in unit.tools if key not in tools]
    for earlier, later in zip(syllabus.units, syllabus.units[1:], strict=False):
        if later.section < earlier.section:
            problems.append(
                f"unit {later.number} is in section {later.section}, after one of section {earlier.section}"
            )
