"""Observation of Celery tasks: log lines with their request's id, metrics, and spans."""

import logging
import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any, Final, NamedTuple

from celery.signals import (
    celeryd_after_setup,
    task_failure,
    task_postrun,
    task_prerun,
    worker_process_init,
    worker_process_shutdown,
)
from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from core.request_id import KEY as REQUEST_ID
from core.spans import spans
from core.telemetry.histograms import SECONDS
from core.telemetry.quiet import LOUD_SECONDS, quiet_tasks
from core.telemetry.start import start
from engine.meter import METER

logger = logging.getLogger(__name__)

TASK_SECONDS: Final = Histogram(
    "task_seconds", "Duration of tasks, by their name.", ["task"], buckets=SECONDS
)
TASK_FAILURES: Final = Counter("task_failures", "Tasks that an error ended, by name.", ["task"])
# Of the metrics of all processes; core/celery.py sets it.
DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"


class _Running(NamedTuple):
    """A task that runs."""

    context: dict[str, Any]
    span: ExitStack
    started: float
    statements: int
    database_seconds: float


@task_prerun.connect(dispatch_uid=__name__)
def begin_task(*, task: Any, task_id: str, **_signal: object) -> None:
    """Bind a task and its request to the logging context, and begin its span."""
    before = get_contextvars()
    request_id = (task.request.headers or {}).get(REQUEST_ID)
    bind_contextvars(task=task.name, task_id=task_id)
    if request_id:
        bind_contextvars(**{REQUEST_ID: request_id})
    span = ExitStack()
    if spans.tracer is not None:
        span.enter_context(spans.tracer.task(task.name, request_id))
    totals = METER.totals
    task.request.running = _Running(before, span, perf_counter(), totals.statements, totals.seconds)


@task_postrun.connect(dispatch_uid=__name__)
def end_task(*, task: Any, state: str | None = None, **_signal: object) -> None:
    """Log and count the task, and restore the logging context from before it."""
    running: _Running = task.request.running
    seconds = perf_counter() - running.started
    TASK_SECONDS.labels(task.name).observe(seconds)
    if task.name not in quiet_tasks or seconds >= LOUD_SECONDS:
        totals = METER.totals
        logger.info(
            "task",
            extra={
                "state": state,
                "duration_ms": round(seconds * 1_000, 3),
                "statements": totals.statements - running.statements,
                "database_ms": round((totals.seconds - running.database_seconds) * 1_000, 3),
            },
        )
    running.span.close()
    clear_contextvars()
    bind_contextvars(**running.context)


@task_failure.connect(dispatch_uid=__name__)
def count_failure(*, sender: Any, **_signal: object) -> None:
    """Count a task that an error or a time limit ended."""
    TASK_FAILURES.labels(sender.name).inc()


class _WorkerCollector(MultiProcessCollector):
    """Sums the metrics of a worker's processes, without the gauges of those that ended."""

    def collect(self) -> Iterable[Metric]:
        """Remove the gauges of killed processes, and sum."""
        directory = Path(os.environ[DIRECTORY])
        for pid in {path.stem.rpartition("_")[2] for path in directory.glob("gauge_live*.db")}:
            if not Path("/proc", pid).exists():
                mark_process_dead(pid)  # type: ignore[no-untyped-call]
        return super().collect()  # type: ignore[no-any-return, no-untyped-call]


@celeryd_after_setup.connect(dispatch_uid=__name__)
def serve_metrics(**_signal: object) -> None:
    """Serve the metrics of all processes of the worker, if a port is set."""
    if settings.WORKER_METRICS_PORT:
        registry = CollectorRegistry()
        _WorkerCollector(registry)  # type: ignore[no-untyped-call]
        start_http_server(settings.WORKER_METRICS_PORT, registry=registry)


@worker_process_init.connect(dispatch_uid=__name__)
def begin_reporting(**_signal: object) -> None:
    """Report traces and errors of a worker's process."""
    start()


@worker_process_shutdown.connect(dispatch_uid=__name__)
def flush(**_signal: object) -> None:
    """Send the last spans of a worker's process, which does not run `atexit`."""
    if spans.tracer is not None:
        spans.tracer.flush()
