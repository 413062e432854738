"""`course hub-class CLASS.toml`: a JupyterHub for a class of real Unix accounts, on one machine; needs root.

Everything but the homes lies in the class's `state`:

    private/            for root alone: database, cookie secret, first passwords, what the hub is told
    config/             what JupyterLab and nbgrader of people and of each grader read; no secrets
    exchange/           nbgrader's exchange; everybody may write there, nobody may take away another's folder
    rosters/            each for its grader alone
    courses/COURSE/     home of the course's grader, for it alone; term/ in it holds answers, secret and gradebook
"""

from __future__ import annotations

import argparse
import json
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from course.errors import CourseError
from course.hub import accounts
from course.hub.class_plan import SQLITE, ClassPlan, CoursePlan, read_class
from course.hub.configuration import THREADS
from course.hub.lab_settings import PEOPLE, write_grader_settings
from course.hub.preview import free_ports
from course.hub.proxy import find_proxy
from course.hub.roster_sync import Hub, tidy, wait_for
from course.hub.supervisor import Kept, keep_running
from course.pack.start import write_lab_settings

SUMMARY = "run a JupyterHub for a class of Unix accounts on this machine (needs root)"
CONFIG, SETTINGS = "jupyterhub_config.py", "hub-settings.json"
EXCHANGE_FOLDERS = """
chmod 755 . && mkdir -p outbound inbound feedback && chmod 755 outbound && chmod 1733 inbound && chmod 711 feedback
"""
#: With less than this share of a disk free, the operator is told.
DISK_LOW = 0.05
CONFIG_TEXT = f'''"""Written by `course hub-class`: what it has chosen stands beside it, in {SETTINGS}."""

import json
from pathlib import Path

from course.hub.class_configuration import configure

told = json.loads(Path(__file__).with_name("{SETTINGS}").read_text(encoding="utf-8"))
configure(get_config(), told)  # noqa: F821
if told["more"]:
    load_subconfig(told["more"])  # noqa: F821 - the operator's own: another authenticator, other limits
'''


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course hub-class`."""
    parser.add_argument("plan", type=Path, help="the class, a TOML file; deploy/jupyterhub/class.toml is one")
    parser.add_argument("--root", type=Path, default=Path(), help="the course's repository (default: here)")
    parser.add_argument("--only-prepare", action="store_true", help="make all that is needed, and start nothing")


def run(args: argparse.Namespace) -> int:
    """Prepare the class and keep its hub running until it is stopped."""
    plan, root = read_class(args.plan), args.root.resolve()
    check_machine(root)
    proxy = find_proxy(plan.state / "proxy")
    for words in prepare(plan, root):
        say(words)
    if args.only_prepare:
        return 0
    settings = settings_for(plan)
    say(welcome(plan))
    return serve(settings, proxy, plan)


def check_machine(root: Path) -> None:
    """Raise CourseError where a hub of Unix accounts cannot run: without root, or where nobody else can run Python."""
    if os.geteuid() != 0:
        raise CourseError(
            "a hub that starts servers as other accounts needs root: sudo make hub-class; `make hub` is the preview "
            "for one person, which needs none"
        )
    try:
        asked = subprocess.run(
            [sys.executable, "-c", "import course, jupyterhub, nbgrader"], cwd="/", env={"PATH": os.environ["PATH"]},
            user=accounts.NOBODY, group=accounts.NOBODY, extra_groups=[], capture_output=True, text=True, check=False,
        )  # fmt: skip
        trouble = asked.stderr.strip().splitlines()[-1:] if asked.returncode else []
    except OSError as error:
        trouble = [str(error)]
    if trouble:
        raise CourseError(
            f"other accounts cannot use this environment ({sys.prefix}): {trouble[0]}; make it, and keep "
            "the course's repository, where everybody may read: make hub-class HUB_VENV=/opt/mlops-course "
            "HUB_PYTHON=/usr/bin/python3"
        )
    if not (root / "nbgrader_config.py").is_file():
        raise CourseError(f"{root} is not the course's repository; run this there, or name it with --root")


def prepare(plan: ClassPlan, root: Path) -> list[str]:
    """Make accounts, folders, configuration and terms, or bring them up to date; return what to tell the operator."""
    plan.state.mkdir(parents=True, exist_ok=True)
    plan.state.chmod(0o755)
    private = plan.state / "private"
    private.mkdir(exist_ok=True)
    private.chmod(0o700)
    said = []
    passwords = private / "first-passwords.csv"
    if plan.accounts == "create":
        made = accounts.make_people(plan.people, passwords)
        said += [f"accounts made: {', '.join(made)}; their first passwords are in {passwords}"] if made else []
    else:
        accounts.need_all(plan.people)
    exchange = plan.state / "exchange"
    exchange.mkdir(exist_ok=True)
    exchange.chmod(0o1777)  # nbgrader wants everybody to write there; the sticky bit keeps each folder its owner's
    write_configs(plan)
    for course in plan.courses:
        accounts.make_grader(course.grader, _home(plan, course))
        _make_exchange(exchange, course)
        said += [f"{course.course_id}: {line}" for line in _make_term(plan, course, root)]
    return said


def _home(plan: ClassPlan, course: CoursePlan) -> Path:
    return plan.state / "courses" / course.course_id


def _make_exchange(exchange: Path, course: CoursePlan) -> None:
    """Make a course's folders in the exchange before anybody else can; nbgrader makes them at the first release."""
    grader = pwd.getpwnam(course.grader)
    here = exchange / course.course_id
    if not os.path.lexists(here):
        here.mkdir()
        os.chown(here, grader.pw_uid, grader.pw_gid)
    found = here.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != grader.pw_uid:
        raise CourseError(
            f"{here} is there already, and is not a folder of {course.grader}'s (account number {found.st_uid}): look "
            "who made it and what lies in it, then move it away"
        )
    # As the grader, and not as root, for whom a link in the grader's folder would lead anywhere.
    # inbound: everybody puts in, nobody looks in, and nobody takes out what another has put in.
    done = accounts.run_as(course.grader, ["sh", "-c", EXCHANGE_FOLDERS], here, {"PATH": _path()})
    if done.returncode:
        raise CourseError(f"the folders in {here} could not be made: {done.stderr.strip()}")


def _make_term(plan: ClassPlan, course: CoursePlan, root: Path) -> list[str]:
    """Make a course's term, or bring it up to date, as its grader; return what it said."""
    home = _home(plan, course)
    # In a folder of root's: in the grader's own a link could lead root's writing anywhere.
    roster = plan.state / "rosters" / f"{course.course_id}.csv"
    roster.parent.mkdir(exist_ok=True)
    roster.parent.chmod(0o711)
    roster.touch(0o600)
    roster.chmod(0o600)
    roster.write_bytes(course.roster.read_bytes())
    os.chown(roster, pwd.getpwnam(course.grader).pw_uid, -1)
    term = home / "term"
    words = ["--update"] if term.exists() else ["--course-id", course.course_id]
    command = [sys.executable, "-m", "course.cli", "new-term", str(term), "--roster", str(roster), "--root", str(root)]
    done = accounts.run_as(course.grader, [*command, *words], home, {**THREADS, "PATH": _path()})
    if done.returncode:
        raise CourseError(f"the term of {course.course_id} could not be made:\n{(done.stdout + done.stderr)[-3000:]}")
    return [line for line in done.stdout.splitlines() if line.strip()]


def write_configs(plan: ClassPlan) -> None:
    """Write what the JupyterLab and the nbgrader of people and graders read; all may read it, root alone may write."""
    common = [
        "from pathlib import Path",
        "c = get_config()",
        f"c.Exchange.root = {str(plan.state / 'exchange')!r}",
    ]
    keeping = 'c.ExchangeFactory.fetch_assignment = "course.pack.fetching.FetchKeepingAnswers"'
    folder = write_lab_settings(config_of(plan, "people").parents[1])
    (folder / "nbgrader_config.py").write_text("\n".join([*common, *PEOPLE, keeping]) + "\n", encoding="utf-8")
    for course in plan.courses:
        folder = write_grader_settings(config_of(plan, course.course_id).parents[1])
        lines = [
            *common,
            f"c.CourseDirectory.course_id = {course.course_id!r}",
            f"c.CourseDirectory.root = {str(_home(plan, course) / 'term')!r}",
            'c.ExchangeFactory.collect = "course.hub.collecting.CollectOwnWork"',
        ]
        (folder / "nbgrader_config.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
        # The hub forbids frames, and formgrader is one in its server's page. Only pages of the same origin may hold it,
        # which with subdomains are this server's own; without them formgrader is shown in no frame.
        framing = {"headers": {"Content-Security-Policy": "frame-ancestors 'self'"}} if plan.subdomains else {}
        text = f"c = get_config()\nc.ServerApp.tornado_settings = {framing!r}\n"
        (folder / "jupyter_server_config.py").write_text(text, encoding="utf-8")
    for folder in [plan.state / "config", *(plan.state / "config").rglob("*")]:
        folder.chmod(0o755 if folder.is_dir() else 0o644)


def config_of(plan: ClassPlan, kind: str) -> Path:
    """Return the folder for JUPYTER_CONFIG_PATH of people, or of a course's grader."""
    return plan.state / "config" / kind / ".course" / "jupyter"


def settings_for(plan: ClassPlan) -> dict[str, Any]:
    """Return all that the hub's configuration needs, as data."""
    private = plan.state / "private"
    before = settings_before(private)
    wanted = ["hub", "proxy", *(course.course_id for course in plan.courses)]
    # Servers that outlive a hub know it by its port, and the proxy by its token: both stay what they were.
    ports = dict(zip(wanted, free_ports(len(wanted)), strict=True)) | before.get("ports", {})
    groups: dict[str, list[str]] = {}
    for course in plan.courses:
        groups[f"nbgrader-{course.course_id}"] = list(course.students)
        groups[f"formgrade-{course.course_id}"] = [*course.instructors, *course.assistants]
        groups[f"instructors-{course.course_id}"] = list(course.instructors)
    return {
        "url": plan.url,
        "bind": plan.bind,
        "subdomains": plan.subdomains,
        "ports": ports,
        "proxy_token": before.get("proxy_token") or secrets.token_hex(32),
        "sync_token": secrets.token_hex(32),
        "private": str(private),
        "database": f"sqlite:///{private / 'jupyterhub.sqlite'}" if plan.database == SQLITE else plan.database,
        "people": list(plan.people),
        "groups": groups,
        "people_config": str(config_of(plan, "people")),
        "spawner": plan.spawner,
        "memory": plan.memory,
        "processes": plan.processes,
        "cpu": plan.cpu,
        "idle_minutes": plan.idle_minutes,
        "more": str(plan.more) if plan.more else "",
        "courses": [
            {
                "id": course.course_id,
                "grader": course.grader,
                "port": ports[course.course_id],
                "folder": str(_home(plan, course) / "term"),
                "config": str(config_of(plan, course.course_id)),
            }
            for course in plan.courses
        ],
    }


def settings_before(private: Path) -> dict[str, Any]:
    """Return the settings of the last start; none where there was none."""
    try:
        return json.loads((private / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def welcome(plan: ClassPlan) -> str:
    """Say where to go, and what has to be known of this hub."""
    lines = [f"A hub for {len(plan.people)} people: {plan.url}"]
    address = urlsplit(plan.url)
    for course in plan.courses:
        host = f"{course.course_id}--service.{address.netloc}" if plan.subdomains else address.netloc
        lines.append(
            f"  {course.course_id}: {len(course.students)} students, taught by {', '.join(course.instructors)}; "
            f"grader: {address.scheme}://{host}/services/{course.course_id}/"
        )
    if address.scheme == "http" and address.hostname not in ("localhost", "127.0.0.1"):
        lines.append("  Passwords cross the network in the clear: put TLS in front (deploy/jupyterhub/README.md).")
    if not plan.subdomains:
        lines.append("  Without subdomains formgrader opens in a page of its own, and all servers are one origin.")
    return "\n".join(lines)


def _path() -> str:
    return os.pathsep.join([sysconfig.get_path("scripts"), "/usr/local/bin", "/usr/bin", "/bin"])


def serve(settings: dict[str, Any], proxy: Sequence[str], plan: ClassPlan) -> int:
    """Keep proxy and hub running until told to stop; return 0 then."""
    private = plan.state / "private"
    (private / CONFIG).write_text(CONFIG_TEXT, encoding="utf-8")
    (private / SETTINGS).write_text(json.dumps(settings, indent=1), encoding="utf-8")  # private/ lets nobody in
    environment = {**THREADS, "PATH": os.pathsep.join([_path(), os.environ.get("PATH", "")]), "HOME": "/root"}
    bind, ports = urlsplit(plan.bind), settings["ports"]
    doors = [
        f"--ip={bind.hostname}", f"--port={bind.port or 80}", "--api-ip=127.0.0.1", f"--api-port={ports['proxy']}",
        f"--default-target=http://127.0.0.1:{ports['hub']}",
        f"--error-target=http://127.0.0.1:{ports['hub']}/hub/error",
    ]  # fmt: skip
    if plan.subdomains:
        doors.append("--host-routing")
    stop = threading.Event()
    kept = [
        Kept(
            "the proxy",
            [*proxy, *doors],
            environment | {"CONFIGPROXY_AUTH_TOKEN": settings["proxy_token"]},
            private,
            after=lambda: _send_routes(settings, stop),
        ),
        Kept("the hub", [sys.executable, "-m", "jupyterhub", "-f", str(private / CONFIG)], environment, private),
    ]
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=_tidy, args=(settings, stop), daemon=True).start()
    threading.Thread(target=watch_disks, args=([plan.state, Path("/home")], stop, say), daemon=True).start()
    keep_running(kept, stop, say=say)
    return 0


def say(words: str) -> None:
    """Tell the operator, at once."""
    print(words, flush=True)


def watch_disks(
    places: Sequence[Path], stop: threading.Event, tell: Callable[[str], None], every: float = 60.0
) -> None:
    """Tell the operator when less than a twentieth of a disk is free, once, and again after it was better."""
    low: set[Path] = set()
    while not stop.wait(every):
        for place in places:
            disk = shutil.disk_usage(place)
            if disk.free >= disk.total * DISK_LOW:
                low.discard(place)
            elif place not in low:
                low.add(place)
                tell(
                    f"the disk of {place} is nearly full: {disk.free / 1e9:.1f} of {disk.total / 1e9:.1f} GB are free; "
                    "what students save or hand in may fail"
                )


def _hub(settings: dict[str, Any]) -> Hub:
    return Hub(f"http://127.0.0.1:{settings['ports']['hub']}/hub/api", settings["sync_token"])


def _send_routes(settings: dict[str, Any], stop: threading.Event) -> None:
    """Let the hub tell a proxy that was started again the way to everybody; by itself it would in five minutes."""
    for _ in range(30):
        try:
            _hub(settings).ask("POST", "proxy")
            return
        except OSError:  # one of the two is not up yet
            if stop.wait(1):
                return
    say("the proxy was started again, and could not be told the way to people's servers; the hub tries in five minutes")


def _tidy(settings: dict[str, Any], stop: threading.Event) -> None:
    """Once the hub is up, take out who has left; a failure is told, and stops nobody's work."""
    hub = _hub(settings)
    try:
        wait_for(hub)
        for words in tidy(hub, settings["people"], settings["groups"]):
            say(words)
    except (OSError, ValueError) as error:
        if not stop.is_set():
            say(f"who has left the rosters could not be taken out of the hub: {error}; start it again to try again")
