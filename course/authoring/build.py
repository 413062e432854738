"""`course build`: lessons → source → release, one way, byte for byte the same each time.

`--check` builds into memory and compares with what is committed: the three trees must agree.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from course.authoring.lesson import BadLesson, notebook_bytes, notebook_of, read_lesson
from course.authoring.rehearsal import steps_of
from course.authoring.verdicts import check_fitness
from course.errors import CourseError

SUMMARY = "build lessons into source/ and release/ (--check: only compare)"

#: What running a notebook where it lies leaves beside it; git and nbgrader ignore it too.
LEFT_BY_RUNNING = {".ipynb_checkpoints", "environment.json"}

#: What a build makes: file paths relative to the project's root, and their bytes.
Files = Mapping[Path, bytes]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course build`."""
    parser.add_argument("lesson", nargs="*", help="lesson names (default: all)")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when the trees disagree")
    parser.add_argument("--root", type=Path, default=Path(), help="the project's root (default: here)")


def run(args: argparse.Namespace) -> int:
    """Build or check the named lessons; return 1 when a check finds a difference."""
    root = args.root.resolve()
    names = args.lesson or lesson_names(root)
    made = {path: data for name in names for path, data in build_lesson(root, name, _warn).items()}
    differences = compare(root, made, names if args.lesson else None)
    if args.check:
        for path, what in differences.items():
            print(f"{path}: {what}", file=sys.stderr)
        if differences:
            print("run `course build` and commit what it makes", file=sys.stderr)
        else:
            print(f"{len(made)} notebooks agree with their lessons")
        return 1 if differences else 0
    write(root, made, differences)
    print(f"{len(made)} notebooks of {len(names)} lesson(s): {len(differences)} changed")
    return 0


def lesson_names(root: Path) -> list[str]:
    """Return the names of the lessons below `root`; raises CourseError when there is none."""
    names = sorted(p.name for p in (root / "lessons").glob("[0-9][0-9]_*") if p.is_dir())
    if not names:
        raise CourseError(f"there is no lesson in {root / 'lessons'}; start one with `course new-lesson NN_words`")
    return names


def _warn(what: str) -> None:
    print(f"warning: {what}", file=sys.stderr)


def build_lesson(root: Path, name: str, warn: Callable[[str], None] = lambda _: None) -> dict[Path, bytes]:
    """Return the source and release notebooks of one lesson; write nothing.

    `warn` hears of tests cells that let the student's side judge. Raises BadLesson for a lesson that must not be
    built, a tests cell among it that cannot work in another process than the student's code; CourseError when
    nbgrader refuses it.
    """
    notebooks = {section: notebook_of(cells) for section, cells in read_lesson(root / "lessons" / name).items()}
    refused = []
    for section, notebook in notebooks.items():
        unfit, warnings = check_fitness(section, steps_of(notebook))
        refused += unfit
        for warning in warnings:
            warn(str(warning))
    if refused:
        raise BadLesson("\n  ".join([f"{len(refused)} tests cell(s) of {name} cannot be graded:", *map(str, refused)]))
    source = {
        Path("source", name, f"{section}.ipynb"): notebook_bytes(notebook) for section, notebook in notebooks.items()
    }
    return source | released(root, name, source)


def released(root: Path, name: str, source: Files) -> dict[Path, bytes]:
    """Return what `nbgrader generate_assignment` makes of the source notebooks with this project's settings.

    nbgrader runs in a temporary course folder without a gradebook: a build never touches the real one.
    """
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config.loader import PyFileConfigLoader

    config = PyFileConfigLoader("nbgrader_config.py", path=str(settings_folder(root))).load_config()
    config.GenerateAssignment.no_database = True
    config.SaveCells.enabled = False
    log = _Log()
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), source, source)
        coursedir = CourseDirectory(config=config, root=folder, log=log.log)
        coursedir.assignment_id = name
        converter = GenerateAssignment(coursedir=coursedir, config=config, log=log.log)
        try:
            converter.start()
        except Exception as error:
            raise CourseError(f"nbgrader does not release {name}: {error}\n" + "\n".join(log.lines)) from error
        made = {p.relative_to(folder): p.read_bytes() for p in Path(folder, "release").rglob("*") if p.is_file()}
    return {path: normalised(data) for path, data in made.items()}


def settings_folder(root: Path) -> Path:
    """Return where `nbgrader_config.py` lies: in the root, else beside the installed package's checkout."""
    for folder in (root, Path(__file__).parents[2]):
        if (folder / "nbgrader_config.py").is_file():
            return folder
    raise CourseError(f"there is no nbgrader_config.py in {root}; run this in the project's root")


def normalised(data: bytes) -> bytes:
    """Return a notebook's bytes as this project writes them."""
    import nbformat

    return notebook_bytes(nbformat.reads(data.decode("utf-8"), as_version=4))


class _Log:
    """nbgrader's warnings and errors, kept for a message instead of printed."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.log = logging.Logger("course.build", logging.WARNING)
        handler = logging.Handler()
        handler.emit = lambda record: self.lines.append(record.getMessage())  # type: ignore[method-assign]
        self.log.addHandler(handler)


def compare(root: Path, made: Files, only: list[str] | None = None) -> dict[Path, str]:
    """Return how the trees below `root` differ from `made`: path → "missing", "differs" or "has no lesson".

    `only` names the lessons that were built; None means all, and then a folder without a lesson is a difference.
    """
    differences = {}
    for path, data in made.items():
        there = root / path
        if not there.is_file():
            differences[path] = "missing"
        elif there.read_bytes() != data:
            differences[path] = "differs from its lesson"
    for tree in ("source", "release"):
        for there in sorted((root / tree).rglob("*")):
            path = there.relative_to(root)
            ours = only is None or (len(path.parts) > 1 and path.parts[1] in only)
            if there.is_file() and ours and path not in made and not LEFT_BY_RUNNING.intersection(path.parts):
                differences[path] = "has no lesson"
    return differences


def write(root: Path, made: Files, differences: Mapping[Path, object]) -> None:
    """Write what differs and remove what has no lesson, so that times of unchanged files stay."""
    for path in differences:
        there = root / path
        if path in made:
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(made[path])
        else:
            there.unlink()
            if not any(there.parent.iterdir()):
                shutil.rmtree(there.parent)
