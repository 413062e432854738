"""A submitted folder, read as data: whatever lies in it, reading follows no link, waits for nothing and has an end."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

MiB = 2**20
MOST_ENTRIES = 20_000  # files and folders looked at; a submission has a few dozen
MOST_NOTEBOOKS = 200
MOST_DEPTH = 4  # folders within folders
NOTEBOOK = ".ipynb"
#: What makes an interpreter run something, or is bound to one machine: never carried along.
LEFT_OUT = {".so", ".pth", ".pyc", ".pyo", ".pyd", ".dll", ".dylib", ".egg", ".whl"}
#: What nbgrader puts beside a submission.
NBGRADERS_OWN = {"timestamp.txt"}
_COPY_MARK = re.compile(r"(?:\s*\((\d+)\)|[\s_-]*copy\s*\(?(\d*)\)?|-(\d{1,2}))$")


@dataclass(frozen=True)
class Received:
    """What a student handed in for one notebook: its bytes, or the reason why there are none."""

    raw: bytes | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExtraFile:
    """A file that grading carries along as data."""

    path: str  # relative to the notebook, with "/"
    content: bytes
    ours: bool = False  # from the release; else the student's
    is_code: bool = False  # a .py file: one of the student's belongs on the student's side only


@dataclass(frozen=True)
class Extras:
    """The files beside the notebooks, and what was left out, in words a student understands."""

    files: tuple[ExtraFile, ...] = ()
    notes: tuple[str, ...] = ()


class Unusable(Exception):
    """A file that cannot be read; the message says why, in a student's words."""


def read_submission(folder: Path, names: Sequence[str], most_bytes: int = 20 * MiB) -> dict[str, Received]:
    """The bytes of each notebook of an assignment, as far as the submitted folder holds them.

    ``names`` are the assignment's notebooks without ``.ipynb``. A notebook under its own name comes first; else one
    that was plainly renamed on the way (``HW1.IPYNB``, ``hw1 (1).ipynb``, ``hw1-Copy1.ipynb``), lies in a folder
    further down, or is the only one left. Nothing in the folder makes this raise or wait.

    >>> read_submission(Path("/no/such/folder"), ["hw1"])["hw1"].reason
    'Nothing was handed in for this assignment: there is no folder of yours.'
    """
    try:
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        reason = "Nothing was handed in for this assignment: there is no folder of yours."
        return {name: Received(reason=reason) for name in names}
    try:
        return _choose(root, list(names), most_bytes)
    finally:
        os.close(root)


def extra_files(folder: Path, ours: Path | None = None, most_files: int = 500, most_bytes: int = 50 * MiB) -> Extras:
    """The files beside the notebooks: those of the release, and those that the student handed in.

    A file of the release stands before a student's of the same name, as in nbgrader. Left out of the student's:
    notebooks, links, hidden files, what an interpreter would load by itself (``.so``, ``.pth``, …), and what goes
    beyond ``most_files`` and ``most_bytes``. ``ours`` is trusted and read whole.
    """
    found = list(_released(ours)) if ours is not None else []
    ours_by_path = {file.path: file.content for file in found}
    our_folders = {str(parent) for path in ours_by_path for parent in PurePosixPath(path).parents}
    notes: list[str] = []
    try:
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return Extras(tuple(found))
    try:
        count, room = most_files, most_bytes
        left_out: list[str] = []
        for parts in _walk(root):
            path = "/".join(parts)
            label = shown(path)
            suffix = PurePosixPath(path).suffix.lower()
            if NOTEBOOK in parts[-1].lower() or (len(parts) == 1 and path in NBGRADERS_OWN):
                continue
            if not _can_be_written(path) or suffix in LEFT_OUT:
                left_out.append(label)
                continue
            if path in our_folders or any(str(parent) in ours_by_path for parent in PurePosixPath(path).parents):
                notes.append(f"{label} was left out: the assignment has something else of that name.")
                continue
            if count <= 0 or room <= 0:
                notes.append(
                    f"You handed in more files than grading takes along ({most_files} files, "
                    f"{most_bytes // MiB} MB in all); {label} and what comes after it were left out."
                )
                break
            try:
                content = _read(root, parts, room if path not in ours_by_path else most_bytes)
            except Unusable as reason:
                notes.append(f"{reason} It was left out.")
                continue
            if path in ours_by_path:
                if content != ours_by_path[path]:
                    notes.append(f"{label} is a file of the assignment; yours differs, and ours was used.")
                continue
            count, room = count - 1, room - len(content)
            found.append(ExtraFile(path, content, is_code=suffix == ".py"))
        if left_out:
            notes.append(f"Left out, since grading takes along data and .py files only: {_few(left_out)}.")
    finally:
        os.close(root)
    return Extras(tuple(found), _few_notes(notes))


def shown(name: str, most: int = 60) -> str:
    """A name from a student's file or folder, fit to stand in a sentence.

    >>> shown("hw1\\n\\x1b[2J.ipynb")
    'hw1��[2J.ipynb'
    """
    text = "".join(character if character.isprintable() else "�" for character in name[: most + 1])
    return text if len(text) <= most else text[: most - 1] + "…"


# --- Choosing -----------------------------------------------------------------------------------------------


def _choose(root: int, names: list[str], most_bytes: int) -> dict[str, Received]:
    """For each name the best file that can be read; each file is taken once."""
    files = list(islice((parts for parts in _walk(root) if NOTEBOOK in parts[-1].lower()), MOST_NOTEBOOKS))
    taken: set[tuple[str, ...]] = set()
    chosen: dict[str, Received] = {}
    failed: dict[str, list[str]] = {name: [] for name in names}

    def attempt(name: str, parts: tuple[str, ...], remark: str) -> None:
        try:
            raw = _read(root, parts, most_bytes)
            if not raw:
                raise Unusable(f"{_quoted(parts)} is empty (0 bytes): nothing was saved in it.")
        except Unusable as reason:
            failed[name].append(str(reason))
            taken.add(parts)
            return
        taken.add(parts)
        chosen[name] = Received(raw, notes=(*failed[name], *([remark] if remark else [])))

    for name in names:
        exact = (name + NOTEBOOK,)
        if _exists(root, exact):
            attempt(name, exact, "")
    for likeness in (_renamed, _contains):
        for name in names:
            others = [other for other in names if other != name]
            ranked = sorted(
                (len(parts), -number, parts)
                for parts in files
                if parts not in taken and (number := likeness(parts[-1], name, others)) is not None
            )
            for _, _, parts in ranked:
                if name not in chosen and parts not in taken:
                    attempt(name, parts, f"Your file was called {_quoted(parts)}; we took it as {name}{NOTEBOOK}.")
    missing = [name for name in names if name not in chosen]
    left = [parts for parts in files if parts not in taken]
    if len(missing) == 1 and len(left) == 1 and not failed[missing[0]]:
        remark = f"Your file was called {_quoted(left[0])}; as it is the only one left, we took it as "
        attempt(missing[0], left[0], f"{remark}{missing[0]}{NOTEBOOK}.")
        missing = [name for name in missing if name not in chosen]
    left = [parts for parts in files if parts not in taken]
    result = {name: chosen.get(name) or _nothing(root, name, failed[name], left) for name in names}
    if left and names and not missing:
        # Said once, where it is read first: a copy may be what the student meant.
        first = names[0]
        remark = f"There were other notebooks too, which were not graded: {_few([_label(parts) for parts in left])}."
        result[first] = Received(result[first].raw, result[first].reason, (*result[first].notes, remark))
    return result


def _nothing(root: int, name: str, failed: list[str], left: list[tuple[str, ...]]) -> Received:
    """Why there is no file for a notebook."""
    wanted = f"Hand in your notebook as {name}{NOTEBOOK}."
    if failed:
        return Received(reason=f"{' '.join(failed[:5])} {wanted}")
    reason = f"There is no {name}{NOTEBOOK} in what you handed in."
    if _exists(root, (".ipynb_checkpoints", f"{name}-checkpoint{NOTEBOOK}")):
        reason += " There is only an older copy that Jupyter had made by itself, in .ipynb_checkpoints."
    if left:
        reason += f" These notebooks are there: {_few([_label(parts) for parts in left])}."
    return Received(reason=f"{reason} {wanted}")


def _plain(text: str) -> str:
    """A name without what systems change on the way: case, form of accents, white space, dashes."""
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", text).casefold())


def _stem(file: str) -> str:
    """A file's name without its endings (browsers add one: ``hw1.ipynb.txt``).

    >>> _stem("HW1.IPYNB.json")
    'hw1'
    """
    stem = unicodedata.normalize("NFKC", file).casefold()
    while (shorter := re.sub(r"\.(ipynb|json|txt)$", "", stem)) != stem:
        stem = shorter.rstrip()
    return stem


def _renamed(file: str, name: str, others: Sequence[str]) -> int | None:
    """Which copy of a notebook a file's name says it is, 0 for none in particular; None if of another.

    >>> _renamed("hw1 (2).ipynb", "hw1", []), _renamed("HW1-Copy1.ipynb", "hw1", []), _renamed("hw10.ipynb", "hw1", [])
    (2, 1, None)
    """
    stem, number = _stem(file), 0
    if stem in {_stem(other) for other in others}:
        return None
    while True:
        if _plain(stem) == _plain(name):
            return number
        mark = _COPY_MARK.search(stem)
        if mark is None or not mark.start():
            return None
        number = max(number, int(next((group for group in mark.groups() if group), "0")[:9]))
        stem = stem[: mark.start()]


def _contains(file: str, name: str, others: Sequence[str]) -> int | None:
    """0 if a file's name contains a notebook's as a word of its own, and no longer one of another notebook.

    >>> _contains("lovelace_ada_hw1_final.ipynb", "hw1", ["hw2"]), _contains("hw10.ipynb", "hw1", [])
    (0, None)
    """

    def holds(word: str) -> bool:
        return re.search(rf"(?<![^\W_]){re.escape(_stem(word))}(?![^\W_])", _stem(file)) is not None

    if not holds(name) or any(len(other) > len(name) and holds(other) for other in others):
        return None
    return 0


# --- Files and folders --------------------------------------------------------------------------------------


def _walk(root: int) -> Iterator[tuple[str, ...]]:
    """The paths of everything that is no folder, top level first, in order of names; hidden ones left out.

    Folders are told apart without following links. At most ``MOST_ENTRIES`` entries are looked at.
    """
    room = MOST_ENTRIES
    level: list[tuple[str, ...]] = [()]
    for _ in range(MOST_DEPTH):
        deeper: list[tuple[str, ...]] = []
        for folder in level:
            files, folders = [], []
            try:
                descriptor = _open_beneath(root, folder, os.O_DIRECTORY)
            except OSError:
                continue
            try:
                with os.scandir(descriptor) as entries:
                    for entry in entries:
                        if room <= 0:
                            break
                        room -= 1
                        if not entry.name.startswith((".", "__pycache__")):
                            is_folder = entry.is_dir(follow_symlinks=False)
                            (folders if is_folder else files).append(entry.name)
            except OSError:
                continue
            finally:
                os.close(descriptor)
            yield from ((*folder, name) for name in sorted(files))
            deeper += [(*folder, name) for name in sorted(folders)]
        level = deeper


def _open_beneath(root: int, parts: tuple[str, ...], flags: int = 0) -> int:
    """A descriptor of what lies at ``parts`` below ``root``; no step of the way may be a link."""
    current = os.dup(root)
    try:
        for number, part in enumerate(parts, 1):
            step = flags if number == len(parts) else os.O_DIRECTORY
            following = os.open(
                part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | step, dir_fd=current
            )
            os.close(current)
            current = following
        if not parts:
            # A descriptor of its own: listing moves the position that a duplicate shares.
            following = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=current)
            os.close(current)
            current = following
    except BaseException:
        os.close(current)
        raise
    return current


def _exists(root: int, parts: tuple[str, ...]) -> bool:
    """Whether something, be it a dead link, has this path and its folders are no links."""
    try:
        folder = _open_beneath(root, parts[:-1], os.O_DIRECTORY)
    except OSError:
        return False
    try:
        os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
    except (OSError, ValueError):
        return False
    finally:
        os.close(folder)
    return True


def _read(root: int, parts: tuple[str, ...], most_bytes: int) -> bytes:
    """The bytes of a regular file of at most ``most_bytes``; raises ``Unusable`` for everything else."""
    label = _quoted(parts)
    try:
        folder = _open_beneath(root, parts[:-1], os.O_DIRECTORY)
        try:
            # Looked at before it is opened: opening some devices does something.
            _check_kind(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode, label)
            descriptor = _open_beneath(folder, parts[-1:])
        finally:
            os.close(folder)
        try:
            seen = os.fstat(descriptor)
            _check_kind(seen.st_mode, label)
            chunks, left = [], most_bytes + 1
            # A file that is still growing has no honest size: stop one byte beyond what is allowed.
            while seen.st_size <= most_bytes and left > 0 and (chunk := os.read(descriptor, min(left, MiB))):
                chunks.append(chunk)
                left -= len(chunk)
        finally:
            os.close(descriptor)
    except PermissionError as error:
        raise Unusable(f"{label} may not be read by the grader.") from error
    except (OSError, ValueError) as error:
        raise Unusable(f"{label} cannot be read.") from error
    if seen.st_size > most_bytes or left <= 0:
        size = f"{seen.st_size / MiB:.0f} MB" if seen.st_size > most_bytes else "without an end"
        raise Unusable(f"{label} is too big ({size}; at most {most_bytes / MiB:.0f} MB).")
    return b"".join(chunks)


def _check_kind(mode: int, label: str) -> None:
    if stat.S_ISREG(mode):
        return
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFLNK: "a link to another file, which is never followed",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
    }
    raise Unusable(f"{label} is {kinds.get(stat.S_IFMT(mode), 'a device')}, not a file.")


def _released(folder: Path) -> Iterator[ExtraFile]:
    """The instructor's files beside the notebooks."""
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if file.is_file() and file.suffix != NOTEBOOK and not any(part.startswith((".", "__")) for part in path.parts):
            yield ExtraFile(path.as_posix(), file.read_bytes(), ours=True, is_code=file.suffix == ".py")


def _can_be_written(path: str) -> bool:
    """Whether a path can be made again anywhere: it is text, and not over-long."""
    try:
        return len(path.encode("utf-8")) <= 1000 and path.isprintable()
    except UnicodeEncodeError:
        return False


def _label(parts: tuple[str, ...]) -> str:
    return shown("/".join(parts))


def _quoted(parts: tuple[str, ...]) -> str:
    return f"'{_label(parts)}'"


def _few(labels: Sequence[str], most: int = 5) -> str:
    more = f" and {len(labels) - most} more" if len(labels) > most else ""
    return ", ".join(labels[:most]) + more


def _few_notes(notes: Sequence[str], most: int = 10) -> tuple[str, ...]:
    more = (f"… and {len(notes) - most} more files with a remark.",) if len(notes) > most else ()
    return (*notes[:most], *more)
