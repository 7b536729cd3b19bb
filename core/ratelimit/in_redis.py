"""Buckets in Redis, the default store.

A bucket is a key whose value is the time, in microseconds of Redis's clock, at which the bucket
will be empty (GCRA's theoretical arrival time). The key expires at that time. A server that is
flushed or evicts keys loses attempts and counts again from zero.

The scripts need Redis 5 or newer, which replicates effects instead of scripts, so that a script may
read the clock before it writes.
"""

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any, Final, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from core.bounded_calls import BoundedCalls, BusyError
from core.circuit_breaker import CircuitBreaker
from core.ratelimit.buckets import Limit

TIMEOUT_SECONDS: Final = 0.2
# Of a process at the same time.
MAX_CALLS: Final = 8
# How long to use PostgreSQL after an error of Redis.
OPEN_SECONDS: Final = 2.0
MICROSECOND: Final = timedelta(microseconds=1)

# ARGV has the interval and the capacity for each of the KEYS. Returns the time to wait.
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

# ARGV has the interval for each of the KEYS. A bucket with a past time counts as empty.
DRAIN: Final = """
for i, key in ipairs(KEYS) do
    if redis.call("EXISTS", key) == 1 then
        redis.call("DECRBY", key, ARGV[i])
    end
end
"""

# ARGV has a debt, a size and the capacity. Adds the debt, and the size if it fits. Returns the time
# until the bucket is empty, and the time to wait until the size fits.
SETTLE: Final = """
local clock = redis.call("TIME")
local now = clock[1] * 1000000 + clock[2]
local stored = tonumber(redis.call("GET", KEYS[1]) or 0)
local empty_at = math.max(stored, now) + ARGV[1]
local wait = math.max(0, empty_at + ARGV[2] - now - ARGV[3])
if wait == 0 then
    empty_at = empty_at + ARGV[2]
end
if empty_at > now then
    local expiry = math.ceil((empty_at - now) / 1000)
    redis.call("SET", KEYS[1], string.format("%.0f", empty_at), "PX", expiry)
end
return {empty_at - now, wait}
"""

T = TypeVar("T")


class RedisBuckets:
    """Buckets in one Redis server; every operation raises `RedisError` if it fails."""

    def __init__(self, url: str) -> None:
        """Create a pool, which connects lazily and again after a fork."""
        self._client = Redis.from_url(
            url,
            socket_connect_timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
            # By default redis-py retries with exponential backoff.
            retry=Retry(NoBackoff(), 0),
        )
        self._fill = self._client.register_script(FILL)
        self._drain = self._client.register_script(DRAIN)
        self._settle = self._client.register_script(SETTLE)
        # The URL may have another time-out.
        self._seconds: float = self._client.connection_pool.connection_kwargs["socket_timeout"]
        self._calls = BoundedCalls(MAX_CALLS, "rate-limits")
        self.breaker = CircuitBreaker("rate limits", failures=1, seconds=OPEN_SECONDS)

    def fill(self, limits: Mapping[bytes, Limit]) -> timedelta:
        """Add one attempt to all buckets, or return the time to wait.

        The time is zero if the attempt was added.
        """
        sizes = [size for limit in limits.values() for size in (limit.interval, limit.capacity)]
        wait = self._run(lambda: self._fill(_names(limits), _numbers(sizes)))
        return int(wait) * MICROSECOND

    def settle(
        self, key: bytes, debt: timedelta, size: timedelta, capacity: timedelta
    ) -> tuple[timedelta, timedelta]:
        """Add a debt in any case, and a size if it fits.

        Returns the time until the bucket is empty, and the time to wait until the size fits.
        """
        numbers = _numbers([debt, size, capacity])
        level, wait = self._run(lambda: self._settle([_name(key)], numbers))
        return int(level) * MICROSECOND, int(wait) * MICROSECOND

    def drain(self, limits: Mapping[bytes, Limit]) -> None:
        """Remove one attempt from each bucket."""
        intervals = [limit.interval for limit in limits.values()]
        self._run(lambda: self._drain(_names(limits), _numbers(intervals)))

    def empty(self, limits: Mapping[bytes, Limit]) -> None:
        """Delete the buckets."""
        self._run(lambda: self._client.delete(*_names(limits)))

    def _run(self, command: Callable[[], T]) -> T:
        """Return the server's reply. Raises `RedisError` if there is none in time."""
        try:
            return self._calls.run(command, self._seconds)
        except (TimeoutError, BusyError) as error:
            raise RedisTimeoutError from error


@cache
def redis_buckets(url: str) -> RedisBuckets:
    """Return the process's client for the server."""
    return RedisBuckets(url)


# Threads do not survive a fork.
os.register_at_fork(after_in_child=redis_buckets.cache_clear)


def _names(limits: Mapping[bytes, Limit]) -> list[str]:
    return list(map(_name, limits))


def _name(key: bytes) -> str:
    return f"roster:attempts:{key.hex()}"


def _numbers(times: list[timedelta]) -> list[Any]:
    return [time // MICROSECOND for time in times]
