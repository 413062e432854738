"""How does the exchange service bear a deadline? N students hand in within some seconds, and it is killed in between.

`make load-exchange STUDENTS=200 SECONDS=30`: a real hub that knows the students, and the service, on loopback. Each
student lists the courses, fetches lesson 1 and hands in an archive of the usual size, in a thread with the client that
a server's nbgrader uses. The grader then fetches everything. Prints a table for deploy/kubernetes/README.md.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import random
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests" / "exchange"))

from like_pods import COURSE, GRADER, Hub, answer_of, exchange_command, running_hub, wait_for  # noqa: E402

from course.errors import CourseError  # noqa: E402
from course.exchange.client import Client  # noqa: E402

LESSON = "01_what_is_mlops"
STEPS = ("list the courses", "fetch the lesson", "hand in")
MOST_STUDENTS = 500


def lesson_archive(more_bytes: int = 0, seed: int = 0) -> bytes:
    """Return lesson 1 as a zip, and beside it so many bytes that no zip makes smaller."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((ROOT / "release" / LESSON).rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(ROOT / "release" / LESSON))
        if more_bytes:
            archive.writestr("outputs.bin", random.Random(seed).randbytes(more_bytes))
    return whole.getvalue()


class Student:
    """One student at the deadline: how long each step took, what was sent, and what went wrong."""

    def __init__(self, number: int, client: Client, archive: bytes) -> None:
        self.name, self.client, self.archive = _name(number), client, archive
        self.took: dict[str, float] = {}
        self.failed = ""

    def go(self) -> None:
        """Do it all; what goes wrong is kept, not raised."""
        lesson = ("courses", COURSE, "lessons", LESSON)
        asked = ("GET", "courses"), ("GET", *lesson), ("POST", *lesson, "submissions")
        try:
            for step, words in zip(STEPS, asked, strict=True):
                began = time.monotonic()
                sent = {"body": self.archive, "key": secrets.token_hex(16)} if words[0] == "POST" else {}
                self.client.ask(*words, **sent)
                self.took[step] = time.monotonic() - began
        except CourseError as error:
            self.failed = f"{self.name}: {error}"


def _name(number: int) -> str:
    return f"s{number:03}"


class Outage(threading.Thread):
    """Kill the service, start it again at its place: for how many `seconds` nobody answered, what it had `spent`."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(daemon=True)
        self.hub, self.seconds, self.spent = hub, 0.0, 0.0

    def run(self) -> None:
        hub, began = self.hub, time.monotonic()
        self.spent = sum(psutil.Process(hub.service.pid).cpu_times()[:2])
        hub.service.send_signal(signal.SIGKILL)
        hub.service.wait(10)
        with hub.log.open("a") as said:
            command = exchange_command(hub.store, int(hub.exchange.rpartition(":")[2]), hub.told["hub"])
            hub.service = subprocess.Popen(command, stdout=said, stderr=said)
        hub.more.append(hub.service)
        wait_for(lambda: answer_of(f"{hub.exchange}/healthz", ""), hub.service, hub.log)
        self.seconds = time.monotonic() - began


def rush(hub: Hub, students: list[Student], seconds: float) -> tuple[float, Outage]:
    """Let all hand in, arriving evenly, also while nobody answers; return when the last had, and the outage."""
    began, workers, outage = time.monotonic(), [], Outage(hub)
    for number, student in enumerate(students):
        time.sleep(max(0.0, began + seconds * number / len(students) - time.monotonic()))
        if number == len(students) // 2:
            outage.start()
        workers.append(threading.Thread(target=student.go, daemon=True))
        workers[-1].start()
    for worker in workers:
        worker.join(300)
    outage.join()
    return time.monotonic() - began, outage


def lost_or_doubled(hub: Hub, students: list[Student]) -> tuple[list[str], float]:
    """Return whose archive is not there exactly once as it was sent, and how long the grader took to fetch all."""
    grader = Client(hub.exchange, hub.token(GRADER))
    lesson = ("courses", COURSE, "lessons", LESSON, "submissions")
    began = time.monotonic()
    there: dict[str, list[str]] = {}
    for one in grader.ask("GET", *lesson):
        archive = grader.ask("GET", *lesson, one["student"], one["name"])
        there.setdefault(one["student"], []).append(hashlib.sha256(archive).hexdigest())
    took = time.monotonic() - began
    sent = {student.name: [hashlib.sha256(student.archive).hexdigest()] for student in students}
    return sorted(name for name in sent | there if there.get(name) != sent.get(name)), took


def main() -> int:
    """Run one deadline; return 1 when an archive was lost, doubled, changed or refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30.0, help="within which they hand in")
    parser.add_argument("--kilobytes", type=int, default=1000, help="about so much each")
    args = parser.parse_args()
    if not 2 <= args.students <= MOST_STUDENTS or not 0 <= args.kilobytes <= 10_000 or not 0 < args.seconds <= 600:
        print(
            f"--students from 2 to {MOST_STUDENTS}, --seconds up to 600 and --kilobytes up to 10000, got "
            f"{args.students}, {args.seconds:g} and {args.kilobytes}",
            file=sys.stderr,
        )
        return 2
    names = [_name(number) for number in range(args.students)]
    with (
        tempfile.TemporaryDirectory(prefix="exchange-load-") as folder,
        running_hub(Path(folder), {"spring": names, "autumn": []}) as hub,
    ):
        Client(hub.exchange, hub.token(GRADER)).ask("PUT", "courses", COURSE, "lessons", LESSON, body=lesson_archive())
        students = [
            Student(number, Client(hub.exchange, hub.token(name)), lesson_archive(1000 * args.kilobytes, number))
            for number, name in enumerate(names)
        ]
        took, outage = rush(hub, students, args.seconds)
        service = psutil.Process(hub.service.pid)
        spent, held = outage.spent + sum(service.cpu_times()[:2]), service.memory_full_info().pss
        wrong, fetching = lost_or_doubled(hub, students)
    failed = [student.failed for student in students if student.failed]
    print(
        f"{len(students)} students hand in {len(students[0].archive) / 1e6:.1f} MB each within {args.seconds:g} s; the "
        f"last had after {took:.1f} s. In the middle the service was killed: no answer for {outage.seconds:.1f} s. "
        f"Lost, doubled or changed: {', '.join(wrong) or 'none'}; refused: {len(failed)}. The service took "
        f"{spent:.1f} s of {os.cpu_count()} processors and holds {held / 2**20:.0f} MiB; the grader fetched all in "
        f"{fetching:.1f} s.\n\n| Step | Median (s) | 95 % within (s) | Longest (s) |\n|---|---:|---:|---:|"
    )
    for step in STEPS:
        found = sorted(student.took[step] for student in students if step in student.took)
        high = found[min(len(found) - 1, round(0.95 * len(found)))]
        print(f"| {step} | {statistics.median(found):.2f} | {high:.2f} | {found[-1]:.2f} |")
    print("\n".join(["", *failed]) if failed else "")
    return 1 if wrong or failed else 0


if __name__ == "__main__":
    sys.exit(main())
