"""Redis as a Celery broker that fails fast when it is unreachable.

By default redis-py retries a connection for seconds, and kombu has no setting for that. A
request must not wait so long: its work is in the outbox, and workers reconnect by Celery's own
retries.
"""

from typing import Any

from kombu.transport import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


class Channel(redis.Channel):
    """A channel whose connections are attempted once."""

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
        parameters: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]
        return parameters | {"retry": Retry(NoBackoff(), 0)}


class Transport(redis.Transport):
    """Kombu's Redis transport with our channel."""

    Channel = Channel
