"""Kombu's transports with bounded waits for a broker that is unreachable or hangs.

By default redis-py retries a connection for seconds, and py-amqp waits without end for replies:
kombu has no settings for that. The work is in the outbox, and workers reconnect by Celery's own
retries.
"""

from typing import Any, Final

import amqp
from kombu.transport import pyamqp, redis, virtual
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

# Seconds for each read and write after the connection is established. RabbitMQ stops reading what
# a publisher sends while it is short of memory or disk space (`connection.blocked`).
AMQP_TIMEOUT: Final = 2


class QoS(redis.QoS):
    """The messages of a worker that Redis has yet to forget.

    Celery logs an acknowledgement that fails, and goes on. Such a message would count against the
    prefetch limit for as long as the worker runs, so that it would receive nothing more. Redis
    delivers it again after the visibility timeout.
    """

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge; do not count the message afterwards, not even if that failed."""
        try:
            super().ack(delivery_tag)
        finally:
            virtual.QoS.ack(self, delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002
        """Reject; do not count the message afterwards, not even if that failed."""
        try:
            super().reject(delivery_tag, requeue)
        finally:
            virtual.QoS.ack(self, delivery_tag)


class Channel(redis.Channel):
    """A channel of Redis whose connections are attempted once."""

    QoS = QoS

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
        if self.connection.client is None:
            # While a worker closes a broken connection, it would restore its messages by a new one.
            # As this error, Celery ignores it and reconnects; an AttributeError ends the worker.
            raise RedisConnectionError("the connection is closed")
        parameters: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]
        return parameters | {"retry": Retry(NoBackoff(), 0)}


class Transport(redis.Transport):
    """Kombu's Redis transport with our channel."""

    Channel = Channel


class AmqpTransport(pyamqp.Transport):
    """Kombu's AMQP transport with time-outs."""

    def establish_connection(self) -> amqp.Connection:
        """Connect, and limit later reads and writes."""
        return _limit(super().establish_connection())


class AmqpsTransport(pyamqp.SSLTransport):
    """Kombu's AMQP transport over TLS with time-outs."""

    def establish_connection(self) -> amqp.Connection:
        """Connect, and limit later reads and writes."""
        return _limit(super().establish_connection())


def _limit(connection: amqp.Connection) -> amqp.Connection:
    # The setting `read_timeout` has no effect: py-amqp repeats a read that it interrupts.
    connection.transport.sock.settimeout(AMQP_TIMEOUT)
    return connection
