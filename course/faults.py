"""A model that fails in the ways models fail, and a call that comes back in time whatever the model does."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

#: What `FaultyModel` can be asked to do.
MODES = ("healthy", "once", "raises", "hangs", "nan", "infinite", "none", "interrupted")

#: How long a hanging model keeps silent. A real one would for ever; here its thread shall end some day.
HANG_SECONDS = 6.0


class ModelError(Exception):
    """An error of a kind that nobody knew beforehand: the model's own."""


#: What a model that raises may raise; the seed says which. None of them is about time, except one.
RAISED: tuple[type[Exception], ...] = (
    RuntimeError,
    ValueError,
    KeyError,
    ModelError,
    ZeroDivisionError,
    ConnectionError,
    TimeoutError,
    MemoryError,
)


class FaultyModel:
    """A model of how many days a parcel travels; `mode` says how it fails, `seed` which model it is.

    `predict(parcel)` takes a dict with `distance_km` and `weight_kg` and first works for `delay` seconds. Then a model
    that is

    - "healthy" answers with a number of days, 0.0 or more;
    - "once" does so the first time it is asked, and answers NaN (not a number) ever after;
    - "raises" raises an exception, of a kind that depends on the seed;
    - "hangs" keeps silent for `HANG_SECONDS`;
    - "nan", "infinite" and "none" answers with NaN, with plus or minus infinity, with None;
    - "interrupted" raises KeyboardInterrupt, as if a person had pressed the stop button at that moment.

    Raises ValueError for a mode that is none of these.

    >>> parcel = {"distance_km": 300, "weight_kg": 2.0}
    >>> FaultyModel("healthy", seed=1).predict(parcel) == FaultyModel("healthy", seed=1).predict(parcel)
    True
    >>> FaultyModel("nan", seed=1).predict(parcel)
    nan
    """

    def __init__(self, mode: str, seed: int, delay: float = 0.0) -> None:
        if mode not in MODES:
            raise ValueError(f"a model's mode is one of {', '.join(MODES)}; there is no {mode!r}")
        self.mode, self.seed, self.delay = mode, seed, delay
        self.asked = 0
        rng = np.random.default_rng([1, seed])
        self._km_a_day = float(rng.uniform(150, 450))
        self._days_a_kilo = float(rng.uniform(0.01, 0.2))

    def __repr__(self) -> str:
        return f"FaultyModel({self.mode!r}, seed={self.seed})"

    def predict(self, parcel: Mapping[str, float]) -> Any:
        """Return the days that this parcel will travel, or fail as the mode says."""
        self.asked += 1
        time.sleep(self.delay)
        if self.mode == "raises":
            raise RAISED[self.seed % len(RAISED)](f"the model with seed {self.seed} cannot answer")
        if self.mode == "interrupted":
            raise KeyboardInterrupt
        if self.mode == "none":
            return None
        if self.mode == "infinite":
            return math.inf if self.seed % 2 else -math.inf
        if self.mode == "nan" or (self.mode == "once" and self.asked > 1):
            return math.nan if self.seed % 2 else np.float64("nan")
        if self.mode == "hangs":
            time.sleep(HANG_SECONDS)
        return parcel["distance_km"] / self._km_a_day + parcel["weight_kg"] * self._days_a_kilo


def call_with_timeout(function: Callable[..., Any], *args: Any, timeout: float) -> Any:
    """Return `function(*args)`; raise TimeoutError when it has not ended after `timeout` seconds.

    Whatever the function raises, KeyboardInterrupt too, is raised here. A function that is late is left alone in a
    thread of its own: it cannot be stopped, its answer is dropped, and it does not keep Python from ending. (A service
    that has to get its memory and processor back calls its model in another process, and ends that.)

    Raises ValueError when `timeout` is not a positive number of seconds.

    >>> call_with_timeout(max, 3, 5, timeout=1.0)
    5
    >>> call_with_timeout(FaultyModel("hangs", seed=1).predict, {}, timeout=0.1)
    Traceback (most recent call last):
    TimeoutError: no answer after 0.1 seconds
    """
    if not 0 < timeout < threading.TIMEOUT_MAX:
        raise ValueError(f"timeout is a positive number of seconds; got {timeout!r}")
    answers: list[Any] = []
    errors: list[BaseException] = []
    ended = threading.Event()

    def work() -> None:
        try:
            answers.append(function(*args))
        except BaseException as error:  # it is the caller's, not this thread's
            errors.append(error)
        finally:
            ended.set()

    # A daemon: Python does not wait for it at the end.
    threading.Thread(target=work, name="call_with_timeout", daemon=True).start()
    if not ended.wait(timeout):
        raise TimeoutError(f"no answer after {timeout:g} seconds")
    if errors:
        raise errors[0]
    return answers[0]
