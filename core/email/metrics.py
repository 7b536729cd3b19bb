"""Metrics of mails."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import Counter, Histogram

from core.email.smtp_replies import MailRefusedError

MAILS: Final = Counter(
    "mails", "Mails to the server or provider, by result: sent, refused or delayed.", ["result"]
)
SECONDS: Final = Histogram(
    "mail_seconds",
    "Duration of sending a mail.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)


@contextmanager
def counted() -> Iterator[None]:
    """Count the mail that the block sends, and time it."""
    result = "delayed"
    try:
        with SECONDS.time():
            yield
        result = "sent"
    except MailRefusedError:
        result = "refused"
        raise
    finally:
        MAILS.labels(result).inc()
