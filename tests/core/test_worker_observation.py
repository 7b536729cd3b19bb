"""What a Celery worker reports: a log line and metrics for each task."""

import json
import urllib.request
from typing import Any

import pytest
from django.utils import timezone

from core.dev.ports import free_port
from core.outbox.dispatch import dispatch
from core.outbox.models import OutboxMessage
from tests.support.celery_workers import Workers
from tests.support.metrics import Samples
from tests.support.service_processes import environ_of_tests
from tests.support.waiting import wait_until

REQUEST_ID = "0123456789abcdef0123456789abcdef"
SUBSCRIBER = "users.activity.tasks.count_event"
DELIVER = "core.outbox.deliver"


@pytest.mark.django_db(transaction=True)
def test_worker_reports_tasks(capfd: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    environ = environ_of_tests(LOG_FORMAT="json", WORKER_METRICS_PORT=str(port))
    # The subscriber does not accept the payload.
    message = OutboxMessage.objects.create(
        subscriber=SUBSCRIBER, payload={"unknown": 1}, dispatch_at=timezone.now()
    )
    written: list[str] = []
    lines: list[dict[str, Any]] = []

    def has_logged() -> bool:
        written.append(capfd.readouterr().err)
        *complete, _rest = "".join(written).split("\n")
        entries = [json.loads(line) for line in complete if line.startswith("{")]
        lines[:] = [entry for entry in entries if entry["message"] == "task"]
        return bool(lines)

    with Workers(environ, "--loglevel", "INFO") as workers, workers.running():
        dispatch("default", [(message.pk, REQUEST_ID)])
        wait_until(has_logged)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as response:
            found = Samples.of(response.read().decode())

    (line,) = lines
    assert line.pop("duration_ms") > line.pop("database_ms") > 0
    assert line.pop("statements") >= 3
    for each in ("time", "task_id"):
        line.pop(each)
    assert line == {
        "level": "INFO",
        "logger": "core.telemetry.tasks",
        "message": "task",
        "task": DELIVER,
        "request_id": REQUEST_ID,
        "subscriber": SUBSCRIBER,
        "message_id": message.pk,
        "result": "retried",
        "state": "SUCCESS",
    }
    assert found["outbox_attempts_total", ("default", "retried")] == 1
    assert found["task_seconds_count", (DELIVER,)] == 1
