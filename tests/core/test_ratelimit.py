"""Rate limits are exact under load, and equal in Redis and PostgreSQL."""

import datetime as dt
import json
import logging
import math
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from core.bulkhead import Bulkhead, NotStartedError
from core.dev.ports import free_port
from core.errors import TooManyAttemptsError
from core.ratelimit.limits import Bucket, Limit, attempt, clear, counted, fold, refund
from core.ratelimit.models import StoredBucket
from tests.support.client import run_concurrently
from tests.support.logs import written_lines
from tests.support.service_processes import environ_of_tests
from tests.support.waiting import has_waiting_backend, wait_until
from users.accounts.identifiers import canonical

FIVE = Limit("test.five", 5, dt.timedelta(hours=5))
TWO = Limit("test.two", 2, dt.timedelta(hours=1))
HOUR = dt.timedelta(hours=1)
ALICE = Bucket(FIVE, "alice@example.org")
BOB = Bucket(FIVE, "bob@example.org")
NETWORK = Bucket(TWO, "203.0.113.7")


@dataclass(frozen=True)
class Store:
    """One of the two stores of attempts, without the other."""

    redis: Redis | None

    def pass_time(self, time: dt.timedelta) -> None:
        """Advance the time of all buckets."""
        if self.redis:
            for key in self.redis.scan_iter("roster:attempts:*"):
                self.redis.decrby(key, time // dt.timedelta(microseconds=1))
        else:
            StoredBucket.objects.update(empty_at=F("empty_at") - time)

    def count(self) -> int:
        """Return the number of buckets; assert that the other store has none."""
        rows = StoredBucket.objects.count()
        if not self.redis:
            return rows
        assert rows == 0
        return len(list(self.redis.scan_iter("roster:attempts:*")))


@pytest.fixture
def redis(settings: Any) -> Redis:
    return Redis.from_url(settings.REDIS_URL)


@pytest.fixture(params=["redis", "postgresql"])
def store(request: pytest.FixtureRequest, db: None, settings: Any, redis: Redis) -> Store:
    """Redis, or PostgreSQL while Redis is unreachable."""
    if request.param == "redis":
        return Store(redis)
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}"
    return Store(None)


def passes(*buckets: Bucket) -> bool:
    """Make an attempt; return whether it was allowed."""
    try:
        attempt(*buckets)
    except TooManyAttemptsError:
        return False
    return True


def tries(number: int, *buckets: Bucket) -> int:
    """Make ``number`` attempts; return how many were allowed."""
    return sum(passes(*buckets) for _ in range(number))


def wait_for(*buckets: Bucket) -> int:
    """Return the `retry_after` of a refused attempt, in seconds."""
    with pytest.raises(TooManyAttemptsError) as refusal:
        attempt(*buckets)
    return refusal.value.retry_after


@pytest.mark.django_db(transaction=True)
def test_concurrent_attempts_are_exact(store: Store) -> None:
    answers = run_concurrently(*[lambda: passes(ALICE)] * 50)

    assert sorted(answers) == [False] * 45 + [True] * 5
    assert store.count() == 1


@pytest.mark.django_db(transaction=True)
def test_concurrent_attempts_on_two_buckets_are_exact(store: Store) -> None:
    calls: list[Callable[[], bool]] = [lambda: passes(ALICE, BOB), lambda: passes(BOB, ALICE)]
    answers = run_concurrently(*calls * 25)

    assert sorted(answers) == [False] * 45 + [True] * 5
    assert (tries(1, ALICE), tries(1, BOB)) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_rows_are_locked_in_the_order_of_their_keys(settings: Any) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}"
    low, high = sorted((ALICE, BOB), key=lambda bucket: bucket.key)
    attempt(low, high)
    rows = StoredBucket.objects.select_for_update(nowait=True)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            rows.get(pk=low.key)
            other = pool.submit(run_concurrently, lambda: attempt(high, low))
            wait_until(has_waiting_backend)
            rows.get(pk=high.key)
        other.result()
    assert (tries(10, low), tries(10, high)) == (3, 3)


def test_refused_attempt_is_counted_in_no_bucket(store: Store) -> None:
    assert tries(10, ALICE, NETWORK) == 2
    assert tries(10, ALICE) == 3
    assert tries(10, BOB, ALICE) == 0
    assert tries(10, BOB) == 5


def test_refused_attempt_in_a_new_bucket_stores_nothing(store: Store) -> None:
    assert tries(2, NETWORK) == 2
    assert tries(1, NETWORK, ALICE) == 0
    assert store.count() == 1


def test_repeated_bucket_is_counted_once(store: Store) -> None:
    assert tries(10, ALICE, Bucket(FIVE, "ALICE@example.org ")) == 5


def test_limits_on_the_same_subject_are_independent(store: Store) -> None:
    other = Limit("test.other", 5, dt.timedelta(hours=5))
    assert tries(10, ALICE) == 5
    assert tries(10, Bucket(other, ALICE.subject)) == 5


def test_longest_wait_is_reported_in_seconds(store: Store) -> None:
    begin = time.monotonic()

    def must_wait(seconds: int, *buckets: Bucket) -> bool:
        """Compare with ``seconds`` minus the time since the start, rounded up."""
        retry_after = wait_for(*buckets)
        return math.ceil(seconds - (time.monotonic() - begin)) <= retry_after <= seconds

    assert tries(5, ALICE) == 5
    assert must_wait(3_600, ALICE)
    assert tries(2, NETWORK) == 2
    assert must_wait(1_800, NETWORK)
    assert must_wait(3_600, ALICE, NETWORK)
    assert must_wait(3_600, NETWORK, ALICE)

    store.pass_time(dt.timedelta(minutes=30))
    assert must_wait(1_800, ALICE, BOB)
    assert must_wait(1_800, ALICE, NETWORK)
    assert tries(10, BOB) == 5


def test_one_attempt_leaks_away_per_interval(store: Store) -> None:
    assert tries(10, ALICE) == 5
    store.pass_time(HOUR)
    assert tries(10, ALICE) == 1
    store.pass_time(3 * HOUR)
    assert tries(10, ALICE) == 3
    store.pass_time(100 * HOUR)
    assert tries(10, ALICE) == 5


def test_burst_is_exact_for_an_indivisible_period(store: Store) -> None:
    sevenths = Bucket(Limit("test.sevenths", 7, dt.timedelta(hours=1)), "alice")
    assert tries(20, sevenths) == 7


def test_refunded_attempts_are_not_counted(store: Store) -> None:
    for _ in range(10):
        assert tries(1, ALICE, BOB) == 1
        refund(ALICE, BOB)
    assert tries(10, ALICE) == 5
    refund(ALICE)
    assert tries(10, ALICE) == 1


def test_work_that_was_not_started_is_not_counted(store: Store) -> None:
    work = Bulkhead("test", lambda: 1)
    for _ in range(10):
        with work, pytest.raises(NotStartedError), counted(ALICE, BOB), work:
            pass
    with pytest.raises(ValueError, match="failed"), counted(ALICE, BOB), work:
        raise ValueError("failed")
    assert [tries(10, bucket) for bucket in (ALICE, BOB)] == [4, 4]
    with pytest.raises(TooManyAttemptsError), counted(ALICE):
        pytest.fail("It began.")


def test_refunds_never_go_below_zero(store: Store) -> None:
    for _ in range(3):
        refund(ALICE)
    assert store.count() == 0
    assert tries(1, ALICE) == 1
    for _ in range(3):
        refund(ALICE)
    assert tries(10, ALICE) == 5


def test_clearing_a_bucket_keeps_others(store: Store) -> None:
    third = Bucket(FIVE, "charlie@example.org")
    for bucket in (ALICE, BOB, third):
        assert tries(5, bucket) == 5
    clear(ALICE, BOB)

    assert [tries(10, bucket) for bucket in (ALICE, BOB, third)] == [5, 5, 0]


def test_attempt_without_buckets_is_allowed(store: Store) -> None:
    attempt()
    refund()
    clear()
    assert store.count() == 0


@pytest.mark.django_db(transaction=True)
def test_attempt_within_a_transaction_is_refused(store: Store) -> None:
    for function in (attempt, refund, clear):
        with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
            function(ALICE)
    assert store.count() == 0


@pytest.mark.django_db
def test_redis_needs_no_statement(statements: Any) -> None:
    with statements() as issued:
        assert tries(10, ALICE, BOB) == 5
        refund(ALICE)
        clear(ALICE)
    assert issued == []


@pytest.mark.django_db(transaction=True)
def test_processes_share_counts(store: Store, settings: Any) -> None:
    program = f"""
import datetime, django; django.setup()
from core.ratelimit.limits import Bucket, Limit, attempt
attempt({ALICE!r})
"""
    environ = environ_of_tests(DJANGO_SETTINGS_MODULE="core.settings", REDIS_URL=settings.REDIS_URL)
    assert tries(3, ALICE) == 3
    command = [sys.executable, "-W", "ignore", "-c", program]
    subprocess.run(command, env=environ, timeout=30, check=True)
    assert tries(10, ALICE) == 1


@pytest.mark.django_db
def test_keys_and_logs_reveal_no_subject(
    redis: Redis, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    attempt(ALICE, NETWORK)
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}"
    with caplog.at_level(logging.DEBUG, logger="core"):
        attempt(ALICE, NETWORK)

    names = [f"roster:attempts:{bucket.key.hex()}" for bucket in (ALICE, NETWORK)]
    found = {name.decode() for name in redis.scan_iter("roster:attempts:*")}
    assert found == set(names)
    assert set(StoredBucket.objects.values_list("key", flat=True)) == {ALICE.key, NETWORK.key}
    line = json.loads(written_lines(caplog))
    message = "Redis failed; PostgreSQL counts attempts"
    assert {name: line[name] for name in ("message", "error")} == {
        "message": message,
        "error": "ConnectionError",
    }
    assert line.keys() == {"time", "level", "logger", "message", "error"}


@pytest.mark.django_db
def test_keys_cannot_be_guessed_without_the_secret_key(settings: Any) -> None:
    key = ALICE.key
    settings.SECRET_KEY = "another-" * 8
    assert ALICE.key != key


@pytest.mark.parametrize(
    "other",
    ["ALICE@EXAMPLE.ORG", " alice@example.org\n", "álicé@example.org", "\uff41lice@example.org"],
)
def test_subjects_ignore_case_accents_width_and_space(other: str) -> None:
    assert Bucket(FIVE, other).key == ALICE.key


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Straße", "strasse"),
        ("İstanbul", "istanbul"),
        ("a\u0301\u0302\ufe0f", "a"),
        ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
        ("\u0301", ""),
        ("2001:DB8::/64", "2001:db8::/64"),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text(st.characters(exclude_categories=[]), max_size=12))
def test_equivalent_logins_fold_alike(text: str) -> None:
    assert fold(canonical(text)) == fold(text)
    assert fold(fold(text)) == fold(text)
    assert len(Bucket(FIVE, text).key) == 32


def test_long_text_is_truncated_before_normalisation() -> None:
    assert fold("x" * 255 + "ﷺ" * 10_000_000) == "x" * 255


@pytest.mark.parametrize(
    ("count", "period"), [(0, HOUR), (-1, HOUR), (1, dt.timedelta()), (2_000_000, HOUR / 3_600)]
)
def test_uncountable_limit_is_refused(count: int, period: dt.timedelta) -> None:
    with pytest.raises(ValueError, match="is no limit"):
        Limit("test.none", count, period)
