"""Make a hub's own book of people and groups agree with the class's plan: JupyterHub adds from its configuration only.

Who is no longer on any roster would otherwise stay in the course's group, and in by a cookie of two weeks.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

SERVICE = "roster-sync"
SCOPES = ["list:users", "read:users", "list:groups", "read:groups", "groups", "delete:users", "delete:servers", "proxy"]
STOP_SECONDS = 30


class Hub:
    """The hub's API, as the service that may tidy it."""

    def __init__(self, api: str, token: str) -> None:
        self._api, self._token = api, token

    def ask(self, method: str, path: str, told: Any = None) -> Any:
        """Send a request; return what came back, None where nothing did. Raise URLError as urllib does."""
        body = None if told is None else json.dumps(told).encode()
        headers = {"Authorization": f"token {self._token}", "Accept": "application/json"}
        request = urllib.request.Request(f"{self._api}/{path}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None


def wait_for(hub: Hub, seconds: float = 120) -> None:
    """Return once the hub answers; raise URLError when it does not within so many seconds."""
    ends = time.monotonic() + seconds
    while True:
        try:
            hub.ask("GET", "")
            return
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > ends:
                raise
            time.sleep(0.5)


def tidy(hub: Hub, people: Sequence[str], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Take out of each group who is not in the plan, and out of the hub who is in none; return what was done.

    A server of somebody who has left is stopped; the home with all that was written stays.
    """
    done = []
    for group in hub.ask("GET", "groups"):
        extra = sorted(set(group["users"]) - set(groups.get(group["name"], ())))
        if extra:
            hub.ask("DELETE", f"groups/{group['name']}/users", {"users": extra})
            done.append(f"{', '.join(extra)} left {group['name']}")
    for user in hub.ask("GET", "users"):
        name = user["name"]
        if name in people:
            continue
        if user.get("server") or user.get("pending"):
            hub.ask("DELETE", f"users/{name}/server")
            ends = time.monotonic() + STOP_SECONDS
            while hub.ask("GET", f"users/{name}").get("servers") and time.monotonic() < ends:
                time.sleep(0.5)
        hub.ask("DELETE", f"users/{name}")
        done.append(f"{name} is on no roster, and may not log in any more; the account and its home stay")
    return done
