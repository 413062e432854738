"""The start script: what it checks, what it says, and that it can be stopped and repeated at any moment."""

import ast
import base64
import contextlib
import ensurepip
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path

import pytest
from specimen_lesson import LESSON, write_release

from course.pack import start

SCRIPT = Path(start.__file__)
ROOT = SCRIPT.parents[2]


def test_an_old_python_can_read_the_script_far_enough_to_say_that_it_is_old():
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 6))
    for node in ast.walk(tree):
        # These are evaluated when the file is loaded, and list[str] or X | None fail there on an old Python.
        hints = []
        if isinstance(node, ast.FunctionDef):
            hints = [node.returns, *(a.annotation for a in [*node.args.args, *node.args.kwonlyargs])]
        elif isinstance(node, ast.AnnAssign):
            hints = [node.annotation]
        for hint in filter(None, hints):
            assert isinstance(hint, ast.Constant | ast.Name | ast.Attribute), ast.unparse(hint)


def test_the_script_needs_the_standard_library_alone():
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    # What Python 3.6 did not have yet would end in an ImportError before anything was said.
    assert imported <= set(sys.stdlib_module_names) - {"dataclasses", "importlib", "tomllib", "zoneinfo"}


def test_the_script_needs_no_unix():
    names = {n.attr for n in ast.walk(ast.parse(SCRIPT.read_text(encoding="utf-8"))) if isinstance(n, ast.Attribute)}
    assert not names & {"fork", "execv", "execvp", "execve", "killpg", "setsid", "system", "popen", "symlink"}
    assert "shell=True" not in SCRIPT.read_text(encoding="utf-8")


def test_an_old_python_is_told_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 8, 10, "final", 0))
    monkeypatch.setattr(start, "newer_pythons", lambda: [])
    assert start.main([]) == 2
    said = capsys.readouterr().out
    assert "3.11 or newer" in said and "3.8.10" in said and "python.org" in said


def test_a_full_disk_is_said_with_what_is_needed_and_what_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(10, 10, 12_000_000))
    with pytest.raises(start.StartError, match=r"needs 1\.5 GB free, and there are 12 MB at"):
        start.set_up(plan(tmp_path))
    assert not (tmp_path / ".venv").exists()


def test_a_disk_that_fills_up_on_the_way_is_said():
    assert "disk is full" in start.advice(["ERROR: [Errno 28] No space left on device"])


def test_a_wrong_hash_is_said():
    tail = ["error: Hash mismatch for `x==1`", "Expected: sha256:00", "Computed: sha256:11"]
    assert "not the one this course was made with" in start.advice(tail)


def test_outside_of_a_pack_the_script_says_to_unpack_it_first(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(start, "HERE", tmp_path)
    assert start.main([]) == 2
    assert "Extract All" in capsys.readouterr().out


# --- Environments -------------------------------------------------------------------------------------------


def make_wheel(folder: Path, name: str, files: dict[str, str], version: str = "1.0.0", scripts: str = "") -> Path:
    """A pure wheel made by hand."""
    info = f"{name}-{version}.dist-info"
    everything = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if scripts:
        everything[f"{info}/entry_points.txt"] = f"[console_scripts]\n{scripts}\n"
    record = []
    for path, text in everything.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record.append(f"{path},sha256={digest},{len(text.encode())}")
    everything[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]) + "\n"
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in everything.items():
            archive.writestr(path, text)
    return wheel


def lock_line(wheel: Path) -> str:
    name, version = wheel.name.split("-")[:2]
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def uv_program() -> str:
    """The true uv of the environment that runs the tests."""
    return str(Path(sys.executable).parent / "uv")


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory) -> Path:
    """A registry of two packages: a tiny one, and a uv that hands over to the true one."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    make_wheel(folder, "tiny", {"tiny.py": "ANSWER = 42\n"})
    hand_over = f"import os, sys\ndef main():\n    os.execv({uv_program()!r}, ['uv', *sys.argv[1:]])\n"
    make_wheel(folder, "uv", {"handover.py": hand_over}, version="0.13.9", scripts="uv = handover:main")
    return folder


@pytest.fixture(scope="session")
def bare_pip(tmp_path_factory) -> Path:
    """A folder with pip in it: an environment made with it takes a tenth of a second instead of five."""
    folder = tmp_path_factory.mktemp("pip")
    # Debian's Python keeps it elsewhere, and says where.
    kept = sysconfig.get_config_var("WHEEL_PKG_DIR") or Path(ensurepip.__file__).parent / "_bundled"
    (bundled,) = Path(kept).glob("pip-*.whl")
    with zipfile.ZipFile(bundled) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(autouse=True)
def small_environment(monkeypatch, bare_pip):
    """A set-up that takes a moment: another smoke test, and an environment that borrows its pip."""
    monkeypatch.setattr(start, "SMOKE", "import course, tiny; assert tiny.ANSWER == 42")
    true_step = start.run_step

    def step(title, command, environ):
        if command[1:3] != ["-m", "venv"]:
            return true_step(title, command, environ)
        true_step(title, [*command, "--without-pip"], environ)
        (site,) = Path(command[3]).glob("lib/*/site-packages")
        (site / "pip.pth").write_text(f"{bare_pip}\n")
        return []

    monkeypatch.setattr(start, "run_step", step)
    for name in ("PIP_FIND_LINKS", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)


def plan(folder: Path, wheelhouse: Path | None = None, uv: bool = True) -> start.Plan:
    """A set-up that takes a moment: a lock of one tiny package, and a course of one file."""
    folder.mkdir(exist_ok=True)
    lock = folder / "requirements.lock"
    wheels = [wheelhouse / "tiny-1.0.0-py3-none-any.whl"] if wheelhouse else []
    wheels += [wheelhouse / "uv-0.13.9-py3-none-any.whl"] if wheelhouse and uv else []
    lock.write_text("".join(map(lock_line, wheels)) or "tiny==1.0.0 --hash=sha256:00\n", encoding="utf-8")
    course = folder / "mlops_production_ml-1.0.0-py3-none-any.whl"
    if not course.exists():
        make_wheel(folder, "mlops_production_ml", {"course.py": "V = 1\n"})
    return start.Plan(folder / ".venv", lock, course, wheelhouse)


def test_set_up_can_be_interrupted_at_every_step_and_finished_and_is_then_no_work(tmp_path, wheelhouse, monkeypatch):
    course = plan(tmp_path / "a folder with spaces", wheelhouse)
    steps = []
    original = start.run_step

    def interrupted(title, command, environ):
        steps.append(title)
        if title.startswith("installing the course"):
            raise KeyboardInterrupt
        return original(title, command, environ)

    monkeypatch.setattr(start, "run_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start.set_up(course)
    assert start.environment_state(course) == "unfinished", "what was interrupted must not be trusted"
    monkeypatch.setattr(start, "run_step", original)
    assert start.set_up(course) is True
    assert steps[1].startswith("fetching the installer (uv)")
    started = time.monotonic()
    assert start.set_up(course) is False
    assert time.monotonic() - started < 1
    python = str(start.program(course.venv, "python"))
    shown = subprocess.check_output(
        [python, "-P", "-c", "import course; print(course.V)"], env=start.clean_environ(), text=True
    )
    assert shown == "1\n"

    # A newer course: the same environment is brought up to date, and what the student installed there stays.
    mark = course.venv / "mark"
    mark.touch()
    course.course.unlink()
    make_wheel(tmp_path / "a folder with spaces", "mlops_production_ml", {"course.py": "V = 2\n"})
    assert start.environment_state(course) == "outdated"
    monkeypatch.setattr(start, "run_step", lambda *step: [steps.append(step[0]), original(*step)])
    steps.clear()
    assert start.set_up(course) is True
    assert not any(title.startswith("fetching") for title in steps), "the installer is there already"
    shown = subprocess.check_output(
        [python, "-P", "-c", "import course; print(course.V)"], env=start.clean_environ(), text=True
    )
    assert shown == "2\n"
    assert mark.exists()

    # Moved or damaged environments are not trusted.
    moved = course._replace(venv=tmp_path / "moved")
    course.venv.rename(moved.venv)
    assert start.environment_state(moved) == "outdated"
    start.program(moved.venv, "python").unlink()
    assert start.environment_state(moved) == "unfinished"


def test_set_up_that_is_killed_outright_is_repaired(tmp_path, wheelhouse):
    course = plan(tmp_path, wheelhouse, uv=False)
    code = (
        "import sys; from pathlib import Path; from course.pack import start; start.SMOKE = ''\n"
        "start.set_up(start.Plan(*map(Path, sys.argv[1:])))"
    )
    child = subprocess.Popen([sys.executable, "-c", code, *map(str, course)], stdout=subprocess.DEVNULL)
    until = time.monotonic() + 30
    while time.monotonic() < until and not (course.venv / "pyvenv.cfg").exists():
        time.sleep(0.02)
    child.kill()
    child.wait()
    assert start.environment_state(course) == "unfinished"
    # pip takes over where the lock has no uv.
    assert start.set_up(course) is True
    assert start.environment_state(course) == "ready"


@pytest.fixture
def no_registry(monkeypatch):
    """Every installer is sent to a port where nobody listens."""
    with contextlib.closing(socket.socket()) as door:
        door.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{door.getsockname()[1]}/simple"
        for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
            monkeypatch.setenv(name, nowhere)
        for name in ("UV_HTTP_RETRIES", "PIP_RETRIES"):
            monkeypatch.setenv(name, "0")
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        yield


def test_a_registry_out_of_reach_is_said_with_what_to_try(tmp_path, wheelhouse, no_registry):
    course = plan(tmp_path, wheelhouse)
    start.set_up(course)
    course = course._replace(find_links=None)
    with course.lock.open("a", encoding="utf-8") as lock:
        lock.write(f"absent==1 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(start.NotUpToDate) as failure:
        start.set_up(course)
    said = str(failure.value)
    assert "installing up to" in said
    assert "absent" in said or "127.0.0.1" in said, "the installer's last lines are shown"
    assert "registry could not be reached" in said and "another network" in said
    assert "start again" in said
    assert start.environment_state(course) == "outdated", "what worked before must still work without a network"


@pytest.mark.parametrize(
    ("failing", "kind", "state"),
    [
        ("fetching", start.NotUpToDate, "outdated"),
        ("installing up to", start.NotUpToDate, "outdated"),
        ("installing the course", start.StartError, "unfinished"),
        ("trying it out", start.StartError, "unfinished"),
    ],
)
def test_an_update_that_fails_is_trusted_only_while_nothing_was_changed(tmp_path, monkeypatch, failing, kind, state):
    course = plan(tmp_path)
    start.bin_folder(course.venv).mkdir(parents=True)
    start.program(course.venv, "python").symlink_to(sys.executable)
    (course.venv / "pyvenv.cfg").write_text(f"home = {tmp_path}\n")
    (course.venv / start.STAMP).write_text('{"key": "of an older course"}')
    course.lock.write_text(course.lock.read_text() + "uv==0.13.9 --hash=sha256:00\n")
    assert start.environment_state(course) == "outdated"

    def step(title, command, environ):
        if title.startswith(failing):
            raise start.StepFailed(title, ["no"])

    monkeypatch.setattr(start, "run_step", step)
    with pytest.raises(start.StartError) as failure:
        start.set_up(course)
    assert type(failure.value) is kind
    assert start.environment_state(course) == state


def test_an_update_that_fails_keeps_the_lab_but_not_a_check_from_going_on(tmp_path, monkeypatch, capsys):
    def fail(plan):
        raise start.NotUpToDate("no registry")

    monkeypatch.setattr(start, "set_up", fail)
    project = ["--project", str(ROOT), "--venv", str(Path(sys.prefix)), "--work", str(tmp_path / "work")]
    assert start.main([*project, "--only-setup"]) == 2
    release = write_release(tmp_path / "release")
    assert start.main([*project, "--no-lab", "--release", str(release)]) == 0
    assert "Going on with the course as it was before" in capsys.readouterr().out
    assert (tmp_path / "work" / LESSON / "1_first.ipynb").is_file()


def test_a_first_set_up_without_a_registry_says_so_and_is_repaired_later(tmp_path, wheelhouse, no_registry):
    course = plan(tmp_path, wheelhouse)
    with pytest.raises(start.StartError, match="registry could not be reached"):
        start.set_up(course._replace(find_links=None))
    assert start.environment_state(course) == "unfinished"
    assert start.set_up(course) is True


def test_a_newer_course_with_the_same_lock_needs_no_network(tmp_path, wheelhouse, no_registry):
    course = plan(tmp_path, wheelhouse)
    start.set_up(course)
    course.course.unlink()
    make_wheel(tmp_path, "mlops_production_ml", {"course.py": "V = 2\n"})
    assert start.set_up(course._replace(find_links=None)) is True


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path):
    course = plan(tmp_path)
    course.venv.mkdir()
    (course.venv / "thesis.txt").write_text("mine")
    with pytest.raises(start.StartError, match="nothing was changed"):
        start.set_up(course)
    assert (course.venv / "thesis.txt").read_text() == "mine"


def test_an_environment_that_somebody_else_made_is_never_removed(tmp_path, monkeypatch):
    course = plan(tmp_path)
    course.venv.mkdir()
    (course.venv / "pyvenv.cfg").write_text("home = /nowhere\n")
    (course.venv / "mine.txt").write_text("mine")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 0, b"", b""))
    monkeypatch.setattr(start, "run_step", lambda *a: (_ for _ in ()).throw(start.StepFailed("a step", ["no"])))
    with pytest.raises(start.StartError):
        start.set_up(course)
    assert (course.venv / "mine.txt").exists()


def test_uv_is_told_what_pip_is_configured_to_do():
    listed = (
        "global.index-url='https://mirror.example/simple'\nglobal.cert='/etc/ssl/ours.crt'\n"
        "global.extra-index-url='https://a.example/simple https://b.example/simple'\nglobal.timeout='60'\n"
    )
    assert start.uv_settings(listed, {"UV_INDEX": "https://mine.example"}) == {
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "SSL_CERT_FILE": "/etc/ssl/ours.crt",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_the_installer_itself_is_pinned_in_the_lock():
    entry = start.locked_entry((ROOT / "requirements.lock").read_text(encoding="utf-8"), "uv")
    assert entry.startswith("uv==") and entry.count("--hash=sha256:") > 5 and "# via" not in entry


def test_the_locks_name_no_registry():
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text and "--index" not in text.split("\n", 3)[3]


def test_conda_gets_the_same_pins_as_everybody(tmp_path):
    """The pip section of environment.yml, as conda would hand it to pip: one requirements file, in that folder."""
    lines = (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines()
    position = lines.index("  - pip:")
    pip_lines = [line.strip().removeprefix("- ") for line in lines[position + 1 :] if line.startswith("      - ")]
    (tmp_path / "condaenv.txt").write_text("\n".join(pip_lines) + "\n")
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    resolved = subprocess.run(
        [uv_program(), "pip", "install", "--dry-run", "--offline", "--python", sys.executable, "-r", "condaenv.txt"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    # In an environment that was made from the lock, pip finds every pin satisfied.
    assert resolved.returncode == 0, resolved.stderr
    assert "Would make no changes" in resolved.stderr + resolved.stdout
    assert "  - python=3.11" in lines and "  - pip" in lines


# --- JupyterLab ---------------------------------------------------------------------------------------------


def test_a_taken_port_is_passed_over():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        taken = door.getsockname()[1]
        with pytest.raises(start.StartError, match=f"Port {taken} is taken"):
            start.free_port(taken)
        assert start.free_port() != taken


def test_the_lab_runs_on_one_thread_with_the_environments_programs_first(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    environ = start.lab_environ(tmp_path / ".venv", tmp_path / "work", "secret")
    assert [environ[name] for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")] == ["1"] * 3
    assert environ["PATH"].split(os.pathsep)[0] == str(start.bin_folder(tmp_path / ".venv"))
    assert "PYTHONPATH" not in environ


def test_the_start_notebook_of_the_wanted_lesson_is_opened(tmp_path):
    work = write_release(tmp_path, lesson="01_first")
    write_release(tmp_path, lesson="02_second")
    (work / "02_second" / "0_start_here.ipynb").write_text("{}")
    assert start.lesson_to_open(work, "02_second") == "02_second/0_start_here.ipynb"
    assert start.lesson_to_open(work, "") == "01_first/1_first.ipynb"
    with pytest.raises(start.StartError, match="there are: 01_first, 02_second"):
        start.lesson_to_open(work, LESSON)
