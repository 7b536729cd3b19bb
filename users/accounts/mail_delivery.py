"""Sending mail and recording whether the address accepts it."""

from core.email import message
from core.email.message import Mail
from core.email.smtp_replies import MailRefusedError
from users.accounts.services.deliverability import mark_deliverable, mark_undeliverable


def send_mail(text: Mail, *, to: str) -> None:
    """Send a mail, and mark the address as deliverable or undeliverable.

    Undeliverable are addresses of which the SMTP server reports that there is no such mailbox.
    Raises the errors of `core.email.message.send`.
    """
    try:
        message.send(text, to=to)
    except MailRefusedError as error:
        if error.is_undeliverable:
            mark_undeliverable(to, reason=error.reason)
        raise
    mark_deliverable(to)
