"""What the student's side may do with an object of the tests' own: use it as it was meant, never look behind it.

A callback may be called, an object's attributes read and data in it set. Functions know the namespace that they were
written in, generators their frame, and from a namespace it is one step to everything; so names that lead there are
refused, and so is putting something else in the place of what the tests' objects can do.
"""

from __future__ import annotations

import inspect
import sys
import types
from typing import Any

#: Attributes without underscores that lead to frames, code and namespaces.
BEHIND = {
    "gi_frame", "gi_code", "gi_yieldfrom", "cr_frame", "cr_code", "cr_await", "cr_origin", "ag_frame", "ag_code",
    "ag_await", "tb_frame", "tb_next", "f_back", "f_builtins", "f_code", "f_globals", "f_locals", "mro",
}  # fmt: skip
#: Objects that are the machinery itself; nothing is done with them for a student.
MACHINERY = (types.ModuleType, types.FrameType, types.CodeType, types.TracebackType)


class NotYours(AttributeError):
    """A student's code reached for what belongs to the tests."""


def check(kind: str, target: Any, arguments: tuple[Any, ...]) -> None:
    """Raise NotYours for an operation that looks behind an object of the tests, or changes what it can do.

    >>> check("getattr", print, ("__self__",))
    Traceback (most recent call last):
    course.grading.handed_over.NotYours: __self__ belongs to the tests
    """
    if isinstance(target, MACHINERY) or type(target).__module__.startswith(("IPython.", "course.grading.")):
        raise NotYours(f"a {type(target).__name__} belongs to the tests")
    if kind not in ("getattr", "setattr", "delattr"):
        return
    name = arguments[0] if arguments else None
    if type(name) is not str:
        raise NotYours("an attribute's name is a text")
    hidden = name.startswith("__") or name in BEHIND or (_is_mock(target) and _is_of_mocks(name))
    if hidden or (kind != "getattr" and not _is_data(target, name)):
        raise NotYours(f"{name} belongs to the tests")


def is_behaviour(kind: type, name: str) -> bool:
    """Whether a class says what `name` does: an instance must not bring something else along under that name.

    >>> is_behaviour(list, "append"), is_behaviour(list, "owner")
    (True, False)
    """
    found = inspect.getattr_static(kind, name, None)
    return name.startswith("__") or callable(found) or hasattr(type(found), "__get__")


def _is_data(target: Any, name: str) -> bool:
    """Whether an attribute may be set: data of an instance, neither a method nor anything of a class or function."""
    if isinstance(target, type | types.FunctionType | types.MethodType | types.BuiltinFunctionType):
        return False
    return not callable(inspect.getattr_static(target, name, None)) and not is_behaviour(type(target), name)


def _is_mock(target: Any) -> bool:
    mock = sys.modules.get("unittest.mock")
    return mock is not None and isinstance(target, mock.NonCallableMock)


def _is_of_mocks(name: str) -> bool:
    """Whether a name is a mock's own: what a test asks of it afterwards, and how it is told what to do."""
    return hasattr(sys.modules["unittest.mock"].Mock, name) or name in ("return_value", "side_effect")
