"""Results that take long are kept in the user's own cache folder, by code and arguments; none is shipped."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import joblib
import platformdirs


def code_digest() -> str:
    """Return a digest of the laboratories' code: joblib looks at one function only, not at those it calls."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Return where results of this code are kept: below `COURSE_CACHE_DIR` when it is set, else the user's cache.

    A home that cannot be written to gets a temporary folder: a laboratory then works, only slower.
    """
    named = os.environ.get("COURSE_CACHE_DIR")
    folder = (
        Path(named) if named else Path(platformdirs.user_cache_dir("mlops-course", appauthor=False))
    ) / code_digest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="mlops-course-"))
    return folder


#: Decorate a pure, seeded function of plain arguments with `@memory.cache`.
memory = joblib.Memory(cache_folder(), verbose=0)
