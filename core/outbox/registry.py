"""Topics, subscribers and publishing."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from core.database.commits import announce_change
from core.outbox.models import OutboxMessage
from core.request_id import KEY as REQUEST_ID
from core.request_id import current_request_id

logger = logging.getLogger(__name__)

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
        return handler

    return register


def publish(topic: str, **payload: Any) -> None:
    """Write a message for each subscriber of ``topic`` in the current transaction.

    ``payload`` is stored as JSON and must contain ids, never secrets or personal data.
    """
    announce_change()
    request_id = current_request_id()
    messages = OutboxMessage.objects.bulk_create(
        OutboxMessage(
            subscriber=entry.name,
            payload=payload,
            dispatch_at=timezone.now() + settings.OUTBOX_LEASE,
            request_id=request_id,
        )
        for entry in _topics[topic]
    )
    if messages:
        # Robust, because an error of the broker must not turn a committed change into an error.
        transaction.on_commit(
            lambda: dispatch((message.pk, request_id) for message in messages), robust=True
        )


def retry(message_id: int) -> bool:
    """Retry a failed message after the commit; return whether it was failed."""
    is_retried = OutboxMessage.objects.retry(message_id)
    if is_retried:
        request_id = current_request_id()
        transaction.on_commit(lambda: dispatch([(message_id, request_id)]), robust=True)
    return is_retried


def dispatch(messages: Iterable[tuple[int, str]]) -> None:
    """Send messages to the workers; `relay` does it later if the broker is unreachable.

    A message is given as its id and the id of the request that caused it.
    """
    try:
        for message_id, request_id in messages:
            current_app.send_task(
                "core.outbox.deliver", args=[message_id], headers={REQUEST_ID: request_id}
            )
    except OperationalError as error:
        logger.warning(
            "broker unreachable; `relay` sends the messages later", extra={"error": str(error)}
        )
