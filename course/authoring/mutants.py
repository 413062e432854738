"""Mutants of a reference solution: small mistakes made by a machine, which the tests cells must find.

The machine is cosmic-ray: its operators change one place of the code at a time. Only solution regions are changed.
From its operators those were chosen whose mutants could be somebody's mistake; `LEFT_OUT` says why the others were
not: a mutant that dies of a TypeError at once says nothing about the tests, and would only make the share of killed
ones look better. Four operators of our own stand beside them, for what cosmic-ray does not change: statements that
are left out, elements that are left out of a list, `in`, and words.
"""

from __future__ import annotations

import re
import types
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import parso
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.operators.provider import OperatorProvider

from course.authoring.lesson import SOLUTION

#: cosmic-ray's operators whose mutants could be a person's mistake.
CHOSEN = (
    *(
        f"ReplaceBinaryOperator_{swap}"
        for swap in (
            *("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Div", "Div_FloorDiv", "Mod_FloorDiv", "Pow_Mul"),
            *("BitOr_BitAnd", "BitAnd_BitOr", "BitXor_BitOr", "RShift_LShift", "LShift_RShift"),
        )
    ),
    *(
        f"ReplaceComparisonOperator_{swap}"
        for swap in (
            *("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_GtE", "LtE_Gt", "Gt_LtE", "GtE_Lt"),
            *("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is"),
        )
    ),
    "ReplaceUnaryOperator_Delete_USub",
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_Delete_Invert",
    "AddNot",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ExceptionReplacer",
    "NumberReplacer",
    "RemoveDecorator",
    "ZeroIterationForLoop",
)

#: Why cosmic-ray's other operators are left out, by the beginning of their names.
LEFT_OUT = {
    "ReplaceBinaryOperator_": "it makes a TypeError or another size of number, which any assert finds",
    "ReplaceComparisonOperator_": "identity of equal values is an accident of the interpreter; the rest are doubles",
    "ReplaceUnaryOperator_": "it doubles the deletion of the same operator, or makes a TypeError",
    "VariableReplacer": "it draws at random: the gate would not say the same twice",
    "VariableInserter": "it draws at random: the gate would not say the same twice",
}

#: What stands for the exception class that cosmic-ray would import: no cell raises this one.
NEVER_RAISED = "EncodingWarning"


@dataclass(frozen=True)
class Mutant:
    """One changed solution: the whole cell, and its line before and after."""

    name: str
    source: str
    line: int
    before: str
    after: str

    def diff(self) -> list[str]:
        """Return the change as the two lines that a declaration of equivalence repeats."""
        return [f"# - {self.before}", f"# + {self.after}"]

    def is_declared_by(self, before: str, after: str) -> bool:
        """Whether a declaration names this change; white space does not count."""
        return _bare(self.before) == _bare(before) and _bare(self.after) == _bare(after)


def mutants_of(source: str) -> tuple[list[Mutant], dict[str, int]]:
    """Return the mutants of a cell's solution regions, and how many were left out for which reason.

    >>> found, _ = mutants_of("def f(x):\\n    ### BEGIN SOLUTION\\n    return x + 1\\n    ### END SOLUTION")
    >>> [mutant.after for mutant in found]
    ['return x - 1', 'return x + 2', 'return x + 0']
    """
    inside = _solution_lines(source)
    original = _bytecode(source)
    nodes = list(ast_nodes(get_ast(source)))
    mutants: list[Mutant] = []
    seen: set[object] = {original}
    left_out: Counter[str] = Counter()
    for operator in operators():
        occurrence = -1
        for node in nodes:
            for (line, _), _ in operator.mutation_positions(node):
                occurrence += 1
                if line not in inside:
                    continue
                reason = _senseless(node, operator)
                if reason:
                    left_out[reason] += 1
                    continue
                mutated = mutate_code(source, operator, occurrence)
                mutated = mutated and mutated.replace("CosmicRayTestingException", NEVER_RAISED)
                code = _bytecode(mutated) if mutated else None
                if code is None:
                    left_out["it does not compile"] += 1
                elif code in seen:
                    left_out["it compiles to the same code as the solution or as another mutant"] += 1
                else:
                    seen.add(code)
                    place, before, after = _first_change(source, mutated)
                    mutants.append(Mutant(f"{type(operator).__name__} {occurrence}", mutated, place, before, after))
    return sorted(mutants, key=lambda mutant: mutant.line), dict(left_out)


def operators() -> Iterator[Operator]:
    """Return the operators that are used, cosmic-ray's first."""
    provider = OperatorProvider()
    for name in CHOSEN:
        yield provider[name]()
    for own in (DeleteStatement, DropElement, SwapMembership, ChangeWord):
        yield own()


def _solution_lines(source: str) -> set[int]:
    inside, lines = False, set()
    for number, line in enumerate(source.splitlines(), start=1):
        if line.strip() in SOLUTION:
            inside = line.strip() == SOLUTION[0]
        elif inside:
            lines.add(number)
    return lines


def _senseless(node: parso.tree.NodeOrLeaf, operator: Operator) -> str | None:
    """Say why a change at this place would be nobody's mistake, or None."""
    if type(operator).__name__ == "AddNot":
        condition = node.children[2 if node.type == "test" else 1]
        if condition.type == "comparison" and len(condition.children) == 3:
            return "it doubles the comparison turned round"
    if isinstance(operator, DropElement) and node.parent.type == "except_clause":
        return "it doubles the exception replaced"
    child, parent = node, node.parent
    while parent is not None:
        if parent.type == "raise_stmt":
            return "it changes only what an error says"
        if parent.type == "assert_stmt" and child is not parent.children[1]:
            return "it changes only what an error says"
        if parent.type == "annassign" and child is parent.children[1]:
            return "it changes an annotation"
        if parent.type in ("tfpdef", "funcdef") and child is not parent.children[-1] and child.type != "parameters":
            return "it changes an annotation"
        child, parent = parent, parent.parent
    return None


def _bytecode(source: str) -> object | None:
    """Return what a cell does, without where it stands in lines; None when it does not compile."""
    try:
        return _plain(compile(source, "<mutant>", "exec", dont_inherit=True))
    except (SyntaxError, ValueError):
        return None


def _plain(code: types.CodeType) -> tuple:
    constants = tuple(
        _plain(c) if isinstance(c, types.CodeType) else (type(c).__name__, repr(c)) for c in code.co_consts
    )
    return code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars


def _first_change(source: str, mutated: str) -> tuple[int, str, str]:
    before, after = source.splitlines(), mutated.splitlines()
    for number, (one, other) in enumerate(zip(before, after, strict=False), start=1):
        if one != other:
            return number, one.strip(), " ".join(other.split())
    return len(before), before[-1].strip(), after[-1].strip()


def _bare(line: str) -> str:
    return re.sub(r"\s+", "", line)


# --- Operators of our own -------------------------------------------------------------------------------------


class DeleteStatement(Operator):
    """Leaves out a statement that binds no new name: without one, a NameError would find it at once."""

    def mutation_positions(self, node: parso.tree.NodeOrLeaf) -> Iterator[tuple]:
        if node.type == "simple_stmt" and self._may_go(node.children[0]):
            yield (node.start_pos, node.end_pos)

    def mutate(self, node: parso.tree.NodeOrLeaf, index: int) -> parso.tree.NodeOrLeaf:
        first = node.get_first_leaf()
        node.children[0] = parso.python.tree.Keyword("pass", first.start_pos, prefix=first.prefix)
        return node

    @staticmethod
    def _may_go(statement: parso.tree.NodeOrLeaf) -> bool:
        if statement.type in ("atom_expr", "power"):
            return True
        if statement.type != "expr_stmt":
            return False
        if any(name.type != "name" for name in statement.children[:1]):
            return statement.children[0].type in ("atom_expr", "power")  # x[...] = …, x.y = …
        name, rest = statement.children[0].value, statement.children[1:]
        if rest[0].type == "operator" and rest[0].value != "=":
            return True  # x += …
        used = {leaf.value for part in rest for leaf in _leaves(part) if leaf.type == "name"}
        return name in used

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example("total += 1\n", "pass\n"), Example("x = x.copy()\n", "pass\n"))


class DropElement(Operator):
    """Leaves one element out of a list, tuple, set or dict that is written out."""

    def mutation_positions(self, node: parso.tree.NodeOrLeaf) -> Iterator[tuple]:
        for _ in range(len(self._elements(node))):
            yield (node.start_pos, node.end_pos)

    def mutate(self, node: parso.tree.NodeOrLeaf, index: int) -> parso.tree.NodeOrLeaf:
        elements = self._elements(node)
        kept = [f"{element.strip()}," for number, element in enumerate(elements) if number != index]
        opening, closing = node.children[0].value, node.children[-1].value
        return parso.parse(f"{node.get_first_leaf().prefix}{opening}{' '.join(kept)}{closing}")

    @staticmethod
    def _elements(node: parso.tree.NodeOrLeaf) -> list[str]:
        if node.type != "atom" or node.children[0].value not in ("[", "(", "{") or len(node.children) != 3:
            return []
        inner = node.children[1]
        if inner.type not in ("testlist_comp", "dictorsetmaker"):
            return []
        if any(child.type in ("sync_comp_for", "comp_for") for child in inner.children):
            return []
        elements = [""]
        for child in inner.children:
            if child.type == "operator" and child.value == ",":
                elements.append("")
            else:
                elements[-1] += child.get_code()
        elements = [element for element in elements if element.strip()]
        return elements if len(elements) > 1 else []

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example("x = [1, 2]", "x = [2,]"), Example("x = {1: 2, 3: 4}", "x = {1: 2,}", occurrence=1))


class SwapMembership(Operator):
    """Turns `in` into `not in` and back, in comparisons."""

    def mutation_positions(self, node: parso.tree.NodeOrLeaf) -> Iterator[tuple]:
        if node.type == "comparison":
            for operator in self._memberships(node):
                yield (operator.start_pos, operator.end_pos)

    def mutate(self, node: parso.tree.NodeOrLeaf, index: int) -> parso.tree.NodeOrLeaf:
        operator = self._memberships(node)[index]
        turned = " in" if operator.get_code().split() == ["not", "in"] else " not in"
        node.children[node.children.index(operator)] = parso.parse(turned)
        return node

    @staticmethod
    def _memberships(node: parso.tree.NodeOrLeaf) -> list[parso.tree.NodeOrLeaf]:
        return [child for child in node.children[1::2] if child.get_code().split() in (["in"], ["not", "in"])]

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example("x in y", "x not in y"), Example("x not in y", "x in y"))


class ChangeWord(Operator):
    """Changes a string that is not a text for people: a key, a name, a mode."""

    def mutation_positions(self, node: parso.tree.NodeOrLeaf) -> Iterator[tuple]:
        if node.type == "string" and re.fullmatch(r"""(["'])\w[\w.-]*\1""", node.value):
            yield (node.start_pos, node.end_pos)

    def mutate(self, node: parso.tree.NodeOrLeaf, index: int) -> parso.tree.NodeOrLeaf:
        node.value = f"{node.value[:-1]}_{node.value[-1]}"
        return node

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example("x = d['a']", "x = d['a_']"),)


def _leaves(node: parso.tree.NodeOrLeaf) -> Iterator[parso.tree.Leaf]:
    for one in ast_nodes(node):
        if not isinstance(one, parso.tree.BaseNode):
            yield one


# --- What became of them --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Census:
    """What became of one make's mutants."""

    answer: str
    killed: int
    survivors: Sequence[Mutant]
    equivalents: Mapping[str, Sequence[Mutant]]  # survivors that the author declared, by the declaration's name
    left_out: Mapping[str, int]

    @property
    def counted(self) -> int:
        """How many count: all but the declared ones."""
        return self.killed + len(self.survivors)

    @property
    def enough(self) -> bool:
        """Whether at least nine in ten died."""
        return 10 * self.killed >= 9 * self.counted


def take_census(
    answer: str,
    mutants: Sequence[Mutant],
    alive: Sequence[Mutant],
    declared: Mapping[str, tuple[str, str]],
    left_out: Mapping[str, int],
) -> Census:
    """Sort the mutants that are still alive into survivors and those that were declared equivalent.

    `declared` holds line before and after by the declaration's name.
    """
    equivalents: dict[str, list[Mutant]] = {name: [] for name in declared}
    survivors = []
    for mutant in alive:
        names = [name for name, (before, after) in declared.items() if mutant.is_declared_by(before, after)]
        if names:
            equivalents[names[0]].append(mutant)
        else:
            survivors.append(mutant)
    return Census(answer, len(mutants) - len(alive), survivors, equivalents, left_out)
