"""The error by which a subscriber stops further attempts."""

from typing import Final

REASON_MAX_LENGTH: Final = 100


class PermanentFailureError(Exception):
    """A permanent failure. The message stays in the outbox as failed.

    ``reason`` is stored and shown to operators; it must contain neither secrets nor personal data.
    """

    def __init__(self, reason: str) -> None:
        """Truncate the reason to the length of its column."""
        self.reason = reason[:REASON_MAX_LENGTH]
        super().__init__(self.reason)
