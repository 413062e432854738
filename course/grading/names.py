"""Which names a piece of notebook code binds: tests take these from the student, everything else is ours."""

from __future__ import annotations

import ast
import functools
import warnings

#: Cell and line magics that run what stands in them in the notebook's own namespace.
RUNS_ITS_BODY = {"time", "capture", "prun"}


def bound_names(source: str, *, magics: bool = True) -> frozenset[str]:
    """The names that code binds at the top level of a notebook, or stores into.

    >>> sorted(bound_names("import numpy as np\\ndef double(number): half = number / 2; return 4 * half"))
    ['double', 'np']
    >>> sorted(bound_names("df['z'] = 1\\nmodel.best.depth = 3\\nfor row in df: total += row"))
    ['df', 'model', 'row', 'total']
    >>> sorted(bound_names("x = 1\\ndel x\\nif (n := 3) > 2: pass\\n[k for k in range(n)]"))
    ['n']
    >>> sorted(bound_names("%%time\\nfiles = !ls\\nanswer = 42"))
    ['answer', 'files']

    Code that is no Python binds nothing. Without ``magics`` IPython's lines (``%time``, ``!ls``) count as no Python
    either: reading them is slow, and IPython need not be loaded.
    """
    scope = _Scope()
    try:
        scope.visit(parsed(source, magics))
    except (RecursionError, MemoryError):
        return frozenset()
    return frozenset(scope.names | scope.global_names)


@functools.lru_cache(maxsize=1024)  # the same tests cells for a whole class
def changed_and_read(source: str) -> tuple[frozenset[str], frozenset[str]] | None:
    """Return the names that a tests cell may bind or change, and those it may read; None when that cannot be told.

    More than `bound_names` gives: what a cell changes in place counts, and names within functions do.

    >>> changed, read = changed_and_read("worlds.append(f(seed))\\nfor seed in range(3): total = 0")
    >>> sorted(changed), sorted(read)
    (['seed', 'total', 'worlds'], ['f', 'range', 'seed', 'worlds'])
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    bound: set[str] = set()
    read: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            bound.add(node.name)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            read.add(node.target.id)
        elif isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            bound |= _root(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            # `worlds.append(…)` as a statement is there for what it changes.
            bound |= _root(node.value.func) if isinstance(node.value.func, ast.Attribute) else set()
    return frozenset(bound), frozenset(read)


@functools.lru_cache(maxsize=1024)
def names_read(source: str) -> frozenset[str]:
    """Return every name that a cell may read, those in texts included: `globals()["f"]` is a way to ask for f.

    >>> sorted(names_read("assert f(x) == 3 and 'g' in globals()"))
    ['f', 'g', 'globals', 'x']
    """
    found: set[str] = set()
    for node in ast.walk(parsed(source, magics=True)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            found.add(node.value)
    return frozenset(found)


def _root(node: ast.expr) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def imports_of(source: str) -> tuple[str, ...]:
    """The import statements that run at the top level of a notebook, each as one line of code.

    What a reference answer imports is a library's, not the student's: tests get it from the library.

    >>> imports_of("import numpy as np\\nfrom math import pi, tau\\ndef f():\\n    import os")
    ('import numpy as np', 'from math import pi, tau')
    """
    found: list[str] = []
    waiting: list[ast.AST] = [parsed(source, magics=True)]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(ast.unparse(node))
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            waiting.extend(ast.iter_child_nodes(node))
    return tuple(found)


def parsed(source: str, magics: bool = True) -> ast.Module:
    """The tree of notebook code, IPython's lines as the calls that IPython makes of them; empty for no Python."""
    nothing = ast.Module(body=[], type_ignores=[])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd escape in a string is no concern of ours
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError):
            if not magics:
                return nothing
        from IPython.core.inputtransformer2 import TransformerManager

        try:
            return ast.parse(TransformerManager().transform_cell(source))
        except (SyntaxError, ValueError):
            return nothing


class _Scope(ast.NodeVisitor):
    """Collects what one scope binds, in the order in which it runs."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.declared_global: set[str] = set()
        self.global_names: set[str] = set()  # what functions in this scope bind in the module

    def _inner(self, body: list[ast.stmt]) -> None:
        inner = _Scope()
        for statement in body:
            inner.visit(statement)
        self.global_names |= inner.global_names | (inner.names & inner.declared_global)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.names.add(node.name)
        for outside in [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults]:
            if outside is not None:
                self.visit(outside)
        self._inner(node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.names.add(node.name)
        for outside in [*node.decorator_list, *node.bases, *node.keywords]:
            self.visit(outside)
        self._inner(node.body)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.visit(default)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        # Its targets are its own, but `:=` inside it binds outside.
        for part in [node.iter, *node.ifs]:
            self.visit(part)

    def visit_Global(self, node: ast.Global) -> None:
        self.declared_global |= set(node.names)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.names.add(node.id)
        elif isinstance(node.ctx, ast.Del):
            self.names.discard(node.id)

    def visit_Attribute(self, node: ast.Attribute | ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            base: ast.expr = node
            while isinstance(base, ast.Attribute | ast.Subscript):
                base = base.value
            if isinstance(base, ast.Name):
                self.names.add(base.id)
        self.generic_visit(node)

    visit_Subscript = visit_Attribute  # noqa: N815

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names} - {"*"}

    visit_ImportFrom = visit_Import  # noqa: N815

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.generic_visit(node)
        self.names.discard(node.name or "")

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        self.generic_visit(node)
        self.names |= {node.name} - {None}

    visit_MatchStar = visit_MatchAs  # noqa: N815

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.generic_visit(node)
        self.names |= {node.rest} - {None}

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in ("run_cell_magic", "run_line_magic"):
            return
        words = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        if len(words) < 2 or words[0] not in RUNS_ITS_BODY or not all(isinstance(word, str) for word in words):
            return
        if words[0] == "capture":
            self.names |= {word for word in words[1].split() if word.isidentifier()}
        if body := words[-1] if words[0] != "capture" else "".join(words[2:]):
            self.visit(parsed(body, magics=True))
