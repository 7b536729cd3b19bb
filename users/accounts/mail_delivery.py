"""Sending mail, for the tasks of every app; each records whether the address accepts mail."""

from core.email import message
from core.email.message import Mail
from core.email.smtp_replies import MailRefusedError
from users.accounts.services.deliverability import mark_deliverable, mark_undeliverable


def send_mail(text: Mail, *, to: str) -> None:
    """Send a mail, and mark its address if the SMTP server has no such mailbox.

    An address that accepts mail again is not marked any more. Raises what `core.email.message.send`
    does.
    """
    try:
        message.send(text, to=to)
    except MailRefusedError as error:
        if error.is_undeliverable:
            mark_undeliverable(to, reason=error.reason)
        raise
    mark_deliverable(to)
