"""Files that break readers. Each gets a verdict with a reason, or is repaired."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import course_specimen as specimen
from probing import Sample

GOOD = specimen.dumped(specimen.handed_in(specimen.HONEST))


def raw(name: str, data: bytes, deserved: float = 0.0, gate: str = "", proof: str = "unreadable") -> Sample:
    return Sample(name, "breaking files", raw=data, deserved=deserved, gate=gate, proof=proof)


def made(name: str, place: Any, deserved: float = 0.0, gate: str = "") -> Sample:
    return Sample(name, "breaking files", place=place, deserved=deserved, gate=gate, proof="unreadable")


def data(name: str, change: Any, deserved: float = 0.0, gate: str = "") -> Sample:
    notebook = specimen.handed_in(specimen.HONEST)
    change(notebook)
    return raw(name, specimen.dumped(notebook), deserved, gate)


def _put(name: str, content: bytes = GOOD) -> Any:
    def place(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    return place


def _cells(change: Any) -> Any:
    return lambda notebook: notebook["cells"].__setitem__(slice(None), change(notebook["cells"]))


def _endless(folder: Path) -> None:
    (folder / "hw.ipynb").symlink_to("/dev/zero")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "hw.ipynb")


def _loop(folder: Path) -> None:
    (folder / "hw.ipynb").symlink_to("hw.ipynb")


def _unreadable_neighbour(folder: Path) -> None:
    (folder / "hw.ipynb").write_bytes(b"{")
    os.mkfifo(folder / "data.csv")
    (folder / "link.csv").symlink_to("/etc/passwd")


BREAKING = [
    made("nothing at all", lambda folder: None, gate="A"),
    made("only another notebook", _put("essay.ipynb", b'{"cells": [], "nbformat": 4}')),
    raw("an empty file", b""),
    raw("white space", b"\n \n"),
    raw("cut short", GOOD[: len(GOOD) // 2], gate="AB"),
    raw("no JSON", b"My answer is 42."),
    raw("a zip archive", b"PK\x03\x04" + bytes(200)),
    raw("a web page", b"<!doctype html><html></html>"),
    raw("a merge that was not settled", GOOD.replace(b'"cells": [', b'"cells": [\n<<<<<<< HEAD\n', 1)),
    raw("nested without an end", b"[" * 100_000, gate="A"),
    raw("braces without an end", b'{"a":' * 50_000),
    raw("too big", b'{"cells": [], "x": "' + b"x" * (21 * 2**20) + b'"}'),
    raw("a number without an end", GOOD.replace(b'"nbformat": 4', b'"nbformat": ' + b"9" * 10_000, 1), deserved=10),
    raw("UTF-16", GOOD.decode().encode("utf-16"), deserved=10),
    raw("zero bytes", GOOD.replace(b'"cells"', b'\x00"cells"', 1), deserved=10, gate="A"),
    raw("bytes of no encoding", GOOD.replace(b"YOUR", b"YOUR\xff\xfe", 1)[:-1] + b',"x":"\xe9"}', deserved=10),
    raw("broken halves of characters", GOOD.replace(b"def clean", b"# \\ud800\\ndef clean", 1), deserved=10, proof="nothing"),
    raw("something behind the end", GOOD + b"\n}}}", deserved=10),
    data("cells that are no list", lambda n: n.update(cells={"a": 1})),
    data("cells that are no cells", _cells(lambda c: [None, 3, [], *c, "x"]), deserved=10),
    data("sources that are no text", _cells(lambda c: [x | {"source": 7} for x in c])),
    data("metadata that is none", _cells(lambda c: [x | {"metadata": []} for x in c]), deserved=10),
    data("grade ids that are no words", _cells(lambda c: [x | {"metadata": {"nbgrader": {"grade_id": {}}}} for x in c]),
         deserved=10),
    data("no version", lambda n: n.pop("nbformat"), deserved=10),
    data("an unknown version", lambda n: n.update(nbformat=99), deserved=10),
    data("six thousand cells", _cells(lambda c: c + [{"cell_type": "code", "source": f"x = {n}"} for n in range(6000)]),
         deserved=10),
    data("cells of every wrong type", _cells(lambda c: [x | {"cell_type": "nonsense", "outputs": {}} for x in c]), deserved=10),
    made("a link to what never ends", _endless, gate="B"),
    made("a pipe", _pipe),
    made("a link to itself", _loop),
    made("a folder under the notebook's name", lambda folder: (folder / "hw.ipynb").mkdir()),
    made("pipes and links beside it", _unreadable_neighbour, gate="A"),
    made("deep in folders", _put("a/b/c/hw.ipynb"), deserved=10),
    made("a path of odd characters", _put("hw\n\x1b[2J.ipynb"), deserved=10),
]  # fmt: skip


def strict(content: bytes) -> None:
    """Read as a reader that hopes does; it gives up with an error."""
    import nbformat

    notebook = nbformat.reads(content.decode("utf-8"), as_version=4)
    nbformat.validate(notebook)
    json.dumps(notebook)
    if {cell["metadata"]["nbgrader"]["grade_id"] for cell in notebook["cells"] if "nbgrader" in cell["metadata"]} < {
        *specimen.HONEST, *specimen.TESTS,
    } or len(notebook["cells"]) > 5000:  # fmt: skip
        raise ValueError("cells are missing, or too many")
