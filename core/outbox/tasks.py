"""The Celery side of the outbox."""

from celery import shared_task
from django.db import transaction

from core.outbox.models import OutboxMessage
from core.outbox.registry import dispatch, subscribers

BATCH = 500


@shared_task(name="core.outbox.deliver")
def deliver(message_id: int) -> None:
    """Run one message's subscriber, unless it is done or in another worker's hands.

    An exception leaves the message claimed: it is retried when the lease is over.
    """
    message = OutboxMessage.objects.claim(message_id)
    if message is None:
        return
    entry = subscribers[message.subscriber]
    if entry.transactional:
        with transaction.atomic():
            removed, _ = message.delete()
            if removed:
                entry.handler(**message.payload)
    else:
        entry.handler(**message.payload)
        message.delete()


@shared_task(name="core.outbox.relay")
def relay() -> None:
    """Dispatch what is due, in one bounded batch; Beat calls it every few seconds."""
    with transaction.atomic():
        due = OutboxMessage.objects.due().order_by("dispatch_at")
        ids = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
        OutboxMessage.objects.postpone(ids)
    dispatch(ids)
