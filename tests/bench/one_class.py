"""Within an arena: a class around a submission, graded by one grader, and what was seen of it.

    one_class.py build GRADER                 > CLASS.tar   the course, released, with a graded student
    one_class.py grade GRADER SAMPLE [...]    < CLASS.tar   more are graded, and an honest one after them; JSON

The secrets, listeners and neighbours of `tests/grading/integrity` are there, in an nbgrader course directory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "grading/integrity")]
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # as in course.cli

CLASS = Path("/class")
COURSE = CLASS / "course"
LESSON, BEFORE, SAMPLE, AFTER = "hw", "bob", "mallory", "zoe"  # graded in this order
WALL_SECONDS, EACH_SECONDS = 60.0, 30.0  # for a class, and more for each sample; nbgrader gives a cell 30
LINGERING = 4.0  # what ends by itself within these seconds has not stayed

CONFIG = """c = get_config()
c.CourseDirectory.course_id = "integrity"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "tests.py"]
"""
#: What a grader writes itself; of the gradebook, what it must leave alone is compared apart.
WRITTEN = (f"autograded/{SAMPLE}", f"autograded/{AFTER}", f"submitted/{SAMPLE}", ".grading/", ".nbgrader.log")
GRADEBOOK = "gradebook.db"


def build(grader: str) -> None:
    """Release the course, let an honest student be graded, plant the secrets; write everything as a tar archive.

    `nobody` as the grader: there is no such student, which is quicker.
    """
    import course_specimen as specimen
    from nbgrader.api import Gradebook
    from probing import World

    World.build(COURSE)  # what stands where no file of nbgrader's does
    (COURSE / GRADEBOOK).unlink()
    (CLASS / "machine").mkdir()
    (COURSE / "nbgrader_config.py").write_text(CONFIG)
    (COURSE / "source" / LESSON / f"{LESSON}.ipynb").write_bytes(specimen.dumped(specimen.source()))
    before = specimen.HONEST | {"frame": f"# {specimen.SECRETS['another submission']}\n{specimen.HONEST['frame']}"}
    for student, answers in ((BEFORE, before), (AFTER, specimen.HONEST)):
        folder = COURSE / "submitted" / student / LESSON
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{LESSON}.ipynb").write_bytes(specimen.dumped(specimen.handed_in(answers)))
    aside = CLASS / AFTER
    (COURSE / "submitted" / AFTER).rename(aside)
    if grader == "nobody":
        shutil.rmtree(COURSE / "submitted" / BEFORE)
    for order in ("release", grader) if grader != "nobody" else ("release",):
        subprocess.run([sys.executable, __file__, "hold", order], cwd=COURSE, check=True, input=b"\n", stdout=2)
    aside.rename(COURSE / "submitted" / AFTER)
    with Gradebook(f"sqlite:///{COURSE / GRADEBOOK}") as book:
        book.add_student("carol", last_name=specimen.SECRETS["gradebook"])
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
        archive.add(CLASS, arcname=".")


def hold(order: str) -> None:
    """Be the grader's process: hold a secret in memory, wait for a word, then run its command."""
    import course_specimen  # noqa: F401 - its secrets are in this process from here on

    sys.stdin.readline()
    if order.startswith("ours"):
        from course import cli
        from course.grading import class_run
        from course.grading.records import Limits

        limits = Limits(**json.loads(order.removeprefix("ours") or "{}"))
        original = class_run.Choices
        class_run.Choices = lambda **given: original(**given, limits=limits)  # type: ignore[assignment,misc]
        sys.exit(cli.main(["grade", LESSON, "--level", "A", "--jobs", "1"]))
    from nbgrader.apps.nbgraderapp import main

    sys.argv = ["nbgrader", "generate_assignment" if order == "release" else "autograde", LESSON]
    main()


def grade(grader: str, names: list[str]) -> list[dict[str, Any]]:
    """Unpack the class, add submissions, have them graded, and look; what was seen of each."""
    import course_specimen as specimen
    from probing import LIMITS, World, lay_out

    wanted = [sample for name in names for sample in samples() if sample.name == name]
    students = {f"{SAMPLE}-{number:02}": sample for number, sample in enumerate(wanted)}
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as archive:
        # Until 3.11.4 this is what happens without a word, and the word is not known.
        trusted = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
        archive.extractall(CLASS, **trusted)
    Path("/tmp/of-another-program").write_text("")
    order = grader
    if grader == "ours" and wanted[0].family != "honest":  # the suite's limits, within which a probe is bounded
        order += json.dumps(vars(LIMITS) | wanted[0].limits)
    log = (CLASS / "machine/log").open("wb")
    process = subprocess.Popen(
        [sys.executable, __file__, "hold", order], cwd=COURSE, stdin=subprocess.PIPE, stdout=log, stderr=log,
        env=os.environ | {"COURSE_TOKEN": specimen.SECRETS["environment"]}, start_new_session=True,
    )  # fmt: skip
    world = World(COURSE, grader=process.pid)
    with world.listening():
        for student, sample in students.items():
            lay_out(sample, world, COURSE / "submitted" / student / LESSON)
        before = state()
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()
        status = ending(process, WALL_SECONDS + EACH_SECONDS * len(wanted))
        left = [] if status is None else lingering()
        end_all()
        called = world.reached()
    log.close()
    after = state()
    changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    everybody = {"changed": changed, "left": left, "called": called, "status": status, "next_score": scores(AFTER)}
    return [verdict(student, sample, everybody) for student, sample in students.items()]


def verdict(student: str, sample: Any, everybody: dict[str, Any]) -> dict[str, Any]:
    """Judge one submission by what was seen of it and of its class."""
    import judging

    seen = judging.Seen(score=scores(student), **everybody)
    for path in (COURSE / "autograded" / student).rglob("*.ipynb"):
        with contextlib.suppress(OSError, ValueError, LookupError):
            seen.told, seen.shown = judging.outputs_of(json.loads(path.read_bytes()))
    return {
        "name": sample.name,
        "through": judging.got_through(sample, seen),
        "lost": judging.lost_points(sample, seen),
        "seen": dataclasses.asdict(seen) | {"told": len(seen.told), "shown": len(seen.shown)},
        "log": (CLASS / "machine/log").read_bytes()[-3000:].decode(errors="replace"),
    }


def samples() -> Iterator[Any]:
    """All submissions of the suite."""
    from breaking import BREAKING
    from exhausting import EXHAUSTING
    from forging import FORGING
    from honest import UNUSUAL
    from intruding import INTRUDING

    yield from (*FORGING, *INTRUDING, *EXHAUSTING, *BREAKING, *UNUSUAL)


def ending(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Wait for the grader; None when it takes too long."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if process.poll() is not None:
            return process.returncode
        time.sleep(0.05)
    return None


def lingering() -> list[str]:
    """Return the command lines of what still runs after a while; there should be nothing but this process."""
    ends = time.monotonic() + LINGERING
    while found := others():
        if time.monotonic() > ends:
            return found
        time.sleep(0.1)
    return []


def others() -> list[str]:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if (entry / "stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z":
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200])
    return found


def end_all() -> None:
    """End every other process of the arena."""
    while others():
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        time.sleep(0.05)


def state() -> dict[str, Any]:
    """What must stay as it is: files with their modes, and what the gradebook held before."""
    found: dict[str, Any] = {}
    for path in sorted(COURSE.rglob("*")):
        name = str(path.relative_to(COURSE))
        if not f"{name}/".startswith(WRITTEN):
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                found[name] = (mode, path.read_bytes() if name != GRADEBOOK else b"")
            elif stat.S_ISLNK(mode):
                found[name] = str(path.readlink())
    found["gradebook: " + BEFORE] = scores(BEFORE)
    for table in ("student", "source_cell", "grade_cells"):
        found[f"gradebook: {table}"] = rows(f"SELECT * FROM {table} ORDER BY id")
    return found


def rows(query: str, *values: str) -> list[Any]:
    """Ask the gradebook; nothing where it cannot be read any more."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(COURSE / GRADEBOOK)) as book:
        return [row for row in book.execute(query, values) if not str(row[0]).startswith((SAMPLE, AFTER))]
    return []


def scores(student: str) -> float | None:
    """Return what a student has; None where nobody was graded."""
    query = (
        "SELECT COALESCE(g.manual_score, g.auto_score) FROM grade g JOIN submitted_notebook n ON g.notebook_id = n.id "
        "JOIN submitted_assignment s ON n.assignment_id = s.id WHERE s.student_id = ?"
    )
    found = [score for (score,) in rows(query, student) if score is not None]
    return sum(found) if found else None


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["build", grader]:
            build(grader)
        case ["hold", order]:
            hold(order)
        case ["grade", grader, *names]:
            print(json.dumps(grade(grader, names)))
