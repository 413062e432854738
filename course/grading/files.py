"""A working folder whose files travel as data: what a student's code wrote is read by tests from a copy of it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

#: What one step may carry along; more stays where it is.
MOST_FILES = 500
MOST_BYTES = 32 * 2**20
#: What Python would take for code when it looks for a module.
CODE = (".py", ".pyc", ".pyo", ".so", ".pth", ".egg-link")


class Folder:
    """One side's copy of the working folder; `changes` and `write` keep two copies alike.

    >>> import tempfile
    >>> here, there = (Folder(Path(tempfile.mkdtemp())) for _ in range(2))
    >>> _ = (here.path / "a.txt").write_text("one")
    >>> there.write(here.changes())
    >>> (there.path / "a.txt").read_text(), here.changes()
    ('one', {})
    """

    def __init__(self, path: Path, refuse: tuple[str, ...] = ()) -> None:
        self.path = path
        self._text = f"{path}/"  # looked at twice a call: to join paths takes as long as to read the folder
        self._refuse = refuse
        self._seen = self._look()

    def _look(self) -> dict[str, tuple[int, int, int]]:
        """Return inode, size and time of change of each regular file, by its path in the folder; links are left out.

        A folder's path ends in a slash, and it has no size.
        """
        found: dict[str, tuple[int, int, int]] = {}
        folders = [""]
        while folders and len(found) < MOST_FILES:
            below = folders.pop()
            with contextlib.suppress(OSError), os.scandir(f"{self._text}{below}") as entries:
                for entry in entries:
                    name = f"{below}{entry.name}"
                    about = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(about.st_mode):
                        folders.append(f"{name}/")
                        found[f"{name}/"] = about.st_ino, 0, 0
                    elif stat.S_ISREG(about.st_mode) and len(found) < MOST_FILES:
                        found[name] = (about.st_ino, about.st_size, about.st_mtime_ns)
        return found

    def has_changed(self) -> bool:
        """Whether `changes` would return anything; asking does not count as a look."""
        return self._look() != self._seen

    def changes(self) -> dict[str, bytes | None]:
        """Return what is new or other since the last look, by path; None for what is gone."""
        now, left = self._look(), MOST_BYTES
        found: dict[str, bytes | None] = {name: None for name in self._seen if name not in now}
        for name, about in now.items():
            if self._seen.get(name) != about and about[1] <= left:
                data = b"" if name.endswith("/") else self._read(name, left)
                if data is not None:
                    found[name] = data
                    left -= len(data)
        self._seen = now
        return found

    def _read(self, name: str, most: int) -> bytes | None:
        try:
            number = os.open(self.path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        with os.fdopen(number, "rb") as file:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                return None
            return file.read(most)

    def write(self, files: Mapping[str, bytes | None]) -> None:
        """Make this copy like the other; what would leave the folder or is refused here is left out."""
        # What lies in a folder goes before the folder does.
        for name, data in sorted(files.items(), key=lambda item: (item[1] is None, -len(str(item[0])))):
            target = self._place(name)
            if target is None:
                continue
            with contextlib.suppress(OSError):
                if name.endswith("/"):
                    target.rmdir() if data is None else target.mkdir(parents=True, exist_ok=True)
                    continue
                if data is None:
                    target.unlink()
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                number = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
                with os.fdopen(number, "wb") as file:
                    file.write(data)
        self._seen = self._look()

    def _place(self, name: object) -> Path | None:
        if not isinstance(name, str) or "\0" in name:
            return None
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts or path.name.endswith(self._refuse or ("\0",)):
            return None
        return self.path / path
