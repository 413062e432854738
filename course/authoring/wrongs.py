"""Planted wrong solutions: the plausible mistakes of students, each with the tests cells that it must lose.

`lessons/NN_slug/wrong/K_section.py` holds them in the percent format, one cell a mistake:

    # %% wrong="forgets-config" replaces="fingerprint" loses="fingerprint-sees-config fingerprint-sees-types"
    # A student who reads "code + data + model" and stops there.
    def fingerprint(code, data, model, config): ...

and, where a mutant of the reference solution survives because it is no mistake at all, the reason for it:

    # %% equivalent="order-does-not-matter" replaces="fingerprint"
    # Both lists are sorted two lines later.
    # - for name in sorted(names):
    # + for name in sorted(names) or []:
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course.authoring.lesson import MARKER, PAIR, WELL_FORMED, bound_names
from course.authoring.rehearsal import Step
from course.errors import CourseError

NAME = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")
KEYS = {"wrong": {"replaces", "loses", "demo"}, "equivalent": {"replaces"}}
SHAPE = '# %% wrong="name-like-this" replaces="an-answer-cell" loses="the-tests-cells it-loses"'


class BadWrongs(CourseError):
    """A file of planted mistakes that cannot be used; the message lists every problem found."""


@dataclass(frozen=True)
class Wrong:
    """One planted mistake: the source that stands in the place of an answer cell, and what it must cost."""

    name: str
    replaces: str
    loses: frozenset[str]
    source: str
    why: str
    demo: bool = False


@dataclass(frozen=True)
class Equivalent:
    """A mutant that its author declares to be no mistake: the line before and after, and the reason."""

    name: str
    replaces: str
    before: str
    after: str
    why: str


@dataclass(frozen=True)
class Planted:
    """What a section's file of mistakes holds."""

    wrongs: Sequence[Wrong] = ()
    equivalents: Sequence[Equivalent] = ()

    def of(self, answer: str) -> list[Wrong]:
        """Return the mistakes that replace one answer cell."""
        return [wrong for wrong in self.wrongs if wrong.replaces == answer]


def wrongs_path(lesson_dir: Path, section: str) -> Path:
    """Return where a section's mistakes stand."""
    return lesson_dir / "wrong" / f"{section}.py"


def stray_files(lesson_dir: Path, sections: Sequence[str]) -> list[str]:
    """Return the files in `wrong/` that belong to no section: a mistake in their names would hide them."""
    known = {f"{section}.py" for section in sections}
    return sorted(path.name for path in (lesson_dir / "wrong").glob("*") if path.is_file() and path.name not in known)


def read_wrongs(path: Path, steps: Sequence[Step]) -> Planted:
    """Read and check the planted mistakes of a section, whose code cells are `steps`; a missing file holds none.

    Raises BadWrongs with every problem in the file: markers that are not one, names given twice, cells replaced
    that are no answer cells, tests cells that do not exist, code that does not compile or that does not bind what
    the answer cell binds, a mistake without a word about it.
    """
    if not path.is_file():
        return Planted()
    replaceable = {step.name: step for step in steps if step.role in ("answer", "written")}
    tests = {step.name for step in steps if step.role == "tests"}
    problems: list[str] = []
    wrongs: list[Wrong] = []
    equivalents: list[Equivalent] = []
    taken: dict[str, int] = {}
    for line, header, body in _cells(path.read_text(encoding="utf-8"), path, problems):

        def complain(given: str, mend: str, line: int = line, header: Mapping[str, str] = header) -> None:
            name = header.get("wrong") or header.get("equivalent") or ""
            problems.append(f"{path.name}, line {line}, {name!r}: {given}; {mend}")

        kind = next((kind for kind in KEYS if kind in header), None)
        if kind is None or set(header) - {kind} - KEYS[kind]:
            complain(f"the marker has the keys {', '.join(header) or '(none)'}", f"write {SHAPE}")
            continue
        name = header[kind]
        if not NAME.match(name):
            complain("its name is not in kebab-case", 'write words-like-these: wrong="forgets-config"')
        if name in taken:
            complain(f"the cell in line {taken[name]} has this name too", "give each its own")
        taken.setdefault(name, line)
        replaces = header.get("replaces", "")
        if replaces not in replaceable:
            complain(
                f"it replaces {replaces!r}, which is no answer cell of this section",
                f"the answer cells are {', '.join(replaceable) or 'none'}",
            )
            continue
        why = " ".join(text for text in _opening_comment(body) if not re.match(r"[-+] ", text))
        if not why:
            complain("it does not say what the mistake is", "begin the cell with a comment: who does this, and why")
        if kind == "equivalent":
            pair = [re.findall(rf"^# {re.escape(sign)} ?(.*)$", body, re.MULTILINE) for sign in "-+"]
            if [len(lines) for lines in pair] != [1, 1]:
                complain(
                    "it does not name one mutant", "copy the lines '# - before' and '# + after' from the gate's list"
                )
                continue
            equivalents.append(Equivalent(name, replaces, pair[0][0].strip(), pair[1][0].strip(), why))
            continue
        loses = header.get("loses", "").split()
        unknown = sorted(set(loses) - tests)
        if not loses:
            complain("it loses nothing", 'say which tests cells it must lose: loses="…"')
        if unknown:
            complain(
                f"it loses {', '.join(unknown)}, no tests cell of this section", f"there are {', '.join(sorted(tests))}"
            )
        if header.get("demo", "true") not in ("true", "false"):
            complain(f"demo={header['demo']}", "write demo=true or leave it out")
        try:
            ast.parse(body)
        except SyntaxError as error:
            complain(
                f"it does not compile: {error.msg} at its line {error.lineno}", "a planted mistake is code that runs"
            )
            continue
        unbound = sorted(_visible_names(replaceable[replaces]) - bound_names(body))
        if unbound:
            complain(
                f"it does not bind {', '.join(unbound)}, as the answer cell does",
                "write the whole cell as the student would: a missing name loses everything for another reason",
            )
        wrongs.append(Wrong(name, replaces, frozenset(loses), body, why, header.get("demo") == "true"))
    if problems:
        raise BadWrongs("\n  ".join([f"{len(problems)} problem(s) in {path}:", *problems]))
    return Planted(tuple(wrongs), tuple(equivalents))


def _cells(text: str, path: Path, problems: list[str]) -> list[tuple[int, dict[str, str], str]]:
    """Return line, keys and body of each cell; malformed markers go to `problems`."""
    found = []
    markers = list(MARKER.finditer(text))
    before = text[: markers[0].start()] if markers else text
    if before.strip():
        problems.append(f"{path.name}, line 1: text before the first marker; begin with {SHAPE}")
    for number, match in enumerate(markers):
        line = text.count("\n", 0, match.start()) + 1
        shape = WELL_FORMED.match(match["rest"].rstrip())
        if not shape or shape["type"]:
            problems.append(f"{path.name}, line {line}: the marker {match[0]!r} is not one; write {SHAPE}")
            continue
        end = markers[number + 1].start() if number + 1 < len(markers) else len(text)
        keys = {key: value.strip('"') for key, value in PAIR.findall(shape["pairs"])}
        found.append((line, keys, text[match.end() : end].strip("\n")))
    return found


def _opening_comment(body: str) -> list[str]:
    words = []
    for line in body.splitlines():
        if not line.startswith("#"):
            break
        words.append(line.lstrip("#").strip())
    return [word for word in words if word]


def _visible_names(step: Step) -> set[str]:
    """Return the names that an answer cell binds outside its solution regions, or anywhere when it has none."""
    from course.authoring.lesson import SOLUTION

    kept, inside = [], False
    for line in step.source.splitlines():
        if line.strip() == SOLUTION[0]:
            inside = True
            kept.append(line[: len(line) - len(line.lstrip())] + "pass")
        elif line.strip() == SOLUTION[1]:
            inside = False
        elif not inside:
            kept.append(line)
    return bound_names("\n".join(kept))
