"""Is a tests cell fit for two sides? Asked when a lesson is built, long before a student's work meets it.

Two kinds of misfits, each with what was found, why, and how to mend it:

- *Refused* (`crossing`): what cannot work when the tests run in another process than the student's code. Such a cell
  would fail a right answer, or pass every one.
- *Warned of* (`evidence`): what works, and lets the student's side say how it is judged.

Both read the cell's text and run nothing. They speak only where the text leaves no doubt: what else does not cross is
found when the release gate runs the reference solution on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Misfit:
    """One thing in a tests cell that cannot work across the wall, or lets the student's side judge."""

    line: int  # of the cell, from 1
    found: str  # what stands there
    why: str  # why that is a misfit
    mend: str
    refused: bool = True  # else it is a warning

    def __str__(self) -> str:
        return f"line {self.line}: {self.found}: {self.why}; {self.mend}"


def check_tests_cell(
    source: str,
    student_names: frozenset[str],
    set_up_sources: Sequence[str] = (),
    answers: Sequence[str] = (),
) -> list[Misfit]:
    """Return what cannot work across the wall in a tests cell, and what is badly designed, in order of lines.

    `student_names` are the names that tests take from the student, `set_up_sources` the set-up cells before it,
    `answers` the reference solutions. A cell that is no Python has no misfits here: other checks refuse it.

    >>> [misfit] = check_tests_cell("assert type(s) is Stack", frozenset({"s", "Stack"}), answers=["class Stack: pass"])
    >>> misfit.refused, misfit.mend
    (True, 'ask isinstance(…, Stack)')
    >>> [misfit] = check_tests_cell("assert f(1) == f(2)", frozenset({"f"}))
    >>> misfit.refused, misfit.found
    (False, 'f(1) == f(2)')
    """
    from course.grading.crossing import cannot_cross
    from course.grading.evidence import judged_by_the_student
    from course.grading.facts import Facts

    facts = Facts.of(source, student_names, set_up_sources, answers)
    return sorted({*cannot_cross(facts), *judged_by_the_student(facts)})
