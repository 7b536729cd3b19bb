"""Memcached as the cache and RabbitMQ as the broker."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache, caches
from django.test import override_settings
from kombu import Connection
from prometheus_client import REGISTRY
from pymemcache import Client as MemcacheClient  # type: ignore[import-untyped]

from core.cache.shared import ALIAS, MAX_ENTRY_BYTES, SharedCache, _name
from core.configuration.services import ServiceEnvironment
from core.dev.ports import free_port
from tests.core.test_outbox import eventually
from tests.support.pickle_bombs import bomb
from tests.support.service_processes import celery_worker, environ_of_tests
from tests.support.sink import Sink
from tests.system.programs import require_program
from users.activity.models import DailyCount

KEY = b"key"
SIGN_UP = """
import django; django.setup()
from tests.support.client import GraphQLClient
print(GraphQLClient()(
    "mutation ($input: SignUpInput!) { signUp(input: $input) { errors { code } } }",
    input={"email": "dora@example.org", "username": "dora", "password": "a phrase to keep"},
).data)
"""
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


@contextmanager
def running(command: list[str | Path], **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in a new process group within the block."""
    process = subprocess.Popen(
        command,
        env=os.environ | environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def wait_until(ready: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    """Wait until ``ready`` raises no `OSError`."""
    deadline = time.monotonic() + 90
    while True:
        assert process.poll() is None, "the server ended"
        try:
            ready()
        except OSError:
            assert time.monotonic() < deadline, "the server is not ready"
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def memcached_url() -> Iterator[str]:
    require_program("memcached", "memcached")
    port = free_port()
    with running(["memcached", "-l", "127.0.0.1", "-p", str(port), "-u", "nobody"]) as process:
        wait_until(lambda: socket.create_connection(("127.0.0.1", port)).close(), process)
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
                eventually(works)


@pytest.fixture(scope="session")
def rabbitmq_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A separate RabbitMQ node on loopback."""
    require_program("rabbitmq-server", "rabbitmq-server")
    home = tmp_path_factory.mktemp("rabbitmq")
    port, dist_port, epmd_port = free_port(), free_port(), free_port()
    environ = {
        "HOME": str(home),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(epmd_port),
        "RABBITMQ_NODENAME": "roster@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(dist_port),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_PID_FILE": str(home / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
    }
    url = f"amqp://guest:guest@127.0.0.1:{port}//"

    def connect() -> None:
        with Connection(url) as connection:
            connection.connect()

    with running([RABBITMQ], **environ) as process:
        wait_until(connect, process)
        yield url
    # Erlang's port mapper outlives its nodes.
    subprocess.run(["epmd", "-kill"], env=os.environ | environ, capture_output=True, check=False)


@pytest.mark.django_db(transaction=True)
def test_mail_and_analytics_through_rabbitmq(mails: Sink, rabbitmq_url: str) -> None:
    environ = {"CELERY_BROKER_URL": rabbitmq_url, "DJANGO_SETTINGS_MODULE": "core.settings"}
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
        deadline = time.monotonic() + 20
        while not DailyCount.objects.filter(count=1).exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
