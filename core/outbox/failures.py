"""Classification of failures by their exception.

final       the message fails at once: another attempt cannot succeed
temporary   attempts continue until `settings.OUTBOX_RETRY_TTL` has passed since the first failure
unexpected  any other exception, such as a bug: the message fails after `MAX_UNEXPECTED` failures
"""

from typing import Final

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import DataError, InterfaceError, OperationalError
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from core.outbox.errors import (
    REASON_MAX_LENGTH,
    FailureError,
    PermanentFailureError,
    TemporaryFailureError,
)
from core.outbox.models import OutboxMessage

# A message is visible only once the rows that it names are, so a missing one was deleted.
FINAL: Final = (PermanentFailureError, ObjectDoesNotExist, DataError)
# `OSError` includes those of connections, time-outs, TLS, name resolution and files. Deadlocks,
# statement time-outs and lost connections of the database are `OperationalError`s.
TEMPORARY: Final = (
    *(TemporaryFailureError, SoftTimeLimitExceeded, OSError),
    *(OperationalError, InterfaceError, BrokerError, RedisError),
)
# With the pauses between them, about an hour.
MAX_UNEXPECTED: Final = 10
# Workers that a message may take with it, for example by its memory. A message can also be lost
# with a worker that is killed for another reason, but not so often. A job's message counts only the
# attempts without progress: the first step after one ends its turn.
MAX_INTERRUPTIONS: Final = 10


class UnexpectedFailureError(Exception):
    """Stands for an unexpected exception in logs: its type and traceback, without its text.

    The text may quote personal data, such as the values that violate a unique constraint.
    """


def is_over(message: OutboxMessage, error: Exception) -> bool:
    """Return whether a claimed message that failed by ``error`` is not attempted again."""
    if isinstance(error, FINAL):
        return True
    if isinstance(error, TEMPORARY):
        since = message.failing_since
        return since is not None and timezone.now() - since >= settings.OUTBOX_RETRY_TTL
    return message.failures >= MAX_UNEXPECTED


def is_unexpected(error: Exception) -> bool:
    """Return whether a failure is neither final nor temporary by its type."""
    return not isinstance(error, FINAL + TEMPORARY)


def reason_of(error: Exception) -> str:
    """Return the reason to store: the error's own, or its type."""
    reason = error.reason if isinstance(error, FailureError) else type(error).__name__
    return reason[:REASON_MAX_LENGTH]


def without_text(error: Exception) -> UnexpectedFailureError:
    """Return what to log of an unexpected exception."""
    return UnexpectedFailureError(reason_of(error)).with_traceback(error.__traceback__)
