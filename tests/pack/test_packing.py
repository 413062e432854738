"""The student pack: the same bytes each time, every one of them listed, and no answer among them."""

import argparse
import hashlib
import io
import json
import os
import shutil
import sys
import types
import zipfile
from pathlib import Path

import pytest
from specimen_lesson import HIDDEN_NUMBER, LESSON, SOLVED_DOUBLE, dump, source_of_lesson, write_release

import course
from course.errors import CourseError
from course.pack import packing

ROOT = Path(course.__file__).parents[1]


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A small checkout: the true package and locks, and the specimen lesson."""
    return make_checkout(tmp_path / "checkout")


def make_checkout(folder: Path) -> Path:
    folder.mkdir()
    for name in (*packing.FROM_THE_TOP, "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "course", folder / "course", ignore=shutil.ignore_patterns("__pycache__"))
    write_release(folder / "release")
    source = folder / "source" / LESSON
    source.mkdir(parents=True)
    for name, content in source_of_lesson().items():
        (source / name).write_bytes(dump(content))
    return folder


def everything_in(content: bytes) -> dict[str, bytes]:
    """Every file of a zip, and of the zips and wheels in it, by its path."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            found[name] = data
            if zipfile.is_zipfile(io.BytesIO(data)):
                found |= {f"{name}!{inner}": inside for inner, inside in everything_in(data).items()}
    return found


def test_a_pack_is_the_same_bytes_each_time(checkout, tmp_path, monkeypatch):
    first = packing.zip_bytes(packing.pack_files(checkout, LESSON))
    # Another place, other dates, other permissions, another order on the disk.
    other = shutil.copytree(checkout, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    for number, file in enumerate(sorted(other.rglob("*"), reverse=True)):
        os.utime(file, (1_600_000_000 + number, 1_600_000_000 + number))
        if file.is_file():
            file.chmod(0o600)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1234567890")
    assert packing.zip_bytes(packing.pack_files(other, LESSON)) == first


def test_every_byte_of_the_pack_is_accounted_for(checkout):
    files = packing.pack_files(checkout, LESSON)
    manifest = json.loads(files["pack.json"])
    assert manifest["lesson"] == LESSON and manifest["wheel"] in files
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name != "pack.json"}
    assert manifest["files"] == hashes
    expected = {
        "LICENSE", "LICENSE-TEXTS", "README.txt", "environment.yml", "pack.json", "requirements.lock", "start.py",
        f"release/{LESSON}/1_first.ipynb", f"release/{LESSON}/2_second.ipynb", manifest["wheel"],
    }  # fmt: skip
    assert set(files) == expected
    content = packing.zip_bytes(files)
    in_the_wheel = {name.split("!")[1] for name in everything_in(content) if "!" in name}
    package = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "course").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert {name for name in in_the_wheel if ".dist-info/" not in name} == package
    # Between the files of the zip there is nothing either.
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.comment == b"" and not any(member.extra or member.comment for member in archive.infolist())


def test_no_answer_is_in_the_pack(checkout):
    content = packing.zip_bytes(packing.pack_files(checkout, LESSON))
    for name, data in everything_in(content).items():
        for secret in ("return 2 * number", "return 3 * number", str(HIDDEN_NUMBER), str(2 * HIDDEN_NUMBER)):
            assert secret.encode() not in data, name


def test_a_pack_that_tells_an_answer_is_refused_with_the_place(checkout, tmp_path, monkeypatch):
    """Whatever the scan finds stops the pack; what it finds is its own tests' business."""
    scanned = {}

    def scan_bytes(files, secrets):
        scanned.update(files)
        return [f"{name}: {secrets}" for name, data in files.items() if secrets.encode() in data]

    scan = types.ModuleType("course.authoring.leaks")
    scan.scan_bytes, scan.secrets_of = scan_bytes, lambda source: "return 2 * number"
    monkeypatch.setitem(sys.modules, "course.authoring.leaks", scan)
    arguments = options(checkout, tmp_path / "out")
    assert packing.run(arguments) == 0
    assert set(scanned) == set(packing.pack_files(checkout, LESSON)), "every file has to be scanned"
    notebook = checkout / "release" / LESSON / "1_first.ipynb"
    notebook.write_bytes(notebook.read_bytes().replace(b"def double", SOLVED_DOUBLE.replace("\n", "\\n").encode()))
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(CourseError, match="would tell answers") as problem:
        packing.run(arguments)
    assert f"release/{LESSON}/1_first.ipynb" in str(problem.value)
    assert not (tmp_path / "out").exists()


def options(checkout: Path, out: Path, lesson: str = LESSON) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    packing.add_arguments(parser)
    return parser.parse_args([lesson, "--out", str(out), "--root", str(checkout)])


def test_a_lesson_without_a_release_is_refused_naming_those_that_have_one(checkout):
    with pytest.raises(CourseError, match=f"no release of '02_other'; released are: {LESSON}"):
        packing.pack_files(checkout, "02_other")
    shutil.rmtree(checkout / "release")
    with pytest.raises(CourseError, match="no lesson is released yet"):
        packing.pack_files(checkout, LESSON)


def test_without_its_source_a_lesson_cannot_be_scanned_and_is_not_packed(checkout, tmp_path):
    shutil.rmtree(checkout / "source")
    with pytest.raises(CourseError, match="nothing was packed"):
        packing.run(options(checkout, tmp_path / "out"))


def test_what_an_editor_leaves_behind_is_not_packed(checkout):
    litter = checkout / "release" / LESSON / ".ipynb_checkpoints"
    litter.mkdir()
    (litter / "1_first-checkpoint.ipynb").write_text("answers")
    assert not any("checkpoint" in name for name in packing.pack_files(checkout, LESSON))
