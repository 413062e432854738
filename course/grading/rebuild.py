"""Rebuild, don't clean: what is graded is our own notebook, and only the student's words come from the student.

Three texts meet. The *source* gives every cell, its order, tests, points and metadata. The *release* says what the
student started from. The *submission* gives the source of answers and written cells, by grade id, and the cells that
the student added, which stay as plain code or text where they stood.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from course.grading.markup import without_markup
from course.grading.names import bound_names, imports_of
from course.grading.parsing import SubmittedCell, open_notebook
from course.grading.reading import Received, shown
from course.grading.records import Cell, Rebuilt, Role
from course.pack.submitting import nbgrader_checksum

START = -1  # the place of cells that stand before all of ours
MOST_ADDED = 1000
MOST_NOTES = 40
MOST_TO_RECOGNISE = 200_000  # characters of added cells that are looked into for the names they bind
_CELL_ID = re.compile(r"[a-zA-Z0-9-_]{1,64}")


@dataclass(frozen=True)
class OurCell:
    """A cell of the assignment, as the source has it and as students got it."""

    role: Role
    kind: str  # "code", "markdown" or "raw"
    source: str
    stub: str  # what students got: the release's text
    cell_id: str = ""
    grade_id: str = ""
    points: float = 0.0
    hint: str = ""
    locked: bool = False
    is_task: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)  # as the graded notebook shows it
    attachments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_answer(self) -> bool:
        """Whether its text comes from the student."""
        return self.role in ("answer", "written") and not self.locked

    @property
    def is_code(self) -> bool:
        return self.kind == "code"


def rebuild(
    name: str, source: Mapping[str, Any], release: Mapping[str, Any] | None, received: Received | None
) -> Rebuilt:
    """Our notebook with the student's answers in it. Whatever was received, this gives a verdict.

    ``source`` is the instructor's notebook, with solutions and hidden tests, ``release`` the one that students got
    (both nbformat 4). Without a release the stubs are what nbgrader would make of the source. Raises only for a
    ``source`` that nbgrader refuses to release: ``ValueError`` if a grade id stands twice.
    """
    ours = assignment_cells(source, release)
    reference = [cell.source for cell in ours if cell.role in ("answer", "written") and cell.is_code]
    imports = tuple(line for text in reference for line in imports_of(text))
    student_names = frozenset().union(*map(bound_names, reference)) - bound_names("\n".join(imports))
    received = received or Received()
    notes = list(received.notes)
    unreadable = received.reason
    submitted: Sequence[SubmittedCell] = ()
    if received.raw is not None:
        opened = open_notebook(received.raw)
        notes += opened.notes
        submitted, unreadable = opened.cells, opened.unreadable
    elif not unreadable:
        unreadable = f"There is no {name}.ipynb in what you handed in."
    places = _Places(ours, submitted)
    if not unreadable and not places.found_anything:
        unreadable = (
            f"No cell of {name} was found in it. Perhaps it is another notebook, saved under this name: open it, "
            "look at its title, and hand in the right one."
        )
    if unreadable:
        places = _Places(ours, ())
        made = list(_unanswered(ours))
    else:
        made = list(_put_together(ours, places, notes))
    return Rebuilt(
        name=name,
        cells=tuple(_recorded(number, entry) for number, entry in enumerate(made, 1)),
        notebook=_written_out(source, made),
        student_names=student_names,
        imports=imports,
        notes=_few(notes),
        unreadable=unreadable,
    )


# --- Our side -----------------------------------------------------------------------------------------------


def assignment_cells(source: Mapping[str, Any], release: Mapping[str, Any] | None) -> tuple[OurCell, ...]:
    """The cells of an assignment with their roles and with the texts that students got."""
    released: dict[str, Mapping[str, Any]] = {}
    for cell in (release or {}).get("cells", ()):
        for key in _keys(cell):
            released.setdefault(key, cell)
    ours: list[OurCell] = []
    for raw in source["cells"]:
        grading = _grading(raw)
        role = _role(raw, grading)
        text = _text(raw)
        counterpart = next((released[key] for key in _keys(raw) if key in released), None)
        stub = _text(counterpart) if counterpart is not None else _cleared(source, raw)
        # Given back to the student's side: what a set-up cell says is said by the source.
        locked = not grading.get("solution") and bool(grading.get("grade") or grading.get("locked"))
        ours.append(
            OurCell(
                role=role,
                kind=raw["cell_type"],
                source=text,
                stub=stub if grading else text,
                cell_id=raw.get("id") or "",
                grade_id=grading.get("grade_id", ""),
                points=float(grading.get("points", 0)) if role in ("tests", "written") else 0.0,
                hint=_hint(raw),
                locked=locked,
                is_task=grading.get("task", False),
                metadata=_our_metadata(raw, grading, locked, text if locked else stub),
                attachments=raw.get("attachments") or {},
            )
        )
    ids = [cell.grade_id for cell in ours if cell.grade_id]
    if doubled := sorted({each for each in ids if ids.count(each) > 1}):
        raise ValueError(f"the assignment's source has cells with the same grade id: {', '.join(doubled)}; each is one")
    return tuple(ours)


def _text(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _keys(cell: Mapping[str, Any]) -> Iterator[str]:
    if grade_id := _grading(cell).get("grade_id"):
        yield f"grade:{grade_id}"
    elif cell.get("id"):
        yield f"cell:{cell['id']}"


def _grading(cell: Mapping[str, Any]) -> dict[str, Any]:
    """nbgrader's metadata of one of our cells in today's form; empty for a cell that has no part in grading."""
    grading = cell.get("metadata", {}).get("nbgrader")
    if not grading:
        return {}
    roles = {key: bool(grading.get(key, False)) for key in ("grade", "locked", "solution", "task")}
    if not any(roles.values()):
        return {}
    points = {"points": float(grading.get("points") or 0)} if roles["grade"] or roles["task"] else {}
    return {"schema_version": 3, "grade_id": grading["grade_id"], "cell_type": cell["cell_type"], **roles, **points}


def _role(cell: Mapping[str, Any], grading: Mapping[str, Any]) -> Role:
    is_code = cell["cell_type"] == "code"
    if grading.get("task") or (grading.get("grade") and (grading["solution"] or not is_code)):
        return "written"
    if grading.get("solution"):
        return "answer" if is_code else "written"
    if grading.get("grade"):
        return "tests"
    if not is_code:
        return "text"
    tags = cell.get("metadata", {}).get("tags", ())
    return "lab" if not grading and {"lab", "self-check"} & set(tags) else "set-up"


def _hint(cell: Mapping[str, Any]) -> str:
    hint = cell.get("metadata", {}).get("course", {}).get("hint", "")
    return hint if isinstance(hint, str) else ""


def _our_metadata(cell: Mapping[str, Any], grading: dict[str, Any], locked: bool, text: str) -> dict[str, Any]:
    """A cell's metadata as nbgrader leaves it behind: with the checksum of what the student got or must not change.

    Of a solution that is the stub, by which nbgrader tells an untouched answer.
    """
    metadata = {key: value for key, value in cell.get("metadata", {}).items() if key != "nbgrader"}
    if not grading:
        return metadata
    if grading["grade"] or grading["solution"] or locked:
        like = {"cell_type": cell["cell_type"], "source": text, "metadata": {"nbgrader": {**grading, "locked": locked}}}
        grading = {**grading, "checksum": nbgrader_checksum(like)}
        metadata |= {"deletable": False, **({"editable": False} if locked else {})}
    return {**metadata, "nbgrader": grading}


def _cleared(notebook: Mapping[str, Any], cell: Mapping[str, Any]) -> str:
    """What `nbgrader generate_assignment` would make of a cell's text."""
    if not _grading(cell):
        return _text(cell)
    stub = cell.get("metadata", {}).get("course", {}).get("stub")
    if isinstance(stub, str):
        return stub
    from nbformat import from_dict
    from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, ClearSolutions

    made = from_dict({**cell, "source": _text(cell)})
    language = notebook.get("metadata", {}).get("kernelspec", {}).get("language", "python")
    clear = ClearSolutions()
    resources = {"language": language if language in clear.code_stub else "python"}
    for step in (clear, ClearHiddenTests(), ClearMarkScheme()):
        made, _ = step.preprocess_cell(made, resources, 0)
    return made.source


# --- The student's side -------------------------------------------------------------------------------------


class _Places:
    """Which of our cells each submitted cell is, or behind which it stands."""

    def __init__(self, ours: Sequence[OurCell], submitted: Sequence[SubmittedCell]) -> None:
        self.ours = ours
        self.submitted = submitted
        self.place: dict[int, int] = {}  # of submitted cells, by number: the number of our cell that they are
        self._by_grade_id()
        self._by_cell_id()
        self._by_words()
        self.found_anything = bool(self.place)
        self.guessed = self._by_meaning()
        self.found_anything |= bool(self.guessed)

    def versions(self, number: int) -> list[int]:
        """The submitted cells that are our cell ``number``, in order."""
        return [index for index in range(len(self.submitted)) if self.place.get(index) == number]

    def _by_grade_id(self) -> None:
        known = {cell.grade_id: number for number, cell in enumerate(self.ours) if cell.grade_id}
        for index, cell in enumerate(self.submitted):
            if cell.grade_id in known:
                self.place[index] = known[cell.grade_id]

    def _by_cell_id(self) -> None:
        known = {cell.cell_id: number for number, cell in enumerate(self.ours) if cell.cell_id}
        for index, cell in enumerate(self.submitted):
            if index not in self.place and cell.cell_id in known:
                self.place[index] = known[cell.cell_id]

    def _by_words(self) -> None:
        """Some programs give every cell a new id, and older ones none: then the words tell, each cell once."""
        matched = set(self.place.values())
        by_words: dict[str, list[int]] = {}
        for number, cell in enumerate(self.ours):
            if number not in matched and _normal(cell.stub):
                by_words.setdefault(_normal(cell.stub), []).append(number)
        last = START
        for index, cell in enumerate(self.submitted):
            if index in self.place:
                last = self.place[index]
            elif numbers := by_words.get(_normal(cell.source)):
                number = next((each for each in numbers if each > last), numbers[0])
                numbers.remove(number)
                self.place[index] = last = number

    def _by_meaning(self) -> list[int]:
        """Answers that lost their marks: code that binds what the answer must bind, text that stands in its place."""
        found: list[int] = []
        free = [index for index in range(len(self.submitted)) if index not in self.place and self._says(index)]
        if not free:
            return found
        matched = set(self.place.values())
        missing = [number for number, cell in enumerate(self.ours) if cell.is_answer and number not in matched]
        bound = self._bound(free) if missing else {}
        wanted = {number: _wanted(self.ours[number]) for number in missing}
        for number in missing:
            others = set().union(*(wanted[other] for other in missing if other != number))
            if wanted[number] - others:
                fits = [index for index, names in bound.items() if wanted[number] <= names and index not in self.place]
                if fits:
                    self.place[fits[-1]] = number
                    found.append(number)
        for number, cell in enumerate(self.ours):
            # What follows a task is its answer, and stays behind it.
            takes_text = cell.role == "written" and cell.is_answer and not cell.is_code and not cell.is_task
            if takes_text and not self._answered(number):
                following = self._text_in_place_of(number)
                if following:
                    for index in following:
                        self.place[index] = number
                    found.append(number)
        return found

    def _bound(self, free: Sequence[int]) -> dict[int, frozenset[str]]:
        """What the student's own code cells bind, as far as they are of a length that people write."""
        room, bound = MOST_TO_RECOGNISE, {}
        for index in free:
            cell = self.submitted[index]
            if cell.kind == "code" and len(cell.source) <= room:
                room -= len(cell.source)
                bound[index] = bound_names(cell.source, magics=False)
        return bound

    def _says(self, index: int) -> bool:
        return bool(self.submitted[index].source.strip() or self.submitted[index].pictures)

    def _answered(self, number: int) -> bool:
        return any(self.differs(index, number) for index in self.versions(number))

    def differs(self, index: int, number: int) -> bool:
        """Whether a submitted version of our cell holds something that the student wrote."""
        cell, ours = self.submitted[index], self.ours[number]
        known = {"", _normal(ours.stub)} | (set() if ours.is_answer else {_normal(ours.source)})
        return bool(cell.pictures) or _normal(cell.source) not in known

    def _text_in_place_of(self, number: int) -> list[int]:
        """The student's own text cells that directly follow an untouched written cell, or what comes before it."""
        anchors = self.versions(number)
        if not anchors:
            before = [index for index, place in self.place.items() if place == number - 1]
            anchors = before or ([-1] if number == 0 else [])
        if not anchors:
            return []
        following = []
        for index in range(max(anchors) + 1, len(self.submitted)):
            if index in self.place or self.submitted[index].kind == "code":
                break
            if self._says(index):
                following.append(index)
        return following


def _wanted(cell: OurCell) -> frozenset[str]:
    """The names by which an answer is known again: those its stub binds, or else the reference."""
    return (bound_names(cell.stub) or bound_names(cell.source)) if cell.is_code else frozenset()


def _normal(text: str) -> str:
    """A text without what an editor changes by itself: white space at the ends of lines and of the text."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


# --- Together -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Entry:
    """A cell of the rebuilt notebook: one of ours, with the text that it has now, or one that was added."""

    source: str
    ours: OurCell | None = None
    kind: str = "code"
    pictures: tuple[tuple[str, str, str], ...] = ()

    @property
    def is_a_students_text(self) -> bool:
        """Whether it is text that somebody else's browser will show."""
        return self.kind != "code" and (self.ours is None or self.ours.is_answer)


def _unanswered(ours: Sequence[OurCell]) -> Iterator[_Entry]:
    for cell in ours:
        yield _Entry(cell.stub if cell.is_answer else cell.source, cell, cell.kind)


def _put_together(ours: Sequence[OurCell], places: _Places, notes: list[str]) -> Iterator[_Entry]:
    """Our cells in our order, with answers and added cells from the student."""
    chosen: dict[int, _Entry] = {}
    before: dict[int, list[_Entry]] = {}
    own: set[int] = set()  # submitted cells that need no place any more
    for number, cell in enumerate(ours):
        versions = places.versions(number)
        own |= set(versions)
        if cell.is_answer:
            chosen[number], before[number] = _answer(number, places, notes)
        elif cell.role == "tests" and len(versions) == 1 and places.differs(versions[0], number):
            notes.append(f"Your test cell {cell.grade_id} differs from ours. Ours counts; yours was left out.")
        elif cell.grade_id and cell.role == "set-up" and any(places.differs(index, number) for index in versions):
            notes.append(f"Your copy of the read-only cell {cell.grade_id} differs from ours. Ours counts.")
    added, dropped = _added(ours, places, own)
    if dropped:
        notes.append(f"You added more than {MOST_ADDED} cells; the last {dropped} were left out.")
    yield from added.get(START, ())
    for number, cell in enumerate(ours):
        yield from before.get(number, ())
        yield chosen.get(number) or _Entry(cell.source, cell, cell.kind)
        yield from added.get(number, ())


def _answer(number: int, places: _Places, notes: list[str]) -> tuple[_Entry, list[_Entry]]:
    """The student's version of an answer, and other versions that stay before it as cells of their own."""
    cell = places.ours[number]
    label = cell.grade_id
    empty = _Entry(cell.stub, cell, cell.kind)
    indexes = places.versions(number)
    if not indexes:
        notes.append(
            f"The cell {label} is missing in your notebook. We put the empty one in its place. Keep that cell, and "
            "write your answer into it."
        )
        return empty, []
    written = [places.submitted[index] for index in indexes if places.differs(index, number)]
    if number in places.guessed:
        if not cell.is_code:
            notes.append(
                f"You wrote your answer to {label} into a cell of its own. We took it as the answer. Write it into "
                "the cell that is there for it."
            )
            text = "\n\n".join(each.source for each in written)
            pictures = tuple(picture for each in written for picture in each.pictures)
            return _Entry(text, cell, cell.kind, pictures), []
        notes.append(
            f"The cell {label} is missing in your notebook, but another cell of yours defines the same names. We took "
            "that one as your answer. Keep the cell that is there for it, and write into that."
        )
    if not written:
        return empty, []
    # A copy that was turned into text was put aside; one that is the only one was turned by mistake.
    alike = [each for each in written if (each.kind == "code") == cell.is_code]
    best = (alike or written)[-1]
    if not alike:
        kind = "code" if cell.is_code else "text"
        notes.append(f"Your cell {label} was no {kind} cell any more; we took it as one.")
    others, texts = [], {_normal(best.source)}
    for each in written:
        if each is not best and _normal(each.source) not in texts:
            texts.add(_normal(each.source))
            others.append(_Entry(each.source, None, each.kind, each.pictures))
    if others:
        notes.append(
            f"Your notebook has the cell {label} {len(others) + 1} times with different answers. The last one counts; "
            "the others run before it. Keep one, and copy only its text when you try something out."
        )
    return _Entry(best.source, cell, cell.kind, () if cell.is_code else best.pictures), others


def _added(ours: Sequence[OurCell], places: _Places, own: set[int]) -> tuple[dict[int, list[_Entry]], int]:
    """The cells that the student added or changed, by the number of our cell behind which each stands."""
    missing = {number for number in range(len(ours)) if not places.versions(number)}
    known_words = {_normal(cell.stub) for cell in ours if cell.role != "set-up"}
    added: dict[int, list[_Entry]] = {}
    room, dropped = MOST_ADDED, 0
    current = START
    for index, cell in enumerate(places.submitted):
        here = places.place.get(index)
        if here is not None:
            current = here
            # Of ours: an edited copy of what anybody may edit, words in a task, a copied test to try things out in.
            keeps = not ours[here].grade_id or (ours[here].role == "written" and not ours[here].is_answer)
            keeps |= ours[here].role == "tests" and len(places.versions(here)) > 1
            if not (keeps and places.differs(index, here)):
                continue
        elif not cell.source.strip() and not cell.pictures:
            continue
        elif _normal(cell.source) in known_words:
            continue  # a second copy of a text, a test or a stub says nothing new
        if room <= 0:
            dropped += 1
            continue
        room -= 1
        place = current
        if here is None:
            # Behind a cell that was deleted (or changed so much that it is this one), but before the tests that
            # may need it.
            while place + 1 in missing and ours[place + 1].role != "tests":
                place += 1
        added.setdefault(place, []).append(_Entry(cell.source, None, cell.kind, cell.pictures))
    return added, dropped


def _recorded(number: int, entry: _Entry) -> Cell:
    """The record of a cell, called by its grade id, or by its role and place."""
    cell = entry.ours
    if cell is None:
        role: Role = "added" if entry.kind == "code" else "text"
        return Cell(f"{role} {number}", role, entry.source, entry.kind == "code")
    return Cell(cell.grade_id or f"{cell.role} {number}", cell.role, entry.source, cell.is_code, cell.points, cell.hint)


def _written_out(source: Mapping[str, Any], made: Sequence[_Entry]) -> dict[str, Any]:
    """The rebuilt notebook as nbformat 4.5, without outputs."""
    taken: set[str] = set()
    cells = []
    for number, entry in enumerate(made, 1):
        cell: dict[str, Any] = {
            "cell_type": entry.kind,
            "id": _free_id(entry.ours.cell_id if entry.ours else f"added-{number}", entry.source, taken),
            "metadata": dict(entry.ours.metadata) if entry.ours else {},
            "source": without_markup(entry.source) if entry.is_a_students_text else entry.source,
        }
        if entry.kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        pictures: dict[str, Any] = dict(entry.ours.attachments) if entry.ours and entry.kind != "code" else {}
        for name, kind, data in entry.pictures if entry.kind != "code" else ():
            pictures.setdefault(name, {kind: data})
        if pictures:
            cell["attachments"] = pictures
        cells.append(cell)
    kept = ("kernelspec", "language_info")
    metadata = {key: value for key, value in source.get("metadata", {}).items() if key in kept}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _free_id(wanted: str, text: str, taken: set[str]) -> str:
    """A valid cell id that no other cell has, the wanted one if possible."""
    made, round_ = wanted, 0
    while not _CELL_ID.fullmatch(made) or made in taken:
        made = hashlib.sha256(f"{round_}:{wanted}:{text}".encode()).hexdigest()[:12]
        round_ += 1
    taken.add(made)
    return made


def _few(notes: Sequence[str]) -> tuple[str, ...]:
    more = (f"… and {len(notes) - MOST_NOTES} more notes.",) if len(notes) > MOST_NOTES else ()
    return (*(shown(note, 400) for note in notes[:MOST_NOTES]), *more)
