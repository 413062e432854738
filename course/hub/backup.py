"""`course hub-backup`, `course hub-restore`: all of a class that cannot be made again, in one archive for root alone.

In it are the hub's state, everybody's home, and the accounts with their numbers and hashed passwords: files belong to
numbers, and an account that came back under another one would not own its own home. GNU tar does the rest.
"""

from __future__ import annotations

import argparse
import grp
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from course.errors import CourseError
from course.hub import accounts
from course.hub.class_hub import settings_before
from course.hub.class_plan import ClassPlan, read_class

SUMMARY = "save a class's hub, homes and accounts to one file (needs root)"
LIST = "accounts.json"
SHADOW = Path("/etc/shadow")


@dataclass(frozen=True)
class Account:
    """A Unix account as it has to come back."""

    name: str
    number: int
    group: str
    group_number: int
    home: str
    shell: str
    password: str  # as the system keeps it: a hash, or what lets nobody in


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course hub-backup`."""
    parser.add_argument("plan", type=Path, help="the class's TOML file")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the archive, such as hub-backup.tgz")


def run(args: argparse.Namespace) -> int:
    """Save the class."""
    plan = read_class(args.plan)
    need_root()
    need_stopped(plan)
    found = accounts_of(plan)
    places = places_of(plan, found)
    folder = args.out.absolute().parent
    if not folder.is_dir() or any(folder.is_relative_to(place) for place in places):
        raise CourseError(f"--out {args.out}: expected a file in a folder that is there, and is not saved itself")
    making = args.out.with_name(f".{args.out.name}.part")
    try:
        with tempfile.TemporaryDirectory() as listed:
            Path(listed, LIST).write_text(json.dumps([asdict(account) for account in found], indent=1))
            making.touch(0o600)
            making.chmod(0o600)
            _tar("--create", "--gzip", "--file", making, "-C", listed, LIST, "-C", "/", *_relative(places))
        making.replace(args.out)
    finally:
        making.unlink(missing_ok=True)
    print(f"{args.out}: {len(found)} accounts, {plan.state} and {len(places) - 1} homes, {_megabytes(args.out)}")
    print("It holds answers, grades and hashed passwords: keep it where nobody else can read it.")
    return 0


def need_root() -> None:
    """Raise CourseError for anybody else."""
    if os.geteuid() != 0:
        raise CourseError("other accounts' files need root: run this with sudo")


def need_stopped(plan: ClassPlan) -> None:
    """Raise CourseError while the hub runs: its book and the gradebooks are written to."""
    port = settings_before(plan.state / "private").get("ports", {}).get("hub")
    with socket.socket() as line:
        if port and line.connect_ex(("127.0.0.1", port)) == 0:
            raise CourseError(
                "the hub runs, and its database and the gradebooks may change while they are read: stop it first "
                "(sudo systemctl stop mlops-hub); people's own servers may go on"
            )


def accounts_of(plan: ClassPlan) -> list[Account]:
    """Return the class's people and graders as they stand on this machine."""
    names = [*plan.people, *(course.grader for course in plan.courses)]
    accounts.need_all(names)
    hashes = dict(line.split(":")[:2] for line in SHADOW.read_text().splitlines())
    found = []
    for name in names:
        person = pwd.getpwnam(name)
        group = grp.getgrgid(person.pw_gid)
        found.append(
            Account(
                name, person.pw_uid, group.gr_name, group.gr_gid, person.pw_dir, person.pw_shell, hashes.get(name, "!")
            )
        )
    return found


def places_of(plan: ClassPlan, found: Iterable[Account]) -> list[Path]:
    """Return the folders that are saved, the state first; a grader's home lies in it."""
    homes = (Path(account.home) for account in found)
    return [plan.state, *(home for home in homes if home.is_dir() and not home.is_relative_to(plan.state))]


def _relative(places: Iterable[Path]) -> list[str]:
    return [str(place.absolute().relative_to("/")) for place in places]


def _tar(*words: str | Path) -> str:
    """Run GNU tar; a file that changed while it was read is told, and no failure."""
    program = shutil.which("tar")
    if program is None:
        raise CourseError("GNU tar is not on this machine: install tar")
    command = [program, "--numeric-owner", "--warning=no-file-ignored", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    changed = done.returncode == 1 and "--create" in words
    if done.returncode and not changed:
        raise CourseError(f"tar failed: {done.stderr.strip()[-1000:]}")
    if changed:
        print(f"changed while they were read, and saved as they were then:\n{done.stderr.strip()[-1000:]}")
    return done.stdout


def _megabytes(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.1f} MB"


def read_list(archive: Path) -> list[Account]:
    """Return the accounts in an archive; raise CourseError for what is none of ours."""
    try:
        return [Account(**told) for told in json.loads(_tar("--extract", "--to-stdout", "--file", archive, LIST))]
    except (CourseError, ValueError, TypeError) as error:
        raise CourseError(f"{archive} is no archive that `course hub-backup` has made: {error}") from error


def conflicts(found: Sequence[Account], state: Path | None = None) -> list[str]:
    """Return what stands in the way of a restore: taken names and numbers, and places that are not empty."""
    told = []
    for account in found:
        for kind, name, number, by_name, by_number in (
            ("account", account.name, account.number, _account_number, _account_name),
            ("group", account.group, account.group_number, _group_number, _group_name),
        ):
            if by_name(name) not in (None, number):
                told.append(f"the {kind} {name} is there with the number {by_name(name)}, and was {number}")
            elif by_number(number) not in (None, name):
                told.append(f"the number {number} of the {kind} {name} is {by_number(number)}'s here")
    places = {account.home for account in found} | ({str(state)} if state else set())
    return told + [f"{place} is there, and not empty" for place in sorted(places) if _holds_something(Path(place))]


def _holds_something(place: Path) -> bool:
    return place.is_dir() and any(place.iterdir())


def _account_number(name: str) -> int | None:
    return next((one.pw_uid for one in pwd.getpwall() if one.pw_name == name), None)


def _account_name(number: int) -> str | None:
    return next((one.pw_name for one in pwd.getpwall() if one.pw_uid == number), None)


def _group_number(name: str) -> int | None:
    return next((one.gr_gid for one in grp.getgrall() if one.gr_name == name), None)


def _group_name(number: int) -> str | None:
    return next((one.gr_name for one in grp.getgrall() if one.gr_gid == number), None)


def restore(archive: Path, state: Path) -> list[Account]:
    """Bring accounts and files back; raise CourseError, with nothing done, where anything would be overwritten."""
    found = read_list(archive)
    in_the_way = conflicts(found, state)
    if in_the_way:
        listed = "\n".join(f"  {line}" for line in in_the_way)
        raise CourseError(f"nothing was restored; move away first what is in the way:\n{listed}")
    for account in found:
        if _group_number(account.group) is None:
            accounts.system("groupadd", "--gid", str(account.group_number), account.group)
        if _account_number(account.name) is None:
            accounts.system(
                "useradd", "--no-create-home", "--no-user-group", "--uid", str(account.number), "--gid", account.group,
                "--home-dir", account.home, "--shell", account.shell, account.name,
            )  # fmt: skip
            # By standard input: a command's words can be read by everybody while it runs.
            accounts.system("chpasswd", "--encrypted", told=f"{account.name}:{account.password}\n")
    _tar("--extract", "--gzip", "--same-permissions", "--file", archive, "-C", "/", "--exclude", LIST)
    return found
