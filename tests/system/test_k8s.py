"""The Kubernetes base is valid, hardened and consistent."""

import os
import re
import runpy
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
from django.conf import settings
from django.test import Client

from core.outbox.queues import FORMER, Queue
from tests.system.environments import (
    SECRET_KEY,
    WORKERS,
    assert_starts_with,
    example_secret,
    variables_read,
)
from tests.system.kubernetes import (
    NEWEST_VERSION,
    OLDEST_VERSION,
    Manifest,
    container,
    find,
    kustomize,
    pods,
)
from tests.system.repository import ROOT, text


@pytest.fixture(scope="module")
def manifests() -> list[Manifest]:
    return kustomize(ROOT / "k8s" / "base")


def test_base_contains_the_whole_service(manifests: list[Manifest]) -> None:
    rendered = sorted((m["kind"], m["metadata"]["name"].split("-")[-1]) for m in manifests)
    config = find(manifests, "ConfigMap", "config")["metadata"]["name"].split("-")[-1]
    assert rendered == [
        ("ConfigMap", config),
        ("Deployment", "beat"),
        ("Deployment", "bulk"),
        ("Deployment", "mail"),
        ("Deployment", "periodic"),
        ("Deployment", "web"),
        ("Deployment", "webhooks"),
        ("Deployment", "worker"),
        ("Ingress", "roster"),
        ("Job", "migrate"),
        ("NetworkPolicy", "roster"),
        ("NetworkPolicy", "web"),
        *(
            ("PodDisruptionBudget", name)
            for name in ("bulk", "mail", "periodic", "web", "webhooks", "worker")
        ),
        ("Service", "roster"),
    ]


@pytest.mark.parametrize("version", [OLDEST_VERSION, NEWEST_VERSION])
def test_every_manifest_matches_the_schema(manifests: list[Manifest], version: str) -> None:
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_validator_detects_errors(manifests: list[Manifest]) -> None:
    service = find(manifests, "Service", "web")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(
            service | {"spec": service["spec"] | {"sessionAfinity": "None"}},
            NEWEST_VERSION,
            strict=True,
        )


def test_manifests_set_known_and_sufficient_variables(manifests: list[Manifest]) -> None:
    config = find(manifests, "ConfigMap", "config")
    assert set(config["data"]) | set(example_secret()) <= variables_read()
    assert not set(config["data"]) & set(example_secret())
    assert example_secret()["SECRET_KEY"] == ""
    assert_starts_with(config["data"] | example_secret() | {"SECRET_KEY": SECRET_KEY})
    of_all = [
        {"configMapRef": {"name": config["metadata"]["name"]}},
        {"secretRef": {"name": "roster"}},
    ]
    for component in ("web", "beat", *WORKERS):
        assert container(manifests, component)["envFrom"] == of_all
    assert container(manifests, "migrate")["envFrom"] == [
        *of_all,
        {"secretRef": {"name": "roster-owner"}},
    ]


def test_every_pod_is_confined(manifests: list[Manifest]) -> None:
    [user] = re.findall(r"^USER (\d+):(\d+)$", text("Dockerfile"), re.MULTILINE)
    for component, pod in pods(manifests).items():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": int(user[0]),
            "runAsGroup": int(user[1]),
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        only = container(manifests, component)
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert only["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - as is
        assert spec["volumes"] == [{"name": "tmp", "emptyDir": {}}]
        assert set(only["resources"]["requests"]) == {"cpu", "memory"}
        assert set(only["resources"]["limits"]) == {"memory"}


def test_selectors_match_pods(manifests: list[Manifest]) -> None:
    labels = {component: pod["metadata"]["labels"] for component, pod in pods(manifests).items()}
    for component in ("web", "beat", *WORKERS):
        deployment = find(manifests, "Deployment", component)["spec"]
        assert deployment["selector"]["matchLabels"] == labels[component]
    web = labels["web"]
    service = find(manifests, "Service", "web")
    assert service["spec"]["selector"] == web
    for component in ("web", *WORKERS):
        budget = find(manifests, "PodDisruptionBudget", component)["spec"]
        assert budget["selector"]["matchLabels"] == labels[component]
        [spread] = pods(manifests)[component]["spec"]["topologySpreadConstraints"]
        assert spread["labelSelector"]["matchLabels"] == labels[component]
    policies = {m["metadata"]["name"]: m["spec"] for m in manifests if m["kind"] == "NetworkPolicy"}
    assert policies["roster-web"]["podSelector"]["matchLabels"] == web
    everyone = policies["roster"]["podSelector"]["matchLabels"]
    assert all(everyone.items() <= pod.items() for pod in labels.values())
    assert "ingress" not in policies["roster"]

    [rule] = find(manifests, "Ingress", "web")["spec"]["rules"]
    [path] = rule["http"]["paths"]
    [service_port] = service["spec"]["ports"]
    [container_port] = container(manifests, "web")["ports"]
    assert path["backend"]["service"] == {
        "name": service["metadata"]["name"],
        "port": {"name": service_port["name"]},
    }
    assert service_port["targetPort"] == container_port["name"]
    assert f"BIND=0.0.0.0:{container_port['containerPort']}\n" in text("Dockerfile")


@pytest.mark.django_db
def test_probes_use_served_paths(manifests: list[Manifest]) -> None:
    web = container(manifests, "web")
    paths = {kind: web[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")}
    assert paths == {
        "startup": {"path": "/livez", "port": "http"},
        "readiness": {"path": "/readyz", "port": "http"},
        "liveness": {"path": "/livez", "port": "http"},
    }
    for probe in paths.values():
        # Like the kubelet: by the pod's address, without TLS.
        response = Client(headers={"Host": "10.1.2.3:8000"}).get(probe["path"])
        assert response.status_code == 200


def test_grace_periods_cover_running_work(manifests: list[Manifest]) -> None:
    gunicorn = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    web = find(manifests, "Deployment", "web")["spec"]
    assert web["replicas"] >= 2
    assert web["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    command, seconds = container(manifests, "web")["lifecycle"]["preStop"]["exec"]["command"]
    assert command == "sleep"
    grace = {
        name: pod["spec"].get("terminationGracePeriodSeconds", 30)
        for name, pod in pods(manifests).items()
    }
    assert grace["web"] > int(seconds) + gunicorn["graceful_timeout"]
    for name in WORKERS:
        assert grace[name] > settings.CELERY_TASK_TIME_LIMIT
    beat = find(manifests, "Deployment", "beat")["spec"]
    assert beat["replicas"] == 1


def test_each_queue_has_workers_of_its_own(manifests: list[Manifest]) -> None:
    consumed = {}
    for name in WORKERS:
        *_others, option, queues = container(manifests, name)["args"]
        assert option == "--queues"
        consumed[name] = queues.split(",")
    assert consumed.pop("worker") == [Queue.DEFAULT, FORMER]
    assert consumed == {f"worker-{queue}": [queue] for queue in Queue if queue is not Queue.DEFAULT}
    # They differ in nothing else.
    specs = []
    for name in WORKERS:
        spec = str(pods(manifests)[name]["spec"])
        queues = container(manifests, name)["args"][-1]
        specs.append(spec.replace(f"'{queues}'", "").replace(f"'{name}'", ""))
    assert len({spec.replace("'worker'", "") for spec in specs}) == 1


def test_heartbeats_are_probed_without_python(manifests: list[Manifest], tmp_path: Path) -> None:
    config = find(manifests, "ConfigMap", "config")["data"]
    for name in ("beat", *WORKERS):
        only = container(manifests, name)
        beaten = tmp_path / Path(config["HEARTBEAT_FILE"]).name
        for probe in (only["startupProbe"], only["livenessProbe"]):
            command = probe["exec"]["command"]
            beaten.unlink(missing_ok=True)
            environ = {"PATH": os.environ["PATH"], "HEARTBEAT_FILE": str(beaten)}
            missing = subprocess.run(command, env=environ, capture_output=True, check=False)
            assert missing.returncode != 0
            beaten.touch()
            assert subprocess.run(command, env=environ, check=False).returncode == 0
            os.utime(beaten, (0, 0))
            assert subprocess.run(command, env=environ, check=False).returncode != 0
