"""Classification of SMTP replies for a mail to one recipient.

Temporary: a 4xx reply, a broken connection, and any error before MAIL (connecting, HELO,
STARTTLS, authentication). Permanent: a 5xx reply to MAIL, RCPT or DATA (RFC 5321, section 4.2.1).
A permanent error makes the address undeliverable only if its enhanced status code (RFC 3463) or,
without one, the reply to RCPT says so. docs/deployment.md has the table.
"""

import re
from enum import StrEnum
from smtplib import (
    SMTPDataError,
    SMTPException,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)
from typing import Final

from core.outbox.errors import PermanentFailureError, TemporaryFailureError

# Authentication is required or failed (RFC 4954): an error of configuration, fixed by an operator.
CREDENTIALS: Final = frozenset({530, 534, 535, 538})
# Bad mailbox, domain or syntax, moved, null MX; mailbox disabled, full, or list expansion failed.
OF_ADDRESS: Final = frozenset(
    {(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 0), (2, 1), (2, 2), (2, 4)}
)
# The recipient does not accept internationalised addresses (RFC 6531).
OF_RECIPIENT: Final = OF_ADDRESS | {(6, 7)}
# Replies to RCPT about a mailbox, without enhanced codes (RFC 5321, RFC 7504).
MAILBOX_REPLIES: Final = frozenset({550, 551, 552, 553, 556})
# Words in such replies that reject the sender instead.
POLICY: Final = re.compile(rb"relay|polic|block|black|spam|sender|auth|denied", re.IGNORECASE)
ENHANCED: Final = re.compile(rb"\s*[245]\.([0-9]{1,3})\.([0-9]{1,3})(?![0-9.])")
MAX_TEXT_LENGTH: Final = 1_000


class Stage(StrEnum):
    """The commands at which a server may reject a mail."""

    MAIL = "MAIL FROM"
    RCPT = "RCPT TO"
    DATA = "DATA"


class MailRefusedError(PermanentFailureError):
    """A permanent failure; ``is_undeliverable`` if the recipient's address causes it."""

    def __init__(self, reason: str, *, is_undeliverable: bool) -> None:
        """Take a reason of codes only, because servers quote addresses and messages."""
        self.is_undeliverable = is_undeliverable
        super().__init__(reason)


class MailDelayedError(TemporaryFailureError):
    """A temporary failure, to be retried. The reason contains codes only."""


def error_of(error: SMTPException) -> MailRefusedError | MailDelayedError:
    """Classify an exception from sending, without quoting the server."""
    if isinstance(error, SMTPNotSupportedError):
        return MailRefusedError("SMTPUTF8 is not supported", is_undeliverable=True)
    if isinstance(error, SMTPRecipientsRefused):
        # A mail has one recipient.
        ((code, text),) = error.recipients.values()
        return _error_of_reply(Stage.RCPT, code, text)
    if isinstance(error, SMTPSenderRefused):
        return _error_of_reply(Stage.MAIL, error.smtp_code, error.smtp_error)
    if isinstance(error, SMTPDataError):
        return _error_of_reply(Stage.DATA, error.smtp_code, error.smtp_error)
    return delay_of(error)


def delay_of(error: SMTPException) -> MailDelayedError:
    """Return a temporary failure for an exception before MAIL."""
    code = f": {error.smtp_code}" if isinstance(error, SMTPResponseException) else ""
    return MailDelayedError(f"{type(error).__name__}{code}")


def _error_of_reply(
    stage: Stage, code: int, text: bytes | str
) -> MailRefusedError | MailDelayedError:
    raw = text.encode() if isinstance(text, str) else text
    match = ENHANCED.match(raw[:MAX_TEXT_LENGTH])
    status = (int(match[1]), int(match[2])) if match else None
    reason = f"{stage}: {code}" + (f" {code // 100}.{status[0]}.{status[1]}" if status else "")
    if code // 100 != 5 or code in CREDENTIALS:  # noqa: PLR2004 - permanent failures
        return MailDelayedError(reason)
    if status:
        is_undeliverable = (stage is Stage.RCPT and status in OF_RECIPIENT) or (
            stage is Stage.DATA and status in OF_ADDRESS
        )
    else:
        is_undeliverable = (
            stage is Stage.RCPT
            and code in MAILBOX_REPLIES
            and not POLICY.search(raw[:MAX_TEXT_LENGTH])
        )
    return MailRefusedError(reason, is_undeliverable=is_undeliverable)
