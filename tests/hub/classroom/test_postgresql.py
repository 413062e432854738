"""Does one setting put the hub's book into PostgreSQL, and does it live on there?"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import sqlalchemy

from course.hub.accounts import run_as
from course.hub.preview import free_ports
from tests.hub.classroom import people
from tests.hub.classroom.conftest import running

pytestmark = pytest.mark.browser
NAME = "postgres"


@pytest.fixture(scope="module")
def database():
    """A PostgreSQL of its own on loopback, with an empty database; its address for SQLAlchemy."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs or NAME not in {person.pw_name for person in pwd.getpwall()}:
        pytest.skip("PostgreSQL is missing: on Debian, apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="mlops-hub-pg-", dir="/var/tmp"))
    [port] = free_ports(1)
    person = pwd.getpwnam(NAME)
    os.chown(folder, person.pw_uid, person.pw_gid)

    def pg(program, *words):
        done = run_as(NAME, [str(programs[-1].with_name(program)), *words], folder, {"PATH": "/usr/bin:/bin"})
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        pg("initdb", "-D", f"{folder}/data", "--auth=trust", "--username=hub", "--encoding=UTF8", "--locale=C")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}"
        pg("pg_ctl", "-D", f"{folder}/data", "-l", f"{folder}/log", "-w", "-o", options, "start")
        pg("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "hub", "hub")
        yield f"postgresql+psycopg://hub@127.0.0.1:{port}/hub"
    finally:
        stop = [str(programs[-1].with_name("pg_ctl")), "-D", f"{folder}/data", "-m", "immediate", "stop"]
        subprocess.run(stop, user=person.pw_uid, group=person.pw_gid, cwd=folder, capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def test_the_hub_keeps_its_book_in_postgresql_and_finds_it_again(house, chromium, database):
    with running(house, f'database = "{database}"') as klass:
        page = people.log_in(klass, chromium, "ada")
        page.context.close()
        engine = sqlalchemy.create_engine(database)
        with engine.connect() as book:
            names = set(book.execute(sqlalchemy.text("select name from users")).scalars())
        assert {klass.name(who) for who in ("ada", "bo", "cy", "ines", "tom")} <= names
        assert not (klass.state / "private/jupyterhub.sqlite").exists()
        before = klass.server_of("ada").pid
        klass.stop()
        klass.start()
        page = people.log_in(klass, chromium, "ada")  # to the server that she has, of which the book knows
        assert klass.server_of("ada").pid == before
        page.context.close()
        engine.dispose()
