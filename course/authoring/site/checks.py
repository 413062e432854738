"""What must hold of the built pages: links lead somewhere, nothing comes from elsewhere, no page is too heavy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import PurePosixPath
from posixpath import normpath
from urllib.parse import unquote, urlsplit

MOST_BYTES = 3_000_000  # a page, with all that it may come to show
LOADED = ("img", "script", "iframe", "video", "audio", "source", "track", "embed", "input")


class Page(HTMLParser):
    """The parts of an HTML page that the checks ask for.

    >>> Page('<a href="b.html#c">b</a><img src="d.png" alt="">').wordless
    ['d.png']
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []  # what a reader may follow
        self.fetched: list[str] = []  # what a browser loads by itself
        self.wordless: list[str] = []  # pictures without words
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note ids, links, what is loaded, and pictures without words."""
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if given.get(name)}
        is_loaded = tag == "link" and re.search(r"stylesheet|icon|preload|manifest", given.get("rel", ""))
        if is_loaded or (tag in LOADED and given.get("src")):
            self.fetched.append(given["href" if tag == "link" else "src"])
        elif tag in ("a", "link", "area") and "href" in given:
            self.links.append(given["href"])
        if tag == "img" and not given.get("alt", "").strip():
            self.wordless.append(given.get("src", "?"))


def problems_of(files: Mapping[str, bytes], pictures_of: Mapping[str, set[str]]) -> list[str]:
    """Return what is wrong with a site, one line each; `files` by path, `pictures_of` what a page may come to show.

    Links to other sites are not followed: they cannot be checked without a network.
    """
    pages = {path: Page(data.decode("utf-8")) for path, data in files.items() if path.endswith(".html")}
    found: list[str] = []
    for path, page in pages.items():
        for link in page.links:
            found += _dead(path, link, files, pages)
        for source in page.fetched:
            if _is_elsewhere(source):
                found.append(f"{path}: it would load {source}; ship the file with the site")
            else:
                found += _dead(path, source, files, pages)
        found += [f"{path}: the picture {source} has no words (alt)" for source in page.wordless]
        weight = weight_of(path, page, files, pictures_of.get(path, set()))
        if weight > MOST_BYTES:
            found.append(
                f"{path}: it weighs {weight / 1e6:.2f} MB with all its states; a page has room for "
                f"{MOST_BYTES / 1e6:g} MB: let its laboratories declare fewer values in `web`"
            )
    for path, data in files.items():
        if path.endswith(".css"):
            sources = re.findall(r"""(?:url\(|@import)\s*["']?([^"')\s;]+)""", data.decode("utf-8"))
            found += [f"{path}: it would load {source}" for source in sources if _is_elsewhere(source)]
    return found


def weight_of(path: str, page: Page, files: Mapping[str, bytes], pictures: set[str]) -> int:
    """Return the bytes of a page with what it loads, and with all pictures that it may come to show."""
    loaded = {_target(path, source)[0] for source in page.fetched if not _is_elsewhere(source)} | pictures
    return len(files[path]) + sum(len(files.get(name, b"")) for name in loaded)


def _is_elsewhere(link: str) -> bool:
    parts = urlsplit(link)
    return bool(parts.netloc) or parts.scheme in ("http", "https", "ftp")


def _target(path: str, link: str) -> tuple[str, str]:
    """The file and the anchor that a link on a page leads to."""
    parts = urlsplit(link)
    file = normpath(str(PurePosixPath(path).parent / unquote(parts.path))) if parts.path else path
    return file, unquote(parts.fragment)


def _dead(path: str, link: str, files: Mapping[str, bytes], pages: Mapping[str, Page]) -> Iterator[str]:
    if _is_elsewhere(link) or urlsplit(link).scheme in ("mailto", "data"):
        return
    file, anchor = _target(path, link)
    if file not in files:
        yield f"{path}: the link {link!r} leads to no file of the site"
    elif anchor and file in pages and anchor not in pages[file].ids:
        yield f"{path}: the link {link!r} leads to no place on {file}"
