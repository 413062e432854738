"""What an instructor decides for a term, as it stands in `term.toml`: read, checked, written."""

from __future__ import annotations

import datetime
import json
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course.errors import CourseError

FILE, ROSTER, SECRET = "term.toml", "roster.csv", "term-secret"
#: nbgrader puts it into paths, JupyterHub into the name of a group and of a service.
COURSE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class LatePolicy:
    """What being late costs: percent of what was earned for each day begun, after a time of grace."""

    percent_per_day: float = 0.0
    at_most_percent: float = 100.0
    grace_minutes: float = 0.0

    def percent_lost(self, seconds_late: float) -> float:
        """Return the percent of the points that a submission loses.

        >>> policy = LatePolicy(percent_per_day=10, at_most_percent=50, grace_minutes=15)
        >>> [policy.percent_lost(seconds) for seconds in (0, 900, 901, 86_400, 86_401, 10**7)]
        [0.0, 0.0, 10.0, 10.0, 20.0, 50.0]
        """
        if seconds_late <= self.grace_minutes * 60:
            return 0.0
        return float(min(self.at_most_percent, self.percent_per_day * math.ceil(seconds_late / 86_400)))


@dataclass(frozen=True)
class TermPlan:
    """One term of the course."""

    course_id: str
    due: Mapping[str, datetime.datetime] = field(default_factory=dict)  # by lesson, with a time zone
    late: LatePolicy = field(default_factory=LatePolicy)
    draws: Mapping[str, int] = field(default_factory=dict)  # by lesson: which draw of seeds its reference passed with

    def __post_init__(self) -> None:
        if not COURSE_ID.fullmatch(self.course_id):
            raise CourseError(
                f"{self.course_id!r} cannot be a course id: small letters, digits and dashes, at most 40, such as "
                "mlops-spring-27"
            )
        for name, low, high in (("percent_per_day", 0, 100), ("at_most_percent", 0, 100), ("grace_minutes", 0, 10**5)):
            value = getattr(self.late, name)
            if not low <= value <= high:
                raise CourseError(f"late policy: {name} is {value:g}; it must lie between {low} and {high}")
        for lesson, due in self.due.items():
            if due.tzinfo is None:
                raise CourseError(f"the due date of {lesson}, {due.isoformat()}, has no time zone: add one, as +01:00")


def read_when(text: str, where: str, example: str = "2027-02-01T23:59") -> datetime.datetime:
    """Read a date with a time of day; without a zone it is this machine's. CourseError names the option, `where`.

    >>> read_when("2027-02-01T23:59+01:00", "--until …").isoformat()
    '2027-02-01T23:59:00+01:00'
    """
    try:
        when = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise CourseError(f"{where}: expected {example}, a date and a time of day") from None
    if "T" not in text and " " not in text.strip():
        raise CourseError(f"{where}: {text} has no time of day; write {text}T23:59")
    return when if when.tzinfo else when.astimezone()


def read_due(words: Sequence[str]) -> dict[str, datetime.datetime]:
    """Read due dates as they are given to the command, `LESSON=2027-02-01T23:59`; without a zone it is this machine's.

    >>> read_due(["01_what_is_mlops=2027-02-01T23:59+01:00"])["01_what_is_mlops"].isoformat()
    '2027-02-01T23:59:00+01:00'
    """
    found: dict[str, datetime.datetime] = {}
    for word in words:
        lesson, _, text = word.partition("=")
        when = read_when(text, f"--due {word}", "LESSON=2027-02-01T23:59")
        if lesson in found:
            raise CourseError(f"--due {word}: {lesson} has a due date already, {found[lesson].isoformat()}")
        found[lesson] = when
    return found


def plan_text(plan: TermPlan) -> str:
    """Return a plan as `term.toml`.

    >>> plan = TermPlan("mlops", read_due(["01_what_is_mlops=2027-02-01T23:59+01:00"]), draws={"01_what_is_mlops": 1})
    >>> parse_plan(plan_text(plan)) == plan
    True
    """
    lines = [
        "# A term of the course. After a change run: course new-term --update",
        f"course_id = {json.dumps(plan.course_id)}  # as the exchange and the gradebook know it; it stays as it is",
        "",
        "[due]",
        *(f"{lesson} = {due.isoformat()}" for lesson, due in plan.due.items()),
        "",
        "[late]",
        f"percent_per_day = {plan.late.percent_per_day:g}  # of what was earned, for each day begun",
        f"at_most_percent = {plan.late.at_most_percent:g}",
        f"grace_minutes = {plan.late.grace_minutes:g}",
        "",
        "[draws]  # written by the command: with which draw of seeds the reference solution was seen to pass",
        *(f"{lesson} = {draw}" for lesson, draw in plan.draws.items()),
    ]
    return "\n".join(lines) + "\n"


def parse_plan(text: str, where: str = FILE) -> TermPlan:
    """Read a plan; raise CourseError for what is none, in words that say what would be right."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CourseError(f"{where} is no TOML: {error}") from None
    unknown = sorted(set(found) - {"course_id", "due", "late", "draws"})
    if unknown or not isinstance(found.get("course_id"), str):
        what = f"it has {', '.join(unknown)}" if unknown else "course_id is missing, or no text"
        raise CourseError(f"{where}: {what}; expected course_id, [due], [late], [draws]")
    for table in ("due", "late", "draws"):
        if not isinstance(found.setdefault(table, {}), dict):
            raise CourseError(f"{where}: {table} is {found[table]!r}; expected a table, [{table}]")
    for lesson, due in found["due"].items():
        if not isinstance(due, datetime.datetime):
            raise CourseError(f"{where}: {lesson} is due {due}; expected a date and a time: 2027-02-01T23:59:00+01:00")
    numbers = {name: value for name, value in found["late"].items() if _is_number(value)}
    extra = sorted(set(found["late"]) - set(LatePolicy.__dataclass_fields__))
    if extra or len(numbers) < len(found["late"]):
        raise CourseError(f"{where}: [late] is {found['late']}; expected numbers: {', '.join(LatePolicy().__dict__)}")
    if not all(isinstance(draw, int) and draw >= 0 for draw in found["draws"].values()):
        raise CourseError(f"{where}: [draws] is {found['draws']}; expected whole numbers, 0 or more")
    return TermPlan(found["course_id"], found["due"], LatePolicy(**numbers), found["draws"])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def read_plan(folder: Path) -> TermPlan:
    """Read the plan of a term's folder; raise CourseError where there is none."""
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(
            f"{folder} is no term's folder: {FILE} cannot be read ({error}); `course new-term` makes one"
        ) from None
    return parse_plan(text, str(folder / FILE))


def read_secret(folder: Path) -> bytes:
    """Read the secret of a term's folder; raise CourseError where it is missing, or is none."""
    try:
        secret = bytes.fromhex((folder / SECRET).read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise CourseError(f"{folder / SECRET} cannot be read: {error}; take it from your backup") from None
    if len(secret) < 16:
        raise CourseError(f"{folder / SECRET} holds {len(secret)} bytes; a secret has 32, take it from your backup")
    return secret
