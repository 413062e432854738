"""Which set-up cells may run, beside the tests, before tests cells that stand before them in the notebook.

A class shares a process that has the set-up cells behind it (`judges`). Set-up cells between tests cells would have to
run for each submission; one that the tests before it cannot notice, and that cannot notice them, runs there once.
In doubt it stays where it is: that costs time, and changes nothing.
"""

from __future__ import annotations

import builtins
import os
import sys
import types
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from course.grading.names import changed_and_read
from course.grading.records import Cell

#: What reaches names that no reader of the source can tell.
REACHES_ANYTHING = frozenset(
    {"eval", "exec", "globals", "locals", "vars", "setattr", "delattr", "get_ipython", "__import__", "importlib"}
)
CONSTANT = (type(None), bool, int, float, complex, str, bytes, range)


@dataclass(frozen=True)
class Ahead:
    """A set-up cell that may run ahead if what it shares with the tests before it cannot change."""

    source: str
    shared: frozenset[str]


def may_run_ahead(cells: Iterable[Cell], student_names: frozenset[str]) -> tuple[Ahead, ...]:
    """Return the set-up cells among `cells`, up to the first that must stay behind the tests cells before it.

    >>> cells = [Cell("t", "tests", "assert f(days) == 3"), Cell("s", "set-up", "weeks = load(7)")]
    >>> [cell.source for cell in may_run_ahead(cells, frozenset({"f"}))]
    ['weeks = load(7)']
    >>> may_run_ahead([*cells[:1], Cell("s", "set-up", "days = load(7)")], frozenset({"f"}))
    ()
    """
    found: list[Ahead] = []
    changed_before: set[str] = set()
    read_before: set[str] = set()
    for cell in cells:
        if cell.role not in ("tests", "set-up"):
            continue
        names = changed_and_read(cell.source)
        if names is None or REACHES_ANYTHING & names[1]:
            break
        changed, read = names
        if cell.role == "tests":
            changed_before |= changed
            read_before |= read
            continue
        if changed & (changed_before | read_before | student_names) or read & (changed_before | student_names):
            break
        found.append(Ahead(cell.source, frozenset(read & read_before)))
    return tuple(found)


def changeable(shared: Iterable[str], names: Mapping[str, Any]) -> str:
    """Return one of the names whose value a call may change; nothing where none has one.

    >>> changeable({"len", "size", "rows"}, {"size": (3, 4), "rows": [1]})
    'rows'
    """
    for name in sorted(shared):
        if not _is_constant(names.get(name, getattr(builtins, name, names))):
            return name
    return ""


def _is_constant(value: Any) -> bool:
    if isinstance(value, tuple | frozenset):
        return all(map(_is_constant, value))
    if isinstance(value, type | types.FunctionType):
        return value.__module__ != "__main__"  # one of a cell may keep something
    return isinstance(value, types.ModuleType | types.BuiltinFunctionType) or type(value) in CONSTANT


def settings() -> tuple[Any, ...]:
    """Return what a cell may change for all that comes after it without a name: equal while it has not."""
    numpy, pandas, matplotlib = (sys.modules.get(name) for name in ("numpy", "pandas", "matplotlib"))
    return (
        list(warnings.filters),
        dict(os.environ),
        list(sys.path),
        os.getcwd(),  # noqa: PTH109 - may be anything
        sys.getrecursionlimit(),
        numpy and (numpy.geterr(), numpy.get_printoptions()),
        pandas and repr(pandas._config.config._global_config),
        matplotlib and dict(matplotlib.rcParams),
    )
