"""A real JupyterLab on loopback: what a student has in front of them, in the Chromium of `tests/conftest.py`."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
LESSON = "01_what_is_mlops"


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory) -> Path:
    """Students' copies: `<section>.ipynb` untouched, `solved_<section>.ipynb` with every answer in it."""
    folder = tmp_path_factory.mktemp("lab")
    for path in sorted((ROOT / "release" / LESSON).glob("*.ipynb")):
        release = nbformat.read(path, as_version=4)
        nbformat.write(release, folder / path.name)
        source = nbformat.read(ROOT / "source" / LESSON / path.name, as_version=4)
        answers = {
            c.metadata.nbgrader.grade_id: c.source
            for c in source.cells
            if c.metadata.get("nbgrader", {}).get("solution")
        }
        for cell in release.cells:
            if cell.metadata.get("nbgrader", {}).get("solution"):
                cell.source = answers[cell.metadata.nbgrader.grade_id]
        nbformat.write(release, folder / f"solved_{path.name}")
    return folder


@pytest.fixture(scope="session")
def lab_url(lab_folder, tmp_path_factory):
    """The address of a JupyterLab that serves `lab_folder`, with its token."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path_factory.mktemp("home")
    config = home / "quiet.json"
    config.write_text('{"LabApp": {"news_url": null, "check_for_updates_class": "jupyterlab.NeverCheckForUpdate"}}')
    # By default JupyterLab keeps only the cells near the screen in the page; here we look at all of them.
    tracker = home / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    tracker.parent.mkdir(parents=True)
    tracker.write_text('{"windowingMode": "none"}')
    log = (home / "server.log").open("w")
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
    }
    server = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
            "--IdentityProvider.token=secret", f"--ServerApp.root_dir={lab_folder}",
            f"--config={config}",
        ],
        stdout=log, stderr=subprocess.STDOUT, env=environment,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/api/status?token=secret", timeout=2).close()
                break
            except OSError:
                if server.poll() is not None:
                    pytest.fail("JupyterLab did not start: " + (home / "server.log").read_text()[-3000:])
                time.sleep(0.25)
        else:
            pytest.fail("JupyterLab did not answer within a minute")
        yield address
    finally:
        server.terminate()
        server.wait(20)
        log.close()
