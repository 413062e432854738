"""`course …`: one verb a job; the module of a verb is loaded only when it is asked for."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

from course.errors import CourseError

COMMANDS = {
    "new-lesson": "course.authoring.new_lesson",
    "build": "course.authoring.build",
    "gate": "course.authoring.gate",
    "pack": "course.pack.packing",
    "fetch": "course.pack.fetching",
    "submit": "course.pack.submitting",
    "export": "course.pack.exporting",
    "take-in": "course.pack.taking_in",
    "grade": "course.grading.command",
    "guide": "course.authoring.guide",
    "gallery": "course.authoring.gallery",
    "film": "course.authoring.film.command",
    "site": "course.authoring.site.command",
    "demo": "course.authoring.demo",
    "new-term": "course.term.new_term",
    "hub": "course.hub.preview",
    "hub-class": "course.hub.class_hub",
    "hub-backup": "course.hub.backup",
    "hub-restore": "course.hub.restoring",
    "hub-values": "course.hub.pods",
    "image": "course.pack.image",
    "exchange": "course.exchange.service",
    "extend": "course.term.extending",
    "grades": "course.term.grades",
    "solutions": "course.term.solutions",
    "doctor": "course.doctor",
}


# jsonschema, which nbformat needs, tries to import a checker of international addresses that compiles a grammar for
# 2.6 s; no notebook has such an address. A None here makes that import fail at once, in this program only.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def usage() -> str:
    """Name every verb with its one-line summary."""
    lines = ["usage: course VERB …   (course VERB --help tells more)", ""]
    for verb in COMMANDS:
        try:
            summary = _command(verb).SUMMARY
        except CourseError as error:
            summary = f"({error})"
        lines.append(f"  {verb:<11} {summary}")
    return "\n".join(lines)


def _command(verb: str) -> ModuleType:
    try:
        return importlib.import_module(COMMANDS[verb])
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("course"):
            raise
        raise CourseError(
            f"for authors and instructors: it needs {missing.name}, which this environment does not have; "
            "`make setup` in the course's repository installs it"
        ) from missing


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; return 0 when it did its work, 1 when it found something wrong, 2 when it could not start.

    Stopped by the keyboard it says so and returns 130, as a shell expects.

    >>> main(["fly"])
    2
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in {"-h", "--help", "help"}:
        print(usage())
        return 0
    verb, *rest = words
    if verb not in COMMANDS:
        print(f"course: there is no verb {verb!r}; there are: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        command = _command(verb)
        parser = argparse.ArgumentParser(prog=f"course {verb}", description=command.SUMMARY)
        command.add_arguments(parser)
        return command.run(parser.parse_args(rest))
    except CourseError as error:
        print(f"course {verb}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\ncourse {verb}: stopped by the keyboard", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
