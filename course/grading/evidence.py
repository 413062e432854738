"""What lets a student's side say how it is judged: it works, and the builder of a lesson is warned.

A student's object may answer whatever is asked of it. Evidence is what our side compares with a value of its own, and
that value is one that the student's code had no hand in.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from course.grading.facts import Facts, Place, end, root_of, start
from course.grading.fitness import Misfit

ASKING = (ast.Eq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)  # unequal to everything is what any random answer is, too
VALUES = (*ASKING, ast.NotEq, ast.In, ast.NotIn)
#: Functions and methods that compare two things.
COMPARERS = ("array_equal", "allclose", "isclose", "equals", "assertEqual", "assertAlmostEqual", "assertSequenceEqual")
CLOCKS = {"time.time", "time.monotonic", "time.perf_counter", "timeit.timeit", "timeit.default_timer"}
SHORTEST = 1.0  # seconds that a busy machine may lose anywhere
SMALL_TALK = {"print", "display", "repr", "str", "len", "list", "type"}  # builtins that judge nothing


def judged_by_the_student(facts: Facts) -> Iterator[Misfit]:
    """Yield the verdicts of a tests cell that rest on what the student's side says, or on nothing."""
    yield from _asserts_nothing(facts)
    passed = list(_passed(facts))
    vouched = _vouched(facts)
    for node in ast.walk(facts.tree):
        for left, right, asks in _comparisons(node):
            if asks and _both_theirs(left, right, facts, vouched):
                yield _warning(
                    node,
                    "both sides come from the student, and where they are objects, theirs decides",
                    "compare with a value of your own, or assert the type of one side first: isinstance(…, str)",
                )
            yield from _computed_after(node, left, right, facts, passed)
        if isinstance(node, ast.Compare):
            yield from _hurries(node, facts)
        elif isinstance(node, ast.Assert):
            yield from _says_itself(node, facts, vouched)


def _warning(node: ast.AST, why: str, mend: str) -> Misfit:
    text = ast.unparse(node)
    return Misfit(node.lineno, text if len(text) < 90 else text[:88] + " …", why, mend, refused=False)  # type: ignore[attr-defined]


def _comparisons(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, bool]]:
    """Yield the pairs that an expression compares, and whether an object's own word may decide."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            if isinstance(operator, VALUES):
                yield left, right, isinstance(operator, ASKING)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        if name == "equals" and isinstance(node.func, ast.Attribute) and node.args:
            yield node.func.value, node.args[0], False
        elif (name in COMPARERS or name.startswith("assert_")) and len(node.args) >= 2:
            yield node.args[0], node.args[1], False


# --- Two of the student's objects ---------------------------------------------------------------------------------


def _vouched(facts: Facts) -> set[str]:
    """Return the expressions whose type a cell asserts: of a library's type they hold data, and cannot lie."""
    found = set()
    for node in ast.walk(facts.tree):
        if isinstance(node, ast.Call) and facts.called(node.func) == "isinstance" and len(node.args) == 2:
            if not any(isinstance(part, ast.Name) and part.id in facts.classes for part in ast.walk(node.args[1])):
                found.add(ast.unparse(node.args[0]))
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Is | ast.Eq):
            # What equals a value of ours is data, and so is what has a type of ours: an object of theirs does not.
            for one, other in ((node.left, node.comparators[0]), (node.comparators[0], node.left)):
                if not _is_theirs(other, facts):
                    found |= {ast.unparse(part) for part in ast.walk(one) if _is_named(part) and facts.is_raw(part)}
    return found


def _is_named(node: ast.AST) -> bool:
    """Whether it is read from a name, and no call: a second call may give something else."""
    return isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and not any(
        isinstance(part, ast.Call) for part in ast.walk(node)
    )


def _both_theirs(left: ast.expr, right: ast.expr, facts: Facts, vouched: set[str]) -> bool:
    if not (facts.is_raw(left) and facts.is_raw(right)):
        return False
    data = facts.data
    return not any(ast.unparse(side) in vouched or getattr(root_of(side), "id", "") in data for side in (left, right))


# --- Expected after the call --------------------------------------------------------------------------------------


def _passed(facts: Facts) -> Iterator[tuple[str, Place]]:
    """Yield the names that were handed to the student's code as they are, and when the call was over."""
    for call in ast.walk(facts.tree):
        if not facts.calls_student(call):
            continue
        waiting = [*call.args, *(word.value for word in call.keywords if word.arg)]  # type: ignore[attr-defined]
        while waiting:
            given = waiting.pop()
            if isinstance(given, ast.Starred):
                waiting.append(given.value)
            elif isinstance(given, ast.List | ast.Tuple):
                waiting += given.elts
            elif isinstance(given, ast.Subscript) and isinstance(given.slice, ast.Slice | ast.Tuple):
                waiting.append(given.value)  # a slice of an array is the array
            elif isinstance(given, ast.Name) and not facts.is_fixed(given) and not facts.is_raw(given):
                yield given.id, end(call)


def _computed_after(
    node: ast.AST, left: ast.expr, right: ast.expr, facts: Facts, passed: list[tuple[str, Place]]
) -> Iterator[Misfit]:
    for result, expected in ((left, right), (right, left)):
        names = _handed_over_before(expected, facts, passed)
        if not names or _is_theirs(expected, facts):
            continue
        same = _handed_over_before(result, facts, passed) & names
        if _is_theirs(result, facts) if not same else result is left:
            name = sorted(names)[0]
            yield _warning(
                node,
                f"what is expected is computed from {name!r} after the student's code had it, and may have changed it",
                "compute what is expected before the call, or hand over a copy",
            )
            return


def _is_theirs(node: ast.expr, facts: Facts, depth: int = 8) -> bool:
    """Whether a value is, or is made of, what the student's code gave."""
    for part in ast.walk(node):
        if isinstance(part, ast.expr) and facts.is_raw(part):
            return True
        if isinstance(part, ast.Name) and depth:
            binding = facts.binding_of(part)
            if binding and binding.value is not None and _is_theirs(binding.value, facts, depth - 1):
                return True
    return False


def _handed_over_before(
    node: ast.expr, facts: Facts, passed: list[tuple[str, Place]], depth: int = 8
) -> frozenset[str]:
    """Return the names behind a value that the student's code had in its hands when the value was computed."""
    found: set[str] = set()
    for part in ast.walk(node):
        if not isinstance(part, ast.Name) or not isinstance(part.ctx, ast.Load):
            continue
        binding, here = facts.binding_of(part), start(part)
        since = binding.since if binding else (0, 0)
        if any(name == part.id and since <= over <= here for name, over in passed):
            found.add(part.id)
        elif depth and binding and binding.value is not None:
            found |= _handed_over_before(binding.value, facts, passed, depth - 1)
    return frozenset(found)


# --- What an object says of itself --------------------------------------------------------------------------------


def _says_itself(node: ast.Assert, facts: Facts, vouched: set[str]) -> Iterator[Misfit]:
    """An assert that a method or attribute of the student's object decides alone."""
    terms = node.test.values if isinstance(node.test, ast.BoolOp) else [node.test]
    for term in terms:
        asked = term.operand if isinstance(term, ast.UnaryOp) and isinstance(term.op, ast.Not) else term
        what = asked.func if isinstance(asked, ast.Call) else asked
        if isinstance(what, ast.Attribute) and _is_unknown(what.value, facts, vouched):
            yield _own_word(term)
        for part in ast.walk(asked):
            called = part.func if isinstance(part, ast.Call) else None
            if not isinstance(called, ast.Attribute) or called.attr != "score":
                continue
            if _is_unknown(called.value, facts, vouched):
                yield _own_word(term)
    if isinstance(node.test, ast.Compare) and isinstance(node.test.left, ast.Call):
        length = node.test.left
        if facts.called(length.func) == "len" and len(length.args) == 1 and facts.is_instance(length.args[0]):
            text = ast.unparse(length.args[0])
            others = [
                part
                for other in ast.walk(facts.tree)
                if isinstance(other, ast.Assert)
                for part in ast.walk(other.test)
                if isinstance(part, ast.Attribute | ast.Subscript) and ast.unparse(part.value) == text
            ]
            if not others:
                yield _own_word(node.test)


def _is_unknown(node: ast.expr, facts: Facts, vouched: set[str]) -> bool:
    """Whether it came from the student, and nothing in the cell says that it is data."""
    is_data = isinstance(node, ast.Name) and node.id in facts.data
    return facts.is_raw(node) and not is_data and ast.unparse(node) not in vouched


def _own_word(node: ast.expr) -> Misfit:
    return _warning(
        node,
        "the verdict rests on what the student's object says about itself",
        "ask it for data and judge that here; or assert first that it is of a library's type",
    )


# --- Nothing, and too soon ----------------------------------------------------------------------------------------


def _asserts_nothing(facts: Facts) -> Iterator[Misfit]:
    body = facts.tree.body
    if not body:
        return
    for node in ast.walk(facts.tree):
        if isinstance(node, ast.Assert | ast.Raise):
            return
        if isinstance(node, ast.Call) and not facts.calls_student(node) and facts.called(node.func) not in SMALL_TALK:
            return  # a function of ours may judge
    last = body[-1]
    if isinstance(last, ast.Expr) and not isinstance(last.value, ast.Call):
        return  # its value is the score
    yield _warning(
        last, "nothing in this cell can fail but the call itself", "assert what the student's code should give"
    )


def _hurries(node: ast.Compare, facts: Facts) -> Iterator[Misfit]:
    """A limit of less than a second on the clock: a busy machine fails right answers."""
    if len(node.ops) != 1:
        return
    small, large = node.left, node.comparators[0]
    if isinstance(node.ops[0], ast.Gt | ast.GtE):
        small, large = large, small
    elif not isinstance(node.ops[0], ast.Lt | ast.LtE):
        return
    limit = large.value if isinstance(large, ast.Constant) else None
    if isinstance(limit, int | float) and limit < SHORTEST and _reads_a_clock(small, facts):
        yield _warning(
            node,
            "a busy machine may lose more than that anywhere, and a right answer its points",
            f"allow {SHORTEST:g} s and more",
        )


def _reads_a_clock(node: ast.expr, facts: Facts, depth: int = 4) -> bool:
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and facts.called(part.func) in CLOCKS:
            return True
        if isinstance(part, ast.Name) and depth:
            binding = facts.binding_of(part)
            if binding and binding.value is not None and _reads_a_clock(binding.value, facts, depth - 1):
                return True
    return False
