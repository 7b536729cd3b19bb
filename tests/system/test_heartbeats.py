"""The file that liveness probes of workers and Beat look at."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis

from core.outbox.queues import Queue
from tests.core.test_beat import Beat
from tests.core.test_periodic import INTERVALS
from tests.support.redis_servers import RedisBroker
from tests.support.service_processes import celery_worker, environ_of_tests
from tests.support.waiting import wait_until
from tests.system.chaos import beat

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_worker_beats_with_and_without_its_broker(tmp_path: Path) -> None:
    heartbeat = tmp_path / "heartbeat"

    def wait_for_a_beat(when: str) -> None:
        heartbeat.unlink()
        wait_until(heartbeat.exists, f"a beat {when}")

    with (
        RedisBroker(tmp_path).running() as broker,
        celery_worker(CELERY_BROKER_URL=broker.url, HEARTBEAT_FILE=str(heartbeat)),
    ):
        wait_until(heartbeat.exists, "the first beat")
        wait_for_a_beat("of the event loop")
        broker.kill()
        wait_for_a_beat("after the broker died")
        wait_for_a_beat("while the broker is down")
        broker.start()
        wait_for_a_beat("after the broker returned")


def test_beats_beat_whether_they_send_or_wait(tmp_path: Path) -> None:
    heartbeats = [tmp_path / name for name in ("first", "second")]
    with ExitStack() as stack:
        for heartbeat in heartbeats:
            environ = {"DJANGO_SETTINGS_MODULE": "core.settings", "HEARTBEAT_FILE": str(heartbeat)}
            schedule = heartbeat.with_suffix(".schedule")
            stack.enter_context(beat(environ_of_tests(**environ), schedule))
        for _time in range(2):
            for heartbeat in heartbeats:
                wait_until(heartbeat.exists, "a beat")
                heartbeat.unlink()


def test_a_beat_that_starts_before_its_broker_beats_and_then_sends(tmp_path: Path) -> None:
    broker, heartbeat = RedisBroker(tmp_path), tmp_path / "heartbeat"
    schedule = tmp_path / "schedule"
    # Stores its schedule: all tasks are due.
    Beat(schedule).scheduler.close()
    environ = {
        "DJANGO_SETTINGS_MODULE": "core.settings",
        "CELERY_BROKER_URL": broker.url,
        "HEARTBEAT_FILE": str(heartbeat),
    }
    with beat(environ_of_tests(**environ), schedule):
        for _time in range(3):
            wait_until(heartbeat.exists, "a beat without the broker")
            heartbeat.unlink()
        with broker.running(), Redis(unix_socket_path=str(broker.socket)) as redis:
            queue = f"roster:{Queue.PERIODIC.value}"
            wait_until(lambda: redis.llen(queue) >= len(INTERVALS), "all tasks")
