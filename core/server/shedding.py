"""The metric of requests that are shed.

A module of its own: the worker may import `prometheus_client` only after gunicorn has set
PROMETHEUS_MULTIPROC_DIR.
"""

from typing import Final

from prometheus_client import Counter

SHED: Final = Counter(
    "requests_shed",
    "Requests that were answered with 503 because all threads were busy, by reason.",
    ["reason"],
)
QUEUE_FULL: Final = SHED.labels("queue_full")
WAITED: Final = SHED.labels("waited")
