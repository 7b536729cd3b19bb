"""Texts of the mails about webhooks. Call under the reader's language."""

from django.utils.translation import gettext as _

from core.email.message import Mail
from core.email.words import Reader
from users.webhooks.states import WebhookDisabledReason


def webhook_disabled(reader: Reader, *, host: str, reason: WebhookDisabledReason) -> Mail:
    """Notify the owner of a webhook that was disabled, and why."""
    return Mail(
        reader=reader,
        subject=_("A webhook of yours was disabled"),
        paragraphs=[
            _("Your webhook at %(host)s receives no more events.") % {"host": reader.address(host)}
            if reader.is_verified
            else _("One of your webhooks receives no more events."),
            _("The reason: %(reason)s.") % {"reason": reason.label},
        ],
        footnote=_(
            "Once the reason is gone, enable the webhook again. Events of the meantime are not "
            "delivered; they are in the audit trail."
        ),
    )
