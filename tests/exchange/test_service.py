"""Is everybody at the exchange who the hub says they are, and nobody else?"""

import asyncio
import datetime
import io
import re
import signal
import socket
import subprocess
import threading
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from like_pods import COURSE, GRADER, LESSON, OTHER, answer_of, exchange_command, wait_for

from course.exchange.service import Person, Upload
from course.exchange.store import MOST_BYTES
from course.hub.preview import free_ports

KEY = "0" * 31


def zipped(**files):
    """An archive of some files."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_slash_", "/").replace("_dot_", "."), text)
    return whole.getvalue()


def linked():
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        link = zipfile.ZipInfo("answers.ipynb")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/srv/exchange")
    return whole.getvalue()


@pytest.fixture(scope="module")
def tokens(hub):
    return {name: hub.token(name) for name in ("ada", "bo", "cy", "ines", "tom", "otto", GRADER)}


@pytest.fixture(scope="module")
def ask(hub, tokens):
    """Ask the exchange as somebody."""

    def asked(who, method, path, body=None, **headers):
        return answer_of(f"{hub.exchange}/api/{path}", tokens.get(who, who), method, body, **headers)

    assert asked(GRADER, "PUT", f"courses/{COURSE}/lessons/{LESSON}", zipped(a="1"))[0] == 201
    assert asked("otto", "PUT", f"courses/{OTHER}/lessons/{LESSON}", zipped(a="1"))[0] == 201
    return asked


@pytest.fixture(scope="module")
def handed_in(ask):
    """What ada has handed in."""
    path = f"courses/{COURSE}/lessons/{LESSON}/submissions"
    status, receipt = ask("ada", "POST", path, zipped(work="ada's"), Idempotency_Key=KEY + "1")
    assert status == 201
    return receipt


def test_a_submission_is_its_tokens_persons_and_its_time_the_services(ask, handed_in, hub):
    assert handed_in["student"] == "ada"
    at = datetime.datetime.strptime(handed_in["timestamp"], "%Y-%m-%d %H:%M:%S.%f UTC")
    assert abs(datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - at) < datetime.timedelta(seconds=60)
    archive = zipped(timestamp_dot_txt="2001-01-01 00:00:00.0 UTC", student="bo")
    path = f"courses/{COURSE}/lessons/{LESSON}/submissions"
    headers = {"Idempotency_Key": KEY + "2", "X_Student": "bo", "Date": "Mon, 01 Jan 2001 00:00:00 GMT"}
    status, receipt = ask("ada", "POST", path, archive, **headers)
    assert (status, receipt["student"], receipt["timestamp"][:2]) == (201, "ada", "20")
    assert receipt["timestamp"] > handed_in["timestamp"]


def test_what_is_sent_again_is_kept_once(ask, handed_in):
    path = f"courses/{COURSE}/lessons/{LESSON}/submissions"
    assert ask("ada", "POST", path, zipped(work="ada's"), Idempotency_Key=KEY + "1") == (201, handed_in)
    status, told = ask("ada", "POST", path, zipped(work="another"), Idempotency_Key=KEY + "1")
    assert status == 409 and "same key" in told["message"]
    mine = [one for one in ask("ada", "GET", path)[1] if one["name"] == handed_in["name"]]
    assert mine == [handed_in]


def test_who_teaches_reads_all_and_a_student_their_own(ask, handed_in):
    path = f"courses/{COURSE}/lessons/{LESSON}/submissions"
    ask("bo", "POST", path, zipped(work="bo's"), Idempotency_Key=KEY + "3")
    assert {one["student"] for one in ask("tom", "GET", path)[1]} == {"ada", "bo"}
    assert {one["student"] for one in ask("bo", "GET", path)[1]} == {"bo"}
    for who in ("ada", "ines", GRADER):
        status, archive = ask(who, "GET", f"{path}/ada/{handed_in['name']}")
        assert status == 200 and zipfile.ZipFile(io.BytesIO(archive)).read("work") == b"ada's"


def test_feedback_reaches_its_student_and_nobody_else(ask, handed_in):
    page = "ab" * 16 + ".html"
    assert ask("ines", "PUT", f"courses/{COURSE}/feedback/ada/{page}", b"<p>well done")[0] == 201
    assert [one["name"] for one in ask("ada", "GET", f"courses/{COURSE}/feedback")[1]] == [page]
    assert ask("ada", "GET", f"courses/{COURSE}/feedback/ada/{page}") == (200, b"<p>well done")
    assert ask("bo", "GET", f"courses/{COURSE}/feedback") == (200, [])
    assert ask("bo", "GET", f"courses/{COURSE}/feedback/ada/{page}")[0] == 403
    assert ask("bo", "GET", f"courses/{COURSE}/feedback/bo/{page}")[0] == 404
    ask("bo", "POST", SUBMISSIONS, zipped(work="bo's"), Idempotency_Key=KEY + "b")
    assert ask("ines", "PUT", f"courses/{COURSE}/feedback/bo/{'cd' * 16}.html", b"<p>")[0] == 201
    assert ask("bo", "GET", f"courses/{COURSE}/feedback/bo/..%2fada%2f{page}")[0] == 404
    status, told = ask("ines", "PUT", f"courses/{COURSE}/feedback/zoe/{page}", b"<p>")
    assert status == 404 and "zoe has handed in nothing" in told["message"]


SUBMISSIONS = f"courses/{COURSE}/lessons/{LESSON}/submissions"
REFUSED = [
    ("ada", "PUT", f"courses/{COURSE}/lessons/03_mine", "does not teach"),
    ("ada", "PUT", f"courses/{COURSE}/lessons/{LESSON}?again=yes", "does not teach"),
    ("ada", "DELETE", f"courses/{COURSE}/lessons/{LESSON}", "does not teach"),
    ("ada", "PUT", f"courses/{COURSE}/feedback/ada/{'ab' * 16}.html", "does not teach"),
    ("ada", "PUT", f"courses/{COURSE}/feedback/bo/{'ab' * 16}.html", "does not teach"),
    ("ada", "GET", f"courses/{OTHER}/lessons", "not in the course"),
    ("ada", "GET", f"courses/{OTHER}/lessons/{LESSON}", "not in the course"),
    ("ada", "POST", f"courses/{OTHER}/lessons/{LESSON}/submissions", "not in the course"),
    ("otto", "GET", SUBMISSIONS, "not in the course"),
    ("otto", "PUT", f"courses/{COURSE}/lessons/{LESSON}?again=yes", "not in the course"),
    ("bo", "GET", SUBMISSIONS + "/ada/{name}", "does not teach"),
    ("bo", "GET", SUBMISSIONS + "/%2e%2e%2fada/{name}", "does not teach"),
    ("otto", "GET", SUBMISSIONS + "/ada/{name}", "not in the course"),
    ("nobody's token", "GET", "courses", "knows nobody"),
    ("nobody's token", "POST", SUBMISSIONS, "knows nobody"),
    ("", "GET", "courses", "needs a token"),
]


@pytest.mark.parametrize(("who", "method", "path", "reason"), REFUSED)
def test_nobody_gets_where_they_do_not_belong(ask, handed_in, who, method, path, reason):
    before = ask("ines", "GET", f"courses/{COURSE}/lessons"), ask("ines", "GET", SUBMISSIONS)
    body = zipped(a="2") if method in ("PUT", "POST") else None
    status, told = ask(who, method, path.format(name=handed_in["name"]), body, Idempotency_Key=KEY + "9")
    assert status in (401, 403) and reason in told["message"], told
    assert (ask("ines", "GET", f"courses/{COURSE}/lessons"), ask("ines", "GET", SUBMISSIONS)) == before


@pytest.mark.parametrize("path", ["{name}/..", "%2e%2e/{name}", "ada/..%2fada%2f{name}", "ada/%2e%2e%2fada%2f{name}"])
def test_no_name_leads_out_of_a_folder(ask, handed_in, path):
    status, told = ask("ines", "GET", f"{SUBMISSIONS}/" + path.format(name=handed_in["name"]))
    assert status == 404, told


def test_a_token_for_something_else_does_not_open_the_exchange(hub, ask):
    assert ask("ada", "GET", "courses") == (200, {COURSE: "learns"})
    some = hub.token("ada", ["read:users:name!user", "read:users:groups!user"])
    status, told = answer_of(f"{hub.exchange}/api/courses", some)
    assert status == 403 and "lacks the access scope" in told["message"]
    status, told = answer_of(f"{hub.exchange}/api/courses", hub.told["token"])
    assert status == 403 and "knows nobody" in told["message"]


BAD = {
    "no archive": (b"not a zip", "no whole zip file"),
    "a path that leads elsewhere": (zipped(_dot__dot__slash_answers="1"), "points outside"),
    "an absolute path": (zipped(_slash_etc_slash_passwd="1"), "points outside"),
    "nothing in it": (zipped(), "holds no file"),
    "nothing but what systems leave behind": (zipped(_dot_hidden="1"), "holds no file"),
    "a link": (linked(), "is a link"),
    "the time as a folder": (zipped(timestamp_dot_txt_slash_x="1"), "a file and a folder"),
    "the secret as a folder": (zipped(**{"submission_secret.txt/x": "1"}), "a file and a folder"),
    "one place by two names": (zipped(**{"timestamp.txt": "1", "timestamp.txt\\": "2"}), "twice"),
    "nothing at all": (b"", "no whole zip file"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_a_submission_is_refused_with_the_reason(ask, handed_in, what):
    archive, reason = BAD[what]
    status, told = ask("ada", "POST", SUBMISSIONS, archive, Idempotency_Key=KEY + "4")
    assert status == 400 and reason in told["message"], told


def test_a_submission_needs_a_key_and_a_released_lesson(ask):
    status, told = ask("ada", "POST", SUBMISSIONS, zipped(a="1"))
    assert status == 400 and "32 hexadecimal digits" in told["message"]
    path = f"courses/{COURSE}/lessons/09_never/submissions"
    status, told = ask("ada", "POST", path, zipped(a="1"), Idempotency_Key=KEY + "5")
    assert status == 404 and f"released: {LESSON}" in told["message"]


def test_more_than_the_limit_is_refused_with_words(ask, hub):
    status, told = ask("ada", "POST", SUBMISSIONS, b"0" * (MOST_BYTES + 1), Idempotency_Key=KEY + "6")
    assert status == 413 and "larger than 100 MB" in told["message"]
    assert not list((hub.store / ".arriving").iterdir())


@pytest.fixture
def begin(hub, tokens):
    """Begin an upload as somebody, which does not end."""
    lines = []

    def begun(who):
        before = len(list((hub.store / ".arriving").iterdir()))
        host, port = hub.exchange.removeprefix("http://").split(":")
        line = socket.create_connection((host, int(port)))
        lines.append(line)
        head = f"POST /api/{SUBMISSIONS} HTTP/1.1\r\nHost: exchange\r\nAuthorization: token {tokens[who]}\r\n"
        line.sendall(f"{head}Idempotency-Key: {KEY}7\r\nContent-Length: 100000\r\n\r\n".encode() + b"0" * 1000)
        wait_for(lambda: _arriving(hub, before + 1), hub.service, hub.log)
        return line

    yield begun
    for line in lines:
        line.close()
    wait_for(lambda: _arriving(hub, 0), hub.service, hub.log)


def _arriving(hub, number):
    if len(list((hub.store / ".arriving").iterdir())) != number:
        raise OSError("not yet")


def test_an_upload_that_ends_in_the_middle_leaves_nothing(ask, hub, begin):
    before = ask("ines", "GET", SUBMISSIONS)
    begin("ada").close()
    wait_for(lambda: _arriving(hub, 0), hub.service, hub.log)
    assert ask("ines", "GET", SUBMISSIONS) == before


def test_one_person_sends_two_at_a_time_and_others_are_not_held_up(ask, handed_in, begin):
    begin("ada")
    begin("ada")
    status, told = ask("ada", "POST", SUBMISSIONS, zipped(a="1"), Idempotency_Key=KEY + "8")
    assert status == 429 and "let one arrive" in told["message"]
    assert ask("bo", "POST", SUBMISSIONS, zipped(a="1"), Idempotency_Key=KEY + "8")[0] == 201


def test_whose_uploads_have_ended_may_send_again(ask, hub, begin):
    for _ in range(3):
        begin("ada").close()
        wait_for(lambda: _arriving(hub, 0), hub.service, hub.log)
    assert ask("ada", "POST", SUBMISSIONS, zipped(a="1"), Idempotency_Key=KEY + "a")[0] == 201


def promised(hub):
    _, figures = answer_of(f"{hub.figures}/metrics", "")
    return float(re.search(r"^exchange_disk_promised_bytes (.+)$", figures.decode(), re.MULTILINE)[1])


def test_what_an_upload_will_still_take_is_set_aside_until_it_has_ended(ask, hub, begin):
    def is_promised(size):
        if promised(hub) != size:
            raise OSError(f"not yet: {promised(hub)}")

    first, _ = begin("ada"), begin("bo")
    wait_for(lambda: is_promised(2 * 99_000), hub.service, hub.log)
    first.close()
    wait_for(lambda: is_promised(99_000), hub.service, hub.log)
    assert ask("ada", "POST", SUBMISSIONS, zipped(a="1"), Idempotency_Key=KEY + "b")[0] == 201
    assert promised(hub) == 99_000, "what is whole needs no more"


def test_what_is_being_kept_stays_and_holds_its_place_until_that_has_ended_whoever_has_gone(tmp_path):
    handler = Upload.__new__(Upload)
    handler.application = SimpleNamespace(settings={"uploading": Counter(ada=1)})
    handler.person, handler._entered, handler.upload = Person("ada", frozenset()), True, tmp_path / "upload"
    handler.upload.write_text("an archive")
    begun, go_on = threading.Event(), threading.Event()

    def keeping():
        begun.set()
        assert go_on.wait(10)
        return handler.upload.read_text()

    async def keep():
        kept = asyncio.create_task(handler.keep(keeping))
        await asyncio.to_thread(begun.wait, 10)
        handler._gone = True
        handler._tidy()  # as when the connection closes
        assert handler.settings["uploading"]["ada"] == 1
        go_on.set()
        return await kept

    with ThreadPoolExecutor(1) as thread:  # in this one a browser's loop may run
        assert thread.submit(asyncio.run, keep()).result() == "an archive"
    assert not handler.upload.exists() and handler.settings["uploading"] == Counter()


def test_a_released_lesson_is_replaced_only_when_told_so(ask):
    path = f"courses/{COURSE}/lessons/{LESSON}"
    same = ask("ines", "GET", path)[1]
    assert ask("ines", "PUT", path, same)[0] == 201, "the answer to a release may be lost, and it is sent again"
    status, told = ask("ines", "PUT", path, zipped(a="new"))
    assert status == 409 and "--force" in told["message"]
    assert ask("ines", "PUT", path + "?again=yes", zipped(a="new"))[0] == 201
    assert zipfile.ZipFile(io.BytesIO(ask("ada", "GET", path)[1])).read("a") == b"new"


def test_the_figures_are_there_and_name_nobody(ask, hub, handed_in):
    status, text = answer_of(f"{hub.figures}/metrics", "")
    text = text.decode()
    assert status == 200 and re.search(rf'exchange_submissions_total{{course="{COURSE}"}} [1-9]', text)
    assert re.search(r"exchange_disk_free_bytes [1-9]", text)
    assert not re.search(r"\b(ada|bo|ines)\b", text)
    assert answer_of(f"{hub.exchange}/metrics", "")[0] == 404
    answer_of(f"{hub.exchange}/api/courses", "", "STRANGE")
    assert "STRANGE" not in answer_of(f"{hub.figures}/metrics", "")[1].decode()


def test_without_the_hub_nobody_is_known_and_that_is_said(tmp_path):
    ports = free_ports(2)
    command = exchange_command(tmp_path / "store", ports[0], f"http://127.0.0.1:{ports[1]}")
    with (tmp_path / "log").open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        try:
            url = f"http://127.0.0.1:{ports[0]}"
            wait_for(lambda: answer_of(f"{url}/healthz", ""), process, tmp_path / "log")
            status, told = answer_of(f"{url}/api/courses", "any")
            assert status == 503 and "the hub does not answer" in told["message"]
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0
        finally:
            process.kill()
