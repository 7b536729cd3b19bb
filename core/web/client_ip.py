"""Where requests come from."""

import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

# An address alone, in brackets, or with a port; `ip_address` judges what is in the groups.
ENTRY: Final = re.compile(
    r"\[([^\[\]]+)\](?::[0-9]{1,5})?|([0-9.]+)(?::[0-9]{1,5})?|([^\[\]]+)", re.ASCII
)
# An IPv6 address with a zone (an interface's name), brackets and a port is shorter.
MAX_ENTRY_LENGTH: Final = 100
# RFC 6177 has providers assign each customer this much or more, and hosts take addresses in
# it at will (RFC 8981).
CUSTOMER_PREFIX: Final = 64


def client_address(meta: Mapping[str, str], trusted_proxies: int) -> str | None:
    """Return the address of the client whose request has this WSGI environment.

    Each of the ``trusted_proxies`` in front of us appends to X-Forwarded-For the address it
    saw. So the client's is that many from the right; what stands further left came with the
    request and may be a lie. If it is missing or no address, the answer is the direct peer's,
    as it is without proxies; None if that is none either (a Unix socket).

    The address is in its canonical form, without a zone, and IPv4 if it is mapped into IPv6.
    """
    if trusted_proxies:
        entries = meta.get("HTTP_X_FORWARDED_FOR", "").rsplit(",", trusted_proxies)
        claimed = _address(entries[-trusted_proxies]) if len(entries) >= trusted_proxies else None
        if claimed:
            return claimed
    return _address(meta.get("REMOTE_ADDR", ""))


def network_of(address: str) -> str:
    """Return what one customer has, of what `client_address` returned: the /64 of IPv6."""
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
