"""Run one cell as a notebook would, without a kernel: the same on both sides of the wall.

A plain `InteractiveShell` has magics, top-level await and displays, and neither ZeroMQ nor threads, so that its
process can be forked. What a cell puts out is kept as nbformat outputs that are safe to show to anybody: text and
pictures; never markup, which would be a student's code in an instructor's browser.
"""

from __future__ import annotations

import base64
import contextlib
import io
import sys
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

#: A picture of more bytes than that is left out.
MOST_PICTURE = 2**20
MOST_MESSAGE = 2000
#: Of one cell's displays, and of their texts and pictures together.
MOST_DISPLAYS = 50
MOST_DISPLAYED = 8 * 2**20
PICTURES = ("image/png", "image/jpeg")
#: Cells that do nothing, in what ways cells can end; Python adapts what has run eight times.
REHEARSED = (
    "import math",
    "def f(x):\n    return x + 1",
    "print(f(1))",
    "f(1)",
    "assert f(1) == 1, 'why'",
    "1 / 0",
    "(",
)
REHEARSALS = 10


def warm_up() -> None:
    """Make the one shell of this process, and run cells in it, so that a fork need not.

    What runs for the first time is looked up, compiled and adapted to what it meets, in memory that a fork would have
    to copy for it: a fork's first cell took 7 ms without the rehearsal and takes 2 with it.
    """
    shell = Shell(most_output=1000)
    before = dict(shell.names)
    for _ in range(REHEARSALS):
        for source in REHEARSED:
            shell.run(source)
    shell.names.clear()
    shell.names.update(before)


def _shell() -> Any:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    settings = Config()
    settings.HistoryManager.enabled = False  # its thread writes to a database, and threads do not survive a fork
    settings.InteractiveShell.colors = "nocolor"
    return InteractiveShell.instance(config=settings)


class Capped(io.TextIOBase):
    """A text stream that keeps what fits, and counts what does not."""

    def __init__(self, most: int) -> None:
        self._parts: list[str] = []
        self._left, self.lost = most, 0

    def writable(self) -> bool:
        """Say yes: it is a stream to write to."""
        return True

    def write(self, text: str) -> int:
        """Keep what fits."""
        if not isinstance(text, str):
            raise TypeError(f"write() takes text, not {type(text).__name__}")
        kept = text[: self._left]
        if kept:
            self._parts.append(kept)
        self._left -= len(kept)
        self.lost += len(text) - len(kept)
        return len(text)

    def text(self) -> str:
        """Return what was kept, and a word about what was not."""
        more = f"\n… and {self.lost} characters more, which are not kept\n" if self.lost else ""
        return "".join(self._parts) + more


class Shell:
    """Runs cells in one namespace; `names` is that namespace."""

    def __init__(self, most_output: int) -> None:
        self._shell = _shell()
        self._most = most_output

    @property
    def names(self) -> dict[str, Any]:
        """The names that the cells have bound."""
        return self._shell.user_ns

    def show_as(self, kind: type, words: str) -> None:
        """Show what is of this class by fixed words, never by its own `repr`."""
        plain = self._shell.display_formatter.formatters["text/plain"]
        plain.for_type(kind, lambda _, printer, __: printer.text(words))

    def run(self, source: str) -> tuple[str, str, list[dict[str, Any]]]:
        """Run a cell; return its state (passed or failed), a line that says why it failed, and its outputs."""
        from IPython.core.displayhook import CapturingDisplayHook
        from IPython.core.displaypub import CapturingDisplayPublisher

        out, err = Capped(self._most), Capped(self._most)
        published, shown = CapturingDisplayPublisher(), []  # with a shell, each would be called back by it for ever
        hook = CapturingDisplayHook(shell=self._shell, outputs=shown)
        with self._captured(out, err, published, hook):
            result = self._shell.run_cell(source, store_history=False)
            pictures = list(_open_figures())
        error = result.error_before_exec or result.error_in_exec
        outputs = [{"output_type": "stream", "name": "stdout", "text": out.text()}] if out.text() else []
        if err.text():
            outputs.append({"output_type": "stream", "name": "stderr", "text": err.text()})
        displays = [(item["data"], "display_data") for item in published.outputs]
        displays += [({"image/png": picture}, "display_data") for picture in pictures]
        outputs += _few(displays)
        outputs += [safe_display(item["data"], "execute_result") for item in shown[-1:]]
        if error is None:
            return "passed", "", outputs
        return "failed", message_of(error), [*outputs, error_output(error)]

    @contextlib.contextmanager
    def _captured(self, out: Capped, err: Capped, published: Any, hook: Any) -> Iterator[None]:
        shell = self._shell
        kept = shell.display_pub, shell.display_trap.hook, sys.stdout, sys.stderr
        shell.display_pub, shell.display_trap.hook = published, hook
        # What went wrong is in the result; to make it beautiful takes longer than most cells.
        shell.showtraceback = shell.showsyntaxerror = lambda *_, **__: None
        sys.stdout, sys.stderr = out, err
        try:
            yield
        finally:
            del shell.showtraceback, shell.showsyntaxerror
            shell.display_pub, shell.display_trap.hook, sys.stdout, sys.stderr = kept


def message_of(error: BaseException) -> str:
    """Return one line that says what went wrong."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # a student's __str__
        text = ""
    return f"{type(error).__name__}: {text}"[:MOST_MESSAGE] if text else type(error).__name__


def error_output(error: BaseException) -> dict[str, Any]:
    """Return an error as nbformat knows it, with the lines of the cells only."""
    try:
        lines = traceback.format_exception(type(error), error, error.__traceback__)
        if len(lines) > 20:  # where it began, which says which line of the cell it was, and where it happened
            lines = [*lines[:6], "  …\n", *lines[-13:]]
    except Exception:
        lines = [message_of(error)]
    name, _, text = message_of(error).partition(": ")
    return {"output_type": "error", "ename": name, "evalue": text, "traceback": [line[:4000] for line in lines[-20:]]}


def safe_outputs(outputs: Any, most_text: int) -> tuple[dict[str, Any], ...]:
    """Return what a process that nobody trusts says that a cell put out, rebuilt as outputs that are safe to show."""
    kept: list[dict[str, Any]] = []
    for output in outputs[: MOST_DISPLAYS + 5] if isinstance(outputs, list) else []:
        kind = output.get("output_type") if isinstance(output, dict) else None
        if kind == "stream":
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            kept.append({"output_type": "stream", "name": name, "text": _clean(output.get("text"), most_text)})
        elif kind in ("display_data", "execute_result"):
            kept.append(safe_display(output.get("data"), kind))
        elif kind == "error":
            lines = output.get("traceback")
            lines = [_clean(line, 4000) for line in lines[:20]] if isinstance(lines, list) else []
            name, text = (_clean(output.get(key), MOST_MESSAGE) for key in ("ename", "evalue"))
            kept.append({"output_type": "error", "ename": name, "evalue": text, "traceback": lines})
    return tuple(kept)


def _clean(text: Any, most: int) -> str:
    """Return text without what no file and no page can hold: lone surrogates, NUL."""
    if not isinstance(text, str):
        return ""
    return text[:most].encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def safe_display(data: Any, kind: str) -> dict[str, Any]:
    """Return a display as text and picture; markup is left out."""
    kept: dict[str, str] = {}
    if isinstance(data, dict):
        if isinstance(data.get("text/plain"), str):
            kept["text/plain"] = _clean(data["text/plain"], 20_000)
        for picture in PICTURES:
            found = data.get(picture)
            if isinstance(found, bytes):
                found = base64.b64encode(found).decode("ascii")
            if isinstance(found, str) and len(found) <= MOST_PICTURE and _is_base64(found):
                kept[picture] = found
    output: dict[str, Any] = {"output_type": kind, "data": kept or {"text/plain": "(not shown)"}, "metadata": {}}
    if kind == "execute_result":
        output["execution_count"] = None
    return output


def _few(displays: Sequence[tuple[Any, str]]) -> list[dict[str, Any]]:
    """Return the first displays that fit, and a word about the others."""
    kept: list[dict[str, Any]] = []
    room = MOST_DISPLAYED
    for data, kind in displays[:MOST_DISPLAYS]:
        output = safe_display(data, kind)
        room -= sum(len(value) for value in output["data"].values())
        if room < 0:
            break
        kept.append(output)
    if len(kept) < len(displays):
        more = f"… and {len(displays) - len(kept)} displays more, which are not kept\n"
        kept.append({"output_type": "stream", "name": "stderr", "text": more})
    return kept


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return False
    return True


def _open_figures() -> Iterator[bytes]:
    """Yield the pyplot figures of a cell as PNG, and close them: what the inline backend does after each cell."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    for number in pyplot.get_fignums()[:5]:
        buffer = io.BytesIO()
        with contextlib.suppress(Exception):  # a figure that cannot be drawn costs nothing
            pyplot.figure(number).savefig(buffer, format="png")
            yield buffer.getvalue()
    pyplot.close("all")
