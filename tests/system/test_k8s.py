"""The compose file and the Kubernetes base are valid, hardened and consistent."""

import os
import re
import runpy
import subprocess
import sys
import tomllib
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml
from django.conf import settings
from django.test import Client

from tests.system.programs import require_program
from tests.system.repository import PINNED, ROOT, text

SECRET_KEY = "k" * 50
COMPOSE_SECRETS = {
    "SECRET_KEY": SECRET_KEY,
    "POSTGRES_PASSWORD": "s3cret",
    "POSTGRES_OWNER_PASSWORD": "m0re",
}
OLDEST_VERSION, NEWEST_VERSION = "1.25", "1.37"
READS_VARIABLE = re.compile(r"env\.\w+\(\s*\"(\w+)\"")

Manifest = dict[str, Any]


def variables_read() -> set[str]:
    """Return the environment variables of the settings and gunicorn's configuration."""
    files = ("core/settings.py", "gunicorn.conf.py")
    return {name for file in files for name in READS_VARIABLE.findall(text(file))}


def example_secret(name: str = "secret") -> dict[str, str]:
    lines = [line for line in text(f"k8s/{name}.example.env").splitlines() if line[:1] != "#"]
    return dict(line.split("=", 1) for line in lines)


def assert_starts_with(environment: dict[str, str]) -> None:
    """Assert that gunicorn loads the service with these variables only."""
    result = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--check-config"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr


# The Kubernetes base ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def manifests() -> list[Manifest]:
    command = [require_program("kubectl", "kubernetes-client"), "kustomize", str(ROOT / "k8s")]
    rendered = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert rendered.returncode == 0, rendered.stderr
    return list(yaml.safe_load_all(rendered.stdout))


def find(manifests: list[Manifest], kind: str, component: str) -> Manifest:
    [found] = [
        manifest
        for manifest in manifests
        if manifest["kind"] == kind
        and manifest["metadata"]["labels"]["app.kubernetes.io/component"] == component
    ]
    return found


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Return each component's pod template."""
    return {
        manifest["metadata"]["labels"]["app.kubernetes.io/component"]: manifest["spec"]["template"]
        for manifest in manifests
        if "template" in manifest.get("spec", {})
    }


def container(manifests: list[Manifest], component: str) -> Manifest:
    containers: list[Manifest] = pods(manifests)[component]["spec"]["containers"]
    [only] = containers
    return only


def test_base_contains_the_whole_service(manifests: list[Manifest]) -> None:
    rendered = sorted((m["kind"], m["metadata"]["name"].split("-")[-1]) for m in manifests)
    config = find(manifests, "ConfigMap", "config")["metadata"]["name"].split("-")[-1]
    assert rendered == [
        ("ConfigMap", config),
        ("Deployment", "beat"),
        ("Deployment", "web"),
        ("Deployment", "worker"),
        ("Ingress", "roster"),
        ("Job", "migrate"),
        ("NetworkPolicy", "roster"),
        ("NetworkPolicy", "web"),
        ("PodDisruptionBudget", "web"),
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
    for component in ("web", "worker", "beat"):
        assert container(manifests, component)["envFrom"] == of_all
    assert container(manifests, "migrate")["envFrom"] == [
        *of_all,
        {"secretRef": {"name": "roster-owner"}},
    ]


def test_only_migrations_have_the_owner_credentials(services: dict[str, Manifest]) -> None:
    for environment in (
        example_secret() | example_secret("owner.secret"),
        services["migrate"]["environment"],
    ):
        service, owner = (
            urlsplit(interpolate(environment[name], COMPOSE_SECRETS))
            for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL")
        )
        assert (service.username, owner.username) == ("roster", "roster_owner")
        assert (service.hostname, service.path) == (owner.hostname, owner.path)
    assert set(example_secret("owner.secret")) == {"MIGRATION_DATABASE_URL"}
    for name in set(services) - {"migrate", "postgres"}:
        assert "owner" not in str(services[name]).lower()


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
    for component in ("web", "worker", "beat"):
        deployment = find(manifests, "Deployment", component)["spec"]
        assert deployment["selector"]["matchLabels"] == labels[component]
    web = labels["web"]
    service = find(manifests, "Service", "web")
    assert service["spec"]["selector"] == web
    budget = find(manifests, "PodDisruptionBudget", "web")["spec"]
    assert budget["selector"]["matchLabels"] == web
    [spread] = pods(manifests)["web"]["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == web
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
    assert grace["worker"] > settings.CELERY_TASK_TIME_LIMIT
    beat = find(manifests, "Deployment", "beat")["spec"]
    assert (beat["replicas"], beat["strategy"]) == (1, {"type": "Recreate"})


# The compose file ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def services() -> dict[str, Manifest]:
    compose = yaml.safe_load(text("compose.yaml"))
    found: dict[str, Manifest] = compose["services"]
    return found


def interpolate(value: str, variables: dict[str, str]) -> str:
    """Interpolate ${NAME:-default} and ${NAME:?problem}."""

    def one(found: re.Match[str]) -> str:
        name, operator, rest = found.groups()
        if operator == "?" and name not in variables:
            raise LookupError(rest)
        return variables.get(name, rest)

    return re.sub(r"\$\{(\w+):([-?])([^}]*)\}", one, value)


def test_compose_needs_three_secrets_and_starts_with_them(services: dict[str, Manifest]) -> None:
    environment = services["migrate"]["environment"]
    assert set(services["web"]["environment"]) | set(environment) <= variables_read()
    assert services["worker"]["environment"].items() <= services["web"]["environment"].items()
    assert services["beat"]["environment"].items() <= environment.items()
    for missing in COMPOSE_SECRETS:
        others = {name: value for name, value in COMPOSE_SECRETS.items() if name != missing}
        with pytest.raises(LookupError, match=f"set {missing} to "):
            [interpolate(value, others) for value in environment.values()]
    for name in ("web", "migrate"):
        values = services[name]["environment"].items()
        assert_starts_with({key: interpolate(value, COMPOSE_SECRETS) for key, value in values})


def test_compose_creates_both_roles(services: dict[str, Manifest]) -> None:
    postgres = services["postgres"]
    url = services["migrate"]["environment"]["MIGRATION_DATABASE_URL"]
    owner = urlsplit(interpolate(url, COMPOSE_SECRETS))
    created = {
        name: interpolate(value, COMPOSE_SECRETS) for name, value in postgres["environment"].items()
    }
    assert created == {
        "POSTGRES_USER": owner.username,
        "POSTGRES_PASSWORD": owner.password,
        "POSTGRES_DB": owner.path.removeprefix("/"),
    }

    [config] = postgres["configs"]
    script = yaml.safe_load(text("compose.yaml"))["configs"][config["source"]]["content"]
    assert interpolate(script, COMPOSE_SECRETS) == "CREATE ROLE roster LOGIN PASSWORD 's3cret';\n"
    # tests/core/test_append_only.py runs the document's statements.
    assert interpolate(script, {"POSTGRES_PASSWORD": "…"}) in text("docs/deployment.md")
    assert config["target"].startswith("/docker-entrypoint-initdb.d/")
    assert config["target"].endswith(".sql")


def test_compose_and_kubernetes_run_the_same(
    services: dict[str, Manifest], manifests: list[Manifest]
) -> None:
    project = tomllib.loads(text("pyproject.toml"))["project"]
    image = f"roster:{project['version']}"
    for component in ("web", "worker", "beat", "migrate"):
        pod = container(manifests, component)
        assert pod["image"] == services[component]["image"] == image
        assert pod.get("args") == services[component].get("command")
        assert "command" not in pod
    assert [name for name, service in services.items() if "build" in service] == ["web"]


def test_compose_waits_for_what_it_needs(services: dict[str, Manifest]) -> None:
    needs = {
        name: {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    after_migrate = {
        "migrate": "service_completed_successfully",
        "redis": "service_healthy",
    }
    assert needs == {
        "nginx": {"web": "service_healthy"},
        "web": after_migrate,
        "worker": after_migrate,
        "beat": after_migrate,
        "migrate": {"postgres": "service_healthy"},
        "postgres": {},
        "redis": {},
        "mailpit": {},
    }
    for name in ("nginx", "web", "postgres", "redis"):
        assert services[name]["healthcheck"]["test"][0] == "CMD"
    for name in ("worker", "beat", "migrate"):
        assert services[name]["healthcheck"] == {"disable": True}
    gunicorn = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    assert seconds(services["web"]["stop_grace_period"]) > gunicorn["graceful_timeout"]
    assert seconds(services["worker"]["stop_grace_period"]) > settings.CELERY_TASK_TIME_LIMIT


def seconds(duration: str) -> int:
    assert duration.endswith("s")
    return int(duration.removesuffix("s"))


def test_compose_exposes_nginx_only_and_pins_every_image(services: dict[str, Manifest]) -> None:
    for name, service in services.items():
        assert PINNED.fullmatch(service["image"]), name
        for port in service.get("ports", []):
            assert interpolate(port, {}).startswith("127.0.0.1:")
    assert [name for name, service in services.items() if "ports" in service] == [
        "nginx",
        "mailpit",
    ]
    assert services["web"]["deploy"]["replicas"] == 2


def test_compose_configures_nginx(services: dict[str, Manifest]) -> None:
    template = text("nginx.conf.template")
    environment = services["nginx"]["environment"]
    used = set(re.findall(r"\$\{(\w+)\}", template))
    assert used == {name for name in environment if name.startswith("ROSTER_")}
    assert environment["NGINX_ENVSUBST_FILTER"] == "ROSTER_"
    size = environment["ROSTER_MAX_BODY"]
    assert int(size.removesuffix("k")) * 1024 > settings.FILE_UPLOAD_MAX_MEMORY_SIZE
    assert int(environment["ROSTER_MAX_PER_ADDRESS"]) > 0
    [source, target, mode] = services["nginx"]["volumes"][0].split(":")
    assert (ROOT / source).is_file()
    assert (target, mode) == ("/etc/nginx/templates/nginx.conf.template", "ro")

    gunicorn = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    block = template[template.index("upstream roster {") :]
    idle = re.search(r"keepalive_timeout (\w+);", block)
    assert idle
    assert gunicorn["keepalive"] > seconds(idle[1])
