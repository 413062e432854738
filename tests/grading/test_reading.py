"""A submitted folder may hold anything; reading it follows nothing, waits for nothing, and says what it did."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time
from pathlib import Path

import pytest

from course.grading.reading import MOST_ENTRIES, Received, extra_files, read_submission

RAW = b'{"cells": []}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "ada" / "ps1"
    made.mkdir(parents=True)
    return made


def write(folder: Path, *names: str, content: bytes = RAW) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def read_one(folder: Path, name: str = "hw1", **options) -> Received:
    began = time.monotonic()
    received = read_submission(folder, [name], **options)[name]
    assert time.monotonic() - began < 10
    assert (received.raw is None) == bool(received.reason)
    return received


def test_a_notebook_under_its_own_name_is_taken_without_a_remark(folder):
    write(folder, "hw1.ipynb", "timestamp.txt", "data.csv")
    assert read_one(folder) == Received(RAW)


@pytest.mark.parametrize(
    "name",
    [
        "HW1.IPYNB",
        "hw1 (1).ipynb",
        "hw1(3).ipynb",
        "hw1-Copy1.ipynb",
        "hw1 copy.ipynb",
        "hw1 - Copy (2).ipynb",
        "hw1-2.ipynb",
        "HW_1.ipynb",
        "hw1.ipynb.txt",
        "hw1.ipynb.json",
        "lovelace_ada_4711_hw1.ipynb",
        "Copy of hw1.ipynb",
        "my solution.ipynb",
        "sub/hw1.ipynb",
    ],
)
def test_a_renamed_notebook_is_taken_and_the_name_is_noted(folder, name):
    write(folder, name)
    received = read_one(folder)
    assert received.raw == RAW
    assert len(received.notes) == 1 and name in received.notes[0] and "hw1.ipynb" in received.notes[0]


def test_of_several_copies_the_latest_number_is_taken_and_the_others_are_named(folder):
    for number in (1, 2, 10):
        write(folder, f"hw1 ({number}).ipynb", content=b"%d" % number)
    received = read_one(folder)
    assert received.raw == b"10"
    assert "hw1 (1).ipynb" in " ".join(received.notes) and "hw1 (2).ipynb" in " ".join(received.notes)


def test_its_own_name_stands_before_copies_unless_it_is_empty(folder):
    write(folder, "hw1-Copy1.ipynb", content=b"copy")
    write(folder, "hw1.ipynb")
    assert read_one(folder).raw == RAW
    write(folder, "hw1.ipynb", content=b"")
    received = read_one(folder)
    assert received.raw == b"copy" and "empty" in received.notes[0]


def test_each_file_is_taken_for_one_notebook_only(folder):
    write(folder, "hw1.ipynb", content=b"1")
    write(folder, "hw10.ipynb", content=b"10")
    write(folder, "HW1-2.ipynb", content=b"1-2")
    names = ["hw1", "hw10", "hw1-2", "hw2"]
    received = read_submission(folder, names)
    assert [received[name].raw for name in names] == [b"1", b"10", b"1-2", None]


def test_what_is_there_is_named_when_a_notebook_is_not(folder):
    write(folder, "a.ipynb", "b.ipynb", ".ipynb_checkpoints/hw1-checkpoint.ipynb")
    reason = read_one(folder).reason
    assert "no hw1.ipynb" in reason and "a.ipynb, b.ipynb" in reason and "older copy" in reason


def test_a_checkpoint_is_never_taken(folder):
    write(folder, ".ipynb_checkpoints/hw1.ipynb", ".ipynb_checkpoints/hw1-checkpoint.ipynb", "__MACOSX/._hw1.ipynb")
    assert read_one(folder).raw is None


def make_link(path: Path) -> None:
    secret = path.parent.parent / "secret"
    secret.write_text("planted secret")
    path.symlink_to(secret)


def make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


NO_FILES = {
    "a folder": Path.mkdir,
    "a link": make_link,
    "a pipe": os.mkfifo,
    "a socket": make_socket,
    "too big": lambda path: (path.touch(), os.truncate(path, 50 * 2**30)),
}


@pytest.mark.parametrize("what", NO_FILES)
def test_what_is_no_file_of_a_sane_size_is_refused_by_its_kind(folder, what):
    NO_FILES[what](folder / "hw1.ipynb")
    received = read_one(folder)
    assert received.raw is None
    assert what in received.reason and "hw1.ipynb" in received.reason


def test_a_device_is_never_opened(folder):
    try:
        os.mknod(folder / "hw1.ipynb", 0o666 | 0o020000, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        # Without the right to make one, what a device says of itself must do.
        (folder / "hw1.ipynb").symlink_to("/dev/zero")
    assert read_one(folder).raw is None


@pytest.mark.parametrize("what", NO_FILES)
def test_a_copy_is_taken_where_the_notebook_itself_is_no_file(folder, what):
    NO_FILES[what](folder / "hw1.ipynb")
    write(folder, "hw1 (1).ipynb")
    received = read_one(folder)
    assert received.raw == RAW and what in received.notes[0]


def test_a_file_one_byte_too_big_is_refused_and_one_that_fits_is_not(folder):
    write(folder, "hw1.ipynb", content=b"x" * 1001)
    assert read_one(folder, most_bytes=1001).raw == b"x" * 1001
    assert "too big" in read_one(folder, most_bytes=1000).reason


def test_files_that_say_they_are_empty_and_are_not_are_cut_off():
    # Files of the kernel have 0 bytes by their own word; they stand for all whose size lies.
    extras = extra_files(Path(f"/proc/self/task/{threading.get_native_id()}/net"), most_bytes=100)
    assert any("without an end" in note for note in extras.notes)
    assert sum(len(file.content) for file in extras.files) <= 100


def test_a_file_without_permission_is_refused():
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        write(folder, "hw1.ipynb")
        (folder / "hw1.ipynb").chmod(0)
        me = os.geteuid()
        try:
            if me == 0:
                os.seteuid(65534)  # root may read everything
            assert "may not be read" in read_one(folder).reason
        finally:
            os.seteuid(me)


def test_links_on_the_way_are_not_followed(folder, tmp_path):
    outside = tmp_path / "neighbour"
    write(outside, "hw1.ipynb", "grades.csv")
    (folder / "sub").symlink_to(outside)
    assert read_one(folder).raw is None
    assert extra_files(folder).files == ()
    assert "a link" in extra_files(folder).notes[0]
    write(outside, "hw1-checkpoint.ipynb")
    (folder / ".ipynb_checkpoints").symlink_to(outside)
    assert "older copy" not in read_one(folder).reason
    linked = tmp_path / "linked"
    linked.symlink_to(outside)
    assert "no folder" in read_one(linked).reason


def test_thousands_of_files_hide_nothing_and_cost_little(folder):
    for number in range(3000):
        (folder / f"a{number}.ipynb").touch()
    write(folder, "hw1.ipynb")
    assert read_one(folder).raw == RAW
    (folder / "hw1.ipynb").rename(folder / "zz.txt")
    assert read_one(folder).raw is None
    assert MOST_ENTRIES >= 3000


def test_names_that_are_no_text_are_shown_safely(folder):
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff\x1b[2J\n.ipynb"))).write_bytes(RAW)
    received = read_one(folder)
    assert received.raw == RAW
    assert received.notes[0].isprintable()


def test_no_descriptor_stays_open(folder):
    for what, make in NO_FILES.items():
        make(folder / f"{what}.ipynb")
    write(folder, "data/a.csv", "hw1 (1).ipynb")
    before = os.listdir("/proc/self/fd")  # noqa: PTH208
    read_submission(folder, ["hw1", *NO_FILES])
    extra_files(folder)
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208


# --- Extra files --------------------------------------------------------------------------------------------


def test_data_and_helper_modules_come_along_and_code_is_marked(folder):
    write(folder, "hw1.ipynb", "timestamp.txt", "data/a.csv", "helper.py", ".git/config", "__pycache__/h.pyc")
    extras = extra_files(folder)
    assert [(file.path, file.is_code, file.ours) for file in extras.files] == [
        ("helper.py", True, False),
        ("data/a.csv", False, False),
    ]
    assert extras.notes == ()


def test_files_of_the_release_stand_before_the_students(folder, tmp_path):
    ours = tmp_path / "release"
    write(ours, "hw1.ipynb", "data.csv", "lib/tool.py", content=b"ours")
    write(folder, "data.csv", "lib", content=b"theirs")
    extras = extra_files(folder, ours)
    assert [(file.path, file.content, file.ours) for file in extras.files] == [
        ("data.csv", b"ours", True),
        ("lib/tool.py", b"ours", True),
    ]
    assert len(extras.notes) == 2
    write(folder, "data.csv", content=b"ours")
    assert len(extra_files(folder, ours).notes) == 1


def test_what_an_interpreter_loads_by_itself_stays_behind(folder):
    write(folder, "evil.so", "evil.pth", "evil.pyc", "fine.csv")
    extras = extra_files(folder)
    assert [file.path for file in extras.files] == ["fine.csv"]
    assert "evil.so" in extras.notes[0]


@pytest.mark.parametrize("what", NO_FILES)
def test_extra_files_that_are_no_files_are_left_out(folder, what):
    NO_FILES[what](folder / "extra")
    write(folder, "fine.csv")
    extras = extra_files(folder)
    assert [file.path for file in extras.files] == ["fine.csv"]
    assert what == "a folder" or what in extras.notes[0]


def test_extra_files_are_bounded_in_number_and_bytes(folder):
    write(folder, *(f"{number:03}.csv" for number in range(30)), content=b"x" * 100)
    assert len(extra_files(folder, most_files=10).files) == 10
    bounded = extra_files(folder, most_bytes=1050)
    assert sum(len(file.content) for file in bounded.files) <= 1050
    assert bounded.notes and len(bounded.notes) < 12


def test_no_folder_has_no_extra_files(tmp_path):
    assert extra_files(tmp_path / "none").files == ()
