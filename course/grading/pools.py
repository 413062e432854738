"""Where submissions are graded: processes of this machine, or a Dask cluster when a class outgrows it.

One seam for both: a pool takes a piece of work and gives a future. Of loky's pool, whoever uses it learns that a worker
died, and makes it anew; a cluster's pool makes up for the workers that it loses by itself.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from typing import Any, Literal, Protocol

from course.errors import CourseError
from course.grading import kernel
from course.grading.records import Level

Backend = Literal["loky", "dask"]

#: One thread a worker: the workers are what uses the cores.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class NotGraded(Exception):
    """A submission that its worker could not grade; the message is the reason."""


class PoolLost(CourseError):
    """No worker is left that could grade anything; what is graded already is kept."""


class Pool(Protocol):
    """Workers that take one submission each."""

    #: Whether it ends what hangs and tries again what was lost by itself; else that is for whoever uses it.
    looks_after_itself: bool

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand out a piece of work."""

    def width(self) -> int:
        """Return how many pieces of work are done at once."""

    def died(self, error: BaseException) -> bool:
        """Whether an error says that a worker died, and not that the work failed."""

    def renew(self) -> None:
        """End all workers, whatever they do, and start as many new ones."""

    def close(self) -> None:
        """End all workers."""


def die_with_parent(parent: int) -> None:
    """Let this worker end when the process that started it is killed: waiting for work, it would not notice."""
    kernel.set_process(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was killed meanwhile
        os._exit(1)


def open_pool(backend: Backend, jobs: int, scheduler: str, level: Level, patience: float) -> Pool:
    """Return a pool of `jobs` workers, 0 standing for one a core, or for all workers of somebody's cluster.

    `scheduler` is a Dask scheduler's address; without one `dask` starts a cluster of this machine. A cluster's workers
    have to confine at `level`, and a submission may take `patience` seconds there. Raises `CourseError` when `dask` is
    asked for and not installed, its scheduler does not answer, or its workers must not grade.
    """
    if backend == "loky":
        return _LokyPool(jobs or cores())
    from course.grading.cluster import DaskPool

    return DaskPool(jobs if scheduler else jobs or cores(), scheduler, level, patience)


class _LokyPool:
    """Processes of this machine, by joblib's loky: started fresh, so that they know nothing of this one."""

    looks_after_itself = False

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._executor = self._start(jobs)

    @staticmethod
    def _start(jobs: int) -> Any:
        from joblib.externals.loky.process_executor import ProcessPoolExecutor

        return ProcessPoolExecutor(
            max_workers=jobs, env=ONE_THREAD, initializer=die_with_parent, initargs=(os.getpid(),)
        )

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        return self._executor.submit(work, *arguments)

    def width(self) -> int:
        return self._jobs

    def died(self, error: BaseException) -> bool:
        return isinstance(error, BrokenExecutor)

    def renew(self) -> None:
        self._executor.shutdown(wait=True, kill_workers=True)
        self._executor = self._start(self._jobs)

    def close(self) -> None:
        self._executor.shutdown(wait=True, kill_workers=True)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))
