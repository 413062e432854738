"""What a submission got through, told from what was seen after a grader had graded its class: the same for any grader.

The probes are those of `tests/grading/integrity`: undeserved points, a planted secret, a changed file, a process that
stays, a listener that was reached, more than its share, a next student who is not graded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import course_specimen as specimen
from probing import Sample

#: What counts as got through, in the words of the table.
EFFECTS = {
    "points": "undeserved points",
    "secret": "a planted secret read",
    "reach": "the grader's process or files of others within reach",
    "changed": "a file of the course or a neighbour's grade changed",
    "left": "a process left running",
    "called": "a listener reached",
    "share": "more than its share of memory, processes, files or output",
    "held up": "the next student not graded",
}
FLOOD = 20 * 2**20
MOST = 10  # points of the assignment


@dataclass
class Seen:
    """What was seen of one class after its grading: a submission, and two honest neighbours."""

    score: float | None = None  # of the submission; None: the gradebook has none
    told: str = ""  # what its own cells put out, as it stands in its graded notebook
    shown: str = ""  # what the tests cells show there
    changed: list[str] = field(default_factory=list)  # files of the course, a neighbour's grades
    left: list[str] = field(default_factory=list)  # processes that still ran
    called: bool = False
    next_score: float | None = None  # of the student after it
    status: int | None = None  # of the grader's command; None: it was not over in time


def got_through(sample: Sample, seen: Seen) -> list[str]:
    """Return which of `EFFECTS` a submission had.

    >>> got_through(Sample("wrong", "forging"), Seen(score=3, next_score=10, status=0))
    ['points']
    >>> got_through(Sample("right", "honest", deserved=10), Seen(score=10, next_score=10, status=0))
    []
    """
    most = MOST if sample.deserved < 0 else sample.deserved
    through = specimen.THROUGH in seen.told and sample.proof == "through"
    greedy = sample.family == "exhausting"
    found = {
        "points": seen.score is not None and seen.score > most,
        "secret": bool(secrets_in(seen)),
        "reach": through and not greedy,
        "changed": bool(seen.changed),
        "left": bool(seen.left),
        "called": seen.called,
        "share": (through and greedy) or len(seen.told) > FLOOD,
        "held up": seen.next_score != MOST,
    }
    return [effect for effect in EFFECTS if found[effect]]


def secrets_in(seen: Seen) -> list[str]:
    """Return which planted words came back; what a tests cell shows is the instructor's own."""
    theirs = ("hidden tests", "source")
    return [
        place
        for place, word in specimen.SECRETS.items()
        if word in seen.told or (word in seen.shown and place not in theirs)
    ]


def lost_points(sample: Sample, seen: Seen) -> bool:
    """Whether right answers earned less than they deserve.

    >>> lost_points(Sample("right", "honest", deserved=10), Seen(score=8))
    True
    """
    return (seen.score or 0) < sample.deserved


def outputs_of(notebook: Any) -> tuple[str, str]:
    """What the student's cells of a graded notebook put out, and what the tests cells show."""
    told, shown = [], []
    for cell in notebook["cells"]:
        name = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")
        (shown if name in specimen.TESTS else told).append(str(cell.get("outputs", "")))
    return "\n".join(told), "\n".join(shown)
