"""What a cluster's worker does: it says what it is, and takes one submission at a time, whole, as bytes.

Nothing here needs a folder in common with the machine that started the grading, or a certain working directory.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

from course.grading.machinery import Machinery, machinery
from course.grading.pools import die_with_parent
from course.grading.records import Level

PROBE_SECONDS = 60


def introduce(level: Level, parent: int) -> tuple[Machinery, str]:
    """Say what grades here, and why nothing can be confined at `level`; "" when it can.

    A worker that `parent` started, on its own machine, ends with it; 0 stands for a worker that somebody else started.
    """
    if parent:
        die_with_parent(parent)
    return machinery(), why_not(level)


def why_not(level: Level) -> str:
    """Say why this machine cannot confine at `level`; "" when it can. Tried in a process with a single thread."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; from course.grading.sandbox import available_levels; "
        f"print(available_levels()[{level!r}])"
    )
    try:
        tried = subprocess.run(
            [sys.executable, "-P", "-c", code],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PROBE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the try failed: {error}"
    return tried.stdout.strip() if tried.returncode == 0 else f"the try failed: {tried.stderr.strip()[-500:]}"


def take(expected: str, call: bytes) -> bytes:
    """Do a pickled call and return what became of it, pickled: `("done", result)`, `("failed", why)`, `("other", "")`.

    `expected` is the digest of the machinery that the grading began with: with another one nothing is graded.
    """
    if machinery().digest != expected:
        return pickle.dumps(("other", ""))
    answer: tuple[str, Any]
    try:
        work, arguments = pickle.loads(call)
        answer = "done", work(*arguments)
    except Exception as error:
        answer = "failed", f"{type(error).__name__}: {error}"
    return pickle.dumps(answer)
