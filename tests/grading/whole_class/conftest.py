"""The small course, released once by nbgrader and copied for each test."""

import shutil
import sys

sys.modules.setdefault("rfc3987_syntax", None)  # as in course.cli; before anything imports jsonschema

import nbformat  # noqa: E402
import pytest  # noqa: E402
from small_course import CONFIG, LESSON, SmallCourse, nbgrader, source_notebooks  # noqa: E402


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """The course as nbgrader released it; nobody writes here."""
    root = tmp_path_factory.mktemp("small-course")
    (root / "nbgrader_config.py").write_text(CONFIG)
    folder = root / "source" / LESSON
    folder.mkdir(parents=True)
    for name, notebook in source_notebooks().items():
        nbformat.write(notebook, folder / f"{name}.ipynb")
    (folder / "data.csv").write_text("x\n1\n")
    nbgrader(root, "generate_assignment", LESSON)
    return root


@pytest.fixture
def small_course(released, tmp_path):
    root = tmp_path / "course"
    shutil.copytree(released, root)
    return SmallCourse(root)
