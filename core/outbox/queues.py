"""The broker's queues, one for each kind of background work.

So a hung mail server or a bulk action on a million users delays nothing else. Priorities within
one queue would not prevent that: workers that are occupied cannot take what is urgent.
"""

from enum import StrEnum
from typing import Any, Final

import kombu


class Queue(StrEnum):
    """A queue, which workers of its own consume."""

    # Users wait for mails, and mail servers may hang.
    MAIL = "mail"
    DEFAULT = "default"
    # Takes seconds to minutes: bulk actions, exports, imports, erasures.
    BULK = "bulk"
    PERIODIC = "periodic"
    # The servers of others, which may hang.
    WEBHOOKS = "webhooks"


# The only queue of releases up to 0.1. The workers of `Queue.DEFAULT` consume it until no pod of
# such a release runs, so the next release may drop it.
FORMER: Final = "celery"


def declare_queues(*, is_amqp: bool) -> list[kombu.Queue]:
    """Return all queues for Celery to declare; on RabbitMQ, our own are replicated (quorum).

    The former one keeps its type, because RabbitMQ refuses to declare a queue with another.
    """
    arguments = {"x-queue-type": "quorum"} if is_amqp else None
    # Without routing keys of their own, each would get every message.
    return [
        *(kombu.Queue(each.value, routing_key=each, queue_arguments=arguments) for each in Queue),
        kombu.Queue(FORMER, routing_key=FORMER),
    ]


# The queues of tasks by name, of all imported `tasks` modules; `settings.CELERY_TASK_ROUTES`.
routes: Final[dict[str, dict[str, Any]]] = {}
