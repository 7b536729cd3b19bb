"""Mails in one layout, as plain text and HTML, in the recipient's language."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from smtplib import SMTPException

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.message import sanitize_address
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from core.email.addresses import canonical_email
from core.email.message_ids import identifying_headers
from core.email.metrics import counted
from core.email.smtp_replies import MailRefusedError, delay_of, error_of
from core.email.words import Reader
from core.spans import span


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """The content of a mail.

    Build and send it within `translation.override` of the recipient's language. Text from users
    appears only as ``reader`` returns it; see `core.email.words`.
    """

    reader: Reader
    subject: str
    paragraphs: Sequence[str]
    action: str = ""
    action_url: str = ""
    footnote: str = ""
    # The recipient waits for it, so notices leave room for it when sending is limited.
    is_awaited: bool = False

    @property
    def greeting(self) -> str:
        """The salutation, with the recipient's name if the mail may carry it."""
        name = self.reader.name
        return _("Hello %(name)s,") % {"name": name} if name else _("Hello,")


def send(mail: Mail, *, to: str) -> None:
    """Send the mail by the server or the provider of `EMAIL_URL`.

    Raises `MailRefusedError` for a permanent failure, and `MailDelayedError` or `OSError` for a
    temporary one, to be retried. None of them quotes the server.
    """
    with counted(), span("send mail"):
        _send(mail, to)


def _send(mail: Mail, to: str) -> None:
    address = _encodable(to)
    context = {"mail": mail, "public_url": settings.PUBLIC_URL}
    message = EmailMultiAlternatives(
        subject=mail.subject,
        body=render_to_string("mail/mail.txt", context),
        to=[address],
        # RFC 3834: suppresses automatic replies.
        headers={"Auto-Submitted": "auto-generated", **identifying_headers(address)},
    )
    message.attach_alternative(render_to_string("mail/mail.html", context), "text/html")
    connection = get_connection()
    try:
        try:
            # Separate from sending: an error here concerns the service, not this mail.
            connection.open()
        except SMTPException as error:
            raise delay_of(error) from None
        try:
            connection.send_messages([message])
        except SMTPException as error:
            raise error_of(error) from None
    finally:
        # After the mail was accepted, an error would repeat it.
        with suppress(SMTPException, OSError):
            connection.close()


def _encodable(address: str) -> str:
    """Return the address as SMTP transmits it. Raises `MailRefusedError` if it cannot.

    Django would change some addresses to another mailbox: it encodes domains by IDNA 2003 and
    non-ASCII local parts by RFC 2047, which is for names, and sends `a<b@example.org` to
    `b@example.org`.
    """
    try:
        encodable = address if address.isascii() else canonical_email(address)
        is_unchanged = sanitize_address(encodable, "utf-8") == encodable
    except (ValueError, ValidationError):
        is_unchanged = False
    if not is_unchanged:
        raise MailRefusedError("the address cannot be encoded", is_undeliverable=True)
    return encodable
