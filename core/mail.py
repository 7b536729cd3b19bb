"""Mail in one layout, as plain text and HTML, in the reader's language."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from core.email_addresses import canonical_email


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What one mail says. Build it under `translation.override` of the reader's language."""

    subject: str
    greeting: str
    paragraphs: Sequence[str]
    action: str = ""
    action_url: str = ""
    footnote: str = ""


def send(mail: Mail, *, to: str) -> None:
    """Hand the mail to the SMTP server; raises `SMTPException` or `OSError` if it refuses.

    Raises `ValidationError` for an address that no server could deliver to.
    """
    context = {"mail": mail, "public_url": settings.PUBLIC_URL}
    message = EmailMultiAlternatives(
        subject=mail.subject,
        body=render_to_string("mail/mail.txt", context),
        # Django would encode a domain by IDNA 2003, in which it is another one.
        to=[to if to.isascii() else canonical_email(to)],
        # RFC 3834: tells vacation responders to stay silent.
        headers={"Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string("mail/mail.html", context), "text/html")
    message.send()
