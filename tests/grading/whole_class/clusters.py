"""A Dask cluster as somebody else would start it: a scheduler and workers of their own, each in an empty folder."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import course

CODE = Path(course.__file__).parents[1]
HERE = Path(__file__).parent
WATCHED = "WATCHED_FOLDER"

#: A command of Dask's, ended with the process that starts it.
START = """
import ctypes, runpy, sys
ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
#: Runs at a worker's start: notes what it opens below a folder, and its code, to show that the noting works.
NOTE_OPENED = f"""
import os, sys
folder = os.environ["{WATCHED}"]
seen = os.path.join(os.path.dirname(__file__), "opened.txt")
def note(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], (str, bytes)):
        path = os.path.abspath(os.fsdecode(arguments[0]))
        if path != seen and (path.startswith(folder) or "class_run" in path):
            number = os.open(seen, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(number, os.fsencode(path) + b"\\n")
            os.close(number)
sys.addaudithook(note)
"""


class Cluster:
    """A scheduler on loopback, and the workers that are added to it; a context manager that ends all of them."""

    def __init__(self, folder):
        self.folder = folder
        self._started = []

    def __enter__(self):
        folder = self.folder / "scheduler"
        self._start("scheduler", folder, "--port", "0", "--scheduler-file", str(folder / "address.json"))
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            try:
                self.address = json.loads((folder / "address.json").read_text())["address"]
                return self
            except (OSError, ValueError):
                time.sleep(0.05)
        raise AssertionError((folder / "said.txt").read_text())

    def __exit__(self, *_):
        for process in self._started:
            process.terminate()
        for process in self._started:
            end(process)

    def add_worker(self, name, *, code=CODE, site="", **environment):
        """Start a worker that finds the course at `code`; return its process, of which the one that grades is a child.

        `site` is Python that runs at the start of all its processes.
        """
        folder = self.folder / name
        paths = [str(code), str(HERE)]
        if site:
            (self.folder / f"{name}-site").mkdir()
            (self.folder / f"{name}-site" / "sitecustomize.py").write_text(site)
            paths.insert(0, str(self.folder / f"{name}-site"))
        return self._start(
            "worker", folder, self.address, "--nthreads", "1", PYTHONPATH=os.pathsep.join(paths), **environment
        )

    def end_scheduler(self):
        """End the scheduler under its workers, at once."""
        self._started[0].kill()
        self._started[0].wait()

    def opened_by(self, name):
        """What a worker with `NOTE_OPENED` opened."""
        return (self.folder / f"{name}-site" / "opened.txt").read_text().splitlines()

    def wait_for(self, workers):
        """Wait until there are so many workers."""
        from distributed import Client

        ends = time.monotonic() + 60
        with Client(self.address, timeout=10) as client:
            while len(client.nthreads()) != workers:
                assert time.monotonic() < ends
                time.sleep(0.05)

    def _start(self, what, folder, *words, **environment):
        folder.mkdir()
        with (folder.parent / f"{folder.name}.txt").open("w") as said:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    START,
                    f"distributed.cli.dask_{what}",
                    "--host",
                    "127.0.0.1",
                    "--no-dashboard",
                    *words,
                ],
                cwd=folder,
                env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": "", **environment},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        self._started.append(process)
        return process


def end(process):
    """End a scheduler, or a worker with its nanny."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
