"""What the text of a tests cell says about its names: which are the student's, and what was bound to which, when.

Time is place: what stands earlier in the text runs earlier. A loop's second turn is not looked at.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from course.grading.names import parsed

#: A place in the text: line from 1, column from 0.
Place = tuple[int, int]

CONTAINERS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
COLLECTORS = {"list", "dict", "set", "bytearray", "collections.defaultdict", "collections.Counter", "collections.deque"}
#: What builds a value that nobody can change.
FIXED = {
    "len",
    "int",
    "float",
    "str",
    "bool",
    "round",
    "sum",
    "tuple",
    "frozenset",
    "repr",
    "bytes",
    "hash",
    "range",
    "abs",
    "pow",
    "chr",
    "ord",
    "hex",
}
FIXED_METHODS = {
    "item",
    "lower",
    "upper",
    "strip",
    "replace",
    "join",
    "format",
    "title",
    "encode",
    "decode",
    "hexdigest",
    "isoformat",
}
#: Draws that give one number when they get no more than so many arguments, and no size.
DRAWS = {"random": 0, "integers": 2, "randint": 2, "randrange": 3, "uniform": 2, "normal": 2, "gauss": 2, "choice": 1}


@dataclass(frozen=True)
class Binding:
    """A name and what it was bound to; `value` is None where the text does not tell."""

    name: str
    since: Place
    value: ast.expr | None
    until: Place | None = None  # of the targets of a comprehension: its end
    part: bool = False  # the name got a part of the value: unpacked, or one item after the other


@dataclass
class Facts:
    """A tests cell, read."""

    tree: ast.Module
    student_names: frozenset[str]
    imports: dict[str, str] = field(default_factory=dict)  # name → what it stands for: np → numpy
    bindings: list[Binding] = field(default_factory=list)
    set_up: dict[str, ast.expr | None] = field(default_factory=dict)
    classes: set[str] = field(default_factory=set)  # of the student's
    functions: set[str] = field(default_factory=set)
    data: set[str] = field(default_factory=set)  # the student's names that the reference binds to lists, dicts, …
    instances: set[str] = field(default_factory=set)  # names of the student's that stand for objects of its classes
    read_globally: set[str] = field(default_factory=set)  # what the reference's functions read outside themselves

    @classmethod
    def of(
        cls, source: str, student_names: frozenset[str], set_up_sources: Sequence[str], answers: Sequence[str]
    ) -> Facts:
        """Read a tests cell and what stands before it."""
        facts = cls(parsed(source), student_names)
        for text in set_up_sources:
            tree = parsed(text)
            facts.imports |= _imports(tree)
            facts.set_up |= {binding.name: binding.value for binding in bindings_in(tree)}
        for text in answers:
            facts._read_answer(text)
        for text in set_up_sources:
            facts.read_globally |= _globals_of_functions(text) & student_names
        facts.imports |= _imports(facts.tree)
        facts.bindings = list(bindings_in(facts.tree))
        return facts

    def _read_answer(self, text: str) -> None:
        tree = parsed(text)
        imports = _imports(tree)
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                self.classes.add(node.name)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self.functions.add(node.name)
        for binding in bindings_in(tree):
            value = binding.value
            if isinstance(value, CONTAINERS) and not binding.part:
                self.data.add(binding.name)
            elif isinstance(value, ast.Call) and not binding.part:
                called = dotted(value.func, imports)
                if called in COLLECTORS:
                    self.data.add(binding.name)
                elif called in self.classes:
                    self.instances.add(binding.name)
        self.read_globally |= _globals_of_functions(text)

    # --- asking -----------------------------------------------------------------------------------------------

    def called(self, node: ast.expr) -> str:
        """Return the full name of what stands there: `mock.patch.dict` is unittest.mock.patch.dict; "" if unknown."""
        return dotted(node, self.imports)

    def is_module(self, node: ast.expr) -> bool:
        """Whether an expression is something that was imported."""
        root = root_of(node)
        return isinstance(root, ast.Name) and root.id in self.imports and not self.binding_of(root)

    def binding_of(self, name: ast.Name) -> Binding | None:
        """Return what a name was bound to last, in this cell, where it is read."""
        here = start(name)
        found = None
        for binding in self.bindings:
            if binding.name != name.id:
                continue
            if binding.until is not None:
                if binding.since <= here < binding.until:
                    return binding
            elif binding.since <= here and (found is None or binding.since >= found.since):
                found = binding
        return found

    def is_students(self, node: ast.expr) -> bool:
        """Whether a name, as it is read there, is one that comes from the student."""
        return isinstance(node, ast.Name) and node.id in self.student_names and self.binding_of(node) is None

    def calls_student(self, node: ast.AST) -> bool:
        """Whether it is a call of a student's function or class, or of a method of a student's object."""
        return isinstance(node, ast.Call) and self.is_raw(node.func)

    def is_raw(self, node: ast.expr, depth: int = 8) -> bool:
        """Whether an expression is surely what the student's side gave, as it came: nothing of ours was made of it."""
        if depth == 0:
            return False
        if self.is_students(node):
            return True
        if isinstance(node, ast.Name):
            binding = self.binding_of(node)
            if binding is None or binding.value is None:
                return False
            return not binding.part and self.is_raw(binding.value, depth - 1)
        if isinstance(node, ast.Call):
            return self.is_raw(node.func, depth - 1)
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Await):
            return self.is_raw(node.value, depth - 1)
        return False

    def is_object(self, node: ast.expr) -> bool:
        """Whether an expression is surely a function, class or object that stays on the student's side."""
        if isinstance(node, ast.Name):
            if self.is_students(node):
                return node.id in self.classes | self.functions | self.instances
            binding = self.binding_of(node)
            return bool(binding and binding.value and not binding.part and self.is_instance(binding.value))
        return self.is_instance(node)

    def is_instance(self, node: ast.expr) -> bool:
        """Whether an expression is surely an object of a class that the student wrote."""
        if isinstance(node, ast.Call):
            return self.is_students(node.func) and isinstance(node.func, ast.Name) and node.func.id in self.classes
        if not isinstance(node, ast.Name):
            return False
        if self.is_students(node):
            return node.id in self.instances
        binding = self.binding_of(node)
        return bool(binding and binding.value and not binding.part and self.is_instance(binding.value))

    def is_fixed(self, node: ast.expr | None, depth: int = 8) -> bool:
        """Whether nobody can change the value, as far as the text tells: a number, a text, a function."""
        if node is None or depth == 0:
            return False
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.Compare | ast.Lambda):
            return True
        if isinstance(node, ast.BinOp):
            return self.is_fixed(node.left, depth - 1) and self.is_fixed(node.right, depth - 1)
        if isinstance(node, ast.UnaryOp):
            return self.is_fixed(node.operand, depth - 1)
        if isinstance(node, ast.Tuple):
            return all(self.is_fixed(item, depth - 1) for item in node.elts)
        if isinstance(node, ast.Call):
            return self._gives_fixed(node) or self._is_fixed_row(node, depth)
        if isinstance(node, ast.Name):
            binding = self.binding_of(node)
            if binding is None:
                if node.id in self.imports or node.id in self.student_names:
                    return True
                return node.id in self.set_up and self.is_fixed(self.set_up[node.id], depth - 1)
            if binding.part and isinstance(binding.value, ast.List | ast.Tuple | ast.Set):
                return all(self.is_fixed(item, depth - 1) for item in binding.value.elts)
            if binding.part and isinstance(binding.value, ast.Call):
                return True  # one of many: more often a number than not
            return self.is_fixed(binding.value, depth - 1)
        return False

    def _gives_fixed(self, node: ast.Call) -> bool:
        """Whether a call gives a number, a text or a truth value."""
        name = self.called(node.func)
        if name in FIXED or name.split(".")[0] in ("math", "datetime"):
            return True
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        sized = any(word.arg in ("size", "k", None) for word in node.keywords)
        return method in FIXED_METHODS or (method in DRAWS and len(node.args) <= DRAWS[method] and not sized)

    def _is_fixed_row(self, node: ast.Call, depth: int) -> bool:
        """Whether it is `.items()`, `.keys()` or `.values()` of a dict that stands there, of fixed values."""
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in ("items", "keys", "values"):
            return False
        row = node.func.value
        return isinstance(row, ast.Dict) and all(self.is_fixed(item, depth - 1) for item in [*row.keys, *row.values])


# --- Reading trees ----------------------------------------------------------------------------------------------


def start(node: ast.AST) -> Place:
    """Return where a node begins."""
    return node.lineno, node.col_offset  # type: ignore[attr-defined]


def end(node: ast.AST) -> Place:
    """Return where a node ends."""
    return node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]


def root_of(node: ast.expr) -> ast.expr:
    """Return what an attribute, item or call is asked of: `a` of `a.b[0].c()`."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node


def dotted(node: ast.expr, imports: dict[str, str]) -> str:
    """Return the full name of an expression made of names and dots, imports resolved; "" for any other."""
    if isinstance(node, ast.Name):
        return imports.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        before = dotted(node.value, imports)
        return f"{before}.{node.attr}" if before else ""
    return ""


def bindings_in(tree: ast.Module) -> Iterator[Binding]:
    """Yield what a cell binds by assignments, loops, `with`, definitions and comprehensions, in order."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _targets(target, node.value, end(node))
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            yield from _targets(node.target, node.value, end(node))
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield Binding(node.target.id, end(node), None)
        elif isinstance(node, ast.For | ast.AsyncFor):
            yield from _targets(node.target, node.iter, end(node.iter), part=True)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            yield from _targets(node.optional_vars, node.context_expr, end(node.optional_vars), part=True)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or (
            isinstance(node, ast.ExceptHandler) and node.name
        ):
            yield Binding(node.name, start(node), None)
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            for generator in node.generators:
                for inner in _targets(generator.target, generator.iter, start(node), part=True):
                    yield Binding(inner.name, start(node), inner.value, end(node), part=True)


def _targets(target: ast.expr, value: ast.expr, since: Place, part: bool = False) -> Iterator[Binding]:
    """Yield the names of a target; where values stand beside them in the text, each name gets its own."""
    if isinstance(target, ast.Name):
        yield Binding(target.id, since, value, part=part)
        return
    if isinstance(target, ast.Starred):
        yield from _targets(target.value, value, since, part=True)
        return
    if not isinstance(target, ast.Tuple | ast.List):
        return
    starred = any(isinstance(item, ast.Starred) for item in target.elts)
    if isinstance(value, ast.Call) and part and getattr(value.func, "id", "") == "enumerate" and len(target.elts) == 2:
        yield from _targets(target.elts[0], ast.Constant(0), since)
        yield from _targets(target.elts[1], value.args[0], since, part=True) if value.args else ()
        return
    for place, item in enumerate(target.elts):
        beside = None if starred else _beside(value, place, len(target.elts), part)
        if beside is None:
            yield from _targets(item, value, since, part=True)
        else:
            yield from _targets(item, beside, since, part=part)


def _beside(value: ast.expr, place: int, count: int, part: bool) -> ast.expr | None:
    """Return the value that stands at a target's place: of `a, b = 1, 2`, or of all rows of a loop's table."""
    if not isinstance(value, ast.Tuple | ast.List):
        return None
    if not part:
        return value.elts[place] if len(value.elts) == count else None
    if value.elts and all(isinstance(row, ast.Tuple | ast.List) and len(row.elts) == count for row in value.elts):
        column = [row.elts[place] for row in value.elts]  # type: ignore[attr-defined]
        return ast.copy_location(ast.List(column, ast.Load()), value)
    return None


def _imports(tree: ast.Module) -> dict[str, str]:
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _globals_of_functions(source: str) -> set[str]:
    """Return the names that functions in a cell read in the module, builtins left out."""
    try:
        table = symtable.symtable(source, "cell", "exec")
    except (SyntaxError, ValueError, RecursionError):
        return set()
    found: set[str] = set()
    # A comprehension at top level has run when the tests come; a function has not.
    waiting = [child for child in table.get_children() if not child.get_name().endswith(("comp", "genexpr"))]
    while waiting:
        inner = waiting.pop()
        found |= {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global() and symbol.is_referenced()}
        waiting += inner.get_children()
    return {name for name in found if not hasattr(builtins, name)}
