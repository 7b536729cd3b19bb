"""The outbox loses no message if the broker or a worker fails."""

import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from core.outbox import registry
from core.outbox.errors import PostponedError
from core.outbox.models import OutboxMessage
from core.outbox.registry import publish, subscriber
from core.outbox.tasks import deliver, relay
from tests.support.celery_workers import Workers
from tests.support.client import GraphQLClient
from tests.support.service_processes import environ_of_tests
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from users.accounts.models import SignUp
from users.activity.models import Event, PendingCount

SIGN_UP = """
    mutation {
      signUp(input: {email: "dora@example.org", username: "dora", password: "a phrase to keep"}) {
        errors { code }
      }
    }
"""
TOPIC = "test:outbox:topic"


@pytest.fixture
def topic() -> Iterator[str]:
    """A topic without subscribers, unregistered after the test."""
    names = set(registry.subscribers)
    yield TOPIC
    registry._topics.pop(TOPIC, None)  # noqa: SLF001 - no public API to unsubscribe
    for name in set(registry.subscribers) - names:
        del registry.subscribers[name]


def is_pausing() -> bool:
    """Return whether a failed attempt has ended, so that `overdue` can end its pause."""
    return OutboxMessage.objects.filter(failed_at=None).exclude(retry_at=None).exists()


def overdue(**fields: Any) -> None:
    """End the pauses and leases of all messages."""
    past = timezone.now() - dt.timedelta(seconds=1)
    messages = OutboxMessage.objects
    messages.exclude(claimed_until=None).update(claimed_until=past)
    messages.update(retry_at=None, dispatch_at=past, **fields)


@pytest.mark.django_db
def test_message_is_written_in_the_callers_transaction(topic: str) -> None:
    subscriber(topic)(lambda: None)

    with transaction.atomic():
        publish(topic)
        assert OutboxMessage.objects.count() == 1
        transaction.set_rollback(True)
    assert OutboxMessage.objects.count() == 0


@pytest.mark.django_db
def test_delivered_message_is_removed(topic: str) -> None:
    calls: list[int] = []
    subscriber(topic)(lambda number: calls.append(number))  # noqa: PLW0108 - a keyword
    publish(topic, number=7)
    message = OutboxMessage.objects.get()

    deliver(message.pk)
    deliver(message.pk)

    assert calls == [7]
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
def test_failing_message_is_shown_and_retried(topic: str) -> None:
    calls: list[str] = []
    subscriber(topic)(lambda: calls.append("delivered"))
    publish(topic)
    overdue(attempts=1_000)

    assert OutboxMessage.objects.failing().count() == 1
    (message,) = OutboxMessage.objects.due()
    deliver(message.pk)
    assert calls == ["delivered"]


@pytest.mark.django_db
def test_transactional_subscriber_runs_exactly_once_after_a_failure(topic: str) -> None:
    attempts: list[str] = []

    @subscriber(topic, transactional=True)
    def count() -> None:
        PendingCount.objects.create(day=dt.date(2026, 1, 1), name="x")
        attempts.append("tried")
        if len(attempts) == 1:
            raise ConnectionError

    publish(topic)
    message = OutboxMessage.objects.get()
    deliver(message.pk)
    assert not PendingCount.objects.exists()

    overdue()
    deliver(message.pk)
    deliver(message.pk)
    assert PendingCount.objects.count() == 1
    assert len(attempts) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("outage", ["refusing", "silent"])
def test_messages_survive_a_broker_outage(outage: str) -> None:
    program = f"""
import django; django.setup()
from tests.support.client import GraphQLClient
from core.outbox.nudge import nudger
print(GraphQLClient()({SIGN_UP!r}).data)
nudger.flush(60)
"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if outage == "refusing":
            server.close()
        environ = environ_of_tests(
            CELERY_BROKER_URL=f"redis://127.0.0.1:{port}", DJANGO_SETTINGS_MODULE="core.settings"
        )
        result = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program],
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )

    assert result.stdout.strip() == "{'signUp': {'errors': []}}"
    assert "the outbox keeps the work" in result.stderr
    assert SignUp.objects.count() == 1
    assert OutboxMessage.objects.count() == 1


def test_relay_delivers_messages_lost_by_the_broker(worker: Sink) -> None:
    GraphQLClient()(SIGN_UP)
    assert worker.next()["To"] == "dora@example.org"
    wait_until(lambda: not OutboxMessage.objects.exists())

    event = Event.objects.get()
    message = OutboxMessage.objects.create(
        subscriber="users.accounts.tasks.mail_sign_up",
        payload={"event_id": str(event.pk)},
        dispatch_at=timezone.now(),
    )
    relay()
    assert worker.next()["To"] == "dora@example.org"
    wait_until(lambda: not OutboxMessage.objects.filter(pk=message.pk).exists())


@pytest.mark.django_db(transaction=True)
def test_killed_worker_loses_no_message(mails: Sink, settings: Any) -> None:
    """Each mail arrives although workers are killed while they process messages."""
    settings.OUTBOX_RENEWED_LEASE = dt.timedelta(seconds=1)
    client = GraphQLClient()
    usernames = [f"person{number}" for number in range(6)]
    for name in usernames:
        answer = client(
            """mutation ($input: SignUpInput!) { signUp(input: $input) { errors { code } } }""",
            input={"email": f"{name}@example.org", "username": name, "password": "a long phrase"},
        )
        assert answer.data == {"signUp": {"errors": []}}

    received: set[str] = set()
    with Workers(environ_of_tests(OUTBOX_RENEWED_LEASE_SECONDS="1")) as workers:
        for _restart in range(3):
            with workers.running() as pid:
                relay()
                received.add(mails.next()["To"])
                os.kill(pid, signal.SIGKILL)
        with workers.running():
            while OutboxMessage.objects.exists():
                relay()
                time.sleep(0.2)
            while not mails.is_empty():
                received.add(mails.next()["To"])

    assert received == {f"{name}@example.org" for name in usernames}


@pytest.mark.django_db
def test_postponed_message_is_due_later_and_was_not_attempted(topic: str) -> None:
    turns = iter([dt.timedelta(minutes=5), None])

    @subscriber(topic)
    def wait() -> None:
        if delay := next(turns):
            raise PostponedError(delay)

    publish(topic)
    message = OutboxMessage.objects.get()
    deliver(message.pk)
    message.refresh_from_db()
    assert (message.attempts, message.claimed_until, message.failed_at) == (0, None, None)
    assert message.dispatch_at is not None
    assert 290 < (message.dispatch_at - timezone.now()).total_seconds() <= 300
    assert not OutboxMessage.objects.due().exists()
    deliver(message.pk)
    assert OutboxMessage.objects.exists()
    overdue()
    deliver(message.pk)
    assert not OutboxMessage.objects.exists()
