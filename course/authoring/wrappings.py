"""Every text in some bytes: through archives and compression, notebooks, pages, escapes and encodings."""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import hashlib
import html
import io
import json
import lzma
import re
import tarfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable, Iterator

DEEPEST = 8  # wrappings in wrappings
SHORTEST = 8  # bytes that are worth being decoded
INSIDE = " › "


def texts_of(path: str, data: bytes, seen: set[bytes], depth: int = 0) -> Iterator[tuple[str, str]]:
    """Return every text in some bytes with the path to it, through containers and encodings."""
    digest = hashlib.sha256(path.rsplit(".", 1)[-1].encode() + b"\0" + data).digest() if depth else b""
    if depth > DEEPEST or digest in seen:
        return
    if depth:
        seen.add(digest)
    opened = False
    for name, inner in _members_of(data):
        opened = True
        yield f"{path}{INSIDE}names", name
        yield from texts_of(f"{path}{INSIDE}{name}", inner, seen, depth + 1)
    for text in [] if opened else _readings(data):
        yield from _texts_in(path, text, seen, depth)


def _members_of(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Return name and content of each member, if the bytes are an archive or compressed."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if archive.comment:
                    yield "comment", archive.comment
                for member in archive.infolist():
                    if not member.is_dir():
                        yield member.filename, archive.read(member)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error, EOFError):
            pass
        start = data.find(b"PK\x03\x04")
        if start > 0:
            yield "before the archive", data[:start]
        return
    for magic, name, unpack in _COMPRESSIONS:
        if data.startswith(magic):
            try:
                yield name, unpack(data)
            except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError):
                continue
            return
    if data[257:262] == b"ustar":
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                for member in archive:
                    content = archive.extractfile(member) if member.isfile() else None
                    yield member.name, content.read() if content else member.linkname.encode()
        except tarfile.TarError:
            pass


_COMPRESSIONS: tuple[tuple[bytes, str, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", "unzipped", gzip.decompress),
    (b"BZh", "unzipped", bz2.decompress),
    (b"\xfd7zXZ\0", "unzipped", lzma.decompress),
    (b"\x78\x01", "inflated", zlib.decompress),
    (b"\x78\x9c", "inflated", zlib.decompress),
    (b"\x78\xda", "inflated", zlib.decompress),
)


def _readings(data: bytes) -> list[str]:
    """Return bytes as text; where they are not UTF-8, once with the letters of latin-1 and once without."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return [data.decode("utf-16", "replace")]
    if data[:4000].count(0) > len(data[:4000]) // 3:
        return [data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", "replace")]
    try:
        return [data.decode("utf-8-sig")]
    except UnicodeDecodeError:
        # In latin-1 most bytes are letters, which would join on to the words between them.
        return [data.decode("latin-1"), data.decode("ascii", "replace")]


def _texts_in(path: str, text: str, seen: set[bytes], depth: int) -> Iterator[tuple[str, str]]:
    """Return a text, and every text that is written in it in another way."""
    if depth > DEEPEST:
        return
    if text.lstrip()[:1] in ("{", "["):
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            yield from _texts_in_json(path, parsed, seen, depth)
            return
    yield path, text
    others: list[tuple[str, str]] = []
    if re.search(r"\\[nrtux\"'\\]", text):
        others.append((path, _unescaped(text)))
    if re.search(r"&(?:#\d+|#x[0-9a-fA-F]+|\w+);", text):
        others.append((path, html.unescape(text)))
    if re.search(r"<[a-zA-Z/!][^>]*>", text):
        others.append((path, html.unescape(re.sub(r"<[a-zA-Z/!][^>]*>", "", text))))
    if re.search(r"%[0-9a-fA-F]{2}", text):
        others.append((path, urllib.parse.unquote(text)))
    for where, other in others:
        digest = hashlib.sha256(other.encode("utf-8", "surrogatepass")).digest()
        if other != text and digest not in seen:
            seen.add(digest)
            yield from _texts_in(where, other, seen, depth + 1)
    for data in _encoded_in(text):
        yield from texts_of(f"{path}{INSIDE}decoded", data, seen, depth + 1)


def _texts_in_json(path: str, parsed: object, seen: set[bytes], depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(parsed, dict) and isinstance(parsed.get("cells"), list) and "nbformat" in parsed:
        for number, cell in enumerate(parsed["cells"], start=1):
            metadata = cell.get("metadata", {}) if isinstance(cell, dict) else {}
            name = metadata.get("nbgrader", {}).get("grade_id") or f"{number}"
            yield from _strings_of(f"{path}{INSIDE}cell {name}", cell, seen, depth)
        parsed = {key: value for key, value in parsed.items() if key != "cells"}
    yield from _strings_of(path, parsed, seen, depth)


def _strings_of(path: str, value: object, seen: set[bytes], depth: int) -> Iterator[tuple[str, str]]:
    """Return the strings of a parsed JSON value; a list of strings is one text in several lines, as in notebooks."""
    numbers: list[str] = []
    keys: list[str] = []
    stack: list[object] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield from _texts_in(path, item, seen, depth + 1)
        elif isinstance(item, list) and item and all(isinstance(part, str) for part in item):
            yield from _texts_in(path, "".join(item), seen, depth + 1)
            if not all(part.endswith("\n") for part in item[:-1]):
                stack += item
        elif isinstance(item, list):
            stack += item
        elif isinstance(item, dict):
            keys += [key for key in item if isinstance(key, str)]
            stack += item.values()
        elif isinstance(item, int | float) and not isinstance(item, bool):
            numbers.append(repr(item))
    if numbers or keys:
        yield path, "\n".join([*keys, *numbers])


_ESCAPES = {"n": "\n", "r": "\n", "t": "\t", '"': '"', "'": "'", "\\": "\\", "/": "/"}


def _unescaped(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if code[0] in "ux" and len(code) > 1 else _ESCAPES[code]

    return re.sub(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[nrt\"'\\/])", one, text)


def _encoded_in(text: str) -> Iterator[bytes]:
    """Return what stands in a text in base 64 or as hexadecimal digits, if it is text or an archive."""
    runs = re.findall(r"[A-Za-z0-9+/_-]{11,}={0,2}", text)
    wrapped = re.findall(r"(?:[A-Za-z0-9+/]{40,}[ \t]*\r?\n[ \t]*)+[A-Za-z0-9+/]+={0,2}", text)
    for run in dict.fromkeys([*runs, *wrapped]):
        letters = re.sub(r"\s", "", run).rstrip("=").replace("-", "+").replace("_", "/")
        candidates = []
        if len(letters) % 4 != 1:
            candidates.append(base64.b64decode(letters + "=" * (-len(letters) % 4)))
        if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", run):
            candidates.append(binascii.unhexlify(run))
        for data in candidates:
            if _is_worth_reading(data):
                yield data


def _is_worth_reading(data: bytes) -> bool:
    if len(data) < SHORTEST:
        return False
    if data.startswith((b"PK\x03\x04", *(magic for magic, _, _ in _COMPRESSIONS))) or data[257:262] == b"ustar":
        return True
    readings = _readings(data)
    if len(readings) > 1:
        return False
    [text] = readings
    good = sum(character.isprintable() or character in "\n\r\t" for character in text)
    return good >= 0.95 * len(text)
