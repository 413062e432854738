"""The state of the global generators, which both sides of the wall keep alike.

It is asked for twice a call on each side, and rarely has anybody thrown: so a glance at the generators' memory comes
before the 40 µs that it takes to write the state down.
"""

from __future__ import annotations

import _random
import ctypes
import random
import sys
from typing import Any

_OBJECT = object.__basicsize__
_PLACE_AND_KEYS = _random.Random.__basicsize__ - _OBJECT
_MT19937 = 625 * 4  # numpy's: its keys and its place

#: What the last glance saw, and the state then.
_last: tuple[Any, list[Any]] | None = None


def get_chance() -> list[Any]:
    """Return the state of the global generators as plain data, for reading only.

    >>> before = get_chance()
    >>> before is get_chance()
    True
    >>> _ = random.random()
    >>> before == get_chance()
    False
    """
    global _last
    seen = _glance()
    if seen is not None and _last is not None and seen == _last[0]:
        return _last[1]
    numpy = sys.modules.get("numpy")
    state: list[Any] = [random.getstate()]
    spare = False  # a number that numpy has drawn and not given out yet: no glance tells whether it is there
    if numpy is not None:
        name, keys, place, has_gauss, cached = numpy.random.get_state()
        state.append((name, keys.tobytes(), int(place), int(has_gauss), float(cached)))
        spare = bool(has_gauss)
    _last = None if seen is None or spare else (seen, state)
    return state


def set_chance(state: list[Any]) -> None:
    """Set the global generators; raise for what is no state."""
    global _last
    _last = None
    random.setstate(state[0])
    if len(state) > 1:
        import numpy as np

        name, keys, place, has_gauss, cached = state[1]
        np.random.set_state((name, np.frombuffer(keys, dtype=np.uint32), place, has_gauss, cached))


def _glance() -> tuple[Any, ...] | None:
    """Return the bytes of the generators, as CPython 3.11 and numpy 2 lay them out; None where they are others."""
    ours = random.getstate.__self__
    if type(ours) is not random.Random:
        return None
    seen = ctypes.string_at(id(ours) + _OBJECT, _PLACE_AND_KEYS), ours.gauss_next
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return seen
    theirs = numpy.random.mtrand._rand._bit_generator
    if type(theirs) is not numpy.random.MT19937:
        return None
    address = theirs.ctypes.state_address
    return *seen, address, ctypes.string_at(address, _MT19937)
