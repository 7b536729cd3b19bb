"""Topics, subscribers and publishing."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.database.commits import announce_change
from core.database.rows import insert
from core.outbox.dispatch import Due
from core.outbox.leases import RENEWED, lease_of
from core.outbox.models import OutboxMessage
from core.outbox.nudge import nudger
from core.outbox.queues import Queue
from core.request_id import current_request_id

Handler = Callable[..., None]
# Receives the reason, and the payload as keyword arguments.
FailureHandler = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A function that receives a topic's payloads as keyword arguments."""

    name: str
    handler: Handler
    queue: Queue
    transactional: bool
    on_failure: FailureHandler | None


subscribers: dict[str, Subscriber] = {}
_topics: defaultdict[str, list[Subscriber]] = defaultdict(list)


def subscriber(
    topic: str,
    *,
    queue: Queue = Queue.DEFAULT,
    transactional: bool = False,
    on_failure: FailureHandler | None = None,
) -> Callable[[Handler], Handler]:
    """Subscribe the decorated function to ``topic``.

    It runs in a Celery worker of ``queue``, at least once per message. With ``transactional``, it
    runs in one transaction with the deletion of the message, so its database writes happen exactly
    once. Such a function must have no other side effects. Raises `ValueError` for a queue whose
    leases are renewed.

    ``on_failure`` is called in the transaction that marks a message as failed.

    Whether a message is retried after an exception follows from its type: `core.outbox.failures`.
    """
    if transactional and queue in RENEWED:
        # Its transaction would lock the row whose lease is to be renewed.
        raise ValueError(f"The queue {queue} is not for transactional subscribers.")

    def register(handler: Handler) -> Handler:
        name = f"{handler.__module__}.{handler.__qualname__}"
        entry = Subscriber(name, handler, queue, transactional, on_failure)
        subscribers[name] = entry
        _topics[topic].append(entry)
        return handler

    return register


def publish(topic: str, **payload: Any) -> None:
    """Write a message for each subscriber of ``topic`` in the current transaction.

    ``payload`` is stored as JSON and must contain ids, never secrets or personal data.
    """
    announce_change()
    entries = _topics.get(topic)
    if not entries:
        return
    request_id = current_request_id()
    messages = [
        OutboxMessage(
            subscriber=entry.name,
            payload=payload,
            queue=entry.queue.value,
            dispatch_at=timezone.now() + lease_of(entry.queue),
            request_id=request_id,
        )
        for entry in entries
    ]
    insert(*messages)
    _nudge_after_commit(messages, request_id)


def retry(ids: Iterable[int]) -> list[int]:
    """Retry those of the messages that failed, after the commit; return their ids."""
    messages = OutboxMessage.objects.retry(ids)
    if messages:
        _nudge_after_commit(messages, current_request_id())
    return [message.pk for message in messages]


def _nudge_after_commit(messages: Iterable[OutboxMessage], request_id: str) -> None:
    due: defaultdict[str, list[Due]] = defaultdict(list)
    for message in messages:
        due[message.queue].append((message.pk, request_id))
    # Robust, because an error must not turn a committed change into an error.
    transaction.on_commit(partial(nudger.nudge, due), robust=True)
