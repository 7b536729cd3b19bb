"""Sending mail and recording whether the address accepts it."""

from anymail.signals import AnymailTrackingEvent, EventType, tracking
from django.conf import settings
from django.dispatch import receiver
from django.utils import timezone

from core.email import message
from core.email.delivery_reports import is_undeliverable, recipient_of
from core.email.message import Mail
from core.email.smtp_replies import MailRefusedError
from users.accounts.services.deliverability import mark_deliverable, mark_undeliverable
from users.accounts.throttling import count_delivery
from users.activity.services import counts


def send_mail(text: Mail, *, to: str) -> None:
    """Send a mail, count it, and mark the address as deliverable or undeliverable.

    Undeliverable are addresses of which the server or provider says that there is no such mailbox.
    Raises the errors of `core.email.message.send`, and `PostponedError` beyond the rate limit.
    """
    count_delivery(is_awaited=text.is_awaited)
    try:
        message.send(text, to=to)
    except MailRefusedError as error:
        counts.add("mail.failed", timezone.now())
        if error.is_undeliverable:
            mark_undeliverable(to, reason=error.reason)
        raise
    counts.add("mail.sent", timezone.now())
    # A provider accepts mails before it knows of the mailbox, and reports that later.
    if not settings.MAIL_WEBHOOKS:
        mark_deliverable(to)


@receiver(tracking, dispatch_uid=__name__)
def record_delivery(event: AnymailTrackingEvent, esp_name: str, **_signal: object) -> None:
    """Mark the address of a provider's report; ignore addresses without an account."""
    email = recipient_of(event)
    if email is None:
        return
    if event.event_type == EventType.DELIVERED:
        mark_deliverable(email)
    elif is_undeliverable(event):
        mark_undeliverable(email, reason=f"{esp_name}: {event.event_type}", is_ours=False)
