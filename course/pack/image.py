"""`course image`: the few files that a container image for a hub is built from, and no other file of the repository.

The image is the students' as well, so it gets the package's wheel and the lock, and is refused where any lesson's
answers would show in them.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from course.errors import CourseError
from course.pack.packing import build_wheel, refuse_leaks

SUMMARY = "lay out what a hub's container image is built from (Kubernetes)"
DOCKERFILE = Path("deploy/kubernetes/Dockerfile")
LOCK = Path("requirements-hub.lock")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course image`."""
    parser.add_argument("--out", type=Path, default=Path("build/image"), help="default: build/image; emptied first")
    parser.add_argument("--root", type=Path, default=Path(), help="the course's checkout (default: here)")


def run(args: argparse.Namespace) -> int:
    """Lay the files out, and say how to build."""
    root, out = args.root.resolve(), args.out
    files = image_files(root)
    strange = sorted(path.name for path in out.iterdir() if not _ours(path)) if out.is_dir() else []
    if strange:
        raise CourseError(
            f"{out} holds what was not laid out here ({', '.join(strange[:3])}): name another folder with --out"
        )
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name, content in files.items():
        (out / name).write_bytes(content)
        print(f"{len(content):>10,}  {name}")
    print(f"Build it with: docker build --tag mlops-course {out}      (podman and buildah take the same words)")
    return 0


def _ours(path: Path) -> bool:
    return path.name in (DOCKERFILE.name, LOCK.name) or path.suffix == ".whl"


def image_files(root: Path) -> dict[str, bytes]:
    """Return the files by name; raise CourseError where one is missing or would tell an answer."""
    missing = [str(name) for name in (DOCKERFILE, LOCK) if not (root / name).is_file()]
    if missing:
        raise CourseError(f"{root} is not the course's checkout: {', '.join(missing)} is missing there.")
    wheel_name, wheel = build_wheel(root)
    files = {wheel_name: wheel} | {name.name: (root / name).read_bytes() for name in (DOCKERFILE, LOCK)}
    for source in sorted((root / "source").iterdir()):
        if source.is_dir():
            refuse_leaks(files, source)
    return files
