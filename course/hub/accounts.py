"""The Unix accounts of a class: made where the plan says so, looked at in any case, never taken away.

JupyterHub starts each person's server as that person's account, so a name that is a system's account (root, daemon)
must never get onto a roster.
"""

from __future__ import annotations

import csv
import io
import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from course.errors import CourseError

#: Below this number Debian, Fedora and their kin keep the accounts of the system itself.
FIRST_PERSON = 1000
NOBODY = 65534


def check_people(names: Iterable[str]) -> list[str]:
    """Return the names that have no account yet; raise CourseError for an account that is the system's own."""
    missing = []
    for name in names:
        try:
            number = pwd.getpwnam(name).pw_uid
        except KeyError:
            missing.append(name)
            continue
        if not FIRST_PERSON <= number < NOBODY:
            raise CourseError(
                f"{name} is an account of the system itself (number {number}); a person's is {FIRST_PERSON} or more: "
                "take it off the roster, or name that person's own account"
            )
    return missing


def need_all(names: Iterable[str]) -> None:
    """Raise CourseError that names the accounts that are missing where the class may not make any."""
    missing = check_people(names)
    if missing:
        raise CourseError(
            f"these have no Unix account here: {', '.join(missing)}; make them, or let the hub do it: accounts = "
            '"create"'
        )


def make_people(names: Iterable[str], passwords: Path) -> list[str]:
    """Make the accounts that are missing, each with a home that nobody else can read; return their names.

    First passwords are added to `passwords`, a CSV file for root alone, before an account gets one.
    """
    made = check_people(names)
    for name in made:
        word = secrets.token_urlsafe(9)
        system("useradd", "--create-home", "--shell", "/bin/bash", "--user-group", name)
        Path(pwd.getpwnam(name).pw_dir).chmod(0o700)
        _append(passwords, [name, word])
        try:
            system("chpasswd", told=f"{name}:{word}\n")
        except CourseError:
            # Else it would count as made at the next start, and never get a password.
            system("userdel", "--remove", name)
            raise
    return made


def make_grader(name: str, home: Path) -> None:
    """Make a course's grader: an account without a password, at home where the course's term lies; or check it."""
    if not check_people([name]):
        if Path(pwd.getpwnam(name).pw_dir) != home:
            raise CourseError(
                f"the account {name} is there already, at home in {pwd.getpwnam(name).pw_dir} and not in {home}: name "
                "another grader for the course"
            )
        return
    home.parent.mkdir(parents=True, exist_ok=True)
    system("useradd", "--create-home", "--home-dir", str(home), "--shell", "/bin/bash", "--user-group", name)
    home.chmod(0o700)


def run_as(name: str, command: list[str], cwd: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command as an account, with none of root's rights or groups; return what it said."""
    person = pwd.getpwnam(name)
    return subprocess.run(
        command, cwd=cwd, env=environment | {"HOME": person.pw_dir, "USER": name, "LOGNAME": name},
        user=person.pw_uid, group=person.pw_gid, extra_groups=os.getgrouplist(name, person.pw_gid), umask=0o077,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def _append(file: Path, row: list[str]) -> None:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as stream:
        stream.write(text.getvalue())


def system(program: str, *words: str, told: str | None = None) -> None:
    """Run one of the system's programs for accounts; raise CourseError with what it says when it fails."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise CourseError(f'{program} is not on this machine; make the accounts yourself and set accounts to "exist"')
    done = subprocess.run([found, *words], input=told, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CourseError(f"{program} {' '.join(words)} failed: {done.stderr.strip() or done.returncode}")
