"""What every test stands on: the project's root, one thread, and a cache of laboratories' results of its own."""

import os
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


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT
