"""The seeds of hidden worlds: the course's own are public, a term's are drawn from its secret.

A hidden test names a seed as `0x` and 32 hexadecimal digits. In a term's notebooks each of these is replaced by
HMAC-SHA-256 of lesson, draw and seed, with the term's secret as key: the same secret gives the same worlds on every
machine, and who knows the course's repository knows none of them.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import re
import secrets

from nbformat.notebooknode import NotebookNode

from course.authoring.rehearsal import HIDDEN

SEED = re.compile(r"\b0x[0-9A-F]{32}\b")
REGION = re.compile(".*?".join(map(re.escape, HIDDEN)), re.DOTALL)
SECRET_BYTES = 32


def new_secret() -> bytes:
    """Return a new term's secret."""
    return secrets.token_bytes(SECRET_BYTES)


def term_seed(secret: bytes, lesson: str, seed: str, draw: int = 0) -> str:
    """Return what stands in a term for a seed of the course; another `draw` gives another one.

    >>> one = term_seed(bytes(32), "01_what_is_mlops", "0x" + "0" * 32)
    >>> len(one), one == term_seed(bytes(32), "01_what_is_mlops", "0x" + "0" * 32, draw=1)
    (34, False)
    """
    told = "\n".join((lesson, str(draw), seed)).encode()
    return f"0x{hmac.new(secret, told, hashlib.sha256).hexdigest()[:32].upper()}"


def with_term_seeds(notebook: NotebookNode, secret: bytes, lesson: str, draw: int = 0) -> NotebookNode:
    """Return a copy of a source notebook whose hidden tests have the term's seeds; all else stays as it was."""
    made = copy.deepcopy(notebook)
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.source = REGION.sub(
                lambda hidden: SEED.sub(lambda seed: term_seed(secret, lesson, seed[0], draw), hidden[0]), cell.source
            )
    return made


def seeds_of(notebook: NotebookNode) -> list[str]:
    """Return the seeds that stand in a notebook's hidden tests, in order."""
    return [
        seed
        for cell in notebook.cells
        if cell.cell_type == "code"
        for hidden in REGION.findall(cell.source)
        for seed in SEED.findall(hidden)
    ]
