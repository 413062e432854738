"""How values are pickled towards the student's side: pandas frames taken apart, the bytes of arrays beside the pickle.

Tests hand over lists of dozens of small frames. Left to itself, pandas pickles each of their parts with all its words
and puts it together again step by step, which takes longer than most answers that are asked for. Here a frame becomes
its blocks and axes, texts and column names that repeat are written once, and larger arrays are sent from where they
lie. What is put together is what pandas itself would unpickle. Such pickles are written by the trusted side and read
by the student's, never the other way.
"""

from __future__ import annotations

import copyreg
import functools
import io
import pickle
import sys
import zlib
from collections.abc import Callable, Iterable
from typing import Any

#: Arrays of fewer bytes stay within the pickle: a part of its own costs more.
LEAST_APART = 1024
#: The most arrays of one message that lie beside the pickle; a reader takes `wire.MOST_BUFFERS`.
MOST_APART = 2000
#: The most bytes of an imprint.
MOST_KEPT = 2**20


def dumps(value: Any) -> list[bytes | memoryview]:
    """Return a pickle, and after it the bytes of the larger arrays in the value, which are not copied.

    >>> dumps([1, "two"]) == [pickle.dumps([1, "two"], protocol=5)]
    True
    """
    apart: list[memoryview] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        data = buffer.raw()
        if data.nbytes < LEAST_APART or len(apart) >= MOST_APART:
            return True  # in the pickle
        apart.append(data)
        return False

    known: dict[Any, Any] = {}
    reducers = _reducers(lambda frame: _taken_apart(frame, known), _texts)
    return [_pickled(value, reducers, keep), *apart]


def loads(data: bytes | bytearray, apart: Iterable[bytearray] = ()) -> Any:
    """Return the value of `dumps`; its larger arrays live in the bytes that came apart, and can be written to."""
    return pickle.loads(data, buffers=apart)


def imprint(value: Any) -> tuple[bytes | int, ...]:
    """Return what is another one once anything in the value has changed; raise for what does not pickle.

    Of larger arrays it holds a checksum: to copy them takes memory that is new, which costs more than to read them.
    """
    sums: list[int] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        data = buffer.raw()
        if data.nbytes < LEAST_APART:
            return True  # in the pickle
        sums.append(zlib.crc32(data))
        return False

    found = _pickled(value, _reducers(_taken_apart, _told_apart), keep)
    return found if len(found) <= MOST_KEPT else hash(found), *sums  # to compare costs less, to keep takes memory


def _pickled(
    value: Any, reducers: dict[type, Callable[[Any], Any]], keep: Callable[[pickle.PickleBuffer], bool] | None
) -> bytes:
    found = io.BytesIO()
    pickler = pickle.Pickler(found, protocol=5, buffer_callback=keep)
    pickler.dispatch_table = copyreg.dispatch_table | reducers
    pickler.dump(value)
    return found.getvalue()


def _reducers(
    of_frames: Callable[[Any], Any], of_texts: Callable[[Any], Any] | None = None
) -> dict[type, Callable[[Any], Any]]:
    """Return how instances of exactly these classes are pickled; those of a subclass say it themselves."""
    pandas = sys.modules.get("pandas")
    if not hasattr(pandas, "DataFrame"):  # not imported, or not yet to its end
        return {}
    assert pandas is not None
    return {pandas.DataFrame: of_frames} | ({pandas.arrays.StringArray: of_texts} if of_texts else {})


# --- Frames -------------------------------------------------------------------------------------------------------


def _taken_apart(frame: Any, known: dict[Any, Any] | None = None) -> Any:
    """Reduce a frame to its blocks and axes; `known` are columns that others had, by what makes them the same."""
    if frame._attrs or not frame._flags._allows_duplicate_labels or "_metadata" in frame.__dict__:
        return frame.__reduce_ex__(5)
    manager = frame._mgr
    columns, index = manager.axes
    parts: list[Any] = []
    for block in manager.blocks:
        place = block.mgr_locs.indexer
        parts += block.values, (place.start, place.stop, place.step) if type(place) is slice else place
    return put_together, (columns if known is None else _known(columns, known), index, *parts)


def _known(columns: Any, known: dict[Any, Any]) -> Any:
    """Return columns that are the same as these, and the same object each time, where they are names."""
    pandas = sys.modules["pandas"]
    if type(columns) is not pandas.Index or type(columns._data) is not pandas.arrays.StringArray or columns.name:
        return columns
    names = tuple(columns._data._ndarray.tolist())
    if set(map(type, names)) != {str}:
        return columns
    return known.setdefault((columns.dtype, names), columns)


def put_together(columns: Any, index: Any, *parts: Any) -> Any:
    """Return the frame of these axes and blocks; a block is its values and its place among the columns."""
    frame, manager_of, new_block, placement = _pandas()
    blocks = tuple(
        new_block(values, placement(slice(*place) if type(place) is tuple else place), ndim=2)
        for values, place in zip(parts[::2], parts[1::2], strict=True)
    )
    # A view: what names the columns of one frame anew must not do so in another.
    manager = manager_of(blocks, [columns.view(), index], verify_integrity=False)
    return frame._from_mgr(manager, manager.axes)


@functools.cache
def _pandas() -> tuple[Any, Any, Any, Any]:
    import pandas as pd
    from pandas._libs.internals import BlockPlacement
    from pandas.core.internals.blocks import new_block
    from pandas.core.internals.managers import BlockManager

    return pd.DataFrame, BlockManager, new_block, BlockPlacement


class _Numbers(dict):
    """Numbers things in the order in which they come."""

    def __missing__(self, thing: Any) -> int:
        number = self[thing] = len(self)
        return number


def _texts(array: Any) -> Any:
    """Reduce a column of texts: of up to 256 different ones to them and a byte a row, else to a list."""
    texts = array._ndarray.tolist()
    numbers = _Numbers()
    try:
        rows = bytes(map(numbers.__getitem__, texts))
        if set(map(type, numbers)) <= {str}:
            return texts_by_number, (array.dtype, list(map(sys.intern, numbers)), rows)
    except ValueError:  # too many for a byte
        pass
    try:
        return texts_of, (array.dtype, list(map(sys.intern, texts)))
    except TypeError:  # one is missing, or no plain text
        return array.__reduce_ex__(5)


def _told_apart(array: Any) -> Any:
    """Reduce a column of texts, for an imprint, to a number: to hash them takes a tenth of what to write them does."""
    return texts_of, (array.dtype, hash(tuple(array._ndarray.tolist())))


def texts_by_number(kind: Any, texts: list[str], rows: bytes) -> Any:
    """Return a column of texts as pandas keeps it, from the different ones and their numbers."""
    import numpy as np
    import pandas as pd

    return pd.arrays.StringArray._simple_new(np.array(texts, dtype=object)[np.frombuffer(rows, dtype=np.uint8)], kind)


def texts_of(kind: Any, texts: list[str]) -> Any:
    """Return a column of texts as pandas keeps it."""
    import numpy as np
    import pandas as pd

    return pd.arrays.StringArray._simple_new(np.fromiter(texts, dtype=object, count=len(texts)), kind)
