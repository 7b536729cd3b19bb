"""The URLs of webhooks, in one ASCII form."""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from core.email.addresses import a_labels
from users.webhooks.addresses import is_allowed

URL_MAX_LENGTH: Final = 500
HTTPS_PORT: Final = 443
# Services below, such as SMTP, are not HTTP.
UNPRIVILEGED: Final = 1_024
# RFC 3986: what may stand in a path or a query, besides letters and digits.
UNQUOTED: Final = "%/?:@!$&'()*+,;=-._~"

# The last label of an IPv4 address in any spelling, and of no name.
NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII | re.IGNORECASE)

NO_URL: Final = _("Enter a URL such as https://example.org/webhook.")
TOO_LONG: Final = _("Enter a URL of at most 500 characters.")
WRONG_SCHEME: Final = _("Enter a URL that begins with https://.")
CREDENTIALS: Final = _(
    "Enter a URL without username and password. Receivers recognise webhooks by their signature."
)
FRAGMENT: Final = _("Enter a URL without #.")
WRONG_PORT: Final = _("Use port 443, or one from 1024.")
ADDRESS_REFUSED: Final = _("Webhooks are not sent to this address. Enter a public one.")


def canonical_url(text: str) -> str:
    """Return the canonical form of a webhook's URL. Raises only `ValidationError`.

    The host is in A-labels, and the rest percent-encoded. Its addresses are checked with each
    connection, because they may change.
    """
    if len(text) > URL_MAX_LENGTH:
        raise ValidationError(TOO_LONG)
    # `urlsplit` drops some of these.
    if not text.isprintable() or " " in text or "\\" in text:
        raise ValidationError(NO_URL)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValidationError(NO_URL) from None
    if parts.scheme not in settings.WEBHOOK_SCHEMES:
        raise ValidationError(WRONG_SCHEME)
    if "@" in parts.netloc:
        raise ValidationError(CREDENTIALS)
    if "#" in text:
        raise ValidationError(FRAGMENT)
    if port is not None and port != HTTPS_PORT and port < UNPRIVILEGED:
        raise ValidationError(WRONG_PORT)
    host = _canonical_host(parts.hostname or "")
    netloc = host if port is None else f"{host}:{port}"
    path, query = (quote(part, safe=UNQUOTED) for part in (parts.path or "/", parts.query))
    url = f"{parts.scheme}://{netloc}{path}" + (f"?{query}" if query else "")
    if len(url) > URL_MAX_LENGTH:
        raise ValidationError(TOO_LONG)
    return url


def host_of(url: str) -> str:
    """Return the host of a canonical URL; the rest may be secret."""
    return urlsplit(url).hostname or ""


def _canonical_host(host: str) -> str:
    """Return a host's name or IPv4 address. Raises only `ValidationError`."""
    # Names that end in a dot would not match certificates; IPv6 addresses have colons.
    if not host or ":" in host or host.endswith("."):
        raise ValidationError(NO_URL)
    try:
        name = a_labels(host)
    except ValidationError:
        raise ValidationError(NO_URL) from None
    try:
        address = ip_address(name)
    except ValueError:
        # The URL standard and the resolver read others as IPv4 addresses, too, such as 127.1.
        if NUMBER.fullmatch(name.rpartition(".")[2]):
            raise ValidationError(NO_URL) from None
        return name
    if not is_allowed(address):
        raise ValidationError(ADDRESS_REFUSED)
    return name
