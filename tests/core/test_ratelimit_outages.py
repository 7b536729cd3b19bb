"""Rate limits fall back to PostgreSQL and never allow attempts uncounted.

The circuit breaker is per URL, so the failing servers here have unique URLs.
"""

import json
import logging
import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import override_settings
from django.utils import timezone
from redis import Redis
from redis.exceptions import RedisError

from core.dev.ports import free_port
from core.ratelimit.in_redis import redis_buckets
from core.ratelimit.limits import attempt, clear, refund
from core.ratelimit.models import StoredBucket
from core.ratelimit.tasks import prune
from tests.core.test_ratelimit import ALICE, BOB, HOUR, NETWORK, tries
from tests.support.client import run_concurrently
from tests.support.environment import PATIENCE
from tests.support.logs import written_lines
from tests.support.redis_servers import DripServer, RedisServer
from tests.support.waiting import wait_until


@pytest.fixture
def redis(settings: Any) -> Redis:
    return Redis.from_url(settings.REDIS_URL)


def patient(url: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{PATIENCE}"


@contextmanager
def answering_redis(directory: Path) -> Iterator[tuple[str, Redis]]:
    """Run a separate Redis; yield when it accepts connections."""
    with RedisServer(directory).running() as server, Redis.from_url(server.url) as redis:
        wait_until(lambda: answers(redis))
        yield patient(server.url), redis


def answers(server: Redis) -> bool:
    try:
        return bool(server.ping())
    except RedisError:
        return False


@pytest.mark.django_db
def test_counts_in_redis_expire_when_the_bucket_is_empty(redis: Redis) -> None:
    attempt(ALICE, NETWORK)
    attempt(ALICE, NETWORK)

    lives = sorted(redis.ttl(name) for name in redis.scan_iter("roster:attempts:*"))
    # Two fifths of five hours, and one hour, minus the test's duration.
    assert [-(-life // 600) for life in lives] == [6, 12]


@pytest.mark.django_db
def test_flushed_redis_counts_from_zero(redis: Redis) -> None:
    assert tries(10, ALICE) == 5
    # Not `flushall`: other processes of the tests have their brokers in other databases.
    redis.flushdb()
    redis.script_flush()
    assert tries(10, ALICE) == 5
    assert not StoredBucket.objects.exists()


@pytest.mark.django_db
def test_fallback_counts_separately_until_redis_returns(settings: Any, tmp_path: Path) -> None:
    settings.REDIS_URL = url = patient(f"unix://{tmp_path}/redis.sock")
    assert tries(10, ALICE) == 5
    with answering_redis(tmp_path):
        assert tries(10, ALICE) == 0
        redis_buckets(url).breaker.retry_at = 0
        assert tries(10, ALICE) == 5
    assert tries(10, ALICE) == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    "refuse",
    [lambda server: server.config_set("maxmemory", 1), lambda server: server.replicaof("::1", 1)],
    ids=["full", "replica"],
)
def test_read_only_redis_falls_back_to_postgresql(
    refuse: Callable[[Redis], None],
    settings: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with answering_redis(tmp_path) as (url, server):
        settings.REDIS_URL = url
        assert tries(2, ALICE) == 2
        refuse(server)
        with caplog.at_level(logging.WARNING, logger="core"):
            assert tries(10, ALICE, BOB) == 5

        assert server.dbsize() == 1
        assert StoredBucket.objects.count() == 2
        # The error's class depends on the version of Redis.
        line = json.loads(written_lines(caplog))
        assert line["message"] == "Redis failed; PostgreSQL counts attempts"
        assert re.fullmatch(r"\w+Error", line["error"])


@pytest.mark.django_db
def test_unresponsive_redis_is_tried_once(settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        assert tries(10, ALICE) == 5
        refund(ALICE)
        clear(BOB)
        assert tries(10, ALICE) == 1

        silent.settimeout(0)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


@pytest.mark.django_db
def test_redis_whose_replies_do_not_end_is_tried_once(settings: Any) -> None:
    with DripServer() as server, ThreadPoolExecutor(1) as pool:
        pool.submit(server.serve_forever, 0.01)
        try:
            settings.REDIS_URL = f"redis://127.0.0.1:{server.server_address[1]}"
            assert tries(10, ALICE) == 5
        finally:
            server.stopped.set()
            server.shutdown()
        assert server.calls == 1


@pytest.mark.django_db(transaction=True)
def test_without_redis_and_postgresql_attempts_are_refused(settings: Any) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}"
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    try:
        with pytest.raises(DatabaseError, match="read-only"):
            attempt(ALICE)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")


@pytest.mark.django_db
def test_pruning_deletes_drained_buckets(settings: Any) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}"
    attempt(ALICE, NETWORK)
    past = timezone.now() - HOUR
    StoredBucket.objects.bulk_create(
        StoredBucket(key=number.to_bytes(32, "big"), empty_at=past) for number in range(2_500)
    )
    prune()

    assert set(StoredBucket.objects.values_list("key", flat=True)) == {ALICE.key, NETWORK.key}


def prune_with_lock_timeout() -> None:
    """Prune; fail instead of waiting for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '2s'")
    prune()


@pytest.mark.django_db(transaction=True)
def test_pruning_does_not_wait_for_attempts(settings: Any) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}"
    past = timezone.now() - HOUR
    StoredBucket.objects.bulk_create(
        StoredBucket(key=bucket.key, empty_at=past) for bucket in (ALICE, BOB)
    )
    with transaction.atomic():
        StoredBucket.objects.select_for_update().get(pk=ALICE.key)
        run_concurrently(prune_with_lock_timeout)
        assert StoredBucket.objects.count() == 1
    prune()
    assert StoredBucket.objects.count() == 0


def test_attempts_are_counted_in_redis_url(db: None, redis: Redis, tmp_path: Path) -> None:
    assert tries(10, ALICE) == 5
    with answering_redis(tmp_path) as (url, _server), override_settings(REDIS_URL=url):
        assert tries(10, ALICE) == 5
    assert tries(10, ALICE) == 0
    assert not StoredBucket.objects.exists()
