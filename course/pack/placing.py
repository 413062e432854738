"""Puts a release into a student's work folder, as often as you like, without ever losing what was written there.

What was placed is remembered in ``.course/placed.json`` of the work folder; run as
``python -m course.pack.placing RELEASE WORK``.
"""

import datetime
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from course.errors import CourseError
from course.pack.cells import Unreadable, cell_hashes, dump_notebook, parse_notebook
from course.pack.merging import Merged, merge

BACKUPS = "backups"
NOT_RELEASED = {".ipynb_checkpoints", "__pycache__", ".DS_Store", "environment.json"}
Record = dict[str, Any]


def lesson_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file of a released lesson, in order, with its name inside the lesson (always with ``/``)."""
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder)
        if file.is_file() and not NOT_RELEASED.intersection(inside.parts):
            yield PurePosixPath(*inside.parts).as_posix(), file


def record_file(work: Path) -> Path:
    """Where a work folder remembers what was placed in it."""
    return work / ".course" / "placed.json"


def read_record(work: Path) -> Record:
    """What was placed in a work folder: ``{lesson: {file: {"sha256": …, "cells": {key: hash}}}}``.

    A missing or damaged memory is an empty one: then everything that differs counts as the student's.
    """
    try:
        record = json.loads(record_file(work).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    lessons = record.get("lessons") if isinstance(record, dict) else None
    return lessons if isinstance(lessons, dict) else {}


def write_record(work: Path, lessons: Record) -> None:
    """Remember what was placed."""
    content = json.dumps({"format": 1, "lessons": lessons}, indent=1, sort_keys=True) + "\n"
    write_whole(record_file(work), content.encode())


def write_whole(file: Path, content: bytes) -> None:
    """Write a file so that, whenever we are stopped, either the old or the new content is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(content)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def digest(content: bytes) -> str:
    """The sha256 of some bytes, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def remembered(name: str, content: bytes) -> Record:
    """What is remembered of a placed file."""
    entry: Record = {"sha256": digest(content)}
    if name.endswith(".ipynb"):
        entry["cells"] = cell_hashes(parse_notebook(content))
    return entry


def free_name(wanted: Path, content: bytes) -> Path:
    """``wanted``, or the first of ``… 2``, ``… 3`` that does not exist or already has this content."""
    number, file = 1, wanted
    while file.exists() and file.read_bytes() != content:
        number += 1
        file = wanted.with_name(f"{wanted.stem} {number}{wanted.suffix}")
    return file


def back_up(file: Path, content: bytes, now: datetime.datetime) -> Path:
    """Keep a copy of a student's file, dated, in ``backups/`` beside it; give back where."""
    copy = free_name(file.parent / BACKUPS / f"{file.stem}_{now:%Y-%m-%d_%H%M%S}{file.suffix}", content)
    write_whole(copy, content)
    return copy


def merged_in_words(merged: Merged) -> str:
    """What a merge did, for the person whose work it is."""
    parts = [f"{len(merged.carried)} answer{'s' if len(merged.carried) != 1 else ''} carried over"]
    if merged.added:
        parts.append(f"{merged.added} cell{'s' if merged.added != 1 else ''} of your own kept")
    if merged.noted:
        parts.append(f"{merged.noted} changed by both: your version stands below the new one")
    return ", ".join(parts)


def place_file(
    name: str, fresh: bytes, target: Path, known: Record | None, now: datetime.datetime
) -> tuple[str, Record]:
    """Place one file of a release; give back what was done in words ("" for nothing) and what to remember.

    ``known`` is what was remembered of the file when it was placed last, if it was.
    """
    entry = remembered(name, fresh)
    if not target.exists():
        write_whole(target, fresh)
        return ("is new" if known is None else "was missing; a fresh copy is there"), entry
    current = target.read_bytes()
    notebook = name.endswith(".ipynb")
    if digest(current) == entry["sha256"]:
        return "", entry
    if known is not None and digest(current) == known["sha256"]:
        write_whole(target, fresh)
        return "has a newer version; you had not changed yours, so it was replaced", entry
    if notebook:
        try:
            student = parse_notebook(current)
        except Unreadable as problem:
            beside = target.with_name(f"{target.stem} (new){target.suffix}")
            # Once it is there, the student may be working in it: it is never written again.
            if not beside.exists():
                write_whole(beside, fresh)
            return f'cannot be read ({problem}); it was left alone, and "{beside.name}" is a fresh one', entry
    if known is not None and known["sha256"] == entry["sha256"]:
        return "", entry
    if not notebook:
        beside = free_name(target.with_name(f"{target.stem} (new){target.suffix}"), fresh)
        write_whole(beside, fresh)
        return f'has a newer version; you had changed yours, so the new one is "{beside.name}"', entry
    copy = back_up(target, current, now)
    merged = merge(student, parse_notebook(fresh), known.get("cells") if known else None)
    write_whole(target, dump_notebook(merged.notebook))
    kept = f"your file as it was is {BACKUPS}/{copy.name}"
    return f"has a newer version; {merged_in_words(merged)}; {kept}", entry


def place(
    release: Path,
    work: Path,
    say: Callable[[str], None] = print,
    now: datetime.datetime | None = None,
    only: str = "",
) -> int:
    """Place every lesson of ``release``, or ``only`` one, into ``work``; say what was done, and in how many files.

    Raises ``CourseError`` when there is nothing to place.
    """
    lessons = [
        folder
        for folder in (sorted(release.iterdir()) if release.is_dir() else [])
        if folder.is_dir() and only in ("", folder.name) and any(True for _ in lesson_files(folder))
    ]
    if not lessons:
        raise CourseError(f"There is no lesson in {release}, so there is nothing to work on yet.")
    now = now or datetime.datetime.now()
    record = read_record(work)
    before = json.dumps(record, sort_keys=True)
    changes = 0
    for folder in lessons:
        known = record.setdefault(folder.name, {})
        done: list[str] = []
        for name, file in lesson_files(folder):
            words, entry = place_file(
                name, file.read_bytes(), work.joinpath(folder.name, *name.split("/")), known.get(name), now
            )
            if words:
                done.append(f"  {name} {words}.")
            known[name] = entry
        changes += len(done)
        if done and all(line.endswith(" is new.") for line in done):
            say(f"Lesson {folder.name}: {len(done)} files are in {work / folder.name}.")
        elif done:
            say(f"Lesson {folder.name}:")
            for line in done:
                say(line)
    if json.dumps(record, sort_keys=True) != before:
        write_record(work, record)
    return changes


def main(argv: list[str] | None = None) -> int:
    """``python -m course.pack.placing RELEASE WORK``; exit status 0, or 2 with a message."""
    release, work = (Path(part) for part in (argv if argv is not None else sys.argv[1:]))
    try:
        place(release, work)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"A file could not be written: {error}. Nothing of yours was changed.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
