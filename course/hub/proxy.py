"""The hub's proxy, configurable-http-proxy: a Node program, from npm or Debian; PyPI's of that name is another."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from course.errors import CourseError

PROGRAM, VERSION = "configurable-http-proxy", "5"
DEBIAN_MODULES = "/usr/share/nodejs"
#: npm from a near cache takes two seconds.
SECONDS = 300


def find_proxy(folder: Path) -> list[str]:
    """Return the command that starts the proxy: what is on PATH, or what npm puts into `folder`.

    Raises CourseError that says what to install where there is neither.
    """
    found = shutil.which(PROGRAM)
    # Debian's package with a Node that is not Debian's: it has to be told where Debian's modules are.
    for command in ([found], ["/usr/bin/env", f"NODE_PATH={DEBIAN_MODULES}", found]) if found else ():
        if _runs(command):
            return command
    mine = folder / "node_modules" / ".bin" / PROGRAM
    if not (mine.exists() and _runs([str(mine)])):
        npm = shutil.which("npm")
        if npm is None:
            raise CourseError(
                f"the hub needs {PROGRAM}: install Node with npm, or on Debian and Ubuntu node-{PROGRAM}, and try again"
            )
        folder.mkdir(parents=True, exist_ok=True)
        print(f"installing {PROGRAM} with npm …", flush=True)
        done = subprocess.run(
            [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), f"{PROGRAM}@{VERSION}"],
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        if done.returncode or not mine.exists():
            raise CourseError(f"npm could not install {PROGRAM}:\n{(done.stdout + done.stderr)[-2000:]}")
    return [str(mine)]


def _runs(command: list[str]) -> bool:
    try:
        return subprocess.run([*command, "--version"], capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
