"""Does grading work over TLS with the words of deploy/kubernetes, and with nobody who lacks its certificates?"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest
import yaml
from small_course import LESSON

from course.hub.preview import free_ports

pytest.importorskip("distributed", reason="the package distributed is not installed: --backend dask not tested")
pytestmark = pytest.mark.long

FOLDER = Path(__file__).parents[3] / "deploy" / "kubernetes"
ENVIRONMENT = {**os.environ, "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"}


def make_certificates(folder):
    """Run the commands of the README."""
    folder.mkdir()
    for line in (FOLDER / "README.md").read_text().splitlines():
        if line.strip().startswith("openssl"):
            subprocess.run(shlex.split(line), cwd=folder, check=True, capture_output=True)
    return folder


def words_of(part):
    """What a pod of grading.yaml runs, and with which environment."""
    for document in yaml.safe_load_all((FOLDER / "grading.yaml").read_text()):
        if document["kind"] == "Deployment" and document["metadata"]["name"] == f"grading-{part}":
            [container] = document["spec"]["template"]["spec"]["containers"]
            return container["args"], {one["name"]: one["value"] for one in container["env"]}
    raise LookupError(part)


def graders_environment():
    """What values.yaml gives to a course's grader."""
    hook = yaml.safe_load((FOLDER / "values.yaml").read_text())["hub"]["extraConfig"]["graders"]
    z2jh = SimpleNamespace(get_config=lambda *_: {"grade-mlops": "mlops"})
    c = SimpleNamespace(Spawner=SimpleNamespace(), Authenticator=SimpleNamespace())
    with patch.dict(sys.modules, z2jh=z2jh):
        exec(hook, {"c": c})
    grader = SimpleNamespace(
        user=SimpleNamespace(name="grade-mlops"), environment={}, extra_labels={}, volumes={}, volume_mounts={}
    )
    c.Spawner.pre_spawn_hook(grader)
    return grader.environment


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and a worker as in the manifests, but for addresses; and how a grader reaches them."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is missing: no certificates, and grading over TLS is not tried")
    folder = tmp_path_factory.mktemp("tls")
    tls = make_certificates(folder / "tls")
    ports = dict(zip(("8786", "8788", "8789"), map(str, free_ports(3)), strict=True))

    def here(text):
        for port, free in ports.items():
            text = text.replace(port, free)
        return text.replace("/tls/", f"{tls}/").replace("--local-directory /tmp", f"--local-directory {folder}")

    processes = []
    with (folder / "log").open("w") as said:
        try:
            for part, more in (("scheduler", ["--host=127.0.0.1"]), ("worker", [])):
                words, environment = words_of(part)
                environment = {**ENVIRONMENT, **environment, "GRADING_SCHEDULER_SERVICE_HOST": "127.0.0.1"}
                words = [here(word) for word in words] + more
                processes.append(subprocess.Popen(words, cwd=folder, env=environment, stdout=said, stderr=said))
            yield SimpleNamespace(
                environment={name: here(value) for name, value in graders_environment().items()}, folder=folder
            )
        finally:
            for process in reversed(processes):
                process.terminate()
            for process in processes:
                try:
                    process.wait(30)
                finally:
                    process.kill()


def grade(small_course, environment, options):
    """Grade as the button for the whole class does; return how that ended."""
    words = ["grade", LESSON, "--course-dir", str(small_course.root), "--report", "report.json", *shlex.split(options)]
    return subprocess.run(
        [sys.executable, "-m", "course.cli", *words],
        cwd=small_course.root, env={**ENVIRONMENT, **environment}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def options_of(environment):
    return environment["COURSE_GRADE_OPTIONS"].replace("grading-scheduler", "127.0.0.1")


def test_a_grader_with_the_certificates_grades_on_the_workers(small_course, cluster):
    small_course.hand_in("ada")
    ends = time.monotonic() + 60
    while "Registered to" not in (cluster.folder / "log").read_text():
        assert time.monotonic() < ends, (cluster.folder / "log").read_text()[-2000:]
        time.sleep(0.2)
    done = grade(small_course, cluster.environment, options_of(cluster.environment))
    assert done.returncode == 0, done.stdout + done.stderr
    [verdict] = json.loads((small_course.root / "report.json").read_text())["submissions"]
    assert (verdict["student"], verdict["score"], verdict["level"]) == ("ada", 8.0, "B")


@pytest.mark.parametrize("what", ["no certificate", "another's certificate", "no encryption"])
def test_nobody_without_them_gets_anything_graded(small_course, cluster, tmp_path, what):
    small_course.hand_in("ada")
    environment, options = cluster.environment, options_of(cluster.environment)
    if what == "another's certificate":
        other = make_certificates(tmp_path / "other")
        environment = {
            name: value.replace(str(cluster.folder / "tls"), str(other)) for name, value in environment.items()
        }
    else:
        environment = {name: value for name, value in environment.items() if not name.startswith("DASK")}
    if what == "no encryption":
        options = options.replace("tls://", "tcp://")
    done = grade(small_course, environment, options)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "no Dask scheduler answers" in done.stderr
