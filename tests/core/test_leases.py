"""A worker renews the lease of a mail while it works."""

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from core.outbox.models import OutboxMessage
from core.outbox.queues import Queue
from core.outbox.registry import publish, subscriber
from core.outbox.tasks import deliver
from tests.core.test_outbox import topic
from tests.support.waiting import wait_until

__all__ = ["topic"]


@contextmanager
def being_delivered(message: OutboxMessage) -> Iterator[None]:
    """Deliver the message in a thread until the block ends."""

    def run() -> None:
        deliver(message.pk)
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def lease_end(message: OutboxMessage) -> dt.datetime | None:
    message.refresh_from_db()
    return message.claimed_until


@pytest.fixture
def is_over() -> Iterator[threading.Event]:
    """What the subscriber waits for."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.django_db(transaction=True)
def test_lease_is_renewed_while_the_subscriber_runs(
    topic: str, is_over: threading.Event, settings: Any
) -> None:
    settings.OUTBOX_RENEWED_LEASE = dt.timedelta(seconds=3)
    calls: list[str] = []

    @subscriber(topic, queue=Queue.MAIL)
    def wait() -> None:
        calls.append("begun")
        is_over.wait(60)

    publish(topic)
    message = OutboxMessage.objects.get()
    with being_delivered(message):
        wait_until(lambda: lease_end(message) is not None)
        first = lease_end(message)
        assert first is not None
        wait_until(lambda: timezone.now() > first)
        # Another worker does not get it, long after the first lease.
        deliver(message.pk)
        later = lease_end(message)
        assert later is not None
        assert later > first
        assert message.dispatch_at == later
        is_over.set()
    assert calls == ["begun"]
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_lost_lease_is_not_renewed(topic: str, is_over: threading.Event, settings: Any) -> None:
    settings.OUTBOX_RENEWED_LEASE = dt.timedelta(seconds=1)

    @subscriber(topic, queue=Queue.MAIL)
    def wait() -> None:
        is_over.wait(60)

    publish(topic)
    message = OutboxMessage.objects.get()
    with being_delivered(message):
        wait_until(lambda: lease_end(message) is not None)
        # As if this worker had been stopped for longer than the lease, and another one failed.
        OutboxMessage.objects.update(attempts=2, claimed_until=None)
        wait_until(lambda: not renewals())
        assert lease_end(message) is None
        is_over.set()


def renewals() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "lease renewal"]


@pytest.mark.django_db
def test_other_queues_have_longer_leases(topic: str, settings: Any) -> None:
    seen: list[tuple[dt.timedelta, int]] = []

    @subscriber(topic, queue=Queue.BULK)
    def look() -> None:
        message = OutboxMessage.objects.get()
        assert message.claimed_until is not None
        seen.append((message.claimed_until - timezone.now(), len(renewals())))

    publish(topic)
    deliver(OutboxMessage.objects.get().pk)
    ((lease, threads),) = seen
    assert settings.OUTBOX_RENEWED_LEASE < lease <= settings.OUTBOX_LEASE
    assert threads == 0
