"""nbgrader's exchange over the service: each command first brings a private copy up to date, then works on that.

`c.ExchangeFactory` names these classes. Below them are nbgrader's own, which read and write the copy as they would read
and write a shared folder, so that lists, messages and options are theirs. Nothing in the copy is believed by anybody.
"""

from __future__ import annotations

import datetime
import errno
import glob
import os
import re
import secrets
import shutil
from itertools import groupby
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_data_dir
from nbgrader.exchange.default import (
    Exchange,
    ExchangeCollect,
    ExchangeFetchFeedback,
    ExchangeList,
    ExchangeReleaseAssignment,
    ExchangeReleaseFeedback,
    ExchangeSubmit,
)
from nbgrader.utils import notebook_hash, parse_utc
from traitlets import Unicode, default

from course.errors import CourseError
from course.exchange.client import Client
from course.hub.arrival import SECRET, STAMP
from course.hub.collecting import due_date
from course.pack.archives import Refused, check_apart, read_submission
from course.pack.fetching import FetchKeepingAnswers
from course.pack.packing import zip_bytes


def packed(folder: Path) -> bytes:
    """Return a folder as a zip, of files only."""
    files = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    return zip_bytes({file.relative_to(folder).as_posix(): file.read_bytes() for file in files})


def unpack(data: bytes, folder: Path, stamp: str = "") -> None:
    """Write an archive's files as a folder that is whole or not there; a submission's with the time that counts.

    Raises Refused, with nothing written, for an archive with anything in it that is not a plain file.
    """
    making = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(making, ignore_errors=True)
    contents = read_submission(data)
    if stamp:
        contents[STAMP] = stamp.encode()  # whatever the student's file says
        if not contents.get(SECRET, b"").isalnum():  # its feedback needs some name
            contents[SECRET] = secrets.token_hex(64).encode()
    check_apart(contents)
    try:
        for name, content in contents.items():
            file = making / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        shutil.rmtree(folder, ignore_errors=True)
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


class OverService(Exchange):
    """What the commands have in common: the service, and the copy of what it holds."""

    service = Unicode(help="The exchange service's address; COURSE_EXCHANGE by default.").tag(config=True)

    @default("service")
    def _service_default(self) -> str:
        return os.environ.get("COURSE_EXCHANGE", "")

    @default("root")
    def _root_default(self) -> str:
        return str(Path(jupyter_data_dir()) / "exchange-copy")

    def start(self) -> Any:
        """Do what the command does; the copy is this person's alone, and what the service refuses is an answer."""
        Path(self.root).mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self.client = Client.of_this_server(self.service)
            return super().start()
        except (CourseError, Refused) as error:
            self.fail(str(error))

    def ensure_root(self) -> None:
        """The copy needs nobody else's permission."""

    def be_oneself(self) -> None:
        """Take the hub's name: in a container every account has the same."""
        if self.coursedir.student_id == "*":
            self.coursedir.student_id = os.environ.get("JUPYTERHUB_USER", "*")

    def copy_of(self, course: str, part: str) -> Path:
        """Return the copy's folder of a course, made if it was not there."""
        folder = Path(self.root, course, part)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def bring_lessons(self, course: str, lesson: str = "*") -> None:
        """Bring the copy of what is released up to date, of one lesson or of all."""
        folder = self.copy_of(course, "outbound")
        there = {kept["name"]: kept["digest"] for kept in self.client.ask("GET", "courses", course, "lessons")}
        for old in folder.iterdir():
            if not old.name.startswith(".") and old.name not in there:
                shutil.rmtree(old)
        for name, digest in there.items():
            mark = folder / f".{name}.digest"
            if lesson not in ("*", "", name) or (
                (folder / name).is_dir() and mark.is_file() and mark.read_text() == digest
            ):
                continue
            unpack(self.client.ask("GET", "courses", course, "lessons", name), folder / name)
            mark.write_text(digest)

    def bring_feedback(self, course: str) -> None:
        """Bring the copy of one's own feedback up to date."""
        folder, me = self.copy_of(course, "feedback"), os.environ.get("JUPYTERHUB_USER", "")
        for kept in self.client.ask("GET", "courses", course, "feedback"):
            file, mark = folder / kept["name"], folder / f".{kept['name']}.digest"
            if file.is_file() and mark.is_file() and mark.read_text() == kept["digest"]:
                continue
            file.write_bytes(self.client.ask("GET", "courses", course, "feedback", me, kept["name"]))
            mark.write_text(kept["digest"])

    def bring_submissions(self, course: str, lesson: str, due: datetime.datetime | None = None) -> None:
        """Bring the newest submission of each student, and the newest before `due` where that is another one.

        What cannot be unpacked is named, and holds nobody else up.
        """
        folder, wanted = self.copy_of(course, "inbound"), set()
        there = self.client.ask("GET", "courses", course, "lessons", lesson, "submissions")
        for student, theirs in groupby(sorted(there, key=lambda one: one["student"]), lambda one: one["student"]):
            newest = sorted(theirs, key=lambda one: one["timestamp"], reverse=True)
            in_time = [one for one in newest if due and parse_utc(one["timestamp"]) <= due]
            for one in {one["name"]: one for one in newest[:1] + in_time[:1]}.values():
                place = folder / f"{student}+{lesson}+{one['timestamp']}+{one['name'].split('+')[1][:12]}"
                wanted.add(place.name)
                if not place.is_dir():
                    self._bring(one, place, course, lesson)
        for old in folder.glob(f"*+{lesson}+*"):
            if old.name not in wanted:
                shutil.rmtree(old, ignore_errors=True)

    def _bring(self, one: dict[str, Any], place: Path, course: str, lesson: str) -> None:
        path = ("courses", course, "lessons", lesson, "submissions", one["student"], one["name"])
        try:
            unpack(self.client.ask("GET", *path), place, one["timestamp"])
        except (Refused, OSError, RecursionError, MemoryError) as error:
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise CourseError(f"this server's disk is full: {place.parent} could not be written") from error
            self.log.warning("What %s handed in at %s cannot be taken: %s", one["student"], one["timestamp"], error)


class ListOverService(OverService, ExchangeList):
    """`nbgrader list`, and the assignment list in JupyterLab."""

    def init_dest(self) -> None:
        """Bring up to date what is to be listed."""
        courses = [self.coursedir.course_id] if self.coursedir.course_id else self.client.ask("GET", "courses")
        for course in courses:
            if self.cached:
                self.bring_feedback(course)
            elif not self.inbound:
                self.bring_lessons(course)
            elif self.coursedir.assignment_id:
                self.bring_submissions(course, self.coursedir.assignment_id)
            else:
                self.bring_lessons(course)
                for lesson in sorted(self.copy_of(course, "outbound").glob("[!.]*")):
                    self.bring_submissions(course, lesson.name)
        super().init_dest()

    def remove_files(self) -> Any:
        """Withdraw releases; what was handed in is kept by the service, and cannot be taken out of it from here."""
        if self.inbound:
            self.fail("Submissions are kept by the exchange service and cannot be removed from here.")
        if not self.cached:
            for path in self.assignments:
                named = self.parse_assignment(path)
                self.client.ask("DELETE", "courses", named["course_id"], "lessons", named["assignment_id"])
        return super().remove_files()


class FetchOverService(OverService, FetchKeepingAnswers):
    """`nbgrader fetch_assignment`: what one wrote is kept, as everywhere in this course."""

    def init_src(self) -> None:
        """Bring the lesson."""
        if self.coursedir.course_id:
            self.bring_lessons(self.coursedir.course_id, self.coursedir.assignment_id)
            self.copy_of(self.coursedir.course_id, "inbound")
        super().init_src()


class SubmitOverService(OverService, ExchangeSubmit):
    """`nbgrader submit`: handed in is what the service has confirmed, at the time that it says."""

    def init_dest(self) -> None:
        """Bring the lesson, with which the submission is compared."""
        self.be_oneself()
        if self.coursedir.course_id:
            self.copy_of(self.coursedir.course_id, "inbound")
            self.bring_lessons(self.coursedir.course_id, self.coursedir.assignment_id)
        super().init_dest()

    def copy_files(self) -> None:
        """Hand in; where that fails nothing says that it was."""
        self.init_release()
        self.check_filename_diff()
        course, lesson = self.coursedir.course_id, self.coursedir.assignment_id
        noted = Path(self.cache_path)
        noted.mkdir(parents=True, exist_ok=True)
        making = noted / f".{lesson}.part"
        shutil.rmtree(making, ignore_errors=True)
        try:
            self.do_copy(self.src_path, str(making))
            (making / SECRET).write_text(secrets.token_hex(64), encoding="utf-8")
            (making / STAMP).write_text(self.timestamp, encoding="utf-8")
            archive, key = packed(making), secrets.token_hex(16)
            receipt = self.client.ask(
                "POST", "courses", course, "lessons", lesson, "submissions", body=archive, key=key
            )
            (making / STAMP).write_text(receipt["timestamp"], encoding="utf-8")
            making.rename(noted / f"{receipt['student']}+{lesson}+{receipt['timestamp']}")
        finally:
            shutil.rmtree(making, ignore_errors=True)
        self.log.info("Submitted as: %s %s %s", course, lesson, receipt["timestamp"])


class FetchFeedbackOverService(OverService, ExchangeFetchFeedback):
    """`nbgrader fetch_feedback`."""

    def init_src(self) -> None:
        """Bring one's feedback."""
        self.be_oneself()
        if self.coursedir.course_id:
            self.bring_feedback(self.coursedir.course_id)
        super().init_src()


class ReleaseOverService(OverService, ExchangeReleaseAssignment):
    """`nbgrader release_assignment`, for who teaches."""

    def init_dest(self) -> None:
        """See what is released already."""
        if self.coursedir.course_id:
            self.bring_lessons(self.coursedir.course_id, self.coursedir.assignment_id)
        super().init_dest()

    def copy_files(self) -> None:
        """Release; where that fails the copy does not say that it was."""
        super().copy_files()
        course, lesson = self.coursedir.course_id, self.coursedir.assignment_id
        again = {"again": "yes"} if self.force else {}
        try:
            self.client.ask("PUT", "courses", course, "lessons", lesson, body=packed(Path(self.dest_path)), **again)
        except CourseError:
            shutil.rmtree(self.dest_path, ignore_errors=True)
            raise


class CollectOverService(OverService, ExchangeCollect):
    """`nbgrader collect`, for who teaches: whose it is and when it came, the service knows."""

    def init_src(self) -> None:
        """Bring what was handed in."""
        self.check_owner = False  # in the copy all is the grader's
        if self.coursedir.course_id:
            due = due_date(self.coursedir) if self.before_duedate else None
            self.bring_submissions(self.coursedir.course_id, self.coursedir.assignment_id, due)
        super().init_src()


class ReleaseFeedbackOverService(OverService, ExchangeReleaseFeedback):
    """`nbgrader release_feedback`, for who teaches: each page to its student, and to nobody else."""

    def copy_files(self) -> None:
        """Give each page back."""
        excluded = set(self.coursedir.student_id_exclude.split(",")) if self.coursedir.student_id_exclude else set()
        given, failed = 0, []
        for page in sorted(map(Path, glob.glob(f"{self.src_path}/*.html"))):  # noqa: PTH207 - a pattern, not a folder
            student = self._student_of(page)
            if student in excluded:
                continue
            try:
                secret = (page.parent / SECRET).read_text(encoding="utf-8")
                name = f"{notebook_hash(secret=secret, notebook_id=page.stem)}.html"
                path = ("courses", self.coursedir.course_id, "feedback", student, name)
                self.client.ask("PUT", *path, body=page.read_bytes())
                given += 1
            except (OSError, UnicodeDecodeError, CourseError) as error:  # one student's holds up nobody else's
                failed.append(f"{student}, {page.stem}: {error}")
        self.log.info("%d pages of feedback were given back", given)
        if failed:
            self.fail("These pages could not be given back:\n" + "\n".join(failed))

    def _student_of(self, page: Path) -> str:
        pattern = self.coursedir.format_path(
            self.coursedir.feedback_directory, "(?P<student>.*)", self.coursedir.assignment_id, escape=True
        )
        found = re.match(pattern, str(page.parent))
        if found is None:
            self.fail(f"{page} is not where feedback lies: {pattern}")
        return found["student"]
