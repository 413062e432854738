"""Talk to the exchange service as whoever this server belongs to; what it refuses comes back in its own words."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from course.errors import CourseError

#: To connect, and between two pieces of an answer.
SECONDS = (5, 60)
#: A service that is started again is back within these, 0 + 1 + 2 + 4 + 8 + 16 seconds in all.
RETRY = Retry(
    total=6, backoff_factor=0.5, status_forcelist=(502, 503, 504), allowed_methods=None, raise_on_status=False
)


class Client:
    """The service at `url`, asked with a token of the hub's."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy for the internet knows nothing of the cluster's addresses
        self._session.headers["Authorization"] = f"token {token}"
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=RETRY))

    @classmethod
    def of_this_server(cls, url: str) -> Client:
        """Return a client with this JupyterLab's token; raise CourseError where there is none."""
        token = os.environ.get("JUPYTERHUB_API_TOKEN", "")
        if not url or not token:
            lacks = "its address (COURSE_EXCHANGE)" if not url else "this server's token (JUPYTERHUB_API_TOKEN)"
            raise CourseError(
                f"the exchange cannot be asked without {lacks}: this works in a JupyterLab that a hub with an exchange "
                "service has started"
            )
        return cls(url, token)

    def ask(self, method: str, *path: str, body: bytes | None = None, key: str = "", **query: str) -> Any:
        """Return the answer to a request, JSON as a value and files as bytes; raise CourseError with what it says.

        Whatever the network loses is sent again; with the same `key` it is the same submission.
        """
        address = "/".join([self._url, "api", *(quote(part, safe="") for part in path)])
        headers = {"Idempotency-Key": key} if key else {}
        try:
            answer = self._session.request(
                method, address, params=query, data=body, headers=headers, timeout=SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            raise CourseError(
                f"the exchange at {self._url} cannot be reached ({type(error).__name__}), though it was tried several "
                "times: nothing that you sent is known to be there; try again, the newest counts"
            ) from error
        if answer.headers.get("Content-Type", "").startswith("application/json"):
            value = answer.json()
            if answer.ok:
                return value
            raise CourseError(f"the exchange says: {value.get('message', answer.status_code)}")
        if not answer.ok:
            raise CourseError(f"the exchange at {self._url} answered {answer.status_code}, and no reason")
        return answer.content
