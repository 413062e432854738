"""Zip files from strangers, read as data: nothing is unpacked to disk, and nothing may be larger than it should."""

from __future__ import annotations

import io
import re
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

JUNK = re.compile(r"(^|/)(__MACOSX|\.ipynb_checkpoints|backups|\.DS_Store|Thumbs\.db|\.(?!\.)[^/]*)(/|$)")


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


def safe_name(name: str) -> str:
    """A member's name with ``/`` between its parts; raises ``Refused`` for one that points elsewhere.

    >>> safe_name("work\\\\1_the_gap.ipynb")
    'work/1_the_gap.ipynb'
    >>> safe_name("../../etc/passwd")
    Traceback (most recent call last):
    course.pack.archives.Refused: '../../etc/passwd' points outside of the archive
    """
    plain = name.replace("\\", "/")
    parts = plain.split("/")
    if plain.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", plain) or "\0" in plain:
        raise Refused(f"{name!r} points outside of the archive")
    return plain


def open_archive(data: bytes | str, limits: Limits) -> zipfile.ZipFile:
    """An archive from bytes or a path; raises ``Refused`` when it is none, or has too many entries."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data) if isinstance(data, bytes) else data)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Refused(f"it is no whole zip file ({error})") from error
    if len(archive.infolist()) > limits.entries:
        raise Refused(f"it holds {len(archive.infolist())} files; at most {limits.entries} are taken")
    return archive


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    """A member's bytes; raises ``Refused`` for links, passwords and anything larger than ``limit``.

    What the archive says about sizes is not believed: reading stops at the limit.
    """
    if stat.S_ISLNK(member.external_attr >> 16):
        raise Refused(f"{member.filename!r} is a link")
    if member.flag_bits & 0x1:
        raise Refused(f"{member.filename!r} is protected by a password")
    try:
        with archive.open(member) as stream:
            data = stream.read(limit + 1)
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
    for member in archive.infolist():
        safe_name(member.filename)
    contents: dict[str, bytes] = {}
    room = limits.total_bytes
    for member in members(archive):
        name = safe_name(member.filename)
        if name in contents:
            raise Refused(f"it holds {name!r} twice")
        contents[name] = read_member(archive, member, min(limits.file_bytes, room))
        room -= len(contents[name])
    return contents
