"""Results that take long are kept in the user's own cache folder, by code and arguments; none is shipped."""

from __future__ import annotations

import os
from pathlib import Path

import joblib
import platformdirs


def cache_folder() -> Path:
    """Return where results are kept: `COURSE_CACHE_DIR` when it is set, else the user's cache folder."""
    named = os.environ.get("COURSE_CACHE_DIR")
    return Path(named) if named else Path(platformdirs.user_cache_dir("mlops-course", appauthor=False))


#: Decorate a pure, seeded function of plain arguments with `@memory.cache`.
memory = joblib.Memory(cache_folder(), verbose=0)
