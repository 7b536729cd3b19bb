"""The relay dispatches what the broker or a worker lost, within bounds."""

import json
import threading
from datetime import timedelta
from typing import Any, Final

import pytest
from celery import current_app
from django.db import connection, transaction
from django.utils import timezone
from kombu.transport.redis import Channel

from core.outbox import tasks
from core.outbox.leases import RENEWED
from core.outbox.models import OutboxMessage
from core.outbox.queues import FORMER, Queue
from core.outbox.registry import subscriber, subscribers
from core.outbox.tasks import BATCH, MAX_WAITING, deliver, relay
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from users.activity.models import Event
from users.activity.tags import Tag

HOUR: Final = timedelta(hours=1)
COUNT = "users.activity.tasks.count_event"
# As releases without queues do.
FORMER_INSERT = """
    INSERT INTO outbox_outboxmessage (subscriber, payload, created_at, attempts, dispatch_at)
    VALUES (%s, %s, now(), 0, now()) RETURNING id
"""


def make_due(count: int, queue: Queue) -> None:
    OutboxMessage.objects.bulk_create(
        OutboxMessage(subscriber="none", payload={}, queue=queue, dispatch_at=timezone.now())
        for _number in range(count)
    )


def waiting(channel: Channel, queue: str) -> int:
    return int(channel._size(queue))  # noqa: SLF001 - the public way declares the queue


@pytest.mark.django_db
def test_relay_dispatches_all_that_is_due(broker_channel: Channel, settings: Any) -> None:
    settings.OUTBOX_RENEWED_LEASE = HOUR
    for queue in Queue:
        make_due(BATCH + 1, queue)
    later = OutboxMessage.objects.create(
        subscriber="none", payload={}, dispatch_at=timezone.now() + HOUR
    )
    while OutboxMessage.objects.undispatched().exists():
        relay()
    relay()
    assert {waiting(broker_channel, queue) for queue in Queue} == {BATCH + 1}
    later.refresh_from_db()
    assert later.attempts == 0


@pytest.mark.django_db
def test_relay_ends_before_its_time_limit(
    broker_channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "RELAY_SECONDS", 0)
    make_due(1, Queue.MAIL)
    relay()
    assert OutboxMessage.objects.undispatched().count() == 1


@pytest.mark.django_db
def test_queue_without_workers_does_not_grow(
    broker_channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "MAX_WAITING", 3)
    make_due(5, Queue.WEBHOOKS)
    make_due(2, Queue.MAIL)
    for _run in range(3):
        relay()
        OutboxMessage.objects.update(dispatch_at=timezone.now())
    assert waiting(broker_channel, Queue.WEBHOOKS) == 3
    # Each again, until the limit.
    assert waiting(broker_channel, Queue.MAIL) == 3
    assert MAX_WAITING >= BATCH


@pytest.mark.django_db(transaction=True)
def test_relays_share_what_is_due(broker_channel: Channel) -> None:
    make_due(4 * BATCH, Queue.DEFAULT)

    def run() -> None:
        relay()
        connection.close()

    relays = [threading.Thread(target=run) for _number in range(3)]
    for each in relays:
        each.start()
    for each in relays:
        each.join()
    relay()
    assert waiting(broker_channel, Queue.DEFAULT) == 4 * BATCH


@pytest.mark.django_db(transaction=True)
def test_relay_skips_messages_that_another_takes(broker_channel: Channel) -> None:
    make_due(2, Queue.DEFAULT)
    first, second = OutboxMessage.objects.order_by("pk")

    def run() -> None:
        relay()
        connection.close()

    with transaction.atomic():
        OutboxMessage.objects.select_for_update().get(pk=first.pk)
        other = threading.Thread(target=run)
        other.start()
        other.join()
        assert waiting(broker_channel, Queue.DEFAULT) == 1
    assert list(OutboxMessage.objects.undispatched()) == [first]
    assert second.pk > first.pk


# Former releases -------------------------------------------------------------------------


def make_event() -> Event:
    return Event.objects.create(tag=Tag.LOGGED_IN)


def insert_as_former(event: Event) -> int:
    with connection.cursor() as cursor:
        cursor.execute(FORMER_INSERT, [COUNT, json.dumps({"event_id": str(event.pk)})])
        (message_id,) = cursor.fetchone()
    return int(message_id)


def test_rows_of_former_releases_are_delivered(worker: Sink) -> None:
    message_id = insert_as_former(make_event())
    assert OutboxMessage.objects.get(pk=message_id).queue == Queue.DEFAULT
    relay()
    wait_until(lambda: not OutboxMessage.objects.filter(pk=message_id).exists())


def test_nudges_of_former_releases_are_delivered(worker: Sink) -> None:
    ids = [insert_as_former(make_event()) for _number in range(3)]
    OutboxMessage.objects.update(dispatch_at=timezone.now() + 10 * tasks.RELAY_EVERY)
    with current_app.connection_for_write() as broker:
        current_app.send_task(
            "core.outbox.deliver",
            args=[ids[0], [[each, ""] for each in ids[1:]]],
            connection=broker,
            queue=FORMER,
        )
    wait_until(lambda: not OutboxMessage.objects.filter(pk__in=ids).exists())


@pytest.mark.django_db
def test_message_of_a_later_release_is_retried() -> None:
    """Its subscriber is unknown here; workers of that release may run beside this one."""
    message = OutboxMessage.objects.create(
        subscriber="later", payload={}, dispatch_at=timezone.now()
    )
    deliver(message.pk)
    message.refresh_from_db()
    assert (message.failure, message.failed_at) == ("unknown subscriber", None)


def test_mails_have_a_queue_of_their_own() -> None:
    mailing = {name: each.queue for name, each in subscribers.items() if ".mail_" in name}
    assert len(mailing) >= 20
    assert set(mailing.values()) == {Queue.MAIL}


@pytest.mark.parametrize("queue", sorted(RENEWED))
def test_transactional_subscribers_have_no_renewed_leases(queue: Queue) -> None:
    with pytest.raises(ValueError, match=queue):
        subscriber("topic", queue=queue, transactional=True)
