"""How long a worker claims a message, and how long one pauses after a failure."""

import random
from datetime import timedelta
from typing import Final

from django.conf import settings

from core.outbox.queues import Queue

# The queues whose leases are short, because workers renew them. Others' are longer than any task:
# a transactional subscriber could not renew the row that its transaction has deleted.
RENEWED: Final = frozenset({Queue.MAIL, Queue.WEBHOOKS})

FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(hours=1)
# Enough for the longest pause.
MAX_DOUBLINGS: Final = 9


def lease_of(queue: str) -> timedelta:
    """Return the lease of a queue's messages."""
    lease: timedelta = settings.OUTBOX_RENEWED_LEASE if queue in RENEWED else settings.OUTBOX_LEASE
    return lease


def pause_after(failures: int) -> timedelta:
    """Return the pause after a message's latest failure: exponential back-off with jitter."""
    doubled = FIRST_PAUSE * (1 << min(failures - 1, MAX_DOUBLINGS))
    # Messages that failed together, because a server was down, must not return together.
    return min(doubled, LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311 - no secret
