"""Does the exchange's store keep each thing whole, once, and within its limits?"""

import datetime
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from course.exchange import store as store_module
from course.exchange.store import NotTaken, Store, now

COURSE, LESSON = "mlops", "02_gaps"


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    store.release(COURSE, LESSON, upload(store), again=False)
    return store


def upload(store, text="a"):
    file = store.arriving()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("1.ipynb", text)
    return file


def hand_in(store, key, student="ada", began=None, text="a"):
    return store.submit(COURSE, LESSON, student, upload(store, text), f"{key:032x}", "d" * 64, began or now())


def test_what_had_not_arrived_when_the_service_ended_is_gone_and_the_rest_is_there(store):
    kept, _ = hand_in(store, 1)
    upload(store)
    again = Store(store.root)
    assert list((store.root / ".arriving").iterdir()) == []
    assert again.submissions(COURSE, LESSON) == [kept]
    assert [one.name for one in again.lessons(COURSE)] == [LESSON]


def test_two_that_come_at_once_with_one_key_are_one(store):
    uploads = [upload(store) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        told = list(
            pool.map(lambda file: store.submit(COURSE, LESSON, "ada", file, f"{7:032x}", "d" * 64, now()), uploads)
        )
    assert len(store.submissions(COURSE, LESSON, "ada")) == 1
    assert {receipt.name for receipt, _ in told} == {store.submissions(COURSE, LESSON)[0].name}
    assert sum(new for _, new in told) == 1


def test_the_time_is_when_the_upload_began_unless_it_dawdled(store):
    began = now() - datetime.timedelta(seconds=20)
    soon, _ = hand_in(store, 1, began=began)
    assert soon.timestamp == f"{began:%Y-%m-%d %H:%M:%S.%f} UTC"
    slow, _ = hand_in(store, 2, began=now() - datetime.timedelta(hours=1))
    assert slow.timestamp > soon.timestamp


def test_a_name_like_a_path_or_a_pattern_is_a_name(store):
    for number, student in enumerate(["..", "a/b", "*", "ada+x@example.org", "."]):
        kept, _ = hand_in(store, number, student=student)
        assert kept.student == student
        assert [one.student for one in store.submissions(COURSE, LESSON, student)] == [student]
    assert {one.student for one in store.submissions(COURSE, LESSON)} == {"..", "a/b", "*", "ada+x@example.org", "."}
    assert {path.name for path in store.root.iterdir()} == {COURSE, ".arriving"}
    store.give_back(COURSE, "*", "ab.html", upload(store))
    assert store.feedback(COURSE, "ada+x@example.org") == [] and len(store.feedback(COURSE, "*")) == 1


def test_one_student_cannot_fill_the_disk(store, monkeypatch):
    monkeypatch.setattr(store_module, "MOST_TIMES", 3)
    for key in range(3):
        hand_in(store, key)
    with pytest.raises(NotTaken, match="ada has handed in 02_gaps 3 times") as refused:
        hand_in(store, 3)
    assert refused.value.status == 413
    assert hand_in(store, 2)[1] is False, "what is kept already is told again"
    assert hand_in(store, 4, student="bo")[1]
    monkeypatch.setattr(store_module, "MOST_BYTES_A_LESSON", 200)
    with pytest.raises(NotTaken, match="at most"):
        hand_in(store, 5, student="bo", text="x" * 300)


def disk_with(monkeypatch, free):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=store_module.RESERVED_BYTES + free))


def test_a_full_disk_is_said_before_anything_is_written(store, monkeypatch):
    store.promise_room(1000)
    store.end_promise(1000)
    disk_with(monkeypatch, free=0)
    with pytest.raises(NotTaken, match="disk is full") as refused:
        store.promise_room(1)
    assert refused.value.status == 507


def test_room_is_promised_once_and_free_again_when_its_upload_has_ended(store, monkeypatch):
    disk_with(monkeypatch, free=1000)
    store.promise_room(600)
    with pytest.raises(NotTaken, match="disk is full"):
        store.promise_room(401)
    store.promise_room(400)
    store.end_promise(600)
    store.promise_room(600)


def test_a_release_is_withdrawn_and_what_was_handed_in_stays(store):
    kept, _ = hand_in(store, 1)
    store.withdraw(COURSE, LESSON)
    assert store.lessons(COURSE) == [] and store.submissions(COURSE, LESSON) == [kept]
    with pytest.raises(NotTaken, match="no lesson 02_gaps is released in mlops; released: none yet"):
        hand_in(store, 2)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\nb", "ä", "-a", "a" * 101])
def test_what_cannot_be_a_lesson_is_refused(store, name):
    with pytest.raises(NotTaken, match="no lesson's name"):
        store.release(COURSE, name, upload(store), again=False)


def test_a_digest_is_of_what_is_there_now(store):
    [before] = store.lessons(COURSE)
    store.release(COURSE, LESSON, upload(store, "new"), again=True)
    [after] = store.lessons(COURSE)
    assert before.digest != after.digest
