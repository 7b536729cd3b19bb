"""No request waits for the broker; what it misses is in the outbox."""

import base64
import json
import multiprocessing
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
from celery import current_app
from django.db import transaction
from kombu.transport.virtual import Channel
from redis import Redis

from core.database.commits import observe_commits
from core.outbox import nudge, registry
from core.outbox.models import OutboxMessage
from core.outbox.nudge import MAX_PENDING, Nudger, nudger
from core.outbox.queues import Queue
from core.outbox.registry import publish, subscriber
from core.outbox.tasks import deliver
from tests.core.test_outbox import topic
from tests.server.servers import serving
from tests.support.client import GraphQLClient
from tests.support.redis_servers import RedisBroker
from tests.support.service_processes import environ_of_tests
from tests.support.waiting import wait_until

__all__ = ["topic"]

SIGN_UP = "mutation ($input: SignUpInput!) { signUp(input: $input) { errors { code } } }"
# A request that waited for a stopped broker would not end within the test.
NEVER: Final = 3_600


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker of the test's own, which it may stop."""

    redis: Redis
    process: psutil.Process

    def stop(self) -> None:
        self.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: self.is_stopped)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    @property
    def is_stopped(self) -> bool:
        return bool(self.process.status() == psutil.STATUS_STOPPED)

    def nudges(self, queue: Queue = Queue.DEFAULT) -> list[list[int]]:
        """Return the ids of messages in each of the broker's in a queue, in order."""
        found = []
        for text in reversed(self.redis.lrange(f"roster:{queue}", 0, -1)):
            (message_id, *others), *_rest = json.loads(base64.b64decode(json.loads(text)["body"]))
            found.append([message_id, *(other for other, _request in (others or [[]])[0])])
        return found

    @property
    def sent(self) -> list[int]:
        return [message_id for queue in Queue for ids in self.nudges(queue) for message_id in ids]


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """Use a broker of the test's own for connections from here on."""
    options = current_app.conf.broker_transport_options
    for name in ("socket_timeout", "socket_connect_timeout"):
        monkeypatch.setitem(options, name, NEVER)
    with (
        RedisBroker(tmp_path).running() as server,
        Redis(unix_socket_path=str(server.socket)) as redis,
    ):
        monkeypatch.setenv("CELERY_BROKER_WRITE_URL", server.url)
        yield Broker(redis, psutil.Process(server.process.pid))


@pytest.fixture
def sender(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Nudger:
    """Have this process nudge by a thread that has no connection yet."""
    sender = Nudger()
    monkeypatch.setattr(registry, "nudger", sender)
    return sender


def identity(name: str) -> dict[str, str]:
    return {"email": f"{name}@example.org", "username": name, "password": "a long phrase"}


def sign_up(client: GraphQLClient, name: str) -> None:
    assert client(SIGN_UP, input=identity(name)).data == {"signUp": {"errors": []}}


@pytest.mark.django_db(transaction=True)
def test_requests_do_not_wait_for_a_stopped_broker(broker: Broker, sender: Nudger) -> None:
    client = GraphQLClient()
    sign_up(client, "before")
    assert sender.flush(20)
    ((message_id,),) = broker.nudges(Queue.MAIL)
    message = OutboxMessage.objects.get(pk=message_id)
    assert message.subscriber == "users.accounts.tasks.mail_sign_up"

    broker.stop()
    for number in range(20):
        sign_up(client, f"during{number}")
    assert broker.is_stopped
    assert not sender.flush(0)

    broker.resume()
    assert sender.flush(20)
    # What was committed while the thread was waiting goes out together.
    assert 2 <= len(broker.nudges(Queue.MAIL)) <= 3
    assert sorted(broker.sent) == _published()


@pytest.mark.django_db
def test_pending_nudges_are_bounded(broker: Broker, sender: Nudger) -> None:
    broker.stop()
    for start in range(0, 3 * MAX_PENDING, 10):
        sender.nudge({Queue.DEFAULT: [(number, "") for number in range(start, start + 10)]})
    broker.resume()
    assert sender.flush(20)

    sizes = list(map(len, broker.nudges()))
    assert len(sizes) <= 2
    assert max(sizes) <= MAX_PENDING
    # One full list while the thread waited, and what it held.
    assert MAX_PENDING <= sum(sizes) <= 2 * MAX_PENDING


def test_silent_broker_is_asked_once_in_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It accepts connections, and answers nothing."""
    monkeypatch.setattr(nudge, "OPEN_SECONDS", NEVER)
    sender = Nudger()
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"redis://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("CELERY_BROKER_WRITE_URL", url)
        for number in range(5):
            sender.nudge({Queue.MAIL: [(number, "")]})
            assert sender.flush(60)
    assert [each.message for each in caplog.records if "outbox keeps" in each.message] == [
        "broker unreachable; the outbox keeps the work"
    ]


@pytest.mark.django_db
def test_worker_dispatches_the_other_messages_of_a_nudge(
    topic: str, broker_channel: Channel
) -> None:
    delivered: list[int] = []
    subscriber(topic)(lambda number: delivered.append(number))  # noqa: PLW0108 - a keyword
    for number in range(4):
        publish(topic, number=number)
    first, *others = OutboxMessage.objects.order_by("pk").values_list("pk", "request_id")

    deliver(first[0], others, Queue.BULK)
    assert delivered == [0]
    assert OutboxMessage.objects.count() == 3
    assert _purge(broker_channel, Queue.BULK) == 3


def test_worker_waits_for_a_stopped_broker(broker: Broker) -> None:
    program = """
import django; django.setup()
from core.outbox import dispatch
dispatch.RETRIES["max_retries"] = 100
print("ready", flush=True)
dispatch.dispatch("default", [(1, ""), (2, "")])
"""
    broker.stop()
    environ = environ_of_tests(DJANGO_SETTINGS_MODULE="core.settings")
    command = [sys.executable, "-W", "ignore", "-c", program]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        # Longer than the time-outs of a connection.
        time.sleep(1.5)
        broker.resume()
        assert process.wait(60) == 0
    assert set(broker.sent) == {1, 2}


@pytest.mark.django_db
def test_nothing_is_published_to_a_topic_without_subscribers(
    topic: str, django_assert_num_queries: Callable[[int], Any]
) -> None:
    with django_assert_num_queries(0), observe_commits() as commits:
        publish(topic)
    assert not OutboxMessage.objects.exists()
    assert not commits.happened


@pytest.mark.django_db(transaction=True)
def test_change_without_subscribers_is_still_announced(topic: str) -> None:
    with observe_commits() as commits:
        with transaction.atomic():
            publish(topic)
            assert not commits.happened
        assert commits.happened


def test_fork_takes_over_neither_lock_nor_connection(broker_channel: Channel) -> None:
    """Gunicorn and Celery fork; here while the thread is at work and holds the lock."""
    nudger.nudge({Queue.DEFAULT: [(0, "")]})
    assert nudger.flush(20)
    child = multiprocessing.get_context("fork").Process(target=_nudge_in_child)
    with nudger._changed:  # noqa: SLF001 - what a fork copies
        child.start()
    child.join(60)
    assert child.exitcode == 0

    nudger.nudge({Queue.DEFAULT: [(2, "")]})
    assert nudger.flush(20)
    assert _purge(broker_channel) == 3


def _nudge_in_child() -> None:
    nudger.nudge({Queue.DEFAULT: [(1, "")]})
    assert nudger.flush(20)


def test_exit_sends_what_is_pending(broker: Broker) -> None:
    assert _run_to_exit() == 0
    assert broker.nudges() == [[7]]


def test_exit_waits_no_longer_for_a_stopped_broker(broker: Broker) -> None:
    broker.stop()
    assert _run_to_exit() == 0
    assert broker.is_stopped


def _run_to_exit() -> int:
    """Nudge in a process that ends at once; return its status."""
    program = f"""
import threading
import django
django.setup()
from celery import current_app
from django.core.management import call_command
from core.outbox.nudge import nudger
current_app.conf.broker_transport_options |= {{"socket_timeout": {NEVER}}}
call_command("check")
assert threading.active_count() == 1, "a command that publishes nothing starts no thread"
nudger.nudge({{"default": [(7, "")]}})
"""
    environ = environ_of_tests(DJANGO_SETTINGS_MODULE="core.settings")
    command = [sys.executable, "-W", "ignore", "-c", program]
    return subprocess.run(command, env=environ, timeout=120, check=False).returncode


@pytest.mark.django_db(transaction=True)
def test_processes_of_the_web_server_nudge(broker: Broker) -> None:
    with serving(**environ_of_tests()) as server:
        for number in range(4):
            http = server.connect()
            body = {"query": SIGN_UP, "variables": {"input": identity(f"web{number}")}}
            http.request("POST", "/graphql", json.dumps(body), {"Content-Type": "application/json"})
            assert json.load(http.getresponse()) == {"data": {"signUp": {"errors": []}}}
        wait_until(lambda: sorted(broker.sent) == _published())


def _published() -> list[int]:
    return list(OutboxMessage.objects.order_by("pk").values_list("pk", flat=True))


def _purge(channel: Channel, queue: Queue = Queue.DEFAULT) -> int:
    return channel.queue_purge(queue) or 0
