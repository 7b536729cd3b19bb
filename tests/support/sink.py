"""An SMTP server that keeps mails, for the tests to read."""

import queue
import re
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

from core.email.smtp_replies import Stage


def _nothing(_server: SMTP) -> None:
    """Let the client learn that its mail is accepted."""


class Sink:
    """An SMTP server's handler that keeps what it accepts, and refuses what `replies` has."""

    def __init__(self) -> None:
        self.mails: queue.Queue[EmailMessage] = queue.Queue()
        # Of the envelope of the newest mail: where it goes, whatever its head says.
        self.recipients: list[str | None] = []
        # What the server says to a command about a recipient, in place of accepting it.
        self.replies: dict[tuple[Stage, str], str] = {}
        self.attempts: Counter[str] = Counter()
        # Called when a mail is accepted, before the client learns of it.
        self.on_accepted: Callable[[SMTP], object] = _nothing

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        self.attempts[address] += 1
        refusal = self.replies.get((Stage.RCPT, address))
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        refusal = self.replies.get((Stage.DATA, envelope.rcpt_tos[0]))
        if refusal:
            # As servers do that quote what they refuse.
            quoted = re.sub(rb"[^!-~]+", b" ", content)[-400:].decode()
            return f"{refusal} {quoted}"
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.recipients = list(envelope.rcpt_tos)
        self.mails.put(message)
        self.on_accepted(server)
        return "250 OK"

    def next(self, timeout: float = 20) -> EmailMessage:
        """Wait for the next mail."""
        return self.mails.get(timeout=timeout)

    def is_empty(self) -> bool:
        return self.mails.empty()

    def reset(self) -> None:
        """Drop old mails, and accept all from now on."""
        while not self.is_empty():
            self.mails.get_nowait()
        self.replies.clear()
        self.attempts.clear()
        self.on_accepted = _nothing
