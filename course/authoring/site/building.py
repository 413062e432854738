"""Markdown and pictures in, a folder of pages out: what is written for Sphinx, and what Sphinx is told."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable, Mapping
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from course.authoring.site.forms import elsewhere_html, explorable_html, film_html, id_of, name_of_picture, quiz_html
from course.authoring.site.pages import Section, markdown_of
from course.authoring.site.roadmap import roadmap_markdown
from course.authoring.site.states import Explorable
from course.errors import CourseError
from course.labs.film import Film
from course.labs.lab import Lab
from course.quiz import Quiz
from course.syllabus import Syllabus

STATIC = Path(__file__).with_name("static")
PICTURES = "states"
FILMS = "films"
FOOT = (
    "---\n\nThis page is for reading and exploring; the notebook is where you write, check and hand in: "
    "[run the lesson yourself](../run.md)."
)
Lessons = Mapping[str, list[Section]]
Explorables = Mapping[type[Lab], Explorable]


def build(scratch: Path, syllabus: Syllabus, lessons: Lessons, explorables: Explorables) -> Path:
    """Write the Markdown and the pictures, have Sphinx build the pages, and return their folder."""
    source, static = scratch / "source", scratch / "static"
    (static / PICTURES).mkdir(parents=True)
    for explorable in explorables.values():
        for state in explorable.states.values():
            (static / PICTURES / name_of_picture(state.picture)).write_bytes(state.picture)
    for film in (film for sections in lessons.values() for section in sections for film in section.films):
        (static / FILMS).mkdir(exist_ok=True)
        for kind in ("mp4", "png"):
            shutil.copyfile(film.path(kind), static / FILMS / film.path(kind).name)
    for name, text in markdown_files(syllabus, lessons, explorables).items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text, encoding="utf-8")
    # As a file: what the theme adds to the settings is not known yet when Sphinx takes them as a mapping.
    lines = (f"{name} = {value!r}\n" for name, value in settings(syllabus.title, static).items())
    (scratch / "conf.py").write_text("".join(lines), encoding="utf-8")
    return run_sphinx(source, scratch)


def settings(title: str, static: Path) -> dict[str, Any]:
    """Return Sphinx's configuration: a theme that fetches nothing, and nothing that a course has no use for."""
    return {
        "project": title,
        "html_title": title,
        "language": "en",
        "extensions": ["myst_parser"],
        "html_theme": "furo",
        "html_static_path": [str(STATIC), str(static)],
        "html_favicon": str(STATIC / "icon.svg"),  # without one a browser asks the server for it, and gets an error
        "html_css_files": ["site.css"],
        "html_js_files": ["explore.js"],
        "html_copy_source": False,
        "html_show_sourcelink": False,
        "html_show_copyright": False,
        "html_use_index": False,
        # It would be fetched from the pages, which a browser refuses where they lie on a disk.
        "html_show_search_summary": False,
        "smartquotes": False,
        "pygments_style": "a11y-high-contrast-light",
        "pygments_dark_style": "a11y-high-contrast-dark",
    }


def run_sphinx(source: Path, scratch: Path) -> Path:
    """Have Sphinx build HTML as `conf.py` in `scratch` says; raise CourseError when it warns of anything."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    said, out = io.StringIO(), scratch / "site"
    with contextlib.redirect_stderr(said), patch_docutils(), docutils_namespace():
        app = Sphinx(source, scratch, out, scratch / "doctrees", "html", status=None, warning=said)
        app.build(force_all=True)
    if app.statuscode or said.getvalue().strip():
        raise CourseError(f"Sphinx is not content with the pages:\n{said.getvalue()}")
    for left in (".buildinfo", "objects.inv"):  # for Sphinx itself, and for other manuals
        (out / left).unlink(missing_ok=True)
    return out


def markdown_files(syllabus: Syllabus, lessons: Lessons, explorables: Explorables) -> dict[str, str]:
    """Return the Markdown of every page by its file's name."""
    texts = resources("course.authoring.site") / "texts"
    pages = {}
    for lesson, sections in lessons.items():
        for section in sections:
            pages[f"{lesson}/{section.name}.md"] = markdown_of(section, shown_by(explorables), FOOT)
        pages[f"{lesson}/index.md"] = lesson_page(syllabus, lesson, sections)
    ready = {int(lesson[:2]): f"{lesson}/index.md" for lesson in lessons}
    pages["roadmap.md"] = roadmap_markdown(syllabus, ready)
    pages["run.md"] = (texts / "run.md").read_text(encoding="utf-8")
    start = (texts / "index.md").read_text(encoding="utf-8")
    pages["index.md"] = start + _contents([*(f"{lesson}/index" for lesson in lessons), "roadmap", "run"])
    return pages


def lesson_page(syllabus: Syllabus, lesson: str, sections: list[Section]) -> str:
    """Return the page of a lesson: what it is about, and its sections."""
    unit = syllabus.unit(int(lesson[:2]))
    return (
        f"# Lesson {unit.number}: {unit.title}\n\n{unit.problem}\n\n"
        f"{len(sections)} sections, about {unit.minutes} minutes with the notebooks.\n"
        + _contents([section.name for section in sections])
    )


def _contents(names: list[str]) -> str:
    return "\n```{toctree}\n:maxdepth: 2\n:titlesonly:\n\n" + "\n".join(names) + "\n```\n"


def shown_by(explorables: Explorables) -> Callable[[Lab | Quiz | Film, bool, str], str]:
    """Return the function that gives the HTML of what a lab cell shows."""

    def show(thing: Lab | Quiz | Film, is_again: bool, name: str) -> str:
        if isinstance(thing, Quiz):
            return quiz_html(thing, name)
        if isinstance(thing, Film):
            return film_html(thing, f"../_static/{FILMS}/")
        kind = type(thing)
        if is_again:
            return f'<p>The laboratory of before, once more: <a href="#{id_of(kind)}">{kind.title}</a>.</p>'
        if kind not in explorables:
            return elsewhere_html(kind, "../run.html")
        return explorable_html(explorables[kind], f"../_static/{PICTURES}/")

    return show


def pictures_on(lessons: Lessons, explorables: Explorables) -> dict[str, set[str]]:
    """Return, for each page of a section, the files of all pictures that it may come to show."""
    return {
        f"{lesson}/{section.name}.html": {
            f"_static/{PICTURES}/{name_of_picture(state.picture)}"
            for lab in section.labs
            if lab in explorables
            for state in explorables[lab].states.values()
        }
        for lesson, sections in lessons.items()
        for section in sections
    }
