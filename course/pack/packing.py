"""``course pack LESSON``: the one file that a student gets, the same bytes each time, and no answer in it."""

from __future__ import annotations

import argparse
import hashlib
import importlib
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from course import __version__
from course.errors import CourseError
from course.pack.placing import lesson_files

SUMMARY = "make the student pack of a lesson: one zip with all that a student needs"

#: The date of everything in a pack: a constant, so that the same content is the same file (2020-01-01, UTC).
EPOCH = 1577836800
ZIP_DATE = (2020, 1, 1, 0, 0, 0)
#: What goes into every pack from the top of the checkout, under the same name.
FROM_THE_TOP = ("requirements.lock", "environment.yml", "LICENSE", "LICENSE-TEXTS")

README = """\
{lesson}: a lesson of "MLOps & Production ML"

To begin
  1. Unpack this zip file, all of it, into a folder of your own (on Windows: right click, Extract All).
  2. Open a terminal in that folder and type:   python start.py
     (on some machines:  python3 start.py  or, on Windows,  py start.py)
     You need Python 3.11 or newer; the first start fetches everything else, once.
  3. JupyterLab opens with the lesson. Your notebooks are in the folder work.

To hand in
  In the same terminal type:   python start.py --submit
  It makes one zip file in work/submissions and tells you what is in it. Upload that file where your course asks
  for it. You may do so again: the latest counts.

Good to know
  - Start again whenever you like: what is set up is not set up again, and your work is never overwritten.
  - When your instructor sends a newer pack, unpack it over this folder and start again. Your answers are carried
    over, and your notebooks as they were are kept in a folder called backups.
  - After the first start no network is needed.
  - With conda:   conda env create -f environment.yml
                  conda activate mlops
                  pip install --no-deps --no-index --find-links . mlops-production-ml
                  python start.py --use-this-python
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``course pack``."""
    parser.add_argument("lesson", help="the lesson's folder in release/, such as 01_what_is_mlops")
    parser.add_argument("--out", type=Path, default=Path("build"), help="where the zip goes (default: build)")
    parser.add_argument("--root", type=Path, default=Path(), help="the course's checkout (default: here)")


def run(args: argparse.Namespace) -> int:
    """Pack the lesson and list what is in the pack."""
    root = args.root.resolve()
    files = pack_files(root, args.lesson)
    refuse_leaks(files, root / "source" / args.lesson)
    content = zip_bytes(files)
    args.out.mkdir(parents=True, exist_ok=True)
    pack = args.out / f"mlops-{args.lesson}.zip"
    pack.write_bytes(content)
    for name, data in files.items():
        print(f"{len(data):>10,}  {name}")
    print(f"{pack}: {len(files)} files, {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
    return 0


def release_folder(root: Path, lesson: str) -> Path:
    """The released lesson's folder; raises ``CourseError`` naming the lessons that have a release."""
    released = [
        folder.name
        for folder in (sorted((root / "release").iterdir()) if (root / "release").is_dir() else [])
        if folder.is_dir() and any(name.endswith(".ipynb") for name, _ in lesson_files(folder))
    ]
    if lesson not in released:
        there = f"released are: {', '.join(released)}" if released else "no lesson is released yet"
        raise CourseError(f"There is no release of {lesson!r}; {there}. Make one with: course build {lesson}")
    return root / "release" / lesson


def pack_files(root: Path, lesson: str) -> dict[str, bytes]:
    """Every file of the student pack, by its name in the zip, in order.

    ``pack.json`` names all others with their sha256, so that the start script can tell a whole pack from a piece.
    Raises ``CourseError`` when there is no such release, or a file of the checkout is missing.
    """
    release = release_folder(root, lesson)
    missing = [name for name in FROM_THE_TOP if not (root / name).is_file()]
    if missing:
        raise CourseError(f"{root} is not the course's checkout: {', '.join(missing)} is missing there.")
    wheel_name, wheel = build_wheel(root)
    files = {name: (root / name).read_bytes() for name in FROM_THE_TOP}
    files["README.txt"] = README.format(lesson=lesson).encode()
    files["start.py"] = (root / "course" / "pack" / "start.py").read_bytes()
    files[wheel_name] = wheel
    files |= {f"release/{lesson}/{name}": file.read_bytes() for name, file in lesson_files(release)}
    manifest = {
        "course": __version__,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        "lesson": lesson,
        "wheel": wheel_name,
    }
    files["pack.json"] = (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()
    return dict(sorted(files.items()))


def build_wheel(root: Path) -> tuple[str, bytes]:
    """Name and bytes of the package's wheel, built here and without a network, the same bytes each time."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}
        built = subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
            cwd=root,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        wheels = list(Path(folder).glob("*.whl"))
        if built.returncode or len(wheels) != 1:
            raise CourseError(f"The wheel could not be built:\n{built.stdout[-2000:]}{built.stderr[-2000:]}")
        return wheels[0].name, wheels[0].read_bytes()


def refuse_leaks(files: Mapping[str, bytes], source: Path) -> None:
    """Raise ``CourseError``, with every leak, when a file holds anything that only the source may hold."""
    if not source.is_dir():
        raise CourseError(f"There is no {source} to look for answers with, so nothing was packed.")
    # Loaded only here: the scan lies on the author's side and takes its time to load.
    leaks = importlib.import_module("course.authoring.leaks")
    found = leaks.scan_bytes(files, leaks.secrets_of(source))
    if found:
        listed = "\n".join(f"  {leak}" for leak in found)
        raise CourseError(f"This pack would tell answers, so it was not made:\n{listed}")


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files that depends on nothing but their names and bytes.

    >>> zip_bytes({"a": b"1"}) == zip_bytes({"a": b"1"})
    True
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is made; the permissions below are read as such
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data, compresslevel=9)
    return buffer.getvalue()
