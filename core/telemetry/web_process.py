"""What a web process reports from its start on."""

from typing import Final

from django.conf import settings
from prometheus_client import Gauge

from core.telemetry.requests import keep_flushing
from core.telemetry.start import start

THREADS: Final = Gauge("web_threads", "Threads that execute requests.", multiprocess_mode="livesum")
RELEASE: Final = Gauge(
    "roster_info", "1, by the release.", ["version"], multiprocess_mode="livemax"
)


def begin_reporting(threads: int) -> None:
    """Report metrics, traces and errors of a web process that has this many threads."""
    THREADS.set(threads)
    RELEASE.labels(settings.VERSION).set(1)
    keep_flushing()
    start()
