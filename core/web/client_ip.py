"""Client addresses and networks."""

import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

# An address alone, in brackets, or with a port; `ip_address` validates the groups.
ENTRY: Final = re.compile(
    r"\[([^\[\]]+)\](?::[0-9]{1,5})?|([0-9.]+)(?::[0-9]{1,5})?|([^\[\]]+)", re.ASCII
)
# Longer than any IPv6 address with a zone (an interface's name), brackets and a port.
MAX_ENTRY_LENGTH: Final = 100
# Providers assign each customer at least this prefix (RFC 6177), in which hosts change their
# addresses at will (RFC 8981).
CUSTOMER_PREFIX: Final = 64


def client_address(meta: Mapping[str, str], trusted_proxies: int) -> str | None:
    """Return the client's address from a WSGI environment.

    Each of the ``trusted_proxies`` appends the address of its peer to X-Forwarded-For, so the
    client's address is the ``trusted_proxies``-th entry from the right; entries to its left may be
    forged. If that entry is missing or invalid, or without proxies, this is the address of the
    direct peer; None if the peer has no address (a Unix socket).

    The address is canonical, without a zone, and IPv4 if it is an IPv4-mapped IPv6 address.
    """
    if trusted_proxies:
        entries = meta.get("HTTP_X_FORWARDED_FOR", "").rsplit(",", trusted_proxies)
        claimed = _address(entries[-trusted_proxies]) if len(entries) >= trusted_proxies else None
        if claimed:
            return claimed
    return _address(meta.get("REMOTE_ADDR", ""))


def network_of(address: str) -> str:
    """Return a customer's network: an IPv4 address, or the /64 of IPv6."""
    if isinstance(ip_address(address), IPv4Address):
        return address
    return str(ip_network((address, CUSTOMER_PREFIX), strict=False))


@lru_cache(1_000)
def _address(entry: str) -> str | None:
    match = ENTRY.fullmatch(entry.strip()) if len(entry) <= MAX_ENTRY_LENGTH else None
    if not match:
        return None
    try:
        address = ip_address(next(filter(None, match.groups())))
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(address.packed))
    return str(address)
