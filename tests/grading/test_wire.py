"""Plain data crosses the wall unchanged, everything else as a handle, and garbage is refused."""

import collections
import contextlib
import datetime
import decimal
import enum
import fractions
import json
import pathlib
import socket
import struct
import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course.grading.wire import _UNPACKERS, MOST_INT_BITS, Channel, Closed, Late, Malformed, Packer, Unpacker

Point = collections.namedtuple("Point", "x y")
HANDLE = "a handle"


def trip(value):
    packer = Packer(lambda _: "there")
    tree = json.loads(json.dumps(packer.pack(value)))
    return Unpacker([bytes(buffer) for buffer in packer.buffers], lambda _: HANDLE).unpack(tree)


PLAIN = [
    None, True, 3, 2**70, -(2**70), 1.5, float("inf"), "ä", "\ud800", b"x", bytearray(b"y"), [1, [2, (3,)]], {1: {2}},
    {"a": [1], (1, 2): None}, frozenset({1}), Point(1, 2), 1j, range(1, 9, 2), slice(1, None), ..., int, NotImplemented,
    datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), datetime.date(2026, 1, 2), datetime.time(3, 4),
    datetime.timedelta(3, 4, 5), decimal.Decimal("1.10"), fractions.Fraction(1, 3), pathlib.Path("a/b"),
    collections.deque([1, 2]), np.float64(1.5), np.int32(7), np.bool_(True), np.str_("hé"), np.datetime64("2026-01-01"),
    pd.Timestamp("2026-01-01 10:00", tz="Europe/Berlin"), pd.Timedelta("1h"),
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_does_a_plain_value_arrive_as_it_was(value):
    found = trip(value)
    assert type(found).__name__ == type(value).__name__
    assert found == value


@pytest.mark.parametrize("value", [pd.NA, pd.NaT], ids=repr)
def test_does_what_is_missing_stay_missing(value):
    assert trip(value) is value


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12).reshape(3, 4)[:, ::2], np.array([]), np.array("x"), np.zeros((0, 3)), np.array([True, False]),
        np.array([1, "a", None], dtype=object), np.array(["a", "bc"]), np.array([1.5, np.nan], dtype=">f4"),
    ],
    ids=repr,
)  # fmt: skip
def test_does_an_array_keep_type_shape_and_values(array):
    found = trip(array)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(found, array)
    assert found.flags.writeable


FRAMES = {
    "every kind": pd.DataFrame(
        {
            "a": [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"], ordered=True), "f": [True, False],
            "d": pd.date_range("2026", periods=2, tz="Europe/Berlin"), "e": pd.array([1, None], dtype="Int64"),
            "g": pd.date_range("2026", periods=2), "o": [[1], {"k": 2}],
        }
    ),
    "two levels": pd.DataFrame({"a": [1.0]}, index=pd.MultiIndex.from_tuples([(1, "b")], names=["p", "q"])),
    "nothing": pd.DataFrame(),
    "columns only": pd.DataFrame(columns=["a", "b"]),
    "the same name twice": pd.DataFrame([[1, 2]], columns=["a", "a"]),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
def test_does_a_frame_arrive_as_it_was(name):
    pd.testing.assert_frame_equal(trip(FRAMES[name]), FRAMES[name], check_freq=False)


def test_does_a_series_arrive_as_it_was():
    series = pd.Series([1, 2], name="z", index=["p", "q"])
    pd.testing.assert_series_equal(trip(series), series)


class Liar(list):
    def __len__(self):
        return 99

    def __eq__(self, other):
        return True

    def __iter__(self):
        return iter([7])

    __hash__ = None


def test_does_a_subclass_that_lies_arrive_as_its_plain_base():
    found = trip(Liar([1]))
    assert (type(found), list(found), len(found)) == (list, [1], 1)


@pytest.mark.parametrize(
    "value", [object(), print, enum.IntEnum("E", "A").A, type("C", (), {})()], ids=lambda value: type(value).__name__
)
def test_does_what_is_no_data_become_a_handle_and_its_container_stay_data(value):
    assert trip(value) == HANDLE
    assert trip([1, {"k": value}]) == [1, {"k": HANDLE}]


def test_do_what_is_too_deep_and_what_contains_itself_become_handles():
    deep = ring = []
    for _ in range(500):
        deep = [deep]
    assert trip(deep) == HANDLE
    ring.append(ring)
    assert trip(ring) == [HANDLE]


def test_is_an_argument_that_comes_back_the_same_object():
    mine = [1]
    packer = Packer(lambda _: "there", arguments=[mine])
    assert Unpacker([], lambda _: HANDLE, arguments=[mine]).unpack(packer.pack(mine)) is mine


@pytest.mark.parametrize(
    "tree",
    [
        ["no such kind"], {"a": 1}, [], [1], ["a", "<f8", [2], 0], ["a", "O", [1], 0], ["a", "<f8", [-1], 0],
        ["a", "<f8", [2**40], 0], ["n", "<f8", "00"], ["i", "0x" + "f" * MOST_INT_BITS], ["b", 7], ["b", True],
        ["ty", "eval"], ["o", "os", "system", ["d"]], ["en", "os", "x", "y"], ["arg", 0], ["de", 5], ["df", 1, 2, 3],
        ["s", ["l"]], ["d", [1]], ["ts", "no time", None, "ns"], ["r", 1, 2, 0], ["td", 10**12, 0, 0],
    ],
    ids=lambda tree: str(tree)[:40],
)  # fmt: skip
def test_is_garbage_refused(tree):
    with pytest.raises(Malformed):
        Unpacker([b"12345678"], lambda _: HANDLE).unpack(tree)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)
tags = st.sampled_from(sorted(_UNPACKERS))
trees = st.recursive(json_values, lambda inner: st.tuples(tags, inner, inner).map(list), max_leaves=12)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(trees)
@pytest.mark.filterwarnings("ignore")
def test_does_a_random_message_give_a_value_or_a_refusal(tree):
    with contextlib.suppress(Malformed):
        Unpacker([b"12345678", b""], lambda _: HANDLE).unpack(tree)


@pytest.fixture
def ends():
    here, there = (Channel(end, most_bytes=1000) for end in socket.socketpair())
    yield here, there
    here.close()
    there.close()


def test_is_a_message_that_is_too_large_refused_before_it_is_read(ends):
    here, there = ends
    here.send("x" * 2000)
    with pytest.raises(Malformed):
        there.receive()


def message(total: int, length: int, count: int, body: bytes) -> bytes:
    """As a side sends one: bytes behind this head, bytes of text, number of buffers; then sizes, text, buffers."""
    return struct.pack("!QQI", total, length, count) + body


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff" * 20,
        message(5, 5, 0, b"{]!!!"),
        message(2, 2, 2**32 - 1, b"{}"),
        message(2**62, 2, 0, b"{}"),
        message(2, 2**62, 0, b"{}"),
        message(3, 2, 0, b"{}!"),
        message(3, 0, 1, b"abc"),
        message(10, 2, 1, struct.pack("!Q", 2**62) + b"{}"),
        message(10, 3, 1, struct.pack("!Q", 0) + b"{}"),
    ],
)
def test_is_a_message_that_is_none_refused(raw, ends):
    here, there = ends
    here.socket.sendall(raw)
    with pytest.raises(Malformed):
        there.receive(1)


def test_a_message_comes_as_it_was_sent_however_large_and_however_slowly():
    here, there = (Channel(end) for end in socket.socketpair())
    buffers = [b"", b"one", bytes(2**20)]
    sender = threading.Thread(target=lambda: [here.send({"n": 1}, buffers), here.send(2), here.socket.sendall(b"!")])
    sender.start()
    assert there.receive(20) == ({"n": 1}, buffers)
    assert there.receive(20) == (2, [])
    assert there.socket.recv(10) == b"!"  # what comes behind a message is not read with it: it may be a socket
    sender.join()
    for byte in message(11, 2, 1, struct.pack("!Q", 1) + b"[]!"):
        here.socket.sendall(bytes([byte]))
    assert there.receive(20) == ([], [b"!"])
    here.close()
    there.close()


def test_is_silence_noticed_and_an_end_too(ends):
    here, there = ends
    with pytest.raises(Late):
        there.receive(0.05)
    here.close()
    with pytest.raises(Closed):
        there.receive(1)
