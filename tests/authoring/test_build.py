"""What `course build` promises: one way, the same bytes each time, and nothing in the release that is hidden."""

import json

import pytest
from test_lesson import SOUND

from course.cli import main


@pytest.fixture
def project(tmp_path):
    lesson = tmp_path / "lessons" / "01_halves"
    lesson.mkdir(parents=True)
    text = SOUND + '\n# %% role="answer" grade_id="half-prediction" stub="prediction = ..."\nprediction = 3\n'
    (lesson / "1_halves.py").write_text(text, encoding="utf-8")
    return tmp_path


def tree(project):
    return {
        path.relative_to(project): path.read_bytes()
        for name in ("source", "release")
        for path in (project / name).rglob("*")
        if path.is_file()
    }


def test_building_twice_gives_the_same_bytes(project):
    assert main(["build", "--root", str(project)]) == 0
    first = tree(project)
    for path in first:
        (project / path).unlink()
    assert main(["build", "--root", str(project)]) == 0
    assert tree(project) == first and len(first) == 2


def test_check_is_content_with_what_was_just_built(project):
    main(["build", "--root", str(project)])
    assert main(["build", "--check", "--root", str(project)]) == 0


@pytest.mark.parametrize("tree_name", ["source", "release"])
def test_check_sees_an_edited_notebook(project, tree_name, capsys):
    main(["build", "--root", str(project)])
    notebook = project / tree_name / "01_halves" / "1_halves.ipynb"
    notebook.write_bytes(notebook.read_bytes().replace(b"A claim", b"A claim!"))
    assert main(["build", "--check", "--root", str(project)]) == 1
    assert "differs from its lesson" in capsys.readouterr().err


def test_check_sees_a_lesson_that_was_not_built(project, capsys):
    assert main(["build", "--check", "--root", str(project)]) == 1
    assert "missing" in capsys.readouterr().err


def test_check_sees_a_notebook_without_a_lesson_and_build_removes_it(project, capsys):
    main(["build", "--root", str(project)])
    orphan = project / "release" / "01_halves" / "9_gone.ipynb"
    orphan.write_text("{}")
    assert main(["build", "--check", "--root", str(project)]) == 1
    assert "has no lesson" in capsys.readouterr().err
    assert main(["build", "--root", str(project)]) == 0
    assert not orphan.exists()


def test_what_running_a_notebook_leaves_beside_it_is_no_difference(project):
    """nbmake over source/ once left section 7's environment.json there, and the gate then refused the lesson."""
    main(["build", "--root", str(project)])
    (project / "source" / "01_halves" / "environment.json").write_text("{}")
    assert main(["build", "--check", "--root", str(project)]) == 0


def test_check_changes_nothing(project):
    main(["build", "--check", "--root", str(project)])
    assert not (project / "source").exists() and not (project / "release").exists()


def cells(project, tree_name):
    notebook = json.loads((project / tree_name / "01_halves" / "1_halves.ipynb").read_text(encoding="utf-8"))
    return {cell["id"]: cell for cell in notebook["cells"]}


def test_the_release_holds_no_solution_no_hidden_test_and_no_hint(project):
    main(["build", "--root", str(project)])
    release = (project / "release" / "01_halves" / "1_halves.ipynb").read_text(encoding="utf-8")
    for secret in ("x / 2", "4.5", "Divide.", "cake", "prediction = 3"):
        assert secret not in release, f"the release holds {secret!r}"


def test_the_release_shows_an_authors_stub_and_stubs_raise_when_called_only(project):
    main(["build", "--root", str(project)])
    released = cells(project, "release")
    assert released["half-prediction"]["source"] == ["prediction = ..."]
    names: dict = {}
    exec("".join(released["half-it"]["source"]), names)
    with pytest.raises(NotImplementedError):
        names["half"](4)


def test_only_the_release_tags_its_tests_cells(project):
    main(["build", "--root", str(project)])
    assert cells(project, "release")["half-it-works"]["metadata"]["tags"] == ["raises-exception"]
    assert "tags" not in cells(project, "source")["half-it-works"]["metadata"]


def test_a_self_check_is_no_cell_of_nbgraders_and_lets_run_all_go_on(project):
    """Else Validate would call the whole notebook failed where a student leaves Go further out."""
    lesson = project / "lessons" / "01_halves" / "1_halves.py"
    check = '\n# %% role="tests" grade_id="half-again" points=0\nassert half(2) == 1, "expected 1"\n'
    lesson.write_text(lesson.read_text(encoding="utf-8") + check, encoding="utf-8")
    main(["build", "--root", str(project)])
    metadata = cells(project, "release")["half-again"]["metadata"]
    assert "nbgrader" not in metadata and metadata["tags"] == ["raises-exception", "self-check"]


def test_a_python_file_in_source_never_reaches_the_release(project):
    main(["build", "--root", str(project)])
    (project / "source" / "01_halves" / "answers.py").write_text("half = lambda x: x / 2")
    assert main(["build", "--check", "--root", str(project)]) == 1
    main(["build", "--root", str(project)])
    assert not list((project / "release").rglob("*.py"))


def test_nbgrader_itself_copies_no_python_file_to_students(project, root, tmp_path_factory):
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config.loader import PyFileConfigLoader

    main(["build", "--root", str(project)])
    (project / "source" / "01_halves" / "answers.py").write_text("half = lambda x: x / 2")
    config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    config.GenerateAssignment.no_database = True
    config.SaveCells.enabled = False
    coursedir = CourseDirectory(config=config, root=str(project))
    coursedir.assignment_id = "01_halves"
    GenerateAssignment(coursedir=coursedir, config=config, force=True).start()
    assert [path.name for path in (project / "release" / "01_halves").iterdir()] == ["1_halves.ipynb"]


def test_a_tests_cell_that_cannot_work_across_the_wall_is_refused_with_the_reason(project, capsys):
    lesson = project / "lessons" / "01_halves" / "1_halves.py"
    text = lesson.read_text(encoding="utf-8")
    cell = '\n# %% role="tests" grade_id="half-it-again" points=1\nimport copy\n'
    cell += 'assert copy.deepcopy(half)(4) == 2, "expected 2"\n'
    lesson.write_text(text + cell, encoding="utf-8")
    assert main(["build", "--root", str(project)]) == 2
    said = capsys.readouterr().err
    assert "1_halves, half-it-again, line 2: copy.deepcopy(half): a student's object stays on its side" in said
    assert not (project / "source").exists()


def test_a_badly_designed_tests_cell_is_warned_of_and_built(project, capsys):
    lesson = project / "lessons" / "01_halves" / "1_halves.py"
    text = lesson.read_text(encoding="utf-8")
    cell = '\n# %% role="tests" grade_id="half-it-again" points=1\nassert half(4) == half(4), "expected the same"\n'
    lesson.write_text(text + cell, encoding="utf-8")
    assert main(["build", "--root", str(project)]) == 0
    assert "warning: 1_halves, half-it-again, line 1: half(4) == half(4): both sides" in capsys.readouterr().err


def test_a_bad_lesson_ends_with_status_2_and_its_message(project, capsys):
    lesson = project / "lessons" / "01_halves" / "1_halves.py"
    lesson.write_text(lesson.read_text(encoding="utf-8").replace(" points=2", ""), encoding="utf-8")
    assert main(["build", "--root", str(project)]) == 2
    assert "points=None" in capsys.readouterr().err
