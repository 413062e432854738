"""Measuring and removing a folder that hostile code has written, without being led astray by what it planted there.

Every step goes by descriptor and one name at a time, never through a link.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

DEEPEST = 200  # a descriptor is held open for each level
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
PLACE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass
class Use:
    """What a folder takes: bytes on the disk, files and folders in it, and how deep it goes."""

    bytes: int = 0
    files: int = 0
    depth: int = 0


def measure(folder: int, most_files: int) -> Use:
    """Look through a folder given by descriptor; stop as soon as there are more files than `most_files`.

    Files that vanish meanwhile are left out. A folder that hides what is in it is given an ordinary mode.
    """
    use = Use()
    _measure(folder, most_files, 1, use)
    return use


def _measure(folder: int, most_files: int, depth: int, use: Use) -> None:
    use.depth = max(use.depth, depth)
    if depth > DEEPEST:
        return
    subfolders = []
    with os.scandir(folder) as entries:
        for entry in entries:
            use.files += 1
            if use.files > most_files:
                return
            with contextlib.suppress(OSError):
                use.bytes += entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    subfolders.append(entry.name)
    for name in subfolders:
        with contextlib.suppress(OSError):
            inner = _open_any(name, folder)
            try:
                _measure(inner, most_files, depth + 1, use)
            finally:
                os.close(inner)


def remove(path: Path) -> None:
    """Remove a folder and all in it, however deep, whatever its modes; nobody may be writing there any more.

    The folder's parent must be ours alone. Folders are moved up to the top before they are emptied, so that depth
    costs neither descriptors nor recursion.
    """
    try:
        top = os.open(path, FOLDER)
    except FileNotFoundError:
        return
    try:
        moved = 0
        waiting = _empty(top, top, moved)
        while waiting:
            name = waiting.pop()
            inner = _open_any(name, top)
            try:
                found = _empty(inner, top, moved := moved + 1)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=top)
            waiting += found
    finally:
        os.close(top)
    path.rmdir()


def _empty(folder: int, top: int, round_number: int) -> list[str]:
    """Unlink the files of a folder and move its folders to `top`; their new names there."""
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    moved = []
    for place, (name, is_folder) in enumerate(found):
        if is_folder:
            os.close(_open_any(name, folder))  # a folder moves only if its owner may write in it
            new_name = f".removing-{round_number}-{place}-{os.urandom(6).hex()}"
            os.rename(name, new_name, src_dir_fd=folder, dst_dir_fd=top)
            moved.append(new_name)
        else:
            os.unlink(name, dir_fd=folder)
    return moved


def _open_any(name: str, folder: int) -> int:
    """Open a folder whose mode may forbid it: the mode is set through a descriptor of the folder itself."""
    place = os.open(name, PLACE, dir_fd=folder)
    try:
        if stat.S_IMODE(os.fstat(place).st_mode) & 0o700 != 0o700:
            Path(f"/proc/self/fd/{place}").chmod(0o700)  # the kernel's own link to what the descriptor is
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place)
    finally:
        os.close(place)
