"""Is an archive from a stranger looked at before anything of it is unpacked, and unpacked no further than it says?"""

import bz2
import io
import struct
import tracemalloc
import zipfile
import zlib

import pytest

from course.pack.archives import SUBMISSION, Refused, open_archive, plain_members, read_submission


def zipped(*members, packing=zipfile.ZIP_DEFLATED):
    """An archive of members, a name and content each, in this order."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", packing) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name) if isinstance(name, str) else name, content, packing)
    return whole.getvalue()


ODD = {
    "two names for one place": (zipped(("timestamp.txt", "a"), ("timestamp.txt\\", "b")), "twice"),
    "two separators": (zipped(("a/b", "1"), ("a//b", "2")), "twice"),
    "here and here": (zipped(("b", "1"), ("./b", "2")), "twice"),
    "a file and a folder": (zipped(("a", "1"), ("a/b", "2")), "a file and a folder"),
    "a folder first": (zipped(("a/b/c", "1"), ("a/b", "2")), "a file and a folder"),
    "a long part": (zipped(("a" * 201, "1")), "too long"),
    "many letters": (zipped(("ä" * 101, "1")), "too long"),
    "many folders": (zipped(("a/" * 20 + "b", "1")), "too many folders"),
    "only separators": (zipped(("\\\\", "1")), "no name|points outside"),
    "bzip2": (zipped(("a", "1"), packing=zipfile.ZIP_BZIP2), "packed in another way"),
    "lzma": (zipped(("a", "1"), packing=zipfile.ZIP_LZMA), "packed in another way"),
    "larger in all than is taken": (zipped(*((str(n), bytes(29_000_000)) for n in range(4))), "larger than 100 MB"),
}


@pytest.mark.parametrize("what", ODD)
def test_what_cannot_lie_in_one_folder_is_refused_by_its_list(what):
    data, reason = ODD[what]
    with open_archive(data, SUBMISSION) as archive, pytest.raises(Refused, match=reason):
        plain_members(archive, SUBMISSION)
    with pytest.raises(Refused, match=reason):
        read_submission(data)


def test_a_file_without_a_name_is_refused():
    with pytest.raises(Refused, match="without a name"):
        open_archive(zipped(("", "1")), SUBMISSION)


def test_what_is_usual_is_taken():
    data = zipped(("work/", ""), ("work/1.ipynb", "{}"), ("./2.ipynb", "{}"), ("a\\3.ipynb", "{}"))
    assert set(read_submission(data)) == {"work/1.ipynb", "2.ipynb", "a/3.ipynb"}


def test_a_list_of_millions_is_refused_before_it_is_read():
    entry = struct.pack("<4s4B4H3L5H2L", b"PK\1\2", *[20, 3, 20, 0], *[0] * 4, *[0] * 3, *[0] * 5, *[0] * 2)
    many = 200_000
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, len(entry) * many, 0, 0)
    data = entry * many + end
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="its list of files alone"):
            open_archive(data, SUBMISSION)
        assert tracemalloc.get_traced_memory()[1] < 2 * len(data)
    finally:
        tracemalloc.stop()


def test_what_holds_more_than_it_says_is_unpacked_no_further_than_it_says():
    many, each = 12, 29_000_000
    data = zipped(*((str(number), bytes(each)) for number in range(many)))
    for true, told in ((each, 10), (zlib.crc32(bytes(each)), zlib.crc32(bytes(10)))):
        data = data.replace(struct.pack("<L", true), struct.pack("<L", told))
    tracemalloc.start()
    try:
        assert read_submission(data) == {str(number): bytes(10) for number in range(many)}
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_bomb_of_bzip2_takes_no_memory():
    data = zipped(("a", "x" * 10), packing=zipfile.ZIP_BZIP2)
    small, bomb = bz2.compress(b"x" * 10), bz2.compress(bytes(200_000_000))
    data = data.replace(small, bomb).replace(struct.pack("<L", len(small)), struct.pack("<L", len(bomb)))
    tracemalloc.start()
    try:
        with pytest.raises(Refused):
            read_submission(data)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
