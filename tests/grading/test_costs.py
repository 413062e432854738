"""What makes grading cheap changes nothing: frames arrive as pandas itself would send them, every change is seen."""

import pickle

import numpy as np
import pandas as pd
import pytest
from test_two_sides import grade, verdict

from course.grading import frames
from course.grading.records import Cell
from course.grading.wire import GATHERED, Unpacker, _gathered


def sent(value):
    data, *apart = frames.dumps(value)
    return frames.loads(data, [bytearray(part) for part in apart])


def of_every_kind(rows):
    return pd.DataFrame(
        {
            "whole": np.arange(rows), "real": np.linspace(0, 1, rows), "text": ["a", "b"] * (rows // 2), "true": True,
            "missing text": ["a", None] * (rows // 2), "kind": pd.Categorical(["u", "v"] * (rows // 2), ordered=True),
            "time": pd.date_range("2026", periods=rows), "there": pd.date_range("2026", periods=rows, tz="Asia/Tokyo"),
            "nullable": pd.array([1, None] * (rows // 2), dtype="Int64"), "anything": [[1], {"k": 2}] * (rows // 2),
            "span": pd.to_timedelta(np.arange(rows), unit="s"), "range": pd.interval_range(0, rows),
        }
    )  # fmt: skip


class Mine(pd.DataFrame):
    @property
    def _constructor(self):
        return Mine


def with_attributes(frame):
    frame.attrs["source"] = "a till"
    return frame


FRAMES = {
    "every kind, short": of_every_kind(2),
    "every kind, long": of_every_kind(2000),
    "from one array": pd.DataFrame(np.arange(6000.0).reshape(2000, 3), columns=list("abc")),
    "columns taken from another": of_every_kind(600)[["text", "real"]].iloc[::3],
    "columns of one type apart": pd.DataFrame({"a": [1.0], "b": [1], "c": [2.0], "d": [3.0]}).loc[[0, 0]],
    "numbers for columns": pd.DataFrame({0: [1, 2], 1: [3.0, 4.0]}),
    "the same name twice": pd.DataFrame([[1, 2.0]], columns=["a", "a"]),
    "columns with a name": pd.DataFrame([[1]], columns=pd.Index(["a"], name="what")),
    "columns one of which has none": pd.DataFrame([[1, 2]], columns=["a", None]),
    "columns of two levels": pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
    "days for columns": pd.DataFrame([[1, 2]], columns=pd.date_range("2026", periods=2)),
    "kinds for columns": pd.DataFrame([[1, 2]], columns=pd.CategoricalIndex(["a", "b"])),
    "rows of two levels": pd.DataFrame({"a": [1.0]}, index=pd.MultiIndex.from_tuples([(1, "b")], names=["p", "q"])),
    "days for rows": pd.DataFrame({"a": [1.0, 2.0]}, index=pd.date_range("2026", periods=2, name="day")),
    "no texts at all": pd.DataFrame({"a": pd.Series([], dtype="str")}),
    "more texts than a byte can number": pd.DataFrame({"a": [f"text {n % 300}" for n in range(900)]}),
    "as many as a byte can number": pd.DataFrame({"a": [f"text {n % 256}" for n in range(900)]}),
    "texts in Python's own type": pd.DataFrame({"a": np.array(["x", "y", None], dtype=object)}),
    "another type of text": pd.DataFrame({"a": pd.array(["x", pd.NA], dtype="string")}),
    "nothing": pd.DataFrame(),
    "columns only": pd.DataFrame(columns=["a", "b"]),
    "with attributes": with_attributes(pd.DataFrame({"a": [1]})),
    "without the same name twice": pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
    "a class of its own": Mine({"a": [1]}),
}


@pytest.mark.parametrize("name", FRAMES)
def test_does_a_frame_arrive_as_pandas_itself_unpickles_it(name):
    (found,), expected = sent([FRAMES[name]]), pickle.loads(pickle.dumps(FRAMES[name]))
    assert type(found) is type(expected)
    pd.testing.assert_frame_equal(found, expected, check_freq=True, check_flags=True)
    assert (found.attrs, found.columns.names, found.index.names) == (
        expected.attrs,
        expected.columns.names,
        expected.index.names,
    )
    layouts = [
        [(block.dtype, block.shape, str(block.mgr_locs)) for block in one._mgr.blocks] for one in (found, expected)
    ]
    assert layouts[0] == layouts[1]
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(found)), expected)


def test_is_what_arrives_nobody_elses():
    texts, numbers = ["a", "b"] * 500, np.arange(1000.0)
    mine = [pd.DataFrame({"t": texts, "n": numbers}) for _ in range(3)]
    first, second, third = sent(mine)
    first.columns.name = "renamed"
    assert second.columns.name is None
    first.loc[0, ["t", "n"]] = "z", -1.0
    second.columns = ["t", "m"]
    second["new"] = 1
    third.pop("t")
    assert third.columns.tolist() == ["n"] and third.columns.name is None and second.columns.name is None
    assert (second.loc[0, "t"], second.loc[0, "m"], third.loc[0, "n"]) == ("a", 0.0, 0.0)
    for frame in mine:
        pd.testing.assert_frame_equal(frame, pd.DataFrame({"t": texts, "n": numbers}))


def test_do_columns_of_the_same_names_keep_what_they_are_called_together():
    names = [None, "what", "which", None]
    mine = [pd.DataFrame([[1, 2]], columns=pd.Index(["a", "b"], name=name)) for name in names]
    assert [frame.columns.name for frame in sent(mine)] == names


def test_do_arrays_keep_whether_they_may_be_written_to_and_how_they_lie():
    fixed = np.arange(1000.0)
    fixed.flags.writeable = False
    found, still, turned, small = sent([np.arange(1000.0), fixed, np.asfortranarray(np.ones((50, 50))), np.arange(3)])
    assert [one.flags.writeable for one in (found, still, turned, small)] == [True, False, True, True]
    assert turned.flags.f_contiguous and turned.shape == (50, 50)
    found[0] = 7
    assert fixed[0] == 0


def test_do_larger_arrays_lie_beside_the_pickle_and_texts_that_repeat_are_written_once():
    _, *apart = frames.dumps([FRAMES["every kind, long"]])
    assert sum(map(len, apart)) > 5 * 8 * 2000 and np.linspace(0, 1, 2000).tobytes() in apart
    text, *none = frames.dumps(pd.DataFrame({"text": [f"shop {n % 2} of {2}" for n in range(1000)]}))
    assert len(text) < 4000 and not none


def test_are_more_arrays_sent_than_one_message_has_parts():
    many = [np.full(300, float(n)) for n in range(frames.MOST_APART + 50)]
    _, *apart = frames.dumps(many)
    assert len(apart) == frames.MOST_APART
    assert [array[7] for array in sent(many)] == list(range(len(many)))


IN_PLACE = {"inplace": True}
CHANGES = {
    "a number": lambda f: f.__setitem__("real", f["real"] + 1e-12),
    "one cell": lambda f: f.isetitem(0, [9, *f.iloc[1:, 0]]),
    "a text": lambda f: f.__setitem__("text", ["b", *f["text"][1:]]),
    "an object within": lambda f: f.loc[0, "anything"].append(2),
    "a column more": lambda f: f.insert(0, "new", 1),
    "a column less": lambda f: f.pop("whole"),
    "the order of columns": lambda f: f.insert(0, "true", f.pop("true")),
    "the order of rows": lambda f: f.sort_values("real", ascending=False, **IN_PLACE),
    "rows less": lambda f: f.drop(index=[0], **IN_PLACE),
    "names of columns": lambda f: f.rename(columns={"real": "unreal"}, **IN_PLACE),
    "the name of columns": lambda f: setattr(f.columns, "name", "what"),
    "the name of rows": lambda f: setattr(f.index, "name", "which"),
    "the index": lambda f: f.set_index("text", **IN_PLACE),
    "a type": lambda f: f.__setitem__("whole", f["whole"].astype("int32")),
    "the order of categories": lambda f: f.__setitem__("kind", f["kind"].cat.as_unordered()),
    "a time zone": lambda f: f.__setitem__("there", f["there"].dt.tz_convert("UTC")),
    "attributes": lambda f: f.attrs.update(seen=True),
    "a flag": lambda f: setattr(f.flags, "allows_duplicate_labels", False),
    "an array behind it": lambda f: f._mgr.blocks[1].values.__setitem__((0, 0), 0.5),  # noqa: PD011
}


@pytest.mark.parametrize("rows", [4, 4000])
@pytest.mark.parametrize("name", CHANGES)
def test_is_every_change_of_a_frame_seen(name, rows):
    (frame,) = held = sent([of_every_kind(rows)])
    before = frames.imprint(held)
    assert frames.imprint(held) == before
    CHANGES[name](frame)
    assert frames.imprint(held) != before


def test_is_a_change_of_a_large_argument_seen():
    held = sent({"frame": pd.DataFrame({"a": np.arange(200_000.0)}), "array": np.arange(200_000)})
    seen = {frames.imprint(held)}
    held["frame"].loc[199_999, "a"] = -1
    seen.add(frames.imprint(held))
    held["array"][0] = 1
    assert len(seen | {frames.imprint(held)}) == 3


def test_is_looking_at_a_frame_no_change():
    held = sent([of_every_kind(1000), of_every_kind(1000)])
    before = frames.imprint(held)
    for frame in held:
        _ = frame[["real", "whole"]].mean(), frame["text"].isna().sum(), list(frame.columns), "text" in frame
        frame.groupby("text")["real"].median(), frame.copy().insert(0, "new", 1)
    assert frames.imprint(held) == before


def test_does_a_change_within_a_list_of_frames_reach_the_tests():
    set_up = "import pandas as pd\ndays = [pd.DataFrame({'a': range(900), 't': 'x'}) for _ in range(4)]"
    changes = "def f(days):\n    days[2].loc[1, 'a'] = -5\n    return days[2]['a'].sum() + len(days[3])"
    tests = "assert f(days) == 404_544 + 900\nassert [day['a'][1] for day in days] == [1, 1, -5, 1]"
    found = verdict(set_up, changes, tests)
    assert (found.state, found.score) == ("passed", 2), found


def test_does_a_buffer_that_is_named_often_take_its_memory_once():
    found = Unpacker([bytearray(b"raw")], lambda _: None).unpack(["l", *[["b", 0]] * 5])
    assert found == [b"raw"] * 5 and len(set(map(id, found))) == 1 and type(found[0]) is bytes


def test_is_an_array_that_was_handed_over_still_one_that_cannot_grow():
    changes = "import numpy as np\ndef f(v):\n    v.resize(4000, refcheck=False)\n    v[3999] = 1"
    found = verdict("import numpy as np\nv = np.zeros(2000)", changes, "f(v)\nassert v.shape == (2000,)")
    assert found.state == "failed" and "ValueError" in found.message, found  # as ever: what arrives cannot grow


def test_do_small_parts_go_together_and_every_part_once():
    parts = [b"head", *(bytes([n]) * 7000 for n in range(100)), bytes(GATHERED), bytes(3 * GATHERED), b"tail"]
    found = list(_gathered(parts))
    assert b"".join(found) == b"".join(parts)
    assert len(found) == 6 and max(map(len, found[:3])) <= GATHERED


def test_do_small_objects_lie_together_in_pages_of_their_own():
    look = "import sys\nprint(sys.getallocatedblocks() > 100_000)"  # of Python's own pools: 0 where there are none
    (output,) = grade(Cell("look", "added", look)).cells["look"].outputs
    assert output["text"] == "True\n"
