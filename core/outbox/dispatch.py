"""Messages on their way to the workers.

The broker only saves time: `relay` dispatches again what it loses.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

from celery import current_app
from kombu import Connection
from kombu.exceptions import OperationalError
from kombu.utils.functional import retry_over_time

from core.request_id import KEY as REQUEST_ID

logger = logging.getLogger(__name__)

DELIVER: Final = "core.outbox.deliver"

# How a worker publishes, for which no request waits: a broker that is slow or restarts gets three
# more attempts in two seconds, besides the time-outs of its connections.
RETRIES: Final[dict[str, Any]] = {"max_retries": 3, "interval_start": 0.2, "interval_step": 0.4}
# A message's id, and the id of the request that caused it.
Due: TypeAlias = tuple[int, str]


def dispatch(messages: Iterable[Due]) -> None:
    """Send each message to a worker of its own; wait for the broker, and retry.

    Otherwise a lost connection would leave all of them to `relay`.
    """
    try:
        for message in messages:
            retry_over_time(_send, OperationalError, [[message]], **RETRIES)
    except OperationalError as error:
        log_outage(error)


def dispatch_together(messages: Sequence[Due], connection: Connection) -> None:
    """Send all messages to one worker, which dispatches those after the first.

    So the sender pays for one message of the broker. Raises kombu's `OperationalError`.
    """
    _send(messages, connection)


def log_outage(error: OperationalError) -> None:
    """Log that the broker is unreachable."""
    logger.warning("broker unreachable; the outbox keeps the work", extra={"error": str(error)})


def _send(messages: Sequence[Due], connection: Connection | None = None) -> None:
    (message_id, request_id), *others = messages
    current_app.send_task(
        DELIVER,
        args=[message_id, others] if others else [message_id],
        headers={REQUEST_ID: request_id},
        connection=connection,
    )
