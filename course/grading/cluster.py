"""A Dask cluster that grades: one submission a worker, and each lost worker made up for by another one.

Dask carries bytes, starts local workers and says who is there. What runs where is decided here, because a grade hangs
on it: a submission is bound to one worker and never moved, so that a worker's death is known to be its, and counts
once. A worker takes submissions after it has shown that it grades as this machine would.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import pickle
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from course.errors import CourseError
from course.grading.machinery import machinery
from course.grading.on_worker import introduce, take
from course.grading.pools import ONE_THREAD, NotGraded, PoolLost
from course.grading.records import Level

#: A submission that lost so many workers is given up: it is likely that it was what ended them.
MOST_TRIES = 3
TIMES = {1: "once", 2: "twice", 3: "three times"}
#: How often is looked who is there, in seconds.
LOOK = 0.25
#: How long the scheduler may be silent; how long to wait for a first worker, and for another one when none is left.
SCHEDULER_SECONDS = 10.0
FIRST_WORKER_SECONDS = 30.0
NO_WORKER_SECONDS = 60.0
#: How long a worker may take to be started again after it did not end in time, and all of a local cluster to end.
RESTART_SECONDS = 20.0
CLOSE_SECONDS = 30.0

#: No pages served, and no word about submissions that are larger than usual.
SETTINGS = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.admin.large-graph-warning-threshold": "1GiB",
}
HOW_TO_START = (
    "start it with `dask scheduler` and on each grading machine `dask worker ADDRESS --nworkers CORES --nthreads 1`, "
    "in the same environment as here"
)

log = logging.getLogger(__name__)


@dataclass(order=True)
class _Piece:
    """A submission on its way; earlier ones come first, so that what lost its worker does not wait again."""

    number: int
    call: bytes = field(compare=False)
    future: Future[Any] = field(compare=False)
    lost: list[str] = field(compare=False, default_factory=list)  # why, for each worker that it lost


@dataclass
class _Lane:
    """A worker, and the task that gives it one piece after another."""

    address: str
    task: asyncio.Task[None] | None = None
    ready: bool = False
    busy: bool = False
    refusal: str = ""


@dataclass(frozen=True)
class _Call:
    """Pickled, it is a call that is made where it is unpickled: the scheduler sees bytes, and needs no course."""

    work: Callable[..., Any]
    arguments: tuple[Any, ...]

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.work, self.arguments


class DaskPool:
    """A Dask cluster: somebody's, at `scheduler`, or else `jobs` workers of this machine that end with this process.

    Of somebody's cluster `jobs` is how many submissions are there at once, 0 one a worker. A submission may take
    `patience` seconds on a worker; then the worker is started again. Raises `CourseError` when no scheduler answers,
    no worker comes, or a worker that is there would grade otherwise than this machine.
    """

    looks_after_itself = True

    def __init__(self, jobs: int, scheduler: str, level: Level, patience: float) -> None:
        try:
            import distributed
        except ModuleNotFoundError as missing:
            raise CourseError(
                "--backend dask needs the package distributed, which this environment does not have: "
                "`uv pip install distributed cryptography`, on the workers' machines too"
            ) from missing
        self._distributed = distributed
        self._cancelled = distributed.client.FutureCancelledError
        self._jobs, self._scheduler, self._level, self._patience = jobs, scheduler, level, patience
        self._lanes: dict[str, _Lane] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()  # for the two that follow
        self._pieces: dict[int, _Piece] = {}
        self._ended: CourseError | None = None
        self._opened: Future[None] = Future()
        self._ready = threading.Event()  # the loop stands, and can be told to close
        self._thread = threading.Thread(target=self._live, name="cluster", daemon=True)
        self._thread.start()
        try:
            self._opened.result()
        except BaseException:
            self.close()
            raise

    # --- As seen by whoever grades ----------------------------------------------------------------------------

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand out a piece of work; its error is `NotGraded`, or `PoolLost` when nothing can be graded any more."""
        piece = _Piece(next(self._numbers), pickle.dumps((work, arguments)), Future())
        with self._lock:
            if self._ended is not None:
                raise self._ended
            self._pieces[piece.number] = piece
        self._loop.call_soon_threadsafe(self._queue.put_nowait, piece)
        return piece.future

    def width(self) -> int:
        """Return how many submissions can be graded at once just now."""
        ready = sum(lane.ready for lane in list(self._lanes.values()))
        return max(1, min(ready, self._jobs or ready))

    def died(self, error: BaseException) -> bool:
        """Never: what a lost worker had is tried again in here."""
        return False

    def renew(self) -> None:
        """Nothing: a worker that does not end in time is started again in here."""

    def close(self) -> None:
        """Let go of the cluster; end it, if it is of this machine."""
        self._ready.wait(CLOSE_SECONDS)
        with suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(CLOSE_SECONDS)

    # --- The thread that talks to the cluster -----------------------------------------------------------------

    def _live(self) -> None:
        import dask

        ended = PoolLost("the grading has ended")
        try:
            with dask.config.set(SETTINGS):
                asyncio.run(self._serve())
        except CourseError as error:
            ended = error
        except BaseException as error:
            ended = PoolLost(f"the cluster cannot be used any more: {type(error).__name__}: {error}")
        with self._lock:
            self._ended = ended
            left, self._pieces = self._pieces, {}
        for piece in left.values():
            piece.future.set_exception(ended)
        if not self._opened.done():
            self._opened.set_exception(ended)

    async def _serve(self) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        self._queue: asyncio.PriorityQueue[_Piece] = asyncio.PriorityQueue()
        self._at_once = asyncio.Semaphore(self._jobs or 2**31)
        self._restarts: set[asyncio.Task[None]] = set()
        self._over = False
        self._fault: BaseException | None = None
        self._ready.set()
        closing = asyncio.create_task(self._closing.wait())
        serving = asyncio.create_task(self._connected())
        try:
            await asyncio.wait({closing, serving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closing.cancel()
            if not serving.done():
                serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving

    async def _connected(self) -> None:
        async with AsyncExitStack() as stack:
            await self._connect(stack)
            try:
                await self._watch()
            finally:
                self._over = True
                busy = [lane.address for lane in self._lanes.values() if lane.busy]
                tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                if self._scheduler and self._client.status == "running":
                    await self._leave_nothing_running(busy)

    async def _leave_nothing_running(self, busy: list[str]) -> None:
        """Start workers again that are still at ours, where that brings them back: the next grading needs them."""
        with suppress(Exception):
            known = (await self._client.scheduler.identity(n_workers=-1))["workers"]
            self._start_again([address for address in busy if known.get(address, {}).get("nanny")])
        if self._restarts:
            await asyncio.wait(self._restarts, timeout=RESTART_SECONDS)

    async def _connect(self, stack: AsyncExitStack) -> None:
        if not self._scheduler:
            await self._start_here(stack)
            return
        client = None
        try:
            client = self._distributed.Client(self._scheduler, asynchronous=True, timeout=SCHEDULER_SECONDS)
            async with asyncio.timeout(2 * SCHEDULER_SECONDS):  # what is there may accept, and never say a word
                self._client = await stack.enter_async_context(client)
        except Exception as error:
            if client is not None:
                with suppress(Exception):
                    await client.close()
            raise CourseError(
                f"no Dask scheduler answers at {self._scheduler} ({str(error) or type(error).__name__}): "
                f"{HOW_TO_START}; or leave --dask-scheduler out, and a cluster of this machine is started"
            ) from error

    async def _start_here(self, stack: AsyncExitStack) -> None:
        """Start a cluster of this machine that nobody else can talk to."""
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cluster-", ignore_cleanup_errors=True))
        try:
            secret = self._distributed.Security.temporary()
        except ImportError as missing:
            raise CourseError(
                "a Dask cluster of this machine needs certificates, so that other accounts cannot send it code: "
                "`uv pip install cryptography`"
            ) from missing
        cluster = self._distributed.LocalCluster(
            n_workers=self._jobs,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            security=secret,
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
            memory_limit=0,  # what student code may use is limited in its box
            env=ONE_THREAD,
            local_directory=folder,
            silence_logs=logging.CRITICAL,
            asynchronous=True,
        )
        await stack.enter_async_context(cluster)
        self._client = await stack.enter_async_context(self._distributed.Client(cluster, asynchronous=True))

    # --- Who is there -----------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Give each worker that comes a lane, take it from each that goes; raise when nothing can be graded."""
        began = usable = time.monotonic()
        while True:
            there = await self._addresses()
            for address in self._lanes.keys() - there:
                lane = self._lanes.pop(address)
                lane.ready = False
                if lane.task is not None:
                    lane.task.cancel()
            for address in there - self._lanes.keys():
                lane = self._lanes[address] = _Lane(address)
                lane.task = asyncio.create_task(self._live_of(lane))
                lane.task.add_done_callback(partial(self._let_go, lane))
            if self._fault is not None:
                raise self._fault
            now = time.monotonic()
            if any(lane.ready for lane in self._lanes.values()):
                usable = now
            if not self._opened.done():
                self._open(now - began)
            elif now - usable > NO_WORKER_SECONDS:
                raise PoolLost(
                    f"no worker is left at {self._place()}{self._refusals()}; run the same again when one is"
                )
            await asyncio.sleep(LOOK)

    async def _addresses(self) -> set[str]:
        try:
            if self._client.status != "running":
                raise OSError("the connection was closed")
            return set(await asyncio.wait_for(self._client.nthreads(), SCHEDULER_SECONDS))
        except (OSError, TimeoutError) as error:
            raise PoolLost(
                f"the Dask scheduler at {self._place()} does not answer any more "
                f"({str(error) or type(error).__name__}); what is graded is kept: run the same again"
            ) from error

    def _open(self, waited: float) -> None:
        """Let work come once every worker that is there has shown what it is; raise when one must not grade."""
        if refusals := self._refusals():
            raise CourseError(f"this cluster must not grade{refusals}")
        lanes = self._lanes.values()
        if any(lane.ready for lane in lanes) and (all(lane.ready for lane in lanes) or waited > FIRST_WORKER_SECONDS):
            self._opened.set_result(None)
        elif not lanes and waited > FIRST_WORKER_SECONDS:
            raise CourseError(f"the Dask scheduler at {self._place()} has no worker: {HOW_TO_START}")
        elif waited > NO_WORKER_SECONDS:
            raise CourseError(
                f"the Dask scheduler at {self._place()} has {len(lanes)} workers, and none answers: they may be busy"
            )

    def _place(self) -> str:
        return self._scheduler or "this machine"

    def _refusals(self) -> str:
        refusing = [lane for lane in self._lanes.values() if lane.refusal]
        if not refusing:
            return ""
        more = f" ({len(refusing) - 1} more workers too)" if len(refusing) > 1 else ""
        return f": the worker {refusing[0].address} {refusing[0].refusal}{more}"

    # --- One worker -------------------------------------------------------------------------------------------

    async def _live_of(self, lane: _Lane) -> None:
        """Let a worker show what it is, then give it one piece after another; cancelled when it is gone."""
        lane.refusal = await self._why_not(lane.address)
        lane.ready = not lane.refusal
        while lane.ready:
            async with self._at_once:
                await self._try(lane, await self._queue.get())

    def _let_go(self, lane: _Lane, task: asyncio.Task[None]) -> None:
        """A worker that is still there when its lane ends gets a new one, unless it must not grade or is restarted."""
        if task.cancelled():
            if self._lanes.get(lane.address) is lane:
                del self._lanes[lane.address]
        elif task.exception() is not None:
            self._fault = task.exception()

    async def _why_not(self, address: str) -> str:
        """Say why a worker must not grade; "" when it may."""
        try:
            there, confined = await self._run(address, introduce, self._level, 0 if self._scheduler else os.getpid())
        except Exception as error:
            return f"does not know this version of the course ({type(error).__name__}: {error}): install the same there"
        if other := there.lacks(machinery()):
            return f"has other grading code or packages ({other}): install there what is here, and start it again"
        if confined:
            return f"cannot confine student code at level {self._level} ({confined}): choose another --level"
        return ""

    async def _run(self, address: str, work: Callable[..., Any], *arguments: Any) -> Any:
        """Run something on one worker, and nowhere else."""
        call = pickle.dumps(_Call(work, arguments))
        future = self._client.submit(pickle.loads, call, pure=False, workers=[address], allow_other_workers=False)
        try:
            return await future.result()
        finally:
            future.release()

    async def _try(self, lane: _Lane, piece: _Piece) -> None:
        """Have one piece graded; what is lost with its worker is put back, or given up."""
        lane.busy = True
        try:
            answer = await asyncio.wait_for(
                self._run(lane.address, take, machinery().digest, piece.call), self._patience
            )
            kind, value = pickle.loads(answer)
        except asyncio.CancelledError:
            self._put_back(lane, piece, "died")
            raise
        except TimeoutError:
            self._put_back(lane, piece, "did not end in time")
            lane.ready = False
            self._start_again([lane.address])
        except self._distributed.KilledWorker:  # it came back at its old address, and died again and again
            self._put_back(lane, piece, "died")
        except Exception as error:
            if self._client.status == "running" and not isinstance(error, self._cancelled):
                self._settle(piece, error=NotGraded(f"{type(error).__name__}: {error}"))
                return
            self._put_back(lane, piece, "was cut off")
            lane.ready = False
            await asyncio.sleep(2 * LOOK)  # if the scheduler is gone, that is seen meanwhile
            self._lanes.pop(lane.address, None)
        else:
            if kind == "done":
                self._settle(piece, value)
            elif kind == "failed":
                self._settle(piece, error=NotGraded(value))
            else:
                self._queue.put_nowait(piece)
                lane.ready, lane.refusal = False, "has other grading code since it was started again"
        finally:
            lane.busy = False

    def _put_back(self, lane: _Lane, piece: _Piece, why: str) -> None:
        if self._over:
            return
        piece.lost.append(why)
        if len(piece.lost) < MOST_TRIES:
            log.warning("the worker %s %s: what it was grading is tried again", lane.address, why)
            self._queue.put_nowait(piece)
        else:
            reasons = " or ".join(sorted(set(piece.lost)))
            self._settle(piece, error=NotGraded(f"its worker {reasons}, {TIMES[MOST_TRIES]}"))

    def _settle(self, piece: _Piece, value: Any = None, error: Exception | None = None) -> None:
        with self._lock:
            self._pieces.pop(piece.number, None)
        if error is None:
            piece.future.set_result(value)
        else:
            piece.future.set_exception(error)

    def _start_again(self, addresses: list[str]) -> None:
        """Start workers again, and them alone; one without a nanny ends, and whoever keeps the cluster has the word."""
        if addresses:
            restart = asyncio.create_task(self._restart(addresses))
            self._restarts.add(restart)
            restart.add_done_callback(self._restarts.discard)

    async def _restart(self, addresses: list[str]) -> None:
        with suppress(Exception):
            await self._client.restart_workers(addresses, timeout=RESTART_SECONDS, raise_for_error=False)
        for address in addresses:
            self._lanes.pop(address, None)  # if it is still there, it has to show again that it answers
