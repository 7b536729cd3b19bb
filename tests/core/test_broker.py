"""Workers go on after a broker that failed for a moment."""

import logging
from pathlib import Path

import pytest
from django.conf import settings
from kombu import Connection, Consumer, Message, Queue

from core.broker import Transport
from tests.support.redis_servers import RedisBroker

logger = logging.getLogger(__name__)


@pytest.mark.parametrize("ending", ["ack_log_error", "reject_log_error"])
def test_worker_receives_more_after_an_acknowledgement_fails(tmp_path: Path, ending: str) -> None:
    received: list[Message] = []
    with RedisBroker(tmp_path).running() as server:
        options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        with Connection(server.url, transport=Transport, transport_options=options) as connection:
            consumer = Consumer(connection, [Queue("work")], on_message=received.append)
            consumer.qos(prefetch_count=1)
            producer = connection.Producer()
            for number in range(2):
                producer.publish(number, routing_key="work")
            with consumer:
                connection.drain_events(timeout=5)
                server.stop()
                getattr(received[0], ending)(logger, connection.connection_errors)
                server.resume()
                connection.drain_events(timeout=5)
    assert [message.payload for message in received] == [0, 1]
