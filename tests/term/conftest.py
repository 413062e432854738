"""A course of one lesson, the skeleton's, and an instructor who starts a term of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from course.cli import main

ROOT = Path(__file__).parents[2]
LESSON = "02_gaps"
ROSTER = (
    "id,first_name,last_name,email\nada,Ada,Lovelace,ada@example.org\nben,José,Pérez,ben@example.org\ncem,Cem,Ay,\n"
)


@pytest.fixture(scope="session")
def school(tmp_path_factory):
    """The course's repository, a roster, and a place for terms: nothing in it is written to by a test."""
    home = tmp_path_factory.mktemp("school")
    repository = home / "repository"
    repository.mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", repository)
    assert main(["new-lesson", LESSON, "--root", str(repository)]) == 0
    assert main(["build", "--root", str(repository)]) == 0
    roster = home / "roster.csv"
    roster.write_text(ROSTER, encoding="utf-8")
    return SimpleNamespace(home=home, repository=repository, roster=roster, lesson=LESSON)


def words_of(school, folder, *more):
    """The command that starts a term, as an instructor types it."""
    return [
        "new-term", str(folder), "--course-id", "mlops-spring-27", "--roster", str(school.roster),
        "--root", str(school.repository), *more,
    ]  # fmt: skip


@pytest.fixture(scope="session")
def term(school):
    """A term with a due date and a late policy; its tests only read it, or work on a copy."""
    folder = school.home / "terms" / "spring"
    due = f"{LESSON}=2027-02-01T23:59+01:00"
    assert main(words_of(school, folder, "--due", due, "--late-percent", "10", "--late-at-most", "30")) == 0
    return folder


@pytest.fixture
def own_term(term, tmp_path):
    """A copy of the term, for a test that changes it."""
    return Path(shutil.copytree(term, tmp_path / "spring"))
