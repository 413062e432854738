"""Set up the course and open it in JupyterLab: ``python start.py``.

Needs Python 3.11 or newer and nothing else. Run it as often as you like: what is done already is not done
again, what was interrupted is repaired, and what you wrote in your work folder is never overwritten.

The file uses the standard library alone. It also *parses* on Python 3.6 (which is why annotations are quoted),
so that somebody with an old Python reads what to install and not a SyntaxError.
"""

import argparse
import collections
import hashlib
import json
import os
import queue
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
NEEDS_PYTHON = (3, 11)
# The environment takes about half a gigabyte, the installer's own cache as much again, and some air.
NEEDS_BYTES = 1500 * 1000 * 1000
STAMP = "course-setup.json"
UNFINISHED = "course-setup.unfinished"
# (With -P, here and below: a student's own random.py in the current folder must not stand in for Python's.)
# Proves that an environment works, and writes the byte code that the first start would wait for.
SMOKE = "import course, ipykernel, jupyterlab.labapp, nbgrader"
# Raise it when the set-up itself changes so that finished environments must be looked at again.
SETUP_FORMAT = 1
# Settings of a person's machine that would make pip or uv install somewhere else than we ask them to.
MISLEADING = (
    "PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT",
    "PIP_REQUIRE_VIRTUALENV", "UV_SYSTEM_PYTHON", "UV_PYTHON", "UV_TARGET", "UV_PROJECT_ENVIRONMENT",
    "__PYVENV_LAUNCHER__",
)  # fmt: skip
# pip's word for a setting → uv's. uv does not read pip's configuration, and a university's mirror or
# certificate is usually written there.
UV_WORDS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}


class StartError(Exception):
    """Something that the person at the keyboard can mend; shown without a traceback."""


class NotUpToDate(StartError):
    """A finished environment could not be brought up to date; nothing in it was changed."""


class StepFailed(Exception):
    """A step of the installation ended with an error; ``tail`` holds its last lines."""

    def __init__(self, title: str, tail: "list[str]") -> None:
        super().__init__(title)
        self.title = title
        self.tail = tail


class Plan(NamedTuple):
    """What to install, and where."""

    venv: Path
    lock: Path
    # The course: a wheel's path, or a checkout's folder (installed as editable).
    course: Path
    # A folder of wheels to install from instead of the network.
    find_links: "Path | None" = None


# --- Saying things ------------------------------------------------------------------------------------------


def say(text: str = "") -> None:
    """Print at once, on any console: what its encoding cannot show becomes a question mark.

    >>> say("Ready.")
    Ready.
    """
    encoding = sys.stdout.encoding or "ascii"
    print(text.encode(encoding, "replace").decode(encoding), flush=True)


def indented(lines: "list[str]") -> str:
    """Some program's lines, set off from our own words.

    >>> indented(["a", "b"])
    '    a\\n    b'
    """
    return "\n".join("    " + line for line in lines) or "    (none)"


def in_words(size: float) -> str:
    """A number of bytes for people.

    >>> in_words(1_500_000_000), in_words(12_000_000)
    ('1.5 GB', '12 MB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


# --- Looking before leaping ---------------------------------------------------------------------------------


def python_problem(version: "tuple[int, ...]", newer: "list[str]") -> str:
    """What is wrong with this Python, or an empty text; ``newer`` are better ones found on this machine.

    >>> python_problem((3, 12, 1), [])
    ''
    >>> print(python_problem((3, 8, 10), ["python3.12"]))
    This course needs Python 3.11 or newer; this is Python 3.8.10.
    This machine also has python3.12: start again with  python3.12 start.py
    """
    if tuple(version[:2]) >= NEEDS_PYTHON:
        return ""
    found = ".".join(str(part) for part in version[:3])
    needed = ".".join(str(part) for part in NEEDS_PYTHON)
    lines = [f"This course needs Python {needed} or newer; this is Python {found}."]
    if newer:
        lines.append(f"This machine also has {newer[0]}: start again with  {newer[0]} start.py")
    else:
        lines.append("Install one from https://www.python.org/downloads/ and start again with it.")
    return "\n".join(lines)


def newer_pythons() -> "list[str]":
    """Names of Pythons on PATH that are new enough and start, newest first."""
    found = []
    for minor in range(16, NEEDS_PYTHON[1] - 1, -1):
        path = shutil.which(f"python3.{minor}")
        # Version managers put a name on PATH for every Python they know, also for those that are switched off.
        if path and subprocess.call([path, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            found.append(f"python3.{minor}")
    return found


def disk_problem(folder: Path, needed: int = NEEDS_BYTES) -> str:
    """What is wrong with the free space at ``folder`` (which need not exist yet), or an empty text."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(str(place)).free
    if free >= needed:
        return ""
    return (
        f"Not enough room on the disk: the course needs {in_words(needed)} free, and there are "
        f"{in_words(free)} at {place}.\n"
        "Make room (or choose another disk with --venv FOLDER) and start again."
    )


def pack_problem(folder: Path) -> str:
    """What is missing or damaged in an unpacked student pack, or an empty text."""
    manifest = folder / "pack.json"
    if not manifest.is_file():
        return ""
    wrong = []
    for name, digest in sorted(json.loads(manifest.read_text(encoding="utf-8"))["files"].items()):
        file = folder.joinpath(*name.split("/"))
        if not file.is_file():
            wrong.append(name + " is missing")
        # A release is replaced file by file when a newer pack is unpacked over an older one, and start.py may
        # be opened and saved by a curious reader; only what gets installed has to be whole.
        elif name.endswith((".whl", ".lock")) and content_hash(file) != digest:
            wrong.append(name + " is damaged")
    if not wrong:
        return ""
    listed = "; ".join(wrong[:3] + (["and more"] if len(wrong) > 3 else []))
    return (
        f"This folder is not the whole pack: {listed}.\n"
        "Unpack the zip file again, all of it (on Windows: right click, Extract All), and start from there."
    )


def advice(tail: "list[str]", find_links: "Path | None" = None) -> str:
    """What to try after an installer stopped with these last lines.

    >>> print(advice(["error: Could not resolve host"]))
    The package registry could not be reached.
    Look whether this machine is online, try another network, switch VPN or proxy on or off, and start again.
    Behind an institution's own mirror, set it once with  pip config set global.index-url ADDRESS
    """
    text = "\n".join(tail)
    if re.search(r"no space left|disk.{0,20}full|not enough space|os error (28|112)", text, re.I):
        return f"The disk is full: the course needs {in_words(NEEDS_BYTES)}.\nMake room and start again."
    if re.search(r"hash(es)?.{0,60}(mismatch|not match|differ)|mismatch.{0,60}hash", text, re.I | re.S):
        return (
            "A downloaded file is not the one this course was made with, so it was not installed.\n"
            "Start again; if it stays so, try another network and tell your instructor."
        )
    if re.search(r"ensurepip|python3?-venv", text, re.I):
        return (
            "This Python cannot make environments. On Debian and Ubuntu:  sudo apt install python3-venv\n"
            "Elsewhere install Python from https://www.python.org/downloads/ and start again."
        )
    if re.search(r"permission denied|access is denied|os error (5|13|32)|used by another process", text, re.I):
        return (
            "A file could not be written or replaced.\n"
            "Close every JupyterLab of this course, make sure that this folder is yours, and start again."
        )
    if find_links is not None:
        return f"Only the wheels in {find_links} were used (--find-links): look whether all are there."
    if re.search(
        r"resolve|connect|network|timed? ?out|temporary failure|unreachable|certificate|ssl|proxy|offline"
        r"|name or service|failed to fetch|error sending request|no-index|not found in the (package|provided)"
        r"|from versions: none|no matching distribution|http",
        text,
        re.I,
    ):
        return (
            "The package registry could not be reached.\n"
            "Look whether this machine is online, try another network, switch VPN or proxy on or off, and "
            "start again.\n"
            "Behind an institution's own mirror, set it once with  pip config set global.index-url ADDRESS"
        )
    return "Start again; if it stays so, send these lines to your instructor."


# --- The environment ----------------------------------------------------------------------------------------


def content_hash(file: Path) -> str:
    """The sha256 of a file's bytes, as hexadecimal digits."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def bin_folder(venv: Path) -> Path:
    """Where an environment keeps its programs: ``Scripts`` on Windows, ``bin`` elsewhere."""
    return venv / ("Scripts" if os.name == "nt" else "bin")


def program(venv: Path, name: str) -> Path:
    """The path of a program in an environment."""
    return bin_folder(venv) / (name + ".exe" if os.name == "nt" else name)


def plan_key(plan: Plan) -> str:
    """What a finished environment must have been made from: the same lock, the same course, the same place.

    The place counts because programs in an environment carry it: a moved environment is made anew.
    """
    description = plan.course / "pyproject.toml" if plan.course.is_dir() else plan.course
    parts = [
        str(SETUP_FORMAT), content_hash(plan.lock), content_hash(description), str(plan.venv.resolve()),
        str(plan.course.resolve()) if plan.course.is_dir() else plan.course.name,
    ]  # fmt: skip
    return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()


def environment_state(plan: Plan) -> str:
    """``ready``, ``new``, ``unfinished``, ``outdated``, ``foreign`` (made by somebody else) or ``no-venv``.

    ``unfinished`` also means: its Python is gone. ``no-venv`` is a folder with other things in it: hands off.
    """
    if not plan.venv.exists() or (plan.venv.is_dir() and not any(plan.venv.iterdir())):
        return "new"
    if (plan.venv / UNFINISHED).exists():
        return "unfinished"
    settings = plan.venv / "pyvenv.cfg"
    if not settings.is_file():
        return "no-venv"
    stamp = plan.venv / STAMP
    if not stamp.is_file():
        return "foreign"
    home = re.search(r"^home\s*=\s*(.+?)\s*$", settings.read_text(encoding="utf-8"), re.M)
    if not program(plan.venv, "python").exists() or not home or not Path(home.group(1)).is_dir():
        return "unfinished"
    try:
        key = json.loads(stamp.read_text(encoding="utf-8")).get("key")
    except ValueError:
        return "unfinished"
    return "ready" if key == plan_key(plan) else "outdated"


def locked_entry(lock_text: str, name: str) -> str:
    r"""A package's own lines of a hash-pinned lock, or an empty text when the lock does not have it.

    >>> print(locked_entry("a==1 \\\n    --hash=sha256:0\nuv==2 \\\n    --hash=sha256:1\n    # via x\n", "uv"))
    uv==2 \
        --hash=sha256:1
    <BLANKLINE>
    """
    taken = []
    for line in lock_text.splitlines():
        if taken:
            if not line.startswith(" ") or line.lstrip().startswith("#"):
                break
            taken.append(line)
        elif re.match(re.escape(name) + r"\s*==", line):
            taken.append(line)
    return "\n".join(taken) + "\n" if taken else ""


def uv_settings(pip_config: str, environ: "dict[str, str]") -> "dict[str, str]":
    """What uv has to be told so that it obeys what ``pip config list`` says; what uv was told already stays.

    >>> uv_settings("global.index-url='https://mirror.example/simple'", {})
    {'UV_DEFAULT_INDEX': 'https://mirror.example/simple', 'UV_INDEX_STRATEGY': 'unsafe-best-match'}
    """
    settings = {}
    for line in pip_config.splitlines():
        match = re.match(r"(global|install|:env:)\.([\w-]+)='(.*)'$", line.strip())
        word = UV_WORDS.get(match.group(2)) if match else None
        if word and word not in environ:
            # pip separates several addresses by white space, uv links by commas.
            values = re.split(r"(?:\s|\\n)+", match.group(3).strip())
            settings[word] = (",".join if word == "UV_FIND_LINKS" else " ".join)(values)
    if "UV_DEFAULT_INDEX" in settings or "UV_INDEX" in settings:
        # As pip does: look in all of them. Every file's hash is pinned, so none can be slipped in.
        settings.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return settings


def run_step(title: str, command: "list[str]", environ: "dict[str, str]") -> "list[str]":
    """Run one command of the installation with its progress on one line; give back its last lines.

    Raises ``StepFailed`` with them when it ends with an error. When we are interrupted, so is it.
    """
    started = time.monotonic()
    alive = sys.stdout.isatty()
    if not alive:
        say("  " + title + " ...")
    try:
        child = subprocess.Popen(
            command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except OSError as error:
        raise StepFailed(title, [str(error)]) from error
    lines = queue.Queue()  # type: queue.Queue[str]

    def listen() -> None:
        with child.stdout as stream:
            for raw in stream:
                lines.put(raw.decode("utf-8", "replace").rstrip())

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    tail = collections.deque(maxlen=12)  # type: collections.deque[str]
    spoken = started
    try:
        while child.poll() is None or listener.is_alive():
            try:
                line = lines.get(timeout=0.2)
            except queue.Empty:
                line = ""
            if line.strip():
                tail.append(line)
            seconds = time.monotonic() - started
            if alive:
                text = f"  {title} ... {seconds:.0f} s  {tail[-1].strip() if tail else ''}"
                text = text.encode("ascii", "replace").decode("ascii")[:100].ljust(100)
                print("\r" + text, end="", flush=True)
            elif time.monotonic() - spoken > 10:
                spoken = time.monotonic()
                say(f"    still at it, {seconds:.0f} s: {tail[-1].strip() if tail else 'no word yet'}")
    except BaseException:
        child.terminate()
        child.wait()
        raise
    finally:
        if alive:
            print("\r" + " " * 102 + "\r", end="", flush=True)
    while not lines.empty():
        tail.append(lines.get())
    if child.returncode:
        raise StepFailed(title, list(tail))
    say(f"  {title}: done in {time.monotonic() - started:.0f} s")
    return list(tail)


def clean_environ() -> "dict[str, str]":
    """This process's environment without what would lead an installer astray."""
    environ = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    environ["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    environ["UV_PYTHON_DOWNLOADS"] = "never"
    environ["PYTHONUTF8"] = "1"
    return environ


def uv_version(venv: Path) -> str:
    """The version of uv in an environment, or an empty text when there is none that runs."""
    try:
        asked = subprocess.run([str(program(venv, "uv")), "--version"], stdout=subprocess.PIPE, check=False)
    except OSError:
        return ""
    words = asked.stdout.decode("utf-8", "replace").split()
    return words[1] if len(words) > 1 and not asked.returncode else ""


def install_commands(plan: Plan, environ: "dict[str, str]") -> "list[tuple[str, list[str]]]":
    """Title and command of each step after the empty environment exists."""
    python = str(program(plan.venv, "python"))
    pip = [python, "-m", "pip", "install", "--progress-bar", "off", "--retries", "2"]
    only_here = [] if plan.find_links is None else ["--no-index", "--find-links", str(plan.find_links)]
    lock_text = plan.lock.read_text(encoding="utf-8")
    count = len(re.findall(r"^[A-Za-z0-9][\w.-]*(\[[\w,]+\])?==", lock_text, re.M))
    uv_entry = locked_entry(lock_text, "uv")
    locked = ["--require-hashes", "-r", str(plan.lock)]
    steps = []
    if uv_entry:
        # The installer is itself installed from the lock: nothing is trusted that the lock does not name.
        if uv_entry.split()[0] != "uv==" + uv_version(plan.venv):
            only_uv = plan.venv / "course-uv.txt"
            only_uv.write_text(uv_entry, encoding="utf-8")
            uv_locked = ["--require-hashes", "--no-deps", "-r", str(only_uv)]
            steps.append(("fetching the installer (uv)", [*pip, *only_here, *uv_locked]))
        install = [str(program(plan.venv, "uv")), "pip", "install", "--python", python]
    else:
        install = pip
    steps.append((f"installing up to {count} packages", [*install, *only_here, *locked]))
    if plan.course.is_dir():
        course = ["--no-build-isolation", "-e", str(plan.course)]
    elif uv_entry:
        course = ["--reinstall-package", "mlops-production-ml", str(plan.course)]
    else:
        course = ["--force-reinstall", str(plan.course)]
    # The course's own package: its dependencies are exactly what the lock has installed.
    steps.append(("installing the course itself", [*install, "--no-deps", *only_here, *course]))
    steps.append(("trying it out", [python, "-P", "-c", SMOKE]))
    return steps


def set_up(plan: Plan) -> bool:
    """Make the environment what the plan says; tell whether there was anything to do.

    Interrupted at any moment, it is finished or repaired by the next call. Raises ``StartError``, and its kind
    ``NotUpToDate`` when the environment is as it was before and can still be used.
    """
    state = environment_state(plan)
    if state == "ready":
        return False
    if state == "no-venv":
        raise StartError(
            f"{plan.venv} is no Python environment, so nothing was changed there.\n"
            "Move it away or choose another folder with --venv FOLDER."
        )
    problem = disk_problem(plan.venv, NEEDS_BYTES if state in ("new", "unfinished") else NEEDS_BYTES // 3)
    if problem:
        raise StartError(problem)
    say(
        {
            "new": f"Setting up the course in {plan.venv} (once; about a minute on a quick network).",
            "unfinished": f"The set-up in {plan.venv} was not finished; making it anew.",
            "outdated": f"The course has changed; bringing {plan.venv} up to date.",
            "foreign": f"Putting the course into the environment that is already in {plan.venv}.",
        }[state]
    )
    environ = clean_environ()
    started = time.monotonic()
    changed = state != "outdated"
    try:
        if state in ("new", "unfinished"):
            begin_environment(plan, environ)
        python = str(program(plan.venv, "python"))
        asked = subprocess.run(
            [python, "-m", "pip", "config", "list"], env=environ, stdout=subprocess.PIPE, check=False
        )
        environ.update(uv_settings(asked.stdout.decode("utf-8", "replace"), environ))
        for title, command in install_commands(plan, environ):
            if state == "outdated":
                # From here on it may be half old and half new; the mark goes only when all of it is new.
                (plan.venv / UNFINISHED).write_text("being brought up to date\n", encoding="utf-8")
            run_step(title, command, environ)
            changed = changed or title.startswith("installing")
    except StepFailed as failure:
        said = (
            f"This did not work: {failure.title}. Its last lines were:\n\n{indented(failure.tail)}\n\n"
            f"{advice(failure.tail, plan.find_links)}\nNothing is lost: start again at any time."
        )
        if not changed:
            # pip and uv find and fetch everything before they change anything, so all is as it was.
            (plan.venv / UNFINISHED).unlink()
            raise NotUpToDate(said) from failure
        raise StartError(said) from failure
    key = json.dumps({"key": plan_key(plan)})
    (plan.venv / STAMP).write_text(key + "\n", encoding="utf-8")
    if (plan.venv / UNFINISHED).exists():
        (plan.venv / UNFINISHED).unlink()
    say(f"Set-up finished in {time.monotonic() - started:.0f} s.")
    return True


def begin_environment(plan: Plan, environ: "dict[str, str]") -> None:
    """Make an empty environment with pip in it, marked as unfinished from its first moment."""
    if plan.venv.exists():
        # Only ever a folder that carries our own mark, or is empty.
        try:
            shutil.rmtree(str(plan.venv))
        except OSError as error:
            raise StepFailed("removing the unfinished environment", [str(error)]) from error
    plan.venv.mkdir(parents=True)
    (plan.venv / UNFINISHED).write_text("being made\n", encoding="utf-8")
    # A base Python and not an environment's: the one that runs us may be the very one that is made anew.
    python = getattr(sys, "_base_executable", None) or sys.executable
    run_step("making a Python environment", [python, "-m", "venv", str(plan.venv)], environ)


# --- JupyterLab ---------------------------------------------------------------------------------------------


def can_open_browser(environ: "dict[str, str]", platform: str) -> bool:
    """Whether a window of a browser can be expected to appear in front of the person.

    >>> can_open_browser({}, "linux"), can_open_browser({"DISPLAY": ":0"}, "linux")
    (False, True)
    >>> can_open_browser({"SSH_CONNECTION": "x", "DISPLAY": ":0"}, "linux"), can_open_browser({}, "win32")
    (False, True)
    """
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        return False
    if platform in ("win32", "darwin", "cygwin"):
        return True
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def free_port(wanted: int = 0) -> int:
    """A free port of the loopback interface: ``wanted`` if it is free, else the usual ones, else any.

    Raises ``StartError`` when ``wanted`` was asked for and is taken.
    """
    for port in [wanted] if wanted else [*range(8888, 8898), 0]:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as door:
            try:
                # Windows binds a port that is in use unless somebody answers there; ask first.
                door.settimeout(0.2)
                if port and door.connect_ex(("127.0.0.1", port)) == 0:
                    continue
            except OSError:
                pass
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as door:
            try:
                door.bind(("127.0.0.1", port))
            except OSError:
                continue
            return door.getsockname()[1]
    raise StartError(f"Port {wanted} is taken on this machine; leave --port away to get a free one.")


def lab_environ(venv: Path, work: Path, token: str) -> "dict[str, str]":
    """The environment in which JupyterLab and its kernels run."""
    environ = clean_environ()
    environ.update(
        # One thread each: several kernels on few cores are several times slower when each takes all of them.
        OMP_NUM_THREADS="1",
        OPENBLAS_NUM_THREADS="1",
        MKL_NUM_THREADS="1",
        # nbgrader looks for its programs on PATH.
        PATH=str(bin_folder(venv)) + os.pathsep + environ.get("PATH", ""),
        VIRTUAL_ENV=str(venv),
        # Through the environment and not the command line, which everybody on the machine may read.
        JUPYTER_TOKEN=token,
    )
    ours = str(work / ".course" / "jupyter")
    theirs = environ.get("JUPYTER_CONFIG_PATH")
    environ["JUPYTER_CONFIG_PATH"] = ours + os.pathsep + theirs if theirs else ours
    return environ


# How JupyterLab's "Save and Export Notebook As: HTML" writes a page that needs nobody: no script from elsewhere, and of
# a laboratory its picture, its sentence and its numbers instead of widgets that no kernel answers.
EXPORT_SETTINGS = {
    "HTMLExporter": {
        "require_js_url": "",
        "jquery_url": "",
        "mathjax_url": "",
        "jupyter_widgets_base_url": "",
        "embed_images": True,
    },
    "NbConvertBase": {
        "display_data_priority": [
            "text/html",
            "text/markdown",
            "image/svg+xml",
            "image/png",
            "image/jpeg",
            "text/plain",
        ]
    },
}


def write_lab_settings(work: Path, instructor: bool = False) -> Path:
    """Switch off what a student, or an instructor, does not need: news, update checks, the other's panels.

    Gives back the folder, for JUPYTER_CONFIG_PATH.
    """
    folder = work / ".course" / "jupyter"
    (folder / "labconfig").mkdir(parents=True, exist_ok=True)
    # Lessons are made from text, so nobody needs the panel that makes assignments.
    off = ["assignment-list" if instructor else "formgrader", "course-list", "create-assignment"]
    disabled = {"@jupyterlab/apputils-extension:announcements": True}
    disabled.update(("@jupyter/nbgrader:" + panel, True) for panel in off)
    server = {
        "LabApp": {
            "news_url": None,
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
            # The other manager asks the registry for a list of extensions.
            "extension_manager": "readonly",
        },
        "ServerApp": {
            "jpserver_extensions": {
                "nbgrader.server_extensions." + panel.replace("-", "_"): False
                for panel in off
                if panel != "create-assignment"  # it has none
            }
        },
        **EXPORT_SETTINGS,
    }
    for file, content in (
        (folder / "labconfig" / "page_config.json", {"disabledExtensions": disabled}),
        (folder / "jupyter_server_config.json", server),
    ):
        file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return folder


def open_lab(venv: Path, python: Path, work: Path, notebook: str, port: int, browser: bool) -> int:
    """Run JupyterLab on the work folder until it is stopped; give back its exit status.

    ``notebook`` is the path, inside the work folder, of the notebook to open (or an empty text).
    """
    write_lab_settings(work)
    port = free_port(port)
    token = secrets.token_hex(16)
    log_file = work / ".course" / "jupyterlab.log"
    command = [
        str(python), "-P", "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={work}",
        "--JupyterApp.answer_yes=True",
    ]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    address = f"http://127.0.0.1:{port}/lab"
    if notebook:
        address += "/tree/" + notebook
    address += "?token=" + token

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    say("Starting JupyterLab ...")
    with log_file.open("wb") as log:
        child = subprocess.Popen(
            command,
            env=lab_environ(venv, work, token),
            cwd=str(work),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            if not answers(port, child):
                lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
                child.terminate()
                raise StartError(f"JupyterLab did not start. The last lines of {log_file}:\n\n{indented(lines)}")
            if browser and can_open_browser(dict(os.environ), sys.platform):
                webbrowser.open(address)
                say("\nJupyterLab is open in your browser. If no window came up, open this address:")
            else:
                say("\nJupyterLab is running. Open this address in a browser on this machine:")
            say(f"\n    {address}\n")
            say(f"Your work is in {work}. To stop, press Ctrl-C in this window.")
            child.wait()
        except KeyboardInterrupt:
            child.terminate()
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()
            say(f"\nJupyterLab has stopped; what you saved is in {work}.")
            return 0
    return child.returncode


def answers(port: int, child: "subprocess.Popen[bytes]", seconds: float = 90) -> bool:
    """Whether somebody answers on the port before the child ends or the time is up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and child.poll() is None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as door:
            door.settimeout(0.5)
            if door.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.1)
    return False


# --- The command line ---------------------------------------------------------------------------------------


def arguments() -> argparse.ArgumentParser:
    """The options; every default is right for an unpacked student pack."""
    parser = argparse.ArgumentParser(description="Set up the course and open it in JupyterLab.")
    parser.add_argument("--submit", action="store_true", help="pack your work for handing in, and stop")
    parser.add_argument("--no-lab", action="store_true", help="prepare everything, but do not open JupyterLab")
    parser.add_argument("--only-setup", action="store_true", help="make the environment, nothing else")
    parser.add_argument("--no-browser", action="store_true", help="print the address, open no browser")
    parser.add_argument("--port", type=int, default=0, help="port of JupyterLab (default: a free one)")
    parser.add_argument("--lesson", default="", help="the lesson to open (default: the pack's)")
    parser.add_argument("--work", type=Path, default=HERE / "work", help="your work folder")
    parser.add_argument("--venv", type=Path, default=HERE / ".venv", help="where the environment goes")
    parser.add_argument("--release", type=Path, help="the folder of lessons (default: release, in the pack)")
    parser.add_argument("--lock", type=Path, help="the lock (default: requirements.lock, in the pack)")
    parser.add_argument("--find-links", type=Path, help="install from this folder of wheels, without network")
    parser.add_argument("--project", type=Path, help="a checkout of the course to use instead of a pack")
    parser.add_argument(
        "--use-this-python", action="store_true",
        help="set up nothing: the Python that runs this has the course already (conda, hubs)",
    )  # fmt: skip
    return parser


def find_course(home: Path) -> "tuple[Path, str]":
    """The wheel in an unpacked pack, and the pack's lesson. Raises ``StartError``."""
    manifest = home / "pack.json"
    if not manifest.is_file():
        raise StartError(
            "Beside start.py there should be pack.json and the rest of the student pack, and there is not.\n"
            "Unpack the whole zip file first (on Windows: right click, Extract All), and start from there."
        )
    problem = pack_problem(home)
    if problem:
        raise StartError(problem)
    pack = json.loads(manifest.read_text(encoding="utf-8"))
    return home / pack["wheel"], pack["lesson"]


def lesson_to_open(work: Path, wanted: str) -> str:
    """The start notebook of the wanted lesson, else of the first there is, as a path inside the work folder."""
    lessons = sorted(folder.name for folder in work.iterdir() if folder.is_dir() and folder.name[0].isdigit())
    if wanted and wanted not in lessons:
        raise StartError(f"There is no lesson {wanted!r} here; there are: {', '.join(lessons) or 'none'}.")
    for lesson in [wanted] if wanted else lessons:
        if (work / lesson / "0_start_here.ipynb").is_file():
            return lesson + "/0_start_here.ipynb"
        notebooks = sorted((work / lesson).glob("*.ipynb"))
        if notebooks:
            return lesson + "/" + notebooks[0].name
    return ""


def start(options: argparse.Namespace) -> int:
    """Do what the options say; raises ``StartError`` with what is wrong and what to do."""
    home = (options.project or HERE).resolve()
    lesson = options.lesson
    venv, work = options.venv.resolve(), options.work.resolve()
    if options.project:
        course = home
    else:
        course, packed_lesson = find_course(home)
        lesson = lesson or packed_lesson
    if options.use_this_python:
        venv, python = Path(sys.prefix), Path(sys.executable)
    else:
        plan = Plan(venv, options.lock or home / "requirements.lock", course, options.find_links)
        try:
            set_up(plan)
        except NotUpToDate as problem:
            if options.only_setup:
                raise
            say(f"\n{problem}\n\nGoing on with the course as it was before.")
        python = program(venv, "python")
    if options.only_setup:
        say(f"The environment in {venv} is ready.")
        return 0
    # The rest of the work is done by the course's own code, which the environment now has.
    release = (options.release or home / "release").resolve()
    placed = subprocess.run(
        [str(python), "-P", "-m", "course.pack.placing", str(release), str(work)], env=clean_environ(), check=False
    )
    if placed.returncode:
        return placed.returncode
    if options.submit:
        asked = [lesson] if lesson else []
        command = [str(python), "-P", "-m", "course.cli", "submit", *asked, "--work", str(work)]
        return subprocess.run(command, env=clean_environ(), check=False).returncode
    if options.no_lab:
        say(f"Everything is ready in {work}.")
        return 0
    return open_lab(venv, python, work, lesson_to_open(work, lesson), options.port, not options.no_browser)


def main(argv: "list[str] | None" = None) -> int:
    """Run; give back the exit status: 0 well, 2 something to mend (said in words), 130 interrupted."""
    # An old Python may fail on anything below, so this comes before all else.
    if sys.version_info < NEEDS_PYTHON:
        say(python_problem(tuple(sys.version_info), newer_pythons()))
        return 2
    try:
        return start(arguments().parse_args(argv))
    except StartError as error:
        say("\n" + str(error))
        return 2
    except KeyboardInterrupt:
        say("\nInterrupted. Nothing is lost: start again at any time.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
