"""Metrics of one pod in Prometheus's text format.

Counters are declared in the modules that increment them. Gunicorn's workers keep theirs in a shared
directory (gunicorn.conf.py), so that any worker can sum them.
"""

import os
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector

from core.database.metrics import DatabaseCollector
from core.outbox.metrics import BrokerCollector
from core.telemetry.requests import flush

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
# What they read is equal in all pods, and is read at each scrape.
DEPLOYMENT: Final = CollectorRegistry()
DEPLOYMENT.register(DatabaseCollector())
DEPLOYMENT.register(BrokerCollector())


def exposition() -> bytes:
    """Return all metrics: under gunicorn of all workers, otherwise of this process.

    Those of `DEPLOYMENT` cover the whole deployment.
    """
    flush()
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry) + generate_latest(DEPLOYMENT)
