"""What every test stands on: the project's root, one thread, and a cache of laboratories' results of its own."""

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
# nbgrader starts `alembic` by its bare name.
os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])

# Looking for doctests would import each conftest.py as a module of that one name.
collect_ignore_glob = ["conftest.py", "*/conftest.py"]

ROOT = Path(__file__).parents[1]
LESSON = "01_what_is_mlops"


CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


@pytest.fixture(scope="session")
def chromium():
    """One headless Chromium for all tests of a worker: two of them cannot be driven at once."""
    if CHROMIUM is None:
        pytest.fail(
            "the browser tests need Chromium and found none on PATH; install it (Debian: apt-get install chromium), "
            "or leave these tests out knowingly: pytest -m 'not browser'"
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def quick_site(tmp_path_factory) -> Path:
    """The web edition with two values a control, built once for all workers of a run.

    `COURSE_SITE` names a site that was built before, and whole, to be tried instead.
    """
    if "COURSE_SITE" in os.environ:
        return Path(os.environ["COURSE_SITE"]).resolve()
    # A worker's own folder lies in the run's.
    together = tmp_path_factory.getbasetemp()
    together = together.parent if "PYTEST_XDIST_WORKER" in os.environ else together
    out, command = together / "site", [sys.executable, "-m", "course.cli", "site", "--quick", "--jobs", "2", "--out"]
    with (together / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not out.exists():
            done = subprocess.run([*command, out], cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
    return out
