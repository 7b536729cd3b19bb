"""Which addresses webhooks are sent to: those of the public internet (SSRF).

IPv6 by what is allowed, because global unicast has one prefix (RFC 4291) of which IANA's registry
of special-purpose addresses excludes a few. Addresses that embed an IPv4 address, as of NAT64, 6to4
and Teredo, are outside.
"""

from ipaddress import IPv4Network, IPv6Address, IPv6Network
from typing import Final

from django.conf import settings

from core.bounded_connections import Address

GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
SPECIAL_IPV6: Final = (
    IPv6Network("2001::/23"),  # IETF protocols, Teredo and benchmarks among them
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("3fff::/20"),  # documentation
)
# Which Python's `ipaddress` takes for public.
SPECIAL_IPV4: Final = (
    IPv4Network("192.0.0.0/24"),  # IETF protocols, and Oracle's metadata
    IPv4Network("168.63.129.16/32"),  # Azure's metadata and DNS
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
)


def is_allowed(address: Address) -> bool:
    """Return whether webhooks may be sent to an address."""
    networks = settings.WEBHOOK_ALLOWED_NETWORKS
    return _is_public(address) or any(address in network for network in networks)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        return address in GLOBAL_UNICAST and not any(address in each for each in SPECIAL_IPV6)
    is_special = address.is_multicast or any(address in each for each in SPECIAL_IPV4)
    return address.is_global and not is_special
