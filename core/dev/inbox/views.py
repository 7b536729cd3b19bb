"""Pages of the demo's inbox."""

import mailbox
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import Any, Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from core.web.content_security import HEADER, MAIL

MAX_LISTED: Final = 100


def mails(request: HttpRequest) -> HttpResponse:
    """List the newest mails."""
    box = _mailbox()
    newest = sorted(box.keys(), reverse=True)[:MAX_LISTED]
    return render(
        request, "inbox/mails.html", {"mails": [_summary(key, _read(box, key)) for key in newest]}
    )


def mail(request: HttpRequest, key: str) -> HttpResponse:
    """Show one mail, as text and as HTML."""
    box = _mailbox()
    if key not in box:
        raise Http404
    message = _read(box, key)
    context = _summary(key, message) | {
        "text": _body(message, "plain"),
        "html": _body(message, "html"),
    }
    response = render(request, "inbox/mail.html", context)
    response[HEADER] = MAIL
    return response


def _mailbox() -> mailbox.Maildir:
    return mailbox.Maildir(settings.DEMO_MAILBOX, create=True)


def _read(box: mailbox.Maildir, key: str) -> EmailMessage:
    return message_from_bytes(box.get_bytes(key), policy=policy.default)


def _summary(key: str, message: EmailMessage) -> dict[str, Any]:
    return {
        "key": key,
        "subject": message["Subject"],
        "sender": message["From"],
        "to": message["To"],
        "date": parsedate_to_datetime(message["Date"]),
    }


def _body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return part.get_content() if part else ""
