"""The committed notebooks, read once."""

from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
LESSON = "01_what_is_mlops"

SECTIONS = sorted(path.stem for path in (ROOT / "lessons" / LESSON).glob("*.py"))


def read(tree: str, section: str) -> nbformat.NotebookNode:
    return nbformat.read(ROOT / tree / LESSON / f"{section}.ipynb", as_version=4)


@pytest.fixture(params=SECTIONS)
def section(request) -> str:
    return request.param


@pytest.fixture
def release(section) -> nbformat.NotebookNode:
    return read("release", section)


@pytest.fixture
def source(section) -> nbformat.NotebookNode:
    return read("source", section)
