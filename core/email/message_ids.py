"""Identifiers of mails (RFC 5322, section 3.6.4)."""

import hmac
import secrets
from email.utils import formatdate, parseaddr

from django.conf import settings

from core.outbox.current import current_delivery
from core.security.crypto import derive_key


def identifying_headers(to: str) -> dict[str, str]:
    """Return the headers by which mail systems recognise a repeated delivery of a mail.

    They are equal at each attempt to deliver an outbox message to a recipient. The `Message-ID` is
    a keyed digest, so it reveals neither the address nor how many mails there are.
    """
    delivery = current_delivery()
    if delivery is None:
        return {"Message-ID": _message_id(secrets.token_bytes(16))}
    created_at = delivery.created_at.isoformat()
    key = derive_key("message-id", settings.SECRET_KEY)
    text = f"{delivery.message_id}\0{created_at}\0{to}"
    return {
        "Message-ID": _message_id(hmac.digest(key, text.encode(), "sha256")[:16]),
        "Date": formatdate(delivery.created_at.timestamp()),
    }


def _message_id(identity: bytes) -> str:
    _name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return f"<{identity.hex()}@{address.rpartition('@')[2]}>"
