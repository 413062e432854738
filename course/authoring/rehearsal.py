"""A section's notebook played quickly, without a kernel: what the release gate asks its questions with.

A `Stage` is a warm process that has numpy, pandas, scikit-learn and ipywidgets imported. It walks through a
notebook once; at the first answer cell that a variation replaces it forks, and the fork goes that variation's
way to the end. So neither imports nor set-up cells are paid for again, and no variation sees another.

It is for authors' own code, which is trusted: there is no sandbox here. Linux and macOS only (it forks).
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import json
import linecache
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from course.errors import CourseError

if TYPE_CHECKING:  # the stage imports this module too, and has no use for nbformat (2 s)
    from nbformat.notebooknode import NotebookNode

HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")
#: What a warm interpreter has imported: the cost of a section's cells is counted beyond these.
WARM = (
    "numpy",
    "pandas",
    "sklearn.datasets",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.neural_network",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "sklearn.tree",
    "scipy.stats",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "ipywidgets",
    "IPython.display",
)
#: One thread a process, a headless picture, no caches of bytecode in a checkout that is being edited.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "agg",
    "PYTHONHASHSEED": "0",
}
FIRST_LIMIT = 120.0  # seconds for a cell of which nothing is known yet
MEMORY_LIMIT = 8 * 2**30  # bytes of address space beyond which a runaway variation fails instead of the machine
MAGIC = re.compile(r"^\s*[%!]", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """One cell as grading sees it; `role` is set-up, answer, tests, written, readonly or lab."""

    name: str
    role: str
    source: str
    points: int = 0

    @property
    def hides(self) -> bool:
        """Whether the cell has a hidden region."""
        return HIDDEN[0] in self.source


@dataclass(frozen=True)
class Outcome:
    """What happened in one cell: `state` is passed, failed, hung, died or unseen (the play had ended before)."""

    state: str
    error: str = ""  # the exception's class: "NameError", "__main__.TooLate"
    message: str = ""
    line: int = 0  # of the cell, from 1; 0 when not known
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    stderr: str = ""  # what the cell wrote there: nbgrader gives such a tests cell no points
    shows: str = ""  # the type of the value that the cell ends in: nbgrader may read it as a score

    @property
    def passed(self) -> bool:
        """Whether the cell ran to its end."""
        return self.state == "passed"

    def __str__(self) -> str:
        if self.state == "failed":
            return f"{self.error}: {self.message}" if self.message else self.error
        return {"hung": "it reached its time limit", "died": "its process died"}.get(self.state, self.state)


@dataclass(frozen=True)
class Variation:
    """One way to play a section: the sources that stand in the place of cells, by name."""

    name: str
    sources: Mapping[str, str] = field(default_factory=dict)
    without: Sequence[str] = ()  # tests cells that are left out, because they hung before


@dataclass(frozen=True)
class Play:
    """How one variation went: outcomes by cell name, in order; cells that were not played are missing."""

    name: str
    outcomes: Mapping[str, Outcome]
    steps: Sequence[Step]

    @property
    def tests(self) -> dict[str, Outcome]:
        """The outcomes of the tests cells that were reached."""
        return {s.name: self.outcomes[s.name] for s in self.steps if s.role == "tests" and s.name in self.outcomes}

    @property
    def lost(self) -> set[str]:
        """The tests cells that give no points."""
        return {name for name, outcome in self.tests.items() if not outcome.passed}

    @property
    def points(self) -> int:
        """The points of the tests cells that passed."""
        return sum(
            s.points for s in self.steps if s.role == "tests" and s.name in self.tests and s.name not in self.lost
        )

    @property
    def own_cpu_seconds(self) -> float:
        """What the set-up and answer cells cost: they run again in grading."""
        roles = {s.name: s.role for s in self.steps}
        return sum(
            o.cpu_seconds for name, o in self.outcomes.items() if roles[name] in ("set-up", "answer", "readonly")
        )

    @property
    def broken(self) -> dict[str, Outcome]:
        """The cells other than tests cells that raised."""
        roles = {s.name: s.role for s in self.steps}
        return {name: o for name, o in self.outcomes.items() if roles[name] != "tests" and not o.passed}


def role_of(cell: NotebookNode) -> str:
    """Return a cell's role from what a built notebook says of it, in `source/` and in `release/` alike.

    Text that nobody grades by code is "text"; a self-check of Go further is a tests cell without points.
    """
    nbgrader = cell.metadata.get("nbgrader", {})
    if cell.cell_type != "code":
        return "written" if nbgrader.get("grade") and nbgrader.get("solution") else "text"
    if "self-check" in cell.metadata.get("tags", []):
        return "tests"
    if nbgrader.get("grade"):
        return "written" if nbgrader.get("solution") else "tests"
    if nbgrader.get("solution"):
        return "answer"
    if nbgrader.get("locked"):
        return "readonly"
    tags = cell.metadata.get("tags", [])
    return "tests" if "self-check" in tags else "lab" if "lab" in tags else "set-up"


def steps_of(notebook: NotebookNode) -> list[Step]:
    """Return the code cells of a built notebook in order; a cell without a grade id is called by its place."""
    steps = []
    for place, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code":
            nbgrader = cell.metadata.get("nbgrader", {})
            role = role_of(cell)
            name = nbgrader.get("grade_id") or (cell.id if role == "tests" else f"{role} cell {place}")
            steps.append(Step(name, role, cell.source, int(nbgrader.get("points", 0) or 0)))
    return steps


def visible_source(source: str) -> str:
    """Return a tests cell as students see it: its hidden region cut out.

    >>> visible_source("a\\n### BEGIN HIDDEN TESTS\\nb\\n### END HIDDEN TESTS")
    'a'
    """
    lines, hidden = [], False
    for line in source.splitlines():
        if line.strip() == HIDDEN[0]:
            hidden = True
        elif line.strip() == HIDDEN[1]:
            hidden = False
        elif not hidden:
            lines.append(line)
    return "\n".join(lines)


def visible_only(steps: Sequence[Step]) -> list[Step]:
    """Return the steps with every hidden region cut out."""
    return [replace(s, source=visible_source(s.source)) if s.role == "tests" else s for s in steps]


def limits_from(reference: Play) -> dict[str, float]:
    """Return how many seconds each cell may take in a variation: ten times the reference, and two more."""
    return {name: 2 + 10 * outcome.seconds for name, outcome in reference.outcomes.items()}


# --- The side of the gate -------------------------------------------------------------------------------------


class Stage:
    """A warm process on which variations of a section are played, one after the other; a context manager.

    Several stages may be used from several threads, each by one thread at a time.
    """

    def __init__(self, modules: Sequence[str] = WARM) -> None:
        code = "import sys; from course.authoring.rehearsal import serve; serve(sys.argv[1:])"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **ENVIRONMENT},
            start_new_session=True,  # so that an interrupt reaches the gate only, which then ends this process
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process and everything that it started."""
        process = self._process
        with contextlib.suppress(OSError):
            process.stdin.close()  # type: ignore[union-attr]
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        process.stdout.close()  # type: ignore[union-attr]

    def rehearse(
        self,
        steps: Sequence[Step],
        variations: Sequence[Variation],
        *,
        limits: Mapping[str, float] | None = None,
        stop_early: bool = False,
        with_labs: bool = False,
        folder: Path | None = None,
    ) -> Iterator[Play]:
        """Play the section once for each variation and yield how it went, in the order in which they fork.

        `limits` are seconds by cell name; a cell beyond its limit hung. With `stop_early` a variation ends at its
        first tests cell that does not pass; without it, a tests cell that hung or died costs itself only: the
        variation is played again without it. `folder` holds the files that lie beside the notebook.

        Raises CourseError when a variation replaces a cell that does not exist.
        """
        played = [step for step in steps if step.role != "lab" or (with_labs and not MAGIC.search(step.source))]
        names = {step.name for step in played}
        for variation in variations:
            unknown = sorted(set(variation.sources) - names)
            if unknown:
                raise CourseError(f"{variation.name} replaces {', '.join(unknown)}, which is no cell of this section")
        request = {
            "steps": [asdict(step) for step in played],
            "variations": [asdict(variation) for variation in variations],
            "limits": dict(limits or {}),
            "stop_early": stop_early,
            "folder": str(folder) if folder else None,
        }
        if not variations:
            return
        frame: dict[str, Any] = {}
        try:
            _send(self._process.stdin, request)  # type: ignore[arg-type]
            while not (frame := _receive(self._process.stdout)).get("end"):  # type: ignore[arg-type]
                outcomes = {name: Outcome(**outcome) for name, outcome in frame["outcomes"].items()}
                yield Play(frame["name"], outcomes, played)
        except (OSError, EOFError, ValueError) as error:
            raise CourseError("the rehearsal's process ended; its words stand above") from error
        finally:
            if not frame.get("end"):  # nobody waits for the rest: the next request must not read it
                self.close()
        if frame["problem"]:
            raise CourseError(f"the rehearsal broke: {frame['problem']}; its words stand above")


def _send(pipe: IO[bytes], message: Mapping[str, Any]) -> None:
    data = json.dumps(message).encode()
    pipe.write(len(data).to_bytes(4, "big") + data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> dict[str, Any]:
    head = pipe.read(4)
    if len(head) < 4:
        raise EOFError
    return json.loads(pipe.read(int.from_bytes(head, "big")))


# --- The side of the stage ------------------------------------------------------------------------------------


def serve(modules: Sequence[str]) -> None:
    """Be a stage: import `modules`, then play one request after the other until the input ends."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    for name in modules:
        importlib.import_module(name)
    while True:
        try:
            request = _receive(requests)
        except EOFError:
            return
        stem = os.fork()
        if stem == 0:
            _quietly(lambda asked=request: _walk(asked, answers))
        _, status = os.waitpid(stem, 0)
        problem = "" if status == 0 else f"its walk ended with status {status}"
        _send(answers, {"end": True, "problem": problem})


def _quietly(work: Any) -> None:
    """Run `work` and leave the process at once: no handlers, no threads to wait for, no buffers written twice."""
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        with contextlib.suppress(BaseException):
            traceback.print_exc()
    finally:
        os._exit(status)


def _walk(request: Mapping[str, Any], answers: IO[bytes]) -> None:
    """Walk the section once; at the first cell that a variation replaces, fork for it and report how it went."""
    steps = [Step(**step) for step in request["steps"]]
    variations = [Variation(**variation) for variation in request["variations"]]
    place = {step.name: number for number, step in enumerate(steps)}
    forks: dict[int, list[Variation]] = {}
    for variation in variations:
        start = min((place[name] for name in variation.sources), default=0)
        forks.setdefault(start, []).append(variation)
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as scratch:
        home = Path(scratch, "stem")
        home.mkdir()
        if request["folder"]:
            shutil.copytree(
                request["folder"], home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.ipynb", "*.py", ".*")
            )
        os.chdir(home)
        said = _catch_output(Path(scratch))
        active: list[int] = []
        signal.signal(signal.SIGTERM, lambda *_: _end_all(active, scratch))
        namespace = _fresh_namespace()
        outcomes: dict[str, Outcome] = {}
        for number, step in enumerate(steps):
            for variation in forks.pop(number, []):
                went = _play_with_retries(variation, steps, number, namespace, request, Path(scratch), active)
                both = {name: asdict(outcome) for name, outcome in (outcomes | went).items()}
                _send(answers, {"name": variation.name, "outcomes": both})
            if not forks:
                return
            outcomes[step.name] = _play(step, step.source, namespace, said)


def _end_all(active: Sequence[int], scratch: str) -> None:
    for child in active:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(0)


def _play_with_retries(
    variation: Variation,
    steps: Sequence[Step],
    start: int,
    namespace: dict[str, Any],
    request: Mapping[str, Any],
    scratch: Path,
    active: list[int],
) -> dict[str, Outcome]:
    """Play a variation in forks until it comes to its end; a tests cell that stops it is left out the next time."""
    roles = {step.name: step.role for step in steps}
    stopped: dict[str, Outcome] = {}
    while True:
        without = {*variation.without, *stopped}
        went, stopper = _play_in_fork(variation, without, steps, start, namespace, request, scratch, active)
        if stopper is None or request["stop_early"] or roles[stopper] != "tests":
            went |= stopped
            rest = [step.name for step in steps[start:] if step.name not in went and step.name not in variation.without]
            if stopper is not None and not request["stop_early"]:
                went |= dict.fromkeys(rest, Outcome("unseen"))
            return {step.name: went[step.name] for step in steps if step.name in went}
        stopped[stopper] = went[stopper]


def _play_in_fork(
    variation: Variation,
    without: set[str],
    steps: Sequence[Step],
    start: int,
    namespace: dict[str, Any],
    request: Mapping[str, Any],
    scratch: Path,
    active: list[int],
) -> tuple[dict[str, Outcome], str | None]:
    """Return the outcomes of one fork, and the name of the cell in which it hung or died, if it did."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _quietly(lambda: _go_on(variation, without, steps, start, namespace, request["stop_early"], scratch, writing))
    os.close(writing)
    with contextlib.suppress(OSError):
        os.setpgid(child, child)
    active.append(child)
    outcomes: dict[str, Outcome] = {}
    playing, ended, hung = steps[start].name, False, False
    began = time.monotonic()
    try:
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            frames = _Frames(pipe)
            while not ended:
                left = began + request["limits"].get(playing, FIRST_LIMIT) - time.monotonic()
                frame = frames.next(max(left, 0))
                if frame is None:  # silence
                    hung = True
                    break
                if "begins" in frame:
                    playing, began = frame["begins"], time.monotonic()
                elif "outcome" in frame:
                    outcomes[frame["name"]] = Outcome(**frame["outcome"])
                else:
                    ended = True
    except EOFError:
        pass
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)  # also what the cells left running
    os.waitpid(child, 0)
    active.remove(child)
    if ended:
        return outcomes, None
    outcomes[playing] = Outcome("hung" if hung else "died", seconds=time.monotonic() - began)
    return outcomes, playing


class _Frames:
    """Messages read from a pipe with a time limit."""

    def __init__(self, pipe: Any) -> None:
        self._pipe, self._buffer = pipe, b""

    def next(self, seconds: float) -> dict[str, Any] | None:
        """Return the next message, or None when it does not come in time; raises EOFError at the end."""
        until = time.monotonic() + seconds
        while True:
            size = int.from_bytes(self._buffer[:4], "big")
            if len(self._buffer) >= 4 and len(self._buffer) >= 4 + size:
                data, self._buffer = self._buffer[4 : 4 + size], self._buffer[4 + size :]
                return json.loads(data)
            ready, _, _ = select.select([self._pipe], [], [], max(until - time.monotonic(), 0))
            if not ready:
                return None
            more = self._pipe.read(1 << 16)
            if not more:
                raise EOFError
            self._buffer += more


def _go_on(
    variation: Variation,
    without: set[str],
    steps: Sequence[Step],
    start: int,
    namespace: dict[str, Any],
    stop_early: bool,
    scratch: Path,
    writing: int,
) -> None:
    """In the fork: play the rest of the section this variation's way, in a folder of its own."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    here = Path(tempfile.mkdtemp(dir=scratch))
    shutil.copytree(Path.cwd(), here, dirs_exist_ok=True)
    os.chdir(here)
    said = _catch_output(here.with_suffix(".output"))
    with os.fdopen(writing, "wb") as pipe:
        for step in steps[start:]:
            if step.name in without:
                continue
            _send(pipe, {"begins": step.name})
            outcome = _play(step, variation.sources.get(step.name, step.source), namespace, said)
            _send(pipe, {"name": step.name, "outcome": asdict(outcome)})
            if stop_early and step.role == "tests" and not outcome.passed:
                break
        _send(pipe, {"ends": True})


def _catch_output(folder: Path) -> Path:
    """Send what cells print to files in `folder`; return the one that catches the error stream."""
    folder.mkdir(exist_ok=True)
    for number, name in ((1, "stdout"), (2, "stderr")):
        caught = os.open(folder / name, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        os.dup2(caught, number)
        os.close(caught)
    return folder / "stderr"


def _fresh_namespace() -> dict[str, Any]:
    """Return the namespace of a new `__main__`, with `display` as a notebook has it."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    main.__dict__["display"] = lambda *_args, **_kwargs: None
    return main.__dict__


def _play(step: Step, source: str, namespace: dict[str, Any], said: Path) -> Outcome:
    """Run one cell in `namespace`, as a notebook would, and say what happened."""
    filename = f"<{step.name}>"
    # So that inspect.getsource finds what a cell defines.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    said_before = said.stat().st_size
    wall, cpu = time.perf_counter(), time.process_time()
    result: dict[str, Any] = {"state": "passed"}
    try:
        tree = ast.parse(source, filename)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
            last = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
        exec(compile(tree, filename, "exec", dont_inherit=True), namespace)
        if last is not None:
            value = eval(compile(last, filename, "eval", dont_inherit=True), namespace)
            if value is not None:
                result["shows"] = type(value).__name__
    except BaseException as error:
        result |= {"state": "failed", "error": _class_name(error), "message": _message(error)}
        places = [place.lineno for place in traceback.extract_tb(error.__traceback__) if place.filename == filename]
        result["line"] = (places[-1] if places else getattr(error, "lineno", 0)) or 0
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    with contextlib.suppress(Exception):
        sys.stderr.flush()
    if said.stat().st_size > said_before:
        with said.open("rb") as stream:
            stream.seek(said_before)
            result["stderr"] = stream.read(400).decode("utf-8", "replace")
    return Outcome(**result, seconds=seconds, cpu_seconds=cpu_seconds)


def _class_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        return str(error)[:400]
    except Exception:
        return "(its message cannot be read)"
