"""Buckets in memory, which settle in Redis, or in PostgreSQL while that fails."""

import datetime as dt
from collections.abc import Hashable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from django.db import DatabaseError
from redis import Redis

from core.ratelimit.buckets import storage_key
from core.ratelimit.in_memory import Level, MemoryBuckets, Share
from core.ratelimit.limits import settle
from core.ratelimit.models import StoredBucket

MINUTE = 60.0

pytestmark = pytest.mark.django_db


def in_store(subject: Hashable, debt: float, size: float, capacity: float) -> Level:
    debts, sizes, capacities = (dt.timedelta(seconds=each) for each in (debt, size, capacity))
    key = storage_key("test", str(subject))
    level, wait = settle(key, debt=debts, size=sizes, capacity=capacities)
    return Level(level.total_seconds(), wait.total_seconds())


def counted(calls: list[float]) -> Share:
    """Return `in_store`, which appends what is added at most."""

    def share(subject: Hashable, debt: float, size: float, capacity: float) -> Level:
        calls.append(debt + size)
        return in_store(subject, debt, size, capacity)

    return share


def admitted(buckets: MemoryBuckets, attempts: int, points: int, subject: str = "alice") -> int:
    """Return how many of the attempts a budget of so many points per minute admits."""
    found = [
        buckets.fill(subject, interval=MINUTE / points, capacity=MINUTE)
        for _time in range(attempts)
    ]
    return found.count(0.0)


@pytest.fixture(params=["redis", "postgresql"])
def store(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> str:
    """Settle in one of the stores; the other stays empty."""
    if request.param == "postgresql":
        settings.REDIS_URL = f"unix://{tmp_path}/none.sock"
    return str(request.param)


def test_processes_share_a_small_budget_exactly(store: str) -> None:
    one, other = MemoryBuckets(10, in_store), MemoryBuckets(10, in_store)
    assert admitted(one, 3, points=5) == 3
    assert admitted(other, 5, points=5) == 2
    assert admitted(one, 5, points=5) == 0
    assert admitted(one, 5, points=5, subject="bob") == 5
    assert StoredBucket.objects.count() == (2 if store == "postgresql" else 0)


def test_processes_exceed_a_large_budget_by_a_hundredth_each(store: str) -> None:
    points, processes = 1_000, [MemoryBuckets(10, in_store) for _number in range(5)]
    start = monotonic()
    for each in processes:
        assert admitted(each, 100, points) == 100
    # In turns, until all have refused.
    total = 500
    while found := sum(admitted(each, 1, points) for each in processes):
        total += found
    leaked = (monotonic() - start) * points / MINUTE
    assert points <= total <= points + 5 * points // 100 + leaked


def test_store_is_asked_once_for_a_hundredth(store: str) -> None:
    calls: list[float] = []
    buckets = MemoryBuckets(10, counted(calls))
    assert admitted(buckets, 990, points=10_000) == 990
    # Nine batches of 100 points; 90 points are not shared yet.
    assert calls == pytest.approx([MINUTE / 100] * 9)
    assert 0 < buckets.level("alice", MINUTE) <= MINUTE * 0.099
    assert sum(calls) == pytest.approx(MINUTE * 0.099)


def test_debts_are_shared_beyond_the_capacity(store: str) -> None:
    one, other = MemoryBuckets(10, in_store), MemoryBuckets(10, in_store)
    one.overfill("alice", 3 * MINUTE, MINUTE)
    assert other.fill("alice", interval=MINUTE, capacity=MINUTE) > 2 * MINUTE
    # The refused point is not owed.
    assert 2 * MINUTE < other.level("alice", MINUTE) <= 3 * MINUTE


def test_what_could_not_be_shared_is_shared_later() -> None:
    calls: list[float] = []

    def failing(*_arguments: Any) -> Level:
        raise DatabaseError

    buckets = MemoryBuckets(10, failing)
    with pytest.raises(DatabaseError):
        buckets.overfill("alice", MINUTE, MINUTE)
    buckets._share = counted(calls)  # noqa: SLF001 - the store is back
    assert 0 < buckets.level("alice", MINUTE) <= MINUTE
    assert calls == [MINUTE]


def test_shared_levels_expire(settings: Any) -> None:
    buckets = MemoryBuckets(10, in_store)
    buckets.overfill("alice", MINUTE, MINUTE)
    redis = Redis.from_url(settings.REDIS_URL)
    (key,) = redis.scan_iter("roster:attempts:*")
    assert 0 < redis.pttl(key) <= 1_000 * MINUTE


def test_level_of_an_unknown_subject_is_empty(store: str) -> None:
    assert MemoryBuckets(10, in_store).level("carol", MINUTE) == 0


def test_process_alone_knows_its_own_level() -> None:
    buckets = MemoryBuckets(10)
    assert buckets.alone("alice").empty_in == 0
    buckets.overfill("alice", MINUTE, MINUTE)
    assert buckets.alone("alice").empty_in > 0
