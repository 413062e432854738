"""From the pack alone to a grade, and JupyterLab on the way, in an empty network namespace."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path

import pytest
from specimen_lesson import LESSON, SOLVED_DOUBLE, dump, fill_in, source_of_lesson
from test_packing import make_checkout
from test_taking_in import CONFIG

from course.pack import packing
from course.pack.taking_in import zip_collect

BIN = Path(sys.executable).parent
NO_NETWORK = ["bwrap", "--dev-bind", "/", "/", "--unshare-net", "--die-with-parent"]

# Asks the server what a student's browser would ask it, from inside the namespace: nobody else can reach it.
BROWSER = """
import json, sys, urllib.error, urllib.request
address, path = sys.argv[1:]
base, token = address.split("/lab")[0], address.split("token=")[1]
def ask(place, data=None):
    headers = {"Authorization": "token " + token}
    request = urllib.request.Request(base + place, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
page = ask("/lab")
config = json.loads(page[1].split('id="jupyter-config-data" type="application/json">')[1].split("</script>")[0])
validated = ask("/assignments/validate", json.dumps({"path": path}).encode())
try:
    urllib.request.urlopen("http://93.184.215.14", timeout=2)
    outside = True
except OSError:
    outside = False
print(json.dumps({
    "lab": page[0], "disabled": config["disabledExtensions"], "news": config.get("news"), "outside": outside,
    "validated": validated, "formgrader": ask("/formgrader")[0], "assignments": ask("/assignments?course_id=mlops")[0],
}))
"""


@pytest.fixture(scope="module")
def namespace() -> list[str]:
    """The command that takes the network away; skipping says so."""
    if not shutil.which("bwrap") or subprocess.run([*NO_NETWORK, "true"], capture_output=True, check=False).returncode:
        pytest.skip("bubblewrap cannot make a network namespace here")
    return NO_NETWORK


def run(command: list[str], folder: Path, environ: dict[str, str]) -> str:
    ran = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def student(tmp_path_factory) -> tuple[Path, Path, dict[str, str]]:
    """A student's folder with the unpacked pack, and an environment in which the course is the pack's wheel."""
    folder = tmp_path_factory.mktemp("student")
    checkout = make_checkout(folder / "checkout")
    pack = folder / "pack"
    with zipfile.ZipFile(folder / "pack.zip", "w") as archive:
        for name, data in packing.pack_files(checkout, LESSON).items():
            archive.writestr(name, data)
    with zipfile.ZipFile(folder / "pack.zip") as archive:
        archive.extractall(pack)
    shutil.rmtree(checkout)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    (site,) = (folder / "venv").glob("lib/*/site-packages")
    # The libraries are borrowed, the course is not: of a borrowed folder no .pth (the editable course) is read.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    with zipfile.ZipFile(next(pack.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "JUPYTER"))}
    environ |= {
        "PATH": f"{folder / 'venv' / 'bin'}{os.pathsep}{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder / "home"),
        "LOGNAME": "ada",
        "JUPYTERLAB_DIR": f"{sys.prefix}/share/jupyter/lab",
        "JUPYTER_PATH": f"{sys.prefix}/share/jupyter",
        "JUPYTER_CONFIG_PATH": f"{sys.prefix}/etc/jupyter",
    }
    environ.pop("DISPLAY", None)
    return pack, folder / "venv" / "bin" / "python", environ


def test_from_the_pack_alone_to_a_grade_without_a_network(student, namespace, tmp_path):
    pack, python, environ = student
    start = [*namespace, str(python), "start.py", "--use-this-python"]
    said = run([*start, "--no-lab"], pack, environ)
    assert "2 files are in" in said
    where = run([str(python), "-P", "-c", "import course; print(course.__file__)"], pack, environ)
    assert "student" in where and "venv" in where, "the course must come from the pack"
    fill_in(pack / "work" / LESSON / "1_first.ipynb", double=SOLVED_DOUBLE)
    # A student's own file must not stand in for Python's where JupyterLab starts.
    (pack / "work" / "random.py").write_text("raise RuntimeError('a student wrote this')\n")
    said = run([*start, "--submit"], pack, environ)
    assert "untouched: why-double" in said
    (made,) = (pack / "work" / "submissions").iterdir()

    course_dir = tmp_path / "course"
    (course_dir / "source" / LESSON).mkdir(parents=True)
    for name, content in source_of_lesson().items():
        (course_dir / "source" / LESSON / name).write_bytes(dump(content))
    (course_dir / "nbgrader_config.py").write_text(CONFIG)
    nbgrader = [*namespace, sys.executable, "-m", "nbgrader"]
    instructor = environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    run([*nbgrader, "generate_assignment", LESSON], course_dir, instructor)
    take = [*namespace, sys.executable, "-m", "course.cli", "take-in", str(made), "--lesson", LESSON]
    assert "ada: 2 notebooks" in run([*take, "--course-dir", str(course_dir)], tmp_path, instructor)
    run([*nbgrader, "autograde", LESSON], course_dir, instructor)
    scores = (
        "from nbgrader.api import Gradebook\n"
        "with Gradebook('sqlite:///gradebook.db') as gb:\n"
        f"    s = gb.find_submission('{LESSON}', 'ada')\n"
        "    print({n.name: n.score for n in s.notebooks}, s.timestamp)\n"
    )
    graded = run([sys.executable, "-c", scores], course_dir, instructor)
    assert "{'1_first': 1.0, '2_second': 0.0}" in graded or "{'2_second': 0.0, '1_first': 1.0}" in graded
    assert made.name[-20:-16] in graded, "the time of the submission is the receipt's"


def test_jupyterlab_opens_the_work_folder_without_a_network_or_a_browser(student, namespace, tmp_path):
    pack, python, environ = student
    script = tmp_path / "browser.py"
    script.write_text(BROWSER)
    answers = tmp_path / "answers"
    inside = (
        f"'{python}' start.py --use-this-python --lesson {LESSON} >'{tmp_path}/said' 2>&1 & lab=$!\n"
        f"for i in $(seq 600); do grep -q 'token=' '{tmp_path}/said' && break; sleep 0.1; done\n"
        f"'{python}' '{script}' $(grep -o 'http://[^ ]*' '{tmp_path}/said') {LESSON}/1_first.ipynb >'{answers}'\n"
        "kill -TERM $lab; wait $lab\n"
    )
    ran = subprocess.run(
        [*namespace, "bash", "-c", inside],
        cwd=pack,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = (tmp_path / "said").read_text()
    assert ran.returncode == 0, said + ran.stderr
    assert re.search(rf"http://127\.0\.0\.1:\d+/lab/tree/{LESSON}/1_first\.ipynb\?token=\w{{32}}", said)
    assert "Open this address in a browser" in said and "To stop, press Ctrl-C" in said
    seen = json.loads(answers.read_text())
    assert seen["lab"] == 200 and seen["outside"] is False
    assert seen["formgrader"] == 404 and seen["assignments"] == 200
    assert seen["news"] == {"disabled": True} and "Extension Manager is 'readonly'" in (
        pack / "work" / ".course" / "jupyterlab.log"
    ).read_text(encoding="utf-8")
    assert "@jupyterlab/apputils-extension:announcements" in seen["disabled"]
    assert "@jupyter/nbgrader:formgrader" in seen["disabled"]
    assert not any("validate" in name or "assignment-list" in name for name in seen["disabled"])
    status, answer = seen["validated"]
    result = json.loads(answer)
    assert status == 200 and result["success"] is True, answer
    assert "failed" in result["value"] or result["value"] == {}, "the Validate button gets an answer about the tests"
    assert time.time() - (pack / "work" / ".course" / "jupyterlab.log").stat().st_mtime < 120


def test_collecting_nothing_is_no_error(tmp_path):
    zip_collect(tmp_path, LESSON)
