"""Statements as trees without formatting, documentation and, where it is asked for, without the names of variables."""

from __future__ import annotations

import ast
import builtins
import hashlib
import re
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence

STATEMENTS = 3  # in a row, or inside one: fewer tell nothing

#: One part of a tree: what kind it is, and its word. Kinds are node, name, called, attribute, keyword, constant, text.
Part = tuple[str, str]

_BUILTINS = frozenset(dir(builtins))
_EVERYWHERE = frozenset({"len", "range", "int", "float", "str", "list", "dict", "print", "isinstance"})
_IGNORED = frozenset({"ctx", "type_comment", "annotation", "returns", "kind", "simple", "type_params"})


def blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """Return every list of statements below a node, docstrings left out."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                yield [statement for statement in block if not is_docstring(statement)]


def windows(block: Sequence[ast.stmt]) -> Iterator[list[Part]]:
    """Return the parts of every three statements in a row, and of every statement that holds three."""
    parts = [parts_of(statement) for statement in block]
    for first in range(len(block) - STATEMENTS + 1):
        yield [part for several in parts[first : first + STATEMENTS] for part in several]
    for statement, own in zip(block, parts, strict=True):
        if _statements_in(statement) >= STATEMENTS:
            yield own


def _statements_in(statement: ast.stmt) -> int:
    """Count a statement and those inside it; expressions hold none, so they are not walked."""
    inner = [one for name in ("body", "orelse", "finalbody") for one in getattr(statement, name, None) or []]
    inner += [one for part in ("handlers", "cases") for holder in getattr(statement, part, []) for one in holder.body]
    return 1 + sum(_statements_in(one) for one in inner if not is_docstring(one))


def is_docstring(statement: ast.AST) -> bool:
    """Whether a statement is a text or another constant alone, which does nothing."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def parts_of(node: ast.AST) -> list[Part]:
    """Return a tree as a list of its parts, without what formatting, documentation and annotations leave in it."""
    parts: list[Part] = []

    def write(item: object, kind: str = "text") -> None:
        if isinstance(item, list):
            for one in item:
                if not (isinstance(one, ast.AST) and is_docstring(one)):
                    write(one, kind)
            parts.append(("node", "."))
        elif isinstance(item, ast.Name):
            parts.append((kind if kind == "called" else "name", item.id))
        elif isinstance(item, ast.Constant):
            parts.append(("constant", repr(item.value)))
        elif isinstance(item, ast.AnnAssign) and item.value is not None:
            parts.append(("node", "Assign"))
            write([item.target])
            write(item.value)
        elif isinstance(item, ast.AST):
            parts.append(("node", type(item).__name__))
            for name, value in ast.iter_fields(item):
                if name not in _IGNORED:
                    write(value, _KINDS.get((type(item), name), "text"))
        elif item is not None:
            parts.append((kind, str(item)))

    write(node)
    return parts


_KINDS: dict[tuple[type, str], str] = {
    (ast.Call, "func"): "called",
    (ast.Attribute, "attr"): "attribute",
    (ast.keyword, "arg"): "keyword",
    (ast.arg, "arg"): "name",
    (ast.ExceptHandler, "name"): "name",
    (ast.FunctionDef, "name"): "name",
    (ast.AsyncFunctionDef, "name"): "name",
    (ast.ClassDef, "name"): "name",
}


def skeleton_of(parts: Iterable[Part]) -> str:
    """Return a tree without its words: cheap to compare before anything is renamed."""
    return " ".join(word if kind == "node" else "_" for kind, word in parts)


def rename(parts: Iterable[Part], modules: frozenset[str]) -> tuple[list[Part], set[Part]]:
    """Return the parts with variables renamed in order of appearance, and those of them that tell something."""
    names: dict[str, str] = {}
    renamed: list[Part] = []
    telling: set[Part] = set()
    for kind, word in parts:
        if kind == "name" and word not in _BUILTINS and word not in modules:
            renamed.append((kind, names.setdefault(word, f"v{len(names)}")))
            continue
        renamed.append((kind, word))
        if kind == "constant":
            if word not in ("0", "1", "None", "True", "False", "''", "Ellipsis"):
                telling.add((kind, word))
        elif kind != "node" and word not in _EVERYWHERE:
            telling.add((kind, word))
    return renamed, telling


def digest_of(parts: Iterable[Part]) -> str:
    """Return a short name for a tree; equal trees have equal ones."""
    same = [("name", word) if kind == "called" else (kind, word) for kind, word in parts]
    return hashlib.sha256(repr(same).encode()).hexdigest()


def parsed(source: str) -> ast.Module | None:
    """Return the syntax tree of a text when it is Python; magics are left out."""
    text = textwrap.dedent(source)
    without_magics = re.sub(r"(?m)^\s*[%!].*$", "", text)
    for candidate in dict.fromkeys((text, without_magics)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return ast.parse(candidate)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
    return None
