"""Does a class work behind TLS, with the nginx.conf that is documented?"""

from __future__ import annotations

import shutil
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from course.hub.preview import free_ports
from tests.hub.classroom import people
from tests.hub.classroom.conftest import ROOT, running
from tests.hub.classroom.people import PATIENCE, RIGHT

pytestmark = pytest.mark.browser
NAME = "hub.localhost"


@pytest.fixture(scope="module")
def behind(house):
    """A class whose names and certificate are those of nginx."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/bin")
    if program is None:
        pytest.skip("nginx is missing: on Debian, apt-get install nginx-light")
    tls, plain = free_ports(2)
    folder = house / "nginx"
    folder.mkdir()
    names = f"subjectAltName=DNS:{NAME},DNS:*.{NAME}"
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
    subprocess.run([*key, "-addext", names, "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder, check=True,
                   capture_output=True)  # fmt: skip
    with running(house, front=f"https://{NAME}:{tls}") as klass:
        text = (ROOT / "deploy/jupyterhub/nginx.conf").read_text()
        for what, here in (
            ("hub.example.org", NAME),
            (f"/etc/letsencrypt/live/{NAME}/fullchain.pem", f"{folder}/cert.pem"),
            (f"/etc/letsencrypt/live/{NAME}/privkey.pem", f"{folder}/key.pem"),
            ("listen 443 ssl", f"listen 127.0.0.1:{tls} ssl"),
            ("listen 80", f"listen 127.0.0.1:{plain}"),
            ("http://127.0.0.1:8000", f"http://127.0.0.1:{klass.port}"),
        ):
            assert what in text, what
            text = text.replace(what, here)
        places = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy"))
        logs = f"error_log {folder}/error.log;"
        whole = f"daemon off; pid {folder}/pid; {logs} events {{}} http {{ access_log off; {places}\n{text}\n}}"
        (folder / "nginx.conf").write_text(whole)
        process = subprocess.Popen([program, "-p", folder, "-c", folder / "nginx.conf"], stderr=subprocess.DEVNULL)
        try:
            ends = time.monotonic() + 20
            while not (folder / "pid").exists():
                assert process.poll() is None and time.monotonic() < ends, (folder / "error.log").read_text()
                time.sleep(0.2)
            yield klass, plain
        finally:
            process.terminate()
            process.wait(20)


def test_a_lesson_is_released_fetched_run_and_handed_in_behind_tls(behind, chromium):
    klass, _ = behind
    ines = people.log_in(klass, chromium, "ines")
    people.release(klass, ines)
    ada = people.log_in(klass, chromium, "ada")
    assert ada.url.startswith("https://")
    people.fetch(klass, ada, "ada")
    assert "success" in people.do(klass, ada, "ada", RIGHT).lower()  # kernels speak over a socket
    people.submit(klass, ada, "ada")
    frame = people.grade_everybody(klass, ines)
    frame.locator("tr", has_text=klass.name("ada")).get_by_text("needs manual grading").wait_for(timeout=PATIENCE)
    for page in (ada, ines):
        told = [cookie for cookie in page.context.cookies() if "jupyterhub" in cookie["name"]]
        assert told and all(cookie["secure"] for cookie in told), told
        page.context.close()


def test_without_tls_one_is_sent_to_tls(behind):
    _, plain = behind

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    request = urllib.request.Request(f"http://127.0.0.1:{plain}/hub/login", headers={"Host": NAME})
    with pytest.raises(urllib.error.HTTPError) as sent:
        urllib.request.build_opener(Stay).open(request, timeout=10)
    assert (sent.value.code, sent.value.headers["Location"]) == (301, f"https://{NAME}/hub/login")
    sent.value.close()
