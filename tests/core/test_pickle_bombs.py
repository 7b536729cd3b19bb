"""Pickles in the cache or the broker are never executed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django_redis import get_redis_connection  # type: ignore[import-untyped]
from kombu import Connection

from tests.support.client import GraphQLClient
from tests.support.pickle_bombs import Bomb, bomb
from tests.support.sink import Sink

SIGN_UP = "mutation ($input: SignUpInput!) { signUp(input: $input) { errors { code } } }"


@pytest.fixture
def trace(tmp_path: Path) -> Iterator[Path]:
    """The path that a bomb would create; checked to be absent."""
    path = tmp_path / "trace"
    yield path
    assert not path.exists()


@pytest.mark.parametrize(
    "data",
    [None, b"", b"\x80\x04\x95", b"\xff\xfe", b"not json", b"[" * 100_000, b"null"],
    ids=range(7),
)
def test_foreign_redis_entries_are_misses(trace: Path, data: bytes | None) -> None:
    cache.set("entry", {"value": [1, "ü"]})
    assert cache.get("entry") == {"value": [1, "ü"]}
    redis = get_redis_connection()
    (key,) = redis.keys("*entry*")
    redis.set(key, bomb(trace) if data is None else data)

    assert cache.get("entry") is None


def test_celery_accepts_and_sends_json_only() -> None:
    conf = current_app.conf
    assert set(conf.accept_content) == set(conf.result_accept_content) == {"json"}
    assert {conf.task_serializer, conf.result_serializer, conf.event_serializer} == {"json"}


def test_pickled_messages_are_not_executed(worker: Sink, trace: Path) -> None:
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    with Connection(settings.CELERY_BROKER_URL, transport_options=options) as broker:
        queue = broker.SimpleQueue("celery")
        headers = {"task": "core.outbox.relay", "id": "1", "lang": "py"}
        for content in (Bomb(trace), [[], {}, Bomb(trace)], [[Bomb(trace)], {}, {}]):
            queue.put(content, serializer="pickle", headers=headers)
        # A false content type, and an encoding that would be decoded first.
        producer = queue.producer
        for kind, encoding in (
            ("application/x-python-serialize", "binary"),
            ("application/json", "binary"),
            ("application/json", "utf-8"),
        ):
            producer.publish(
                bomb(trace),
                routing_key="celery",
                content_type=kind,
                content_encoding=encoding,
                headers=headers,
            )
        queue.close()

    # The worker continues with later messages.
    given = {"email": "dora@example.org", "username": "dora", "password": "a phrase to keep"}
    assert GraphQLClient()(SIGN_UP, input=given).problems == []
    assert worker.next()["To"] == "dora@example.org"
    assert worker.is_empty()
