"""All that kustomize and Helm render of `k8s/`: valid, consistent and hardened."""

import re
import shutil
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import pytest
import yaml

from core.configuration.services import ServiceEnvironment
from core.outbox.queues import Queue
from tests.system import chart
from tests.system.kubernetes import (
    CHART,
    LABEL,
    NEWEST_VERSION,
    OLDEST_VERSION,
    Manifest,
    container,
    helm_template,
    kinds_of,
    kustomize,
    named,
    output_of,
    pods,
    tool,
)
from tests.system.repository import PINNED, ROOT, text
from users.activity.targets import SYSLOG_PORTS
from users.webhooks.targets import HTTPS_PORT, UNPRIVILEGED

K8S: Final = ROOT / "k8s"
COMPONENTS: Final = sorted(path.name for path in (K8S / "components").iterdir())
# Of operators, whose schemas no package has: the groups and the versions that they serve.
CUSTOM: Final = {
    "external-secrets.io/v1": {"ExternalSecret"},
    "gateway.networking.k8s.io/v1": {"Gateway", "HTTPRoute"},
    "keda.sh/v1alpha1": {"ScaledObject"},
    "monitoring.coreos.com/v1": {"PodMonitor", "PrometheusRule"},
    "postgresql.cnpg.io/v1": {"Cluster", "Pooler", "ScheduledBackup"},
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Manifest]]:
    """Return the manifests of the overlays, of each component, and of the chart."""
    overlays = {path.name: kustomize(path) for path in (K8S / "overlays").iterdir()}
    # Kustomize reads files below the folder's root only, so the tree is copied.
    copy = tmp_path_factory.mktemp("k8s")
    shutil.copytree(K8S, copy, dirs_exist_ok=True)
    alone = {}
    for name in COMPONENTS:
        folder = copy / "overlays" / f"only-{name}"
        folder.mkdir()
        kustomization = {"resources": ["../../base"], "components": [f"../../components/{name}"]}
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
        alone[name] = kustomize(folder)
    return overlays | alone | {"chart": helm_template()}


def test_production_uses_every_component_but_the_ingress_has_a_replacement() -> None:
    used = yaml.safe_load(text("k8s/overlays/production/kustomization.yaml"))["components"]
    assert {Path(each).name for each in used} == set(COMPONENTS) - {"gateway"}


@pytest.mark.parametrize("version", [OLDEST_VERSION, NEWEST_VERSION])
def test_everything_matches_its_schema(rendered: dict[str, list[Manifest]], version: str) -> None:
    known: set[str] = set()
    for manifests in rendered.values():
        for manifest in manifests:
            group, kind = manifest["apiVersion"], manifest["kind"]
            if group in CUSTOM:
                assert kind in CUSTOM[group]
                known.add(kind)
            elif str(manifest) not in known:
                known.add(str(manifest))
                kubernetes_validate.validate(manifest, version, strict=True)
    assert known >= {kind for kinds in CUSTOM.values() for kind in kinds}


def test_everything_is_labelled_and_names_are_unique(rendered: dict[str, list[Manifest]]) -> None:
    for manifests in rendered.values():
        names = [(each["kind"], each["metadata"]["name"]) for each in manifests]
        assert len(set(names)) == len(names)
        for manifest in manifests:
            if manifest["kind"] != "Secret":
                assert LABEL in manifest["metadata"]["labels"], manifest["metadata"]["name"]
    for name, manifests in rendered.items():
        namespaces = {each["metadata"].get("namespace") for each in manifests}
        expected = {"production": "roster", "development": "roster-development"}.get(name)
        assert namespaces - {None} == ({expected} if expected else set())


def test_every_pod_is_confined(rendered: dict[str, list[Manifest]]) -> None:
    for manifests in rendered.values():
        for pod in pods(manifests).values():
            spec = pod["spec"]
            assert spec["automountServiceAccountToken"] is False
            assert spec["securityContext"]["runAsNonRoot"] is True
            assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            for each in spec["containers"]:
                assert each["securityContext"] == {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                }
                assert each["resources"]["limits"]["memory"]
                assert PINNED.fullmatch(each["image"]), each["image"]


def test_secrets_and_config_maps_exist_or_are_documented(
    rendered: dict[str, list[Manifest]],
) -> None:
    production, development = rendered["production"], rendered["development"]
    for manifests, created_by_hand in (
        (production, {"roster-valkey", "roster-database-owner", "roster-database-service"}),
        (development, set()),
    ):
        provided = {
            each["metadata"]["name"]
            for each in manifests
            if each["kind"] in {"Secret", "ConfigMap", "ExternalSecret"}
        }
        for pod in pods(manifests).values():
            named_by_pod = set(
                re.findall(r"'(?:secretKey|secret|configMap)Ref': {(.*?)}", str(pod))
            )
            names = {
                found for each in named_by_pod for found in re.findall(r"'name': '(.*?)'", each)
            }
            assert names <= provided | created_by_hand
    documentation = text("docs/deployment.md")
    for name in ("roster-valkey", "roster-database-owner", "roster-database-service"):
        assert f"`{name}`" in documentation


def test_autoscalers_replace_the_numbers_of_replicas(rendered: dict[str, list[Manifest]]) -> None:
    production = rendered["production"]
    scaled = {}
    for manifest in production:
        if manifest["kind"] in {"HorizontalPodAutoscaler", "ScaledObject"}:
            spec = manifest["spec"]
            target = spec["scaleTargetRef"]["name"]
            scaled[target] = spec
            assert "replicas" not in named(production, "Deployment", target)["spec"]
    web = scaled.pop("roster-web")
    assert (web["minReplicas"], web["maxReplicas"]) == (2, 10)
    # Each by the age of the queue that its workers consume; a metric of the service.
    assert len(scaled) == len(Queue) - 1
    for target, spec in scaled.items():
        [trigger] = spec["triggers"]
        query = trigger["metadata"]["query"]
        [queue] = re.findall(r'^max\(outbox_oldest_seconds\{queue="(\w+)"\}\)$', query)
        consumed = container(production, target.removeprefix("roster-"))["args"][-1]
        assert queue in consumed.split(",")
        assert spec["minReplicaCount"] == spec["fallback"]["replicas"] > 0
    # What is not scaled has a number.
    others = {"roster-beat", "roster-worker-periodic", "roster-valkey"}
    for name in others:
        assert named(production, "Deployment", name)["spec"]["replicas"] >= 1


def test_priority_is_that_of_every_pod_of_the_service(rendered: dict[str, list[Manifest]]) -> None:
    for component, pod in pods(rendered["priority"]).items():
        assert pod["spec"]["priorityClassName"] == "roster", component


def allowed_ports(manifests: list[Manifest], component: str) -> set[int]:
    """Return the ports that a component's pods may connect to."""
    labels = pods(manifests)[component]["metadata"]["labels"]
    ports: set[int] = set()
    for manifest in manifests:
        spec = manifest["spec"] if manifest["kind"] == "NetworkPolicy" else {"policyTypes": []}
        if "Egress" in spec["policyTypes"] and _selects(spec["podSelector"], labels):
            for rule in spec["egress"]:
                for each in rule.get("ports", []):
                    ports |= set(range(each["port"], each.get("endPort", each["port"]) + 1))
    return ports


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    matches = selector.get("matchLabels", {}).items() <= labels.items()
    return matches and all(
        labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", [])
    )


def test_egress_is_what_each_part_needs(rendered: dict[str, list[Manifest]]) -> None:
    manifests = rendered["egress"]
    servers = {53, 5432, 6379, 6380, 5671, 5672}
    more = {
        "worker-mail": {25, 465, 587, 443},
        "worker-periodic": {443, *SYSLOG_PORTS.values()},
        "web": {443},
        "worker-webhooks": {HTTPS_PORT, *range(UNPRIVILEGED, 65_536)},
    }
    for component in pods(manifests):
        assert allowed_ports(manifests, component) == servers | more.get(component, set())
    for name in ("roster-egress-web", "roster-egress-internet"):
        [rule] = named(manifests, "NetworkPolicy", name)["spec"]["egress"]
        except_ = rule["to"][0]["ipBlock"]["except"]
        assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(except_)


def test_prometheus_reaches_every_worker(rendered: dict[str, list[Manifest]]) -> None:
    manifests = rendered["monitoring"]
    monitor = named(manifests, "PodMonitor", "roster-workers")["spec"]
    policy = named(manifests, "NetworkPolicy", "roster-workers")["spec"]
    [endpoint] = monitor["podMetricsEndpoints"]
    [rule] = policy["ingress"]
    [peer] = rule["from"]
    assert peer == {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}
    }
    assert rule["ports"] == [{"port": endpoint["port"]}]
    for component, pod in pods(manifests).items():
        is_worker = component.startswith("worker")
        labels, only = pod["metadata"]["labels"], container(manifests, component)
        variables = {each["name"]: each["value"] for each in only.get("env", [])}
        # Others would report to a directory that is a worker's.
        assert ("WORKER_METRICS_PORT" in variables) is is_worker
        assert _selects(monitor["selector"], labels) is is_worker
        assert _selects(policy["podSelector"], labels) is is_worker
        if is_worker:
            number = int(variables["WORKER_METRICS_PORT"])
            assert only["ports"] == [{"name": endpoint["port"], "containerPort": number}]


def test_the_rule_is_generated_from_the_alerts(rendered: dict[str, list[Manifest]]) -> None:
    assert chart.prometheus_rule() == chart.RULE.read_text(encoding="utf-8"), "run `make chart`"
    rule = named(rendered["monitoring"], "PrometheusRule", "roster")
    assert rule["spec"] == yaml.safe_load(text("monitoring/alerts.yaml"))


def test_prometheus_and_gateways_reach_the_web_pods(rendered: dict[str, list[Manifest]]) -> None:
    def namespaces(name: str) -> list[str]:
        [rule] = named(rendered[name], "NetworkPolicy", "roster-web")["spec"]["ingress"]
        label = "kubernetes.io/metadata.name"
        return [each["namespaceSelector"]["matchLabels"][label] for each in rule["from"]]

    assert namespaces("monitoring") == ["ingress-nginx", "monitoring"]
    assert namespaces("gateway") == ["gateway-system"]
    monitor = named(rendered["monitoring"], "PodMonitor", "roster-web")["spec"]
    web = pods(rendered["monitoring"])["web"]["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"] == web
    [endpoint] = monitor["podMetricsEndpoints"]
    [port] = container(rendered["monitoring"], "web")["ports"]
    assert (endpoint["port"], endpoint["path"]) == (port["name"], "/metrics")

    gateway = rendered["gateway"]
    assert "Ingress" not in kinds_of(gateway)
    [rule] = named(gateway, "HTTPRoute", "roster")["spec"]["rules"]
    [backend] = rule["backendRefs"]
    [service_port] = named(gateway, "Service", "roster")["spec"]["ports"]
    assert backend == {"name": "roster", "port": service_port["port"]}
    listeners = named(gateway, "Gateway", "roster")["spec"]["listeners"]
    sections = {each["name"] for each in listeners}
    for name in ("roster", "roster-redirect"):
        [parent] = named(gateway, "HTTPRoute", name)["spec"]["parentRefs"]
        assert parent["sectionName"] in sections


def test_the_database_is_as_documented(rendered: dict[str, list[Manifest]]) -> None:
    manifests = rendered["cloudnative-pg"]
    cluster = named(manifests, "Cluster", "roster-database")["spec"]
    assert cluster["instances"] > 1 + cluster["postgresql"]["synchronous"]["number"]
    statements = cluster["bootstrap"]["initdb"]["postInitSQL"]
    documented = re.findall(r"(?m)^(ALTER ROLE roster SET .+);$", text("docs/deployment.md"))
    assert [each for each in statements if each.startswith("ALTER")] == documented
    for kind, name in (("Pooler", "roster-database-pool"), ("ScheduledBackup", "roster-database")):
        assert named(manifests, kind, name)["spec"]["cluster"] == {"name": "roster-database"}
    pool = named(manifests, "Pooler", "roster-database-pool")["spec"]["pgbouncer"]
    assert pool["poolMode"] == "transaction"
    [config] = [
        each
        for each in manifests
        if each["metadata"]["name"].startswith("roster-") and each["kind"] == "ConfigMap"
    ]
    assert config["data"]["DATABASE_CONN_MAX_AGE"] == "0"


def test_standbys_may_execute_queries(rendered: dict[str, list[Manifest]]) -> None:
    comment = text("k8s/components/cloudnative-pg/kustomization.yaml")
    [url] = re.findall(r"DATABASE_REPLICA_URLS=(\S+)", comment)
    [database] = ServiceEnvironment({"URLS": url}).databases("URLS")
    # A service that the operator makes for each cluster.
    cluster = named(rendered["production"], "Cluster", database["HOST"].removesuffix("-ro"))
    assert cluster["spec"]["instances"] > 1
    assert cluster["spec"]["postgresql"]["parameters"]["hot_standby_feedback"] == "on"
    assert int(database["PORT"]) in allowed_ports(rendered["production"], "web")


# The Helm chart --------------------------------------------------------------------------


def test_the_chart_is_generated_from_the_base() -> None:
    assert chart.templates() == {
        path.name: path.read_text(encoding="utf-8") for path in (CHART / "templates").iterdir()
    }, "run `make chart`"
    assert yaml.safe_load(text("k8s/chart/values.yaml")) == chart.default_values()


def normalized(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Return manifests by kind and name, without the ConfigMap's suffix and Helm's annotations."""
    found = {}
    for manifest in yaml.safe_load(re.sub(r"roster-[a-z0-9]{10}\b", "roster", str(manifests))):
        metadata = manifest["metadata"]
        metadata.pop("annotations", None) if manifest["kind"] in {"ConfigMap", "Job"} else None
        template = manifest.get("spec", {}).get("template", {"metadata": {}})
        template["metadata"].pop("annotations", None)
        found[f"{manifest['kind']} {metadata['name']}"] = manifest
    return found


def test_the_chart_renders_the_base() -> None:
    assert normalized(helm_template()) == normalized(kustomize(K8S / "base"))


def test_the_charts_values_are_used() -> None:
    options = {
        "image.repository": "registry.example.com/roster",
        "image.tag": "9.9.9",
        "ingress.host": "accounts.example.com",
        "config.PUBLIC_URL": "https://accounts.example.com",
        "web.replicas": "5",
        "secret": "other",
    }
    manifests = helm_template(*[f"--set={name}={value}" for name, value in options.items()])
    web = named(manifests, "Deployment", "roster-web")
    [only] = web["spec"]["template"]["spec"]["containers"]
    assert only["image"] == "registry.example.com/roster:9.9.9"
    assert {"secretRef": {"name": "other"}} in only["envFrom"]
    assert web["spec"]["replicas"] == 5
    [rule] = named(manifests, "Ingress", "roster")["spec"]["rules"]
    assert rule["host"] == "accounts.example.com"
    before = named(helm_template(), "Deployment", "roster-web")["spec"]["template"]["metadata"]
    # Pods are replaced if the ConfigMap changes.
    assert before["annotations"] != web["spec"]["template"]["metadata"]["annotations"]
    assert "Ingress" not in kinds_of(helm_template("--set=ingress.enabled=false"))


def test_migrations_run_before_each_release() -> None:
    manifests = helm_template()
    weights = {}
    for kind, name in (("ConfigMap", "roster"), ("Job", "roster-migrate")):
        annotations = named(manifests, kind, name)["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
        weights[kind] = int(annotations["helm.sh/hook-weight"])
    assert weights["ConfigMap"] < weights["Job"]


def test_the_chart_is_linted() -> None:
    assert "0 chart(s) failed" in output_of(tool("helm"), "lint", "--strict", CHART)
    version = yaml.safe_load(text("k8s/chart/Chart.yaml"))["appVersion"]
    assert f'version = "{version}"' in text("pyproject.toml")
