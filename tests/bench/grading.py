"""`make bench-grading`: what grading costs, ours and nbgrader's as it ships, on the same submissions in one run.

CPU seconds a notebook, of all processes together. *Floor* is what the cells that grading needs cost by themselves, in
a warm interpreter; *overhead* is the rest: sandbox, both sides, forks, outputs, gradebook. Then a thousand submissions
of the second notebook, with the time to the first word and to the first verdict. Run it on an idle machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LESSON = "01_what_is_mlops"
PLAIN = "--Autograde.exporter_class=nbconvert.exporters.NotebookExporter"
#: A small class, and how many more a larger one has.
FEW, SUBMISSIONS = 4, 12
#: A shared machine is never quite idle: the least of so many runs is what something costs.
RUNS = 15
CLASS = int(os.environ.get("BENCH_CLASS", "1000"))

TRIVIAL = ["import math", "def double(x):\n    return 2 * x", ["assert double(2) == 4", "assert double(0) == 0"]]
MODEL = [
    "import numpy as np\nimport pandas as pd\nfrom sklearn.ensemble import RandomForestClassifier\n"
    "rng = np.random.default_rng(0)\ndata = pd.DataFrame(rng.normal(size=(300, 4)), columns=list('abcd'))\n"
    "data['y'] = (data['a'] + data['b'] > 0).astype(int)",
    "def fit(frame):\n    return RandomForestClassifier(20, random_state=0).fit(frame[list('abcd')], frame['y'])\n\n"
    "def share(frame):\n    return frame.groupby('y')['a'].mean()",
    [
        "model = fit(data)\nassert (model.predict(data[list('abcd')]) == data['y']).mean() > 0.9",
        "assert list(share(data).index) == [0, 1]",
    ],
]


def spent(words: list[str], cwd: Path) -> tuple[float, float]:
    """Return CPU and wall seconds of a command and of all that it starts, those that outlive it included.

    This process adopts what a command leaves behind (see `main`): a worker that is ended takes no account of its own
    children's time.
    """
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(words)} failed:\n{done.stdout[-2000:]}{done.stderr[-3000:]}")
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def make_course(folder: Path, name: str, cells: list) -> None:
    """Make a course of one notebook, released by nbgrader."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    set_up, answer, tests = cells
    marks = {"schema_version": 3, "locked": False, "grade": False, "solution": False, "task": False}
    solution = {"nbgrader": marks | {"grade_id": "answer", "solution": True}}
    made = [
        new_code_cell(set_up),
        new_code_cell(f"### BEGIN SOLUTION\n{answer}\n### END SOLUTION", metadata=solution),
    ]
    for number, source in enumerate(tests):
        graded = marks | {"grade_id": f"tests-{number}", "grade": True, "locked": True, "points": 1}
        made.append(new_code_cell(source, metadata={"nbgrader": graded}))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    (folder / "source" / name).mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'bench'\n")
    nbformat.write(new_notebook(cells=made, metadata=kernel), folder / "source" / name / f"{name}.ipynb")
    spent([sys.executable, "-m", "nbgrader", "generate_assignment", name], folder)


def hand_in(folder: Path, name: str, count: int) -> None:
    """Hand the reference solution in, so many times."""
    for number in range(count):
        target = folder / "submitted" / f"s{number:04}" / name
        target.mkdir(parents=True)
        shutil.copy(folder / "source" / name / f"{name}.ipynb", target)


def grade_command(name: str, folder: Path) -> list[str]:
    """Return the command that grades with ours."""
    return [sys.executable, "-m", "course.cli", "grade", name, "--course-dir", str(folder), "--jobs", "2"]


def side_by_side(name: str, cells: list) -> None:
    """Print one row: floor, ours, nbgrader's; both by the difference between a small class and a larger one.

    What a command needs once (imports, warm processes, the gradebook's tables) is in neither.
    """
    costs = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "course"
        make_course(root, name, cells)
        for grader in ("ours", "nbgrader"):
            totals = []
            for count in (FEW, FEW + SUBMISSIONS):
                copy = Path(folder) / f"{grader}-{count}"
                shutil.copytree(root, copy)
                hand_in(copy, name, count)
                plain = [sys.executable, "-m", "nbgrader", "autograde", name, PLAIN]
                totals.append(spent(grade_command(name, copy) if grader == "ours" else plain, copy)[0])
            costs[grader] = (totals[1] - totals[0]) / SUBMISSIONS
    floor = floor_of([cells[0], cells[1], *cells[2]])
    mine, theirs = costs["ours"], costs["nbgrader"]
    print(
        f"| {name} | {floor:.2f} | {mine:.2f} | {mine - floor:.2f} | {theirs:.2f} | {theirs - floor:.2f} "
        f"| {theirs / mine:.1f} |",
        flush=True,
    )


def floor_of(sources: list[str]) -> float:
    """Return the least CPU seconds of some runs of cells in a warm interpreter that has imported what they import."""
    from course.grading import cells, zygote
    from course.grading.warmth import ALWAYS, imported, libraries

    cells.warm_up()
    zygote._warm([*ALWAYS, *libraries(sources), *(module for source in sources for module in imported(source))])
    found = []
    for _ in range(RUNS):
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            shell = cells.Shell(100_000)
            began = time.process_time()
            failed = [source for source in sources if shell.run(source)[0] != "passed"]
            os.write(theirs, json.dumps([time.process_time() - began, failed]).encode())
            os._exit(0)
        os.close(theirs)
        with os.fdopen(ours) as answer:
            seconds, failed = json.load(answer)
        os.waitpid(child, 0)
        if failed:
            sys.exit(f"the reference fails: {failed[0]}")
        found.append(seconds)
    return min(found)


def sections() -> None:
    """Print a row for each section of lesson 1, solved: floor and total are each the least of some runs.

    Of a total, what the boxes spent that have ended is reported; the rest is what this process, the warm one, and
    those with the set-up cells behind them spent meanwhile.
    """
    from course.grading.grader import grade_notebook
    from course.grading.reading import Received
    from course.grading.rebuild import rebuild
    from course.grading.zygote import zygote

    print("\n| Section of lesson 1, solved | tests cells | floor | total | overhead |\n|---|---|---|---|---|")
    for path in sorted((ROOT / "source" / LESSON).glob("*.ipynb")):
        source = json.loads(path.read_text())
        release = json.loads((ROOT / "release" / LESSON / path.name).read_text())
        rebuilt = rebuild(path.stem, source, release, Received(raw=json.dumps(source).encode()))
        floor = floor_of([c.source for c in rebuilt.cells if c.is_code and c.role not in ("lab", "text")])
        grade_notebook(rebuilt)  # imports what the section imports, once a class
        totals = []
        for _ in range(RUNS):
            before = _seconds_of_the_living()
            totals.append(grade_notebook(rebuilt).cpu_seconds + _seconds_of_the_living() - before)
        tests = sum(cell.role == "tests" for cell in rebuilt.cells)
        total = min(totals)
        print(f"| `{path.stem}` | {tests} | {floor:.2f} | {total:.2f} | {total - floor:.2f} |", flush=True)
    zygote().close()  # `spent` waits for all children


def _seconds_of_the_living() -> float:
    """Return the CPU seconds that this process and its living descendants have spent, to the microsecond."""
    numbers = (os.getpid(), *_descendants())
    return sum(int(Path(f"/proc/{number}/schedstat").read_text().split()[0]) for number in numbers) / 1e9


@contextlib.contextmanager
def memory_watched(seconds: float = 1.0) -> Iterator[list[int]]:
    """Give a list that grows by the bytes that all descendants of this process hold, once in so many seconds."""
    found: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(seconds):
            found.append(sum(_own_bytes(number) for number in _descendants()))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()


def _descendants() -> Iterable[int]:
    from course.grading.box import descendants, opened

    with opened("/proc") as proc:
        return descendants(os.getpid(), proc)


def _own_bytes(process: int) -> int:
    from course.grading.box import fair_bytes_of, opened

    with opened("/proc") as proc:
        return fair_bytes_of(process, proc)


def a_whole_class() -> None:
    """Print what it takes to grade a class of the second notebook, and whether memory stays flat."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "course"
        make_course(root, "pandas_sklearn", MODEL)
        hand_in(root, "pandas_sklearn", CLASS)
        words = grade_command("pandas_sklearn", root)
        began = time.perf_counter()
        with memory_watched() as memory, subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            lines = [(time.perf_counter() - began, line) for line in running.stdout]
        wall = time.perf_counter() - began
        if running.returncode:
            sys.exit(lines[-1][1])
    begins = [at for at, line in lines if " of " in line][:1]
    quarter = max(1, len(memory) // 4)
    early, late = max(memory[quarter : 2 * quarter], default=0), max(memory[-quarter:], default=0)
    print(f"\n{CLASS} submissions of pandas_sklearn, 2 workers: {wall:.0f} s, {1000 * wall / CLASS:.0f} ms each.")
    print(f"First word after {lines[0][0]:.1f} s, first line of progress after {begins[0] if begins else wall:.1f} s.")
    print(
        f"Memory of all processes, at most: {early / 2**20:.0f} MiB in the second quarter, "
        f"{late / 2**20:.0f} MiB in the last."
    )


def main() -> None:
    """Print the tables as Markdown."""
    from course.grading import kernel

    kernel.set_process(kernel.PR_SET_CHILD_SUBREAPER, 1)  # so that `spent` can count what a command leaves behind
    print(
        "| Notebook | floor | ours | overhead | nbgrader | its overhead | times less |\n|---|---|---|---|---|---|---|"
    )
    side_by_side("trivial", TRIVIAL)
    side_by_side("pandas_sklearn", MODEL)
    sections()
    a_whole_class()


if __name__ == "__main__":
    main()
