"""The dashboard and the alerts: valid, tested, documented, and on metrics that exist."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from django.conf import settings
from django.utils.module_loading import import_string
from prometheus_client import REGISTRY, Metric

from core.server.metrics import DEPLOYMENT
from tests.system.programs import require_program

ROOT: Final = Path(__file__).resolve().parents[2]
MONITORING: Final = ROOT / "monitoring"
SUFFIXES: Final = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_count", "_sum"),
}
# Names with an underscore in PromQL.
FUNCTIONS: Final = frozenset({"histogram_quantile"})
NOT_OURS: Final = ("python_", "process_")


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
    return found


def expressions() -> dict[str, str]:
    """Return all expressions by the alert or the panel that has them."""
    panels = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard()["panels"]
        for target in panel.get("targets", ())
    }
    return {alert["alert"]: alert["expr"] for alert in alerts()} | panels


def metrics_in(expression: str) -> set[str]:
    """Return the names of metrics in an expression."""
    plain = re.sub(r"\{[^}]*\}|\[[^]]*\]|\bby \([^)]*\)", "", expression)
    return set(re.findall(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b", plain)) - FUNCTIONS


def families() -> Iterator[Metric]:
    """Return all metrics, of web processes and workers."""
    modules = (
        "core.server.shedding.SHED",
        "core.telemetry.tasks.TASK_SECONDS",
        "core.telemetry.web_process.THREADS",
    )
    for each in (*modules, settings.OPERATION_VIEW):
        import_string(each)
    for registry in (REGISTRY, DEPLOYMENT):
        for family in registry.collect():
            if not family.name.startswith(NOT_OURS):
                yield family


def samples() -> set[str]:
    return {family.name + each for family in families() for each in SUFFIXES[family.type]}


def promtool(*arguments: str) -> str:
    program = require_program("promtool", "prometheus")
    done = subprocess.run(
        [program, *arguments], cwd=MONITORING, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_alerts_are_valid_and_fire_when_they_should() -> None:
    assert f"{len(alerts())} rules found" in promtool("check", "rules", "alerts.yaml")
    promtool("test", "rules", "alerts_test.yaml")


def test_every_alert_is_tested_and_in_the_runbook() -> None:
    cases = yaml.safe_load((MONITORING / "alerts_test.yaml").read_text(encoding="utf-8"))["tests"]
    checks = [check for case in cases for check in case["alert_rule_test"]]
    fired = {check["alertname"] for check in checks if check["exp_alerts"]}
    quiet = {check["alertname"] for check in checks if not check["exp_alerts"]}
    runbook = (ROOT / "docs/runbook/alerts.md").read_text(encoding="utf-8")
    names = [alert["alert"] for alert in alerts()]

    assert len(names) > 15
    assert fired == quiet == set(names)
    assert re.findall(r"^## (.+)$", runbook, re.MULTILINE) == names
    for alert in alerts():
        url = alert["annotations"]["runbook_url"]
        assert url.endswith(f"/docs/runbook/alerts.md#{alert['alert'].lower()}")
        assert alert["labels"]["severity"] in {"page", "ticket"}


@pytest.mark.usefixtures("db")
def test_every_metric_of_alerts_and_dashboard_exists() -> None:
    found = samples()

    for name, expression in expressions().items():
        used = metrics_in(expression)
        assert used, name
        assert used <= found, name


@pytest.mark.usefixtures("db")
def test_every_metric_is_documented() -> None:
    documented = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
    names = [family.name + ("_total" if family.type == "counter" else "") for family in families()]

    assert len(names) > 25
    assert [name for name in names if f"`{name}" not in documented] == []


def test_panels_do_not_overlap() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        taken = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells, panel["title"]
        cells |= taken
