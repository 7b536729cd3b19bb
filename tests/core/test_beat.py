"""Several Beats, of which one sends, and its heartbeat."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from celery.signals import before_task_publish
from django.db import connection
from django.db.models import F
from django.utils import timezone

from core.outbox import beat
from core.outbox.beat import Scheduler
from core.outbox.models import BEAT_LEASE, BeatLease
from core.server.metrics import exposition
from tests.core.test_periodic import INTERVALS

pytestmark = pytest.mark.django_db(transaction=True)


class Beat:
    """A scheduler, and what it sends."""

    def __init__(self, schedule: Path) -> None:
        self.scheduler = Scheduler(app=current_app, schedule_filename=str(schedule))
        # As if no task had run for a day.
        for entry in self.scheduler.schedule.values():
            entry.last_run_at = timezone.now() - dt.timedelta(days=1)

    def sent(self) -> list[str]:
        """Return the names of the tasks that are sent until none is due."""
        names: list[str] = []

        def add(sender: str, **_signal: Any) -> None:
            names.append(sender)

        before_task_publish.connect(add)
        try:
            while not self.scheduler.tick():
                pass
        finally:
            before_task_publish.disconnect(add)
        return names


@pytest.fixture
def beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Beat, Beat]]:
    # Renew with each tick.
    monkeypatch.setattr(beat, "RENEW_SECONDS", 0.001)
    pair = Beat(tmp_path / "first"), Beat(tmp_path / "second")
    yield pair
    for each in pair:
        each.scheduler.close()


def age_lease(seconds: float) -> None:
    BeatLease.objects.update(renewed_at=F("renewed_at") - dt.timedelta(seconds=seconds))


def test_one_of_two_beats_sends(beats: tuple[Beat, Beat]) -> None:
    first, second = beats
    assert set(first.sent()) >= set(INTERVALS)
    assert second.sent() == []
    # For as long as the first one may be alive.
    age_lease(BEAT_LEASE.total_seconds() - 5)
    assert second.sent() == []


def test_another_beat_takes_over_from_one_that_died(beats: tuple[Beat, Beat]) -> None:
    first, second = beats
    first.sent()
    age_lease(BEAT_LEASE.total_seconds() + 1)
    assert set(second.sent()) >= set(INTERVALS)
    # The first one was only suspended.
    assert first.sent() == []


def test_another_beat_takes_over_at_once_from_one_that_stopped(beats: tuple[Beat, Beat]) -> None:
    first, second = beats
    first.sent()
    first.scheduler.close()
    assert set(second.sent()) >= set(INTERVALS)


def test_beat_survives_a_lost_connection(beats: tuple[Beat, Beat]) -> None:
    first, _second = beats
    first.sent()
    connection.connection.close()
    assert first.scheduler.tick() > 0
    assert first.scheduler.tick() > 0
    assert BeatLease.objects.exclude(holder=None).exists()


def test_metrics_have_the_heartbeat(beats: tuple[Beat, Beat]) -> None:
    assert b"\nbeat_heartbeat_timestamp_seconds " not in exposition()
    before = timezone.now().timestamp()
    beats[0].sent()
    (line,) = (
        line for line in exposition().splitlines() if line.startswith(b"beat_heartbeat_timestamp")
    )
    # By PostgreSQL's clock.
    assert abs(float(line.split()[1]) - before) < 600
