"""A newer release meets a student's work."""

import copy
import json
from pathlib import Path

import pytest
from specimen_lesson import (
    DOUBLE,
    LESSON,
    SOLVED_DOUBLE,
    answer,
    by_id,
    code,
    dump,
    fill_in,
    first,
    notebook,
    prose,
    write_release,
)

from course.errors import CourseError
from course.pack.cells import cell_hashes, parse_notebook
from course.pack.merging import merge
from course.pack.placing import place, read_record, record_file


def sources(content):
    return [each["source"] for each in content["cells"]]


def newer():
    """The first notebook with a fixed text, a fixed set-up cell, a fixed test and a new stub."""
    content = first()
    content["cells"][0] = prose("# A function can double\nRead this first, and then think.")
    content["cells"][1] = code("number = 22")
    content["cells"][3]["source"] = "assert double(number) == 44, f'expected 44, got {double(number)}'"
    return content


def merged(student, release=None, placed=None):
    return merge(student, release or newer(), cell_hashes(first()) if placed is None else placed)


def test_answers_are_carried_over_and_everything_else_is_the_new_release():
    student = first()
    by_id(student, "double")["source"] = SOLVED_DOUBLE
    by_id(student, "why-double")["source"] = "Because two halves make a whole."
    result = merged(student)
    wanted = newer()
    by_id(wanted, "double")["source"] = SOLVED_DOUBLE
    by_id(wanted, "why-double")["source"] = "Because two halves make a whole."
    assert result.notebook == wanted
    assert result.carried == ["double", "why-double"]


def test_an_untouched_answer_gets_the_new_stub():
    release = newer()
    by_id(release, "double")["source"] = DOUBLE.replace("number", "value")
    result = merged(first(), release)
    assert by_id(result.notebook, "double")["source"] == DOUBLE.replace("number", "value")
    assert result.carried == []


def test_cells_that_the_student_added_stay_behind_the_cell_they_stood_behind():
    student = first()
    student["cells"].insert(0, prose("My name is Ada."))
    student["cells"].insert(4, code("double(3)"))
    student["cells"].insert(5, code("double(4)"))
    result = merged(student)
    assert result.added == 3
    found = sources(result.notebook)
    assert found[0] == "My name is Ada."
    assert found[4:6] == ["double(3)", "double(4)"]
    assert found[3] == DOUBLE


def test_an_added_cell_follows_its_predecessor_when_the_release_moves_it():
    student = first()
    student["cells"].insert(3, code("double(3)"))
    release = newer()
    release["cells"].append(release["cells"].pop(2))
    assert sources(merged(student, release).notebook)[-2:] == [DOUBLE, "double(3)"]


def test_a_set_up_cell_that_only_the_student_changed_stays_the_students():
    student, release = first(), newer()
    student["cells"][1]["source"] = "number = 5"
    release["cells"][1] = first()["cells"][1]
    assert "number = 5" in sources(merged(student, release).notebook)


def test_a_cell_that_both_changed_is_the_releases_with_the_students_below_as_text():
    student, release = first(), first()
    student["cells"][1]["source"] = "number = 5"
    release["cells"][1]["source"] = "number = 22"
    result = merged(student, release)
    position = sources(result.notebook).index("number = 22")
    below = result.notebook["cells"][position + 1]
    assert below["cell_type"] == "markdown" and "number = 5" in below["source"]
    assert result.noted == 1


def test_an_answer_to_a_question_that_is_gone_is_kept_as_a_plain_cell():
    student, release = first(), newer()
    by_id(student, "double")["source"] = SOLVED_DOUBLE
    del release["cells"][2]
    kept = [each for each in merged(student, release).notebook["cells"] if each["source"] == SOLVED_DOUBLE]
    assert len(kept) == 1 and "nbgrader" not in kept[0]["metadata"]


def test_an_answer_that_was_written_into_a_copy_of_its_cell_counts():
    student = first()
    duplicate = copy.deepcopy(by_id(student, "double")) | {"id": "other", "source": SOLVED_DOUBLE}
    student["cells"].insert(3, duplicate)
    result = merged(student).notebook
    assert by_id(result, "double")["source"] == SOLVED_DOUBLE
    assert sources(result).count(SOLVED_DOUBLE) == 1


def test_two_different_answers_in_copies_of_a_cell_are_both_kept():
    student = first()
    by_id(student, "double")["source"] = SOLVED_DOUBLE
    duplicate = copy.deepcopy(by_id(student, "double")) | {"id": "other", "source": "def double(n): return n + n"}
    student["cells"].insert(3, duplicate)
    result = merged(student).notebook
    assert by_id(result, "double")["source"] == SOLVED_DOUBLE
    assert "def double(n): return n + n" in sources(result)
    graded = [each["metadata"].get("nbgrader", {}).get("grade_id") for each in result["cells"]]
    assert graded.count("double") == 1


def test_an_editor_that_renumbers_every_cell_does_not_double_the_lesson():
    student = first()
    for number, each in enumerate(student["cells"]):
        each["id"] = f"renumbered-{number}"
    by_id_of = student["cells"][2]
    by_id_of["source"] = SOLVED_DOUBLE
    result = merged(student)
    assert len(result.notebook["cells"]) == len(first()["cells"])
    assert SOLVED_DOUBLE in sources(result.notebook) and result.added == 0


def test_pictures_in_a_written_answer_are_carried_over():
    student = first()
    picture = {"plot.png": {"image/png": "aGVsbG8="}}
    by_id(student, "why-double").update(source="See ![plot](attachment:plot.png)", attachments=picture)
    assert by_id(merged(student).notebook, "why-double")["attachments"] == picture


def test_every_cell_id_is_different_after_a_merge():
    student = first()
    student["cells"] += [code("1 + 1") | {"id": "double-of-21"}, code("2 + 2") | {"id": "x"}, code("3") | {"id": "x"}]
    ids = [each["id"] for each in merged(student).notebook["cells"]]
    assert len(ids) == len(set(ids))


def test_merging_twice_is_merging_once():
    student = first()
    by_id(student, "double")["source"] = SOLVED_DOUBLE
    student["cells"].insert(3, code("double(3)"))
    student["cells"][1]["source"] = "number = 5"
    once = merged(student).notebook
    # As after an interruption between writing the notebook and remembering that it was placed.
    assert sources(merged(once).notebook) == sources(once)


def test_without_a_memory_of_the_release_no_answer_and_no_added_cell_is_lost():
    student = first()
    by_id(student, "double")["source"] = SOLVED_DOUBLE
    student["cells"].insert(3, code("double(3)"))
    result = merge(student, newer(), None).notebook
    assert {SOLVED_DOUBLE, "double(3)"} <= set(sources(result))


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff\xfe", b"[]", b'{"cells": 1, "nbformat": 4}', b'{"cells": [1], "nbformat": 4}', b"[" * 100000],
    ids=["empty", "cut", "binary", "list", "no-cells", "no-cell", "deep"],
)
def test_what_is_no_notebook_is_left_alone_and_a_fresh_one_put_beside_it(tmp_path, raw):
    release, work = write_release(tmp_path / "release"), tmp_path / "work"
    place(release, work)
    file = work / LESSON / "1_first.ipynb"
    file.write_bytes(raw)
    for _ in range(2):
        said = []
        place(release, work, said.append)
        assert any("1_first.ipynb cannot be read" in line and "left alone" in line for line in said)
    assert file.read_bytes() == raw
    assert sorted(path.name for path in file.parent.glob("1*")) == ["1_first (new).ipynb", "1_first.ipynb"]
    assert parse_notebook((work / LESSON / "1_first (new).ipynb").read_bytes())


# --- Placing files ------------------------------------------------------------------------------------------


def test_a_new_lesson_is_copied_byte_for_byte(tmp_path):
    release, work = write_release(tmp_path / "release"), tmp_path / "work"
    (release / LESSON / "data").mkdir()
    (release / LESSON / "data" / "small.csv").write_bytes(b"a,b\r\n1,2\r\n")
    said = []
    assert place(release, work, said.append) == 3
    for file in (release / LESSON).rglob("*.*"):
        assert (work / LESSON / file.relative_to(release / LESSON)).read_bytes() == file.read_bytes()
    assert "3 files" in said[0]


def test_placing_the_same_release_again_changes_nothing_and_says_nothing(tmp_path):
    release, work = write_release(tmp_path / "release"), tmp_path / "work"
    place(release, work)
    fill_in(work / LESSON / "1_first.ipynb", double=SOLVED_DOUBLE)
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in work.rglob("*") if file.is_file()}
    said = []
    assert place(release, work, said.append) == 0
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in work.rglob("*") if file.is_file()} == before
    assert said == []


def test_an_untouched_notebook_is_replaced_by_a_newer_release(tmp_path):
    release, work = write_release(tmp_path / "release"), tmp_path / "work"
    place(release, work)
    write_release(release, first=newer())
    place(release, work)
    assert (work / LESSON / "1_first.ipynb").read_bytes() == dump(newer())
    assert not (work / LESSON / "backups").exists()


def test_a_written_notebook_is_merged_and_kept_as_it_was_in_backups(tmp_path):
    release, work = write_release(tmp_path / "release"), tmp_path / "work"
    place(release, work)
    file = work / LESSON / "1_first.ipynb"
    fill_in(file, double=SOLVED_DOUBLE)
    before = file.read_bytes()
    write_release(release, first=newer())
    said = []
    place(release, work, said.append)
    (backup,) = (work / LESSON / "backups").iterdir()
    assert backup.read_bytes() == before
    text = "\n".join(said)
    assert "1 answer carried over" in text and f"backups/{backup.name}" in text
    merged_notebook = json.loads(file.read_bytes())
    assert SOLVED_DOUBLE in ["".join(each["source"]) for each in merged_notebook["cells"]]
    assert "number = 22" in ["".join(each["source"]) for each in merged_notebook["cells"]]


@pytest.mark.parametrize("damage", ["lost", "broken"])
def test_a_lost_memory_costs_no_work(tmp_path, damage):
    release, work = write_release(tmp_path / "release"), tmp_path / "work"
    place(release, work)
    file = work / LESSON / "1_first.ipynb"
    fill_in(file, double=SOLVED_DOUBLE)
    before = file.read_bytes()
    if damage == "lost":
        record_file(work).unlink()
    else:
        record_file(work).write_text("{broken")
    place(release, work)
    assert SOLVED_DOUBLE.encode().replace(b"\n", b"\\n") in file.read_bytes()
    assert [backup.read_bytes() for backup in (work / LESSON / "backups").iterdir()] == [before]


def test_a_file_that_is_no_notebook_and_was_changed_is_kept(tmp_path):
    release, work = write_release(tmp_path / "release"), tmp_path / "work"
    data = release / LESSON / "small.csv"
    data.write_text("a\n1\n")
    place(release, work)
    (work / LESSON / "small.csv").write_text("mine\n")
    data.write_text("a\n2\n")
    said = []
    place(release, work, said.append)
    assert (work / LESSON / "small.csv").read_text() == "mine\n"
    assert (work / LESSON / "small (new).csv").read_text() == "a\n2\n"
    assert any("small (new).csv" in line for line in said)


def test_stopped_at_any_write_nothing_is_lost(tmp_path, monkeypatch):
    release = write_release(tmp_path / "release")
    write_release(tmp_path / "newer", first=newer())
    original = Path.replace
    stopped_at_end = 0
    for stop_at in range(6):
        work = tmp_path / f"work-{stop_at}"
        monkeypatch.setattr(Path, "replace", original)
        place(release, work)
        file = work / LESSON / "1_first.ipynb"
        fill_in(file, double=SOLVED_DOUBLE)
        calls = []

        def stopping(self, target, calls=calls, stop_at=stop_at):
            if len(calls) == stop_at:
                raise KeyboardInterrupt
            calls.append(target)
            return original(self, target)

        monkeypatch.setattr(Path, "replace", stopping)
        try:
            place(tmp_path / "newer", work)
            stopped_at_end += 1
        except KeyboardInterrupt:
            assert SOLVED_DOUBLE.encode().replace(b"\n", b"\\n") in file.read_bytes()
        monkeypatch.setattr(Path, "replace", original)
        place(tmp_path / "newer", work)
        found = sources(json.loads(file.read_bytes()))
        assert found.count(SOLVED_DOUBLE) == 1 and "number = 22" in found and len(found) == 5
        assert not list(work.rglob("*.part"))
    assert stopped_at_end >= 1, "the last rounds must get through, or the first ones prove nothing"


def test_a_lesson_that_is_not_there_is_said(tmp_path):
    with pytest.raises(CourseError, match="no lesson"):
        place(tmp_path, tmp_path / "work")


def test_what_the_system_leaves_in_a_release_is_not_placed(tmp_path):
    release, work = write_release(tmp_path / "release"), tmp_path / "work"
    (release / LESSON / ".ipynb_checkpoints").mkdir()
    (release / LESSON / ".ipynb_checkpoints" / "1_first-checkpoint.ipynb").write_text("{}")
    place(release, work)
    assert sorted(read_record(work)[LESSON]) == ["1_first.ipynb", "2_second.ipynb"]


def test_a_specimen_answer_is_what_the_tests_think_it_is():
    assert parse_notebook(dump(notebook(answer("double", DOUBLE))))["cells"][0]["metadata"]["nbgrader"]["solution"]
