"""What the exchange service keeps: lessons, submissions and feedback, each whole or not there.

    COURSE/lessons/LESSON.zip                                 what is released
    COURSE/submissions/LESSON/STUDENT/TIME+KEY+DIGEST.zip     what was handed in, and when it had arrived
    COURSE/feedback/STUDENT/NAME.html                         what was given back
    .arriving/                                                uploads that have not ended; emptied at the start

An archive of a student's is looked at, and never unpacked here.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import re
import shutil
import tempfile
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, unquote

from course.hub.arrival import SECRET, STAMP, honest_time
from course.pack.archives import SUBMISSION, Refused, check_apart, open_archive, plain_members

#: An archive's size as it travels.
MOST_BYTES = SUBMISSION.total_bytes
#: What one student may hand in of one lesson: far above any honest use, and no way to fill the disk.
MOST_TIMES, MOST_BYTES_A_LESSON = 200, 2 * SUBMISSION.total_bytes
#: With less of the disk free nothing is taken: what is there must stay readable and the lists writable.
RESERVED_BYTES = 200_000_000

NAME = re.compile(r"\w[\w.-]{0,99}", re.ASCII)
KEY = re.compile(r"[0-9a-f]{32}")
FEEDBACK = re.compile(r"[\w-]{1,128}\.html", re.ASCII)
HANDED_IN = re.compile(r"(?P<time>\d{8}T\d{6}\.\d{6}Z)\+(?P<key>[0-9a-f]{32})\+(?P<digest>[0-9a-f]{64})\.zip")
FILE_TIME = "%Y%m%dT%H%M%S.%fZ"
STAMP_TIME = "%Y-%m-%d %H:%M:%S.%f UTC"  # as nbgrader writes it


class NotTaken(Exception):
    """A request that is refused: an HTTP status, and the reason in words for whoever asked."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Kept:
    """A file that the store holds: its name there, and what is needed to know whether one has it already."""

    name: str
    digest: str
    bytes: int


@dataclass(frozen=True)
class Submission:
    """What was handed in: by whom, when by the store's clock, and under which name it lies there."""

    student: str
    timestamp: str
    name: str
    digest: str
    bytes: int


def now() -> datetime.datetime:
    """Return the time in UTC, without a zone, as nbgrader keeps it."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


def checked(name: str, what: str) -> str:
    """Return a course's or lesson's name; raise NotTaken for one that cannot be one.

    >>> checked("01_what_is_mlops", "lesson")
    '01_what_is_mlops'
    >>> checked("../answers", "lesson")
    Traceback (most recent call last):
    course.exchange.store.NotTaken: '../answers' is no lesson's name: letters, digits, and _ . - between them
    """
    if not NAME.fullmatch(name):
        raise NotTaken(400, f"{name!r} is no {what}'s name: letters, digits, and _ . - between them")
    return name


def folder_of(person: str) -> str:
    """Return the folder's name for a hub's user, whatever the name holds.

    >>> folder_of("ada+l@example.org"), folder_of("..")
    ('ada%2Bl%40example.org', '%2E.')
    """
    safe = quote(person, safe="")
    return safe if not safe.startswith(".") else f"%2E{safe[1:]}"


def check_archive(file: Path) -> None:
    """Raise NotTaken for what could not be unpacked into a folder: its list is looked at, and nothing is unpacked.

    Sizes that the archive tells of itself are not believed: whoever unpacks it reads no further than they say.
    """
    try:
        with open_archive(str(file), SUBMISSION) as archive:
            names = plain_members(archive, SUBMISSION)
        if not names:
            raise Refused("it holds no file")
        check_apart([*names, STAMP, SECRET])  # two files of nbgrader's, which lie there in any case
    except Refused as refused:
        raise NotTaken(400, f"this archive is not taken: {refused}") from refused


class Store:
    """The files of all courses below `root`, written by one process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._arriving = root / ".arriving"
        shutil.rmtree(self._arriving, ignore_errors=True)
        self._arriving.mkdir(parents=True)
        self._lock = threading.Lock()  # between looking what is there and putting something beside it
        self.promised_bytes = 0  # changed by one thread only, the one that lets uploads in

    # --- Uploads ----------------------------------------------------------------------------------------------

    def arriving(self) -> Path:
        """Return a new empty file for an upload, on the disk where it will stay."""
        number, name = tempfile.mkstemp(dir=self._arriving)
        os.close(number)
        return Path(name)

    def promise_room(self, size: int) -> None:
        """Set so many bytes of the disk aside for an upload; raise NotTaken when it would be left with too little.

        What uploads on their way were promised and have not written yet is not free: whoever is let in fits.
        """
        if shutil.disk_usage(self.root).free - self.promised_bytes - size < RESERVED_BYTES:
            raise NotTaken(507, "the exchange's disk is full: nothing was taken; tell your instructor, then try again")
        self.promised_bytes += size

    def end_promise(self, size: int) -> None:
        """Free what was set aside: so many bytes are written by now, or will not come."""
        self.promised_bytes -= size

    @staticmethod
    def _place(upload: Path, target: Path) -> None:
        """Put an upload where it belongs, whole and on the disk before anybody is told so."""
        with upload.open("rb") as stream:
            os.fsync(stream.fileno())
        target.parent.mkdir(parents=True, exist_ok=True)
        upload.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    # --- Lessons ----------------------------------------------------------------------------------------------

    def _lesson(self, course: str, lesson: str) -> Path:
        return self.root / checked(course, "course") / "lessons" / f"{checked(lesson, 'lesson')}.zip"

    def lessons(self, course: str) -> list[Kept]:
        """Return what is released in a course."""
        found = sorted((self.root / checked(course, "course") / "lessons").glob("*.zip"))
        return [Kept(file.stem, _digest_of(file), file.stat().st_size) for file in found]

    def lesson(self, course: str, lesson: str) -> Path:
        """Return a released lesson's archive."""
        file = self._lesson(course, lesson)
        if not file.is_file():
            there = ", ".join(kept.name for kept in self.lessons(course)) or "none yet"
            raise NotTaken(404, f"no lesson {lesson} is released in {course}; released: {there}")
        return file

    def release(self, course: str, lesson: str, upload: Path, again: bool) -> None:
        """Release a lesson; one that is there is replaced only when told so."""
        file = self._lesson(course, lesson)
        check_archive(upload)
        with self._lock:
            if file.exists() and _digest_of(file) == _digest_of(upload):
                return  # an answer was lost, and it was sent again
            if file.exists() and not again:
                raise NotTaken(409, f"{lesson} is released in {course} already; release it with --force to replace it")
            self._place(upload, file)

    def withdraw(self, course: str, lesson: str) -> None:
        """Take back a release; what was handed in of it stays."""
        self.lesson(course, lesson).unlink()

    # --- Submissions ------------------------------------------------------------------------------------------

    def _submissions(self, course: str, lesson: str) -> Path:
        return self.root / checked(course, "course") / "submissions" / checked(lesson, "lesson")

    def submissions(self, course: str, lesson: str, student: str | None = None) -> list[Submission]:
        """Return what was handed in of a lesson, by one student or by all, the oldest first."""
        above = self._submissions(course, lesson)
        folders = [above / folder_of(student)] if student is not None else sorted(above.glob("*"))
        return sorted((one for folder in folders for one in _handed_in(folder)), key=lambda one: one.name)

    def submission(self, course: str, lesson: str, student: str, name: str) -> Path:
        """Return the archive of a submission."""
        file = self._submissions(course, lesson) / folder_of(student) / name
        if not HANDED_IN.fullmatch(name) or not file.is_file():
            raise NotTaken(404, f"{student} has handed in no {name} of {lesson} in {course}")
        return file

    def submit(
        self, course: str, lesson: str, student: str, upload: Path, key: str, digest: str, began: datetime.datetime
    ) -> tuple[Submission, bool]:
        """Keep a submission; return its receipt, and whether it is new: the same `key` again is the same one.

        `began` is when the upload began, which counts where the upload took no longer than a copy may.
        """
        if not KEY.fullmatch(key):
            raise NotTaken(400, f"the submission's key must be 32 hexadecimal digits, and is {key[:40]!r}")
        self.lesson(course, lesson)  # nothing is handed in for a lesson that nobody has
        check_archive(upload)
        folder = self._submissions(course, lesson) / folder_of(student)
        size = upload.stat().st_size
        with self._lock:
            before = _handed_in(folder)
            for one in before:
                if HANDED_IN.fullmatch(one.name)["key"] == key:  # type: ignore[index]
                    return one, False
            if len(before) >= MOST_TIMES or sum(one.bytes for one in before) + size > MOST_BYTES_A_LESSON:
                used = sum(one.bytes for one in before) / 1e6
                raise NotTaken(
                    413,
                    f"{student} has handed in {lesson} {len(before)} times, {used:.0f} MB in all; at most {MOST_TIMES} "
                    f"times and {MOST_BYTES_A_LESSON / 1e6:.0f} MB are taken: ask your instructor",
                )
            at = honest_time(began, now())
            name = f"{at:{FILE_TIME}}+{key}+{digest}.zip"
            self._place(upload, folder / name)
        return Submission(student, f"{at:{STAMP_TIME}}", name, digest, size), True

    # --- Feedback ---------------------------------------------------------------------------------------------

    def _feedback(self, course: str, student: str) -> Path:
        return self.root / checked(course, "course") / "feedback" / folder_of(student)

    def feedback(self, course: str, student: str) -> list[Kept]:
        """Return what was given back to a student."""
        found = sorted(self._feedback(course, student).glob("*.html"))
        return [Kept(file.name, _digest_of(file), file.stat().st_size) for file in found]

    def feedback_page(self, course: str, student: str, name: str) -> Path:
        """Return one page of a student's feedback."""
        file = self._feedback(course, student) / name
        if not FEEDBACK.fullmatch(name) or not file.is_file():
            raise NotTaken(404, f"there is no feedback {name} for {student} in {course}")
        return file

    def give_back(self, course: str, student: str, name: str, upload: Path) -> None:
        """Keep a page of feedback for a student who has handed something in."""
        if not FEEDBACK.fullmatch(name):
            raise NotTaken(400, f"{name!r} is no name for a page of feedback: letters, digits, _ and -, then .html")
        handed_in = self.root / checked(course, "course") / "submissions"
        if not any(handed_in.glob(f"*/{folder_of(student)}")):
            raise NotTaken(404, f"{student} has handed in nothing in {course}, and gets no feedback")
        self._place(upload, self._feedback(course, student) / name)


def _handed_in(folder: Path) -> list[Submission]:
    found = []
    for file in folder.glob("*.zip"):
        if match := HANDED_IN.fullmatch(file.name):
            at = datetime.datetime.strptime(match["time"], FILE_TIME)
            size = file.stat().st_size
            found.append(Submission(unquote(folder.name), f"{at:{STAMP_TIME}}", file.name, match["digest"], size))
    return found


def _digest_of(file: Path) -> str:
    found = file.stat()
    return _digest(file, found.st_ino, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=10_000)
def _digest(file: Path, *_: int) -> str:
    """The digest of a file as it was: its number, time and size are part of the question."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
