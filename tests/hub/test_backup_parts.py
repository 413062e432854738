"""Does a restore see beforehand what it would overwrite, and a backup when it would save something half?"""

import dataclasses
import json
import os
import pwd
import socket
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from course.errors import CourseError
from course.hub import accounts
from course.hub.backup import LIST, Account, conflicts, need_stopped, read_list, restore

NEW = Account("t-nobody-yet", 54321, "t-nobody-yet", 54321, "/nowhere/t-nobody-yet", "/bin/bash", "!")


def archive_of(tmp_path, found):
    """An archive with a list of accounts."""
    (tmp_path / LIST).write_text(json.dumps(found))
    with tarfile.open(tmp_path / "backup.tgz", "w:gz") as archive:
        archive.add(tmp_path / LIST, LIST)
    return tmp_path / "backup.tgz"


def test_a_new_account_is_in_nobodys_way():
    assert conflicts([NEW]) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "root"}, "the account root is there with the number 0, and was 54321"),
        ({"number": 0}, "the number 0 of the account t-nobody-yet is root's here"),
        ({"group": "root"}, "the group root is there with the number 0, and was 54321"),
        ({"group_number": 0}, "the number 0 of the group t-nobody-yet is root's here"),
        ({"home": "/etc"}, "/etc is there, and not empty"),
    ],
)
def test_what_is_taken_here_is_named_before_anything_is_done(change, told):
    assert conflicts([dataclasses.replace(NEW, **change)]) == [told]


def test_accounts_that_are_as_they_were_are_in_nobodys_way():
    me = pwd.getpwuid(os.geteuid())
    group = Path("/proc/self").group()
    same = Account(me.pw_name, me.pw_uid, group, me.pw_gid, "/nowhere", me.pw_shell, "!")
    assert conflicts([same]) == []


def test_a_restore_that_would_overwrite_does_nothing(tmp_path, monkeypatch):
    state = tmp_path / "state"
    state.mkdir()
    (state / "gradebook.db").write_text("of another term")
    monkeypatch.setattr(accounts, "system", lambda *words, **told: pytest.fail(f"{words} was run"))
    archive = archive_of(tmp_path, [dataclasses.asdict(NEW)])
    with pytest.raises(CourseError, match="nothing was restored") as refused:
        restore(archive, state)
    assert f"{state} is there, and not empty" in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_what_is_no_backup_is_refused_with_its_name(tmp_path, content):
    file = tmp_path / "backup.tgz"
    if content is None:
        file = archive_of(tmp_path, {"not": "accounts"})
    else:
        file.write_bytes(content)
    with pytest.raises(CourseError, match=r"backup\.tgz is no archive"):
        read_list(file)


def test_a_hub_that_runs_is_not_saved(tmp_path):
    (tmp_path / "private").mkdir()
    plan = SimpleNamespace(state=tmp_path)
    need_stopped(plan)
    with socket.create_server(("127.0.0.1", 0)) as hub:
        settings = {"ports": {"hub": hub.getsockname()[1]}}
        (tmp_path / "private/hub-settings.json").write_text(json.dumps(settings))
        with pytest.raises(CourseError, match="stop it first"):
            need_stopped(plan)
    need_stopped(plan)


def test_an_account_that_gets_no_password_is_not_left_half_made(tmp_path, monkeypatch):
    done = []

    def system(program, *words, told=None):
        done.append(program)
        if program == "chpasswd":
            raise CourseError("chpasswd failed")

    monkeypatch.setattr(accounts, "system", system)
    monkeypatch.setattr(accounts, "check_people", list)
    monkeypatch.setattr(accounts.pwd, "getpwnam", lambda name: SimpleNamespace(pw_dir=str(tmp_path)))
    with pytest.raises(CourseError, match="chpasswd failed"):
        accounts.make_people(["t-ada"], tmp_path / "passwords")
    assert done == ["useradd", "chpasswd", "userdel"]
