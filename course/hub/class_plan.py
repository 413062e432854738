"""What an operator decides for a class on a hub, as it stands in a TOML file: read and checked before anything is made.

```toml
url = "http://localhost:8000"       # what browsers ask for; servers are below it: http://ada.localhost:8000
state = "/srv/mlops-hub"            # everything that the hub keeps, but for the homes

[courses.mlops-spring-27]
roster = "mlops-spring-27.csv"      # columns id, first_name, last_name, email; an id is a Unix account
instructors = ["ines"]
```
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from course.errors import CourseError
from course.pack.roster import read_roster
from course.term.plan import COURSE_ID

#: What Debian's `useradd` takes for an account, with room for the prefix of a grader's.
ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
SIZE = re.compile(r"[1-9][0-9]*[KMGT]")
ACCOUNTS, SPAWNERS = ("exist", "create"), ("local", "systemd")
SQLITE = "sqlite"


@dataclass(frozen=True)
class CoursePlan:
    """One course of the hub: who teaches, who helps, who learns, and the account that owns term and gradebook."""

    course_id: str
    roster: Path
    students: tuple[str, ...]
    instructors: tuple[str, ...]
    assistants: tuple[str, ...] = ()
    grader: str = ""

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who may log in for this course, each once."""
        return tuple(dict.fromkeys((*self.instructors, *self.assistants, *self.students)))


@dataclass(frozen=True)
class ClassPlan:
    """A hub: where browsers find it, where it keeps its state, what a person's server may use, and its courses."""

    courses: tuple[CoursePlan, ...]
    state: Path
    url: str = "http://localhost:8000"
    bind: str = "http://127.0.0.1:8000"
    subdomains: bool = True
    database: str = SQLITE
    accounts: str = "exist"
    spawner: str = "local"
    memory: str = "2G"
    processes: int = 300
    cpu: float = 1.0
    idle_minutes: float = 60.0
    more: Path | None = None

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who may log in, each once."""
        return tuple(dict.fromkeys(name for course in self.courses for name in course.people))


def read_class(file: Path) -> ClassPlan:
    """Read a class; raise CourseError that says what is wrong, what was given and what would be right.

    Paths in the file are relative to its folder.
    """
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{file} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise CourseError(f"{file} is no TOML: {error}") from None
    return parse_class(found, file)


def parse_class(found: Mapping[str, Any], file: Path) -> ClassPlan:
    """Return the class that a parsed file describes; raise CourseError as `read_class` does."""
    known = {each.name for each in fields(ClassPlan)}
    strange = sorted(set(found) - known)
    if strange:
        raise CourseError(f"{file}: {', '.join(strange)} is no setting; there are: {', '.join(sorted(known))}")
    courses = found.get("courses")
    if not isinstance(courses, dict) or not courses:
        raise CourseError(f"{file}: it names no course; expected a table such as [courses.mlops-spring-27]")
    if not isinstance(found.get("state"), str):
        raise CourseError(f'{file}: state is {found.get("state")!r}; expected a folder, such as "/srv/mlops-hub"')
    here = file.absolute().parent
    settings = {name: value for name, value in found.items() if name != "courses"}
    settings["state"] = here / settings["state"]
    if settings.get("more") is not None:
        settings["more"] = here / _text(file, "more", settings["more"])
    _check_settings(file, settings)
    plan = ClassPlan(tuple(_course(file, here, name, table) for name, table in courses.items()), **settings)
    _check_accounts(file, plan)
    return plan


def _check_settings(file: Path, settings: dict[str, Any]) -> None:
    defaults = {each.name: each.default for each in fields(ClassPlan)}
    for name in ("url", "bind"):
        address = urlsplit(_text(file, name, settings.setdefault(name, defaults[name])))
        if address.scheme not in ("http", "https") or not address.hostname or address.path.strip("/"):
            raise CourseError(f"{file}: {name} is {settings[name]!r}; expected an address without a path: https://…")
        settings[name] = settings[name].rstrip("/")
    for name, choices in (("accounts", ACCOUNTS), ("spawner", SPAWNERS)):
        if settings.get(name, defaults[name]) not in choices:
            raise CourseError(f"{file}: {name} is {settings[name]!r}; expected one of {', '.join(choices)}")
    database = _text(file, "database", settings.get("database", SQLITE))
    if database != SQLITE and not database.startswith("postgresql+psycopg://"):
        raise CourseError(
            f"{file}: database is {database!r}; expected {SQLITE!r}, or PostgreSQL as postgresql+psycopg://name@host/hub"
        )
    if not isinstance(settings.get("subdomains", True), bool):
        raise CourseError(f"{file}: subdomains is {settings['subdomains']!r}; expected true or false")
    if not SIZE.fullmatch(_text(file, "memory", settings.get("memory", "2G"))):
        raise CourseError(f'{file}: memory is {settings["memory"]!r}; expected a size such as "2G"')
    for name, least in (("processes", 50), ("cpu", 0.1), ("idle_minutes", 0.1)):
        value = settings.get(name, defaults[name])
        if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
            raise CourseError(f"{file}: {name} is {value!r}; expected a number, {least:g} or more")
    if not isinstance(settings.get("processes", 300), int):
        raise CourseError(f"{file}: processes is {settings['processes']!r}; expected a whole number")


def _course(file: Path, here: Path, name: str, table: Any) -> CoursePlan:
    if not COURSE_ID.fullmatch(name):
        raise CourseError(f"{file}: {name!r} cannot be a course id: small letters, digits and dashes, at most 40")
    allowed = {"roster", "instructors", "assistants", "grader"}
    if not isinstance(table, dict) or set(table) - allowed or not {"roster", "instructors"} <= set(table):
        raise CourseError(f"{file}: [courses.{name}] is {table!r}; expected roster, instructors; assistants, grader")
    roster = here / _text(file, "roster", table["roster"])
    lists = {key: _names(file, f"{name}, {key}", table.get(key, [])) for key in ("instructors", "assistants")}
    if not lists["instructors"]:
        raise CourseError(f"{file}: {name} has no instructor; nobody could release or grade")
    students = tuple(person.id for person in read_roster(roster))
    bad = [student for student in students if not ACCOUNT.fullmatch(student)]
    if bad:
        raise CourseError(
            f"{roster}: {', '.join(bad)} cannot be a Unix account: a small letter, then small letters, digits, - and "
            "_, at most 32 in all"
        )
    grader = _names(file, f"{name}, grader", [table.get("grader", f"grade-{name}"[:32])])[0]
    return CoursePlan(name, roster, students, lists["instructors"], lists["assistants"], grader)


def _check_accounts(file: Path, plan: ClassPlan) -> None:
    """A grader's account holds answers, gradebook and secret: it must be nobody's, and of one course alone."""
    graders = [course.grader for course in plan.courses]
    for grader in graders:
        if grader in plan.people or graders.count(grader) > 1:
            raise CourseError(f"{file}: the grader {grader} is a person's account too, or another course's grader")
    for course in plan.courses:
        teach = {*course.instructors, *course.assistants}
        both = sorted(teach & set(course.students))
        if both:
            raise CourseError(f"{file}: {', '.join(both)} teaches {course.course_id} and is on its roster as well")


def _text(file: Path, name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise CourseError(f"{file}: {name} is {value!r}; expected text")
    return value


def _names(file: Path, what: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and ACCOUNT.fullmatch(name) for name in value):
        raise CourseError(f'{file}: {what} is {value!r}; expected a list of Unix accounts, such as ["ines"]')
    return tuple(dict.fromkeys(value))
