"""Buckets in Redis, which is where attempts are counted as a rule.

A bucket is a key that holds the time, in microseconds of Redis' clock, at which the bucket
will be empty (GCRA's theoretical arrival time), and that expires then. A server that is emptied
or evicts keys forgets attempts, and limits again from then on.

The scripts need Redis 5 or newer, which replicates what a script wrote and not the script, so
that it may read the clock first.
"""

import time
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.ratelimit.buckets import Limit

TIMEOUT_SECONDS: Final = 0.2
# For how long a server that failed is not asked again.
DISTRUST_SECONDS: Final = 2.0
MICROSECOND: Final = timedelta(microseconds=1)

# ARGV has for each of the KEYS the interval and the capacity. Answers the time to wait.
FILL: Final = """
local clock = redis.call("TIME")
local now = clock[1] * 1000000 + clock[2]
local empty_at = {}
local wait = 0
for i, key in ipairs(KEYS) do
    local stored = tonumber(redis.call("GET", key) or 0)
    empty_at[i] = math.max(stored, now) + ARGV[2 * i - 1]
    wait = math.max(wait, empty_at[i] - now - ARGV[2 * i])
end
if wait == 0 then
    for i, key in ipairs(KEYS) do
        local expiry = math.ceil((empty_at[i] - now) / 1000)
        redis.call("SET", key, string.format("%.0f", empty_at[i]), "PX", expiry)
    end
end
return wait
"""

# ARGV has the interval for each of the KEYS. A time that comes to lie in the past is as good
# as no key.
DRAIN: Final = """
for i, key in ipairs(KEYS) do
    if redis.call("EXISTS", key) == 1 then
        redis.call("DECRBY", key, ARGV[i])
    end
end
"""


class RedisBuckets:
    """The buckets in one server; every method raises `RedisError` if it does not answer."""

    def __init__(self, url: str) -> None:
        """Connect when first asked; the pool serves all threads, and forked processes anew."""
        self._client = Redis.from_url(
            url,
            socket_connect_timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
            # redis-py retries with growing pauses unless told not to.
            retry=Retry(NoBackoff(), 0),
        )
        self._fill = self._client.register_script(FILL)
        self._drain = self._client.register_script(DRAIN)
        self.distrusted_until = 0.0

    def is_trusted(self) -> bool:
        """Tell whether it did not fail just now, so that few requests wait for it in vain."""
        return time.monotonic() >= self.distrusted_until

    def distrust(self) -> None:
        """Remember, in this process, that it failed."""
        self.distrusted_until = time.monotonic() + DISTRUST_SECONDS

    def fill(self, limits: Mapping[bytes, Limit]) -> timedelta:
        """Add one attempt to all buckets, or return how long to wait before that is possible."""
        sizes = [size for limit in limits.values() for size in (limit.interval, limit.capacity)]
        return int(self._fill(_names(limits), _numbers(sizes))) * MICROSECOND

    def drain(self, limits: Mapping[bytes, Limit]) -> None:
        """Take one attempt out of each bucket."""
        self._drain(_names(limits), _numbers([limit.interval for limit in limits.values()]))

    def empty(self, limits: Mapping[bytes, Limit]) -> None:
        """Forget the buckets."""
        self._client.delete(*_names(limits))


@cache
def redis_buckets(url: str) -> RedisBuckets:
    """Return this process's one client of the server."""
    return RedisBuckets(url)


def _names(limits: Mapping[bytes, Limit]) -> list[str]:
    return [f"roster:attempts:{key.hex()}" for key in limits]


def _numbers(times: list[timedelta]) -> list[Any]:
    return [time // MICROSECOND for time in times]
