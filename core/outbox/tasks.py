"""Celery tasks of the outbox."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from celery import shared_task
from django.db import transaction

from core.database.batches import delete_in_batches
from core.outbox.dispatch import DELIVER, Due, dispatch
from core.outbox.errors import PermanentFailureError
from core.outbox.models import OutboxMessage
from core.outbox.periodic import periodic
from core.outbox.registry import Subscriber, subscribers

logger = logging.getLogger(__name__)

BATCH = 500


@shared_task(name=DELIVER)
def deliver(message_id: int, others: Sequence[Due] = ()) -> None:
    """Run the subscriber of a message, unless it is gone or claimed by another worker.

    The ``others`` are dispatched first, so that each has its own time limit and errors.
    After an exception the message stays claimed and is retried when the lease expires. After a
    `PermanentFailureError` it is marked as failed, and an operator may retry it.
    """
    dispatch(others)
    message = OutboxMessage.objects.claim(message_id)
    if message is None:
        return
    try:
        _run(subscribers[message.subscriber], message)
    except PermanentFailureError as error:
        OutboxMessage.objects.fail(message_id, error.reason)
        logger.warning(
            "outbox message failed permanently",
            extra={
                "subscriber": message.subscriber,
                "message_id": message_id,
                "reason": error.reason,
            },
        )


def _run(entry: Subscriber, message: OutboxMessage) -> None:
    if entry.transactional:
        with transaction.atomic():
            removed, _ = message.delete()
            if removed:
                entry.handler(**message.payload)
    else:
        entry.handler(**message.payload)
        message.delete()


@periodic("core.outbox.relay", every=timedelta(seconds=10))
def relay() -> None:
    """Dispatch one batch of due messages."""
    with transaction.atomic():
        due = OutboxMessage.objects.due().order_by("dispatch_at")
        rows = due.select_for_update(skip_locked=True).values_list("pk", "request_id")
        messages = list(rows[:BATCH])
        OutboxMessage.objects.postpone(message_id for message_id, _request_id in messages)
    dispatch(messages)


@periodic("core.outbox.prune_failed", every=timedelta(minutes=10))
def prune_failed() -> None:
    """Delete failed messages after `settings.OUTBOX_FAILED_TTL`."""
    delete_in_batches(OutboxMessage.objects.expired())
