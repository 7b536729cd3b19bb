"""A failed attempt ends the message or leads to a pause, by its kind."""

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.exceptions import ObjectDoesNotExist
from django.db import DataError, IntegrityError, OperationalError
from django.utils import timezone

from core.email.smtp_replies import MailDelayedError, MailRefusedError
from core.outbox.errors import PermanentFailureError, TemporaryFailureError
from core.outbox.failures import MAX_INTERRUPTIONS, MAX_UNEXPECTED
from core.outbox.leases import FIRST_PAUSE, LONGEST_PAUSE
from core.outbox.models import OutboxMessage
from core.outbox.registry import publish, retry, subscriber
from core.outbox.tasks import deliver
from tests.core.test_outbox import overdue, topic

__all__ = ["topic"]

ADDRESS = "dora@example.org"


@pytest.fixture
def failing(topic: str, db: None) -> Callable[[BaseException], OutboxMessage]:
    """Publish a message whose subscriber raises an exception, and attempt it once."""

    def attempt(error: BaseException) -> OutboxMessage:
        @subscriber(topic)
        def fail() -> None:
            raise error

        publish(topic)
        message = OutboxMessage.objects.get()
        attempt_again(message)
        return message

    return attempt


def attempt_again(message: OutboxMessage) -> None:
    overdue()
    deliver(message.pk)
    message.refresh_from_db()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermanentFailureError("DATA: 554"), "DATA: 554"),
        (MailRefusedError("RCPT TO: 550 5.1.1", is_undeliverable=True), "RCPT TO: 550 5.1.1"),
        (ObjectDoesNotExist(ADDRESS), "ObjectDoesNotExist"),
        (DataError(ADDRESS), "DataError"),
    ],
)
def test_final_failures_end_at_once(
    failing: Callable[[Exception], OutboxMessage], error: Exception, reason: str
) -> None:
    message = failing(error)
    assert (message.failure, message.attempts, message.dispatch_at) == (reason, 1, None)
    assert message.failed_at is not None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TemporaryFailureError("busy"), "busy"),
        (MailDelayedError("RCPT TO: 450 4.2.0"), "RCPT TO: 450 4.2.0"),
        (ConnectionRefusedError(ADDRESS), "ConnectionRefusedError"),
        (TimeoutError(ADDRESS), "TimeoutError"),
        (OperationalError(ADDRESS), "OperationalError"),
        (SoftTimeLimitExceeded(), "SoftTimeLimitExceeded"),
    ],
)
def test_temporary_failures_end_after_days(
    failing: Callable[[Exception], OutboxMessage], settings: Any, error: Exception, reason: str
) -> None:
    message = failing(error)
    for _attempt in range(MAX_UNEXPECTED + 1):
        attempt_again(message)
    assert (message.failed_at, message.failure) == (None, reason)

    since = timezone.now() - settings.OUTBOX_RETRY_TTL
    OutboxMessage.objects.update(failing_since=since + dt.timedelta(minutes=1))
    attempt_again(message)
    assert message.failed_at is None
    OutboxMessage.objects.update(failing_since=since)
    attempt_again(message)
    assert message.failed_at is not None
    assert message.failure == reason

    # Retried by an operator, it has as much time again.
    assert retry([message.pk]) == [message.pk]
    attempt_again(message)
    assert (message.failed_at, message.attempts) == (None, 1)


def test_unexpected_failures_end_after_some_attempts(
    failing: Callable[[Exception], OutboxMessage], caplog: pytest.LogCaptureFixture
) -> None:
    message = failing(IntegrityError(f"Key (email)=({ADDRESS}) already exists"))
    for attempt in range(1, MAX_UNEXPECTED):
        assert (message.attempts, message.failed_at) == (attempt, None)
        attempt_again(message)
    assert message.failed_at is not None
    assert message.failure == "IntegrityError"

    # The traceback, without what the exception quotes.
    errors = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert len(errors) == MAX_UNEXPECTED
    assert ADDRESS not in caplog.text
    assert "in fail\n" in caplog.text
    assert "IntegrityError" in caplog.text


def test_pauses_double_up_to_an_hour(failing: Callable[[Exception], OutboxMessage]) -> None:
    message = failing(ConnectionError())
    longest = FIRST_PAUSE
    for attempt in range(1, 14):
        assert message.attempts == attempt
        assert message.claimed_until is None
        assert message.retry_at is not None
        assert message.retry_at == message.dispatch_at
        pause = message.retry_at - timezone.now()
        assert longest * 0.4 < pause <= longest
        # A late message of the broker does not shorten the pause.
        deliver(message.pk)
        message.refresh_from_db()
        assert message.attempts == attempt
        longest = min(2 * longest, LONGEST_PAUSE)
        attempt_again(message)


class KilledError(BaseException):
    """Simulates a killed worker."""


def test_lease_after_a_kill_does_not_grow(
    failing: Callable[[BaseException], OutboxMessage], settings: Any
) -> None:
    with pytest.raises(KilledError):
        failing(KilledError())
    message = OutboxMessage.objects.get()
    for kills in range(1, 5):
        assert (message.attempts, message.interruptions) == (kills, kills - 1)
        assert message.claimed_until is not None
        assert message.claimed_until == message.dispatch_at
        lease = message.claimed_until - timezone.now()
        assert settings.OUTBOX_LEASE * 0.9 < lease <= settings.OUTBOX_LEASE
        with pytest.raises(KilledError):
            attempt_again(message)
        message.refresh_from_db()


def test_message_that_kills_its_workers_ends(
    failing: Callable[[BaseException], OutboxMessage],
) -> None:
    """As one does that takes more memory than a worker has."""
    with pytest.raises(KilledError):
        failing(KilledError())
    message = OutboxMessage.objects.get()
    for _kill in range(MAX_INTERRUPTIONS - 1):
        with pytest.raises(KilledError):
            attempt_again(message)
    attempt_again(message)
    assert message.failed_at is not None
    assert message.failure == f"lost {MAX_INTERRUPTIONS} workers"
