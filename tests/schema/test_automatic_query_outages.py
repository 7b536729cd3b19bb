"""Automatic persisted queries while the store is down, hangs or is full."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from redis import Redis

from core.cache.shared import MAX_CALLS, SharedCache
from core.dev.ports import free_port
from schema.http import persisted
from tests.core.test_shared_cache import count
from tests.core.test_shared_cache_outages import shared_cache_at
from tests.schema.test_automatic_queries import NOT_FOUND
from tests.support.client import GraphQLClient
from tests.support.environment import PATIENCE
from tests.support.persisted import send_both, send_hash
from tests.support.redis_servers import DripServer, RedisServer
from tests.support.waiting import wait_until
from users.accounts.models import User

pytestmark = pytest.mark.usefixtures("path", "no_persisted_documents", "no_cached_answers")

Store = Callable[[str], AbstractContextManager[SharedCache]]
ME: Final = "{ me { username } }"


@pytest.fixture
def store_at(no_cached_answers: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Have the store at a URL within a block; its open circuits stay open."""
    settings.SHARED_CACHE_SECONDS = 600

    @contextmanager
    def at(url: str) -> Iterator[SharedCache]:
        with shared_cache_at(settings, url) as cache:
            monkeypatch.setattr(persisted, "CACHE", cache)
            yield cache

    return at


@pytest.fixture
def client(alice: User, client_of: Callable[[User], GraphQLClient]) -> GraphQLClient:
    return client_of(alice)


def documents(count: int) -> list[str]:
    return [f"{{ me {{ username a{number}: id }} }}" for number in range(count)]


def use(client: GraphQLClient, texts: list[str]) -> None:
    """Send each as Apollo and urql do; afterwards its SHA-256 suffices."""
    for text in texts:
        assert send_hash(client, text).body == {"errors": [NOT_FOUND]}
        assert send_both(client, text).data["me"]["username"] == "alice"
        assert send_hash(client, text).data["me"]["username"] == "alice"


def errors(kind: str) -> float:
    return count("shared_cache_errors", kind=kind)


def test_store_that_refuses_connections_is_tried_a_few_times(
    store_at: Store, client: GraphQLClient
) -> None:
    before = errors("connection")
    with store_at(f"redis://127.0.0.1:{free_port()}"):
        use(client, documents(10))
    # Reads and writes have a circuit each.
    assert errors("connection") == before + 6


def test_silent_store_is_tried_a_few_times(store_at: Store, client: GraphQLClient) -> None:
    before = errors("timeout")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with store_at(f"redis://127.0.0.1:{port}?socket_timeout=0.1"):
            use(client, documents(10))
    assert errors("timeout") == before + 6


def test_store_whose_replies_do_not_end_is_tried_a_few_times(
    store_at: Store, client: GraphQLClient
) -> None:
    with DripServer() as server, ThreadPoolExecutor(1) as pool:
        pool.submit(server.serve_forever, 0.01)
        try:
            with store_at(f"redis://127.0.0.1:{server.server_address[1]}?socket_timeout=0.5"):
                use(client, documents(10))
        finally:
            server.stopped.set()
            server.shutdown()
        assert server.calls <= MAX_CALLS + server.pauses


def test_suspended_store_is_used_again(
    store_at: Store, client: GraphQLClient, tmp_path: Path
) -> None:
    text, others = ME, documents(10)
    with (
        RedisServer(tmp_path).running() as server,
        store_at(f"{server.url}?{PATIENCE.replace('10', '0.5')}") as store,
    ):
        send_both(client, text)
        server.stop()
        use(client, others)
        server.resume()

        def is_found_by_others() -> bool:
            persisted.AUTOMATIC.clear()
            store.reads.retry_at = store.reads.retry_at and 0
            return "data" in send_hash(client, text).body

        wait_until(is_found_by_others)


def test_full_store_still_answers(store_at: Store, client: GraphQLClient, tmp_path: Path) -> None:
    before = errors("full")
    with (
        RedisServer(tmp_path).running() as server,
        Redis.from_url(server.url) as redis,
        store_at(f"{server.url}?{PATIENCE}"),
    ):
        send_both(client, ME)
        redis.config_set("maxmemory", 1)
        use(client, documents(10))
        persisted.AUTOMATIC.clear()
        assert send_hash(client, ME).data["me"]["username"] == "alice"
        assert redis.dbsize() == 1
    assert errors("full") == before + 3


def test_flushed_store_is_filled_again(
    store_at: Store, client: GraphQLClient, tmp_path: Path
) -> None:
    with (
        RedisServer(tmp_path).running() as server,
        Redis.from_url(server.url) as redis,
        store_at(f"{server.url}?{PATIENCE}"),
    ):
        send_both(client, ME)
        redis.flushall()
        persisted.AUTOMATIC.clear()
        use(client, [ME])
        assert redis.dbsize() == 1
