"""The tests' side of the wall: what stands for a student's function, class or object, and how it is asked.

A proxy sends what is done with it across, and gets data, or another proxy, back. It never lets the student's side
judge: compared with anything that is not a proxy it is unequal without asking, and what a claimed scikit-learn
estimator scores is computed here, from its predictions.
"""

from __future__ import annotations

import builtins
import collections
import contextlib
import hashlib
import importlib
import inspect
import io
import pickle
import random
import sys
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from course.grading import frames, student_side
from course.grading.dice import get_chance
from course.grading.files import Folder
from course.grading.handed_over import check, is_behaviour
from course.grading.wire import Channel, Closed, Late, Malformed, Unpacker

#: Libraries whose classes and exceptions a handle may claim to be: `isinstance` believes it, and nothing follows.
LIBRARIES = ("builtins", "sklearn", "numpy", "pandas", "scipy", "matplotlib", "collections", "json", "decimal", "abc")
FUNCTIONS = {
    ("builtins", "function"): types.FunctionType,
    ("builtins", "builtin_function_or_method"): types.BuiltinFunctionType,
    ("builtins", "method"): types.MethodType,
    ("builtins", "generator"): types.GeneratorType,
    ("builtins", "coroutine"): types.CoroutineType,
}
#: Rooms of the course whose classes no student's value is an instance of.
MACHINERY = ("course.grading", "course.pack", "course.authoring", "course.cli")
#: Modules of scikit-learn that do something when they are imported.
NOT_IMPORTED = {"conftest", "experimental", "externals", "tests"}
#: What is asked of data with another value in hand. Of a thing that is no data the answer would be the student's word.
JUDGING = {
    "equals", "eq", "ne", "lt", "le", "gt", "ge", "sub", "subtract", "rsub", "compare", "isin", "identical", "corr",
    "corrwith", "startswith", "endswith", "issubset", "issuperset", "isdisjoint", "difference", "symmetric_difference",
}  # fmt: skip
#: Dunder names that mean the same on both sides; all others are answered here, or not at all.
ASKED = {"__name__", "__qualname__", "__doc__", "__dict__", "__annotations__", "__defaults__", "__wrapped__"}
MOST_TEXT = 200_000


class Asker:
    """One tests cell's line to the student's side."""

    def __init__(
        self,
        channel: Channel,
        folder: Folder,
        ours: Mapping[str, Any],
        answers: str = "",
        student_names: frozenset[str] = frozenset(),
    ) -> None:
        self._channel, self._folder, self._ours = channel, folder, ours
        self.student_names = student_names  # what the student was asked to write, classes among them
        self.broken = ""  # what ended the talk for good: a test that catches every exception must not pass over it
        self.answers = answers  # what the student handed in, for inspect.getsource
        self._one_at_a_time = threading.RLock()  # a callback asks while its caller waits: the same thread
        self._own: list[Any] = []
        self._own_numbers: dict[int, int] = {}
        self._error_classes: dict[int, type] = {}
        self._chance_there: Any = None
        self._turns = 0
        self.salt = ""  # what makes the tests' dice theirs, and the same in each run
        self._given: dict[str, Any] = {}
        self.namespace: dict[str, Any] = {}  # where the tests cell reads names
        self.deadline: Callable[[], float] = lambda: 60.0  # seconds that are left for this tests cell

    # --- asking -----------------------------------------------------------------------------------------------

    def ask(self, kind: str, *arguments: Any, **named: Any) -> Any:
        """Have something done on the student's side; return data or proxies, raise what it raised.

        Threads of a tests cell wait for each other: the student's side does one thing at a time.
        """
        with self._one_at_a_time:
            return self._ask(kind, arguments, named)

    def _ask(self, kind: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        request: dict[str, Any] = {"op": kind}
        rest = arguments
        if arguments and type(arguments[0]) is Proxy:  # by its number, so that all else may be plain data
            request["on"], rest = object.__getattribute__(arguments[0], "_course_about")["id"], arguments[1:]
        buffers = self._pickled((rest, named), request)
        if kind != "names":  # which needs nothing, and is read where student code runs later: see `_Stage.serve`
            self._bring_along(request, buffers)
        try:
            self._channel.send(request, buffers)
            buffers.clear()  # views of arrays that the answer may change
            while True:
                answer, data = self._channel.receive(self.deadline())
                if isinstance(answer, dict) and "back" in answer:
                    self._serve(answer, data)
                    continue
                return self._read(answer, data, [*arguments, *named.values()])
        except (Closed, Late, Malformed) as error:
            self.broken = {Closed: "died", Late: "hung"}.get(type(error), "failed")
            raise
        except (StopIteration, StopAsyncIteration) as error:
            if kind == "next":
                raise
            # Python's own rule for generators: it must not end an iteration of the tests' (`all(map(...))`).
            raise RuntimeError(f"it raised {type(error).__name__}") from error

    def names(self, wanted: frozenset[str]) -> dict[str, Any]:
        """Return those of the wanted names that the student has bound, as data or proxies."""
        found = self.ask("names", *sorted(wanted))
        if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
            raise Malformed("no names")
        self._given = {name: value for name, value in found.items() if name in wanted}
        return self._given

    def _bring_along(self, request: dict[str, Any], buffers: list[bytes | memoryview]) -> None:
        chance = get_chance()
        if chance != self._chance_there:
            request["chance"] = len(buffers)
            buffers.append(pickle.dumps(chance))
        self._chance_there = chance
        files = self._folder.changes()
        if files:
            request["files"] = len(buffers)
            buffers.append(pickle.dumps(files))
        if builtins.input is not student_side.nobody_answers:
            request["input"] = self._number(builtins.input)

    def _read(self, answer: Any, data: list[bytearray], arguments: list[Any]) -> Any:
        if not isinstance(answer, dict):
            raise Malformed("no answer")
        unpacker = Unpacker(data, self.proxy_of, arguments, self._class_of)
        for stream, text in ((sys.stdout, answer.get("out")), (sys.stderr, answer.get("err"))):
            if isinstance(text, str) and text:
                stream.write(text[:MOST_TEXT])
        if "chance" in answer:
            self._throw_anew(unpacker.unpack(answer["chance"]))
        if "files" in answer:
            files = unpacker.unpack(answer["files"])
            if isinstance(files, dict):
                self._folder.write({k: v for k, v in files.items() if v is None or type(v) is bytes})
        for place, tree in _pairs(answer.get("changed")):
            if 0 <= place < len(arguments):
                copy_into(arguments[place], unpacker.unpack(tree))
        for name, tree in _named(answer.get("names")):
            self._follow(name, unpacker.unpack(tree))
        if answer.get("ok") is True:
            return unpacker.unpack(answer.get("value"))
        raise self._error_of(answer.get("value"), unpacker)

    def _throw_anew(self, theirs: Any) -> None:
        """Move those global generators on that a call has moved, to where the student's side cannot foresee.

        A test sees that they were touched; what it draws afterwards is not what a student has set up.
        """
        here = get_chance()
        moved = [not isinstance(theirs, list) or theirs[place : place + 1] != [was] for place, was in enumerate(here)]
        self._turns += 1
        seed = hashlib.sha256(f"{self._turns}:{self.salt}".encode()).digest()
        if moved[0]:
            random.seed(seed)
        if moved[1:] == [True]:
            import numpy as np

            np.random.seed(int.from_bytes(seed[:4]))
        self._chance_there = get_chance()

    def _follow(self, name: str, now: Any) -> None:
        """Bring a name up to date that a call has changed, unless the tests cell has bound it itself since."""
        if name not in self._given or self.namespace.get(name) is not self._given[name]:
            return
        was = self._given[name]
        if type(now) is type(was) and isinstance(was, list | dict | set):
            copy_into(was, now)  # in place: the tests cell may hold it under another name
        else:
            self._given[name] = self.namespace[name] = now

    # --- being asked ------------------------------------------------------------------------------------------

    def _serve(self, message: dict[str, Any], data: list[bytearray]) -> None:
        """Do something with an object of the tests' own for the student's side."""
        reply: dict[str, Any] = {"reply": True}
        try:
            number, kind = message["back"], message["kind"]
            target = self._own[number]
            arguments, named = Unpacker(data, self.proxy_of, (), self._class_of).unpack(message["value"])
            if not isinstance(named, dict) or kind not in student_side.OPERATIONS:
                raise Malformed("no call")
            check(kind, target, arguments)
            value = student_side.OPERATIONS[kind](target, *arguments, **named)
            payload = self._pickled(value, reply)
        except (Late, Malformed):
            raise
        except BaseException as error:
            reply = {"reply": False}
            payload = self._pickled(error, reply)
        self._channel.send(reply, payload)

    def _number(self, value: Any) -> int:
        number = self._own_numbers.get(id(value))
        if number is None:
            number = self._own_numbers[id(value)] = len(self._own)
            self._own.append(value)
        return number

    def _pickled(self, value: Any, message: dict[str, Any]) -> list[bytes | memoryview]:
        """Return a value as the buffers of a message, and note in the message how many of them belong together."""
        # Most of what crosses is plain data, and pickled in C. Proxies refuse it; what belongs to cells names __main__.
        with contextlib.suppress(Exception):
            data, *apart = frames.dumps(value)
            if b"__main__" not in data and b"unittest.mock" not in data:
                message["apart"] = len(apart)
                return [data, *apart]
        buffer = io.BytesIO()
        try:
            _Pickler(buffer, self, ()).dump(value)
        except Exception:
            # Something in it does not pickle (a generator, a lock, an open file): what does not becomes remote.
            buffer = io.BytesIO()
            _Pickler(buffer, self, _unpicklable(value, self)).dump(value)
        return [buffer.getvalue()]

    # --- building ---------------------------------------------------------------------------------------------

    def proxy_of(self, about: Any) -> Any:
        """Return what stands for an object that stayed on the student's side."""
        if not isinstance(about, dict) or type(about.get("id")) is not int:
            raise Malformed("no handle")
        line = _line(about.get("line"))
        if line and ["builtins", "BaseException"] in line:
            return self._error_class(about["id"], line)
        proxy = object.__new__(Proxy)
        object.__setattr__(proxy, "_course_asker", self)
        object.__setattr__(proxy, "_course_about", about)
        object.__setattr__(proxy, "_course_class", self._claimed_class(_line(about.get("classes"))))
        return proxy

    def _claimed_class(self, line: list[list[str]]) -> type | None:
        if not line:
            return None
        function = FUNCTIONS.get((line[0][0], line[0][1]))
        if function is not None:
            return function
        for module, name in line:
            found = self._class_of(module, name) or library_class(module, name)
            if found is not None and _is_claimable(found):
                return found
        return None

    def _class_of(self, module: str, name: str) -> type | None:
        """Find a class of our own set-up cells, or of the course's package, that both sides have."""
        found: Any
        if module == "__main__":
            found = self._ours.get(name)
        elif module.split(".")[0] == "course" and module in sys.modules and not module.startswith(MACHINERY):
            found = sys.modules[module]
            for part in name.split("."):
                found = getattr(found, part, None)
        else:
            return None
        return found if isinstance(found, type) else None

    def _error_class(self, number: int, line: list[list[str]]) -> type:
        """Return a class that stands for an exception class of the student's, the same one each time."""
        known = library_class(*line[0])
        if known is not None and issubclass(known, BaseException):
            return known
        if number not in self._error_classes:
            base = next(
                found
                for module, name in [*line[1:], ["builtins", "Exception"]]
                if (found := library_class(module, name)) is not None and issubclass(found, BaseException)
            )
            self._error_classes[number] = type(line[0][1].rsplit(".")[-1], (base,), {"__module__": "__main__"})
        return self._error_classes[number]

    def _error_of(self, about: Any, unpacker: Unpacker) -> BaseException:
        if not isinstance(about, dict):
            raise Malformed("no error")
        tag = about.get("tag")
        if type(tag) is int and 0 <= tag < len(self._own) and isinstance(self._own[tag], BaseException):
            return self._own[tag]
        line, text = _line(about.get("line")), about.get("text")
        if not line or ["builtins", "BaseException"] not in line or type(about.get("class")) is not int:
            raise Malformed("no error")
        kind = self._error_class(about["class"], line)
        words = unpacker.unpack(about.get("args"))
        try:
            error = kind(*words)
        except Exception:
            error = kind.__new__(kind)
            error.args = (text,) if isinstance(text, str) else ()
        fields = unpacker.unpack(about.get("fields"))
        if isinstance(fields, dict):
            for name, value in fields.items():
                if isinstance(name, str) and not name.startswith("__"):
                    with contextlib.suppress(Exception):
                        setattr(error, name, value)
        return error


def _pairs(value: Any) -> Iterator[tuple[int, Any]]:
    if isinstance(value, list):
        for pair in value:
            if isinstance(pair, list) and len(pair) == 2 and type(pair[0]) is int:
                yield pair[0], pair[1]


def _named(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for pair in value:
            if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str):
                yield pair[0], pair[1]


def _line(value: Any) -> list[list[str]]:
    """Return a line of classes as it was sent, or [] for what is none."""
    if not isinstance(value, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair) for pair in value
    ):
        return []
    return value


def library_class(module: str, name: str) -> type | None:
    """Return a class of a known library by name, None for any other.

    >>> library_class("json.decoder", "JSONDecodeError").__name__, library_class("os", "system")
    ('JSONDecodeError', None)
    """
    if module.split(".")[0] not in LIBRARIES:
        return None
    found: Any = sys.modules.get(module) or _public_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None


def _public_module(module: str) -> Any:
    """Import a module of scikit-learn that a stranger names: estimators live in many, and tests judge all of them."""
    top, *parts = module.split(".")
    import_it = top == "sklearn" and parts and all(part.isidentifier() and not part.startswith("__") for part in parts)
    if not import_it or NOT_IMPORTED & set(parts):
        return None
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def _is_claimable(kind: type) -> bool:
    """Whether a handle may say that it is of a class. Data travels as data: a handle is no number, text or frame.

    >>> _is_claimable(ValueError), _is_claimable(float), _is_claimable(dict)
    (True, False, False)
    """
    if issubclass(kind, BaseException) or kind is type:
        return True
    numpy = sys.modules.get("numpy")
    if numpy is not None and issubclass(kind, numpy.ndarray | numpy.generic):
        return False
    if kind.__module__.split(".")[0] in ("builtins", "pandas", "decimal"):
        return False
    return not issubclass(kind, int | float | complex | str | bytes | list | tuple | dict | set | frozenset)


def copy_into(target: Any, new: Any) -> None:
    """Make an argument of the tests' own what the call made of the student's copy of it."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if isinstance(target, Proxy):
        return
    if isinstance(target, random.Random):
        target.setstate(new)
    elif isinstance(target, io.StringIO) and isinstance(new, tuple):
        target.seek(0)
        target.truncate()
        target.write(new[0])
        target.seek(new[1])
    elif numpy is not None and isinstance(target, numpy.random.Generator):
        target.bit_generator.state = new
    elif isinstance(target, collections.deque) and isinstance(new, collections.deque):
        target.clear()
        target.extend(new)
    elif isinstance(target, list | bytearray) and isinstance(new, list | bytearray):
        target[:] = new
    elif (isinstance(target, dict) and isinstance(new, dict)) or (isinstance(target, set) and isinstance(new, set)):
        target.clear()
        target.update(new)
    elif numpy is not None and isinstance(target, numpy.ndarray) and isinstance(new, numpy.ndarray):
        if target.shape == new.shape and target.dtype == new.dtype and target.flags.writeable:
            target[...] = new
        else:
            target.resize(new.shape, refcheck=False)
            target[...] = new
    elif pandas is not None and isinstance(target, pandas.DataFrame | pandas.Series) and type(new) is type(target):
        target._mgr = new._mgr  # the frame's data, by reference: there is no public way to replace it in place
        if isinstance(target, pandas.Series):
            target._name = new._name
    elif student_side._has_state(target):
        state = new.__dict__ if isinstance(new, Proxy) else new if isinstance(new, dict) else vars(new)
        if isinstance(state, dict):
            _set_state(target, state)


def _set_state(target: Any, state: Mapping[Any, Any]) -> None:
    """Set what an object holds, and leave what it does: a fitted model's `score` stays the library's."""
    for name, value in state.items():
        if type(name) is not str or is_behaviour(type(target), name) or name == "scoring":
            continue
        if name == "scorer_":
            from sklearn.metrics import check_scoring

            value = check_scoring(target.estimator, target.scoring)
        with contextlib.suppress(Exception):
            target.__dict__[name] = value


def _unpicklable(value: Any, asker: Asker) -> frozenset[int]:
    """Return the identities of the parts, down to two levels, that do not pickle by themselves."""
    found: set[int] = set()

    def look(part: Any, depth: int) -> None:
        try:
            _Pickler(io.BytesIO(), asker, ()).dump(part)
        except Exception:
            inner: list[Any] = []
            if type(part) in (list, tuple, set):
                inner = list(part)
            elif type(part) is dict:
                inner = [*part.keys(), *part.values()]
            if inner and depth:
                for item in inner:
                    look(item, depth - 1)
            else:
                found.add(id(part))

    look(value, 4)
    return frozenset(found)


class _Pickler(pickle.Pickler):
    """Pickle towards the student's side: what belongs to the tests only becomes remote, proxies find home."""

    def __init__(self, buffer: io.BytesIO, asker: Asker, remote: Any) -> None:
        super().__init__(buffer, protocol=5)
        self._asker, self._remote = asker, remote

    def reducer_override(self, value: Any) -> Any:
        if type(value) is Proxy:
            return student_side.own, (object.__getattribute__(value, "_course_about")["id"],)
        if isinstance(value, types.ModuleType):
            return importlib.import_module, (value.__name__,)
        if id(value) in self._remote or isinstance(value, types.GeneratorType | types.LambdaType | types.MethodType):
            return self._as_remote(value) if not self._is_shared(value) else NotImplemented
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, BaseException) and not self._is_shared(type(value)):
            line = [base.__name__ for base in type(value).__mro__]
            words = tuple(word for word in value.args if isinstance(word, str | int | float | bool | None))
            tag = self._asker._number(value)
            return student_side.remote_error, (tag, type(value).__name__, line, words)
        if type(value).__module__ == "unittest.mock" or not self._is_shared(type(value)):
            return self._as_remote(value)
        return NotImplemented

    def _class(self, value: type) -> Any:
        for number, known in self._asker._error_classes.items():
            if known is value:
                return student_side.own, (number,)
        return NotImplemented if self._is_shared(value) else self._as_remote(value)

    def _as_remote(self, value: Any) -> Any:
        name = str(getattr(value, "__name__", type(value).__name__))
        return student_side.Remote, (self._asker._number(value), name)

    def _is_shared(self, value: Any) -> bool:
        """Whether the student's side finds the same class or function under the same name."""
        module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
        if isinstance(value, types.MethodType):
            return False
        if module == "__main__":
            return self._asker._ours.get(name) is value
        return "<" not in name


def _operation(name: str) -> Callable[..., Any]:
    def ask(self: Proxy, *arguments: Any) -> Any:
        return _asker(self).ask(name, self, *arguments)

    return ask


def _arithmetic(name: str) -> Callable[..., Any]:
    """Calculate there. With a value of the tests' the result must be a thing, too, as a vector times 3 is a vector.

    A number would be the student's word for how far off the student's answer is.
    """

    def ask(self: Proxy, other: Any) -> Any:
        return _thing(_asker(self).ask(name, self, other), other)

    return ask


def _swapped(name: str) -> Callable[..., Any]:
    def ask(self: Proxy, other: Any) -> Any:
        return _thing(_asker(self).ask(name, other, self), other)

    return ask


def _thing(result: Any, other: Any) -> Any:
    if type(other) is not Proxy and type(result) is not Proxy:
        raise TypeError(f"a student's object and a {type(other).__name__} make no {type(result).__name__} in a test")
    return result


def _is_asked_for(proxy: Proxy) -> bool:
    """Whether it is of a class that the student was asked to write, so that what it says of itself is the answer."""
    line = _line(object.__getattribute__(proxy, "_course_about").get("classes"))
    return any(module == "__main__" and name in _asker(proxy).student_names for module, name in line)


def _between_proxies(name: str, otherwise: Any) -> Callable[[Any, Any], Any]:
    """Compare two things of the student's there; anything else without asking: their `__eq__` may say anything."""

    def ask(self: Any, other: Any) -> Any:
        if type(other) is Proxy:
            return _asker(self).ask(name, self, other) is True
        return otherwise

    return ask


def _asker(proxy: Proxy) -> Asker:
    return object.__getattribute__(proxy, "_course_asker")


def _as(kind: type, name: str) -> Callable[[Any], Any]:
    def ask(self: Proxy) -> Any:
        value = _asker(self).ask(name, self)
        if type(value) is not kind:
            raise TypeError(f"expected {kind.__name__} from {name}, got {type(value).__name__}")
        return value

    return ask


# No docstring: it would be every student's function's.
class Proxy:
    __slots__ = ("_course_about", "_course_asker", "_course_class")

    @property
    def __doc__(self) -> Any:
        return _asker(self).ask("getattr", self, "__doc__")

    @property
    def __class__(self) -> type:
        return object.__getattribute__(self, "_course_class") or Proxy

    def __getattr__(self, name: str) -> Any:
        if name == "__signature__":
            return _signature(_asker(self).ask("signature", self))
        if name.startswith("__sklearn"):
            return getattr(_rebuilt(self), name)
        if name.startswith("__") and name.endswith("__") and name not in ASKED:
            raise AttributeError(f"{name} is not asked of a student's object")
        if name in JUDGING and not _is_asked_for(self):
            raise AttributeError(f"a student's object that is no data has no {name} in a test")
        if name == "score" and (_is_estimator(self) or (not _is_asked_for(self) and hasattr(self, "predict"))):
            return lambda X, y, sample_weight=None: _score(self, X, y, sample_weight)
        return _asker(self).ask("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        _asker(self).ask("setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        _asker(self).ask("delattr", self, name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return _asker(self).ask("call", self, *arguments, **named)

    def __eq__(self, other: object) -> bool:
        if type(other) is Proxy:
            mine, theirs = (object.__getattribute__(one, "_course_about")["id"] for one in (self, other))
            return mine == theirs or _asker(self).ask("eq", self, other) is True
        return False

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(("course proxy", object.__getattribute__(self, "_course_about")["id"]))

    __lt__ = _between_proxies("lt", NotImplemented)
    __le__ = _between_proxies("le", NotImplemented)
    __gt__ = _between_proxies("gt", NotImplemented)
    __ge__ = _between_proxies("ge", NotImplemented)
    __len__ = _as(int, "len")
    __bool__ = _as(bool, "bool")
    __int__ = _as(int, "int")
    __float__ = _as(float, "float")
    __complex__ = _as(complex, "complex")
    __index__ = _as(int, "index")
    __str__ = _as(str, "str")
    __repr__ = _as(str, "repr")
    __iter__ = _operation("iter")
    __next__ = _operation("next")
    __reversed__ = _operation("reversed")
    __getitem__ = _operation("getitem")
    __setitem__ = _operation("setitem")
    __delitem__ = _operation("delitem")
    __round__ = _operation("round")
    __abs__ = _operation("abs")
    __neg__, __pos__, __invert__ = _operation("neg"), _operation("pos"), _operation("invert")
    __enter__ = _operation("enter")
    __add__, __radd__ = _arithmetic("add"), _swapped("add")
    __sub__, __rsub__ = _arithmetic("sub"), _swapped("sub")
    __mul__, __rmul__ = _arithmetic("mul"), _swapped("mul")
    __truediv__, __rtruediv__ = _arithmetic("truediv"), _swapped("truediv")
    __floordiv__, __rfloordiv__ = _arithmetic("floordiv"), _swapped("floordiv")
    __mod__, __rmod__ = _arithmetic("mod"), _swapped("mod")
    __pow__, __rpow__ = _arithmetic("pow"), _swapped("pow")
    __matmul__, __rmatmul__ = _arithmetic("matmul"), _swapped("matmul")
    __and__, __or__, __xor__ = _arithmetic("and_"), _arithmetic("or_"), _arithmetic("xor")

    def __contains__(self, value: Any) -> bool:
        if type(value) is not Proxy and not _is_asked_for(self):
            return any(value == element for element in self)
        return _asker(self).ask("contains", self, value) is True

    def __exit__(self, *what: Any) -> bool:
        return _asker(self).ask("exit", self, None, None, None) is True

    def __format__(self, spec: str) -> str:
        return str(_asker(self).ask("format", self, spec))

    def __dir__(self) -> list[str]:
        return [name for name in _asker(self).ask("dir", self) if isinstance(name, str)]

    def __instancecheck__(self, value: Any) -> bool:
        return type(value) is Proxy and _asker(self).ask("isinstance", value, self) is True

    def __subclasscheck__(self, value: Any) -> bool:
        return type(value) is Proxy and _asker(self).ask("issubclass", value, self) is True

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        import numpy as np

        found = _asker(self).ask("array", self)
        if not isinstance(found, np.ndarray):
            raise TypeError("a student's object that is no array")
        return found if dtype is None else found.astype(dtype)

    def __await__(self) -> Iterator[Any]:
        return _done(_asker(self).ask("await", self))

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a student's object cannot be pickled or copied in a test")


def _done(value: Any) -> Any:
    """Return an iterator that ends at once with a value: what `await` takes."""
    return value
    yield


def _signature(rows: Any) -> inspect.Signature:
    empty = inspect.Parameter.empty
    parameters = [
        inspect.Parameter(str(name), inspect._ParameterKind(int(kind)), default=default if has_default else empty)
        for name, kind, has_default, default in rows
    ]
    return inspect.Signature(parameters)


# --- scikit-learn --------------------------------------------------------------------------------------------------


def _is_estimator(proxy: Proxy) -> bool:
    claimed = object.__getattribute__(proxy, "_course_class")
    return claimed is not None and claimed.__module__.startswith("sklearn.")


def _rebuilt(proxy: Proxy) -> Any:
    """Return a new estimator of the claimed class with the claimed parameters, built here."""
    if not _is_estimator(proxy):
        raise AttributeError("not an estimator of scikit-learn")
    claimed = object.__getattribute__(proxy, "_course_class")
    parameters = proxy.get_params(deep=False)
    if type(parameters.get("scoring")) is Proxy:
        raise TypeError("a model with a scoring function of the student's own judges itself; name a scoring instead")
    return claimed(**parameters)


def _score(proxy: Proxy, X: Any, y: Any, sample_weight: Any) -> float:
    """Return what the claimed estimator's `score` says it returns, from its predictions: accuracy, or R²."""
    import numpy as np
    from sklearn.base import is_classifier
    from sklearn.metrics import accuracy_score, r2_score

    by_accuracy = is_classifier(_rebuilt(proxy)) if _is_estimator(proxy) else np.asarray(y).dtype.kind != "f"
    judge = accuracy_score if by_accuracy else r2_score
    return judge(y, proxy.predict(X), sample_weight=sample_weight)
