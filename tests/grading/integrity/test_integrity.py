"""Nobody gets by cheating, breaking or flooding what honest work does not get, and nobody else pays for it."""

import contextlib
import importlib
import itertools
import json
import os
import shutil
import time
from pathlib import Path

import course_specimen as specimen
import pytest
from breaking import BREAKING, strict
from exhausting import EXHAUSTING
from forging import FORGING, account
from honest import UNUSUAL
from intruding import INTRUDING
from probing import GRACE, LIMITS, Sample, World, alive, graded, marked, on_the_wire, score, unguarded

from course.grading.sandbox import available_levels

HOSTILE = [*FORGING, *INTRUDING, *EXHAUSTING, *BREAKING]
NEIGHBOUR = next(sample for sample in UNUSUAL if sample.name == "as the reference")
MEMORY = specimen.SECRETS["memory"]  # what "the memory of the grader" is looked through for
#: Kept in this process's memory and environment, as an instructor's tokens are.
os.environ["COURSE_TOKEN"] = specimen.SECRETS["environment"]


def at_each_level(samples):
    for sample in samples:
        for level in "AB":
            marks = [] if level in sample.gate else [pytest.mark.long]
            yield pytest.param(sample, level, marks=marks, id=f"{sample.family}: {sample.name} ({level})")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World.build(tmp_path_factory.mktemp("course"))
    for folder in (made.root, *made.root.rglob("*")):
        folder.chmod(0o777 if folder.is_dir() else 0o666)  # so that nothing but the grader's walls protects it
    for folder in list(made.root.parents)[:3]:
        if folder.stat().st_uid == os.getuid():
            folder.chmod(folder.stat().st_mode | 0o055)  # and no less than it had: one of them may be /tmp
    with made.listening():
        yield made


@pytest.fixture(scope="module")
def warm():
    """Import what the cells use, once, before each probe gets a fork of this process."""
    for module in (
        "IPython.core.interactiveshell",
        "IPython.core.displaypub",
        "pandas",
        "course.grading.student_side",
        "sklearn.linear_model",
        "sklearn.tree",
        "sklearn.dummy",
        "sklearn.metrics",
        "unittest.mock",
    ):
        importlib.import_module(module)


@pytest.fixture(scope="module")
def usual(world):
    """What the honest neighbour takes, by level."""
    times = {}
    for level in "AB":
        if not available_levels()[level]:
            graded(NEIGHBOUR, world, level)
            began = time.monotonic()
            graded(NEIGHBOUR, world, level)
            times[level] = time.monotonic() - began
    return times


@pytest.fixture(scope="module")
def next_in_turn(request):
    """Whether an honest submission is graded next: after each in the long run, after every tenth in the gate's share.

    All go through one warm process, so what harms it would still be seen.
    """
    every = 10 if "not long" in request.config.option.markexpr else 1
    count = itertools.count()
    return lambda: next(count) % every == 0


def needs(level):
    if reason := available_levels()[level]:
        pytest.skip(f"level {level} cannot be had here: {reason}")


def secrets_in(result):
    """The planted words in all that comes back; what a tests cell shows is the instructor's own."""
    shown = [repr(cell) for name, cell in result.cells.items() if name not in specimen.TESTS]
    everything = repr(result)
    return [
        place
        for place, word in specimen.SECRETS.items()
        if (any(word in text for text in shown) if place in ("hidden tests", "source") else word in everything)
    ]


def how(result):
    return "\n".join(f"{name}: {cell.state}, {cell.score}, {cell.message[:100]}" for name, cell in result.cells.items())


def size_of(result):
    return max((len(repr(cell.outputs)) + len(cell.message) for cell in result.cells.values()), default=0)


@pytest.mark.parametrize(("sample", "level"), list(at_each_level(HOSTILE)))
def test_does_a_hostile_or_broken_submission_gain_nothing(sample, level, world, usual, next_in_turn):
    needs(level)
    before, began = world.snapshot(), time.monotonic()
    result = graded(sample, world, level)
    took = time.monotonic() - began
    got = score(result)
    assert sample.deserved == -1 or got == sample.deserved, how(result)
    assert 0 <= got <= 10
    assert secrets_in(result) == []
    assert specimen.THROUGH not in repr(result.cells) or sample.proof == "floods"
    assert world.snapshot() == before, "a file of the course was changed"
    assert not world.reached(), "somebody was called"
    assert alive() == []
    most = sample.limits.get("notebook_seconds", LIMITS.notebook_seconds)
    assert took < most + 2 * GRACE, f"it took {took:.1f} s; its limit is {most} s"
    assert size_of(result) < 20 * 2**20
    if not next_in_turn():
        return
    began = time.monotonic()
    assert score(graded(NEIGHBOUR, world, level)) == 10, "the next student paid for it"
    assert time.monotonic() - began < 4 * usual[level] + 3


CONTROLLED = [
    pytest.param(sample, marks=[] if sample.gate else [pytest.mark.long], id=f"{sample.family}: {sample.name}")
    for sample in HOSTILE
    if sample.proof != "nothing"
]


@pytest.mark.parametrize("sample", CONTROLLED)
def test_does_the_probe_work_where_nothing_guards(sample, world, warm, tmp_path):
    if sample.proof == "wire":
        assert sample.word.encode() in on_the_wire(sample, world)
        return
    if sample.proof == "lies":
        assert account(json.loads(sample.raw)) != account(specimen.release())
        return
    if sample.proof == "unreadable":
        path = tmp_path / "hw.ipynb"
        with pytest.raises(Exception):  # noqa: B017
            if sample.place is not None:
                sample.place(tmp_path)
                assert path.is_file() and not path.is_symlink()
            strict(sample.raw if sample.raw is not None else path.read_bytes())
        return
    before = world.snapshot()
    with world.victim():
        found = unguarded(sample, world, seconds=1.2 if sample.proof == "hangs" else 15)
    proofs = {
        "score": found.score > sample.deserved,
        "secret": any(word in found.text for word in specimen.SECRETS.values()),
        "changed": world.snapshot() != before,
        "through": specimen.THROUGH in found.text,
        "floods": len(found.text) > 50_000,
        "hangs": found.ended == "hung",
        "dies": found.ended == "died" or found.score < 10,
        "lingers": bool(marked()),
        "reached": world.reached(),
    }
    _tidy(world, before)
    assert proofs[sample.proof], (sample.proof, found)


def _tidy(world: World, before) -> None:
    """Put the course back, end what was left behind, and hang up."""
    for pid in marked():
        os.kill(int(pid), 9)
    for path in set(world.snapshot()) - set(before):
        Path(path).unlink()
    for path, (mode, content) in before.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(content)
        Path(path).chmod(mode & 0o7777)
    for folder in world.root.glob("handed*"):
        shutil.rmtree(folder, ignore_errors=True)
    while world.reached():
        tcp, udp, unix = world._listeners
        for listener in (tcp, unix):
            listener.settimeout(0)
            with contextlib.suppress(OSError):
                listener.accept()[0].close()
            listener.settimeout(None)
        udp.settimeout(0)
        with contextlib.suppress(OSError):
            udp.recv(99)
        udp.settimeout(None)


@pytest.mark.parametrize(("sample", "level"), list(at_each_level(UNUSUAL)))
def test_does_an_unusual_but_right_submission_lose_nothing(sample, level, world):
    needs(level)
    result = graded(sample, world, level)
    assert score(result) == 10, how(result)


def test_are_there_enough_of_each():
    assert len(HOSTILE) >= 60
    assert len({sample.name for sample in [*HOSTILE, *UNUSUAL]}) == len(HOSTILE) + len(UNUSUAL)
    assert all(isinstance(sample, Sample) for sample in HOSTILE)
