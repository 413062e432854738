"""`make compare-graders`: the same submissions through plain nbgrader and through `course grade`, counted by family.

Two of five of each family of `tests/grading/integrity` that can mean the same to both graders, and all its honest ones.
Each hostile one gets an arena and a class of its own, once for each grader; the honest ones are one class, or as many
as it takes until none of them holds up another. Prints Markdown: counts and families, nothing that tells how.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "grading/integrity")]

import arena  # noqa: E402
import judging  # noqa: E402
import one_class  # noqa: E402
from probing import Sample  # noqa: E402

GRADERS = {"nbgrader": "plain nbgrader", "ours": "`course grade`"}
FAMILIES = ("forging", "reading secrets", "tampering", "exhausting", "network", "breaking files")
HONEST = "honest"
OF_FIVE = (0, 2)  # which of each five, sorted by name, are compared
ARENA_SECONDS = 60.0  # beyond the class's own time


@dataclass(frozen=True)
class Outcome:
    """What became of one submission with one grader."""

    through: tuple[str, ...] = ()
    lost: bool = False
    with_error: bool = False  # the grader's command ended with an error, or did not end


def means_the_same(sample: Sample) -> bool:
    """Whether a submission aims at what both graders have, not at our wall or at a box."""
    text = "\n".join([*sample.answers.values(), *(text for _, text in sample.added)])
    wall = sample.proof == "wire" or "course.grading" in text or "in a box only" in text
    return not wall and (sample.proof != "nothing" or sample.family in ("breaking files", HONEST))


def chosen() -> dict[str, list[Sample]]:
    """The submissions that are compared, by family."""
    found: dict[str, list[Sample]] = {}
    everybody = sorted(one_class.samples(), key=lambda sample: sample.name)
    for family in FAMILIES:
        fit = [sample for sample in everybody if sample.family == family and means_the_same(sample)]
        found[family] = [sample for place, sample in enumerate(fit) if place % 5 in OF_FIVE]
    return found | {HONEST: [sample for sample in everybody if sample.family == HONEST]}


def in_arena(words: Sequence[str], seconds: float, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run `one_class.py` in an arena; it may end late or greedy, not otherwise."""
    program = [sys.executable, str(HERE / "one_class.py"), *words]
    command = [sys.executable, str(HERE / "arena.py"), str(seconds), *program]
    path = os.pathsep.join([str(arena.ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(command, input=given, capture_output=True, env=os.environ | {"PYTHONPATH": path}, check=False)
    if done.returncode not in (0, arena.LATE, arena.GREEDY):
        raise SystemExit(f"{' '.join(words)}: status {done.returncode}\n{done.stderr.decode(errors='replace')[-3000:]}")
    return done


def built(grader: str) -> bytes:
    """A class before the submission: released, with an honest student graded by this grader."""
    done = in_arena(["build", grader], 300)
    if done.returncode:
        raise SystemExit(f"the class was not made in time\n{done.stderr.decode(errors='replace')[-3000:]}")
    return done.stdout


def graded(grader: str, samples: Sequence[Sample], before: bytes) -> list[dict[str, Any]]:
    """Grade submissions as one class: `one_class.verdict` of each."""
    seconds = one_class.WALL_SECONDS + one_class.EACH_SECONDS * len(samples) + ARENA_SECONDS
    done = in_arena(["grade", grader, *(sample.name for sample in samples)], seconds, before)
    if done.returncode:  # the arena ended it: nobody after it was graded
        return [{"name": sample.name, "through": ["held up"], "lost": True, "seen": {}} for sample in samples]
    return json.loads(done.stdout)


def graded_apart(grader: str, samples: Sequence[Sample], before: bytes) -> list[dict[str, Any]]:
    """The same for submissions that are to meet no one who holds them up: then each half is a class of its own."""
    verdicts = graded(grader, samples, before)
    if len(samples) == 1 or not any("held up" in verdict["through"] for verdict in verdicts):
        return verdicts
    half = len(samples) // 2
    return [verdict for part in (samples[:half], samples[half:]) for verdict in graded_apart(grader, part, before)]


def outcome(verdict: dict[str, Any]) -> Outcome:
    return Outcome(tuple(verdict["through"]), verdict["lost"], verdict["seen"].get("status") != 0)


def tables(compared: dict[str, list[Sample]], found: dict[tuple[str, str], Outcome], left_out: int) -> str:
    """Return the Markdown; `found` is by grader and submission."""

    def row(name: str, samples: Iterable[Sample], count: Any) -> str:
        samples = list(samples)
        numbers = [sum(map(count, (found[grader, sample.name] for sample in samples))) for grader in GRADERS]
        return f"| {name} | {len(samples)} | {' | '.join(map(str, numbers))} |"

    hostile = [sample for family in FAMILIES for sample in compared[family]]
    heads = [f"{name} {version('nbgrader')}" if grader == "nbgrader" else name for grader, name in GRADERS.items()]
    lines = [f"| got through | submissions | {' | '.join(heads)} |", "| --- | --- | --- | --- |"]
    lines += [row(family, compared[family], lambda each: bool(each.through)) for family in FAMILIES]
    lines += [row("all of these", hostile, lambda each: bool(each.through))]
    repaired = [sample for sample in compared["breaking files"] if sample.deserved > 0]
    lines += [
        "",
        f"| right answers that lost points | submissions | {' | '.join(heads)} |",
        "| --- | --- | --- | --- |",
    ]
    lines += [row("unusual and right", compared[HONEST], lambda each: each.lost)]
    lines += [row("in broken files", repaired, lambda each: each.lost)]
    ended = "of the first: ended the grading of those after it"
    lines += [row(ended, compared[HONEST], lambda each: "held up" in each.through)]
    lines += ["", f"| what got through (one may count more than once) | {' | '.join(heads)} |", "| --- | --- | --- |"]
    for effect, words in judging.EFFECTS.items():
        counts = Counter(g for g in GRADERS for sample in hostile if effect in found[g, sample.name].through)
        lines.append(f"| {words} | {' | '.join(str(counts[grader]) for grader in GRADERS)} |")
    errors = Counter(
        g
        for g in GRADERS
        for sample in hostile
        if found[g, sample.name].with_error and "held up" not in found[g, sample.name].through
    )
    lines.append(
        f"| *not counted:* the command ended with an error, the next student graded | "
        f"{' | '.join(str(errors[grader]) for grader in GRADERS)} |"
    )
    return "\n".join([*lines, "", f"Not compared, because they aim at what only one of the two has: {left_out}."])


def main() -> None:
    """Compare, and print the tables."""
    parser = argparse.ArgumentParser(description="Count what two graders let through.")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="arenas at a time")
    parser.add_argument("--verdicts", type=Path, help="write every verdict here, as lines of JSON")
    options = parser.parse_args()
    compared = chosen()
    left_out = sum(sample.family != HONEST and not means_the_same(sample) for sample in one_class.samples())
    classes = [compared[HONEST], *([sample] for family in FAMILIES for sample in compared[family])]
    orders = [(grader, samples) for samples in classes for grader in GRADERS]
    found: dict[tuple[str, str], Outcome] = {}
    with (options.verdicts or Path(os.devnull)).open("w") as log, ThreadPoolExecutor(options.jobs) as threads:
        released = dict(zip(GRADERS, threads.map(built, GRADERS), strict=True))
        done = threads.map(lambda order: graded_apart(*order, released[order[0]]), orders)
        for number, ((grader, _), verdicts) in enumerate(zip(orders, done, strict=True), 1):
            for verdict in verdicts:
                found[grader, verdict["name"]] = outcome(verdict)
                print(json.dumps({"grader": grader} | verdict), file=log, flush=True)
            print(f"  {number} of {len(orders)} classes", file=sys.stderr, flush=True)
    print(tables(compared, found, left_out))


if __name__ == "__main__":
    main()
