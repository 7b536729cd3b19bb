"""Messages on their way to the workers.

The broker only saves time: `relay` dispatches again what it loses.
"""

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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


class Dispatcher:
    """Sends messages over one connection to the broker. Raises kombu's `OperationalError`."""

    def __init__(self, connection: Connection) -> None:
        """Connect with the first message."""
        self._connection = connection
        self._producer = current_app.amqp.Producer(connection, auto_declare=False)

    def send(self, queue: str, messages: Sequence[Due]) -> None:
        """Send messages to one worker, which dispatches those after the first.

        So the sender pays for one message of the broker.
        """
        (message_id, request_id), *others = messages
        current_app.send_task(
            DELIVER,
            args=[message_id, others, queue] if others else [message_id],
            headers={REQUEST_ID: request_id},
            queue=queue,
            producer=self._producer,
        )

    def waiting(self, queue: str) -> int:
        """Return the number of messages that no worker has received yet."""
        connection = self._connection
        try:
            declared: Any = current_app.amqp.queues[queue].bind(connection.default_channel)
            return int(declared.queue_declare().message_count)
        except (*connection.connection_errors, *connection.channel_errors) as error:
            raise OperationalError(str(error)) from error


@contextmanager
def dispatcher() -> Iterator[Dispatcher]:
    """Connect to the broker for the block."""
    with current_app.connection_for_write() as connection:
        yield Dispatcher(connection)


def dispatch(queue: str, messages: Sequence[Due]) -> None:
    """Send each message to a worker of its own; wait for the broker, and retry.

    Otherwise a lost connection would leave all of them to `relay`.
    """
    rest = deque(messages)

    def send_rest() -> None:
        # A new connection after an outage: a broken one may not recover.
        with dispatcher() as broker:
            while rest:
                broker.send(queue, [rest[0]])
                rest.popleft()

    if rest:
        try:
            retry_over_time(send_rest, OperationalError, **RETRIES)
        except OperationalError as error:
            log_outage(error)


def log_outage(error: OperationalError) -> None:
    """Log that the broker is unreachable."""
    logger.warning("broker unreachable; the outbox keeps the work", extra={"error": str(error)})
