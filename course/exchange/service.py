"""`course exchange`: the exchange of a hub whose servers share no disk; whose request it is, the hub says.

On Kubernetes every server is the same account, and whatever a pod says of itself its student can change. So nothing is
believed but the hub's answer to the token that comes with a request: the token's person, and the groups by which
nbgrader knows courses (`nbgrader-COURSE` learns, `formgrade-COURSE` teaches). A time stamp is this service's own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import logging
import os
import shutil
import signal
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from jupyterhub.services.auth import HubAuth
from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client import Counter as Meter
from tornado import httpserver, web

from course.errors import CourseError
from course.exchange.store import MOST_BYTES, NotTaken, Store, now

SUMMARY = "run the exchange service of a hub whose servers share no disk (Kubernetes)"
SERVICE = "exchange"
LEARNS, TEACHES = "nbgrader-", "formgrade-"
#: For so long the hub's answer to a token counts: who is taken out of a course is out after that.
REMEMBER_SECONDS = 30
#: So many uploads of one person come in at a time: nobody's hold the disk's last room against everybody else's.
AT_ONCE = 2
#: An upload that has not arrived by then is cut off: a node that was lost must not hold its student's uploads back.
BODY_SECONDS = 300
CHUNK = 1 << 20

log = logging.getLogger("exchange")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course exchange`."""
    parser.add_argument("--store", type=Path, required=True, help="the folder that keeps everything, on its own disk")
    parser.add_argument("--listen", default="127.0.0.1", metavar="ADDRESS", help="default: this machine only")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument(
        "--metrics-port", type=int, default=0, metavar="PORT", help="where Prometheus reads (default: nowhere)"
    )
    parser.add_argument(
        "--hub",
        default=os.environ.get("JUPYTERHUB_API_URL", ""),
        metavar="URL",
        help="the hub's API, such as http://hub:8081/hub/api (default: JUPYTERHUB_API_URL)",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    if not args.hub.startswith(("http://", "https://")):
        raise CourseError(
            f"--hub is {args.hub!r}, and must be the address of the hub's API, such as http://hub:8081/hub/api: the "
            "service asks it whose a token is"
        )
    try:
        store = Store(args.store)
    except OSError as error:
        raise CourseError(f"--store {args.store} cannot be written: {error}") from error
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    asyncio.run(_serve(store, args))
    return 0


async def _serve(store: Store, args: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # A little above what is taken, so that an archive that is too large is answered with words.
    served = application(store, args.hub)
    server = httpserver.HTTPServer(served, max_body_size=MOST_BYTES + CHUNK, body_timeout=BODY_SECONDS)
    figures = web.Application([(r"/metrics", Metrics)], meters=served.settings["meters"])
    try:
        server.listen(args.port, args.listen)
        if args.metrics_port:
            figures.listen(args.metrics_port, args.listen)
    except (OSError, OverflowError) as error:
        raise CourseError(f"{args.listen}:{args.port} cannot be listened on: {error}") from error
    log.info("the exchange serves %s on %s:%s", args.store, args.listen, args.port)
    await stop.wait()
    server.stop()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(server.close_all_connections(), 10)


def application(store: Store, hub_api: str) -> web.Application:
    """Return the service as a Tornado application."""
    course, lesson = r"/api/courses/([^/]+)", r"/lessons/([^/]+)"
    hub = HubAuth(api_url=hub_api, cache_max_age=REMEMBER_SECONDS, access_scopes={f"access:services!service={SERVICE}"})
    told = {"store": store, "hub": hub, "meters": Meters(store), "uploading": Counter[str]()}
    return web.Application(
        [
            (r"/healthz", Healthy),
            (r"/api/courses", Courses),
            (rf"{course}/lessons", Lessons),
            (rf"{course}{lesson}", Lesson),
            (rf"{course}{lesson}/submissions", Submissions),
            (rf"{course}{lesson}/submissions/([^/]+)/([^/]+)", OneSubmission),
            (rf"{course}/feedback", Feedback),
            (rf"{course}/feedback/([^/]+)/([^/]+)", FeedbackPage),
        ],
        default_handler_class=Nothing,
        log_function=_measured,
        **told,
    )


class Meters:
    """What an operator watches."""

    def __init__(self, store: Store) -> None:
        self.registry = CollectorRegistry()
        self.requests = Meter(
            "exchange_requests", "Requests, by what they were for and how they ended", ["what", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram("exchange_seconds", "How long a request took", ["what"], registry=self.registry)
        self.submissions = Meter("exchange_submissions", "Submissions kept", ["course"], registry=self.registry)
        free = Gauge("exchange_disk_free_bytes", "What is left of the exchange's disk", registry=self.registry)
        free.set_function(lambda: shutil.disk_usage(store.root).free)
        promised = Gauge(
            "exchange_disk_promised_bytes", "What uploads on their way will still take of it", registry=self.registry
        )
        promised.set_function(lambda: store.promised_bytes)


def _measured(handler: web.RequestHandler) -> None:
    method = handler.request.method if handler.request.method in handler.SUPPORTED_METHODS else "other"
    what = f"{method} {type(handler).__name__}"
    meters: Meters = handler.settings["meters"]
    meters.requests.labels(what, str(handler.get_status())).inc()
    meters.seconds.labels(what).observe(handler.request.request_time())
    if not isinstance(handler, Healthy):
        who = getattr(handler, "person", None)
        log.info(
            "%s %s %s %s %.0f ms", handler.get_status(), handler.request.method, handler.request.path,
            who.name if who else "nobody", 1000 * handler.request.request_time(),
        )  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Whoever the hub says that a token is of."""

    name: str
    groups: frozenset[str]

    def courses(self) -> dict[str, str]:
        """Return the courses this person has to do with, and whether it is to learn or to teach."""
        learns = {group.removeprefix(LEARNS): "learns" for group in self.groups if group.startswith(LEARNS)}
        teaches = {group.removeprefix(TEACHES): "teaches" for group in self.groups if group.startswith(TEACHES)}
        return {course: role for course, role in sorted((learns | teaches).items()) if course}


class Answer(web.RequestHandler):
    """A request that must come with a token of the hub's; refusals are words in JSON."""

    person: Person | None = None

    @property
    def store(self) -> Store:
        """The files."""
        return self.settings["store"]

    async def prepare(self) -> None:
        """Find out whose request it is."""
        self.person = await self._ask_hub()

    async def _ask_hub(self) -> Person:
        hub: HubAuth = self.settings["hub"]
        kind, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if kind.lower() not in ("token", "bearer") or not token:
            raise NotTaken(401, "a request needs a token of the hub's: Authorization: token …")
        try:
            found = await hub.user_for_token(token.strip(), sync=False)
        except web.HTTPError as error:
            log.error("the hub could not be asked: %s", error)
            raise NotTaken(503, "the hub does not answer, so nobody is known here just now; try again soon") from error
        if not found or found.get("kind") != "user":
            raise NotTaken(403, "the hub knows nobody by this token: log in anew, or restart your server")
        if not hub.check_scopes(hub.access_scopes, found):
            raise NotTaken(403, f"{found['name']}'s token may not be used for the exchange; it lacks the access scope")
        return Person(found["name"], frozenset(found["groups"]))

    def who(self, course: str, *, teaches: bool = False) -> Person:
        """Return the person if they belong to the course, and teach it where that is asked for."""
        assert self.person is not None
        role = self.person.courses().get(course)
        if role is None:
            raise NotTaken(403, f"{self.person.name} is not in the course {course}")
        if teaches and role != "teaches":
            raise NotTaken(403, f"{self.person.name} does not teach the course {course}")
        return self.person

    def tell(self, value: Any, status: int = 200) -> None:
        """Answer with JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(value))

    async def send_file(self, file: Path, kind: str = "application/zip") -> None:
        """Answer with a file, piece by piece."""
        self.set_header("Content-Type", kind)
        self.set_header("X-Content-Type-Options", "nosniff")
        with file.open("rb") as stream:
            self.set_header("Content-Length", str(os.fstat(stream.fileno()).st_size))
            while piece := stream.read(CHUNK):
                self.write(piece)
                await self.flush()
        await self.finish()

    def write_error(self, status_code: int, **told: Any) -> None:
        """Say in JSON what was wrong."""
        error = told.get("exc_info", (None, None))[1]
        if isinstance(error, NotTaken):
            self.tell({"message": str(error)}, error.status)
        else:
            self.tell({"message": f"the exchange could not do it ({self._reason})"}, status_code)

    def log_exception(self, kind: Any, value: Any, trace: Any) -> None:
        """A refusal is no fault of the service's."""
        if not isinstance(value, NotTaken):
            super().log_exception(kind, value, trace)

    def check_xsrf_cookie(self) -> None:
        """No cookie counts here, so no page of somebody else's can use one."""


class Nothing(Answer):
    """An address that means nothing."""

    async def prepare(self) -> None:
        """Nobody needs to be known."""
        raise NotTaken(404, f"{self.request.path} is no address of the exchange")


@web.stream_request_body
class Upload(Answer):
    """A request with a body, which goes to the disk as it comes.

    A refusal waits until the body has come: who still sends does not read what is answered.
    """

    refusal: Exception | None = None
    upload: Path | None = None
    _stream: BinaryIO | None = None
    _entered = _keeping = _gone = False
    _promised = 0  # bytes of the disk that are still to come

    async def prepare(self) -> None:
        """Find out whose it is, and whether there is room."""
        self.began, self._digest, self._size = now(), hashlib.sha256(), 0
        if self.request.method in ("GET", "DELETE"):
            self.person = await self._ask_hub()
            self.check()
            return
        try:
            self.person = await self._ask_hub()
            self.check()
            self._enter()
            told = self.request.headers.get("Content-Length", "")
            size = min(int(told), MOST_BYTES) if told.isdecimal() else MOST_BYTES
            self.store.promise_room(size)
            self._promised = size
            self.upload = self.store.arriving()
            self._stream = self.upload.open("wb")
        except (NotTaken, OSError) as error:
            self.refusal = error

    def check(self) -> None:
        """Raise NotTaken where the person may not do this."""
        raise NotImplementedError

    def _enter(self) -> None:
        assert self.person is not None
        if self.settings["uploading"][self.person.name] >= AT_ONCE:
            raise NotTaken(429, f"{self.person.name} sends {AT_ONCE} archives already: let one arrive, then try again")
        self.settings["uploading"][self.person.name] += 1
        self._entered = True

    def data_received(self, chunk: bytes) -> None:
        """Take a piece of the body."""
        if self.refusal is not None or self._stream is None:
            return
        self._size += len(chunk)
        try:
            if self._size > MOST_BYTES:
                raise NotTaken(413, f"this is larger than {MOST_BYTES / 1e6:.0f} MB, the most that is taken at once")
            self._stream.write(chunk)
            self._end_promise(len(chunk))
            self._digest.update(chunk)
        except (NotTaken, OSError) as error:
            self.refusal = error

    def _end_promise(self, size: int) -> None:
        size = min(size, self._promised)
        self._promised -= size
        self.store.end_promise(size)

    def arrived(self) -> tuple[Path, str]:
        """Return the body as a file with its digest; raise what was against it."""
        try:
            if self._stream is not None:
                self._stream.close()  # what does not fit on the disk may be noticed here
        except OSError as error:
            self.refusal = self.refusal or error
        if isinstance(self.refusal, OSError):
            log.error("an upload could not be written: %s", self.refusal)
            raise NotTaken(507, "the exchange could not write it: nothing was taken; tell your instructor, try again")
        if self.refusal is not None:
            raise self.refusal
        assert self.upload is not None
        return self.upload, self._digest.hexdigest()

    async def keep(self, keeping: Any) -> Any:
        """Let the store keep the body, beside this loop; a disk that fails then is told too."""
        self._keeping = True  # until that thread has ended nothing is taken from under it, whoever has gone meanwhile
        try:
            return await asyncio.to_thread(keeping)
        except OSError as error:
            log.error("an upload could not be kept: %s", error)
            raise NotTaken(507, "the exchange could not keep it: nothing was taken; tell your instructor") from error
        finally:
            self._keeping = False
            if self._gone:
                self._tidy()

    def on_finish(self) -> None:
        """Leave nothing half."""
        self._tidy()

    def on_connection_close(self) -> None:
        """Whoever sent it has gone: nothing of it stays."""
        super().on_connection_close()
        self._gone = True
        self._tidy()

    def _tidy(self) -> None:
        if self._keeping:
            return
        if self._entered and self.person is not None:
            self.settings["uploading"] -= Counter([self.person.name])  # what is zero is forgotten
            self._entered = False
        if self._promised:
            self._end_promise(self._promised)
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.close()
        if self.upload is not None:
            self.upload.unlink(missing_ok=True)


class Healthy(web.RequestHandler):
    """Is it there? For whoever starts it again if not."""

    def get(self) -> None:
        """Say so."""
        self.finish({"is": "there"})


class Metrics(web.RequestHandler):
    """What Prometheus reads; it names courses and no people."""

    def get(self) -> None:
        """Give the figures."""
        self.set_header("Content-Type", "text/plain; version=0.0.4")
        self.finish(generate_latest(self.settings["meters"].registry))


class Courses(Answer):
    """The courses of whoever asks."""

    def get(self) -> None:
        """Name them, each with what one does there."""
        assert self.person is not None
        self.tell(self.person.courses())


class Lessons(Answer):
    """What is released in a course."""

    async def get(self, course: str) -> None:
        """List it."""
        self.who(course)
        self.tell([asdict(kept) for kept in await asyncio.to_thread(self.store.lessons, course)])


class Lesson(Upload):
    """One lesson as it is released."""

    def check(self) -> None:
        """Reading is for all of the course, the rest for who teaches it."""
        self.who(self.path_args[0], teaches=self.request.method != "GET")

    async def get(self, course: str, lesson: str) -> None:
        """Give it."""
        await self.send_file(self.store.lesson(course, lesson))

    async def put(self, course: str, lesson: str) -> None:
        """Release it."""
        upload, digest = self.arrived()
        again = self.get_query_argument("again", "no") == "yes"
        await self.keep(partial(self.store.release, course, lesson, upload, again))
        log.info("%s released %s in %s", self.who(course).name, lesson, course)
        self.tell({"name": lesson, "digest": digest}, 201)

    async def delete(self, course: str, lesson: str) -> None:
        """Withdraw it."""
        self.store.withdraw(course, lesson)
        log.info("%s withdrew %s in %s", self.who(course).name, lesson, course)
        self.tell({"name": lesson})


class Submissions(Upload):
    """What was handed in of a lesson."""

    def check(self) -> None:
        """All of the course hand in and see their own."""
        self.who(self.path_args[0])

    async def get(self, course: str, lesson: str) -> None:
        """List one's own, or everybody's for who teaches."""
        person = self.who(course)
        student = None if person.courses()[course] == "teaches" else person.name
        found = await asyncio.to_thread(self.store.submissions, course, lesson, student)
        self.tell([asdict(one) for one in found])

    async def post(self, course: str, lesson: str) -> None:
        """Hand in, as the person whose token it is."""
        upload, digest = self.arrived()
        person, key = self.who(course), self.request.headers.get("Idempotency-Key", "")
        keeping = partial(self.store.submit, course, lesson, person.name, upload, key, digest, self.began)
        kept, new = await self.keep(keeping)
        if kept.digest != digest:
            raise NotTaken(409, "another archive was handed in with the same key before; use a new key")
        if new:
            self.settings["meters"].submissions.labels(course).inc()
        self.tell(asdict(kept), 201)


class OneSubmission(Answer):
    """One archive that was handed in."""

    async def get(self, course: str, lesson: str, student: str, name: str) -> None:
        """Give it to its student, or to who teaches."""
        self.who(course, teaches=student != self.who(course).name)
        await self.send_file(self.store.submission(course, lesson, student, name))


class Feedback(Answer):
    """What was given back to whoever asks."""

    async def get(self, course: str) -> None:
        """List it."""
        person = self.who(course)
        self.tell([asdict(kept) for kept in await asyncio.to_thread(self.store.feedback, course, person.name)])


class FeedbackPage(Upload):
    """One page of a student's feedback."""

    def check(self) -> None:
        """Students read their own; the rest is for who teaches."""
        course, student, _ = self.path_args
        own = self.request.method == "GET" and student == self.who(course).name
        self.who(course, teaches=not own)

    async def get(self, course: str, student: str, name: str) -> None:
        """Give it, as a file and not as a page: it must not run at this address."""
        await self.send_file(self.store.feedback_page(course, student, name), "application/octet-stream")

    async def put(self, course: str, student: str, name: str) -> None:
        """Keep it for the student."""
        upload, digest = self.arrived()
        await self.keep(partial(self.store.give_back, course, student, name, upload))
        self.tell({"name": name, "digest": digest}, 201)
