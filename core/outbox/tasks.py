"""Celery tasks of the outbox."""

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from celery import shared_task
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerError
from structlog.contextvars import bind_contextvars

from core.database.batches import delete_in_batches
from core.outbox.current import delivering
from core.outbox.dispatch import DELIVER, Dispatcher, Due, dispatch, dispatcher, log_outage
from core.outbox.errors import PostponedError, TemporaryFailureError
from core.outbox.failures import (
    MAX_INTERRUPTIONS,
    is_over,
    is_unexpected,
    reason_of,
    without_text,
)
from core.outbox.leases import pause_after
from core.outbox.metrics import ATTEMPTS
from core.outbox.models import OutboxMessage
from core.outbox.periodic import periodic
from core.outbox.queues import Queue
from core.outbox.registry import subscribers
from core.outbox.renewal import renewing

logger = logging.getLogger(__name__)

BATCH: Final = 500
# With the renewed lease, this limits how long the message of a killed worker waits.
RELAY_EVERY: Final = timedelta(seconds=3)
# Less than the interval, so that runs do not occupy all workers of the queue.
RELAY_SECONDS: Final = 2
# Messages that may wait in a queue of the broker before the relay adds more. The rows of those that
# wait for long are due again, so a queue that is not consumed would grow without end.
MAX_WAITING: Final = 5_000


@shared_task(name=DELIVER)
def deliver(message_id: int, others: Sequence[Due] = (), queue: str = Queue.DEFAULT) -> None:
    """Run the subscriber of a message.

    Does nothing if the message is gone, failed, pausing or claimed by another worker. The
    ``others`` are dispatched to the queue first, so that each has its own time limit and errors.
    What follows from an exception is in `core.outbox.failures`; after a `PostponedError`, the
    message is due later, as if it had not been attempted.
    """
    dispatch(queue, others)
    message = OutboxMessage.objects.claim(message_id)
    if message is None:
        return
    bind_contextvars(subscriber=message.subscriber, message_id=message.pk)
    if message.interruptions >= MAX_INTERRUPTIONS:
        _fail(message, f"lost {MAX_INTERRUPTIONS} workers")
        return
    try:
        with delivering(message), renewing(message):
            _run(message)
    except PostponedError as error:
        OutboxMessage.objects.release(message, error.delay)
        _count(message, "postponed")
    except Exception as error:  # noqa: BLE001 - any failure is recorded, and decides the next attempt
        _record_failure(message, error)
    else:
        _count(message, "delivered")


def _count(message: OutboxMessage, result: str) -> None:
    """Count the attempt, and add its result to the log line of the task."""
    ATTEMPTS.labels(message.queue, result).inc()
    bind_contextvars(result=result)


def _run(message: OutboxMessage) -> None:
    entry = subscribers.get(message.subscriber)
    if entry is None:
        # Of another release, whose workers may run beside this one.
        raise TemporaryFailureError("unknown subscriber")
    if entry.transactional:
        with transaction.atomic():
            removed, _ = message.delete()
            if removed:
                entry.handler(**message.payload)
    else:
        entry.handler(**message.payload)
        message.delete()


def _record_failure(message: OutboxMessage, error: Exception) -> None:
    reason = reason_of(error)
    if is_unexpected(error):
        logger.error(
            "outbox subscriber failed unexpectedly",
            exc_info=without_text(error),
            extra=_fields(message),
        )
    if is_over(message, error):
        _fail(message, reason)
        return
    pause = pause_after(message.failures)
    OutboxMessage.objects.pause(message, pause, reason=reason)
    _count(message, "retried")
    logger.warning(
        "outbox message will be retried",
        extra=_fields(message) | {"reason": reason, "pause": round(pause.total_seconds())},
    )


def _fail(message: OutboxMessage, reason: str) -> None:
    entry = subscribers.get(message.subscriber)
    with transaction.atomic():
        is_failed = OutboxMessage.objects.fail(message, reason=reason)
        if is_failed and entry is not None and entry.on_failure is not None:
            entry.on_failure(reason, **message.payload)
    _count(message, "failed")
    logger.warning("outbox message failed", extra=_fields(message) | {"reason": reason})


def _fields(message: OutboxMessage) -> dict[str, Any]:
    return {
        "subscriber": message.subscriber,
        "message_id": message.pk,
        "attempts": message.attempts,
    }


@periodic("core.outbox.relay", every=RELAY_EVERY)
def relay() -> None:
    """Dispatch due messages until none is left or time is up.

    The queues take turns, a batch each. Several relays may run at once.
    """
    ends_at = time.monotonic() + RELAY_SECONDS
    due = [queue for queue in Queue if _is_undispatched(queue)]
    if not due:
        return
    try:
        with dispatcher() as broker:
            while due and time.monotonic() < ends_at:
                due = [queue for queue in due if _relay_batch(broker, queue)]
    except BrokerError as error:
        log_outage(error)


def _is_undispatched(queue: Queue) -> bool:
    return OutboxMessage.objects.undispatched().filter(queue=queue).exists()


def _relay_batch(broker: Dispatcher, queue: Queue) -> bool:
    """Dispatch a batch of a queue's due messages; return whether more may follow."""
    limit = min(BATCH, MAX_WAITING - broker.waiting(queue))
    if limit <= 0:
        return False
    messages = OutboxMessage.objects.take_due(queue, limit)
    for message in messages:
        broker.send(queue, [(message.pk, message.request_id)])
    return len(messages) == BATCH


@periodic("core.outbox.prune_failed", every=timedelta(minutes=10))
def prune_failed() -> None:
    """Delete failed messages after `settings.OUTBOX_FAILED_TTL`."""
    delete_in_batches(OutboxMessage.objects.expired())
