"""The leak scan: does anything that a student receives give away what only the instructor should have?

What is secret is read from a lesson's source notebooks (`secrets_of`); where it must not be is every byte of what
students get, inside zips, wheels, archives, notebooks, web pages and encoded text too (`scan_bytes`).

The rules, and what keeps them quiet on an honest package:

- *line*: a line of a solution, of hidden tests or of a model answer with 12 and more non-space characters, white
  space normalised. It is no secret when visible *code* of the lesson has it as well (comments, docstrings and prose
  do not count: there it would be the leak), or when it stands word for word in Python's standard library, NumPy,
  SciPy, pandas or scikit-learn: what everybody writes says nothing. But when all lines of a solution stand in
  visible code, they are leaked there.
- *string*: a literal of 8 and more characters that no visible text of the lesson has. A single word without digits
  is no secret when the scanned package's own code, or one of those libraries, uses it as a name: a column or a mode
  says nothing by itself. A literal with four and more digits is a code, not words: prose does not excuse it.
- *number*: a literal of 4 and more significant digits that no visible code has, also written as a percentage. Years,
  powers of two and runs like 12345 are no secrets.
- *copy*: three and more consecutive statements of a solution, or one statement that holds three, as a syntax
  tree. Names that are neither builtins, nor imported by the lesson, nor called are renamed in order of appearance,
  because the copy to fear most is the one with tidied names; docstrings, annotations, comments and formatting do not
  count. Renaming would make bare idioms (count, add up, return) look alike, so a tree with fewer than three telling
  parts (called and imported names, attributes, keywords, constants other than 0 and 1) counts only with its very
  names.
"""

from __future__ import annotations

import ast
import functools
import html
import importlib.util
import re
import sysconfig
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode

from course.authoring.lesson import HIDDEN, SOLUTION, used_names
from course.authoring.rehearsal import role_of
from course.authoring.trees import STATEMENTS, blocks, digest_of, parsed, rename, skeleton_of, windows
from course.authoring.wrappings import INSIDE, texts_of

LINE_LENGTH = 12  # non-space characters
STRING_LENGTH = 8
DIGITS = 4  # significant ones
TELLING_PARTS = 3
LIBRARIES = ("numpy", "scipy", "pandas", "sklearn")


@dataclass(frozen=True)
class Leak:
    """Something secret in what students receive."""

    file: str  # with the path inside containers
    kind: str  # line, string, number or copy
    excerpt: str  # no more of it than is needed to find it
    origin: str  # where the secret stands in the source
    mend: str

    def __str__(self) -> str:
        return f"{self.file}: {self.excerpt} is a {self.kind} of {self.origin}; {self.mend}"


@dataclass(frozen=True)
class Secrets:
    """What must not reach students; each secret with the place where it stands in the source."""

    lines: Mapping[str, str] = field(default_factory=dict)  # squeezed
    strings: Mapping[str, str] = field(default_factory=dict)  # squeezed
    numbers: Mapping[Decimal, str] = field(default_factory=dict)
    trees: Mapping[str, str] = field(default_factory=dict)  # digests of statements, with and without renaming
    skeletons: frozenset[str] = frozenset()  # of those trees
    modules: frozenset[str] = frozenset()  # names that the lesson imports: they are not renamed

    def __len__(self) -> int:
        return len(self.lines) + len(self.strings) + len(self.numbers) + len(self.trees)


def squeeze(text: str) -> str:
    """Return text with its white space normalised: one space between two words, none elsewhere.

    >>> squeeze("return  total /\\n    count")
    'return total/count'
    """
    return re.sub(r"(?<!\w) | (?!\w)", "", re.sub(r"\s+", " ", text))


# --- What is secret -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Region:
    """A hidden part of a cell: its source, the numbers of the lines that are hidden, and what it is."""

    cell: str
    what: str  # "the solution", "the hidden tests" or "the model answer"
    source: str
    hidden: frozenset[int]
    is_code: bool = True

    @property
    def origin(self) -> str:
        return f"{self.what} of {self.cell}"

    def lines(self) -> list[tuple[int, str]]:
        return [(n, line) for n, line in enumerate(self.source.splitlines(), start=1) if n in self.hidden]


def secrets_of(source_dir: Path) -> Secrets:
    """Return what the source notebooks of one lesson hide.

    >>> len(secrets_of(Path("no/such/lesson")))
    0
    """
    return secrets_in([nbformat.read(path, as_version=4) for path in sorted(source_dir.glob("*.ipynb"))])


def secrets_in(notebooks: Iterable[NotebookNode], also_visible: Iterable[NotebookNode] = ()) -> Secrets:
    """Return what source notebooks hide; what others show is no secret either."""
    regions: list[_Region] = []
    code: list[str] = []  # visible code cells
    prose: list[str] = []
    notebooks = list(notebooks)
    for notebook in notebooks:
        regions += _regions_of(notebook)
    for notebook in [*notebooks, *also_visible]:
        for cell in notebook.cells:
            (code if cell.cell_type == "code" else prose).append(_visible_part(cell))
    visible_code = squeeze("\n".join(map(_without_comments, code)))
    visible_text = squeeze("\n".join([*code, *prose]))
    visible_numbers = {number for text in code for number in _numbers_in(_without_comments(text))}
    modules = frozenset(name for text in code for name in _imported_names(text)) | frozenset(
        name for region in regions if region.is_code for name in _imported_names(region.source)
    )
    lines: dict[str, str] = {}
    strings: dict[str, str] = {}
    numbers: dict[Decimal, str] = {}
    trees: dict[str, str] = {}
    skeletons: set[str] = set()
    for region in regions:
        for squeezed, origin in _secret_lines(region, visible_code):
            lines.setdefault(squeezed, origin)
        for value in _literals(region):
            if isinstance(value, str):
                squeezed = squeeze(value).strip()
                shown = visible_code if _is_code_word(squeezed) else visible_text
                if _is_telling_string(value) and not _found(squeezed, shown):
                    strings.setdefault(squeezed, region.origin)
            elif value not in visible_numbers and _is_telling_number(value):
                numbers.setdefault(value, region.origin)
                if value < 1:
                    numbers.setdefault((value * 100).normalize(), region.origin)
        if region.what == "the solution":
            for skeleton, digest in _solution_trees(region, modules):
                trees.setdefault(digest, region.origin)
                skeletons.add(skeleton)
    return Secrets(lines, strings, numbers, trees, frozenset(skeletons), modules)


def _regions_of(notebook: NotebookNode) -> Iterator[_Region]:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    guesses = {
        name
        for cell in code
        if role_of(cell) == "tests" and "check_prediction" in used_names(cell.source)
        for name in used_names(cell.source)
    }
    for cell in notebook.cells:
        role = role_of(cell)
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        every = frozenset(range(1, len(cell.source.splitlines()) + 1))
        if role == "written":
            yield _Region(name, "the model answer", cell.source, every, cell.cell_type == "code")
        elif role == "answer" and SOLUTION[0] not in cell.source:
            if not re.match(rf"({'|'.join(map(re.escape, sorted(guesses))) or '$^'})\s*=", cell.source):
                yield _Region(name, "the solution", cell.source, every)  # no guess is wrong, so none is secret
        elif role == "answer":
            yield from _marked(name, "the solution", cell.source, SOLUTION)
        elif role == "tests" and HIDDEN[0] in cell.source:
            yield from _marked(name, "the hidden tests", cell.source, HIDDEN)


def _marked(name: str, what: str, source: str, delimiters: tuple[str, str]) -> Iterator[_Region]:
    begin = None
    for number, line in enumerate(source.splitlines(), start=1):
        if line.strip() == delimiters[0]:
            begin = number
        elif line.strip() == delimiters[1] and begin is not None:
            yield _Region(name, what, source, frozenset(range(begin + 1, number)))
            begin = None


def _visible_part(cell: NotebookNode) -> str:
    """Return what of a source cell every student sees; a stub is not counted: it is what may leak."""
    role = role_of(cell)
    if role == "written" or (role == "answer" and SOLUTION[0] not in cell.source):
        return ""
    delimiters = {"answer": SOLUTION, "tests": HIDDEN}.get(role)
    if delimiters is None:
        return cell.source
    lines, inside = [], False
    for line in cell.source.splitlines():
        if line.strip() == delimiters[0]:
            inside = True
            lines.append(line[: len(line) - len(line.lstrip())] + "pass")
        elif line.strip() == delimiters[1]:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def _secret_lines(region: _Region, visible_code: str) -> list[tuple[str, str]]:
    found = []
    for number, line in region.lines():
        if len("".join(line.split())) >= LINE_LENGTH and re.search(r"\w", line):
            found.append((squeeze(line).strip(), f"{region.origin}, line {number}"))
    kept = [pair for pair in found if not (region.is_code and _found(pair[0], visible_code))]
    if not kept and region.what == "the solution":
        return found  # all of it stands in visible code: then that is the leak
    return kept


def _literals(region: _Region) -> Iterator[str | Decimal]:
    """Return the strings and numbers of the hidden lines; numbers as positive decimals."""
    if not region.is_code:
        yield from _numbers_in("\n".join(line for _, line in region.lines()))
        return
    tree = parsed(region.source)
    if tree is None:
        return
    in_messages = {
        id(part)
        for node in ast.walk(tree)
        for message in (
            [node.msg] if isinstance(node, ast.Assert) else [node.exc] if isinstance(node, ast.Raise) else []
        )
        if message is not None
        for text in ast.walk(message)
        if isinstance(text, ast.JoinedStr)
        for part in text.values
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or node.lineno not in region.hidden or id(node) in in_messages:
            continue
        if isinstance(node.value, str):
            yield node.value
        elif isinstance(node.value, bytes):
            yield node.value.decode("latin-1")
        elif isinstance(node.value, int | float) and not isinstance(node.value, bool):
            number = _decimal(repr(node.value))
            if number is not None:
                yield number


def _is_telling_string(value: str) -> bool:
    return len(value.strip()) >= STRING_LENGTH and len(re.findall(r"\w", value)) >= STRING_LENGTH - 2


def _is_code_word(value: str) -> bool:
    """Whether a string is a code rather than words: it holds four digits or more."""
    return sum(character.isdigit() for character in value) >= DIGITS


def _is_plain_word(value: str) -> bool:
    """Whether a string is one word of letters, as names of columns and modes are."""
    return re.fullmatch(r"[^\W\d]+(?:[-._][^\W\d]+)*", value) is not None


def _is_telling_number(number: Decimal) -> bool:
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    if len(digits) < DIGITS:
        return False
    if "123456789012345678901234567890".startswith(digits) or "987654321".startswith(digits):
        return False
    if number == number.to_integral_value() and number < 2**70:
        whole = int(number)
        if 1900 <= whole <= 2100 or any(n & (n - 1) == 0 for n in (whole - 1, whole, whole + 1)):
            return False
    return True


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(int(text, 16)) if text[:2] in ("0x", "0X") else Decimal(text)
    except (InvalidOperation, ValueError):
        return None
    if not number.is_finite():
        return None
    # Not normalize(): it rounds to the context's 28 digits, and seeds have 39.
    _sign, digits, exponent = number.as_tuple()
    while len(digits) > 1 and digits[-1] == 0:
        digits, exponent = digits[:-1], exponent + 1  # type: ignore[operator]
    return Decimal((0, digits, exponent))


_NUMBER = re.compile(r"(?<![\w.])(?:0[xX][0-9a-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)(?!\w)")
_GROUPED = re.compile(r"(?<![\w.,])\d{1,3}(?:[,\u2009\u202f\u00a0 ]\d{3})+(?:\.\d+)?(?!\w)")


def _numbers_in(text: str) -> Iterator[Decimal]:
    """Return the numbers that stand in a text, also those written in groups of three digits."""
    for match in _NUMBER.findall(text):
        if len(match) >= DIGITS and (number := _decimal(match.replace("_", ""))) is not None:
            yield number
    for match in _GROUPED.findall(text):
        if (number := _decimal(re.sub(r"[^\d.]", "", match))) is not None:
            yield number


def _without_comments(source: str) -> str:
    """Return code without its comments and without strings of several lines, where a leak could stand."""
    lines = source.splitlines(keepends=True)
    try:
        tokens = list(tokenize.generate_tokens(iter(lines).__next__))
    except (tokenize.TokenError, SyntaxError, StopIteration):
        return "".join(line for line in lines if not line.lstrip().startswith("#"))
    for token in reversed(tokens):
        (first, start), (last, end) = token.start, token.end
        if token.type == tokenize.COMMENT:
            lines[first - 1] = lines[first - 1][:start] + lines[first - 1][end:]
        elif token.type == tokenize.STRING and (last > first or token.string.lstrip("rbuRBU")[:3] in ('"""', "'''")):
            rest = lines[last - 1][end:]
            lines[first - 1] = lines[first - 1][:start] + "''" + rest
            for number in range(first, last):
                lines[number] = ""
    return "".join(lines)


def _imported_names(source: str) -> set[str]:
    tree = parsed(source)
    if tree is None:
        return set()
    return {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def _solution_trees(region: _Region, modules: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Return skeleton and digest of everything in a solution whose copy would be a leak."""
    tree = parsed(region.source)
    if tree is None:
        return
    for block in blocks(tree):
        for parts in windows([node for node in block if node.lineno in region.hidden]):
            yield skeleton_of(parts), digest_of(parts)
            renamed, telling = rename(parts, modules)
            if len(telling) >= TELLING_PARTS:
                yield skeleton_of(parts), digest_of(renamed)


# --- Where it must not be -------------------------------------------------------------------------------------


def scan_bytes(files: Mapping[str, bytes], secrets: Secrets) -> list[Leak]:
    """Return every secret that stands in the files, whose contents are given by path.

    >>> hidden = Secrets(lines={"answer=everything[42]": "the solution of deep-thought, line 2"})
    >>> [str(leak) for leak in scan_bytes({"notes.txt": b"answer = everything [42]"}, hidden)]
    ["notes.txt: 'answer=eve… (21 characters)' is a line of the solution of deep-thought, line 2; take it out"]
    """
    if not len(secrets):
        return []
    index = _index([*secrets.lines, *secrets.strings])
    found: dict[tuple[str, str, str], Leak] = {}
    words: list[tuple[str, Leak]] = []
    package: list[str] = []
    seen: set[bytes] = set()
    for path, data in files.items():
        for where, text in texts_of(path, data, seen):
            if where.endswith(".py"):
                package.append(text)
            for secret, leak in _leaks_in(where, text, secrets, index):
                if _is_plain_word(secret) and leak.kind == "string":
                    words.append((secret, leak))
                else:
                    found.setdefault((where, leak.kind, secret), leak)
    names = _names_used("\n".join(package)) if words else set()
    for secret, leak in words:
        if secret not in names:
            found.setdefault((leak.file, leak.kind, secret), leak)
    return [
        leak
        for (_, kind, secret), leak in found.items()
        if not (kind == "line" and is_common_knowledge(secret))
        and not (kind == "string" and _is_plain_word(secret) and is_common_knowledge(secret))
    ]


def _leaks_in(where: str, text: str, secrets: Secrets, index: Mapping[str, list[str]]) -> Iterator[tuple[str, Leak]]:
    squeezed = squeeze(text)
    for secret in _occurring(squeezed, index):
        for kind, known in (("line", secrets.lines), ("string", secrets.strings)):
            if secret in known:
                yield secret, Leak(where, kind, _excerpt(secret), known[secret], _mend(where))
                break
    if secrets.numbers:
        for number in dict.fromkeys(_numbers_in(text)):
            if number in secrets.numbers:
                shown = _excerpt(f"{number:f}" if number.adjusted() < 12 else hex(int(number)))
                yield str(number), Leak(where, "number", shown, secrets.numbers[number], _mend(where))
    if secrets.trees:
        for origin in dict.fromkeys(_copied(text, secrets)):
            excerpt = f"a piece of code ({STATEMENTS} statements or more)"
            mend = _mend(where) + "; renaming its variables does not help"
            yield origin, Leak(where, "copy", excerpt, origin, mend)


def _copied(text: str, secrets: Secrets) -> Iterator[str]:
    for tree in _code_in(text):
        for block in blocks(tree):
            for parts in windows(block):
                if skeleton_of(parts) in secrets.skeletons:
                    for digest in (digest_of(parts), digest_of(rename(parts, secrets.modules)[0])):
                        if digest in secrets.trees:
                            yield secrets.trees[digest]


def _code_in(text: str) -> Iterator[ast.Module]:
    """Return the Python in a text: all of it, or what stands in fences, in elements for code, or indented."""
    if "=" not in text and "(" not in text:
        return
    whole = parsed(text)
    if whole is not None:
        yield whole
        return
    pieces = re.findall(r"(?s)(?:```|~~~)[^\n]*\n(.*?)(?:```|~~~)", text)
    for block in re.findall(r"(?is)<(?:pre|code)[^>]*>(.*?)</(?:pre|code)>", text):
        pieces.append(html.unescape(re.sub(r"<[^>]*>", "", block)))
    pieces.append("\n".join(re.findall(r"(?m)^\s*(?:>>>|\.\.\.) (.*)$", text)))
    indented: list[str] = []
    for line in [*text.splitlines(), "end"]:
        if line.startswith(("    ", "\t")) or (indented and not line.strip()):
            indented.append(line)
        elif indented:
            pieces.append("\n".join(indented))
            indented = []
    for piece in pieces:
        tree = parsed(piece) if "\n" in piece else None
        if tree is not None:
            yield tree


def _mend(where: str) -> str:
    if where.startswith("hint of "):
        return "say in the hint what to look at, not what the answer is"
    if f"{INSIDE}cell " in where:
        return "take it out of this cell, or, where students may know it, show it in a visible code cell"
    return "take it out"


def _excerpt(secret: str) -> str:
    return repr(secret) if len(secret) < 10 else f"'{secret[:10]}… ({len(secret)} characters)'"


def _index(secrets: Iterable[str]) -> dict[str, list[str]]:
    """Return secrets by their first eight characters, or fewer for the shorter ones."""
    index: dict[str, list[str]] = {}
    for secret in secrets:
        index.setdefault(secret[: STRING_LENGTH - 2], []).append(secret)
    return index


def _occurring(squeezed: str, index: Mapping[str, list[str]]) -> set[str]:
    """Return which secrets of the index occur in a squeezed text as whole words."""
    if not index:
        return set()
    size = STRING_LENGTH - 2
    found = set()
    for start in range(len(squeezed) - size + 1):
        head = squeezed[start : start + size]
        if head in index:
            for secret in index[head]:
                if squeezed.startswith(secret, start) and _stands_alone(squeezed, start, start + len(secret)):
                    found.add(secret)
    return found


def _found(secret: str, squeezed: str) -> bool:
    start = squeezed.find(secret)
    while start >= 0:
        if _stands_alone(squeezed, start, start + len(secret)):
            return True
        start = squeezed.find(secret, start + 1)
    return False


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] does not begin or end in the middle of a word."""
    before = start == 0 or not (text[start - 1].isalnum() and text[start].isalnum())
    after = end == len(text) or not (text[end - 1].isalnum() and text[end].isalnum())
    return before and after


def _names_used(code: str) -> set[str]:
    """Return the words that code uses as names: identifiers and whole literals."""
    return set(re.findall(r"[^\W\d]\w*", code)) | set(re.findall(r"""["']([^"'\n]+)["']""", code))


@functools.cache
def is_common_knowledge(squeezed: str) -> bool:
    """Whether a squeezed line or word stands in Python's standard library or in one of `LIBRARIES`.

    >>> is_common_knowledge("import numpy as np"), is_common_knowledge("guess=ask(the_oracle)")
    (True, False)
    """
    token = max(re.findall(r"\w+", squeezed) or [squeezed], key=len).encode()
    for data in _library_sources():
        if token not in data:
            continue
        for line in data.splitlines():
            if token in line and _found(squeezed, squeeze(line.decode("utf-8", "replace"))):
                return True
    return False


@functools.cache
def _library_sources() -> tuple[bytes, ...]:
    folders = [Path(sysconfig.get_path("stdlib"))]
    for name in LIBRARIES:
        spec = importlib.util.find_spec(name)
        folders += [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    skipped = {"site-packages", "test", "tests", "idlelib", "lib2to3"}
    return tuple(
        path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*.py"))
        if not skipped & set(path.relative_to(folder).parts)
    )
