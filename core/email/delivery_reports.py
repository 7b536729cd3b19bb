"""What a provider's report about a mail means for the address."""

import re
from typing import Final

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from django.conf import settings
from django.core.exceptions import ValidationError

from core.email.addresses import canonical_email
from core.email.providers import PROVIDERS
from core.email.smtp_replies import MAX_TEXT_LENGTH, OF_RECIPIENT

BOUNCES: Final = frozenset({EventType.BOUNCED, EventType.REJECTED})
# Not `BLOCKED`, `SPAM` and `TIMED_OUT`: these concern the service or the mail.
OF_MAILBOX: Final = frozenset({RejectReason.BOUNCED, RejectReason.INVALID})
# An enhanced status code (RFC 3463) anywhere in a server's reply.
PERMANENT: Final = re.compile(r"(?<![0-9.])5\.([0-9]{1,3})\.([0-9]{1,3})(?![0-9.])")


def recipient_of(report: AnymailTrackingEvent) -> str | None:
    """Return the canonical address that a report is about, if it names one."""
    recipient = report.recipient
    try:
        return canonical_email(recipient) if isinstance(recipient, str) else None
    except ValidationError:
        return None


def is_undeliverable(report: AnymailTrackingEvent) -> bool:
    """Return whether the address accepts no mail: a hard bounce, or a complaint.

    After a complaint, the provider suppresses all mails to the address. A soft bounce, and one for
    which the server's reply has another reason, says nothing of the address.
    """
    if report.event_type == EventType.COMPLAINED:
        return True
    if report.event_type not in BOUNCES or report.reject_reason not in OF_MAILBOX:
        return False
    field, temporary = PROVIDERS[settings.MAIL_PROVIDER].soft_bounce or ("", None)
    if field and report.esp_event.get(field) == temporary:
        return False
    reply = PERMANENT.search(str(report.mta_response or "")[:MAX_TEXT_LENGTH])
    return reply is None or (int(reply[1]), int(reply[2])) in OF_RECIPIENT
