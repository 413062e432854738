"""How a hub's grader takes submissions out of nbgrader's exchange: only the owner's own, at the time the kernel knows.

In the exchange a submission belongs to the student who made it, with the name and the time stamp that the student's
own process wrote: both can be anything. nbgrader's own collecting warns of a wrong owner, believes the time, and
follows links as the grader. Here the owner must be the student, a link is left out, and a stamp that is earlier than
the last change of what lies there gives way to that change. (Nobody but root can set a file's change time back.) The
time that was first found for a submission stays its time as long as nothing in it changes.
"""

from __future__ import annotations

import datetime
import errno
import hashlib
import json
import os
import pwd
import shutil
import stat
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import ExchangeCollect
from nbgrader.utils import parse_utc

from course.hub.arrival import SECRET, STAMP, honest_time

#: Beside the gradebook, which it belongs to.
SEEN = "submission-times.json"


def changed_at(folder: Path) -> datetime.datetime:
    """Return when anything in a folder was last changed, by the kernel's clock: in UTC without a zone, as nbgrader."""
    latest = folder.lstat().st_ctime
    for above, folders, files in os.walk(folder):
        for name in (*folders, *files):
            latest = max(latest, Path(above, name).lstat().st_ctime)
    return datetime.datetime.fromtimestamp(latest, datetime.UTC).replace(tzinfo=None)


def plain_files(source: Path, owner: int, most: int) -> Iterator[tuple[Path, bytes | str]]:
    """Give each file of a student's folder, by its path in there, as bytes, or the reason why it is left out.

    Links, devices, pipes and other people's files are left out, and files after the first `most` bytes in all.
    """
    used = 0
    # fwalk and dir_fd: a folder that turns into a link while it is read is not walked into.
    for above, folders, files, at in os.fwalk(source):
        folders.sort()
        links = [name for name in folders if Path(above, name).is_symlink()]
        for name in sorted((*files, *links)):
            path = (Path(above) / name).relative_to(source)
            try:
                # Neither a link is followed nor a pipe waited for, and what is looked at is what is read.
                number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
            except OSError as error:
                yield path, "a link" if error.errno == errno.ELOOP else str(error.strerror)
                continue
            with os.fdopen(number, "rb") as stream:
                found = os.fstat(stream.fileno())
                if not stat.S_ISREG(found.st_mode):
                    yield path, "no file"
                elif found.st_uid != owner:
                    yield path, "another account's"
                elif used + found.st_size > most:
                    yield path, f"more than {most:,} bytes in all"
                else:
                    used += found.st_size
                    yield path, stream.read(found.st_size)  # and no more, should it grow


def copy_plain_files(source: Path, target: Path, owner: int, most: int) -> list[str]:
    """Copy a student's folder; return the names of what was left out, each with the reason."""
    left_out = []
    target.mkdir(parents=True, exist_ok=True)
    for path, content in plain_files(source, owner, most):
        if isinstance(content, str):
            left_out.append(f"{path.as_posix()} ({content})")
        else:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(content)
    return left_out


def digest_of(source: Path, owner: int, most: int) -> str:
    """Return a digest of all that `copy_plain_files` would copy."""
    whole = hashlib.sha256()
    for path, content in plain_files(source, owner, most):
        if isinstance(content, bytes):
            whole.update(os.fsencode(path) + f"\0{len(content)}\0".encode() + content)
    return whole.hexdigest()


class SeenTimes:
    """When each submission was first seen to have been handed in, and what was in it, in the grader's own folder.

    A disk that is restored from a backup has new change times everywhere; without this everybody would be late.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._seen: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self._seen = {}

    def time_of(self, name: str, honest: datetime.datetime, digest: Callable[[], str]) -> datetime.datetime:
        """Return the time that counts: as it was first seen, if what is there is what was there then."""
        known = self._seen.get(name)
        if known is not None:
            first = datetime.datetime.fromisoformat(known[0])
            if first == honest or known[1] == digest():
                return first
        self._seen[name] = [honest.isoformat(), digest()]
        return honest

    def keep(self) -> None:
        """Write it, whole or not at all."""
        making = self._file.with_name(f".{self._file.name}.part")
        making.write_text(json.dumps(self._seen, indent=0, sort_keys=True), encoding="utf-8")
        making.chmod(0o600)
        making.replace(self._file)


def due_date(course: CourseDirectory) -> datetime.datetime | None:
    """Return when the assignment is due, as its gradebook has it; None where it has no date."""
    with Gradebook(course.db_url, course.course_id) as book:
        try:
            return book.find_assignment(course.assignment_id).duedate
        except MissingEntry:
            return None


class CollectOwnWork(ExchangeCollect):
    """nbgrader's `collect` for a hub of Unix accounts."""

    def init_src(self) -> None:
        """Find the newest submission of each student that is this student's own."""
        if not self.coursedir.course_id:
            self.fail("No course id specified. Re-run with --course flag.")
        self.inbound_path = str(Path(self.root, self.coursedir.course_id, "inbound"))
        if not Path(self.inbound_path).is_dir():
            self.fail(f"Course not found: {self.inbound_path}")
        student = self.coursedir.student_id or "*"
        found = sorted(Path(self.inbound_path).glob(f"{student}+{self.coursedir.assignment_id}+*"))
        try:
            self.seen = SeenTimes(Path(self.coursedir.root) / SEEN)
        except (OSError, ValueError) as error:
            self.fail(f"{SEEN} in the term's folder cannot be read: {error}; bring it back from a backup")
        records = [record for record in map(self._own, found) if record]
        self.seen.keep()
        due = due_date(self.coursedir)
        self.src_records = []
        for _, theirs in groupby(sorted(records, key=lambda record: record["username"]), lambda one: one["username"]):
            newest = self._sort_by_timestamp(list(theirs))
            in_time = [record for record in newest if due and record["timestamp"] <= due]
            self.src_records.append((in_time if self.before_duedate and in_time else newest)[0])

    def _own(self, folder: Path) -> dict[str, Any] | None:
        """Return a submission as nbgrader's records have it, or None, with a warning, where it is not what it says."""
        try:
            record = self._path_to_record(str(folder))
            owner = folder.lstat().st_uid
            expected = pwd.getpwnam(record["username"]).pw_uid
            if not stat.S_ISDIR(folder.lstat().st_mode) or owner != expected:
                self.log.warning("%s is not %s's: it is left where it is", folder, record["username"])
                return None
            # nbgrader writes these two last: where one has no words, the disk was full or the student's process ended.
            if not all((folder / name).lstat().st_size for name in (STAMP, SECRET)):
                raise ValueError("it is not whole")
            claimed = record["timestamp"].replace(tzinfo=None)
            most = 1000 * self.coursedir.max_dir_size
            honest = honest_time(claimed, changed_at(folder))
            honest = self.seen.time_of(folder.name, honest, partial(digest_of, folder, owner, most))
        except (OSError, KeyError, ValueError) as error:
            self.log.warning("%s is left where it is, no submission: %s", folder, error)
            return None
        if honest != claimed:
            self.log.warning(
                "%s: the stamp says %s, what lies there was changed at %s, which counts",
                record["username"], record["timestamp"], honest,
            )  # fmt: skip
        return record | {"timestamp": parse_utc(honest), "owner": owner}

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        """Copy a submission and write the time that counts."""
        [record] = [one for one in self.src_records if one["filename"] == Path(src).name]
        most = 1000 * self.coursedir.max_dir_size
        making = Path(dest).with_name(f".{Path(dest).name}.part")
        shutil.rmtree(making, ignore_errors=True)
        left_out = copy_plain_files(Path(src), making, record["owner"], most)
        if left_out:
            self.log.warning("%s: left out: %s", record["username"], ", ".join(left_out))
        (making / STAMP).unlink(missing_ok=True)
        (making / STAMP).write_text(f"{record['timestamp']:%Y-%m-%d %H:%M:%S.%f} UTC", encoding="utf-8")
        making.rename(dest)
