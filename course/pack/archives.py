"""Zip files from strangers, read as data: nothing is unpacked to disk, and nothing may be larger than it should."""

from __future__ import annotations

import io
import re
import stat
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

JUNK = re.compile(r"(^|/)(__MACOSX|\.ipynb_checkpoints|backups|\.DS_Store|Thumbs\.db|\.(?!\.)[^/]+)(/|$)")


class Refused(ValueError):
    """An archive, or a file in it, that is not taken; the message says why."""


@dataclass(frozen=True)
class Limits:
    """What an archive may hold at most, unpacked."""

    entries: int
    file_bytes: int
    total_bytes: int


#: Seven notebooks with pictures are a few megabytes; this is far above any honest submission.
SUBMISSION = Limits(entries=500, file_bytes=30_000_000, total_bytes=100_000_000)
#: A class of a thousand.
BULK = Limits(entries=20_000, file_bytes=SUBMISSION.total_bytes, total_bytes=4_000_000_000)


#: What a name may be at most: in folders, bytes a part, and bytes in all; file systems and copiers end soon after.
MOST_PARTS, MOST_PART_BYTES, MOST_NAME_BYTES = 20, 200, 1000
#: Bytes of an archive's list that an entry takes at most on average: names, comments and extras.
MOST_ENTRY_BYTES = 1000


def safe_name(name: str) -> str:
    """A member's name with ``/`` between its parts, one for each place; raises ``Refused`` for one that is no name.

    >>> safe_name("work\\\\1_the_gap.ipynb"), safe_name("./a//b")
    ('work/1_the_gap.ipynb', 'a/b')
    >>> safe_name("../../etc/passwd")
    Traceback (most recent call last):
    course.pack.archives.Refused: '../../etc/passwd' points outside of the archive
    """
    plain = name.replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    if plain.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", plain) or "\0" in plain:
        raise Refused(f"{name!r} points outside of the archive")
    sizes = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
    if not parts:
        raise Refused(f"{name!r} is no name")
    if len(parts) > MOST_PARTS or max(sizes) > MOST_PART_BYTES or sum(sizes) + len(sizes) > MOST_NAME_BYTES:
        raise Refused(f"{name[:60]!r}… is too long, or lies in too many folders")
    return "/".join(parts)


def open_archive(data: bytes | str, limits: Limits) -> zipfile.ZipFile:
    """An archive from bytes or a path; raises ``Refused`` when it is none, or has too many entries."""
    try:
        with io.BytesIO(data) if isinstance(data, bytes) else open(data, "rb") as stream:  # noqa: PTH123
            _check_list(stream, limits)
        archive = zipfile.ZipFile(io.BytesIO(data) if isinstance(data, bytes) else data)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError, NotImplementedError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused(f"it is no whole zip file ({error})") from error
    if len(archive.infolist()) > limits.entries:
        raise Refused(f"it holds {len(archive.infolist())} files; at most {limits.entries} are taken")
    if not all(member.filename for member in archive.infolist()):
        raise Refused("it holds a file without a name")
    return archive


def _check_list(stream: IO[bytes], limits: Limits) -> None:
    """Raise ``Refused`` for a list of members that is too long: ``ZipFile`` would read all of it into memory."""
    end = zipfile._EndRecData(stream)  # type: ignore[attr-defined]  # the module's own reading, of both kinds of end
    if end is not None and end[zipfile._ECD_SIZE] > limits.entries * MOST_ENTRY_BYTES:  # type: ignore[attr-defined]
        raise Refused(f"its list of files alone has {end[zipfile._ECD_SIZE]:,} bytes; at most {limits.entries} files")  # type: ignore[attr-defined]


def check_member(member: zipfile.ZipInfo) -> None:
    """Raise ``Refused`` for links, passwords, and packing that cannot be undone within a limit."""
    if stat.S_ISLNK(member.external_attr >> 16):
        raise Refused(f"{member.filename!r} is a link")
    if member.flag_bits & 0x1:
        raise Refused(f"{member.filename!r} is protected by a password")
    # bzip2 and LZMA are unpacked whole by the library, whatever one asks for.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Refused(f"{member.filename!r} is packed in another way than zip's usual one: make the archive anew")


def plain_members(archive: zipfile.ZipFile, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    """The files of an archive by their safe names; raises ``Refused`` where two cannot lie in one folder.

    Looks at the archive's list alone: nothing is unpacked.
    """
    for member in archive.infolist():
        safe_name(member.filename)
    found: dict[str, zipfile.ZipInfo] = {}
    for member in members(archive):
        check_member(member)
        name = safe_name(member.filename)
        if name in found:
            raise Refused(f"it holds {name!r} twice")
        if member.file_size > limits.file_bytes:
            raise Refused(f"{name!r} is larger than {limits.file_bytes / 1e6:.0f} MB when unpacked")
        found[name] = member
    if sum(member.file_size for member in found.values()) > limits.total_bytes:
        raise Refused(f"it is larger than {limits.total_bytes / 1e6:.0f} MB when unpacked")
    check_apart(found)
    return found


def check_apart(names: Iterable[str]) -> None:
    """Raise ``Refused`` where a name is a file's and a folder's.

    >>> check_apart(["a", "a/b"])
    Traceback (most recent call last):
    course.pack.archives.Refused: 'a' is a file and a folder in it
    """
    files = set(names)
    for name in files:
        for parent in PurePosixPath(name).parents:
            if str(parent) in files:
                raise Refused(f"{str(parent)!r} is a file and a folder in it")


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    """A member's bytes; raises ``Refused`` for links, passwords and anything larger than ``limit``.

    What the archive says about sizes is not believed: reading stops at the limit.
    """
    check_member(member)
    try:
        with archive.open(member) as stream:
            # No further than it says: what holds more is damaged, and is not unpacked to find that out.
            data = stream.read(min(limit, member.file_size) + 1)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise Refused(f"{member.filename!r} cannot be unpacked ({error})") from error
    except Exception as error:  # zlib, lzma and bz2 have errors of their own kinds, none of which is our fault
        raise Refused(f"{member.filename!r} is damaged ({error})") from error
    if len(data) > limit:
        raise Refused(f"{member.filename!r} is larger than {limit / 1e6:.0f} MB when unpacked")
    return data


def members(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    """The files of an archive without folders and what operating systems leave behind."""
    for member in archive.infolist():
        if not member.is_dir() and not JUNK.search(member.filename.replace("\\", "/")):
            yield member


def read_submission(data: bytes, limits: Limits = SUBMISSION) -> dict[str, bytes]:
    """Everything in a submission's zip by its safe name. Raises ``Refused``: one bad member spoils all of it."""
    archive = open_archive(data, limits)
    contents: dict[str, bytes] = {}
    room = limits.total_bytes
    for name, member in plain_members(archive, limits).items():
        contents[name] = read_member(archive, member, min(limits.file_bytes, room))
        room -= len(contents[name])
    return contents
