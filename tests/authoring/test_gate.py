"""What the release gate stops: one tiny lesson for each way to be broken, and a sound one that passes."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from course.authoring import gate
from course.authoring.gate import Crew, as_text, build_sections, check_lesson, judge_section, scan_for_leaks
from course.authoring.rehearsal import Outcome, Play, Stage, Step
from course.authoring.verdicts import check_reference, makes_of
from course.cli import main
from course.errors import CourseError

SPECIMENS = sorted(Path(__file__).with_name("specimens").glob("*.lesson"))
LESSON = "01_specimens"


def parts_of(path: Path) -> tuple[list[str], str, str]:
    """What a specimen expects of the gate, its section and its planted mistakes."""
    head, section, wrong = re.split(r"(?m)^---- .*\n", path.read_text(encoding="utf-8"))
    return re.findall(r"(?m)^expects: (.*)$", head), section, wrong


def write_lesson(root: Path, lesson: str, **sections: Path) -> None:
    for name, path in sections.items():
        _, section, wrong = parts_of(path)
        folder = root / "lessons" / lesson
        (folder / "wrong").mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.py").write_text(section, encoding="utf-8")
        (folder / "wrong" / f"{name}.py").write_text(wrong, encoding="utf-8")


@pytest.fixture(scope="module")
def stages():
    """Stages that import nothing: specimens need nothing, and it takes seconds."""
    with Stage(modules=()) as one, Stage(modules=()) as other:
        yield [one, other]


@pytest.fixture(scope="module")
def specimens(tmp_path_factory, stages):
    """Everything the gate says of each specimen; nbgrader releases them all at once, which saves a minute."""
    root = tmp_path_factory.mktemp("specimens")
    write_lesson(root, LESSON, **{f"1_{path.stem}": path for path in SPECIMENS})
    sections, _ = build_sections(root, LESSON)
    with Crew(stages) as crew:
        reports = crew.for_each(sections, lambda section: judge_section(section, crew))
    return {
        section.name.removeprefix("1_"): (report, scan_for_leaks(root, LESSON, [section], package={}))
        for section, report in zip(sections, reports, strict=True)
    }


@pytest.mark.parametrize("path", SPECIMENS, ids=lambda path: path.stem)
def test_each_way_to_be_broken_is_stopped_and_named(path, specimens):
    report, leaks = specimens[path.stem]
    said = [*map(str, report.findings), *map(str, leaks)]
    said += [f"note: {note}" for note in report.notes if re.search("were left out|declared|^warning", note)]
    expected, _, _ = parts_of(path)
    for words in expected:
        assert any(words in finding for finding in said), f"nothing says {words!r}:\n" + "\n".join(said)
    unexpected = [finding for finding in said if not any(words in finding for words in expected)]
    assert not unexpected, "found besides what is broken:\n" + "\n".join(unexpected)


@pytest.fixture
def project(tmp_path, monkeypatch, stages):
    """A project with a sound lesson, built; `course gate` on it takes light stages and an empty package."""
    write_lesson(tmp_path, LESSON, **{"1_sound": SPECIMENS[0].with_name("sound.lesson")})
    assert main(["build", "--root", str(tmp_path)]) == 0
    monkeypatch.setattr(gate, "Stage", lambda: Stage(modules=()))
    monkeypatch.setattr(gate, "wheel_of", lambda root: {})
    return tmp_path


def test_a_sound_lesson_may_be_released_and_its_points_are_listed(project, capsys):
    capsys.readouterr()
    assert main(["gate", LESSON, "--root", str(project)]) == 0
    said = capsys.readouterr().out
    assert f"{LESSON} may be released\n" in said
    assert re.search(r"(?m)^1_sound +3 +0 +1 +3 +3 of 3 +\d\.\d\d +good$", said), said
    assert "1_sound: half-is-rounded 2, half-is-whole 1" in said and "3 points by machine, 0 by hand" in said


def test_quick_leaves_the_mutants_out_and_says_so(project, stages):
    report = check_lesson(project, LESSON, quick=True, package={}, stages=stages)
    assert report.sections[0].censuses is None and not report.all_findings
    said = as_text(report)
    assert (
        "left out: the mutants (--quick)" in said
        and "before the safe grader (--quick)" in said
        and "may be released, as far as was looked" in said
    )


def test_a_tests_cell_that_the_safe_grader_judges_otherwise_keeps_the_lesson_back(tmp_path, stages):
    write_lesson(tmp_path, LESSON, **{"1_half": SPECIMENS[0].parent / "two_sides" / "judged_otherwise.lesson"})
    assert main(["build", "--root", str(tmp_path)]) == 0
    [finding] = check_lesson(tmp_path, LESSON, quick=True, package={}, stages=stages).all_findings
    words = "1_half, half-is-whole: the reference solution gets 1 points in one process (passed) and 0 from the safe"
    assert str(finding).startswith(words) and "expected the half of 7 there" in str(finding)


def test_every_planted_mistake_meets_the_safe_grader(project, stages):
    [section] = build_sections(project, LESSON)[0]
    graded, why_not = gate.grade_safely([section], thorough=True)
    mistakes = graded["1_sound"].mistakes
    assert not why_not and set(mistakes) == {"rounds-towards-zero", "leaves-odd-ones-broken", "divides"}
    lost = {name: {test for test, got in tests.items() if got.score == 0} for name, tests in mistakes.items()}
    assert lost == {wrong.name: wrong.loses for wrong in section.planted.wrongs}
    assert mistakes["rounds-towards-zero"]["half-is-whole"].score == 1, "a tests cell that the mistake passes"


def test_a_mistake_that_the_safe_grader_lets_pass_is_named_with_both_verdicts(project, stages, monkeypatch):
    from course.authoring import dress_rehearsal

    graded = dress_rehearsal.grade_section

    def generous(piece, level, thorough):
        found = graded(piece, level, thorough)
        wrong = {test: replace(got, state="passed", score=2.0) for test, got in found.mistakes["divides"].items()}
        return replace(found, mistakes=dict(found.mistakes) | {"divides": wrong})

    monkeypatch.setattr(gate, "grade_section", generous)
    assert not check_lesson(project, LESSON, package={}, stages=stages).all_findings, "it is graded again, alone"
    monkeypatch.setattr(dress_rehearsal, "_alone", lambda piece, wrong, tests, found: found.mistakes[wrong.name])
    said = [str(finding) for finding in check_lesson(project, LESSON, package={}, stages=stages).all_findings]
    assert len(said) == 2 and all("'divides' gets 0 points in one process (AssertionError" in words for words in said)


def test_a_finding_keeps_the_lesson_back(project, capsys):
    wrong = project / "lessons" / LESSON / "wrong" / "1_sound.py"
    wrong.write_text(wrong.read_text().replace('loses="half-is-rounded half-is-whole"', 'loses="half-is-whole"'))
    assert main(["gate", LESSON, "--root", str(project), "--quick"]) == 1
    said = capsys.readouterr().out
    assert f"{LESSON} may NOT be released: 2 to mend" in said and "it loses half-is-rounded as well" in said


def test_a_notebook_that_is_older_than_its_lesson_keeps_it_back(project, stages):
    notebook = project / "release" / LESSON / "1_sound.ipynb"
    notebook.write_bytes(notebook.read_bytes().replace(b"Halve a whole number", b"Halve a number"))
    report = check_lesson(project, LESSON, quick=True, package={}, stages=stages)
    [finding] = report.all_findings
    assert "1_sound.ipynb: differs from its lesson; run `course build" in str(finding)


def test_one_section_can_be_looked_at_while_another_is_in_pieces(project, stages):
    (project / "lessons" / LESSON / "2_unborn.py").write_text("# %% role=nothing\n1 +\n", encoding="utf-8")
    report = check_lesson(project, LESSON, only="1", quick=True, package={}, stages=stages)
    assert [section.name for section in report.sections] == ["1_sound"] and not report.all_findings
    with pytest.raises(CourseError, match=r"2_unborn\.py, line 1"):
        check_lesson(project, LESSON, quick=True, package={}, stages=stages)


def test_a_section_that_does_not_exist_is_named_beside_those_that_do(project, capsys):
    assert main(["gate", LESSON, "--root", str(project), "--section", "7"]) == 2
    assert "no section '7'; there are: 1_sound" in capsys.readouterr().err


def test_mistakes_of_no_section_are_not_overlooked(project, stages):
    folder = project / "lessons" / LESSON / "wrong"
    (folder / "1_sound.py").rename(folder / "1_sounds.py")
    findings = [str(f) for f in check_lesson(project, LESSON, quick=True, package={}, stages=stages).all_findings]
    assert any("wrong/1_sounds.py: it belongs to no section" in finding for finding in findings)
    assert any("half-of-number: 0 planted mistake(s)" in finding for finding in findings)


def test_a_solution_in_the_package_is_found_inside_its_wheel(project, stages, monkeypatch):
    monkeypatch.undo()
    (project / "course").mkdir()
    copy = "def half_of(n):\n    # from the notes\n    whole = n // 2\n    whole=number//2\n    return whole\n"
    (project / "course" / "__init__.py").write_text(copy, encoding="utf-8")
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "small"\nversion = "1"\nrequires-python = ">=3.11"\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["course"]\n'
    )
    [finding] = check_lesson(project, LESSON, quick=True, stages=stages).all_findings
    assert str(finding).startswith(
        "small-1-py3-none-any.whl › course/__init__.py: 'whole=numb… (15 characters)' is a line of the solution"
    )


def test_set_up_and_answer_cells_that_take_long_are_named():
    steps = [Step("set-up cell 1", "set-up", "…"), Step("slow-answer", "answer", "…"), Step("a-test", "tests", "…")]
    spent = {"set-up cell 1": 0.3, "slow-answer": 0.9, "a-test": 5.0}
    play = Play("plain", {name: Outcome("passed", cpu_seconds=seconds) for name, seconds in spent.items()}, steps)
    [finding] = check_reference("1_slow", play)
    assert "take 1.20 CPU s (most: slow-answer 0.90 s, set-up cell 1 0.30 s)" in str(finding)


def test_what_is_a_make():
    solved = "def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION"
    steps = [
        Step("a-guess", "answer", "prediction = 3"),
        Step("a-guess-kind", "tests", "check_prediction(prediction, Between(0, 9, 'days'))", 1),
        Step("a-function", "answer", solved),
        Step("a-function-works", "tests", "assert f(1) == 1, 'no'", 2),
        Step("a-number", "answer", "limit = 3"),
        Step("a-number-seen", "tests", "assert limit == 3, 'no'", 1),
        Step("a-secret-number", "answer", "secret = 3"),
        Step(
            "a-secret-seen",
            "tests",
            "assert secret\n### BEGIN HIDDEN TESTS\nassert secret == 3\n### END HIDDEN TESTS",
            1,
        ),
        Step("for-fun", "answer", solved.replace("f(", "g(")),
        Step("for-fun-works", "tests", "assert g(1) == 1, 'no'", 0),
    ]
    assert [make.answer.name for make in makes_of(steps)] == ["a-function", "a-secret-number"]
