"""`course submit`: what goes into the zip, and what the student is told."""

import argparse
import datetime
import hashlib
import json
import os
import shutil
import zipfile

import nbformat
import pytest
from nbgrader.utils import compute_checksum
from specimen_lesson import LESSON, SOLVED_DOUBLE, SOLVED_TRIPLE, code, dump, fill_in, first, second, write_release

from course.errors import CourseError
from course.pack import submitting
from course.pack.placing import place, record_file
from course.pack.submitting import submit

NOW = datetime.datetime(2026, 11, 23, 23, 41, 5, tzinfo=datetime.UTC)


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "work"
    place(write_release(tmp_path / "release"), folder, say=lambda line: None)
    return folder


def handed_in(work, **how):
    """Submit; give back the files of the zip, the receipt inside it, and what was said."""
    made, said = submit(work, LESSON, work / "submissions", "ada", now=NOW, **how)
    with zipfile.ZipFile(made) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert made.name == f"{LESSON}-ada-20261123T234105Z.zip"
    return files, json.loads(files.pop("receipt.json")), said


def test_the_zip_holds_the_notebooks_and_a_receipt_that_fits_them(work):
    fill_in(work / LESSON / "1_first.ipynb", double=SOLVED_DOUBLE, why_double="Because.")
    fill_in(work / LESSON / "2_second.ipynb", triple=SOLVED_TRIPLE)
    files, receipt, said = handed_in(work)
    assert sorted(files) == ["1_first.ipynb", "2_second.ipynb"]
    assert receipt["lesson"] == LESSON and receipt["student"] == "ada" and receipt["made"] == "2026-11-23T23:41:05Z"
    assert receipt["course"]
    for name, content in files.items():
        assert content == (work / LESSON / name).read_bytes()
        assert receipt["files"][name] == {
            "sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "was": name,
        }  # fmt: skip
    assert "2 of 2 answers" in said and "1 of 1 answers" in said and "untouched" not in said and "!" not in said


@pytest.mark.parametrize("memory", ["remembered", "forgotten"])
def test_untouched_answers_are_listed_by_section_and_submitted_all_the_same(work, memory):
    if memory == "forgotten":
        # As on a hub, where nbgrader fetched the lesson: its own checksums tell what is untouched.
        record_file(work).unlink()
    fill_in(work / LESSON / "1_first.ipynb", double=SOLVED_DOUBLE)
    files, _, said = handed_in(work)
    lines = said.splitlines()
    about_first = lines.index(next(line for line in lines if "1_first.ipynb" in line))
    assert "1 of 2 answers" in lines[about_first] and "untouched: why-double" in lines[about_first + 1]
    assert "0 of 1 answers" in said and "untouched: triple" in said
    assert len(files) == 2


def test_running_a_notebook_touches_no_answer(work):
    file = work / LESSON / "2_second.ipynb"
    content = json.loads(file.read_bytes())
    content["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "hello"}]
    content["cells"][1]["source"] = content["cells"][1]["source"].splitlines(keepends=True)
    file.write_bytes(dump(content))
    assert "untouched: triple" in handed_in(work)[2]


def test_the_checksum_is_nbgraders():
    for content in (first(), second()):
        for cell in nbformat.from_dict(content).cells:
            if "nbgrader" in cell.metadata:
                assert submitting.nbgrader_checksum(cell) == compute_checksum(cell)


def test_a_missing_notebook_is_named_and_the_rest_submitted(work):
    (work / LESSON / "2_second.ipynb").unlink()
    files, _, said = handed_in(work)
    assert sorted(files) == ["1_first.ipynb"]
    assert "2_second.ipynb is missing" in said and "fresh copy" in said


@pytest.mark.parametrize("name", ["1_first (1).ipynb", "1_first-Copy1.ipynb", "mine.ipynb"])
def test_a_renamed_notebook_is_recognised_by_its_questions(work, name):
    file = work / LESSON / "1_first.ipynb"
    fill_in(file, double=SOLVED_DOUBLE)
    file.rename(work / LESSON / name)
    files, receipt, said = handed_in(work)
    assert sorted(files) == ["1_first.ipynb", "2_second.ipynb"]
    assert receipt["files"]["1_first.ipynb"]["was"] == name
    assert f'"{name}" has its questions' in said


def test_the_copy_with_the_answers_is_taken_for_a_fresh_notebook_beside_it(work):
    file = work / LESSON / "1_first.ipynb"
    shutil.copy(file, work / LESSON / "1_first-Copy1.ipynb")
    fill_in(work / LESSON / "1_first-Copy1.ipynb", double=SOLVED_DOUBLE)
    files, _, said = handed_in(work)
    assert files["1_first.ipynb"] == (work / LESSON / "1_first-Copy1.ipynb").read_bytes()
    assert "that one is handed in" in said


def test_a_spare_copy_does_not_stand_in_the_way(work):
    file, spare = work / LESSON / "1_first.ipynb", work / LESSON / "1_first-Copy1.ipynb"
    shutil.copy(file, spare)
    fill_in(spare, double="a first attempt")
    os.utime(spare, (1, 1))
    fill_in(file, double=SOLVED_DOUBLE)
    files, _, said = handed_in(work)
    assert files["1_first.ipynb"] == file.read_bytes()
    assert '"1_first-Copy1.ipynb" beside it is not' in said


def two_candidates(work):
    file, other = work / LESSON / "1_first.ipynb", work / LESSON / "1_first-Copy1.ipynb"
    shutil.copy(file, other)
    fill_in(file, double=SOLVED_DOUBLE)
    fill_in(other, why_double="Because.")
    return file, other


def test_where_two_files_could_be_meant_it_says_how_to_choose(work):
    _, other = two_candidates(work)
    with pytest.raises(CourseError) as problem:
        handed_in(work)
    said = str(problem.value)
    assert "Several files could be 1_first.ipynb" in said and "1 answers written" in said
    assert f'course submit --use "1_first={other.name}"' in said
    assert not (work / "submissions").exists()
    files, _, _ = handed_in(work, use=submitting.parse_choices([f"1_first={other.name}"]))
    assert files["1_first.ipynb"] == other.read_bytes()


def test_where_two_files_could_be_meant_a_person_is_asked(work, monkeypatch, capsys):
    file, other = two_candidates(work)
    replies = iter(["", "7", "2"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(replies))
    files, _, _ = handed_in(work, ask=submitting.ask_on_screen)
    assert files["1_first.ipynb"] == other.read_bytes()
    asked = capsys.readouterr().out
    assert f"1. {file.name}" in asked and f"2. {other.name}" in asked


def test_a_broken_notebook_is_named_and_packed_as_it_is(work):
    file = work / LESSON / "1_first.ipynb"
    whole = file.read_bytes()
    file.write_bytes(whole[:200])
    files, _, said = handed_in(work)
    assert files["1_first.ipynb"] == whole[:200]
    assert "1_first.ipynb cannot be read" in said and "Rename it" in said
    checkpoint = work / LESSON / ".ipynb_checkpoints" / "1_first-checkpoint.ipynb"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(whole)
    assert "1_first-checkpoint.ipynb" in handed_in(work)[2]


def test_the_fresh_copy_beside_a_broken_notebook_is_taken_once_it_has_answers(work):
    file, fresh = work / LESSON / "1_first.ipynb", work / LESSON / "1_first (new).ipynb"
    fresh.write_bytes(file.read_bytes())
    file.write_bytes(b"{")
    assert handed_in(work)[0]["1_first.ipynb"] == b"{"
    fill_in(fresh, double=SOLVED_DOUBLE)
    files, _, said = handed_in(work)
    assert files["1_first.ipynb"] == fresh.read_bytes() and "(new)" in said


def test_a_deleted_cell_is_named(work):
    file = work / LESSON / "1_first.ipynb"
    content = json.loads(file.read_bytes())
    del content["cells"][2:4]
    file.write_bytes(dump(content))
    assert "has lost the cells double, double-of-21" in handed_in(work)[2]


def test_a_cell_that_the_student_added_is_no_answer(work):
    file = work / LESSON / "1_first.ipynb"
    content = json.loads(file.read_bytes())
    content["cells"].append(code("1 + 1"))
    file.write_bytes(dump(content))
    assert "0 of 2 answers" in handed_in(work)[2]


def test_nothing_to_hand_in_is_said(work):
    shutil.rmtree(work / LESSON)
    (work / LESSON).mkdir()
    with pytest.raises(CourseError, match="nothing to hand in"):
        handed_in(work)


def test_the_lesson_is_found_from_wherever_the_student_stands(work, monkeypatch, tmp_path):
    for place_to_stand in (work, work.parent, work / LESSON):
        monkeypatch.chdir(place_to_stand)
        assert submitting.find_lesson(None, None) == (work.resolve(), LESSON), place_to_stand
    (work / "02_other").mkdir()
    shutil.copy(work / LESSON / "1_first.ipynb", work / "02_other")
    monkeypatch.chdir(work)
    with pytest.raises(CourseError, match=f"several lessons.*{LESSON}, 02_other"):
        submitting.find_lesson(None, None)
    with pytest.raises(CourseError, match=r"no lesson '9'.*there are"):
        submitting.find_lesson(None, "9")
    monkeypatch.chdir(work / LESSON)
    assert submitting.find_lesson(None, None) == (work.resolve(), LESSON)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CourseError, match="No lesson was found"):
        submitting.find_lesson(tmp_path / "empty", None)


def test_the_command_prints_the_receipt_and_where_the_file_is(work, capsys):
    parser = argparse.ArgumentParser()
    submitting.add_arguments(parser)
    assert submitting.run(parser.parse_args([LESSON, "--work", str(work), "--name", "Ada Lovelace"])) == 0
    said = capsys.readouterr().out
    (made,) = (work / "submissions").iterdir()
    assert str(made) in said and f"{LESSON}-Ada_Lovelace-" in made.name
    assert hashlib.sha256(made.read_bytes()).hexdigest() in said


def test_a_wrong_choice_is_said(work):
    with pytest.raises(CourseError, match=r"no file 'absent\.ipynb'"):
        handed_in(work, use={"1_first.ipynb": "absent.ipynb"})
    with pytest.raises(CourseError, match=r"no notebook 9.ipynb; it has: 1_first.ipynb, 2_second.ipynb"):
        handed_in(work, use={"9.ipynb": "1_first.ipynb"})
    with pytest.raises(CourseError, match="NOTEBOOK=FILE"):
        submitting.parse_choices(["1_first"])
