"""Generates the Helm chart and the rule of the alerts: `make chart`.

The chart differs from the base in its values only, and in two things that kustomize's users do by
hand: the migration runs before each release (a hook), and a changed ConfigMap replaces the pods.
"""

import re
import textwrap
from pathlib import Path
from typing import Any, Final

import yaml

from tests.system.kubernetes import CHART, LABEL, Manifest, kustomize
from tests.system.repository import ROOT

HEADER: Final = "# Generated from k8s/base by `make chart`; do not edit.\n"
TOKEN: Final = re.compile(r"'?@@(.+?)@@'?")
HOOKS: Final = {
    "helm.sh/hook": "pre-install,pre-upgrade",
    "helm.sh/hook-delete-policy": "before-hook-creation",
}
CHECKSUM: Final = "checksum/config"
RULE: Final = ROOT / "k8s" / "components" / "monitoring" / "prometheus-rule.yaml"
RULE_HEAD: Final = """# Generated from monitoring/alerts.yaml by `make chart`; do not edit.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: roster
  labels:
    app.kubernetes.io/name: roster
    app.kubernetes.io/component: monitoring
spec:
"""
# A value in a list or a mapping of the template.
NAME: Final = "roster"


def value(path: str, pipe: str = "") -> str:
    """Return what stands for a value until the YAML is written, for its quotes."""
    return f"@@ .Values.{path}{pipe} @@"


def camel(name: str) -> str:
    head, *rest = name.split("-")
    return head + "".join(map(str.capitalize, rest))


def templates() -> dict[str, str]:
    """Return the text of each template by its file's name."""
    found: dict[str, list[str]] = {}
    for manifest in kustomize(ROOT / "k8s" / "base"):
        kind, component = manifest["kind"], manifest["metadata"]["labels"][LABEL]
        text = _text(_with_values(manifest))
        if kind == "Ingress":
            text = f"{{{{- if .Values.ingress.enabled }}}}\n{text}{{{{- end }}}}\n"
        found.setdefault(component, []).append(text)
    return {f"{name}.yaml": HEADER + "---\n".join(texts) for name, texts in found.items()}


def _text(manifest: Manifest) -> str:
    text = yaml.safe_dump(manifest, sort_keys=False, width=10_000)
    return TOKEN.sub(lambda found: f"{{{{{found[1]}}}}}", text)


def _with_values(manifest: Manifest) -> Manifest:
    kind, metadata = manifest["kind"], manifest["metadata"]
    spec: dict[str, Any] = manifest.get("spec", {})
    if kind == "ConfigMap":
        metadata |= {"name": NAME, "annotations": HOOKS | {"helm.sh/hook-weight": "-1"}}
        manifest["data"] = "@@ .Values.config | toYaml | nindent 2 @@"
    elif kind == "Ingress":
        spec["ingressClassName"] = value("ingress.className")
        spec["tls"] = [{"hosts": [value("ingress.host")], "secretName": value("ingress.tlsSecret")}]
        spec["rules"][0]["host"] = value("ingress.host")
    elif kind == "NetworkPolicy" and "ingress" in spec:
        [rule] = spec["ingress"]
        labels = rule["from"][0]["namespaceSelector"]["matchLabels"]
        labels["kubernetes.io/metadata.name"] = value("ingress.namespace")
    elif kind == "Job":
        metadata["annotations"] = HOOKS | {"helm.sh/hook-weight": "0"}
        _set_pod(spec["template"], "migrate")
    elif kind == "Deployment":
        component = camel(metadata["labels"][LABEL])
        # Beat has one pod in any deployment.
        if component != "beat":
            spec["replicas"] = value(f"{component}.replicas")
        _set_pod(spec["template"], component)
        checksum = "@@ .Values.config | toYaml | sha256sum @@"
        spec["template"]["metadata"]["annotations"] = {CHECKSUM: checksum}
    return manifest


def _set_pod(template: Manifest, component: str) -> None:
    [container] = template["spec"]["containers"]
    container["image"] = "@@ .Values.image.repository @@:@@ .Values.image.tag @@"
    container["resources"] = f"@@ .Values.{component}.resources | toYaml | nindent 12 @@"
    secrets = iter(("secret", "ownerSecret"))
    for source in container["envFrom"]:
        if "configMapRef" in source:
            source["configMapRef"]["name"] = NAME
        else:
            source["secretRef"]["name"] = value(next(secrets))


def default_values() -> dict[str, Any]:
    """Return the values with which the chart renders the base."""
    values: dict[str, Any] = {"secret": NAME, "ownerSecret": f"{NAME}-owner"}
    for manifest in kustomize(ROOT / "k8s" / "base"):
        kind, spec = manifest["kind"], manifest.get("spec", {})
        if kind == "ConfigMap":
            values["config"] = manifest["data"]
        elif kind == "Ingress":
            values["ingress"] = {
                "enabled": True,
                "className": spec["ingressClassName"],
                "host": spec["rules"][0]["host"],
                "tlsSecret": spec["tls"][0]["secretName"],
            }
        elif kind in {"Deployment", "Job"}:
            [container] = spec["template"]["spec"]["containers"]
            repository, tag = container["image"].split(":")
            values["image"] = {"repository": repository, "tag": tag}
            component = camel(manifest["metadata"]["labels"][LABEL])
            values[component] = {"resources": container["resources"]}
            if kind == "Deployment" and component != "beat":
                values[component]["replicas"] = spec["replicas"]
    values["ingress"]["namespace"] = "ingress-nginx"
    return values


def prometheus_rule() -> str:
    """Return the alerts as a manifest for the Prometheus operator."""
    alerts = (ROOT / "monitoring" / "alerts.yaml").read_text(encoding="utf-8")
    _comment, groups = alerts.split("\ngroups:\n")
    return RULE_HEAD + textwrap.indent(f"groups:\n{groups}", "  ")


def write(folder: Path) -> None:
    """Write the templates and the default values."""
    for path in (folder / "templates").glob("*.yaml"):
        path.unlink()
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    for name, text in templates().items():
        (folder / "templates" / name).write_text(text, encoding="utf-8")
    values = yaml.safe_dump(default_values(), sort_keys=True, width=10_000)
    (folder / "values.yaml").write_text(HEADER + values, encoding="utf-8")


if __name__ == "__main__":
    write(CHART)
    RULE.write_text(prometheus_rule(), encoding="utf-8")
