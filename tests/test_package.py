"""What importing the package promises, and what a person who types a verb is told."""

import json
import subprocess
import sys

import pytest

from course.cli import COMMANDS, main


def loaded_by(code: str) -> set[str]:
    shown = subprocess.run(
        [sys.executable, "-c", f"import sys, json\n{code}\nprint(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(shown.stdout))


@pytest.mark.parametrize("code", ["import course", "import course.errors, course.predict, course.syllabus, course.cli"])
def test_importing_the_course_loads_nothing_heavy(code):
    assert not loaded_by(code) & {"pandas", "sklearn", "matplotlib", "numpy", "ipywidgets", "nbformat"}


def test_importing_the_labs_changes_no_setting():
    changed = subprocess.run(
        [
            sys.executable,
            "-c",
            "import matplotlib, warnings, pandas as pd\n"
            "before = dict(matplotlib.rcParams), list(warnings.filters), pd.get_option('display.max_rows')\n"
            "import course.labs.lab, course.display, course.quiz\n"
            "import course.labs.what_is_mlops.four_versions\n"
            "after = dict(matplotlib.rcParams), list(warnings.filters), pd.get_option('display.max_rows')\n"
            "print([a == b for a, b in zip(before, after)])",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert changed.stdout.strip() == "[True, True, True]", changed.stdout + changed.stderr


def test_an_unknown_verb_is_answered_with_those_that_exist(capsys):
    assert main(["fly"]) == 2
    assert "there is no verb 'fly'" in capsys.readouterr().err


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    assert f"course {verb}" in capsys.readouterr().out


def test_help_names_every_verb(capsys):
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in COMMANDS)


def test_a_verb_for_authors_says_so_on_a_students_machine(capsys, monkeypatch):
    """A student's environment has no jupytext: help still works there, and `build` says what it needs."""
    monkeypatch.setitem(sys.modules, "jupytext", None)
    for name in [name for name in sys.modules if name.startswith("course.authoring")]:
        monkeypatch.delitem(sys.modules, name)
    assert main([]) == 0
    assert "it needs jupytext" in capsys.readouterr().out
    assert main(["build"]) == 2
    assert "for authors and instructors" in capsys.readouterr().err
