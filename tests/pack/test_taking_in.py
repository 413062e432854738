"""`course take-in`: zips, Moodle's and Canvas's downloads, and what hostile ones get."""

import argparse
import csv
import datetime
import io
import json
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest
from specimen_lesson import LESSON, SOLVED_DOUBLE, fill_in, write_release
from traitlets.config.loader import PyFileConfigLoader

import course
from course.errors import CourseError
from course.pack import archives, taking_in
from course.pack.placing import place
from course.pack.submitting import submit

NOW = datetime.datetime(2026, 11, 23, 12, 0, tzinfo=datetime.UTC)
CONFIG = """\
from course.pack.taking_in import COLLECTED_NAME
c = get_config()
c.CourseDirectory.course_id = "mlops"
c.FileNameCollectorPlugin.named_regexp = COLLECTED_NAME
"""


@pytest.fixture
def course_dir(tmp_path) -> Path:
    folder = tmp_path / "course"
    write_release(folder / "release")
    (folder / "nbgrader_config.py").write_text(CONFIG)
    return folder


@pytest.fixture
def no_nbgrader(monkeypatch):
    """Where the question is not nbgrader's: its command takes seconds."""
    monkeypatch.setattr(taking_in, "zip_collect", lambda course_dir, lesson: None)


def made_by(tmp_path: Path, name: str, minutes: int = 0, **answers: str) -> Path:
    """A zip as `course submit` makes it."""
    work = tmp_path / f"work-{name}-{minutes}"
    place(write_release(tmp_path / "release-of-students"), work, say=lambda line: None)
    fill_in(work / LESSON / "1_first.ipynb", **answers)
    made, _ = submit(work, LESSON, tmp_path / "out", name, now=NOW + datetime.timedelta(minutes=minutes))
    return made


def zipped(**files: bytes) -> bytes:
    return zipped_as({name.replace("__", "/"): content for name, content in files.items()})


def zipped_as(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def take(course_dir, *files, **how):
    taken, refused = taking_in.take_in(files, LESSON, course_dir, now=NOW + datetime.timedelta(days=1), **how)
    return {submission.student: submission for submission in taken}, refused


def roster_file(folder: Path, *rows: tuple[str, str, str, str]) -> Path:
    file = folder / "roster.csv"
    with file.open("w", newline="", encoding="utf-8-sig") as stream:
        csv.writer(stream).writerows([("id", "first_name", "last_name", "email"), *rows])
    return file


def test_zips_arrive_where_nbgrader_grades_them(course_dir, tmp_path):
    files = [made_by(tmp_path, "ada", double=SOLVED_DOUBLE), made_by(tmp_path, "mary-ann_b")]
    taken, refused = take(course_dir, *files)
    assert sorted(taken) == ["ada", "mary-ann_b"] and refused == []
    arrived = course_dir / "submitted" / "ada" / LESSON
    assert sorted(file.name for file in arrived.iterdir()) == ["1_first.ipynb", "2_second.ipynb", "timestamp.txt"]
    with zipfile.ZipFile(files[0]) as archive:
        assert (arrived / "1_first.ipynb").read_bytes() == archive.read("1_first.ipynb")
    assert (arrived / "timestamp.txt").read_text() == "2026-11-23 12:00:00"

    # A later one of one student, and an earlier one that comes late.
    later, earlier = made_by(tmp_path, "ada", 30), made_by(tmp_path, "ada", -30)
    take(course_dir, later, earlier)
    assert (arrived / "timestamp.txt").read_text() == "2026-11-23 12:30:00"
    kept = {file.read_bytes() for file in (course_dir / "downloaded" / LESSON / "received").iterdir()}
    assert {file.read_bytes() for file in (files[0], later, earlier)} <= kept
    assert (course_dir / "submitted" / "mary-ann_b" / LESSON / "1_first.ipynb").is_file()


def test_the_courses_own_configuration_collects_what_take_in_leaves():
    config = PyFileConfigLoader("nbgrader_config.py", path=str(Path(course.__file__).parents[1])).load_config()
    assert config.FileNameCollectorPlugin.named_regexp == taking_in.COLLECTED_NAME


def test_an_earlier_submission_that_comes_late_is_kept_and_not_graded(course_dir, tmp_path, no_nbgrader):
    later, earlier = made_by(tmp_path, "ada", 30), made_by(tmp_path, "ada", -30)
    taken, _ = take(course_dir, later)
    assert taken["ada"].remarks == []
    taken, _ = take(course_dir, earlier)
    assert any("later one" in remark for remark in taken["ada"].remarks)
    folder = course_dir / "downloaded" / LESSON
    assert [file.name for file in (folder / "archive").iterdir()] == ["ada__20261123T123000Z.zip"]
    assert {f.read_bytes() for f in (folder / "received").iterdir()} == {later.read_bytes(), earlier.read_bytes()}


def test_where_nbgrader_collects_nothing_it_is_said_what_is_missing(course_dir, tmp_path, monkeypatch):
    # Without the line in nbgrader_config.py nbgrader warns, collects nothing, and ends as if all were well.
    said = "[ZipCollectApp | WARNING] Regular expression not provided for plugin."
    nothing = subprocess.CompletedProcess([], 0, "", said)
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **options: nothing)
    with pytest.raises(CourseError, match="did not collect the submissions of: ada") as problem:
        take(course_dir, made_by(tmp_path, "ada"))
    assert (
        said in str(problem.value) and "named_regexp" in str(problem.value) and "Nothing is lost" in str(problem.value)
    )


def test_a_newer_submission_through_the_exchange_is_not_overwritten(course_dir, tmp_path, no_nbgrader):
    there = course_dir / "submitted" / "ada" / LESSON
    there.mkdir(parents=True)
    (there / "1_first.ipynb").write_text("{}")
    (there / "timestamp.txt").write_text("2026-11-23 12:10:00.123456 UTC")
    take(course_dir, made_by(tmp_path, "ada", 5))
    archive = course_dir / "downloaded" / LESSON / "archive"
    assert list(archive.iterdir()) == []
    # An older one there makes room, and is kept.
    take(course_dir, made_by(tmp_path, "ada", 15))
    assert [file.name for file in archive.iterdir()] == ["ada__20261123T121500Z.zip"]
    assert (course_dir / "downloaded" / LESSON / "received" / "ada__20261123T121000Z__exchange.zip").is_file()


def test_moodles_bulk_download_is_taken_in(course_dir, tmp_path, no_nbgrader):
    inner = made_by(tmp_path, "jovyan").read_bytes()
    loose = (tmp_path / "release-of-students" / LESSON / "1_first.ipynb").read_bytes()
    bulk = tmp_path / "MLOPS-Lesson 1-4711.zip"
    bulk.write_bytes(
        zipped_as(
            {
                "José Pérez_12345_assignsubmission_file_/lesson.zip": inner,
                "Grace Hopper_12346_assignsubmission_file_/1_first.ipynb": loose,
                "Alan Turing_12347_assignsubmission_file_lesson.zip": inner,
                "Ann Onymous_12348_assignsubmission_file_/essay.docx": b"PK",
            }
        )
    )
    taken, refused = take(course_dir, bulk)
    assert sorted(taken) == ["Alan_Turing", "Grace_Hopper", "Jose_Perez"]
    assert sorted(taken["Jose_Perez"].notebooks) == ["1_first.ipynb", "2_second.ipynb"]
    assert any("missing: 2_second.ipynb" in remark for remark in taken["Grace_Hopper"].remarks)
    assert [(r.label.split("_")[0].split(" / ")[1], r.reason) for r in refused] == [
        ("Ann Onymous", "it is neither a zip nor a notebook")
    ]


def test_canvas_bulk_download_is_taken_in(course_dir, tmp_path, no_nbgrader):
    inner = made_by(tmp_path, "jovyan").read_bytes()
    bulk = tmp_path / "submissions.zip"
    bulk.write_bytes(
        zipped_as(
            {
                "lovelaceada_123_4567_01_specimen-ada-20261123T120000Z.zip": inner,
                "turingalan_LATE_124_4568_lesson-2.zip": inner,
                "hoppergrace_125_4569_1_first.ipynb": (
                    tmp_path / "release-of-students" / LESSON / "1_first.ipynb"
                ).read_bytes(),
            }
        )
    )
    roster = taking_in.read_roster(
        roster_file(
            tmp_path,
            ("al1", "Ada", "Lovelace", "ada@example.org"),
            ("at2", "Alan", "Turing", ""),
            ("gh3", "Grace", "Hopper", ""),
        )
    )
    taken, refused = take(course_dir, bulk, roster=roster)
    assert sorted(taken) == ["al1", "at2", "gh3"] and refused == []


def test_a_name_that_is_not_on_the_roster_is_refused_with_the_nearest_and_kept(course_dir, tmp_path, no_nbgrader):
    roster = taking_in.read_roster(roster_file(tmp_path, ("al1", "Ada", "Lovelace", "ada@example.org")))
    bulk = tmp_path / "bulk.zip"
    inner = made_by(tmp_path, "x").read_bytes()
    bulk.write_bytes(zipped_as({"Ada Lovelase_1_assignsubmission_file_/a.zip": inner}))
    taken, (refusal,) = take(course_dir, bulk, roster=roster)
    assert taken == {}
    assert "'Ada Lovelase' is not on the roster; the nearest is 'Ada Lovelace' (al1)" in refusal.reason
    kept = [file for file in (course_dir / "downloaded" / LESSON / "refused").iterdir() if file.suffix == ".zip"]
    assert [file.read_bytes() for file in kept] == [inner]


def test_a_single_zip_is_found_on_the_roster_by_id_and_by_email(course_dir, tmp_path, no_nbgrader):
    roster = taking_in.read_roster(
        roster_file(tmp_path, ("al1", "Ada", "Lovelace", "ada@example.org"), ("at2", "Alan", "Turing", "t@example.org"))
    )
    taken, refused = take(course_dir, made_by(tmp_path, "ada"), made_by(tmp_path, "AT2"), roster=roster)
    assert sorted(taken) == ["al1", "at2"] and refused == []


def test_two_people_of_one_name_are_not_mixed_up(course_dir, tmp_path, no_nbgrader):
    inner = made_by(tmp_path, "x").read_bytes()
    bulk = tmp_path / "bulk.zip"
    names = ["Kim Lee_1", "Kim Lee_2", "Ada Byron_3"]
    bulk.write_bytes(zipped_as({f"{name}_assignsubmission_file_/a.zip": inner for name in names}))
    taken, refused = take(course_dir, bulk)
    assert sorted(taken) == ["Ada_Byron"]
    assert len(refused) == 2 and all("same name" in refusal.reason for refusal in refused)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("id,first_name\n", "missing: last_name, email"),
        ("id,first_name,last_name,email\n../x,A,B,c\n", "line 2.*cannot be a student id"),
        ("id,first_name,last_name,email\nx,A,B,c\nx,D,E,f\n", "more than once: x"),
    ],
)
def test_a_bad_roster_is_said(tmp_path, columns, said):
    file = tmp_path / "roster.csv"
    file.write_text(columns if "\n" in columns[:-1] else columns + "1,2\n")
    with pytest.raises(CourseError, match=said):
        taking_in.read_roster(file)


def test_a_roster_with_nobody_on_it_yet_is_one(tmp_path):
    assert taking_in.read_roster(roster_file(tmp_path)) == []


def link(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


def lying_bomb() -> bytes:
    """A member that says it is tiny and unpacks to far more."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1_first.ipynb", b"0" * (archives.SUBMISSION.file_bytes + 10))
    return buffer.getvalue()


HOSTILE = {
    "slip": (zipped_as({"../../1_first.ipynb": b"{}"}), "points outside"),
    "backslash-slip": (zipped_as({"..\\..\\1_first.ipynb": b"{}"}), "points outside"),
    "absolute": (zipped_as({"/etc/1_first.ipynb": b"{}"}), "points outside"),
    "drive": (zipped_as({"C:\\1_first.ipynb": b"{}"}), "points outside"),
    "link": (link("1_first.ipynb"), "is a link"),
    "bomb": (lying_bomb(), "larger than 30 MB"),
    "many": (zipped_as({f"{n}.txt": b"" for n in range(501)}), "at most 500"),
    "cut": (zipped_as({"1_first.ipynb": b"{}"})[:-20], "no whole zip"),
    "text": (b"hello", "no whole zip"),
    "nothing": (zipped_as({"essay.txt": b"hello"}), "no notebook of the lesson"),
    "other-lesson": (
        zipped_as({"1_first.ipynb": b"{}", "receipt.json": b'{"lesson": "02_other", "student": "x"}'}),
        "for lesson '02_other'",
    ),
    "nobody": (zipped_as({"1_first.ipynb": b"{}"}), "nothing says whose"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_or_wrong_zip_is_refused_with_the_reason_and_kept(course_dir, tmp_path, kind, no_nbgrader):
    content, reason = HOSTILE[kind]
    file = tmp_path / "upload.zip"
    file.write_bytes(content)
    before = {path for path in tmp_path.rglob("*") if course_dir not in path.parents}
    taken, (refusal,) = take(course_dir, file)
    assert taken == {} and reason in refusal.reason
    folder = course_dir / "downloaded" / LESSON / "refused"
    assert any(path.read_bytes() == content for path in folder.iterdir())
    assert any(reason in path.read_text() for path in folder.glob("*.why.txt"))
    assert {path for path in tmp_path.rglob("*") if course_dir not in path.parents} == before


def test_one_hostile_submission_does_not_block_the_class(course_dir, tmp_path, no_nbgrader):
    good = made_by(tmp_path, "x").read_bytes()
    entries = {f"Person {kind}_{n}_assignsubmission_file_/a.zip": c for n, (kind, (c, _)) in enumerate(HOSTILE.items())}
    entries["Ada Lovelace_99_assignsubmission_file_/a.zip"] = good
    entries["../../escape_98_assignsubmission_file_/a.zip"] = good
    bulk = tmp_path / "bulk.zip"
    bulk.write_bytes(zipped_as(entries))
    taken, refused = take(course_dir, bulk)
    # Whose it is, Moodle knows; so only "nobody" is somebody here.
    assert sorted(taken) == ["Ada_Lovelace", "Person_nobody"]
    assert len(refused) == len(entries) - 2


def test_a_zip_made_by_hand_is_taken_with_its_folders_renamed_notebooks_and_litter(course_dir, tmp_path, no_nbgrader):
    lesson = write_release(tmp_path / "r") / LESSON
    one, two = (lesson / "1_first.ipynb").read_bytes(), (lesson / "2_second.ipynb").read_bytes()
    file = tmp_path / "my homework.zip"
    file.write_bytes(
        zipped_as(
            {
                f"work/{LESSON}/1_first.ipynb": one,
                f"work/{LESSON}/2_second (1).ipynb": two,
                f"work/{LESSON}/.ipynb_checkpoints/1_first-checkpoint.ipynb": b"old",
                f"work/{LESSON}/backups/1_first_2026.ipynb": b"old",
                f"__MACOSX/work/{LESSON}/._1_first.ipynb": b"mac",
                "work/private.ipynb": b"{}",
            }
        )
    )
    taken, refused = take(course_dir, file, student="ada")
    assert refused == []
    assert taken["ada"].notebooks == {"1_first.ipynb": one, "2_second.ipynb": two}
    remarks = "\n".join(taken["ada"].remarks)
    assert "2_second (1).ipynb was taken as 2_second.ipynb" in remarks and "private.ipynb was left out" in remarks


def test_a_notebook_that_was_changed_after_packing_is_remarked(course_dir, tmp_path, no_nbgrader):
    made = made_by(tmp_path, "ada")
    with zipfile.ZipFile(made) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["1_first.ipynb"] += b"\n"
    made.write_bytes(zipped_as(files))
    taken, _ = take(course_dir, made)
    assert any("changed after it was packed" in remark for remark in taken["ada"].remarks)


@pytest.mark.parametrize("made", ["2999-01-01T00:00:00Z", "yesterday", 7, None])
def test_a_receipt_cannot_come_from_the_future_or_break_anything(course_dir, tmp_path, made, no_nbgrader):
    receipt = json.dumps({"made": made, "student": "ada", "files": [], "lesson": LESSON}).encode()
    file = tmp_path / "x.zip"
    file.write_bytes(zipped_as({"1_first.ipynb": b"{}", "receipt.json": receipt}))
    taken, _ = take(course_dir, file)
    assert taken["ada"].made == NOW + datetime.timedelta(days=1)


def test_a_broken_notebook_is_taken_in_as_it_is(course_dir, tmp_path, no_nbgrader):
    file = tmp_path / "x.zip"
    file.write_bytes(zipped_as({"1_first.ipynb": b"{broken", "receipt.json": b'{"student": "ada"}'}))
    taken, refused = take(course_dir, file)
    assert taken["ada"].notebooks == {"1_first.ipynb": b"{broken"} and refused == []


def test_the_command_says_what_it_took_and_what_it_refused(course_dir, tmp_path, capsys, no_nbgrader):
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"hello")
    parser = argparse.ArgumentParser()
    taking_in.add_arguments(parser)
    arguments = [str(made_by(tmp_path, "ada")), str(bad), "--lesson", LESSON, "--course-dir", str(course_dir)]
    assert taking_in.run(parser.parse_args(arguments)) == 1
    said = capsys.readouterr().out
    assert "ada: 2 notebooks of 2026-11-23" in said and "1 submissions taken in, 1 refused" in said
    assert "bad.zip: it is no whole zip" in said


def test_a_lesson_without_a_release_is_said(course_dir, tmp_path):
    with pytest.raises(CourseError, match=f"no release of '02_other'; released are: {LESSON}"):
        taking_in.take_in([tmp_path / "x.zip"], "02_other", course_dir)
