"""What a hostile side may name, send or reach for, room by room; whole submissions are in `integrity/`."""

import socket
import sys
import threading
import types
from unittest.mock import Mock

import numpy as np
import pytest

from course.grading import trusted_side
from course.grading.files import CODE, Folder
from course.grading.handed_over import NotYours, check
from course.grading.proxies import copy_into, library_class
from course.grading.wire import Channel, Closed, Malformed, Unpacker


class Notes:
    kind = "notes"

    def __init__(self):
        self.lines = []

    def text(self):
        return " ".join(self.lines)


def test_may_a_student_use_an_object_of_the_tests_and_set_data_in_it():
    notes = Notes()
    for kind, words in (("getattr", ("lines",)), ("getattr", ("text",)), ("setattr", ("owner", "ada")), ("len", ())):
        check(kind, notes, words)
    check("call", notes.text, ())


@pytest.mark.parametrize(
    ("kind", "target", "words"),
    [
        ("getattr", Notes.text, ("__globals__",)),
        ("getattr", Notes().text, ("__self__",)),
        ("getattr", (n for n in ()), ("gi_frame",)),
        ("getattr", Notes, ("mro",)),
        ("getattr", sys, ("modules",)),
        ("call", types.ModuleType("x"), ()),
        ("setattr", Notes(), ("text", lambda: "")),
        ("setattr", Notes(), ("__class__", int)),
        ("setattr", Notes, ("text", lambda self: "")),
        ("delattr", Notes(), ("text",)),
        ("setattr", Mock(), ("assert_called_once_with", print)),
        ("getattr", Mock(), ("configure_mock",)),
        ("getattr", Notes(), (3,)),
    ],
)
def test_does_an_object_of_the_tests_keep_what_it_can_do(kind, target, words):
    with pytest.raises(NotYours):
        check(kind, target, words)


def test_does_a_model_keep_its_methods_when_a_call_has_changed_it():
    from sklearn.linear_model import LinearRegression

    model = LinearRegression()
    copy_into(model, {"coef_": np.ones(1), "intercept_": 0.0, "score": lambda *a: 1.0, "predict": 3})
    assert model.predict([[2.0]]).tolist() == [2] and model.score([[1], [2]], [2, 1]) < 0


def test_is_a_module_never_changed_by_a_call():
    module = types.ModuleType("ours")
    copy_into(module, {"word": "theirs"})
    assert not hasattr(module, "word")


@pytest.mark.parametrize("name", ["x.py/.", "x.py/./.", "./x.py/.", "d/../x.py", "/x.py", "x.so/."])
def test_does_no_spelling_of_a_path_bring_code(name, tmp_path):
    Folder(tmp_path, refuse=CODE).write({name: b"x = 1"})
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("module", ["numpy.f2py.__main__", "sklearn.conftest", "sklearn.experimental", "json.tool"])
def test_does_a_named_class_import_nothing(module):
    sys.modules.pop(module, None)
    assert library_class(module, "X") is None
    assert module not in sys.modules


@pytest.mark.parametrize("name", ["get_ipython", "get_ipython.__self__.run_cell", "__builtins__"])
def test_does_no_file_name_what_runs_cells(name):
    assert not trusted_side._is_data("__main__", name)


def unpacked(tree, *buffers):
    return Unpacker(buffers, lambda _: "handle").unpack(tree)


def test_is_a_truth_value_of_two_just_true():
    found = unpacked(["a", "|b1", [3], 0], b"\x02\xff\x00")
    assert found.sum() == 2 and found.tolist() == [True, True, False]


@pytest.mark.parametrize(
    "tree",
    [
        ["ts", "2026-01-01", "dateutil//etc/passwd", "ns"],
        ["ts", "2026-01-01", "../etc/passwd", "ns"],
        ["fr", "1e9999999", 1],
    ],
)
def test_is_a_value_that_names_a_file_or_never_ends_refused(tree):
    with pytest.raises(Malformed):
        unpacked(tree)


def test_is_one_looked_at_who_sends_a_message_a_byte_at_a_time():
    here, there = socket.socketpair()
    looks = []

    def look():
        looks.append(1)
        if len(looks) > 5:
            raise InterruptedError

    there.sendall(b"\0")
    with here, there, pytest.raises(InterruptedError):
        Channel(here).receive(meanwhile=look)


def test_does_one_who_does_not_read_make_nobody_wait():
    here, there = socket.socketpair()
    with here, there, pytest.raises(Closed):
        Channel(here).send("x" * 10**7, seconds=0.1)


def test_is_a_message_of_too_many_parts_refused_before_it_is_read():
    here, there = socket.socketpair()
    with here, there:
        sender = threading.Thread(target=Channel(there).send, args=([[]] * 1000,))
        sender.start()
        with pytest.raises(Malformed, match="parts"):
            Channel(here, most_parts=500).receive(5)
        sender.join()
