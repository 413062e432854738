"""`course new-lesson NN_words`: a skeleton with one cell of every kind, which builds and passes the gate.

The skeleton lies in `lessons/skeleton/`, outside the package: what it holds as a solution would otherwise lie on
every student's machine.
"""

from __future__ import annotations

import argparse
import re
import secrets
from pathlib import Path

from course.errors import CourseError

SUMMARY = "start a lesson from the skeleton: course new-lesson 02_words_like_these"
LESSON_NAME = re.compile(r"^\d\d_[a-z0-9]+(_[a-z0-9]+)*$")
SEED = re.compile(r"0x(?:5EED)+")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course new-lesson`."""
    parser.add_argument("name", help="two digits and words: 02_lifecycle_and_debt")
    parser.add_argument("--root", type=Path, default=Path(), help="the project's root (default: here)")


def run(args: argparse.Namespace) -> int:
    """Write the skeleton and say what to do with it."""
    made = new_lesson(args.root.resolve(), args.name)
    for path in made:
        print(path)
    print(f"next: edit them, then `course build {args.name}` and `course gate {args.name}`")
    return 0


def new_lesson(root: Path, name: str) -> list[Path]:
    """Copy the skeleton to `lessons/NAME` with seeds of its own; return the files made, relative to `root`.

    Raises CourseError when the name is not a lesson's, when the lesson or its number is taken, and when there is no
    skeleton.
    """
    if not LESSON_NAME.match(name):
        raise CourseError(f"a lesson is named by two digits and words, 02_words_like_these; this one is {name!r}")
    taken = sorted(path.name for path in (root / "lessons").glob(f"{name[:2]}_*"))
    if taken:
        raise CourseError(f"lesson {name[:2]} is there already: {', '.join(taken)}; choose another number")
    skeleton = skeleton_folder(root)
    made = []
    for path in sorted(skeleton.rglob("*.py")):
        target = Path("lessons", name) / path.relative_to(skeleton)
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        text = SEED.sub(lambda _: f"0x{secrets.token_hex(16).upper()}", path.read_text(encoding="utf-8"))
        (root / target).write_text(text, encoding="utf-8")
        made.append(target)
    return made


def skeleton_folder(root: Path) -> Path:
    """Return where the skeleton lies: below `root`, else in the checkout that the package is run from."""
    for folder in (root, Path(__file__).parents[2]):
        if (folder / "lessons" / "skeleton").is_dir():
            return folder / "lessons" / "skeleton"
    raise CourseError(f"there is no lessons/skeleton in {root}; run this in the project's root")
