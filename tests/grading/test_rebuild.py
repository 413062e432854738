"""What is graded is our notebook with the student's words in it, whatever the student's file looks like."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbgrader import utils as nbgrader_utils
from nbgrader.nbgraderformat import MetadataValidator
from rebuild_specimen import (
    ANSWERS,
    SOLVED,
    STUB,
    STUBS,
    answers_of,
    by_id,
    cell,
    dump,
    graded,
    insert_after,
    place_of,
    plain,
    release,
    solved,
    source,
    texts,
)

from course.grading.reading import Received
from course.grading.rebuild import rebuild
from course.grading.records import Rebuilt

LESSON = "01_what_is_mlops"


def assert_sound(rebuilt: Rebuilt) -> None:
    """A valid notebook of nbformat and nbgrader, with exactly our graded cells, in order, with our points."""
    notebook = nbformat.from_dict(json.loads(json.dumps(rebuilt.notebook)))
    nbformat.validate(notebook, relax_add_props=False)
    MetadataValidator().validate_nb(notebook)
    nbformat.writes(notebook).encode("utf-8")
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert len({each.id for each in notebook.cells}) == len(notebook.cells) == len(rebuilt.cells)
    marked = [each.metadata.nbgrader for each in notebook.cells if "nbgrader" in each.metadata]
    wanted = [each["metadata"]["nbgrader"] for each in source()["cells"] if "nbgrader" in each["metadata"]]
    for key in ("grade_id", "grade", "solution", "locked", "task", "points", "cell_type"):
        assert [each.get(key) for each in marked] == [each.get(key) for each in wanted], key
    for record, each in zip(rebuilt.cells, notebook.cells, strict=True):
        assert record.source == each.source
        assert record.is_code == (each.cell_type == "code")
        assert not each.get("outputs") and each.get("execution_count") is None
        ours = "nbgrader" in each.metadata or each.id in {c["id"] for c in source()["cells"]}
        assert ours or not each.metadata
    ours = [each for each in rebuilt.cells if each.role not in ("added", "text", "answer", "written")]
    given = [each["source"] for each in source()["cells"] if each["id"] not in ANSWERS and each["cell_type"] == "code"]
    assert [each.source for each in ours] == given
    assert all(note and note.isprintable() for note in (*rebuilt.notes, rebuilt.unreadable or "-"))


GOOD = answers_of(graded(solved()))


# --- Our notebook -------------------------------------------------------------------------------------------


def test_every_cell_is_ours_in_order_with_its_role_points_and_hint():
    rebuilt = graded(solved())
    assert_sound(rebuilt)
    assert [(each.name, each.role, each.points) for each in rebuilt.cells] == [
        ("text 1", "text", 0),
        ("set-up 2", "set-up", 0),
        ("double", "answer", 0),
        ("double-21", "tests", 2),
        ("given", "set-up", 0),
        ("triple", "answer", 0),
        ("triple-7", "tests", 3),
        ("why", "written", 4),
        ("record", "written", 1),
        ("essay", "written", 5),
        ("lab 11", "lab", 0),
        ("lab 12", "lab", 0),
        ("text 13", "text", 0),
    ]
    assert rebuilt.cells[3].hint == "Try a larger number."
    assert "7309" in rebuilt.cells[3].source
    assert rebuilt.notes == () and rebuilt.unreadable == ""


def test_answers_and_written_cells_are_the_students():
    assert GOOD == {
        "double": SOLVED,
        "triple": "def triple(n):\n    return 3 * n",
        "why": "Since 2 = 1 + 1.",
        "record": "record = {'who': 'me'}",
        "essay": "Do research.\n\nI did.",
    }


def test_what_the_reference_binds_is_taken_from_the_student():
    assert graded(solved()).student_names == {"double", "triple", "record"}


def test_an_untouched_notebook_is_the_stubs_without_a_remark():
    rebuilt = graded(release())
    assert answers_of(rebuilt) == {each: STUBS.get(each, "Do research.") for each in ANSWERS}
    assert rebuilt.notes == ()


def test_nbgrader_sees_what_was_touched_by_the_checksum_of_the_stub():
    for submission, touched in ((release(), False), (solved(), True)):
        notebook = nbformat.from_dict(graded(submission).notebook)
        for each in notebook.cells:
            if not nbgrader_utils.is_solution(each):
                continue
            same = each.metadata.nbgrader.checksum == nbgrader_utils.compute_checksum(each)
            assert same != touched, each.id
            if nbgrader_utils.is_grade(each):
                assert (nbgrader_utils.determine_grade(each)[0] is None) == touched


def test_the_checksum_of_what_a_student_must_not_change_is_that_of_the_source():
    for each in nbformat.from_dict(graded(solved()).notebook).cells:
        if nbgrader_utils.is_locked(each):
            assert each.metadata.nbgrader.checksum == nbgrader_utils.compute_checksum(each)


def test_without_a_release_the_stubs_are_what_nbgrader_makes():
    rebuilt = rebuild("hw1", source(), None, Received(dump({"cells": [plain("x")], "nbformat": 4})))
    assert answers_of(rebuilt)["double"] == f"def double(number):\n    # YOUR CODE HERE\n    {STUB}"
    assert answers_of(rebuilt)["why"] == "YOUR ANSWER HERE"


def test_a_task_that_is_locked_shows_the_source_with_what_the_student_wrote_behind_it():
    ours = source()
    by_id(ours, "essay")["metadata"]["nbgrader"]["locked"] = True
    by_id(ours, "essay")["source"] += "\n### BEGIN MARK SCHEME\nOne point.\n### END MARK SCHEME"
    rebuilt = rebuild("hw1", ours, release(), Received(dump(solved())))
    place = [each.name for each in rebuilt.cells].index("essay")
    assert "One point." in rebuilt.cells[place].source
    assert rebuilt.cells[place + 1].source == "Do research.\n\nI did."


def test_old_metadata_of_nbgrader_in_the_source_is_brought_up_to_date():
    ours = source()
    for each in ours["cells"]:
        if grading := each["metadata"].get("nbgrader"):
            del grading["schema_version"], grading["cell_type"]
            if not grading["task"]:
                del grading["task"]
    assert_sound(rebuild("hw1", ours, release(), Received(dump(solved()))))


def test_a_source_that_names_two_cells_alike_is_refused():
    ours = insert_after(source(), "double", by_id(source(), "double"))
    with pytest.raises(ValueError, match="same grade id: double"):
        rebuild("hw1", ours, None, None)


# --- Cells that the student added or changed ----------------------------------------------------------------


def test_added_cells_stay_in_place_as_plain_code_and_text():
    student = solved()
    own = plain("helper = 1")
    own["metadata"] = {"tags": ["raises-exception", "lab"], "nbgrader": {"grade": True, "points": 99}}
    insert_after(student, "double", own, plain("My *thoughts*", "markdown", "m"), plain("raw", "raw", "r"))
    student["cells"].insert(0, plain("first = 0", cell_id="f"))
    rebuilt = graded(student)
    assert_sound(rebuilt)
    assert texts(rebuilt)[0] == "first = 0"
    assert texts(rebuilt)[4:7] == ["helper = 1", "My *thoughts*", "raw"]
    assert [each.role for each in rebuilt.cells[3:8]] == ["answer", "added", "text", "text", "tests"]
    assert rebuilt.cells[4].name == "added 5"
    assert answers_of(rebuilt) == GOOD and rebuilt.notes == ()


def test_an_edited_copy_of_our_cell_runs_right_after_ours():
    for keep_ids in (True, False):
        student = solved()
        by_id(student, "set-up")["source"] = "import math\nimport json\nnumber = 22"
        if not keep_ids:
            for each in student["cells"]:
                del each["id"]
        rebuilt = graded(student)
        assert_sound(rebuilt)
        assert texts(rebuilt)[1:3] == ["import math\nnumber = 21", "import math\nimport json\nnumber = 22"]
        assert rebuilt.cells[2].role == "added"
        assert len(rebuilt.cells) == len(source()["cells"]) + 1


def test_unmodified_copies_of_our_cells_are_not_doubled_when_ids_are_new_or_missing():
    for change in (lambda number, each: each.pop("id"), lambda number, each: each.update(id=f"new-{number}")):
        student = solved()
        for number, each in enumerate(student["cells"]):
            change(number, each)
        rebuilt = graded(student)
        assert answers_of(rebuilt) == GOOD
        assert len(rebuilt.cells) == len(source()["cells"])


def test_white_space_at_the_ends_of_lines_makes_no_other_cell():
    student = solved()
    by_id(student, "set-up")["source"] = "\nimport math  \nnumber = 21\n\n"
    assert len(graded(student).cells) == len(source()["cells"])


def test_set_up_that_the_student_runs_again_runs_again():
    student = insert_after(solved(), "triple", plain("import math\nnumber = 21"))
    assert texts(graded(student)).count("import math\nnumber = 21") == 2
    for each in student["cells"]:
        del each["id"]
    assert texts(graded(student)).count("import math\nnumber = 21") == 2


def test_a_copied_test_cell_and_an_empty_cell_are_left_out():
    student = insert_after(solved(), "triple", by_id(release(), "double-21"), plain(" \n"), plain(STUBS["double-21"]))
    rebuilt = graded(student)
    assert len(rebuilt.cells) == len(source()["cells"]) and rebuilt.notes == ()


def test_a_helper_stays_before_the_tests_even_when_the_tests_cell_was_deleted():
    student = insert_after(solved(), "double", plain("helper = 1"))
    student["cells"].remove(by_id(student, "double-21"))
    found = texts(graded(student))
    assert found.index(SOLVED) < found.index("helper = 1") < found.index(by_id(source(), "double-21")["source"])


def test_cells_in_another_order_come_back_in_ours():
    student = solved()
    student["cells"].reverse()
    rebuilt = graded(student)
    assert_sound(rebuilt)
    assert answers_of(rebuilt) == GOOD and len(rebuilt.cells) == len(source()["cells"])


# --- Missing, doubled, changed ------------------------------------------------------------------------------


def test_a_missing_answer_is_the_stub_and_is_noted():
    student = solved()
    student["cells"].remove(by_id(student, "double"))
    rebuilt = graded(student)
    assert_sound(rebuilt)
    assert answers_of(rebuilt)["double"] == STUBS["double"]
    assert any("double is missing" in note for note in rebuilt.notes)


def test_missing_tests_set_up_and_text_come_back():
    student = solved()
    for each in ("double-21", "set-up", "given", "title", "look"):
        student["cells"].remove(by_id(student, each))
    rebuilt = graded(student)
    assert_sound(rebuilt)
    assert answers_of(rebuilt) == GOOD and rebuilt.notes == ()


@pytest.mark.parametrize("order", ["stub first", "stub last"])
def test_of_doubled_answers_the_one_that_was_written_in_counts(order):
    student = insert_after(solved(), "double", by_id(release(), "double"))
    if order == "stub first":
        place = place_of(student, "double")
        student["cells"][place : place + 2] = student["cells"][place : place + 2][::-1]
    rebuilt = graded(student)
    assert answers_of(rebuilt) == GOOD
    assert len(rebuilt.cells) == len(source()["cells"]) and rebuilt.notes == ()


def test_of_several_written_answers_the_last_counts_and_the_others_run_before_it():
    student = solved()
    split = by_id(solved(), "double") | {"source": "def helper(n):\n    return n + n"}
    last = by_id(solved(), "double") | {"source": "def double(n):\n    return helper(n)"}
    student["cells"][2:3] = [split, split, last]
    rebuilt = graded(student)
    assert_sound(rebuilt)
    assert texts(rebuilt)[2:4] == [split["source"], last["source"]]
    assert [each.role for each in rebuilt.cells[2:5]] == ["added", "answer", "tests"]
    assert any("2 times" in note and "last one counts" in note for note in rebuilt.notes)


def test_a_copy_that_was_turned_into_text_does_not_count_beside_the_code():
    aside = cell("raw", "double", "def double(n): old", solution=True)
    rebuilt = graded(insert_after(solved(), "double", aside))
    assert answers_of(rebuilt) == GOOD


@pytest.mark.parametrize("kind", ["markdown", "raw", "heading-of-sorts"])
def test_an_answer_of_another_type_is_taken_as_code(kind):
    student = solved()
    by_id(student, "double")["cell_type"] = kind
    rebuilt = graded(student)
    assert_sound(rebuilt)
    assert answers_of(rebuilt) == GOOD


def test_a_written_answer_as_code_is_taken_as_text():
    student = solved()
    by_id(student, "why")["cell_type"] = "code"
    rebuilt = graded(student)
    assert_sound(rebuilt)
    assert answers_of(rebuilt) == GOOD and any("why was no text cell" in note for note in rebuilt.notes)


def test_tags_metadata_locks_points_outputs_and_time_stamps_have_no_effect():
    student = solved()
    forged = {"output_type": "execute_result", "data": {"text/plain": "99"}, "metadata": {}, "execution_count": 1}
    for each in student["cells"]:
        forged_roles = {"points": 99, "locked": False, "grade": False, "solution": True, "schema_version": 1, "x": 1}
        each["metadata"].setdefault("nbgrader", {}).update(forged_roles)
        each["metadata"] |= {"tags": ["lab"], "deletable": True, "timestamp": "1999"}
        each["outputs"], each["execution_count"] = [forged], 9
    student["metadata"] = {"kernelspec": {"name": "bash", "language": "bash"}, "timestamp": "1999-01-01"}
    rebuilt = graded(student)
    assert_sound(rebuilt)
    assert rebuilt == graded(solved())


def test_a_changed_test_and_a_changed_read_only_cell_do_not_count():
    student = solved()
    by_id(student, "double-21")["source"] = "pass"
    by_id(student, "given")["source"] = "factor = 4"
    rebuilt = graded(student)
    assert_sound(rebuilt)
    assert "pass" not in texts(rebuilt) and "factor = 4" not in texts(rebuilt)
    assert sum("Ours counts" in note for note in rebuilt.notes) == 2


def test_a_copied_test_to_try_things_out_in_stays_as_a_cell_of_the_students():
    trying = by_id(release(), "double-21") | {"source": "double(5)"}
    rebuilt = graded(insert_after(solved(), "double-21", trying))
    assert_sound(rebuilt)
    assert [each.role for each in rebuilt.cells if each.source == "double(5)"] == ["added"]


def test_answers_that_lost_all_their_marks_are_known_by_what_they_define_or_where_they_stand():
    student = solved()
    for number, each in enumerate(student["cells"]):
        each["metadata"], each["id"] = {}, f"new-{number}"
    rebuilt = graded(student)
    assert_sound(rebuilt)
    found = answers_of(rebuilt)
    assert {each: found[each] for each in ("double", "why", "record", "triple")} == {
        each: GOOD[each] for each in ("double", "why", "record", "triple")
    }
    assert len(rebuilt.notes) >= 3


def test_where_two_lost_answers_define_the_same_name_none_is_guessed():
    ours = source()
    by_id(ours, "triple")["source"] = "def double(number):\n    return 3 * number"
    untouched = release()
    by_id(untouched, "triple")["source"] = STUBS["double"]
    student = {"cells": [plain("import math\nnumber = 21", cell_id="set-up"), plain(SOLVED)], "nbformat": 4}
    rebuilt = rebuild("hw1", ours, untouched, Received(dump(student)))
    assert [each.role for each in rebuilt.cells if each.source == SOLVED] == ["added"]


def test_a_written_answer_in_a_cell_of_its_own_reaches_the_person_who_marks():
    student = solved()
    by_id(student, "why")["source"] = STUBS["why"]
    insert_after(student, "why", plain("Since 2 = 1 + 1.", "markdown"))
    rebuilt = graded(student)
    assert answers_of(rebuilt) == GOOD
    assert len(rebuilt.cells) == len(source()["cells"])
    assert any("cell of its own" in note for note in rebuilt.notes)


def test_text_behind_a_task_stays_behind_it():
    student = solved()
    by_id(student, "essay")["source"] = "Do research."
    insert_after(student, "essay", plain("I did.", "markdown"))
    found = texts(graded(student))
    assert found[9:11] == ["Do research.", "I did."]


def test_pictures_in_written_answers_and_own_text_stay_and_nothing_else_of_attachments():
    student = solved()
    good = {"image/png": "iVBORw0KGgo="}
    by_id(student, "why")["attachments"] = {
        "a.png": good,
        "b.svg": {"image/svg+xml": "PHN2Zy8+"},
        "c": 3,
        "d": {"x": 1},
    }
    insert_after(student, "why", plain("See.", "markdown") | {"attachments": {"e.png": good | {"text/html": "<b>"}}})
    rebuilt = graded(student)
    assert_sound(rebuilt)
    found = [each.get("attachments") for each in rebuilt.notebook["cells"] if each.get("attachments")]
    assert found == [{"a.png": good}, {"e.png": good}]


def test_cell_ids_of_the_student_never_survive():
    student = insert_after(solved(), "double", plain("x = 1", cell_id="double-21"), plain("y = 1", cell_id="evil"))
    rebuilt = graded(student)
    assert_sound(rebuilt)
    assert "evil" not in [each["id"] for each in rebuilt.notebook["cells"]]


def test_magics_stay_as_they_are():
    for text in ("%%script bash\necho", "%%writefile a.py\nx = 1", "%timeit 1\n!ls\ndouble?"):
        rebuilt = graded(insert_after(solved(), "double", plain(text)))
        assert text in texts(rebuilt)


# --- Broken files -------------------------------------------------------------------------------------------


def as_version_3(notebook: dict[str, Any]) -> dict[str, Any]:
    cells = []
    for each in copy.deepcopy(notebook["cells"]):
        del each["id"]
        if each["cell_type"] == "code":
            each |= {"input": each.pop("source"), "prompt_number": each.pop("execution_count"), "language": "python"}
            each["outputs"] = []
        cells.append(each)
    return {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]}


def as_version_1(notebook: dict[str, Any]) -> dict[str, Any]:
    def old(each: dict[str, Any]) -> dict[str, Any]:
        kind, key = ("code", "code") if each["cell_type"] == "code" else ("text", "text")
        return {"cell_type": kind, key: each["source"], "metadata": each["metadata"]}

    return {"nbformat": 1, "cells": [old(each) for each in notebook["cells"]]}


def with_lines(notebook: dict[str, Any]) -> dict[str, Any]:
    for each in notebook["cells"]:
        each["source"] = each["source"].splitlines(keepends=True)
    return notebook


REPAIRED = {
    "a list of lines": dump(with_lines(solved())),
    "byte order mark": b"\xef\xbb\xbf" + dump(solved()),
    "utf-16": json.dumps(solved()).encode("utf-16"),
    "utf-16 without a mark": json.dumps(solved()).encode("utf-16-le"),
    "utf-32": json.dumps(solved()).encode("utf-32"),
    "CRLF around": json.dumps(solved(), indent=1).replace("\n", "\r\n").encode(),
    "CRLF inside": dump(solved()).replace(b"\\n", b"\\r\\n"),
    "CR inside": dump(solved()).replace(b"\\n", b"\\r"),
    "NUL bytes": b"{\0" + dump(solved())[1:].replace(b"double", b"dou\0ble") + b"\0\0",
    "NUL characters": dump(solved()).replace(b"number", b"num\\u0000ber"),
    "version 3": dump(as_version_3(solved())),
    "version 2": dump(as_version_3(solved()) | {"nbformat": 2}),
    "version 1": dump(as_version_1(solved())),
    "unknown version": dump(solved() | {"nbformat": 99}),
    "version of a wrong type": dump(solved() | {"nbformat": [4]}),
    "no version": dump({"cells": solved()["cells"]}),
    "something behind the end": dump(solved()) + b"\n}]garbage",
    "white space around": b"\n\n  " + dump(solved()) + b"\n\n",
    "giant integer": dump(solved())[:-1] + b', "big": ' + b"9" * 100_000 + b"}",
    "not a number": dump(solved())[:-1] + b', "n": [NaN, Infinity, 1e999]}',
    "metadata a string": dump(solved() | {"metadata": "x"}),
    "real tabs in text": dump(solved())[:-1] + b', "n": "\t\n"}',
    "cells of wrong types": dump(solved() | {"cells": [3, None, "x", [], *solved()["cells"], True]}),
    "giant text": dump(solved() | {"cells": [*solved()["cells"], plain("x" * 2_000_000)]}),
}
SILENT = {"a list of lines", "byte order mark", "CRLF around", "CRLF inside", "CR inside", "white space around"}
SILENT |= {"giant integer", "not a number", "metadata a string", "real tabs in text"}


@pytest.mark.parametrize("way", REPAIRED)
def test_a_file_that_can_be_repaired_keeps_its_answers_and_says_what_was_done(way):
    rebuilt = graded(REPAIRED[way])
    assert_sound(rebuilt)
    assert answers_of(rebuilt) == GOOD
    assert rebuilt.unreadable == ""
    assert bool(rebuilt.notes) == (way not in SILENT), rebuilt.notes


def test_latin_1_keeps_its_accents_and_a_single_bad_byte_spoils_no_others():
    student = solved()
    by_id(student, "why")["source"] = "Détaillé – voilà"
    text = json.dumps(student, ensure_ascii=False)
    assert answers_of(graded(text.encode("cp1252")))["why"] == "Détaillé – voilà"
    mixed = text.encode().replace("voilà".encode(), "voilà".encode("latin-1"))
    rebuilt = graded(mixed)
    assert answers_of(rebuilt)["why"] == "Détaillé – voilà"
    assert any("UTF-8" in note for note in rebuilt.notes)


def test_lone_surrogates_are_replaced_and_noted():
    student = insert_after(solved(), "double", plain("x = '\ud800'"))
    by_id(student, "why")["source"] = "half \udc00 of a pair, and a whole one: \U0001f600"
    rebuilt = graded(student)
    assert_sound(rebuilt)
    assert answers_of(rebuilt)["why"] == "half � of a pair, and a whole one: \U0001f600"
    assert any("broken characters" in note for note in rebuilt.notes)


def test_version_3_is_read_as_nbformat_reads_it():
    old = as_version_3(solved())
    old["worksheets"].append({"cells": [{"cell_type": "heading", "level": 2, "source": "More\nof it", "metadata": {}}]})
    theirs = nbformat.reads(json.dumps(old), as_version=4)
    mine = graded(old)
    assert [each.source for each in theirs.cells if each.source not in texts(mine)] == [STUBS["double-21"]]
    assert "## More of it" in texts(mine)


WRONG_SOURCES: list[Any] = [None, 3, {}, {"a": "b"}, [1, None], [["x"]], True, 1.5]


@pytest.mark.parametrize("wrong", WRONG_SOURCES, ids=repr)
def test_an_answer_whose_text_is_no_text_is_the_stub(wrong):
    student = solved()
    by_id(student, "double")["source"] = wrong
    rebuilt = graded(student)
    assert_sound(rebuilt)
    assert answers_of(rebuilt) == GOOD | {"double": STUBS["double"]}
    assert any("Cell 3" in note for note in rebuilt.notes)


@pytest.mark.parametrize("wrong", [None, 3, "x", [], [[]], True], ids=repr)
def test_metadata_of_wrong_types_costs_nothing_where_ids_are_left(wrong):
    for spoil in ("metadata", "nbgrader", "grade_id", "attachments", "id", "outputs"):
        student = solved()
        for each in student["cells"]:
            if spoil == "nbgrader":
                each["metadata"]["nbgrader"] = wrong
            elif spoil == "grade_id":
                each["metadata"]["nbgrader"] = {"grade_id": wrong}
            else:
                each[spoil] = wrong
        rebuilt = graded(student)
        assert_sound(rebuilt)
        assert answers_of(rebuilt) == GOOD, spoil


REFUSED = {
    "empty": (b"", "empty"),
    "white space": (b" \n\t\0", "empty"),
    "truncated": (dump(solved())[:-200], "ends in the middle"),
    "truncated in a string": (dump(solved())[:150], "ends in the middle"),
    "damaged": (dump(solved()).replace(b'"cells":', b'"cells"', 1), "damaged at line 1"),
    "merge conflict": (b"<<<<<<< HEAD\n" + dump(solved()) + b"\n=======\n>>>>>>> x\n", "merge"),
    "a script": (b"def double(n):\n    return 2 * n\n", "not a notebook"),
    "a web page": (b"<!DOCTYPE html><html></html>", "a web page"),
    "an archive": (b"PK\x03\x04....", "a zip archive"),
    "noise": (bytes(range(1, 256)) * 20, "not a notebook"),
    "a list": (b"[]", "no list of cells"),
    "a number": (b"17", "no list of cells"),
    "null": (b"null", "no list of cells"),
    "no cells": (dump({"nbformat": 4, "metadata": {}}), "no list of cells"),
    "cells an object": (dump(solved() | {"cells": {"0": {}}}), "no list of cells"),
    "cells empty": (dump(solved() | {"cells": []}), "No cell of hw1"),
    "another notebook": (dump({"cells": [plain("import os")], "nbformat": 4}), "No cell of hw1"),
    "deeply nested": (b'{"cells":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    "deeply nested objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
    "many parts": (b'{"cells":[' + b"[]," * 1_100_000 + b"[]]}", "too many parts"),
    "50 MB": (dump(solved()) + b" " * (50 * 2**20), "too big"),
}


@pytest.mark.parametrize("way", REFUSED)
def test_a_file_that_holds_nothing_for_us_gets_a_reason_and_the_untouched_release(way):
    raw, reason = REFUSED[way]
    rebuilt = graded(raw)
    assert_sound(rebuilt)
    assert reason in rebuilt.unreadable
    assert texts(rebuilt) == texts(graded(release()))


def test_no_file_at_all_says_why():
    assert rebuild("hw1", source(), release(), Received(reason="It is a folder.")).unreadable == "It is a folder."
    assert "no hw1.ipynb" in rebuild("hw1", source(), release(), None).unreadable


def test_three_thousand_cells_get_a_verdict():
    student = solved()
    student["cells"] += [plain(f"x{number} = {number}", cell_id=f"n{number}") for number in range(3000)]
    rebuilt = graded(student)
    assert_sound(rebuilt)
    assert answers_of(rebuilt) == GOOD
    assert len(rebuilt.cells) == 1000 + len(source()["cells"])
    assert any("more than 1000 cells" in note for note in rebuilt.notes)


def test_a_file_of_nothing_but_damage_is_read_quickly():
    began = time.process_time()
    graded(b'{"nbformat": 4, "cells": ["' + b"\xff" * 10_000_000 + b'"]}')
    assert time.process_time() - began < 5


def test_notes_are_few_and_short_whatever_the_file_says():
    student = solved()
    student["cells"] += [{"cell_type": "code", "source": {"x" * 5000: number}} for number in range(4000)]
    rebuilt = graded(student)
    assert len(rebuilt.notes) < 10 and all(len(note) <= 400 for note in rebuilt.notes)


# --- The true lesson ----------------------------------------------------------------------------------------


def sections(root):
    return sorted((root / "source" / LESSON).glob("*.ipynb"))


def test_an_untouched_lesson_is_its_release_with_our_tests_in_it(root):
    for file in sections(root):
        ours = json.loads(file.read_bytes())
        raw = (root / "release" / LESSON / file.name).read_bytes()
        rebuilt = rebuild(file.stem, ours, json.loads(raw), Received(raw))
        stubs = {each["id"]: each for each in json.loads(raw)["cells"]}
        assert rebuilt.notes == () and rebuilt.unreadable == ""
        for record, each, cell_of_source in zip(rebuilt.cells, rebuilt.notebook["cells"], ours["cells"], strict=True):
            is_stub = record.role in ("answer", "written")
            wanted = stubs[each["id"]] if is_stub else cell_of_source
            assert record.source == "".join(wanted["source"])
            if is_stub:
                assert each["metadata"]["nbgrader"] == stubs[each["id"]]["metadata"]["nbgrader"]
        roles = {each["id"]: each["metadata"].get("course", {}).get("role") for each in ours["cells"]}
        tags = {each["id"]: each["metadata"].get("tags", []) for each in ours["cells"]}
        for record, each in zip(rebuilt.cells, rebuilt.notebook["cells"], strict=True):
            wanted = "lab" if "self-check" in tags[each["id"]] else roles[each["id"]]
            assert wanted in (record.role, None), each["id"]


def test_a_lesson_with_the_reference_answers_is_its_source(root):
    for file in sections(root):
        ours = json.loads(file.read_bytes())
        untouched = json.loads((root / "release" / LESSON / file.name).read_bytes())
        rebuilt = rebuild(file.stem, ours, untouched, Received(file.read_bytes()))
        assert texts(rebuilt) == ["".join(each["source"]) for each in ours["cells"]]
        assert rebuilt.notes == ()
        assert rebuilt.student_names


# --- Anything at all ----------------------------------------------------------------------------------------

WORDS = st.sampled_from(["double", "triple", "why", "title", "", "cells", "\ud800", "\0", "évil", "x" * 300])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


def spots(value: Any, path: tuple = ()) -> list[tuple]:
    """Every place in a piece of JSON."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(spot for key, inner in pairs for spot in spots(inner, (*path, key)))]


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A student's notebook file after accidents with its structure, its bytes, or both."""
    notebook: Any = draw(st.sampled_from([solved, release, lambda: as_version_3(solved())]))()
    for _ in range(draw(st.integers(0, 6))):
        path = draw(st.sampled_from(spots(notebook)))
        if not path:
            if draw(st.integers(0, 9)) == 0:
                notebook = draw(JUNK)
            continue
        *way, key = path
        holder = notebook
        for step in way:
            holder = holder[step]
        accident = draw(st.sampled_from(["replace", "remove", "double", "swap", "rename"]))
        other = draw(st.sampled_from(list(holder) if isinstance(holder, dict) else range(len(holder))))
        if accident == "replace":
            holder[key] = draw(JUNK)
        elif accident == "remove":
            del holder[key]
        elif accident == "double" and isinstance(holder, list):
            holder.insert(other, copy.deepcopy(holder[key]))
        elif accident == "swap":
            holder[key], holder[other] = holder[other], holder[key]
        elif isinstance(holder, dict):
            holder[draw(WORDS)] = holder.pop(key)
    ascii_only = draw(st.booleans())
    text = json.dumps(notebook, ensure_ascii=ascii_only, skipkeys=True)
    encoding = draw(st.sampled_from(["utf-8"] * 6 + ["utf-8-sig", "utf-16", "utf-16-le", "latin-1", "utf-32"]))
    raw = bytearray(text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace"))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2, 5]))):
        start = draw(st.integers(0, len(raw)))
        length = draw(st.sampled_from([0, 1, 1, 2, 50, 5000]))
        raw[start : start + length] = draw(st.binary(max_size=4) | st.sampled_from([b'"', b"\\u", b"{", b"]", b"\0"]))
    return bytes(raw)


def check_anything(raw: bytes) -> None:
    rebuilt = graded(raw)
    assert_sound(rebuilt)
    if rebuilt.unreadable:
        assert texts(rebuilt) == texts(graded(release()))


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@settings(max_examples=300, deadline=None, suppress_health_check=QUIET, database=None, derandomize=True)
@given(mangled())
def test_whatever_arrives_the_notebook_is_ours(raw):
    check_anything(raw)


@pytest.mark.long
@settings(max_examples=2000, deadline=None, suppress_health_check=QUIET, database=None)
@given(mangled())
def test_whatever_arrives_the_notebook_is_ours_for_long(raw):
    check_anything(raw)


@settings(max_examples=100, deadline=None, suppress_health_check=QUIET, database=None, derandomize=True)
@given(st.binary(max_size=300) | JUNK.map(lambda value: json.dumps({"cells": value, "nbformat": 4}).encode()))
def test_noise_gets_a_verdict(raw):
    check_anything(raw)
