"""What the processes of one pod have counted, in Prometheus's text format.

Counters are declared where they count. gunicorn.conf.py names a directory in which all its workers
keep theirs, so that whichever is asked adds them up.
"""

import os
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector

from core.outbox.metrics import OutboxCollector

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4


def exposition() -> bytes:
    """Return all counters: of all workers under gunicorn, elsewhere those of this process.

    The outbox is counted as well, of the whole deployment.
    """
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    outbox = CollectorRegistry()
    outbox.register(OutboxCollector())
    return generate_latest(registry) + generate_latest(outbox)
