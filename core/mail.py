"""Mail in one layout, as plain text and HTML, in the reader's language."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from core.email_addresses import canonical_email
from core.mail_words import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What one mail says. Build and send it under `translation.override` of the reader's language.

    Words of users are in it only as ``reader`` returns them: see `core.mail_words`.
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
