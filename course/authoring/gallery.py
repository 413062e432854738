"""`course gallery`: a small picture of every laboratory for the documentation, with its own sentence as its words.

It shows what students predict, so it stands in this repository and not in what they get.
"""

from __future__ import annotations

import argparse
import importlib
import io
import pkgutil
from pathlib import Path
from typing import Any

import course.labs
from course.display import png_of
from course.labs.lab import Lab
from course.predict import Among

SUMMARY = "write small pictures of all laboratories to docs/gallery/"
WIDTH = 560  # pixels
#: This one shows the machine that it runs on.
LEFT_OUT = ("MachineLab",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course gallery`."""
    parser.add_argument("--root", type=Path, default=Path(), help="the project's root (default: here)")


def run(options: argparse.Namespace) -> int:
    """Write the pictures and the page."""
    docs = options.root.resolve() / "docs"
    (docs / "gallery").mkdir(parents=True, exist_ok=True)
    shown = [lab(a_guess(lab)) for lab in every_lab() if lab.__name__ not in LEFT_OUT]
    for lab in shown:
        (docs / "gallery" / f"{type(lab).__name__}.png").write_bytes(small_picture(lab))
    (docs / "gallery.md").write_text(page_of(shown), encoding="utf-8")
    print(f"{len(shown)} pictures in {docs / 'gallery'}")
    return 0


def every_lab() -> list[type[Lab]]:
    """Return the class of every laboratory of the course, by module and name."""
    for module in pkgutil.walk_packages(course.labs.__path__, "course.labs."):
        importlib.import_module(module.name)
    found, todo = [], [Lab]
    while todo:
        for subclass in todo.pop().__subclasses__():
            todo.append(subclass)
            if subclass.__module__.startswith("course."):
                found.append(subclass)
    return sorted(found, key=lambda lab: (lab.__module__, lab.__name__))


def a_guess(lab: type[Lab]) -> Any:
    """Return a prediction of the kind that a laboratory asks for: the first choice, or the middle of the range."""
    if lab.question is None:
        return None
    if isinstance(lab.question, Among):
        return lab.question.choices[0]
    if hasattr(lab.question, "example"):  # a kind of guess that the laboratory brings itself
        return lab.question.example
    return (lab.question.low + lab.question.high) / 2


def small_picture(lab: Lab) -> bytes:
    """Return the present picture of a laboratory as a PNG of few colours, `WIDTH` pixels wide."""
    from PIL import Image

    assert lab.table is not None
    picture = Image.open(io.BytesIO(png_of(lab.draw(lab.table, lab.guess))))
    small = picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.quantize(64, dither=Image.Dither.NONE).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def page_of(shown: list[Lab]) -> str:
    """Return the page as Markdown."""
    made = "Made by `course gallery`, each in the state in which it opens; each text is the laboratory's own sentence."
    lines = ["# The laboratories of lesson 1", "", made, ""]
    for lab in shown:
        name, words = type(lab).__name__, lab.sentence.replace("[", "(").replace("]", ")")
        lines += [f"## {lab.title}", "", f"![{words}](gallery/{name}.png)", "", words, ""]
    return "\n".join(lines)
