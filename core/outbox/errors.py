"""The errors by which a subscriber reports a failure or postpones its message."""

from datetime import timedelta
from typing import Final

REASON_MAX_LENGTH: Final = 100


class FailureError(Exception):
    """A failure with a reason.

    ``reason`` is stored, logged and shown to operators; it must contain neither secrets nor
    personal data.
    """

    def __init__(self, reason: str) -> None:
        """Truncate the reason to the length of its column."""
        self.reason = reason[:REASON_MAX_LENGTH]
        super().__init__(self.reason)


class PermanentFailureError(FailureError):
    """A permanent failure. The message stays in the outbox as failed."""


class TemporaryFailureError(FailureError):
    """A temporary failure. The message is retried until `settings.OUTBOX_RETRY_TTL` has passed."""


class PostponedError(Exception):
    """It is not the message's turn. It becomes due later, and this is no attempt."""

    def __init__(self, delay: timedelta) -> None:
        """Take how long the message has to wait."""
        self.delay = delay
        super().__init__(f"postponed by {delay}")
