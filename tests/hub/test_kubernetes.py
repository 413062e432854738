"""Does Kubernetes' API take what deploy/kubernetes describes, does JupyterHub's spawner, and does it promise enough?"""

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import kubernetes_validate
import pytest
import yaml

from course.cli import main
from course.errors import CourseError
from course.hub.class_plan import read_class
from course.hub.pods import values_for
from course.pack.image import image_files

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
CLASS = ROOT / "deploy" / "jupyterhub" / "class.toml"
NEWEST = "1.37"
VERSIONS = [pytest.param("1.29", marks=pytest.mark.long), pytest.param("1.33", marks=pytest.mark.long), NEWEST]
MANIFESTS = [
    pytest.param(document, id=f"{document['kind']}-{document['metadata']['name']}")
    for name in ("exchange.yaml", "grading.yaml")
    for document in yaml.safe_load_all((FOLDER / name).read_text())
]
PODS = [each for each in MANIFESTS if each.values[0]["kind"] == "Deployment"]


def policies():
    found = {}
    for each in MANIFESTS:
        document = each.values[0]
        if document["kind"] == "NetworkPolicy":
            found[document["metadata"]["name"]] = document["spec"]
    return found


def peers(rule, way):
    """Whom a rule lets through, as labels."""
    return [peer.get("podSelector", {}).get("matchLabels", peer) for peer in rule[way]]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", MANIFESTS)
def test_every_manifest_is_one_for_the_api(document, version):
    kubernetes_validate.validate(document, version, strict=True)


def test_a_manifest_with_a_mistake_is_found():
    document = json.loads(json.dumps(PODS[0].values[0]))
    document["spec"]["template"]["spec"]["containers"][0]["securityContexts"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, NEWEST, strict=True)


@pytest.mark.parametrize("document", PODS)
def test_every_pod_is_nobody_with_limits_and_without_a_way_to_the_cluster(document):
    pod = document["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] == 1000
    for container in pod["containers"]:
        assert set(container["resources"]["limits"]) == {"cpu", "memory"}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("document", PODS)
def test_every_pod_is_chosen_by_a_policy_for_both_ways(document):
    labels = document["spec"]["template"]["metadata"]["labels"].items()
    chosen = [spec for spec in policies().values() if spec["podSelector"]["matchLabels"].items() <= labels]
    assert any(set(spec["policyTypes"]) == {"Ingress", "Egress"} for spec in chosen)


def test_a_grading_worker_reaches_the_scheduler_alone_and_nobody_else_reaches_it():
    worker = policies()["grading-worker"]
    scheduler = {"app": "grading", "part": "scheduler"}
    assert [peers(rule, "to") for rule in worker["egress"]] == [[scheduler]]
    assert [peers(rule, "from") for rule in worker["ingress"]] == [[scheduler]]
    assert all(rule["ports"] for rule in (*worker["egress"], *worker["ingress"]))


def test_a_students_server_reaches_the_exchange_and_never_the_scheduler():
    values = yaml.safe_load((FOLDER / "values.yaml").read_text())
    network = values["singleuser"]["networkPolicy"]
    assert network["enabled"] and [peers(rule, "to") for rule in network["egress"]] == [[{"app": "exchange"}]]
    open_ways = {name for name, is_open in network["egressAllowRules"].items() if is_open}
    assert open_ways == {"dnsPortsKubeSystemNamespace", "dnsPortsPrivateIPs"}
    for rule in policies()["grading-scheduler"]["ingress"]:
        for labels in peers(rule, "from"):
            assert labels.get("part") == "worker" or labels.get("course-role") == "grader"


def test_no_disk_is_shared():
    claims = [each.values[0] for each in MANIFESTS if each.values[0]["kind"] == "PersistentVolumeClaim"]
    assert [claim["metadata"]["name"] for claim in claims] == ["exchange"]
    assert claims[0]["spec"]["accessModes"] == ["ReadWriteOnce"]
    users = [each.id for each in PODS if "persistentVolumeClaim" in json.dumps(each.values[0])]
    assert users == ["Deployment-exchange"]


@pytest.mark.parametrize("name", ["exchange.yaml", "grading.yaml"])
def test_one_image_is_named_everywhere(name):
    text = (FOLDER / name).read_text()
    values = yaml.safe_load((FOLDER / "values.yaml").read_text())["singleuser"]["image"]
    images = {line.split("image: ")[1] for line in text.splitlines() if "image: " in line}
    assert images == {f"{values['name']}:{values['tag']}"}


def test_the_commands_in_the_manifests_are_ones_that_there_are(capsys):
    [exchange] = [each.values[0] for each in PODS if each.id == "Deployment-exchange"]
    words = exchange["spec"]["template"]["spec"]["containers"][0]["args"]
    assert words[:2] == ["course", "exchange"]
    with pytest.raises(SystemExit) as ended:
        main([*words[1:], "--help"])
    assert ended.value.code == 0
    for each in PODS:
        text = " ".join(each.values[0]["spec"]["template"]["spec"]["containers"][0]["args"])
        if "dask" in text:
            kind = "worker" if "worker" in text else "scheduler"
            done = subprocess.run([sys.executable, "-m", "dask", kind, "--help"], capture_output=True, text=True)
            told = {word.split("=")[0] for word in text.replace('"', " ").split() if word.startswith("--")}
            assert done.returncode == 0 and {word for word in told if word not in done.stdout} == set()


def pod_of(user, class_values):
    """The pod that KubeSpawner makes for somebody with these values, as Kubernetes gets it."""
    import kubespawner
    from kubernetes_asyncio.client import ApiClient
    from traitlets.config import Config

    values = yaml.safe_load((FOLDER / "values.yaml").read_text())
    single = values["singleuser"]
    c = Config()
    c.KubeSpawner.image = f"{single['image']['name']}:{single['image']['tag']}"
    c.KubeSpawner.cmd = [single["cmd"]]
    c.KubeSpawner.uid, c.KubeSpawner.fs_gid = single["uid"], single["fsGid"]
    c.KubeSpawner.environment = single["extraEnv"]
    c.KubeSpawner.mem_limit, c.KubeSpawner.cpu_limit = single["memory"]["limit"], single["cpu"]["limit"]
    c.KubeSpawner.allow_privilege_escalation = single["allowPrivilegeEscalation"]
    c.KubeSpawner.common_labels = {"app": "jupyterhub"}
    c.KubeSpawner.extra_labels = {"component": "singleuser-server"}
    names = {"c": c}
    z2jh = SimpleNamespace(get_config=lambda name, default=None: class_values["custom"]["graders"])
    with patch.dict(sys.modules, z2jh=z2jh):
        exec(values["hub"]["extraConfig"]["graders"], names)
    owner = SimpleNamespace(
        name=user, url="/", id=1, groups=[], escaped_name=user, server_url=lambda _: "/", encrypt_auth_state=None
    )
    hub = SimpleNamespace(
        public_host="", url="http://hub:8081/hub/", base_url="/hub/", api_url="http://hub:8081/hub/api"
    )
    with pytest.MonkeyPatch.context() as monkey:  # no cluster is asked
        monkey.setattr(kubespawner.spawner, "load_config", lambda **_: None)
        monkey.setattr(kubespawner.spawner, "shared_client", lambda *_: None)
        spawner = kubespawner.KubeSpawner(config=c, _mock=True, user=owner, hub=hub)

    async def made():
        for _ in range(2):  # a server that is started again must not be another one
            spawner.run_pre_spawn_hook()
        manifest = await spawner.get_pod_manifest()
        async with ApiClient() as client:
            return client.sanitize_for_serialization(manifest)

    with ThreadPoolExecutor(1) as thread:  # in this one a browser's loop may run
        return thread.submit(asyncio.run, made()).result()


@pytest.fixture(scope="module")
def class_values():
    return values_for(read_class(CLASS))


@pytest.fixture(scope="module")
def graders_pod(class_values):
    return pod_of("grade-mlops-example", class_values)


def test_a_students_pod_and_a_graders_are_ones_for_the_api(class_values, graders_pod):
    for pod in (pod_of("ada", class_values), graders_pod):
        kubernetes_validate.validate(pod, NEWEST, strict=True)
        [container] = pod["spec"]["containers"]
        assert container["resources"]["limits"]["memory"] and container["resources"]["limits"]["cpu"]
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "runAsUser": 1000}
        assert pod["spec"]["automountServiceAccountToken"] is False


def test_only_a_graders_pod_gets_the_certificates_and_the_label(class_values, graders_pod):
    for user, has in (("ada", 0), ("ines", 0), ("grade-mlops-example", 1)):
        pod = graders_pod if has else pod_of(user, class_values)
        text = json.dumps(pod)
        assert text.count('"secretName": "grading-tls"') == has, "twice started, once mounted"
        assert text.count('"mountPath": "/tls"') == has
        assert ("DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY" in text) == bool(has)
        assert (pod["metadata"]["labels"].get("course-role") == "grader") == bool(has)


def test_a_graders_label_is_the_one_that_the_policies_know(graders_pod):
    [rule] = policies()["grading-scheduler"]["ingress"]
    labels = graders_pod["metadata"]["labels"].items()
    assert any(peer.items() <= labels for peer in peers(rule, "from"))
    assert policies()["grader-to-scheduler"]["podSelector"]["matchLabels"].items() <= labels


def test_a_class_becomes_groups_roles_and_nobodys_grader(capsys):
    assert main(["hub-values", str(CLASS)]) == 0
    values = yaml.safe_load(capsys.readouterr().out)
    groups = values["hub"]["config"]["JupyterHub"]["load_groups"]
    assert groups["nbgrader-mlops-example"] == {"users": ["ada", "bo"]}
    assert groups["formgrade-mlops-example"] == {"users": ["ines", "tom", "grade-mlops-example"]}
    assert "grade-mlops-example" not in values["hub"]["config"]["Authenticator"]["allowed_users"]
    scopes = {name: role["scopes"] for name, role in values["hub"]["loadRoles"].items()}
    assert not any("servers" in scope for scope in scopes["exchange-mlops-example"])
    assert all(scope.endswith("user=grade-mlops-example") for scope in scopes["assistant-mlops-example"])


def test_who_teaches_one_course_and_learns_in_another_is_refused(tmp_path, capsys):
    for name, student in (("a", "ada"), ("b", "tom")):
        (tmp_path / f"{name}.csv").write_text(f"id,first_name,last_name,email\n{student},F,L,\n")
    courses = '[courses.a]\nroster = "a.csv"\ninstructors = ["ines"]\nassistants = ["tom"]\n'
    courses += '[courses.b]\nroster = "b.csv"\ninstructors = ["ines"]\n'
    (tmp_path / "class.toml").write_text(f'state = "unused"\n{courses}')
    assert main(["hub-values", str(tmp_path / "class.toml")]) == 2
    assert "tom teaches a and learns in b" in capsys.readouterr().err


def test_a_class_that_cannot_be_read_is_said(tmp_path, capsys):
    assert main(["hub-values", str(tmp_path / "none.toml")]) == 2
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.long
def test_an_image_is_built_from_the_wheel_the_lock_and_nothing_else(tmp_path, capsys):
    out = tmp_path / "image"
    assert main(["image", "--root", str(ROOT), "--out", str(out)]) == 0
    wheel, *others = sorted((path.name for path in out.iterdir()), key=lambda name: not name.endswith(".whl"))
    assert wheel.endswith(".whl") and sorted(others) == ["Dockerfile", "requirements-hub.lock"]
    (out / "answers.ipynb").write_text("mine")
    assert main(["image", "--root", str(ROOT), "--out", str(out)]) == 2
    assert "answers.ipynb" in capsys.readouterr().err and (out / "answers.ipynb").exists()


def test_an_image_that_would_tell_an_answer_is_refused(monkeypatch):
    from course.authoring.leaks import secrets_of
    from course.pack import image

    secret = max(secrets_of(ROOT / "source" / "01_what_is_mlops").lines, key=len)
    monkeypatch.setattr(image, "build_wheel", lambda root: ("course.py", secret.encode()))
    with pytest.raises(CourseError, match="would tell answers"):
        image_files(ROOT)
