"""What is needed to run a real JupyterHub with the values for Kubernetes, and to ask it and the exchange."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from course.hub import pod_settings, proxy
from course.hub.class_plan import read_class
from course.hub.pods import values_for
from course.hub.preview import free_ports

ROOT = Path(__file__).parents[2]
VALUES = ROOT / "deploy" / "kubernetes" / "values.yaml"
COURSE, OTHER = "mlops-spring", "mlops-autumn"
GRADER, LESSON = f"grade-{COURSE}", "02_gaps"
CLASS = f"""
state = "unused"
[courses.{COURSE}]
roster = "spring.csv"
instructors = ["ines"]
assistants = ["tom"]
[courses.{OTHER}]
roster = "autumn.csv"
instructors = ["otto"]
"""
#: What the chart's own configuration makes of its values, as far as they are used here; pods are processes.
HUB_CONFIG = """
import json, sys, types
from pathlib import Path
from jupyterhub.spawner import SimpleLocalProcessSpawner

told = json.loads(Path(__file__).with_name("told.json").read_text())
values = told["values"]
z2jh = types.ModuleType("z2jh")
z2jh.get_config = lambda name, default=None: values["custom"].get(name.removeprefix("custom."), default)
sys.modules["z2jh"] = z2jh


class LikePods(SimpleLocalProcessSpawner):
    volumes, volume_mounts, extra_labels = {}, {}, {}


c.JupyterHub.bind_url = told["url"]
c.JupyterHub.hub_bind_url = told["hub"]
c.ConfigurableHTTPProxy.api_url = told["proxy_api"]
c.ConfigurableHTTPProxy.command = told["proxy"]
c.JupyterHub.db_url = "sqlite:///" + str(Path(__file__).with_name("hub.sqlite"))
c.JupyterHub.cookie_secret_file = str(Path(__file__).with_name("secret"))
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = told["password"]
c.JupyterHub.spawner_class = LikePods
c.LikePods.home_dir_template = told["homes"] + "/{username}"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser", *told["as_root"]]
c.Spawner.notebook_dir = "~"
c.Spawner.default_url = values["singleuser"]["defaultUrl"]
c.Spawner.environment = values["singleuser"]["extraEnv"]
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
for section, settings in values["hub"]["config"].items():
    for name, value in settings.items():
        setattr(c[section], name, value)
tests = {"name": "tests", "api_token": told["token"]}
c.JupyterHub.services = [tests, *({"name": name, **told} for name, told in values["hub"]["services"].items())]
c.JupyterHub.load_roles = [
    {"name": "tests", "services": ["tests"], "scopes": [
        "admin:users", "admin:servers", "admin:server_state", "tokens", "groups", "access:services", "access:servers"]},
    *({"name": name, **role} for name, role in values["hub"]["loadRoles"].items()),
]
for code in values["hub"]["extraConfig"].values():
    exec(code)
c.Authenticator.allow_all = True  # as with a university's login: whoever has a name there comes in
"""


class Hub:
    """A hub under test, and what an operator may ask it."""

    def __init__(self, folder, told, exchange):
        self.folder, self.told, self.exchange = folder, told, exchange
        self.url = told["url"]
        self.homes = Path(told["homes"])

    def ask(self, method, path, body=None):
        """Ask the hub's API with all rights."""
        return answer_of(f"{self.told['hub']}/hub/api/{path}", self.told["token"], method, body)[1]

    def token(self, name, scopes=None):
        """A token as a server's is, without starting one."""
        scopes = scopes or [scope.replace("!server", f"!server={name}/") for scope in self.told["scopes"]]
        return self.ask("POST", f"users/{name}/tokens", {"scopes": scopes})["token"]

    def start(self, name):
        """Start somebody's server; return the environment that its terminals have."""
        self.ask("POST", f"users/{name}/server")
        ends = time.monotonic() + 90
        while not (server := self.ask("GET", f"users/{name}?include_stopped_servers")["servers"][""])["ready"]:
            assert time.monotonic() < ends, server
            time.sleep(0.3)
        environ = Path(f"/proc/{server['state']['pid']}/environ").read_bytes().decode().split("\0")
        return dict(pair.split("=", 1) for pair in environ if "=" in pair)


def can_be_proxied() -> bool:
    """Whether the hub's proxy is here, or npm to install it with."""
    return bool(shutil.which(proxy.PROGRAM) or shutil.which("npm"))


@contextmanager
def running_hub(folder: Path, rosters: Mapping[str, Sequence[str]]) -> Iterator[Hub]:
    """Run the hub in a folder, and the exchange beside it; `rosters` are the students of "spring" and "autumn"."""
    (folder / "homes").mkdir()
    pod_settings.write(folder / "config")
    for roster, students in rosters.items():
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


def answer_of(url, token, method="GET", body=None, **headers):
    """Return status and value of an answer; refusals are answers too."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data, {"Authorization": f"token {token}", **headers}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, kind, text = answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        status, kind, text = error.code, error.headers["Content-Type"], error.read()
    return status, json.loads(text) if text and kind.startswith("application/json") else text


def wait_for(ask, process, log):
    """Return once something answers."""
    ends = time.monotonic() + 60
    while True:
        assert process.poll() is None and time.monotonic() < ends, log.read_text()[-3000:]
        try:
            return ask()
        except OSError:
            time.sleep(0.2)


def exchange_command(store, port, hub):
    """How the exchange is started; the same words as in its pod, but for addresses."""
    return [sys.executable, "-m", "course.cli", "exchange", "--store", str(store), "--port", str(port),
            "--hub", f"{hub}/hub/api"]  # fmt: skip
