"""A newer release of a notebook meets the work of a student: keep the work, take the fix.

Three texts meet for each cell: what we placed (remembered as hashes), what the student has now, and what the new
release says. What the student did not touch becomes the new release's; answers stay the student's; cells that the
student added stay after the cell they stood behind; where both changed the same cell, the release's version
stands and the student's is kept below it as text.
"""

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from course.pack.cells import (
    Cell,
    Notebook,
    cell_hashes,
    grading_of,
    is_answer,
    key_of,
    source_hash,
    source_of,
)

START = ""  # the anchor of cells that stand before every cell of the release


@dataclass
class Merged:
    """A merged notebook, and what was done to make it."""

    notebook: Notebook
    carried: list[str] = field(default_factory=list)  # grade ids of the answers that were taken over
    added: int = 0  # cells of the student's own that were kept
    noted: int = 0  # cells that both sides changed: the student's text stands below the release's


def merge(student: Notebook, release: Notebook, placed: Mapping[str, str] | None = None) -> Merged:
    """The release with the student's work in it.

    ``placed`` are the ``cell_hashes`` of the release that the student started from; without them every answer
    counts as written, and a cell that the new release does not know counts as the student's own.
    Neither notebook is changed.
    """
    release_by_key = {key_of(cell): cell for cell in release["cells"] if key_of(cell)}
    before = dict(placed) if placed is not None else cell_hashes(release)
    chosen = _choose(student, release_by_key, before)
    result = Merged(copy.deepcopy(release))
    sources: dict[str, Cell] = {}
    extras: dict[str, list[Cell]] = {}
    anchor = START
    for cell in student["cells"]:
        key = _recognise(cell, release_by_key, before)
        if key in release_by_key and chosen.get(key) is cell:
            anchor = key
            fresh = release_by_key[key]
            if source_hash(cell) in (before.get(key), source_hash(fresh)):
                continue
            untouched_by_release = before.get(key) == source_hash(fresh) and placed is not None
            if is_answer(fresh):
                result.carried.append(grading_of(fresh)["grade_id"])
                sources[key] = cell
            elif untouched_by_release and not grading_of(fresh):
                sources[key] = cell
            elif placed is not None and source_of(cell).strip():
                # Without a memory of what was placed an older text of ours cannot be told from an edit of
                # theirs; the backup keeps both.
                extras.setdefault(anchor, []).append(_note(cell))
                result.noted += 1
        elif _is_own(cell, key, release_by_key, before):
            extras.setdefault(anchor, []).append(_own(cell))
            result.added += 1
    _put(result.notebook, sources, extras)
    return result


def _recognise(cell: Cell, release_by_key: Mapping[str, Cell], before: Mapping[str, str]) -> str:
    """The key under which the release (old or new) knows this cell, or an empty text.

    By its key; else by its very words, since some editors give every cell a new id when they save.
    """
    key = key_of(cell)
    if key in release_by_key or key in before:
        return key
    if grading_of(cell):
        return ""
    words = source_hash(cell)
    for known, digest in before.items():
        if digest == words and not known.startswith("grade:"):
            return known
    for known, fresh in release_by_key.items():
        if source_hash(fresh) == words and not grading_of(fresh):
            return known
    return ""


def _choose(student: Notebook, release_by_key: Mapping[str, Cell], before: Mapping[str, str]) -> dict[str, Cell]:
    """Which of the student's cells stands for each cell of the release: of several, the first one written in."""
    chosen: dict[str, Cell] = {}
    for cell in student["cells"]:
        key = _recognise(cell, release_by_key, before)
        if key not in release_by_key:
            continue
        if key not in chosen or source_hash(chosen[key]) in (
            before.get(key),
            source_hash(release_by_key[key]),
        ):
            # A copied cell brings its grade id along; often the answer was then written into the copy.
            chosen.setdefault(key, cell)
            if source_hash(cell) not in (before.get(key), source_hash(release_by_key[key])):
                chosen[key] = cell
    return chosen


def _is_own(cell: Cell, key: str, release_by_key: Mapping[str, Cell], before: Mapping[str, str]) -> bool:
    """Whether a cell that stands for none of the new release holds something that the student wrote."""
    if not source_of(cell).strip():
        return False
    if not key:
        # Known to no release of ours: the student's own, unless it is a question of a forgotten release's.
        return not grading_of(cell) or is_answer(cell)
    fresh = release_by_key.get(key)
    return source_hash(cell) not in (before.get(key), source_hash(fresh) if fresh else None)


def _own(cell: Cell) -> Cell:
    """A copy of a cell as the student's own: grading must not meet it."""
    own = copy.deepcopy(cell)
    own.setdefault("metadata", {}).pop("nbgrader", None)
    return own


def _note(cell: Cell) -> Cell:
    """The student's version of a cell that the release replaces, as text that runs nothing."""
    text = source_of(cell)
    fence = "```" if "```" not in text else "~~~~"
    body = f"{fence}python\n{text}\n{fence}" if cell["cell_type"] == "code" else text
    intro = "*You had changed the cell above; the course has changed it too. Your version was:*"
    return {"cell_type": "markdown", "metadata": {}, "source": f"{intro}\n\n{body}"}


def _put(notebook: Notebook, sources: Mapping[str, Cell], extras: Mapping[str, list[Cell]]) -> None:
    """Write sources into a notebook's cells, and cells after their anchors, with ids that are all different."""
    cells = list(extras.get(START, []))
    for cell in notebook["cells"]:
        key = key_of(cell)
        if key in sources:
            cell["source"] = source_of(sources[key])
            # Pictures that were pasted into a written answer live here.
            if cell["cell_type"] == "markdown" and isinstance(sources[key].get("attachments"), dict):
                cell["attachments"] = {**cell.get("attachments", {}), **sources[key]["attachments"]}
        cells.append(cell)
        cells.extend(extras.get(key, []) if key else [])
    with_ids = notebook.get("nbformat_minor", 0) >= 5
    taken = {cell.get("id") for cell in notebook["cells"]}
    own = {id(cell) for group in extras.values() for cell in group}
    for number, cell in enumerate(cells):
        if id(cell) not in own:
            continue
        if cell.get("id") in taken or not isinstance(cell.get("id"), str):
            cell["id"] = hashlib.sha256(f"{number}:{source_of(cell)}".encode()).hexdigest()[:16]
        taken.add(cell["id"])
        if not with_ids:
            del cell["id"]
    notebook["cells"] = cells
