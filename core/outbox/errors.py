"""What a subscriber raises when another attempt is of no use."""

from typing import Final

REASON_MAX_LENGTH: Final = 100


class PermanentFailureError(Exception):
    """The work was refused for good. The message stays in the outbox as failed.

    ``reason`` is shown to operators and stored: it must hold no secret and nothing personal.
    """

    def __init__(self, reason: str) -> None:
        """Keep the reason, cut to what a row holds."""
        self.reason = reason[:REASON_MAX_LENGTH]
        super().__init__(self.reason)
