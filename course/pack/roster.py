"""Who is who: from the names that a learning platform writes into file names to the course's student ids."""

from __future__ import annotations

import csv
import difflib
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from course.errors import CourseError

COLUMNS = ("id", "first_name", "last_name", "email")


@dataclass(frozen=True)
class Person:
    """One row of the roster."""

    id: str
    first_name: str
    last_name: str
    email: str


class Unknown(LookupError):
    """A name that the roster does not settle; the message says why."""


def bare(name: str) -> str:
    """A name as it is compared: letters and digits only, without accents or case.

    >>> bare("José-María O'Neil")
    'josemariaoneil'
    """
    return "".join(c for c in unicodedata.normalize("NFKD", name).casefold() if c.isalnum())


def id_from_name(name: str) -> str:
    """A student id made from a name where there is no roster: plain letters, the same each time.

    >>> id_from_name("José  Pérez"), id_from_name("李雷")
    ('Jose_Perez', 'student_3a47328a')
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^\w.@+-]+", "_", plain).strip("._-")
    return safe or "student_" + hashlib.sha256(name.encode()).hexdigest()[:8]


def read_roster(file: Path) -> list[Person]:
    """The people in a roster (columns id, first_name, last_name, email); raises ``CourseError`` for a bad one."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            rows, names = list(reader), reader.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"The roster {file} cannot be read: {error}") from error
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise CourseError(f"The roster {file} needs the columns {', '.join(COLUMNS)}; missing: {', '.join(missing)}")
    people = []
    for number, row in enumerate(rows, 2):
        values = {column: (row.get(column) or "").strip() for column in COLUMNS}
        if not re.fullmatch(r"[\w.@+-]+", values["id"]) or not values["id"].strip("."):
            raise CourseError(
                f"{file}, line {number}: {values['id']!r} cannot be a student id (letters, digits, .@+-_)"
            )
        people.append(Person(**values))
    twice = sorted({p.id for p in people if sum(q.id == p.id for q in people) > 1})
    if twice:
        raise CourseError(f"The roster {file} has these ids more than once: {', '.join(twice)}")
    return people


def find_person(people: Iterable[Person], name: str) -> Person:
    """The one person of this name, id or email; first and last name may stand in either order.

    Raises ``Unknown`` when there is none, or more than one.

    >>> ada = Person("al1", "Ada", "Lovelace", "ada@example.org")
    >>> find_person([ada], "lovelaceada").id, find_person([ada], "Ada Lovelace").id
    ('al1', 'al1')
    """
    people = list(people)
    exact = [p for p in people if name.casefold() in (p.id.casefold(), p.email.casefold())]
    wanted = bare(name)
    matches = exact or [
        p
        for p in people
        if wanted
        and wanted in (bare(p.first_name + p.last_name), bare(p.last_name + p.first_name), bare(p.email.split("@")[0]))
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise Unknown(f"the roster has {len(matches)} people called {name!r}: {', '.join(p.id for p in matches)}")
    names = {f"{p.first_name} {p.last_name}": p for p in people}
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"; the nearest is {close[0]!r} ({names[close[0]].id})" if close else ""
    raise Unknown(f"{name!r} is not on the roster{hint}")
