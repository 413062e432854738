"""What is needed to run a real JupyterHub with the values for Kubernetes, and to ask it and the exchange."""

import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

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
