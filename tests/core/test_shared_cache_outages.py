"""A server that fails is called a few times, and used again once it works."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer
from threading import Barrier
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings
from redis import Redis

from core.cache.shared import MAX_CALLS, SharedCache
from core.configuration.services import ServiceEnvironment
from core.dev.ports import free_port
from tests.core.test_shared_cache import KEY, OTHER, VALUE, count
from tests.support.environment import PATIENCE
from tests.support.redis_servers import DripServer, RedisServer
from tests.support.waiting import wait_until

KINDS = ("connection", "full", "refused", "timeout")


@contextmanager
def shared_cache_at(settings: Any, url: str) -> Iterator[SharedCache]:
    """Use another server within the block; an open circuit stays open until `works`."""
    backend = ServiceEnvironment({"CACHE_URL": url}).shared_cache("CACHE_URL", "")
    backend["KEY_PREFIX"] = settings.CACHES["shared"]["KEY_PREFIX"]
    with override_settings(CACHES=settings.CACHES | {"shared": backend}):
        cache = SharedCache()
        cache.reads.seconds = cache.writes.seconds = 3_600
        yield cache
        caches.close_all()


def errors() -> dict[str, float]:
    return {kind: count("shared_cache_errors", kind=kind) for kind in KINDS}


def added(before: dict[str, float]) -> dict[str, float]:
    """Return the errors since then, by kind."""
    return {kind: value - before[kind] for kind, value in errors().items() if value > before[kind]}


def use(cache: SharedCache) -> None:
    """Make each call, none of which may raise or return a value."""
    assert cache.get(KEY) is None
    cache.put(KEY, VALUE)
    assert cache.acquire_lease(KEY)
    cache.release_lease(KEY)


def works(cache: SharedCache) -> bool:
    """Return whether the cache stores a value again, once its circuits may be probed."""
    cache.reads.retry_at = cache.reads.retry_at and 0
    cache.writes.retry_at = cache.writes.retry_at and 0
    cache.put(KEY, VALUE)
    return cache.get(KEY) == VALUE


def test_server_that_refuses_connections_is_tried_a_few_times(settings: Any) -> None:
    before = errors()
    with shared_cache_at(settings, f"redis://127.0.0.1:{free_port()}") as cache:
        for _number in range(10):
            use(cache)
        # Reads and writes have a circuit each.
        assert added(before) == {"connection": 6}
        assert count("shared_cache_lookups", result="unavailable") >= 10


def test_silent_server_is_tried_a_few_times(settings: Any) -> None:
    before = errors()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}?socket_timeout=0.1"
        with shared_cache_at(settings, url) as cache:
            for _number in range(10):
                use(cache)
            cache.reads.retry_at = 0
            for _number in range(10):
                use(cache)
        silent.settimeout(0)
        # Three reads, three writes, and the probe.
        for _number in range(7):
            silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert added(before) == {"timeout": 7}


def test_suspended_server_delays_each_thread_once(settings: Any, tmp_path: Path) -> None:
    barrier = Barrier(16)

    def get(_number: int) -> None:
        barrier.wait(30)
        for _attempt in range(10):
            assert cache.get(KEY) is None

    with (
        RedisServer(tmp_path).running() as server,
        shared_cache_at(settings, f"{server.url}?socket_timeout=0.5") as cache,
    ):
        wait_until(lambda: works(cache))
        server.stop()
        before = errors()
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(get, range(16)))
        # All 16 threads may have called before the first failure, and two of them again before the
        # third.
        assert 3 <= added(before)["timeout"] <= 18
        server.resume()
        wait_until(lambda: works(cache))


def test_full_server_still_answers_reads(settings: Any, tmp_path: Path) -> None:
    with (
        RedisServer(tmp_path).running() as server,
        Redis.from_url(server.url) as redis,
        shared_cache_at(settings, f"{server.url}?{PATIENCE}") as cache,
    ):
        wait_until(lambda: works(cache))
        redis.config_set("maxmemory", 1)
        before = errors()
        for _number in range(10):
            cache.put(OTHER, VALUE)
            assert cache.get(KEY) == VALUE
            assert cache.acquire_lease(KEY)
        assert added(before) == {"full": 3}
        assert redis.dbsize() == 1

        redis.config_set("maxmemory", 0)
        assert works(cache)


def test_flushed_server_is_empty(settings: Any, tmp_path: Path) -> None:
    with (
        RedisServer(tmp_path).running() as server,
        shared_cache_at(settings, f"{server.url}?{PATIENCE}") as cache,
    ):
        wait_until(lambda: works(cache))
        before = errors()
        server.flush()
        assert cache.get(KEY) is None
        assert works(cache)
        assert added(before) == {}


def test_restarted_server_costs_no_error(settings: Any, tmp_path: Path) -> None:
    barrier = Barrier(4)

    def meet(_number: int) -> bytes | None:
        # Together, so that each thread has a connection.
        barrier.wait(30)
        return cache.get(KEY)

    with (
        RedisServer(tmp_path).running() as server,
        shared_cache_at(settings, f"{server.url}?{PATIENCE}") as cache,
        ThreadPoolExecutor(4) as pool,
    ):
        wait_until(lambda: works(cache))
        assert list(pool.map(meet, range(4))) == [VALUE] * 4
        before = errors()
        server.kill()
        server.start()
        wait_until(lambda: answers(server.url))
        assert list(pool.map(meet, range(4))) == [None] * 4
        assert works(cache)
        assert added(before) == {}


def answers(url: str) -> bool:
    with Redis.from_url(url) as redis:
        return bool(redis.ping())


def test_server_that_returns_is_used_again(settings: Any, tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/redis.sock?{PATIENCE}"
    with shared_cache_at(settings, url) as cache:
        for _number in range(10):
            use(cache)
        with RedisServer(tmp_path).running():
            wait_until(lambda: works(cache))
            before = errors()
            for _number in range(10):
                assert cache.get(KEY) == VALUE
            assert added(before) == {}


def test_failure_is_logged_without_names(
    settings: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with shared_cache_at(settings, f"unix://{tmp_path}/redis.sock") as cache:
        cache.get(KEY)
    (record,) = caplog.records
    assert record.getMessage() == "shared cache failed"
    assert record.__dict__["error"] == "ConnectionError"


@pytest.mark.parametrize("url", ["redis://{}?socket_timeout=0.5", "memcached://{}"])
def test_server_whose_replies_do_not_end_is_tried_a_few_times(settings: Any, url: str) -> None:
    with DripServer() as server, ThreadPoolExecutor(1) as pool:
        pool.submit(server.serve_forever, 0.01)
        try:
            address = f"127.0.0.1:{server.server_address[1]}"
            with shared_cache_at(settings, url.format(address)) as cache:
                for _number in range(20):
                    # Half-open: each call is a probe.
                    cache.reads.retry_at = cache.writes.retry_at = 0
                    use(cache)
        finally:
            server.stopped.set()
            server.shutdown()
        # Each holds a thread, unless the server was kept from replying.
        assert server.calls <= MAX_CALLS + server.pauses


class Garbage(StreamRequestHandler):
    """Replies to anything with the server's bytes."""

    server: "GarbageServer"

    def handle(self) -> None:
        self.server.calls += 1
        self.request.recv(1_000)
        self.wfile.write(self.server.reply)


class GarbageServer(TCPServer):
    """A server that speaks no protocol of a cache."""

    def __init__(self, reply: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Garbage)
        self.reply, self.calls = reply, 0


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"$abc\r\n",
        b"$99999999999\r\n",
        b"*99999999999\r\n",
        b":x\r\n",
        b"\r\n",
        b"\xff\xfe\r\n",
        b"-\xff\r\n",
        b"",
    ],
    ids=range(9),
)
def test_server_of_another_protocol_is_called_a_few_times(settings: Any, reply: bytes) -> None:
    with GarbageServer(reply) as server, ThreadPoolExecutor(1) as pool:
        pool.submit(server.serve_forever, 0.01)
        try:
            url = f"redis://127.0.0.1:{server.server_address[1]}?{PATIENCE}"
            with shared_cache_at(settings, url) as cache:
                for _number in range(10):
                    assert cache.get(KEY) is None
        finally:
            server.shutdown()
        assert server.calls == 3
