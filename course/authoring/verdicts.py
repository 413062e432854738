"""What the release gate asks of a section: each check takes what was played and says what is wrong with it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from course.authoring.lesson import HIDDEN, SOLUTION, bound_names, used_names
from course.authoring.mutants import Census
from course.authoring.rehearsal import MAGIC, Play, Step, Variation
from course.authoring.wrongs import Planted, Wrong
from course.grading.fitness import check_tests_cell
from course.grading.names import bound_names as names_bound
from course.grading.names import imports_of

CPU_SECONDS = 1.0  # set-up and answer cells of a section, in a warm interpreter: they run again in grading
WRONGS_PER_MAKE = 3
UNSEEN_WRONGS_PER_MAKE = 2  # of them, so many pass every visible assert
NOT_WRITTEN = "NotImplementedError"


@dataclass(frozen=True)
class Finding:
    """One reason why a lesson may not be released: where, what was found, and what would be right."""

    where: str
    given: str
    mend: str

    def __str__(self) -> str:
        return f"{self.where}: {self.given}; {self.mend}"


@dataclass(frozen=True)
class Make:
    """An answer cell that students write, and the tests cells that judge it."""

    answer: Step
    tests: Sequence[Step]

    @property
    def hides(self) -> bool:
        """Whether any of its tests cells has a hidden region."""
        return any(step.hides for step in self.tests)


# --- What a section holds -------------------------------------------------------------------------------------


def judged(steps: Sequence[Step]) -> dict[str, list[Step]]:
    """Return the tests cells of each answer or written cell: those that use a name which it bound last.

    >>> cells = [Step("a-one", "answer", "x = 1"), Step("t-one", "tests", "assert x"), Step("a-two", "answer", "x = 2")]
    >>> {name: [step.name for step in tests] for name, tests in judged(cells).items()}
    {'a-one': ['t-one'], 'a-two': []}
    """
    tests: dict[str, list[Step]] = {step.name: [] for step in steps if step.role in ("answer", "written")}
    binder: dict[str, str] = {}
    for step in steps:
        if step.name in tests:
            binder |= dict.fromkeys(bound_names(step.source), step.name)
        elif step.role == "tests":
            for name in {binder[used] for used in used_names(step.source) if used in binder}:
                tests[name].append(step)
    return tests


def is_prediction(tests: Iterable[Step]) -> bool:
    """Whether tests cells only look at the kind of a guess: then no guess is wrong."""
    return any("check_prediction" in used_names(step.source) for step in tests)


def makes_of(steps: Sequence[Step]) -> list[Make]:
    """Return the makes of a section: answer cells with a solution inside a function, or with hidden tests.

    Predictions are none, since no guess is wrong; what nobody gives points for is none either.
    """
    tests = judged(steps)
    makes = []
    for step in steps:
        mine = tests.get(step.name, [])
        if step.role != "answer" or is_prediction(mine) or not any(test.points for test in mine):
            continue
        make = Make(step, mine)
        if make.hides or _solves_a_function(step.source):
            makes.append(make)
    return makes


def _solves_a_function(source: str) -> bool:
    inside = False
    for line in source.splitlines():
        if line.strip() in SOLUTION:
            inside = line.strip() == SOLUTION[0]
            if inside and line[:1].isspace():
                return True
        elif inside and line.startswith(("def ", "class ", "async def ")):
            return True
    return False


# --- The checks: each takes what was played and says what is wrong with it ------------------------------------


def check_reference(section: str, play: Play) -> list[Finding]:
    """The reference solution earns everything, quietly and quickly."""
    findings = []
    for name, outcome in play.broken.items():
        findings.append(
            Finding(cell_name(section, name, outcome.line), f"the reference stops there: {outcome}", "mend the cell")
        )
    for name, outcome in play.tests.items():
        where = cell_name(section, name, outcome.line)
        if not outcome.passed:
            findings.append(
                Finding(where, f"the reference loses it: {outcome}", "mend the reference solution or the tests cell")
            )
        elif outcome.stderr:
            said = outcome.stderr.strip().splitlines()[-1][:120]
            findings.append(
                Finding(
                    where,
                    f"it writes to the error stream: {said!r}",
                    "nbgrader gives such a cell no points: stay quiet",
                )
            )
        elif outcome.shows:
            findings.append(
                Finding(
                    where,
                    f"it ends in a value ({outcome.shows})",
                    "nbgrader may take a value for a score: end in an assert",
                )
            )
    if not findings and play.own_cpu_seconds > CPU_SECONDS:
        costs = sorted(play.outcomes.items(), key=lambda item: -item[1].cpu_seconds)
        slowest = [f"{name} {o.cpu_seconds:.2f} s" for name, o in costs if name not in play.tests][:2]
        findings.append(
            Finding(
                section,
                f"set-up and answer cells take {play.own_cpu_seconds:.2f} CPU s (most: {', '.join(slowest)})",
                f"keep them within {CPU_SECONDS:g} s: they run again for every submission",
            )
        )
    return findings


def check_untouched(section: str, play: Play) -> list[Finding]:
    """The untouched release earns nothing, and every tests cell says so with exactly NotImplementedError."""
    findings = []
    for name, outcome in play.broken.items():
        findings.append(
            Finding(
                cell_name(section, name, outcome.line),
                f"untouched, it stops when it is run: {outcome}",
                "a stub raises when it is called, never when it is defined",
            )
        )
    for name, outcome in play.tests.items():
        where = cell_name(section, name, outcome.line)
        if outcome.passed:
            findings.append(
                Finding(where, "an untouched release passes it", "call what the student writes, before anything else")
            )
        elif outcome.error != NOT_WRITTEN:
            findings.append(
                Finding(
                    where,
                    f"untouched, it ends with {outcome} instead of {NOT_WRITTEN}",
                    "let it call what the student writes before it uses anything that depends on it",
                )
            )
    return findings


def check_wrongs(
    section: str,
    makes: Sequence[Make],
    planted: Planted,
    graded: Mapping[str, Play],
    visible: Mapping[str, Play],
) -> list[Finding]:
    """Every planted mistake loses exactly what it names; there are enough; hidden tests decide something.

    `graded` and `visible` are the plays by the mistake's name, with and without hidden tests.
    """
    findings = []
    for wrong in planted.wrongs:
        findings += _check_wrong(section, wrong, graded[wrong.name])
    for make in makes:
        mine = planted.of(make.answer.name)
        unseen = [wrong.name for wrong in mine if not visible[wrong.name].lost]
        if len(mine) < WRONGS_PER_MAKE:
            findings.append(
                Finding(
                    cell_name(section, make.answer.name),
                    f"{len(mine)} planted mistake(s)",
                    f"plant {WRONGS_PER_MAKE} or more in wrong/{section}.py, replaces={make.answer.name!r}",
                )
            )
        elif make.hides and len(unseen) < UNSEEN_WRONGS_PER_MAKE:
            findings.append(
                Finding(
                    cell_name(section, make.answer.name),
                    f"{len(unseen)} of its {len(mine)} planted mistakes pass every visible assert"
                    + (f" ({', '.join(unseen)})" if unseen else ""),
                    f"{UNSEEN_WRONGS_PER_MAKE} or more must: only they show that the hidden tests decide anything",
                )
            )
        findings += _check_decisive(section, make, mine, graded, visible)
    return findings


def _check_wrong(section: str, wrong: Wrong, play: Play) -> list[Finding]:
    where = f"wrong/{section}.py, {wrong.name!r}"
    findings = [
        Finding(where, f"it stops in {name}: {outcome}", "a planted mistake runs: only tests cells find it out")
        for name, outcome in play.broken.items()
    ]
    missed, more = sorted(wrong.loses - play.lost), sorted(play.lost - wrong.loses)
    if missed:
        findings.append(
            Finding(
                where,
                f"it should lose {', '.join(missed)}, and passes" + (" everything" if not play.lost else ""),
                "sharpen the tests cell, or correct loses=…",
            )
        )
    for name in more:
        findings.append(
            Finding(
                where,
                f"it loses {name} as well ({play.tests[name]})",
                "name it in loses=…, or let that tests cell judge one behaviour only",
            )
        )
    for name in sorted(play.lost & wrong.loses):
        if play.tests[name].error in ("NameError", "SyntaxError", NOT_WRITTEN):
            findings.append(
                Finding(
                    where,
                    f"it loses {name} by {play.tests[name]}",
                    "plant a mistake in what the code does, not code that cannot run",
                )
            )
    return findings


def _check_decisive(
    section: str,
    make: Make,
    wrongs: Sequence[Wrong],
    graded: Mapping[str, Play],
    visible: Mapping[str, Play],
) -> list[Finding]:
    """Each tests cell is lost by some planted mistake, and each hidden region by one that passes what is visible."""
    findings = []
    if len(wrongs) < WRONGS_PER_MAKE:
        return findings
    for test in make.tests:
        losers = [wrong.name for wrong in wrongs if test.name in graded[wrong.name].lost]
        deciders = [name for name in losers if test.name not in visible[name].lost]
        where = cell_name(section, test.name)
        if not losers and test.points:
            findings.append(
                Finding(where, "no planted mistake loses it", "plant the mistake that it is there for, or take it out")
            )
        elif test.hides and not deciders:
            findings.append(
                Finding(
                    where,
                    "its hidden tests decide nothing: every planted mistake that loses it loses its visible asserts",
                    "plant a mistake that only the hidden tests find, or sharpen them",
                )
            )
    return findings


def check_labs(section: str, steps: Sequence[Step]) -> list[Finding]:
    """Lab cells bind nothing that a graded cell uses: in grading they never run."""
    findings = []
    bound_elsewhere = {name for step in steps if step.role != "lab" for name in bound_names(step.source)}
    for place, step in enumerate(steps):
        if step.role != "lab" or MAGIC.search(step.source):
            continue
        later = [other for other in steps[place + 1 :] if other.role != "lab"]
        for name in sorted(bound_names(step.source)):
            users = [other.name for other in later if name in used_names(other.source)]
            if users and name not in bound_elsewhere:
                given = f"this lab cell binds {name!r}, which {users[0]} uses"
                mend = "lab cells never run in grading: bind the name in a set-up cell"
                findings.append(Finding(cell_name(section, step.name), given, mend))
            elif name in bound_elsewhere and _changes(step, name, later, steps):
                given = f"this lab cell binds {name!r} anew, and {users[0]} uses it"
                mend = "give the lab's value another name: in grading the old one is used"
                findings.append(Finding(cell_name(section, step.name), given, mend))
    return findings


def check_fitness(section: str, steps: Sequence[Step]) -> tuple[list[Finding], list[Finding]]:
    """Tests cells can work in another process than the student's code; return what cannot, and what is warned of.

    Self-checks give no points and are never graded: they are not asked.
    """
    answers = [step.source for step in steps if step.role in ("answer", "written")]
    imports = "\n".join(line for answer in answers for line in imports_of(answer))
    theirs = frozenset().union(*map(names_bound, answers)) - names_bound(imports)
    refused, warned = [], []
    for place, step in enumerate(steps):
        if step.role != "tests" or not step.points:
            continue
        set_up = [before.source for before in steps[:place] if before.role in ("set-up", "readonly")]
        for misfit in check_tests_cell(step.source, theirs, set_up, answers):
            where = cell_name(section, step.name, misfit.line)
            finding = Finding(where, f"{misfit.found}: {misfit.why}", misfit.mend)
            (refused if misfit.refused else warned).append(finding)
    return refused, warned


def check_lab_run(section: str, with_labs: Play, without: Play) -> list[Finding]:
    """Lab cells run, and the reference scores the same with them as without."""
    findings = [
        Finding(cell_name(section, name, outcome.line), f"it raises: {outcome}", "mend the cell")
        for name, outcome in with_labs.broken.items()
    ]
    for name in sorted(with_labs.lost ^ without.lost):
        given = "it scores otherwise once lab cells have run"
        findings.append(Finding(cell_name(section, name), given, "let lab cells bind nothing that it uses"))
    return findings


def _changes(lab: Step, name: str, later: Sequence[Step], steps: Sequence[Step]) -> bool:
    """Whether a graded cell reads `name` after the lab cell bound it, before another cell binds it again.

    An import that a set-up cell has made as well is no change.
    """
    if _imports(lab.source).get(name) and any(
        _imports(s.source).get(name) == _imports(lab.source)[name] for s in steps if s is not lab
    ):
        return False
    for step in later:
        if step.role == "lab":
            continue
        if name in used_names(step.source):
            return not _binds_first(step.source, name)
        if name in bound_names(step.source):
            return False
    return False


def _binds_first(source: str, name: str) -> bool:
    """Whether a cell's own statements bind `name` before one of them reads it."""
    for statement in ast.parse(source).body:
        text = ast.unparse(statement)
        if name in used_names(text):
            return False
        if name in bound_names(text):
            return True
    return False


def _imports(source: str) -> dict[str, str]:
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                module = getattr(node, "module", "") or ""
                found[alias.asname or alias.name.split(".")[0]] = f"{module}:{alias.name}:{alias.asname}"
    return found


def check_repeating(section: str, make: Make, play: Play | None) -> list[Finding]:
    """An answer that only repeats what the visible asserts saw must lose something."""
    if play is None or play.broken or any(play.tests[test.name].state != "passed" for test in make.tests):
        return []
    return [
        Finding(
            cell_name(section, make.answer.name),
            "an answer that only repeats the results of the visible asserts passes every hidden test",
            "let the hidden tests call it with other inputs, for which the visible results are wrong",
        )
    ]


def repeating(make: Make) -> Variation | None:
    """Return the hard-coded answer as a variation: in hidden regions it gives back what it gave visibly.

    For a call that the visible asserts made too it repeats that result, else the last one. None when the make has
    no hidden tests or is not made of plain functions.
    """
    try:
        tree = ast.parse(make.answer.source)
    except SyntaxError:
        return None
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    others = [node for node in tree.body if isinstance(node, ast.ClassDef | ast.AsyncFunctionDef)]
    if not make.hides or not functions or others:
        return None
    used = [name for name in functions if any(name in used_names(test.source) for test in make.tests)]
    lines = [make.answer.source, _REPEATER]
    lines += [f"{name} = _repeats({name})" for name in used]
    sources = {make.answer.name: "\n".join(lines)}
    for test in make.tests:
        if test.hides:
            mark = [f"{name}.hidden = True" for name in used]
            unmark = [f"{name}.hidden = False" for name in used]
            body = test.source.replace(HIDDEN[0], "\n".join(mark)).replace(HIDDEN[1], "\n".join(unmark))
            sources[test.name] = body
    return Variation(f"repeats {make.answer.name}", sources)


_REPEATER = """
def _repeats(function):
    import copy, functools, pickle

    def key(args, kwargs):
        try:
            return pickle.dumps((args, kwargs))
        except Exception:
            return repr((args, kwargs))

    @functools.wraps(function)
    def repeated(*args, **kwargs):
        called = key(args, kwargs)
        if not repeated.hidden:
            repeated.seen[called] = copy.deepcopy(function(*args, **kwargs))
            return copy.deepcopy(repeated.seen[called])
        return copy.deepcopy(repeated.seen.get(called, list(repeated.seen.values())[-1] if repeated.seen else None))

    repeated.hidden, repeated.seen = False, {}
    return repeated
"""


def check_census(section: str, censuses: Sequence[Census], planted: Planted) -> list[Finding]:
    """At least nine in ten mutants of every make die, and nothing is declared equivalent that is not alive."""
    findings = []
    for census in censuses:
        if not census.enough:
            shown = "".join(f"\n    line {m.line}\n    " + "\n    ".join(m.diff()) for m in census.survivors)
            findings.append(
                Finding(
                    cell_name(section, census.answer),
                    f"{census.killed} of {census.counted} mutants are killed; these survive:{shown}\n  ",
                    "sharpen its tests cells until nine in ten die, or, where a change is no mistake, copy its two "
                    f'lines into wrong/{section}.py below # %% equivalent="…" replaces="{census.answer}" and say why',
                )
            )
    alive = {name for census in censuses for name, mutants in census.equivalents.items() if mutants}
    for equivalent in planted.equivalents:
        if equivalent.name not in alive:
            findings.append(
                Finding(
                    f"wrong/{section}.py, {equivalent.name!r}",
                    "it declares a mutant equivalent, and no surviving mutant looks like that",
                    "take it out, or copy the two lines from the gate's list again",
                )
            )
    return findings


def cell_name(section: str, name: str, line: int = 0) -> str:
    """How findings call a cell."""
    return f"{section}, {name}" + (f", line {line}" if line else "")
