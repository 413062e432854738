"""The safe grader over what the release gate knows the points of: it must say the same as the rehearsal.

The rehearsal plays tests and answers in one process; grading runs them on two sides of a wall. A tests cell that the
two judge differently would cost right answers their points, or give wrong ones some, and no student would know why.

Planted mistakes share notebooks: in one run of a section each mistake takes the place of its answer in turn, and meets
its tests cells there, since each tests cell meets a copy of the student's process anyway. Where that says otherwise
than the rehearsal, the mistake is graded again in a notebook of its own, and only that counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nbformat.notebooknode import NotebookNode

from course.authoring.rehearsal import Play
from course.authoring.verdicts import Finding, cell_name
from course.authoring.wrongs import Wrong
from course.grading.records import Cell, CellResult, Level, Limits, NotebookResult, Rebuilt

#: Of each answer cell so many planted mistakes are graded in the sample.
SAMPLE = 1
#: Of each answer cell so many planted mistakes meet a tests cell that they pass, too: it costs its whole time.
PASSING = 2
#: A whole section's mistakes run as one notebook.
LIMITS = Limits(notebook_seconds=3600.0, cpu_seconds=3600.0)


@dataclass(frozen=True)
class Piece:
    """A section as the grader gets it."""

    name: str
    source: NotebookNode
    release: NotebookNode
    wrongs: Sequence[Wrong]
    files: Mapping[str, bytes]  # beside the notebook


@dataclass(frozen=True)
class Graded:
    """What the safe grader says of a section: results by tests cell."""

    reference: Mapping[str, CellResult]
    untouched: Mapping[str, CellResult]
    mistakes: Mapping[str, Mapping[str, CellResult]]  # by the mistake's name; the tests cells that were asked
    limits: Limits
    level: Level
    cpu_seconds: float


def files_beside(folder: Path | None) -> dict[str, bytes]:
    """Return the data files that lie beside a section's notebook."""
    if folder is None:
        return {}
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in (".ipynb", ".py")]
    found = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(".") and "/." not in name}


def grade_section(piece: Piece, level: Level, thorough: bool) -> Graded:
    """Grade the reference solution, the untouched release and planted mistakes of a section.

    All of the mistakes are graded with `thorough`, else a sample. Of a mistake's tests cells those run that it must
    lose, and for the first mistakes of each answer one that it must not.
    """
    right = _run(_rebuilt(piece, piece.source), piece, level, LIMITS)
    reference = _tests(right)
    slowest = max((result.seconds for result in right.cells.values()), default=0.0)
    limits = replace(LIMITS, cell_seconds=5 + 10 * slowest)
    nothing = _run(_rebuilt(piece, piece.release), piece, level, limits)
    chosen = piece.wrongs if thorough else _sample(piece.wrongs)
    asked = {wrong.name: _asked(wrong, piece.wrongs, reference) for wrong in chosen}
    mistakes: dict[str, dict[str, CellResult]] = {name: {} for name, tests in asked.items() if tests}
    spent = right.cpu_seconds + nothing.cpu_seconds
    if mistakes:
        chain = _run(_chained(_rebuilt(piece, piece.source), chosen, asked), piece, level, limits)
        spent += chain.cpu_seconds
        for name, tests in asked.items():
            mistakes |= {name: {test: chain.cells[_turn(name, test)] for test in tests}} if tests else {}
    return Graded(reference, _tests(nothing), mistakes, limits, level, spent)


def _run(
    rebuilt: Rebuilt, piece: Piece, level: Level, limits: Limits, only: frozenset[str] | None = None
) -> NotebookResult:
    from course.grading.grader import grade_notebook

    return grade_notebook(rebuilt, course_files=piece.files, level=level, limits=limits, only=only)


def _rebuilt(piece: Piece, submitted: NotebookNode) -> Rebuilt:
    from course.grading.reading import Received
    from course.grading.rebuild import rebuild

    return rebuild(piece.name, piece.source, piece.release, Received(raw=json.dumps(submitted).encode()))


def _tests(result: NotebookResult) -> dict[str, CellResult]:
    return {name: cell for name, cell in result.cells.items() if cell.score is not None}


def _sample(wrongs: Sequence[Wrong]) -> list[Wrong]:
    """Return the first mistakes of each answer cell."""
    taken: dict[str, int] = {}
    chosen = []
    for wrong in wrongs:
        taken[wrong.replaces] = taken.get(wrong.replaces, 0) + 1
        if taken[wrong.replaces] <= SAMPLE:
            chosen.append(wrong)
    return chosen


def _asked(wrong: Wrong, wrongs: Sequence[Wrong], tests: Mapping[str, CellResult]) -> tuple[str, ...]:
    """Return the tests cells that a mistake meets: those that it loses, and perhaps another one of the same answer.

    A self-check gives no points, and grading does not run it.
    """
    same = [other for other in wrongs if other.replaces == wrong.replaces]
    judging = {test for other in same for test in other.loses}
    others = [test for test in tests if test in judging - wrong.loses]
    turn = same.index(wrong)
    more = others[turn % len(others)] if others and turn < PASSING else ""
    return tuple(test for test in tests if test in wrong.loses or test == more)


def _turn(wrong: str, cell: str) -> str:
    """Return the name of a cell when it is a mistake's turn."""
    return f"{wrong} › {cell}"


def _chained(rebuilt: Rebuilt, wrongs: Sequence[Wrong], asked: Mapping[str, Sequence[str]]) -> Rebuilt:
    """Return a notebook in which the mistakes take their turns, each where the last of its tests cells stands."""
    places = {cell.name: number for number, cell in enumerate(rebuilt.cells)}
    turns: dict[int, list[Cell]] = {}
    for wrong in wrongs:
        if not asked[wrong.name]:
            continue
        last = max(places[test] for other in wrongs if other.replaces == wrong.replaces for test in asked[other.name])
        right = rebuilt.cells[places[wrong.replaces]]
        turn = [replace(right, name=_turn(wrong.name, right.name), source=wrong.source)]
        turn += [replace(rebuilt.cells[places[t]], name=_turn(wrong.name, t)) for t in asked[wrong.name]]
        turn.append(replace(right, name=_turn(wrong.name, f"{right.name} again")))
        turns.setdefault(last, []).extend(turn)
    cells = []
    for number, cell in enumerate(rebuilt.cells):
        if cell.role != "tests":
            cells.append(cell)
        cells += turns.get(number, [])
    return replace(rebuilt, cells=tuple(cells))


def _alone(piece: Piece, wrong: Wrong, tests: Sequence[str], graded: Graded) -> dict[str, CellResult]:
    """Grade one mistake in a notebook of its own."""
    rebuilt = _rebuilt(piece, piece.source)
    cells = [replace(c, source=wrong.source) if c.name == wrong.replaces else c for c in rebuilt.cells]
    result = _run(replace(rebuilt, cells=tuple(cells)), piece, graded.level, graded.limits, frozenset(tests))
    return {test: result.cells[test] for test in tests}


# --- The check ----------------------------------------------------------------------------------------------------


def check_two_sides(
    piece: Piece, graded: Graded, reference: Play, with_labs: Play, untouched: Play, mistakes: Mapping[str, Play]
) -> list[Finding]:
    """The safe grader, which runs no lab cell, gives every tests cell the points that it has in one process."""
    findings = [*_differences(piece.name, "the reference solution", graded.reference, reference)]
    if not findings:
        findings += _differences(piece.name, "the reference solution after its lab cells", graded.reference, with_labs)
    findings += _differences(piece.name, "the untouched release", graded.untouched, untouched)
    for wrong in piece.wrongs:
        if wrong.name not in graded.mistakes or wrong.name not in mistakes:
            continue
        words, play, results = f"the planted mistake {wrong.name!r}", mistakes[wrong.name], graded.mistakes[wrong.name]
        found = list(_differences(piece.name, words, results, play))
        if found:  # perhaps only because it shared a notebook
            found = list(_differences(piece.name, words, _alone(piece, wrong, [*results], graded), play))
        findings += found
    return findings


def _differences(section: str, who: str, results: Mapping[str, CellResult], play: Play) -> list[Finding]:
    points = {step.name: step.points for step in play.steps}
    findings = []
    for name, result in results.items():
        there, here = (result.score or 0.0), (points[name] if name not in play.lost else 0)
        if there != here:
            said = f"{result.state}: {result.message}" if result.message else result.state
            once = play.tests.get(name, "unseen")
            findings.append(
                Finding(
                    cell_name(section, name),
                    f"{who} gets {here} points in one process ({once}) and {there:g} from the safe grader ({said})",
                    "let the tests cell judge data that the call returns: CONTRIBUTING.md, What a tests cell keeps to",
                )
            )
    return findings
