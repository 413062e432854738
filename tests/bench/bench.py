"""`make bench`: the README's numbers table, measured on this machine now.

Run it on an idle machine. Laboratories are driven without a browser: every control is moved through its range, and
what counts is the time from the change to the new picture in the widget.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "labs"))
os.environ["COURSE_CACHE_DIR"] = tempfile.mkdtemp(prefix="course-bench-")

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
LESSON = "01_what_is_mlops"


def lab_times() -> dict[str, tuple[bool, float, float, float, float]]:
    """Return for each laboratory: trains or not, first showing, median and slowest redraw (ms), cold cache.

    The last number is the median of the processor's time for a redraw (ms): other work on the machine moves it less.
    """
    from test_every_lab import LABS, values_of

    from course.authoring.gallery import a_guess

    found = {}
    for lab_class in LABS:
        begun = time.perf_counter()
        lab = lab_class(a_guess(lab_class))
        first = time.perf_counter() - begun
        times, work = [], []
        for control in lab.controls.values():
            start = control.value
            for value in [v for v in values_of(control) if v != start][:6]:
                begun, worked = time.perf_counter(), time.process_time()
                control.value = value
                times.append(time.perf_counter() - begun)
                work.append(time.process_time() - worked)
            control.value = start
        found[lab_class.__name__] = (
            lab_class.slow, first * 1000, statistics.median(times) * 1000, max(times) * 1000,
            statistics.median(work) * 1000,
        )  # fmt: skip
    return found


def section_times() -> dict[str, tuple[float, float]]:
    """Return for each solved section: seconds of its cells, and seconds of kernel start and imports before them."""
    found = {}
    for path in sorted((ROOT / "source" / LESSON).glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        client = NotebookClient(notebook, timeout=300, kernel_name="python3")
        warm = "import numpy, pandas, sklearn.ensemble, matplotlib.figure, ipywidgets, joblib, course.labs.lab"
        notebook.cells.insert(0, nbformat.v4.new_code_cell(warm))
        begun = time.perf_counter()
        with client.setup_kernel():
            client.execute_cell(notebook.cells[0], 0)
            ready = time.perf_counter()
            for index, cell in enumerate(notebook.cells[1:], 1):
                client.execute_cell(cell, index)
        found[path.stem] = (time.perf_counter() - ready, ready - begun)
    return found


def import_seconds() -> float:
    """Return the best of five of what `import course` costs beyond starting Python."""

    def best(code: str) -> float:
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(time.perf_counter() - begun)
        return min(times)

    return best("import course") - best("pass")


def main() -> None:
    """Print the tables as Markdown."""
    print(
        "| Laboratory | trains | first showing, cold (ms) | redraw, median (ms) | slowest (ms) | its CPU, median (ms) |"
    )
    print("|---|---|---|---|---|---|")
    for name, (slow, *times) in lab_times().items():
        print(f"| {name} | {'yes' if slow else 'no'} | {' | '.join(f'{each:.0f}' for each in times)} |")
    print("\n| Section, solved | its cells (s) | kernel and imports before (s) |\n|---|---|---|")
    sections = section_times()
    for name, (cells, before) in sections.items():
        print(f"| `{name}` | {cells:.1f} | {before:.1f} |")
    whole = sum(cells + before for cells, before in sections.values())
    print(f"| lesson 1, one after the other | {sum(c for c, _ in sections.values()):.1f} | {whole:.1f} in all |")
    print(f"\n`import course`: {import_seconds():.2f} s")


if __name__ == "__main__":
    main()
