"""Does a hub's grader take only what is the student's own, at the time that is true?"""

import datetime
import getpass
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from course.hub.collecting import changed_at, copy_plain_files
from tests.term.conftest import LESSON, own_term, school, term  # noqa: F401 - fixtures

ME = getpass.getuser()


def stamp(ago=datetime.timedelta(0)):
    return f"{datetime.datetime.now(datetime.UTC) - ago:%Y-%m-%d %H:%M:%S.%f} UTC"


@pytest.fixture
def exchange(tmp_path, own_term):  # noqa: F811
    """An exchange, a way to hand in to it as nbgrader does, and a way to collect from it as a hub does."""
    inbound = tmp_path / "exchange" / "mlops-spring-27" / "inbound"
    inbound.mkdir(parents=True)
    (tmp_path / "exchange").chmod(0o777)
    release = own_term / "release" / LESSON

    def hand_in(name=ME, when=None, words="mine"):
        folder = inbound / f"{name}+{LESSON}+{when or stamp()}+{os.urandom(4).hex()}"
        folder.mkdir()
        for path in release.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        (folder / "notes.txt").write_text(words)
        (folder / "timestamp.txt").write_text(when or stamp())
        (folder / "submission_secret.txt").write_text("secret")
        return folder

    def collect(*more):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", "collect", LESSON, "--update",
             f"--Exchange.root={tmp_path / 'exchange'}",
             "--ExchangeFactory.collect=course.hub.collecting.CollectOwnWork", *more],
            cwd=own_term, capture_output=True, text=True, check=False,
            env=os.environ | {"PATH": sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"]},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stderr

    hand_in.collect, hand_in.got = collect, own_term / "submitted" / ME / LESSON
    return hand_in


def collected_at(exchange):
    text = (exchange.got / "timestamp.txt").read_text()
    return datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f UTC")


@pytest.mark.long
def test_what_is_handed_in_arrives_with_its_own_stamp(exchange):
    when = stamp()
    exchange(when=when)
    exchange.collect()
    assert (exchange.got / "timestamp.txt").read_text() == when
    assert (exchange.got / "notes.txt").read_text() == "mine"


def test_a_stamp_from_before_the_last_change_gives_way_to_the_change(exchange):
    folder = exchange(when=stamp(datetime.timedelta(days=3)))
    said = exchange.collect()
    assert abs(collected_at(exchange) - changed_at(folder)) < datetime.timedelta(seconds=1)
    assert "which counts" in said


@pytest.mark.long
def test_a_stamp_from_the_future_does_not_make_a_submission_the_newest(exchange):
    exchange(when=stamp(-datetime.timedelta(days=3)), words="old, and says it is of tomorrow")
    time.sleep(1.1)
    exchange(words="new")
    exchange.collect()
    assert (exchange.got / "notes.txt").read_text() == "new"


def test_what_was_changed_after_it_was_handed_in_is_as_late_as_the_change(exchange):
    folder = exchange()
    (folder / "notes.txt").write_text("quickly mended")
    os.utime(folder / "notes.txt", (0, 0))  # what a student may set; the change itself is still seen
    assert changed_at(folder) > datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - datetime.timedelta(minutes=1)


def restore(folder):
    """Let a folder be what a backup brings back: the same content, with the change times of now."""
    for path in folder.rglob("*"):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)


@pytest.fixture
def long_ago(exchange):
    """A submission that was handed in and seen two days ago, of which nothing is collected any more."""
    folder = exchange(words="of then")
    exchange.collect()
    seen = exchange.got.parents[2] / "submission-times.json"
    [(name, (at, digest))] = json.loads(seen.read_text()).items()
    then = datetime.datetime.fromisoformat(at) - datetime.timedelta(days=2)
    seen.write_text(json.dumps({name: [then.isoformat(), digest]}))
    shutil.rmtree(exchange.got)
    return folder, then


def test_what_a_backup_has_brought_back_is_as_old_as_it_was(exchange, long_ago):
    folder, then = long_ago
    restore(folder)
    exchange.collect()
    assert collected_at(exchange) == then


def test_what_was_changed_since_it_was_seen_is_as_late_as_the_change(exchange, long_ago):
    folder, then = long_ago
    (folder / "notes.txt").write_text("mended two days later")
    exchange.collect()
    assert collected_at(exchange) - then > datetime.timedelta(days=1, hours=23)
    assert (exchange.got / "notes.txt").read_text() == "mended two days later"


def test_a_name_that_is_no_text_holds_nobodys_work_up(exchange):
    folder = exchange()
    Path(os.fsdecode(bytes(folder) + b"/\xff.txt")).write_text("mine too")
    exchange.collect()
    assert (exchange.got / "notes.txt").exists()


def test_a_book_of_times_that_cannot_be_read_is_said_and_nothing_is_dated_anew(exchange):
    exchange()
    (exchange.got.parents[2] / "submission-times.json").write_text("{")
    with pytest.raises(AssertionError, match=r"submission-times\.json in the term's folder cannot be read"):
        exchange.collect()


def test_a_submission_in_another_name_is_left_where_it_is(exchange):
    folder = exchange(name="nobody")
    said = exchange.collect()
    assert "is not nobody's" in said and folder.exists()
    assert not (exchange.got.parents[1] / "nobody").exists()


@pytest.mark.parametrize("end", [pytest.param("timestamp.txt", marks=pytest.mark.long), "submission_secret.txt"])
def test_half_a_submission_does_not_replace_a_whole_one(exchange, end):
    exchange(words="whole")
    time.sleep(1.1)
    half = exchange(words="half")
    (half / end).write_text("")  # as a full disk leaves it
    assert "it is not whole" in exchange.collect()
    assert (exchange.got / "notes.txt").read_text() == "whole"


@pytest.mark.long
def test_a_second_submission_replaces_the_first_only_when_it_is_newer(exchange):
    exchange(words="first")
    exchange.collect()
    time.sleep(1.1)
    exchange(words="second")
    exchange.collect()
    assert (exchange.got / "notes.txt").read_text() == "second"
    exchange.collect()
    assert (exchange.got / "notes.txt").read_text() == "second"


def test_links_pipes_and_sockets_are_left_out_and_named(exchange, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("of the grader")
    folder = exchange()
    (folder / "link.txt").symlink_to(secret)
    (folder / "folder").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    at = Path.cwd()
    os.chdir(folder)  # a socket's path may not be long
    with socket.socket(socket.AF_UNIX) as door:
        door.bind("door")
        os.chdir(at)
        said = exchange.collect()
    names = {path.relative_to(exchange.got).as_posix() for path in exchange.got.rglob("*")}
    assert not {"link.txt", "folder", "pipe", "door"} & names and "notes.txt" in names
    found = re.search(r"left out: (.*)", said)
    assert found and all(name in found[1] for name in ("link.txt (a link)", "folder (a link)", "pipe", "door"))


def test_more_than_the_limit_is_left_out(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.txt").write_bytes(b"x" * 600)
    (tmp_path / "a" / "2.txt").write_bytes(b"x" * 600)
    left = copy_plain_files(tmp_path / "a", tmp_path / "b", os.getuid(), most=1000)
    assert left == ["2.txt (more than 1,000 bytes in all)"] and (tmp_path / "b/1.txt").stat().st_size == 600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of another account's")
def test_a_file_of_another_account_is_left_out(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "theirs.txt").write_text("theirs")
    os.chown(tmp_path / "a" / "theirs.txt", 12345, 12345)
    assert copy_plain_files(tmp_path / "a", tmp_path / "b", os.getuid(), 1000) == ["theirs.txt (another account's)"]
