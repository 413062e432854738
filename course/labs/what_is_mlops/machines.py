"""Machines as data, for section 7's exercise: a lock, a Python, a platform, an environment with secrets in it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from course.doctor import THREAD_SETTINGS

LOCK = "requirements.lock"
PACKAGES = ("joblib", "matplotlib", "numpy", "pandas", "scikit-learn", "scipy", "tzdata")
PLATFORMS = (
    "Linux-6.1.0-18-amd64-x86_64-with-glibc2.36",
    "Linux-6.8.0-45-generic-aarch64-with-glibc2.39",
    "Windows-11-10.0.22631-SP0",
    "macOS-15.1-arm64-arm-64bit",
)
#: What else stands in a process's environment: some of it must never stand in a file that is passed on.
SECRETS = ("API_TOKEN", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL", "MLFLOW_TRACKING_PASSWORD", "JUPYTERHUB_API_TOKEN")
#: These look like thread settings, and are none.
LOOKALIKES = ("NUM_THREADS_LICENCE_KEY", "SOLVER_NUM_THREADS", "THREADS_ACCOUNT_TOKEN")


class Machine(NamedTuple):
    """What `environment_report` is given: two texts, one more, and a dict of texts."""

    lock_text: str
    python: str
    platform: str
    environ: dict[str, str]


def sample_machine(seed: int) -> Machine:
    """Return a made-up machine; the same seed gives an equal one, other seeds others.

    Of the thread settings each may be absent; the environment also holds a path, a user and random secrets, in any
    order, and now and then a name that looks like a thread setting.

    >>> sample_machine(1) == sample_machine(1)
    True
    """
    rng = np.random.default_rng(seed)
    lines = []
    for package in PACKAGES:
        digest = rng.bytes(32).hex()
        lines.append(f"{package}=={rng.integers(1, 9)}.{rng.integers(0, 20)} \\\n    --hash=sha256:{digest}\n")
    environ = {"HOME": f"/home/user{rng.integers(1000)}", "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin"}
    environ |= {name: rng.bytes(12).hex() for name in rng.choice(SECRETS, 3, replace=False).tolist()}
    environ |= {name: rng.bytes(12).hex() for name in LOOKALIKES if rng.random() < 0.4}
    environ |= {name: str(rng.integers(1, 33)) for name in THREAD_SETTINGS if rng.random() < 0.7}
    return Machine(
        lock_text="".join(lines),
        python=f"3.{rng.integers(11, 15)}.{rng.integers(0, 12)}",
        platform=str(rng.choice(PLATFORMS)),
        environ={name: environ[name] for name in rng.permutation(list(environ)).tolist()},
    )


def lock_of_this_course(folder: Path | None = None) -> str:
    """Return the text of the lock that lies in `folder` (default: here) or in the nearest folder above it.

    Where none lies, as on a hub that hands out notebooks alone, it is made from what is installed: one line
    `name==version` a package, sorted.
    """
    start = (folder or Path()).resolve()
    for place in (start, *start.parents):
        try:
            return (place / LOCK).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
    # By the names of their folders (PEP 427): to read each one's metadata takes fifty times as long.
    installed = (found.stem.split("-")[:2] for place in sys.path for found in Path(place).glob("*-*.dist-info"))
    pins = {f"{name.replace('_', '-')}=={version}".lower() for name, version in installed}
    return "".join(f"{pin}\n" for pin in sorted(pins))
