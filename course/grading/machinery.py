"""What grades: this package's code, Python and every installed package. Results hold for one machinery only."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

GRADING_DOES_WITHOUT = {"authoring", "pack", "cli.py", "doctor.py"}
MOST_NAMED = 5


@dataclass(frozen=True)
class Machinery:
    """What there is on one machine, by content."""

    code: tuple[tuple[str, str], ...]  # file and digest
    packages: tuple[str, ...]
    python: str

    @cached_property
    def digest(self) -> str:
        """One digest of all of it."""
        return digest(self.code, self.packages, self.python)

    def lacks(self, ours: Machinery) -> str:
        """Say in plain words how this one differs from ours; nothing when it does not.

        >>> here = Machinery((("journal.py", "a1"),), ("numpy-2.4.0",), "3.11.7 (main)")
        >>> there = Machinery((("journal.py", "b2"),), ("numpy-2.4.1",), "3.12.1 (main)")
        >>> there.lacks(here)
        'Python 3.12.1 there, 3.11.7 here; packages numpy-2.4.1 there only, numpy-2.4.0 here only; course/journal.py'
        >>> here.lacks(here)
        ''
        """
        said = []
        if self.python != ours.python:
            there, here = self.python.split()[0], ours.python.split()[0]
            said.append(f"Python {there} there, {here} here" if there != here else "another build of Python")
        packages = [
            f"{_some(found)} {where} only"
            for found, where in (
                (set(self.packages) - set(ours.packages), "there"),
                (set(ours.packages) - set(self.packages), "here"),
            )
            if found
        ]
        if packages:
            said.append("packages " + ", ".join(packages))
        files = {file for file, _ in set(self.code) ^ set(ours.code)}
        if files:
            said.append(_some({f"course/{file}" for file in files}))
        return "; ".join(said)


def _some(names: set[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(sorted(names)[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def digest(*parts: Any) -> str:
    """Return one digest of data that JSON can hold, or of bytes.

    >>> digest("a", "bc") == digest("ab", "c")
    False
    """
    whole = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, default=list).encode()
        whole.update(b"%d:" % len(content))
        whole.update(content)
    return whole.hexdigest()


@lru_cache(maxsize=1)
def machinery() -> Machinery:
    """Return what grades in this process: the code that it found when it was first asked."""
    here = Path(__file__).parents[1]
    code = tuple(
        (path.relative_to(here).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(here.rglob("*.py"))
        if path.relative_to(here).parts[0] not in GRADING_DOES_WITHOUT
    )
    packages = sorted(
        entry.name.removesuffix(".dist-info")
        for folder in {path for path in sys.path if path.endswith("site-packages")}
        for entry in Path(folder).glob("*.dist-info")
        if not entry.name.startswith("mlops_production_ml")  # this one's code is read above
    )
    return Machinery(code, tuple(packages), sys.version)
