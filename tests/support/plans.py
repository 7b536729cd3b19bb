"""Query plans: the rows that a statement reads, and the indexes that it uses."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import QuerySet

ROW_SCANS = {"Seq Scan", "Bitmap Heap Scan", "Tid Scan"}


@dataclass(slots=True)
class Plan:
    """The rows and indexes that a statement read."""

    rows: int = 0
    indexes: set[str] = field(default_factory=set)

    def add(self, node: dict[str, Any]) -> None:
        """Add the rows and indexes of a plan node and its children."""
        for below in node.get("Plans", []):
            self.add(below)
        if not node["Actual Loops"]:
            return
        if "Index Name" in node:
            self.indexes.add(node["Index Name"])
        if "Index Name" in node or node["Node Type"] in ROW_SCANS:
            removed = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
            read = node["Actual Rows"] + sum(node.get(name, 0) for name in removed)
            self.rows += round(read * node["Actual Loops"])


def nodes_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a plan node and all below."""
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes_of(child))]


def explain(queryset: QuerySet[Any]) -> list[dict[str, Any]]:
    """Execute a queryset; return its plan nodes."""
    plan = queryset.explain(format="json", analyze=True)
    return nodes_of(json.loads(plan)[0]["Plan"])


def plan_of(sql: str) -> Plan:
    """Explain a statement and return its reads."""
    plan = Plan()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        plan.add(cursor.fetchone()[0][0]["Plan"])
    return plan


def wait_for_older_transactions() -> None:
    """Wait for transactions that are older than the indexes.

    Until they end, also those of another test process in its own database, PostgreSQL may leave a
    new index unused (`pg_index.indcheckxmin`).
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        (now,) = cursor.fetchone()
        is_oldest = False
        while not is_oldest:
            time.sleep(0.1)
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot()) > %s::xid8", [now])
            (is_oldest,) = cursor.fetchone()
