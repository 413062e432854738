"""What crosses the wall between student code and the tests, and nothing else does.

Towards the student's side anything may travel, pickled by us. Back comes data only: a JSON header and raw buffers,
from which the trusted side builds *exact* builtins, numpy arrays and pandas frames, exceptions' names, and numbered
handles. What the student's side writes is hostile until proven otherwise, so `Unpacker` checks everything it reads
and raises `Malformed` for the rest; a subclass that lies about its length or its equality arrives as its plain base.
"""

from __future__ import annotations

import collections
import contextlib
import datetime
import decimal
import enum
import fractions
import json
import math
import operator
import pathlib
import re
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from course.grading.handed_over import is_behaviour

#: Beyond these a value stays on the student's side, and the test gets a handle.
MOST_DEPTH = 60
MOST_NODES = 1_000_000
MOST_BYTES = 256 * 2**20
MOST_BUFFERS = 10_000
MOST_INT_BITS = 100_000
#: Parts of a message are joined up to so many bytes.
GATHERED = 2**18
#: Parts of a message that one call reads; the system takes 1,024.
MOST_AT_ONCE = 512
#: numpy kinds that are plain data: truth values, whole and real and complex numbers, bytes, text, time spans, times.
PLAIN_KINDS = "biufcSUmM"
#: How often `meanwhile` is called while nothing comes, in seconds.
MEANWHILE = 0.05
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+:-]*(/[A-Za-z0-9_+-]+)*")
_HEAD = struct.Struct("!QQI")
_SIZE = struct.Struct("!Q")


class Malformed(Exception):
    """The other side sent what is no message."""


class Closed(Exception):
    """The other side is gone."""


class Late(Exception):
    """The other side did not answer in time."""


class Channel:
    """Messages over a stream socket: a JSON value and byte buffers each.

    >>> here, there = (Channel(end) for end in socket.socketpair())
    >>> here.send({"answer": 42}, [b"raw"])
    >>> there.receive()
    ({'answer': 42}, [bytearray(b'raw')])
    >>> here.close(), there.close()
    (None, None)
    """

    def __init__(self, sock: socket.socket, most_bytes: int = MOST_BYTES, most_parts: int | None = None) -> None:
        self.socket = sock
        self._most, self._most_parts = most_bytes, most_parts

    def send(self, message: Any, buffers: Sequence[bytes | memoryview] = (), seconds: float | None = None) -> None:
        """Send one message; raise Closed when nobody is there any more, or nobody reads it within `seconds` a part."""
        text = json.dumps(message, separators=(",", ":")).encode()
        views = [memoryview(buffer).cast("B") if len(memoryview(buffer)) else memoryview(b"") for buffer in buffers]
        sizes = b"".join(_SIZE.pack(view.nbytes) for view in views)
        total = len(sizes) + len(text) + sum(view.nbytes for view in views)
        parts = [_HEAD.pack(total, len(text), len(views)) + sizes + text, *views]
        try:
            self._wait_at_most(seconds)
            for part in _gathered(parts):
                self.socket.sendall(part)
        except OSError as error:
            raise Closed(str(error)) from None

    def receive(
        self, seconds: float | None = None, meanwhile: Callable[[], None] | None = None
    ) -> tuple[Any, list[bytearray]]:
        """Return the next message and its buffers, each the caller's own; raise Closed, Late (after `seconds`) or
        Malformed.

        `meanwhile` is called many times a second while the message is on its way, however slowly it comes.
        """
        ends = None if seconds is None else time.monotonic() + seconds
        head = bytearray(_HEAD.size)
        self._read([head], ends, meanwhile)
        total, length, count = _HEAD.unpack(head)
        if count > MOST_BUFFERS or total > self._most or length + count * _SIZE.size > total:
            raise Malformed(f"a message of {total} bytes and {count} buffers; at most {self._most} are taken")
        # Not a byte more than the message: what comes behind it may be a socket.
        text = bytearray(count * _SIZE.size + length)
        self._read([text], ends, meanwhile)
        sizes = [size for (size,) in _SIZE.iter_unpack(memoryview(text)[: count * _SIZE.size])]
        if len(text) + sum(sizes) != total:
            raise Malformed("a message whose parts are not as long as the whole")
        del text[: count * _SIZE.size]
        buffers = [bytearray(size) for size in sizes]
        self._read(buffers, ends, meanwhile)
        if self._most_parts is not None and sum(text.count(part) for part in b",[{") > self._most_parts:
            raise Malformed("a message of too many parts, each of which takes far more memory than its text")
        try:
            return json.loads(text), buffers
        except (ValueError, RecursionError) as error:
            raise Malformed(f"no message: {error}") from None

    def peek(self) -> Any:
        """Return the next message's JSON value, and leave the message there; its buffers are not read.

        >>> here, there = (Channel(end) for end in socket.socketpair())
        >>> here.send({"op": "call"}, [b"raw"])
        >>> there.peek(), there.receive()
        ({'op': 'call'}, ({'op': 'call'}, [bytearray(b'raw')]))
        >>> here.close(), there.close()
        (None, None)
        """
        self._wait_at_most(None)
        _, length, count = _HEAD.unpack(self._peeked(_HEAD.size))
        start = _HEAD.size + count * _SIZE.size
        return json.loads(self._peeked(start + length)[start:])

    def _peeked(self, size: int) -> bytes:
        try:
            found = self.socket.recv(size, socket.MSG_PEEK | socket.MSG_WAITALL)
        except OSError as error:
            raise Closed(str(error)) from None
        if len(found) < size:
            raise Closed("the other side closed the connection")
        return found

    def close(self) -> None:
        """Close this end; the other side's next call raises Closed."""
        with contextlib.suppress(OSError):
            self.socket.close()

    def _wait_at_most(self, seconds: float | None) -> None:
        # Setting it is a call of the system, asking is none.
        if self.socket.gettimeout() != seconds:
            self.socket.settimeout(seconds)

    def _read(self, buffers: Sequence[bytearray], ends: float | None, meanwhile: Callable[[], None] | None) -> None:
        """Fill the buffers, one after the other."""
        waiting = [memoryview(buffer) for buffer in buffers if buffer]
        waiting.reverse()
        while waiting:
            left = None if ends is None else ends - time.monotonic()
            if left is not None and left <= 0:
                raise Late
            if meanwhile is not None:
                meanwhile()
                left = min(MEANWHILE, MEANWHILE if left is None else left)
            self._wait_at_most(left)
            try:
                got, _, _, _ = self.socket.recvmsg_into(waiting[: -MOST_AT_ONCE - 1 : -1])
            except TimeoutError:
                continue  # late, or time for another look
            except OSError as error:
                raise Closed(str(error)) from None
            if not got:
                raise Closed("the other side closed the connection")
            while waiting and got >= len(waiting[-1]):
                got -= len(waiting.pop())
            if got:
                waiting[-1] = waiting[-1][got:]


def _gathered(parts: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Yield what to send at once: each part that is sent wakes the reader, and joining a few bytes costs less.

    >>> [len(part) for part in _gathered([b"head", b"one", bytes(2**18), b"two"])]
    [7, 262144, 3]
    """
    small: list[bytes | memoryview] = []
    size = 0
    for part in parts:
        if size + len(part) > GATHERED and small:
            yield b"".join(small)
            small, size = [], 0
        small.append(part)
        size += len(part)
    yield b"".join(small) if len(small) > 1 else small[0]


class Unpackable(Exception):
    """A value that is no plain data: it stays where it is, and a handle stands for it."""


class Packer:
    """Turn values into what crosses the wall; `handle_of` gives a JSON description of what stays behind.

    `arguments` are objects that the other side already has: they travel as their place, so that a test can see that
    it got the same object back. `portable` names classes (module, qualified name) whose instances may travel as the
    values of their attributes.
    """

    def __init__(
        self,
        handle_of: Callable[[Any], Any],
        arguments: Sequence[Any] = (),
        portable: Callable[[type], bool] = lambda _: False,
    ) -> None:
        self.buffers: list[bytes | memoryview] = []
        self._handle_of = handle_of
        self._arguments = {id(argument): place for place, argument in enumerate(arguments)}
        self._portable = portable
        self._nodes = self._bytes = 0
        self._path: set[int] = set()

    def pack(self, value: Any) -> Any:
        """Return a JSON tree for the value; its bytes are in `buffers`. Never raises for a value."""
        kept = len(self.buffers), self._nodes, self._bytes
        try:
            return self._pack(value)
        except Exception:  # whatever a hostile or broken object does, it stays behind its handle
            del self.buffers[kept[0] :]
            self._nodes, self._bytes = kept[1], kept[2]
            self._path.clear()
            return ["h", self._handle_of(value)]

    def _buffer(self, data: bytes | memoryview) -> int:
        self._bytes += memoryview(data).nbytes
        if self._bytes > MOST_BYTES // 2 or len(self.buffers) >= MOST_BUFFERS:
            raise Unpackable("too large")
        self.buffers.append(data)
        return len(self.buffers) - 1

    def _pack(self, value: Any) -> Any:
        self._nodes += 1
        if self._nodes > MOST_NODES or len(self._path) > MOST_DEPTH:
            raise Unpackable("too large or too deep")
        if id(value) in self._arguments:
            return ["arg", self._arguments[id(value)]]
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            return value if abs(value) < 2**53 else ["i", hex(value)]
        if kind is float:
            return value
        pack = _PACKERS.get(kind)
        if pack is not None:
            return self._inside(value, pack)
        # numpy's float64 is a float and pandas' Timestamp a datetime: they come before the subclasses of builtins.
        try:
            return self._inside(value, _pack_rich)
        except Unpackable:
            if isinstance(value, enum.Enum):
                raise
            for base, pack in _PACKERS.items():
                if issubclass(kind, base):
                    return self._inside(value, pack)
            raise

    def _inside(self, value: Any, pack: Callable[[Packer, Any], Any]) -> Any:
        if id(value) in self._path:
            raise Unpackable("it contains itself")
        self._path.add(id(value))
        try:
            return pack(self, value)
        finally:
            self._path.discard(id(value))

    def _element(self, value: Any) -> Any:
        """Pack what lies in a container: an element that is no data becomes a handle, the container stays data."""
        try:
            return self._pack(value)
        except Unpackable as reason:
            if "too" in str(reason):
                raise
            return ["h", self._handle_of(value)]

    def _elements(self, values: Iterable[Any]) -> list[Any]:
        return [self._element(value) for value in values]


def _pack_tuple(packer: Packer, value: tuple) -> Any:
    fields = getattr(type(value), "_fields", None)
    items = packer._elements(tuple.__iter__(value))
    if type(value) is not tuple and isinstance(fields, tuple) and len(fields) == len(items):
        return ["nt", str(type(value).__name__), [str(field) for field in fields], items]
    return ["t", *items]


def _pack_dict(packer: Packer, value: dict) -> Any:
    return ["d", *([packer._element(key), packer._element(item)] for key, item in dict.items(value))]


_PACKERS: dict[type, Callable[[Packer, Any], Any]] = {
    bool: lambda _, value: bool(value),
    int: lambda _, value: ["i", hex(int.__index__(value))],
    float: lambda _, value: float.__float__(value),
    str: lambda _, value: str.__getitem__(value, slice(None)),
    list: lambda packer, value: ["l", *packer._elements(list.__iter__(value))],
    tuple: _pack_tuple,
    dict: _pack_dict,
    set: lambda packer, value: ["s", *packer._elements(set.__iter__(value))],
    frozenset: lambda packer, value: ["fs", *packer._elements(frozenset.__iter__(value))],
    collections.deque: lambda packer, value: ["dq", *packer._elements(collections.deque.__iter__(value))],
    bytes: lambda packer, value: ["b", packer._buffer(bytes.__getitem__(value, slice(None)))],
    bytearray: lambda packer, value: ["ba", packer._buffer(bytes(value))],
    complex: lambda _, value: ["c", value.real, value.imag],
    range: lambda packer, value: ["r", *(packer._pack(part) for part in (value.start, value.stop, value.step))],
    slice: lambda packer, value: ["sl", *packer._elements((value.start, value.stop, value.step))],
    datetime.datetime: lambda _, value: ["dt", datetime.datetime.isoformat(value), value.fold],
    datetime.date: lambda _, value: ["da", datetime.date.isoformat(value)],
    datetime.time: lambda _, value: ["ti", datetime.time.isoformat(value)],
    datetime.timedelta: lambda _, value: ["td", value.days, value.seconds, value.microseconds],
    decimal.Decimal: lambda _, value: ["de", decimal.Decimal.__str__(value)],
    fractions.Fraction: lambda packer, value: ["fr", packer._pack(value.numerator), packer._pack(value.denominator)],
    pathlib.PurePath: lambda _, value: ["p", str(value)],
    type(...): lambda _, __: ["e"],
    type(NotImplemented): lambda _, __: ["ni"],
}


def _pack_rich(packer: Packer, value: Any) -> Any:
    """Pack what is neither builtin nor a subclass of one: numpy, pandas, enums, portable classes, builtin classes."""
    kind = type(value)
    if kind is type and value in _TYPES.values():
        return ["ty", value.__name__]
    if isinstance(value, enum.Enum) and packer._portable(kind):
        return ["en", kind.__module__, kind.__qualname__, value.name]
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None:
        if isinstance(value, numpy.ndarray):
            return _pack_array(packer, value, numpy)
        if isinstance(value, numpy.generic):
            plain = numpy.asarray(value)
            if plain.dtype.kind in PLAIN_KINDS:
                return ["n", plain.dtype.str, plain.tobytes().hex()]
            raise Unpackable(f"a numpy scalar of type {plain.dtype}")
    if pandas is not None:
        packed = _pack_pandas(packer, value, pandas)
        if packed is not None:
            return packed
    if packer._portable(kind):
        state = getattr(value, "__dict__", None)
        if isinstance(state, dict):
            return ["o", kind.__module__, kind.__qualname__, packer._pack(dict(state))]
    raise Unpackable(f"a {kind.__name__}")


def _pack_array(packer: Packer, value: Any, numpy: Any) -> Any:
    plain = numpy.asarray(value)
    if type(plain) is not numpy.ndarray:
        plain = plain.view(numpy.ndarray)
    shape = list(plain.shape)
    if plain.dtype.kind in PLAIN_KINDS:
        return ["a", plain.dtype.str, shape, packer._buffer(numpy.ascontiguousarray(plain).tobytes())]
    if plain.dtype.kind == "O":
        return ["ao", shape, packer._elements(plain.ravel().tolist())]
    raise Unpackable(f"an array of type {plain.dtype}")


def _pack_pandas(packer: Packer, value: Any, pandas: Any) -> Any:
    if value is pandas.NA:
        return ["na"]
    if value is pandas.NaT:
        return ["nat"]
    if isinstance(value, pandas.Timestamp):
        return ["ts", value.isoformat(), str(value.tz) if value.tz is not None else None, value.unit]
    if isinstance(value, pandas.Timedelta):
        return ["tdl", value.asm8.view("i8").item(), value.unit]
    if isinstance(value, pandas.DataFrame):
        columns = [_pack_column(packer, value.iloc[:, place].array, pandas) for place in range(value.shape[1])]
        return ["df", _pack_pandas(packer, value.columns, pandas), _pack_pandas(packer, value.index, pandas), columns]
    if isinstance(value, pandas.Series):
        name = packer._element(value.name)
        return ["se", name, _pack_pandas(packer, value.index, pandas), _pack_column(packer, value.array, pandas)]
    if isinstance(value, pandas.RangeIndex):
        return ["ri", packer._element(value.name), value.start, value.stop, value.step]
    if isinstance(value, pandas.MultiIndex):
        levels = [
            [packer._element(value.names[place]), _pack_column(packer, value.get_level_values(place).array, pandas)]
            for place in range(value.nlevels)
        ]
        return ["mi", levels]
    if isinstance(value, pandas.Index):
        return ["ix", packer._element(value.name), _pack_column(packer, value.array, pandas)]
    return None


def _pack_column(packer: Packer, array: Any, pandas: Any) -> Any:
    kind = array.dtype
    if isinstance(kind, pandas.CategoricalDtype):
        categories = _pack_column(packer, kind.categories.array, pandas)
        codes = packer._pack(array.codes.astype("int64"))
        return ["cat", categories, codes, bool(kind.ordered)]
    if isinstance(kind, pandas.DatetimeTZDtype):
        return ["tz", str(kind.tz), kind.unit, packer._pack(array.asi8)]
    name = str(kind)
    if name in _NULLABLE:
        return ["ea", name, packer._elements(None if value is pandas.NA else value for value in array.astype(object))]
    plain = array.to_numpy()
    if name == "str" or name.startswith("string"):
        missing = pandas.isna(plain)
        texts = [None if gone else str.__str__(text) for text, gone in zip(plain, missing, strict=True)]
        return ["st", name if name in ("str", "string") else "string", texts]
    return packer._pack(plain)


_NULLABLE = {
    "boolean", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64",
}  # fmt: skip
_TYPES = {
    kind.__name__: kind
    for kind in (
        bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, range, slice, type, object,
    )
}  # fmt: skip


class Unpacker:
    """Build exact values from what the student's side sent; raise Malformed for anything else.

    `handle` builds what stands for a thing that stayed behind; `arguments` are the objects behind `["arg", place]`;
    `classes` finds a portable class by module and qualified name, or returns None.
    """

    def __init__(
        self,
        buffers: Sequence[bytes | bytearray],
        handle: Callable[[Any], Any],
        arguments: Sequence[Any] = (),
        classes: Callable[[str, str], type | None] = lambda _, __: None,
    ) -> None:
        self._buffers, self._handle, self._arguments, self._classes = list(buffers), handle, arguments, classes
        self._nodes = 0

    def unpack(self, tree: Any) -> Any:
        """Return the value of a tree."""
        try:
            return self._unpack(tree, 0)
        except Malformed:
            raise
        except Exception as error:  # a type, a size, a shape that does not fit: it is all the same
            raise Malformed(f"no value: {type(error).__name__}: {error}") from None

    def _unpack(self, tree: Any, depth: int) -> Any:
        self._nodes += 1
        if depth > 3 * MOST_DEPTH or self._nodes > 4 * MOST_NODES:
            raise Malformed("too deep or too large")
        if tree is None or isinstance(tree, bool | str | float):
            return tree
        if isinstance(tree, int):
            return _bounded(tree)
        if not isinstance(tree, list) or not tree or not isinstance(tree[0], str):
            raise Malformed(f"no value: {str(tree)[:60]}")
        unpack = _UNPACKERS.get(tree[0])
        if unpack is None:
            raise Malformed(f"no kind of value: {tree[0][:20]!r}")
        return unpack(self, tree[1:], depth + 1)

    def _buffer(self, place: Any) -> bytes | bytearray:
        if type(place) is not int or not 0 <= place < len(self._buffers):
            raise Malformed("no such buffer")
        return self._buffers[place]

    def _bytes(self, place: Any) -> bytes:
        # Kept: however often a tree names a buffer, there is one of it.
        found = self._buffers[place] = bytes(self._buffer(place))
        return found


def _bounded(number: int) -> int:
    if number.bit_length() > MOST_INT_BITS:
        raise Malformed("a whole number that is too long")
    return number


def _dtype(text: Any) -> Any:
    import numpy as np

    found = np.dtype(_text(text))
    if found.kind not in PLAIN_KINDS or found.itemsize > 2**20 or found.subdtype is not None:
        raise Malformed(f"an array of type {found}")
    return found


def _shape(parts: Any) -> tuple[int, ...]:
    if not isinstance(parts, list) or len(parts) > 32 or any(type(part) is not int or part < 0 for part in parts):
        raise Malformed("no shape")
    if math.prod(parts) > 2**33:
        raise Malformed("an array that is too large")
    return tuple(parts)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise Malformed("no text")
    return value


def _array(unpacker: Unpacker, parts: Any, _depth: int) -> Any:
    import numpy as np

    kind, shape, place = parts
    dtype, data = _dtype(kind), unpacker._buffer(place)
    if math.prod(_shape(shape)) * dtype.itemsize != len(data):
        raise Malformed("an array whose size does not fit")
    if dtype.itemsize == 0:
        return np.zeros(_shape(shape), dtype)
    found = np.frombuffer(bytearray(data), dtype)
    if dtype.kind == "b":
        found = found.view("u1") != 0  # a truth value of 2 is true, and counts as 2
    return found.reshape(_shape(shape))


def _object_array(unpacker: Unpacker, parts: Any, depth: int) -> Any:
    import numpy as np

    shape, items = parts
    if math.prod(_shape(shape)) != len(items):
        raise Malformed("an array whose size does not fit")
    found = np.empty(len(items), dtype=object)
    for place, item in enumerate(items):
        found[place] = unpacker._unpack(item, depth)
    return found.reshape(_shape(shape))


def _scalar(_unpacker: Unpacker, parts: Any, _depth: int) -> Any:
    import numpy as np

    kind, data = parts
    dtype, raw = _dtype(kind), bytes.fromhex(_text(data))
    if len(raw) != dtype.itemsize:
        raise Malformed("a scalar whose size does not fit")
    return np.frombuffer(raw, dtype)[0] if dtype.itemsize else dtype.type()


def _named_tuple(unpacker: Unpacker, parts: Any, depth: int) -> Any:
    name, fields, items = parts
    values = [unpacker._unpack(item, depth) for item in items]
    made = collections.namedtuple(
        name if _text(name).isidentifier() else "Row", [_text(field) for field in fields], rename=True
    )
    return made(*values)


def _column(unpacker: Unpacker, tree: Any, depth: int) -> Any:
    """Return a pandas array or a one-dimensional numpy array."""
    import numpy as np
    import pandas as pd

    if not isinstance(tree, list) or not tree:
        raise Malformed("no column")
    kind, *parts = tree
    if kind == "cat":
        categories = pd.Index(_column(unpacker, parts[0], depth))
        return pd.Categorical.from_codes(unpacker._unpack(parts[1], depth), categories, ordered=parts[2] is True)
    if kind == "tz":
        times = unpacker._unpack(parts[2], depth)
        unit = parts[1] if parts[1] in ("s", "ms", "us", "ns") else "ns"
        return pd.DatetimeIndex(times.view(f"M8[{unit}]")).tz_localize("UTC").tz_convert(_zone(parts[0])).array
    if kind == "ea":
        if parts[0] not in _NULLABLE:
            raise Malformed("no such column")
        return pd.array([unpacker._unpack(item, depth) for item in parts[1]], dtype=parts[0])
    if kind == "st":
        texts = [None if text is None else _text(text) for text in parts[1]]
        return pd.array(texts, dtype="str" if parts[0] == "str" else "string")
    found = unpacker._unpack(tree, depth)
    if not isinstance(found, np.ndarray) or found.ndim != 1:
        raise Malformed("no column")
    return found


def _index(unpacker: Unpacker, tree: Any, depth: int) -> Any:
    import pandas as pd

    found = unpacker._unpack(tree, depth)
    if not isinstance(found, pd.Index):
        raise Malformed("no index")
    return found


def _multi_index(unpacker: Unpacker, parts: Any, depth: int) -> Any:
    import pandas as pd

    levels = [_column(unpacker, column, depth) for _, column in parts[0]]
    return pd.MultiIndex.from_arrays(levels, names=[unpacker._unpack(name, depth) for name, _ in parts[0]])


def _frame(unpacker: Unpacker, parts: Any, depth: int) -> Any:
    import pandas as pd

    columns, index, arrays = parts
    names, rows = _index(unpacker, columns, depth), _index(unpacker, index, depth)
    if len(names) != len(arrays):
        raise Malformed("a frame whose columns do not fit")
    found = pd.DataFrame(
        {place: pd.Series(_column(unpacker, array, depth), index=rows) for place, array in enumerate(arrays)},
        index=rows,
    )
    found.columns = names
    return found


def _series(unpacker: Unpacker, parts: Any, depth: int) -> Any:
    import pandas as pd

    name, index, array = parts
    return pd.Series(
        _column(unpacker, array, depth), index=_index(unpacker, index, depth), name=unpacker._unpack(name, depth)
    )


def _plain_index(unpacker: Unpacker, parts: Any, depth: int) -> Any:
    import pandas as pd

    name, array = parts
    return pd.Index(_column(unpacker, array, depth), name=unpacker._unpack(name, depth))


def _range_index(unpacker: Unpacker, parts: Any, depth: int) -> Any:
    import pandas as pd

    return pd.RangeIndex(*(int(part) for part in parts[1:]), name=unpacker._unpack(parts[0], depth))


def _zone(name: Any) -> str:
    """A time zone by name or offset; not one that names a file."""
    if not _ZONE.fullmatch(_text(name)) or name.startswith("dateutil"):
        raise Malformed("no time zone")
    return name


def _timestamp(_unpacker: Unpacker, parts: Any, _depth: int) -> Any:
    import pandas as pd

    text, zone, unit = parts
    found = pd.Timestamp(_text(text))
    if zone is not None:
        found = found.tz_convert(_zone(zone)) if found.tz is not None else found.tz_localize(_zone(zone))
    return found.as_unit(unit)


def _time_span(_unpacker: Unpacker, parts: Any, _depth: int) -> Any:
    import pandas as pd

    return pd.Timedelta(int(parts[0]), unit=_text(parts[1])).as_unit(parts[1])


def _pandas_constant(name: str) -> Callable[[Unpacker, Any, int], Any]:
    def get(_unpacker: Unpacker, _parts: Any, _depth: int) -> Any:
        import pandas as pd

        return getattr(pd, name)

    return get


def _enum_member(unpacker: Unpacker, parts: Any, _depth: int) -> Any:
    kind = unpacker._classes(_text(parts[0]), _text(parts[1]))
    if kind is None or not issubclass(kind, enum.Enum):
        raise Malformed("no such class")
    return kind[_text(parts[2])]


def _portable(unpacker: Unpacker, parts: Any, depth: int) -> Any:
    kind = unpacker._classes(_text(parts[0]), _text(parts[1]))
    state = unpacker._unpack(parts[2], depth)
    if kind is None or not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise Malformed("no such class")
    made = object.__new__(kind)
    made.__dict__.update({name: value for name, value in state.items() if not is_behaviour(kind, name)})
    return made


def _moment(_unpacker: Unpacker, parts: Any, _depth: int) -> Any:
    return datetime.datetime.fromisoformat(_text(parts[0])).replace(fold=1 if parts[1] == 1 else 0)


def _argument(unpacker: Unpacker, parts: Any, _depth: int) -> Any:
    place = parts[0]
    if type(place) is not int or not 0 <= place < len(unpacker._arguments):
        raise Malformed("no such argument")
    return unpacker._arguments[place]


def _sequence(make: Callable[[Iterable[Any]], Any]) -> Callable[[Unpacker, Any, int], Any]:
    return lambda unpacker, parts, depth: make(unpacker._unpack(part, depth) for part in parts)


def _whole(unpacker: Unpacker, parts: Any, _depth: int) -> int:
    text = _text(parts[0])
    if len(text) > MOST_INT_BITS // 4 + 4:
        raise Malformed("a whole number that is too long")
    return int(text, 16)


_UNPACKERS: Mapping[str, Callable[[Unpacker, Any, int], Any]] = {
    "i": _whole,
    "l": _sequence(list),
    "t": _sequence(tuple),
    "s": _sequence(set),
    "fs": _sequence(frozenset),
    "dq": _sequence(collections.deque),
    "d": lambda u, parts, depth: {u._unpack(key, depth): u._unpack(item, depth) for key, item in parts},
    "nt": _named_tuple,
    "b": lambda u, parts, _: u._bytes(parts[0]),
    "ba": lambda u, parts, _: bytearray(u._buffer(parts[0])),
    "c": lambda _, parts, __: complex(float(parts[0]), float(parts[1])),
    "r": lambda u, parts, depth: range(*(u._unpack(part, depth) for part in parts)),
    "sl": lambda u, parts, depth: slice(*(u._unpack(part, depth) for part in parts)),
    "dt": _moment,
    "da": lambda _, parts, __: datetime.date.fromisoformat(_text(parts[0])),
    "ti": lambda _, parts, __: datetime.time.fromisoformat(_text(parts[0])),
    "td": lambda _, parts, __: datetime.timedelta(*(int(part) for part in parts)),
    "de": lambda _, parts, __: decimal.Decimal(_text(parts[0])[:10_000]),
    "fr": lambda u, parts, depth: fractions.Fraction(*(operator.index(u._unpack(part, depth)) for part in parts)),
    "p": lambda _, parts, __: pathlib.Path(_text(parts[0])),
    "e": lambda _, __, ___: ...,
    "ni": lambda _, __, ___: NotImplemented,
    "ty": lambda _, parts, __: _TYPES[_text(parts[0])],
    "en": _enum_member,
    "o": _portable,
    "a": _array,
    "ao": _object_array,
    "n": _scalar,
    "na": _pandas_constant("NA"),
    "nat": _pandas_constant("NaT"),
    "ts": _timestamp,
    "tdl": _time_span,
    "df": _frame,
    "se": _series,
    "ri": _range_index,
    "mi": _multi_index,
    "ix": _plain_index,
    "h": lambda u, parts, _: u._handle(parts[0]),
    "arg": _argument,
}
