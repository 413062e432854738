"""A real JupyterHub with the values for Kubernetes, whose servers are all one account, and the exchange beside it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from like_pods import (
    CLASS,
    COURSE,
    GRADER,
    HUB_CONFIG,
    LESSON,
    ROOT,
    VALUES,
    Hub,
    answer_of,
    exchange_command,
    wait_for,
)

from course.cli import main
from course.hub import pod_settings, proxy
from course.hub.class_plan import read_class
from course.hub.pods import values_for
from course.hub.preview import free_ports


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """The hub, its exchange running, nobody's server started."""
    if not shutil.which(proxy.PROGRAM) and not shutil.which("npm"):
        pytest.skip(f"{proxy.PROGRAM} is missing: install Node with npm, or Debian's node-{proxy.PROGRAM}")
    folder = tmp_path_factory.mktemp("pods")
    (folder / "homes").mkdir()
    pod_settings.write(folder / "config")
    for roster, students in (("spring", ["ada", "bo"]), ("autumn", ["cy"])):
        rows = "".join(f"{student},F,L,{student}@example.org\n" for student in students)
        (folder / f"{roster}.csv").write_text("id,first_name,last_name,email\n" + rows)
    (folder / "class.toml").write_text(CLASS)
    ports = free_ports(5)
    exchange = f"http://127.0.0.1:{ports[3]}"
    text = VALUES.read_text().replace("/opt/course/config", str(folder / "config"))
    text = text.replace("--backend dask --dask-scheduler tls://grading-scheduler:8786 --level B", "")  # no workers here
    values = yaml.safe_load(text.replace("http://exchange:8000", exchange))
    of_class = values_for(read_class(folder / "class.toml"))
    values["custom"] = of_class["custom"]
    for name, section in of_class["hub"].items():
        values["hub"][name] = {**values["hub"].get(name, {}), **section}
    told = {
        "values": values,
        "url": f"http://127.0.0.1:{ports[0]}",
        "hub": f"http://127.0.0.1:{ports[1]}",
        "proxy_api": f"http://127.0.0.1:{ports[2]}",
        "proxy": proxy.find_proxy(folder / "proxy"),
        "password": "for the tests",
        "token": os.urandom(16).hex(),
        "homes": str(folder / "homes"),
        "as_root": ["--allow-root"] if os.geteuid() == 0 else [],
        "scopes": values["hub"]["config"]["Spawner"]["server_token_scopes"],
    }
    (folder / "told.json").write_text(json.dumps(told))
    (folder / "jupyterhub_config.py").write_text(HUB_CONFIG)
    log, store = folder / "log", folder / "store"
    commands = [
        [sys.executable, "-m", "jupyterhub", "-f", str(folder / "jupyterhub_config.py")],
        [*exchange_command(store, ports[3], told["hub"]), "--metrics-port", str(ports[4])],
    ]
    processes = []
    with log.open("w") as said:
        try:
            for command in commands:
                process = subprocess.Popen(command, stdout=said, stderr=said, cwd=folder)
                processes.append(process)
            running = Hub(folder, told, exchange)
            running.figures = f"http://127.0.0.1:{ports[4]}"
            wait_for(lambda: running.ask("GET", "users"), processes[0], log)
            wait_for(lambda: answer_of(f"{exchange}/healthz", ""), processes[1], log)
            running.log, running.store, running.service, running.more = log, store, processes[1], processes
            yield running
        finally:
            for user in [] if processes[0].poll() else running.ask("GET", "users"):
                if user.get("server"):
                    running.ask("DELETE", f"users/{user['name']}/server")
            for process in processes:
                process.send_signal(signal.SIGTERM)
            for process in processes:
                try:
                    process.wait(20)
                finally:
                    process.kill()


@pytest.fixture(scope="module")
def servers(hub):
    """Each person's own environment and home, as a terminal of their server has it."""
    return {name: hub.start(name) for name in ("ada", "bo", GRADER)}


@pytest.fixture(scope="module")
def say(hub, servers):
    """Run a command in a terminal of somebody's server; return what it said."""

    def said(who, *words, fails=False, cwd="."):
        home = hub.homes / who
        program = [str(Path(sys.executable).parent / words[0]), *words[1:]]
        done = subprocess.run(program, cwd=home / cwd, env=servers[who], capture_output=True, text=True, timeout=120)
        assert bool(done.returncode) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    return said


@pytest.fixture(scope="module")
def released(hub, say):
    """A course of one small lesson, made and released by its grader."""
    repository = hub.folder / "repository"
    repository.mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", repository)
    for words in (["new-lesson", LESSON], ["build"]):
        assert main([*words, "--root", str(repository)]) == 0
    roster = str(hub.folder / "spring.csv")
    say(GRADER, "course", "new-term", "term", "--course-id", COURSE, "--roster", roster, "--root", str(repository))
    say(GRADER, "nbgrader", "release_assignment", LESSON, cwd="term")
