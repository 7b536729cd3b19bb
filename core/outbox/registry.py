"""Topics, subscribers and publishing."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core.database.commits import announce_change
from core.database.rows import insert
from core.outbox.models import OutboxMessage
from core.outbox.nudge import nudger
from core.request_id import current_request_id

Handler = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A function that receives a topic's payloads as keyword arguments."""

    name: str
    handler: Handler
    transactional: bool


subscribers: dict[str, Subscriber] = {}
_topics: defaultdict[str, list[Subscriber]] = defaultdict(list)


def subscriber(topic: str, *, transactional: bool = False) -> Callable[[Handler], Handler]:
    """Subscribe the decorated function to ``topic``.

    It runs in a Celery worker, at least once per message. With ``transactional``, it runs in one
    transaction with the deletion of the message, so its database writes happen exactly once. Such a
    function must have no other side effects.
    """

    def register(handler: Handler) -> Handler:
        name = f"{handler.__module__}.{handler.__qualname__}"
        entry = Subscriber(name, handler, transactional)
        subscribers[name] = entry
        _topics[topic].append(entry)
        # Mails before counts: the first of a commit's messages does not wait for another worker.
        _topics[topic].sort(key=lambda each: each.transactional)
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
            dispatch_at=timezone.now() + settings.OUTBOX_LEASE,
            request_id=request_id,
        )
        for entry in entries
    ]
    insert(*messages)
    _nudge_after_commit([message.pk for message in messages], request_id)


def retry(message_id: int) -> bool:
    """Retry a failed message after the commit; return whether it was failed."""
    is_retried = OutboxMessage.objects.retry(message_id)
    if is_retried:
        _nudge_after_commit([message_id], current_request_id())
    return is_retried


def _nudge_after_commit(ids: Iterable[int], request_id: str) -> None:
    messages = [(id_, request_id) for id_ in ids]
    # Robust, because an error must not turn a committed change into an error.
    transaction.on_commit(lambda: nudger.nudge(messages), robust=True)
