"""The shared cache holds bytes; any content of the server is a miss at worst."""

import pickle
import re
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import blake2b
from random import Random
from threading import Barrier
from typing import Any

import pytest
from django.core.cache import cache as default_cache
from django.test import override_settings
from prometheus_client import REGISTRY
from redis import Redis

from core.cache.sealing import DEFLATED, MAX_VALUE_BYTES, PLAIN, _cipher, seal
from core.cache.shared import MAX_ENTRY_BYTES, SharedCache, _name

KEY, OTHER = (blake2b(name, digest_size=16).digest() for name in (b"one", b"two"))
VALUE = b'{"me":{"email":"alice@example.org"}}'
MISSES = ("absent", "not_authentic", "not_inflatable", "unavailable", "wrong_type")


def random_bytes(count: int) -> bytes:
    return Random(1).randbytes(count)  # noqa: S311 - repeatable


def count(metric: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"{metric}_total", labels) or 0


def lookups() -> dict[str, float]:
    return {result: count("shared_cache_lookups", result=result) for result in (*MISSES, "hit")}


def added(before: dict[str, float]) -> dict[str, float]:
    """Return the look-ups since then, by result."""
    return {name: value - before[name] for name, value in lookups().items() if value > before[name]}


@pytest.fixture
def cache() -> SharedCache:
    return SharedCache()


@pytest.fixture
def redis(settings: Any) -> Any:
    return Redis.from_url(settings.REDIS_URL)


def stored_name(key: bytes) -> str:
    """Return the name that Redis has for a key."""
    return f"roster:shared:1:{_name(key)}"


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\0",
        # django-redis reads digits as an integer.
        b"123",
        VALUE,
        b"x" * 999,
        b"x" * 1_000,
        b"x" * 200_000,
        b"x" * MAX_VALUE_BYTES,
        random_bytes(100_000),
    ],
    ids=range(9),
)
def test_value_is_returned_as_it_was_stored(cache: SharedCache, value: bytes) -> None:
    before = lookups()
    assert cache.get(KEY) is None
    cache.put(KEY, value)

    assert cache.get(KEY) == value
    assert SharedCache().get(KEY) == value
    assert cache.get(OTHER) is None
    assert added(before) == {"absent": 2, "hit": 2}


def test_large_values_are_compressed(cache: SharedCache, redis: Any) -> None:
    cache.put(KEY, VALUE * 1_000)
    assert redis.strlen(stored_name(KEY)) < len(VALUE) * 50


def test_server_sees_neither_keys_nor_values(cache: SharedCache, redis: Any) -> None:
    cache.put(KEY, VALUE)
    cache.acquire_lease(KEY)

    names = sorted(redis.keys())
    assert [re.sub(rb"[0-9a-f]{40}", b"*", name) for name in names] == [
        b"roster:shared:1:*",
        b"roster:shared:1:*:lease",
    ]
    assert KEY.hex().encode() not in b"".join(names)
    entry = redis.get(names[0])
    assert b"alice" not in entry
    assert len(entry) == len(VALUE) + 17


def test_entries_expire(cache: SharedCache, redis: Any, settings: Any) -> None:
    def expiry() -> float:
        cache.put(KEY, VALUE)
        return float(redis.ttl(stored_name(KEY)))

    assert 3_000 < expiry() <= 3_600
    settings.SHARED_CACHE_SECONDS = 10_000
    assert 9_000 < expiry() <= 10_000
    cache.put(KEY, VALUE, timedelta(minutes=5))
    assert 200 < redis.ttl(stored_name(KEY)) <= 300


@pytest.mark.parametrize(
    "value", [random_bytes(MAX_ENTRY_BYTES), b"x" * (MAX_VALUE_BYTES + 1)], ids=["entry", "value"]
)
def test_too_large_values_are_not_stored(cache: SharedCache, redis: Any, value: bytes) -> None:
    before = count("shared_cache_stores", result="too_large")
    cache.put(KEY, value)
    assert redis.dbsize() == 0
    assert count("shared_cache_stores", result="too_large") == before + 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: b"",
        lambda entry: entry[:10],
        lambda entry: entry[:16],
        lambda entry: entry[:-1],
        lambda entry: entry[1:],
        lambda entry: entry + b"\0",
        lambda entry: entry * 2,
        lambda entry: bytes([entry[0] ^ 1]) + entry[1:],
        lambda entry: entry[:-1] + bytes([entry[-1] ^ 1]),
        lambda entry: entry[:16] + b"\0" * (len(entry) - 16),
        lambda entry: VALUE,
        lambda entry: PLAIN + VALUE,
        lambda entry: zlib.compress(VALUE),
        lambda entry: b'{"value": 1}',
        lambda entry: b"\xff" * 1_000_000,
        lambda entry: pickle.dumps(VALUE),
    ],
    ids=range(16),
)
def test_damaged_entries_are_misses(
    cache: SharedCache, redis: Any, damage: Callable[[bytes], bytes]
) -> None:
    cache.put(KEY, VALUE)
    redis.set(stored_name(KEY), damage(redis.get(stored_name(KEY))))

    before = lookups()
    assert cache.get(KEY) is None
    assert added(before) == {"not_authentic": 1}
    cache.put(KEY, VALUE)
    assert cache.get(KEY) == VALUE


def test_entry_of_another_key_is_a_miss(cache: SharedCache, redis: Any) -> None:
    cache.put(OTHER, VALUE)
    redis.copy(stored_name(OTHER), stored_name(KEY))

    before = lookups()
    assert cache.get(KEY) is None
    assert added(before) == {"not_authentic": 1}


def test_entry_sealed_with_another_secret_is_a_miss(cache: SharedCache, redis: Any) -> None:
    with override_settings(SECRET_KEY="other" * 10):
        forged = seal(_name(KEY), VALUE)
    redis.set(stored_name(KEY), forged)

    before = lookups()
    assert cache.get(KEY) is None
    assert added(before) == {"not_authentic": 1}


@pytest.mark.parametrize(
    "store",
    [
        lambda redis, name: redis.rpush(name, VALUE),
        lambda redis, name: redis.hset(name, "value", VALUE),
        lambda redis, name: redis.sadd(name, VALUE),
        lambda redis, name: redis.zadd(name, {VALUE: 1}),
        lambda redis, name: redis.xadd(name, {"value": VALUE}),
        lambda redis, name: redis.set(name, 12),
        lambda redis, name: redis.set(name, "9" * 100),
    ],
    ids=["list", "hash", "set", "sorted set", "stream", "integer", "long integer"],
)
def test_entries_of_other_types_are_misses(
    cache: SharedCache, redis: Any, store: Callable[[Any, str], object]
) -> None:
    store(redis, stored_name(KEY))

    before = lookups()
    for _number in range(5):
        assert cache.get(KEY) is None
    # No failure of the server, which would open the circuit.
    assert added(before) == {"wrong_type": 5}
    cache.put(KEY, VALUE)
    assert cache.get(KEY) == VALUE


@pytest.mark.parametrize(
    "data",
    [
        DEFLATED + zlib.compress(b"\0" * (MAX_VALUE_BYTES + 1)),
        DEFLATED + zlib.compress(VALUE)[:-1],
        DEFLATED + VALUE,
        DEFLATED,
    ],
    ids=["too large", "truncated", "not compressed", "empty"],
)
def test_inflating_is_bounded(cache: SharedCache, redis: Any, settings: Any, data: bytes) -> None:
    name = _name(KEY)
    redis.set(stored_name(KEY), _cipher(settings.SECRET_KEY).encrypt(data, [name.encode()]))

    before = lookups()
    assert cache.get(KEY) is None
    assert added(before) == {"not_inflatable": 1}


def test_lease_belongs_to_one_process_until_released(cache: SharedCache) -> None:
    other = SharedCache()
    assert cache.acquire_lease(KEY)
    assert not other.acquire_lease(KEY)
    assert not cache.acquire_lease(KEY)
    assert other.acquire_lease(OTHER)
    # A lease is no value.
    assert cache.get(KEY) is None

    cache.release_lease(KEY)
    assert other.acquire_lease(KEY)


def test_lease_expires(cache: SharedCache, redis: Any) -> None:
    assert cache.acquire_lease(KEY)
    name = f"{stored_name(KEY)}:lease"
    assert 0 < redis.pttl(name) <= 2_000
    redis.pexpire(name, 0)
    assert cache.acquire_lease(KEY)


def test_lease_is_acquired_by_one_of_many_threads(cache: SharedCache) -> None:
    barrier = Barrier(16)

    def acquire(_number: int) -> bool:
        barrier.wait(30)
        return cache.acquire_lease(KEY)

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(acquire, range(16))) == 1


def test_cache_can_be_turned_off(cache: SharedCache, redis: Any, settings: Any) -> None:
    cache.put(KEY, VALUE)
    before = redis.info("stats")["total_commands_processed"]

    settings.SHARED_CACHE_SECONDS = 0
    assert cache.get(KEY) is None
    cache.put(OTHER, VALUE)
    assert cache.acquire_lease(KEY)
    assert cache.acquire_lease(KEY)
    cache.release_lease(KEY)

    # The one that reads the number.
    assert redis.info("stats")["total_commands_processed"] == before + 1
    settings.SHARED_CACHE_SECONDS = 1
    assert cache.get(KEY) == VALUE


def test_deleting_all_entries_leaves_other_keys(cache: SharedCache, redis: Any) -> None:
    cache.put(KEY, VALUE)
    cache.acquire_lease(KEY)
    redis.set("roster:shared:1", "of another program")
    default_cache.set("name", 1)

    cache.delete_all()

    assert cache.get(KEY) is None
    assert cache.acquire_lease(KEY)
    assert redis.get("roster:shared:1") == b"of another program"
    assert default_cache.get("name") == 1


def test_stored_bytes_are_counted(cache: SharedCache) -> None:
    before = count("shared_cache_stored_bytes")
    cache.put(KEY, VALUE)
    assert count("shared_cache_stored_bytes") == before + len(VALUE) + 17
