"""The state of the global generators, which both sides of the wall keep alike.

It is asked for twice a call on each side, and sent along when anybody has thrown. `random.getstate` makes 625 numbers
of it, and `numpy.random.get_state` an array: together 40 µs, and as much again to send, to read and to set. So it is
read and written where the generators keep it, in 3 µs.
"""

from __future__ import annotations

import _random
import array
import ctypes
import functools
import random
import struct
import sys
from typing import Any

#: Whose methods the functions of `random` are.
_GENERATOR: random.Random = random.getstate.__self__
#: How CPython lays its generator out: the place among the 624 keys, then the keys; numpy has them the other way round.
_OURS = struct.Struct("=i2496s")
_THEIRS = struct.Struct("=2496si")
_SPARE = struct.Struct("=i4xd")  # numpy's: whether there is a number left over, and the number


def get_chance() -> list[Any]:
    """Return the state of the global generators as plain data: one of `random`, one of `numpy.random` if it is there.

    >>> before = get_chance()
    >>> before == get_chance()
    True
    >>> _ = random.random()
    >>> before == get_chance()
    False
    """
    state = [_ours()]
    if "numpy" in sys.modules:
        state.append(_theirs())
    return state


def set_chance(state: list[Any]) -> None:
    """Set those of the global generators that are not as the state says; raise ValueError for what is no state."""
    now = get_chance()
    if not state or len(state) > len(now) or not all(map(_is_state, state)):
        raise ValueError("no state of the global generators")
    if state[0] != now[0]:
        _set_ours(*state[0])
    if state[1:] != now[1:] and len(state) > 1:
        _set_theirs(*state[1])


def _is_state(part: Any) -> bool:
    place, keys, spare = part
    return type(place) is int and 0 <= place <= 624 and len(keys) == 2496 and (spare is None or type(spare) is float)


def _set_ours(place: int, keys: bytes, spare: float | None) -> None:
    if _is_laid_out_so():
        ctypes.memmove(id(_GENERATOR) + object.__basicsize__, _OURS.pack(place, keys), _OURS.size)
        _GENERATOR.gauss_next = spare
    else:
        _GENERATOR.setstate((3, (*array.array("I", keys), place), spare))


def _set_theirs(place: int, keys: bytes, spare: float | None) -> None:
    import numpy as np

    generator, where = np.random.mtrand._rand, _place_of_spare()
    if type(generator._bit_generator) is not np.random.MT19937:
        np.random.set_bit_generator(np.random.MT19937())
    if where:
        ctypes.memmove(generator._bit_generator.ctypes.state_address, _THEIRS.pack(keys, place), _THEIRS.size)
        ctypes.memmove(id(generator) + where, _SPARE.pack(spare is not None, spare or 0.0), _SPARE.size)
    else:
        np.random.set_state(("MT19937", np.frombuffer(keys, np.uint32), place, int(spare is not None), spare or 0.0))


def _ours() -> tuple[int, bytes, float | None]:
    """Return place, keys, and the number that `random.gauss` has drawn and not given out yet."""
    if _is_laid_out_so():
        place, keys = _OURS.unpack(ctypes.string_at(id(_GENERATOR) + object.__basicsize__, _OURS.size))
        return place, keys, _GENERATOR.gauss_next
    _, numbers, spare = _GENERATOR.getstate()
    return numbers[-1], array.array("I", numbers[:-1]).tobytes(), spare


@functools.cache
def _is_laid_out_so() -> bool:
    """Whether a generator of `random` looks in memory as this module takes it to."""
    known = random.Random(1)
    if _random.Random.__basicsize__ - object.__basicsize__ < _OURS.size:
        return False
    place, keys = _OURS.unpack(ctypes.string_at(id(known) + object.__basicsize__, _OURS.size))
    return known.getstate()[1] == (*array.array("I", keys), place)


def _theirs() -> tuple[int, bytes, float | None]:
    """Return the same of numpy's."""
    import numpy as np

    generator = np.random.mtrand._rand
    bits, where = generator._bit_generator, _place_of_spare()
    if where and type(bits) is np.random.MT19937:
        keys, place = _THEIRS.unpack(ctypes.string_at(bits.ctypes.state_address, _THEIRS.size))
        left, spare = _SPARE.unpack(ctypes.string_at(id(generator) + where, _SPARE.size))
        return place, keys, spare if left else None
    if type(bits) is not np.random.MT19937:  # somebody has put another kind in its place
        return 0, repr(bits.state).encode(), None
    _, numbers, place, left, spare = np.random.get_state()
    return int(place), numbers.tobytes(), float(spare) if left else None


@functools.cache
def _place_of_spare() -> int:
    """Return where in its memory a generator of numpy keeps the number left over; 0 where that cannot be found."""
    import numpy as np

    known = np.random.RandomState(1)
    name, keys, place, _, _ = known.get_state()
    found = []
    for left, spare in ((1, 1.0625e-57), (0, 0.0), (1, -3.5e99)):
        known.set_state((name, keys, place, left, spare))
        held = ctypes.string_at(id(known), type(known).__basicsize__)
        found.append({at for at in range(0, len(held) - 15, 8) if _SPARE.unpack_from(held, at) == (left, spare)})
    places = set.intersection(*found)
    return places.pop() if len(places) == 1 else 0
