"""Mail in one layout, as plain text and HTML, in the reader's language."""

from collections.abc import Sequence
from dataclasses import dataclass
from smtplib import SMTPException

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.message import sanitize_address
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from core.email.addresses import canonical_email
from core.email.smtp_replies import MailRefusedError, delay_of, error_of
from core.email.words import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What one mail says. Build and send it under `translation.override` of the reader's language.

    Words of users are in it only as ``reader`` returns them: see `core.email.words`.
    """

    reader: Reader
    subject: str
    paragraphs: Sequence[str]
    action: str = ""
    action_url: str = ""
    footnote: str = ""

    @property
    def greeting(self) -> str:
        """Greet the reader, by name if that may be."""
        name = self.reader.name
        return _("Hello %(name)s,") % {"name": name} if name else _("Hello,")


def send(mail: Mail, *, to: str) -> None:
    """Hand the mail to the SMTP server.

    Raises `MailRefusedError` if it is refused for good, and `MailDelayedError` or `OSError` if it
    is to be sent again later. None of them quotes the server.
    """
    address = _encodable(to)
    context = {"mail": mail, "public_url": settings.PUBLIC_URL}
    message = EmailMultiAlternatives(
        subject=mail.subject,
        body=render_to_string("mail/mail.txt", context),
        to=[address],
        # RFC 3834: tells vacation responders to stay silent.
        headers={"Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string("mail/mail.html", context), "text/html")
    connection = get_connection()
    try:
        # By itself: what is refused here concerns the service, and no mail yet.
        connection.open()
    except SMTPException as error:
        raise delay_of(error) from None
    try:
        connection.send_messages([message])
    except SMTPException as error:
        raise error_of(error) from None
    finally:
        connection.close()


def _encodable(address: str) -> str:
    """Return the address as SMTP commands have it; raises `MailRefusedError` if there is no such.

    Django writes some to another mailbox: a domain by IDNA 2003, a local part beyond ASCII by RFC
    2047, which is for names, and `a<b@example.org` as `b@example.org`.
    """
    try:
        encodable = address if address.isascii() else canonical_email(address)
        is_written_as_it_is = sanitize_address(encodable, "utf-8") == encodable
    except (ValueError, ValidationError):
        is_written_as_it_is = False
    if not is_written_as_it_is:
        raise MailRefusedError("the address cannot be encoded", is_undeliverable=True)
    return encodable
