"""JupyterHub's configuration for the preview of one person, from what `course hub` has chosen."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def configure(c: Any, told: Mapping[str, Any]) -> None:
    """Put the settings of `course.hub.preview.settings_for` into JupyterHub's configuration."""
    state, course = Path(told["state"]), told["course_id"]
    as_root = ["--allow-root"] if os.geteuid() == 0 else []  # in a container, where there is nobody else
    server = [sys.executable, "-m", "jupyterhub.singleuser", *as_root]

    # Loopback only: what listens here is one person's account.
    c.JupyterHub.bind_url = told["url"]
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{told['hub_port']}"
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{told['proxy_port']}"
    c.ConfigurableHTTPProxy.command = told["proxy"]
    c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")
    c.JupyterHub.db_url = f"sqlite:///{state / 'jupyterhub.sqlite'}"
    c.JupyterHub.cookie_secret_file = str(state / "jupyterhub_cookie_secret")
    c.JupyterHub.cleanup_servers = True

    # The one who started it, with the password that was printed.
    c.JupyterHub.authenticator_class = "shared-password"
    c.SharedPasswordAuthenticator.user_password = told["password"]
    c.Authenticator.allowed_users = {told["user"]}

    c.JupyterHub.spawner_class = "simple"
    c.SimpleLocalProcessSpawner.home_dir_template = str(state / "work")
    c.Spawner.notebook_dir = str(state / "work")
    c.Spawner.default_url = "/lab"
    c.Spawner.cmd = server
    c.Spawner.environment = {**THREADS, "JUPYTER_CONFIG_PATH": told["student_config"]}
    # A student's token lets in to this server, says that it is used and whose it is, and no more.
    c.Spawner.server_token_scopes = ["access:servers!server", "users:activity!user", "read:users:name!user"]

    # Formgrader inside a server of the course's own: another server's page may not be framed.
    c.JupyterHub.services = [
        {
            "name": course,
            "url": f"http://127.0.0.1:{told['service_port']}",
            "command": server,
            "cwd": str(state / course),
            "environment": {
                **THREADS,
                "JUPYTER_CONFIG_PATH": told["grader_config"],
                "JUPYTERHUB_DEFAULT_URL": "/lab",
                "PATH": os.environ["PATH"],
                "HOME": str(state / "grader"),
            },
            "oauth_no_confirm": True,
        }
    ]
    scopes = [f"access:services!service={course}"]
    c.JupyterHub.load_roles = [{"name": f"formgrade-{course}", "users": [told["user"]], "scopes": scopes}]
