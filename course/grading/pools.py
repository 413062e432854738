"""Where submissions are graded: processes of this machine, or a Dask cluster when a class outgrows it.

One seam for both: a pool gives futures, knows which error means that a worker died, and can be made anew.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from typing import Any, Literal, Protocol

from course.errors import CourseError

Backend = Literal["loky", "dask"]

#: One thread a worker: the workers are what uses the cores.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


class Pool(Protocol):
    """Workers that take one submission each."""

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand out a piece of work."""

    def died(self, error: BaseException) -> bool:
        """Whether an error says that a worker died, and not that the work failed."""

    def renew(self, jobs: int) -> None:
        """End all workers, whatever they do, and start `jobs` new ones."""

    def close(self) -> None:
        """End all workers."""


def die_with_parent(parent: int) -> None:
    """Let this worker end when the process that started it is killed: waiting for work, it would not notice."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it was killed meanwhile
        os._exit(1)


def open_pool(backend: Backend, jobs: int, scheduler: str = "") -> Pool:
    """Return a pool of `jobs` workers; `scheduler` is a Dask scheduler's address, else a cluster of this machine.

    Raises `CourseError` when `dask` is asked for and not installed, or its scheduler does not answer.
    """
    return _DaskPool(jobs, scheduler) if backend == "dask" else _LokyPool(jobs)


class _LokyPool:
    """Processes of this machine, by joblib's loky: started fresh, so that they know nothing of this one."""

    def __init__(self, jobs: int) -> None:
        self._executor = self._start(jobs)

    @staticmethod
    def _start(jobs: int) -> Any:
        from joblib.externals.loky.process_executor import ProcessPoolExecutor

        return ProcessPoolExecutor(
            max_workers=jobs, env=ONE_THREAD, initializer=die_with_parent, initargs=(os.getpid(),)
        )

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        return self._executor.submit(work, *arguments)

    def died(self, error: BaseException) -> bool:
        return isinstance(error, BrokenExecutor)

    def renew(self, jobs: int) -> None:
        self._executor.shutdown(wait=True, kill_workers=True)
        self._executor = self._start(jobs)

    def close(self) -> None:
        self._executor.shutdown(wait=True, kill_workers=True)


class _DaskPool:
    """A Dask cluster. Work travels whole, so that workers need no folder in common."""

    def __init__(self, jobs: int, scheduler: str) -> None:
        try:
            import distributed
        except ModuleNotFoundError as missing:
            raise CourseError(
                "--backend dask needs the package distributed, which this environment does not have: "
                "`uv pip install distributed`, on the workers' machines too"
            ) from missing
        self._distributed = distributed
        try:
            if scheduler:
                self._client = distributed.Client(scheduler, timeout=20)
            else:
                self._client = distributed.Client(
                    n_workers=jobs, threads_per_worker=1, processes=True, dashboard_address=None
                )
        except OSError as error:
            raise CourseError(f"no Dask scheduler answers at {scheduler}: {error}") from error
        self._executor = self._client.get_executor(pure=False)

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        return self._executor.submit(work, *arguments)

    def died(self, error: BaseException) -> bool:
        return isinstance(error, self._distributed.KilledWorker)

    def renew(self, jobs: int) -> None:
        self._client.restart()
        self._executor = self._client.get_executor(pure=False)

    def close(self) -> None:
        self._executor.shutdown(wait=False)
        self._client.close()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))
