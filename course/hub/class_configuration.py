"""JupyterHub's configuration for a class of Unix accounts, from what `course hub-class` has prepared."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course.hub.configuration import THREADS
from course.hub.roster_sync import SCOPES, SERVICE

#: A server's token knows its own person: the name, and the groups by which nbgrader knows the courses.
SERVER_TOKEN = [
    "access:servers!server",
    "users:activity!user",
    "read:users:name!user",
    "read:users:groups!user",
]
CULLER = "idle-culler"


def configure(c: Any, told: Mapping[str, Any]) -> None:
    """Put the settings of `course.hub.class_hub.settings_for` into JupyterHub's configuration."""
    _doors(c, told)
    _people(c, told)
    _servers(c, told)
    sync = {"name": SERVICE, "api_token": told["sync_token"]}
    c.JupyterHub.services = [*(_grader(course, told) for course in told["courses"]), _culler(told), sync]
    c.JupyterHub.load_groups = {name: {"users": users} for name, users in told["groups"].items()}
    c.JupyterHub.load_roles = [
        *(role for course in told["courses"] for role in _roles(course)),
        _culler_role(),
        {"name": SERVICE, "services": [SERVICE], "scopes": SCOPES},
    ]


def _doors(c: Any, told: Mapping[str, Any]) -> None:
    c.JupyterHub.bind_url = told["bind"]
    c.JupyterHub.public_url = told["url"]
    if told["subdomains"]:
        # Each server is an origin of its own: a page of one student's cannot read another's, or the instructor's.
        c.JupyterHub.subdomain_host = told["url"]
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{told['ports']['hub']}"
    # The proxy is started beside the hub, and people's servers stay: a hub that is restarted interrupts nobody.
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{told['ports']['proxy']}"
    c.ConfigurableHTTPProxy.auth_token = told["proxy_token"]
    c.JupyterHub.cleanup_servers = False
    c.JupyterHub.cleanup_proxy = False
    c.JupyterHub.db_url = told["database"]
    c.JupyterHub.cookie_secret_file = str(Path(told["private"]) / "cookie_secret")


def _people(c: Any, told: Mapping[str, Any]) -> None:
    c.JupyterHub.authenticator_class = "pam"
    c.PAMAuthenticator.open_sessions = False
    c.Authenticator.allowed_users = set(told["people"])
    # Whoever has left every roster does not come in by having been here once.
    c.Authenticator.allow_existing_users = False


def _servers(c: Any, told: Mapping[str, Any]) -> None:
    if told["spawner"] == "systemd":
        c.JupyterHub.spawner_class = "systemd"  # jupyterhub-systemdspawner, where the machine runs systemd
        c.Spawner.cpu_limit = told["cpu"]
    else:
        c.JupyterHub.spawner_class = "course.hub.limits.LimitedSpawner"
        c.LimitedSpawner.processes = told["processes"]
    c.Spawner.mem_limit = told["memory"]
    # When a class arrives at once its servers start slowly, and to give one up helps nobody.
    c.Spawner.start_timeout = 300
    c.Spawner.http_timeout = 300
    c.Spawner.notebook_dir = "~"
    c.Spawner.default_url = "/lab"
    c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
    c.Spawner.environment = {**THREADS, "JUPYTER_CONFIG_PATH": told["people_config"]}
    c.Spawner.server_token_scopes = SERVER_TOKEN


def _grader(course: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """A JupyterLab of the course's own, as its grader's account: formgrader lives in it."""
    return {
        "name": course["id"],
        "url": f"http://127.0.0.1:{course['port']}",
        "command": [sys.executable, "-m", "course.hub.following", sys.executable, "-m", "jupyterhub.singleuser"],
        "user": course["grader"],
        "cwd": course["folder"],
        "environment": {
            **THREADS,
            "JUPYTER_CONFIG_PATH": course["config"],
            "JUPYTERHUB_DEFAULT_URL": "/lab" if told["subdomains"] else "/formgrader",
            "PATH": os.environ["PATH"],
        },
        "oauth_no_confirm": True,
    }


def _roles(course: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Who may do what beside being a student of one's own server: assistants grade, instructors also see and help."""
    name, students = course["id"], f"group=nbgrader-{course['id']}"
    reach = [f"access:services!service={name}", f"read:services!service={name}", "list:services"]
    help_students = [f"list:users!{students}", f"read:users!{students}", f"servers!{students}"]
    return [
        {"name": f"assistant-{name}", "groups": [f"formgrade-{name}"], "scopes": reach},
        {"name": f"instructor-{name}", "groups": [f"instructors-{name}"], "scopes": [*reach, *help_students]},
        {
            "name": f"grader-{name}",
            "services": [name],
            "scopes": [f"read:groups!group=nbgrader-{name}", f"list:users!{students}", f"read:users:name!{students}"],
        },
    ]


def _culler(told: Mapping[str, Any]) -> dict[str, Any]:
    seconds = round(told["idle_minutes"] * 60)
    return {
        "name": CULLER,
        "command": [
            sys.executable, "-m", "course.hub.following", sys.executable, "-m", "jupyterhub_idle_culler",
            f"--timeout={seconds}", f"--cull-every={max(5, seconds // 4)}",
        ],
    }  # fmt: skip


def _culler_role() -> dict[str, Any]:
    scopes = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
    return {"name": CULLER, "services": [CULLER], "scopes": scopes}
