"""`course site`: the static web edition, from the release notebooks and the syllabus; no answers, no server.

The same sources give the same bytes on one machine. Other machines may differ where a laboratory trains (floating
point) or measures time (`WorksHereLab`, once, then kept in the cache of the laboratories).
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import nbformat

import course.labs
from course.authoring.leaks import Leak, scan_bytes, secrets_of
from course.authoring.site.building import Explorables, build, pictures_on
from course.authoring.site.checks import Page, problems_of, weight_of
from course.authoring.site.pages import Section, read_section
from course.authoring.site.states import compute
from course.errors import CourseError
from course.syllabus import load

SUMMARY = "build the static web edition: course site --out build/site"
MARK = "searchindex.js"  # a folder that this command may replace has it
QUICK = 2  # values


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course site`."""
    parser.add_argument("--out", type=Path, default=Path("build/site"), help="where to put it (default: build/site)")
    parser.add_argument("--root", type=Path, default=Path(), help="the project's root (default: here)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    parser.add_argument(
        "--quick", action="store_true", help="two values of two controls a laboratory: for checks, not for readers"
    )


def run(options: argparse.Namespace) -> int:
    """Build the site; 1, and an older one stays, when a link is dead, a page too heavy, or an answer on it."""
    root, out = options.root.resolve(), options.out.resolve()
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not (out / MARK).is_file():
        raise CourseError(f"{out} holds something else than a site; name an empty folder, or one that is not there")
    lessons = read_lessons(root / "release")
    labs = dict.fromkeys(lab for sections in lessons.values() for section in sections for lab in section.labs)
    explorables = compute([lab for lab in labs if lab.web is not None], QUICK if options.quick else None, options.jobs)
    with tempfile.TemporaryDirectory() as scratch:
        built = build(Path(scratch), load(), lessons, explorables)
        files = {p.relative_to(built).as_posix(): p.read_bytes() for p in sorted(built.rglob("*")) if p.is_file()}
        pictures = pictures_on(lessons, explorables)
        found = problems_of(files, pictures)
        for lesson in lessons:
            found += map(str, leaks_in(files, root / "source" / lesson))
        if found:
            print("\n".join(["The site was not built:", *found]))
            return 1
        if out.exists():
            shutil.rmtree(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(built, out)
    print(report(explorables, files, pictures))
    print(f"{sum(path.endswith('.html') for path in files)} pages, {sum(map(len, files.values())) / 1e6:.1f} MB: {out}")
    return 0


def read_lessons(release: Path) -> dict[str, list[Section]]:
    """Return the pages of every released lesson, by the lesson's folder."""
    found: dict[str, list[Section]] = {}
    for path in sorted(release.glob("*/*.ipynb")):
        section = read_section(path.stem, nbformat.read(path, as_version=4))
        found.setdefault(path.parent.name, []).append(section)
    if not found:
        raise CourseError(f"there is no notebook below {release}; `course build` makes them")
    return found


def leaks_in(files: Mapping[str, bytes], source: Path) -> list[Leak]:
    """Return every answer of a lesson's source that stands in the texts of the site.

    The laboratories' code is looked through with them: a word that it uses as a name, a column's say, is no secret.
    """
    if not source.is_dir():
        raise CourseError(f"there is no {source} to look for answers with, so no site was built")
    labs = Path(course.labs.__path__[0])
    code = {f"course/labs/{path.relative_to(labs).as_posix()}": path.read_bytes() for path in labs.rglob("*.py")}
    texts = {path: data for path, data in files.items() if not path.endswith(".webp")}
    return scan_bytes(texts | code, secrets_of(source))


def report(explorables: Explorables, files: Mapping[str, bytes], pictures: Mapping[str, set[str]]) -> str:
    """Return one line a laboratory (states, different pictures, their weight), then one a page (its weight)."""
    lines = []
    for lab, explorable in explorables.items():
        different = {state.picture for state in explorable.states.values()}
        kilobytes = sum(map(len, different)) / 1000
        lines.append(
            f"{lab.__name__:<20}{len(explorable.states):>4} states{len(different):>5} pictures{kilobytes:>6.0f} kB"
        )
    for path, shown in pictures.items():
        weight = weight_of(path, Page(files[path].decode("utf-8")), files, shown)
        lines.append(f"{path:<46}{weight / 1e6:>5.2f} MB with all states")
    return "\n".join(lines)
