"""The cache that all web servers share: bytes by key, in Redis or Memcached.

The server may be down, hang, be full or be flushed at any time, and its content is untrusted. All
of this is a miss, never an error, and a server that fails is not waited for with each request.
"""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import cache
from hashlib import blake2b
from typing import Any, Final, TypeVar

from django.core.cache import BaseCache, caches
from prometheus_client import Histogram
from pymemcache.exceptions import (  # type: ignore[import-untyped]
    MemcacheError,
    MemcacheUnexpectedCloseError,
)
from redis.connection import parse_url
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from core.bounded_calls import BoundedCalls, BusyError
from core.cache.metrics import ERRORS, LEASES, LOOKUPS, SECONDS, STORED_BYTES, STORES
from core.cache.sealing import MAX_VALUE_BYTES, UnusableEntryError, seal, unseal
from core.cached_settings import settings
from core.circuit_breaker import CircuitBreaker, CircuitOpenError
from core.release import release_fingerprint
from core.security.crypto import derive_key

# The alias in `CACHES`; its backend raises the client's errors.
ALIAS: Final = "shared"
NAME_BYTES: Final = 20
# Memcached's limit is 1 MiB, with the key and a header.
MAX_ENTRY_BYTES: Final = 1_000_000
LEASE_SECONDS: Final = 2
# The circuit opens after consecutive failures, until a probe.
MAX_FAILURES: Final = 3
OPEN_SECONDS: Final = 2.0
# An entry of Redis that is no string, such as a list.
WRONG_TYPE: Final = object()
# What the clients of Redis and Memcached raise; the last two for replies of another protocol.
FAILURES: Final = (RedisError, MemcacheError, OSError, BusyError, ValueError, AttributeError)

GET, SET, ADD, DELETE = map(SECONDS.labels, ("get", "set", "add", "delete"))

# Of this process at the same time.
MAX_CALLS: Final = 8

T = TypeVar("T")
logger = logging.getLogger(__name__)


class UnavailableError(Exception):
    """The server failed now, or recently and was not called."""


class SharedCache:
    """Bytes by key, for one release of the service.

    A key is a digest of all that its value depends on. The server is given another digest, of the
    key and the release, so entries of other releases are never read. Each operation is one command
    on one key, which any cluster or proxy serves.
    """

    def __init__(self) -> None:
        """Use the server of `ALIAS`, which is not called before the first operation."""
        # A full server, or a replica, still answers reads.
        self.reads, self.writes = (
            CircuitBreaker(f"shared cache {name}", failures=MAX_FAILURES, seconds=OPEN_SECONDS)
            for name in ("reads", "writes")
        )

    @property
    def is_enabled(self) -> bool:
        """Whether values are stored: `SHARED_CACHE_SECONDS` is not 0."""
        return settings.SHARED_CACHE_SECONDS > 0

    def get(self, key: bytes) -> bytes | None:
        """Return the value of the key; None if the server has none that is ours."""
        if not self.is_enabled:
            return None
        name, value = _name(key), None
        try:
            entry = _call(GET, self.reads, lambda: _entry(name))
            if entry is None:
                result = "absent"
            else:
                value, result = unseal(name, entry), "hit"
        except UnusableEntryError as error:
            result = error.reason
        except UnavailableError:
            result = "unavailable"
        LOOKUPS.labels(result).inc()
        return value

    def put(self, key: bytes, value: bytes, ttl: timedelta | None = None) -> None:
        """Store a value, by default for `SHARED_CACHE_SECONDS`; ignored if it is too large."""
        if self.is_enabled:
            seconds = ttl.total_seconds() if ttl else settings.SHARED_CACHE_SECONDS
            STORES.labels(self._store(_name(key), value, seconds)).inc()

    def _store(self, name: str, value: bytes, seconds: float) -> str:
        """Return the result: stored, too_large or unavailable."""
        # Sealing takes longer than storing.
        if self.writes.is_refusing():
            return "unavailable"
        if len(value) > MAX_VALUE_BYTES:
            return "too_large"
        entry = seal(name, value)
        if len(entry) > MAX_ENTRY_BYTES:
            return "too_large"
        try:
            _call(SET, self.writes, lambda: _server().set(name, entry, seconds))
        except UnavailableError:
            return "unavailable"
        STORED_BYTES.inc(len(entry))
        return "stored"

    def acquire_lease(self, key: bytes) -> bool:
        """Return whether the caller should compute the value, as the only process for a while.

        True if the cache is unavailable, too. A lease ends when it is released or after
        `LEASE_SECONDS`; the caller must not rely on it, only save work.
        """
        if not self.is_enabled:
            return True
        name = _lease_name(key)
        try:
            is_acquired = _call(ADD, self.writes, lambda: _server().add(name, b"", LEASE_SECONDS))
        except UnavailableError:
            LEASES.labels("unavailable").inc()
            return True
        LEASES.labels("acquired" if is_acquired else "taken").inc()
        return is_acquired

    def release_lease(self, key: bytes) -> None:
        """End the caller's lease. One that expired may be another process's by now."""
        if self.is_enabled:
            name = _lease_name(key)
            with suppress(UnavailableError):
                _call(DELETE, self.writes, lambda: _server().delete(name))

    def delete_all(self) -> None:
        """Delete the entries of all releases, for an operator. Raises what the client raises.

        Redis lists the keys of a database and keeps those of others; a Memcached server is flushed.
        """
        server: Any = _server()
        if hasattr(server, "delete_pattern"):
            server.delete_pattern("*", itersize=1_000)
        else:
            server.clear()


def _server() -> BaseCache:
    """Return the thread's client."""
    return caches[ALIAS]


def _entry(name: str) -> object:
    """Return what the server has under a name: bytes, or None."""
    try:
        return _server().get(name)
    except ResponseError as error:
        if str(error).startswith("WRONGTYPE"):
            return WRONG_TYPE
        raise


@cache
def _calls() -> BoundedCalls:
    """Return the threads of this process that wait for the server."""
    return BoundedCalls(MAX_CALLS, "shared-cache")


os.register_at_fork(after_in_child=_calls.cache_clear)


def _max_seconds() -> float:
    """Return how long a call may take: the time-out of the server's URL."""
    backend = settings.CACHES[ALIAS]
    timeout: float = backend["OPTIONS"].get("timeout") or _timeout_of(backend["LOCATION"])
    return timeout


@cache
def _timeout_of(url: str) -> float:
    return float(parse_url(url)["socket_timeout"])  # type: ignore[no-untyped-call]


def _call(seconds: Histogram, breaker: CircuitBreaker, command: Callable[[], T]) -> T:
    """Return the server's reply. Raises `UnavailableError` if there is none."""

    def measured() -> T:
        with seconds.time():
            return _calls().run(command, _max_seconds())

    try:
        return breaker.call(measured)
    except CircuitOpenError:
        raise UnavailableError from None
    except FAILURES as error:
        ERRORS.labels(_kind(error)).inc()
        # The type only, because the text may quote the command.
        logger.warning("shared cache failed", extra={"error": type(error).__name__})
        raise UnavailableError from error


def _kind(error: Exception) -> str:
    match error:
        case RedisTimeoutError() | TimeoutError():
            return "timeout"
        case BusyError():
            return "busy"
        case RedisConnectionError() | MemcacheUnexpectedCloseError() | OSError():
            return "connection"
        case OutOfMemoryError():
            return "full"
        case _:
            return "refused"


def _name(key: bytes) -> str:
    """Return the name of an entry, by which only holders of SECRET_KEY can find it."""
    secret = derive_key("shared cache names", settings.SECRET_KEY)
    data = release_fingerprint() + key
    return blake2b(data, key=secret, digest_size=NAME_BYTES).hexdigest()


def _lease_name(key: bytes) -> str:
    return f"{_name(key)}:lease"
