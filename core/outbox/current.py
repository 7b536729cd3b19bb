"""The outbox message that this task delivers."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.outbox.models import OutboxMessage


@dataclass(frozen=True, slots=True)
class Delivery:
    """An outbox message: what identifies it, even after a restored backup, and its attempt.

    Ids start again after a backup is restored, so the time of creation is part of the identity.
    """

    message_id: int
    created_at: datetime
    # Whether an earlier attempt failed, or ended with its worker.
    is_repeated: bool
    # How many earlier attempts ended with their worker.
    interruptions: int


_current: Final[ContextVar[Delivery | None]] = ContextVar("delivery", default=None)


def current_delivery() -> Delivery | None:
    """Return what is delivered; None outside of the outbox."""
    return _current.get()


@contextmanager
def delivering(message: OutboxMessage) -> Iterator[None]:
    """Make the message the current one within the block, which may delete it."""
    is_repeated = message.attempts > 1
    delivery = Delivery(message.pk, message.created_at, is_repeated, message.interruptions)
    token = _current.set(delivery)
    try:
        yield
    finally:
        _current.reset(token)
