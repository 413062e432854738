"""The folder `autograded/STUDENT/ASSIGNMENT`: written file by file, each whole or not at all.

The files of a submission come as bytes that were read once and under limits; nothing here follows a link.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

GROUP_WRITES = 0o2770


def notebook_bytes(notebook: Mapping[str, Any]) -> bytes:
    """Return a notebook as nbformat writes it."""
    text = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    return text.encode("utf-8", errors="replace")  # half a surrogate pair cannot be written


def write_folder(folder: Path, contents: Mapping[str, bytes], *, permissions: int, group_shared: bool = False) -> None:
    """Make a folder hold exactly `contents`, by relative names; files get `permissions`, as nbgrader's do.

    Each file is replaced in one step. Raises `ValueError` when a name leads out of the folder.
    """
    for name in contents:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"{name!r} leads out of {folder}")
    _clear(folder, set(contents))
    for name, content in contents.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, content, permissions)
    if group_shared:
        for place in [folder, folder.parent, *(path for path in folder.rglob("*") if path.is_dir())]:
            place.chmod((place.stat().st_mode | GROUP_WRITES) & 0o2777)


def write_whole(place: Path, content: bytes, permissions: int = 0o644) -> None:
    """Write a file so that a reader, or a kill, meets the old one or the new one."""
    number, name = tempfile.mkstemp(dir=place.parent, prefix=".", suffix=".new")
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(content)
            os.fchmod(stream.fileno(), permissions)
        os.replace(name, place)  # noqa: PTH105 - the name is a string
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _clear(folder: Path, kept: set[str]) -> None:
    """Remove what an earlier grading left, and what stands where a folder or a file has to go."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        folder.unlink()
    parents = {parent.as_posix() for name in kept for parent in PurePosixPath(name).parents}
    for place, folders, files in os.walk(folder, topdown=True):
        for name in [*files, *folders]:
            path = Path(place, name)
            relative = path.relative_to(folder).as_posix()
            if path.is_dir() and not path.is_symlink():
                if relative not in parents:
                    shutil.rmtree(path)
                    folders.remove(name)
            elif relative not in kept or path.is_symlink():
                path.unlink()
