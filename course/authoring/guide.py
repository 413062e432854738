"""`course guide LESSON`: bring the tables of an instructor's guide up to date, or say that they are not.

The guide is written by hand in `docs/lesson-NN-guide.md`; between `<!-- made: NAME -->` and `<!-- end -->` stands what
follows from the lesson: minutes, points, objectives, planted mistakes. It holds answers, and no student gets it.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from course.authoring.lesson import read_lesson
from course.authoring.pace import claimed_minutes, longest_reading
from course.authoring.rehearsal import steps_of
from course.authoring.wrongs import read_wrongs, wrongs_path
from course.errors import CourseError

SUMMARY = "bring the tables of an instructor's guide up to date: course guide 01_what_is_mlops"
BLOCK = re.compile(r"(<!-- made: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course guide`."""
    parser.add_argument("lesson", help="a folder of lessons/")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when a table is out of date")
    parser.add_argument("--root", type=Path, default=Path(), help="the project's root (default: here)")


def run(options: argparse.Namespace) -> int:
    """Write the guide, or say whether it is up to date."""
    root = options.root.resolve()
    path = guide_path(root, options.lesson)
    if not path.is_file():
        raise CourseError(
            f"{options.lesson} has no guide; write {path.relative_to(root)}, with the marks of its tables"
        )
    old = path.read_text(encoding="utf-8")
    new = fill(old, tables(root, options.lesson))
    if old == new:
        return 0
    if options.check:
        print(f"{path.relative_to(root)} is out of date: run `course guide {options.lesson}`")
        return 1
    path.write_text(new, encoding="utf-8")
    print(path.relative_to(root))
    return 0


def guide_path(root: Path, lesson: str) -> Path:
    """Return where the guide of a lesson stands."""
    return root / "docs" / f"lesson-{lesson[:2]}-guide.md"


def fill(text: str, made: Mapping[str, str]) -> str:
    """Return the text with each marked block replaced; raise CourseError for a mark that nothing is made for.

    >>> fill("<!-- made: glance -->\\nold\\n<!-- end -->", {"glance": "new"})
    '<!-- made: glance -->\\nnew\\n<!-- end -->'
    """

    def block(found: re.Match[str]) -> str:
        if found[2] not in made:
            raise CourseError(f"nothing is made for the mark {found[2]!r}; there are: {', '.join(made)}")
        return f"{found[1]}{made[found[2]]}\n{found[3]}"

    return BLOCK.sub(block, text)


def tables(root: Path, lesson: str) -> dict[str, str]:
    """Return the Markdown of each table by its mark's name."""
    import nbformat

    folder = root / "lessons" / lesson
    cells = read_lesson(folder)
    releases = {name: nbformat.read(root / "release" / lesson / f"{name}.ipynb", as_version=4) for name in cells}
    points = {
        name: {cell.grade_id: cell.points for cell in section if cell.points and cell.role in ("tests", "written")}
        for name, section in cells.items()
    }
    written = {cell.grade_id for section in cells.values() for cell in section if cell.role == "written"}
    objectives = tomllib.loads((folder / "objectives.toml").read_text(encoding="utf-8"))

    glance = ["| Section | read | play | make | points | by hand | longest reading |", "|---|---|---|---|---|---|---|"]
    for name, release in releases.items():
        claimed = claimed_minutes(release)
        by_hand = sum(count for grade_id, count in points[name].items() if grade_id in written)
        glance.append(
            f"| `{name}` | {claimed.read:.0f} | {claimed.play:.0f} | {claimed.make:.0f} "
            f"| {sum(points[name].values()) - by_hand} | {by_hand or ''} | {longest_reading(release)[0]:.1f} |"
        )
    promised = ["| Section | Afterwards students can | checked by (points) |", "|---|---|---|"]
    for name, promises in objectives.items():
        for promise, ids in promises.items():
            checks = ", ".join(
                f"`{grade_id}` ({points[name].get(grade_id, 0)}{', by hand' if grade_id in written else ''})"
                for grade_id in ids
            )
            promised.append(f"| {name[0]} | {promise} | {checks} |")
    mistakes = []
    for name in cells:
        source = nbformat.read(root / "source" / lesson / f"{name}.ipynb", as_version=4)
        planted = read_wrongs(wrongs_path(folder, name), steps_of(source)).wrongs
        if planted:
            mistakes += [f"**{name}**", "", "| What students do, and why | loses |", "|---|---|"]
            mistakes += [
                f"| `{wrong.name}`: {wrong.why.replace('|', chr(92) + '|')} | {', '.join(sorted(wrong.loses))} |"
                for wrong in planted
            ]
            mistakes.append("")
    return {
        "glance": "\n".join(glance),
        "objectives": "\n".join(promised),
        "mistakes": "\n".join(mistakes).rstrip("\n"),
    }
