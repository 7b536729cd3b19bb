"""Memcached as the cache and RabbitMQ as the broker."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache, caches
from django.test import override_settings
from prometheus_client import REGISTRY
from pymemcache import Client as MemcacheClient  # type: ignore[import-untyped]

from core.cache.shared import ALIAS, MAX_ENTRY_BYTES, SharedCache, _name
from core.configuration.services import ServiceEnvironment
from core.dev.ports import free_port
from core.dev.rabbitmq import RabbitMQ
from core.outbox.queues import FORMER, Queue
from tests.support.pickle_bombs import bomb
from tests.support.service_processes import celery_worker, environ_of_tests
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from tests.system.programs import require_program, running, wait_until_connected
from users.activity.models import IntervalCounts

KEY = b"key"
SIGN_UP = """
import django; django.setup()
from tests.support.client import GraphQLClient
print(GraphQLClient()(
    "mutation ($input: SignUpInput!) { signUp(input: $input) { errors { code } } }",
    input={"email": "dora@example.org", "username": "dora", "password": "a phrase to keep"},
).data)
"""
# Beat sends both tasks every minute.
COUNT = """
import django; django.setup()
from users.activity.tasks import roll_up_events, seal_events
(seal_events.si() | roll_up_events.si()).delay()
"""


@pytest.fixture
def memcached_url() -> Iterator[str]:
    require_program("memcached", "memcached")
    port = free_port()
    with running(["memcached", "-l", "127.0.0.1", "-p", str(port), "-u", "nobody"]) as process:
        wait_until_connected(lambda: socket.create_connection(("127.0.0.1", port)).close(), process)
        yield f"memcached://127.0.0.1:{port}"


def test_foreign_memcached_entries_are_misses(memcached_url: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    host, port = memcached_url.removeprefix("memcached://").split(":")
    backend = ServiceEnvironment({"CACHE_URL": memcached_url}).cache("CACHE_URL", "")
    backend["KEY_PREFIX"] = "roster"
    other = MemcacheClient((host, int(port)))
    with override_settings(CACHES={"default": backend}), closing(other):
        key = cache.make_key("entry")
        cache.set("entry", {"value": [1, "ü"]})
        assert cache.get("entry") == {"value": [1, "ü"]}
        assert b"value" in other.get(key)
        # With all flags by which other clients mark serialised types.
        for data in (bomb(trace), b"", b"\xff", b"[" * 100_000, b"null"):
            for flags in range(32):
                assert other.set(key, data, flags=flags, noreply=False)
                assert cache.get("entry") is None
        caches.close_all()
    assert not trace.exists()


@contextmanager
def shared_cache_at(url: str) -> Iterator[SharedCache]:
    """Use the shared cache on Memcached within the block."""
    backend = ServiceEnvironment({"CACHE_URL": url}).shared_cache("CACHE_URL", "")
    # On a busy machine, Memcached may exceed the service's time-outs.
    backend["OPTIONS"] |= {"timeout": 10, "connect_timeout": 10}
    with override_settings(CACHES=settings.CACHES | {ALIAS: backend}):
        yield SharedCache()
        caches.close_all()


def test_shared_cache_on_memcached(memcached_url: str) -> None:
    with shared_cache_at(memcached_url) as shared:
        for value in (b"", b"123", b"x" * 200_000, os.urandom(MAX_ENTRY_BYTES - 1_000)):
            shared.put(KEY, value)
            assert shared.get(KEY) == value
        assert shared.get(b"other") is None

        assert shared.acquire_lease(KEY)
        assert not shared.acquire_lease(KEY)
        shared.release_lease(KEY)
        assert shared.acquire_lease(KEY)

        # With all flags by which other clients mark serialised types.
        host, port = memcached_url.removeprefix("memcached://").split(":")
        with closing(MemcacheClient((host, int(port)))) as other:
            name = caches[ALIAS].make_key(_name(KEY))
            for flags in range(32):
                for data in (b"", b"1", b"x" * 100):
                    assert other.set(name, data, flags=flags, noreply=False)
                    assert shared.get(KEY) is None
        shared.put(KEY, b"value")
        assert shared.get(KEY) == b"value"
        shared.delete_all()
        assert shared.get(KEY) is None


def test_memcached_that_returns_is_used_again() -> None:
    require_program("memcached", "memcached")
    port = free_port()
    command: list[str | Path] = ["memcached", "-l", "127.0.0.1", "-p", str(port), "-u", "nobody"]

    def failures() -> float:
        value = REGISTRY.get_sample_value("shared_cache_errors_total", {"kind": "connection"})
        return value or 0

    def works() -> bool:
        shared.reads.retry_at = shared.reads.retry_at and 0
        shared.writes.retry_at = shared.writes.retry_at and 0
        shared.put(KEY, b"value")
        return shared.get(KEY) == b"value"

    with shared_cache_at(f"memcached://127.0.0.1:{port}") as shared:
        for _restart in range(2):
            shared.reads.seconds = shared.writes.seconds = 3_600
            before = failures()
            for _number in range(10):
                assert shared.get(KEY) is None
                assert shared.acquire_lease(KEY)
            # Three reads and three writes.
            assert failures() == before + 6
            with running(command):
                wait_until(works)


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    node = RabbitMQ(tmp_path_factory.mktemp("rabbitmq"))
    with node.running():
        yield node


@pytest.mark.django_db(transaction=True)
def test_mail_and_analytics_through_rabbitmq(mails: Sink, rabbitmq: RabbitMQ) -> None:
    environ = {"CELERY_BROKER_URL": rabbitmq.url, "DJANGO_SETTINGS_MODULE": "core.settings"}
    with celery_worker(**environ):
        web = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SIGN_UP],
            env=environ_of_tests(**environ),
            capture_output=True,
            text=True,
            check=True,
        )
        assert web.stdout.strip() == "{'signUp': {'errors': []}}"
        assert web.stderr == "", "the broker was reached"
        assert mails.next()["To"] == "dora@example.org"
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", COUNT],
            env=environ_of_tests(**environ),
            check=True,
        )
        wait_until(IntervalCounts.objects.filter(sign_ups=1).exists)
    types = dict(
        line.split() for line in rabbitmq.control("list_queues", "name", "type").splitlines()[1:]
    )
    assert {types[queue] for queue in Queue} == {"quorum"}
    # Older releases declared it, and RabbitMQ refuses to change it.
    assert types[FORMER] == "classic"


NUDGE = """
import threading
import django; django.setup()
from core.outbox.nudge import nudger
for number in range(3):
    nudger.nudge({"mail": [(number, "")]})
    nudger.flush(60)
print("done", flush=True)
nudger.nudge({"mail": [(4, "")]})
"""


def nudge(url: str) -> "subprocess.CompletedProcess[str]":
    """Nudge in a process, which then exits, in time or not."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", NUDGE],
        env=environ_of_tests(CELERY_BROKER_URL=url, DJANGO_SETTINGS_MODULE="core.settings"),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


def test_rabbitmq_has_each_message_in_its_queue_only(rabbitmq: RabbitMQ) -> None:
    assert nudge(rabbitmq.url).stderr == ""

    def counts() -> dict[str, int]:
        lines = rabbitmq.control("list_queues", "name", "messages").splitlines()[1:]
        listed = {name: int(count) for name, count in map(str.split, lines)}
        return {queue: listed.get(queue, 0) for queue in (*Queue, FORMER)}

    wait_until(lambda: counts() == dict.fromkeys((*Queue, FORMER), 0) | {Queue.MAIL: 4})


def test_processes_do_not_wait_for_a_rabbitmq_that_refuses() -> None:
    result = nudge(f"amqp://guest:guest@127.0.0.1:{free_port()}//")
    assert result.stdout == "done\n"
    # Once, and then no more until the circuit closes.
    assert result.stderr.count("the outbox keeps the work") == 1


def test_processes_do_not_wait_for_a_rabbitmq_that_hangs(rabbitmq: RabbitMQ) -> None:
    rabbitmq.stop()
    try:
        result = nudge(rabbitmq.url)
    finally:
        rabbitmq.resume()
    assert result.stdout == "done\n"
    assert result.stderr.count("the outbox keeps the work") == 1


def test_processes_do_not_wait_for_a_rabbitmq_that_blocks(rabbitmq: RabbitMQ) -> None:
    """It stops reading what publishers send, because it is short of memory."""
    rabbitmq.control("set_vm_memory_high_watermark", "0.00001")
    try:
        wait_until(lambda: "memory" in rabbitmq.control("eval", "rabbit_alarm:get_alarms()."))
        assert nudge(rabbitmq.url).stdout == "done\n"
    finally:
        rabbitmq.control("set_vm_memory_high_watermark", "0.4")
