"""URLs and addresses to which webhooks are sent, and which are refused."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from users.webhooks.addresses import is_allowed
from users.webhooks.targets import canonical_url


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("https://example.org", "https://example.org/"),
        ("https://Example.ORG/Path?a=b", "https://example.org/Path?a=b"),
        ("https://example.org:443/", "https://example.org:443/"),
        ("https://example.org:8443/x", "https://example.org:8443/x"),
        ("https://bücher.example/ö?q=ü", "https://xn--bcher-kva.example/%C3%B6?q=%C3%BC"),
        ("https://example.org/a%20b", "https://example.org/a%20b"),
        ("https://receiver/x", "https://receiver/x"),
        ("https://1.1.1.1/x", "https://1.1.1.1/x"),
        ("https://1.1.1.1.example/x", "https://1.1.1.1.example/x"),
        ("https://0x.example.x0/x", "https://0x.example.x0/x"),
    ],
)
def test_urls_have_one_form(text: str, canonical: str) -> None:
    assert canonical_url(text) == canonical
    assert canonical_url(canonical) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.org",
        "//example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "javascript:alert(1)",
        "http://example.org/",
        "https://",
        "https:///path",
        "https://user@example.org/",
        "https://user:password@example.org/",
        "https://example.org@127.0.0.1/",
        "https://example.org/#fragment",
        "https://example.org/#",
        "https://example.org:22/",
        "https://example.org:80/",
        "https://example.org:0/",
        "https://example.org:65536/",
        "https://example.org:x/",
        "https://example.org./",
        "https://exa mple.org/",
        "https://example.org/a b",
        "https://example.org/\nHost: x",
        "https://example.org/\t",
        "https://example.org\\@127.0.0.1/",
        "https://exam\u200bple.org/",
        "https://-example.org/",
        "https://under_score.example/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://127.0.0.1/",
        "https://10.0.0.1:8443/",
        "https://169.254.169.254/latest/meta-data",
        "https://0.0.0.0/",
        # The URL standard and the resolver read these as IPv4 addresses.
        "https://167772161:8299/",
        "https://16843009/",
        "https://0:8299/",
        "https://127.1/",
        "https://1.1/",
        "https://0177.0.0.1/",
        "https://01.01.01.01/",
        "https://0x7f000001/",
        "https://0X7F.1/",
        "https://0x/",
        "https://example.0x1/",
        "https://1.2.3.4.5/",
        "https://example.256/",
        "https://\uff11\uff12\uff17.1/",
        "https://example.org/" + "x" * 500,
        "https://example.org/" + "ö" * 200,
    ],
)
def test_other_urls_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        canonical_url(text)


PUBLIC = ("1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::1")
REFUSED = (
    *("0.0.0.1", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.0.1", "169.254.169.254"),
    *("172.16.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1"),
    *("255.255.255.255", "168.63.129.16", "100.100.100.200"),
    *("::", "::1", "::ffff:1.1.1.1", "::ffff:127.0.0.1", "::1.1.1.1", "64:ff9b::1.1.1.1"),
    *("64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:101:101::1", "3fff::1"),
    *("5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1"),
)


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_allowed(text: str) -> None:
    assert is_allowed(ip_address(text))


@pytest.mark.parametrize("text", REFUSED)
def test_other_addresses_are_refused_unless_listed(text: str, settings: Any) -> None:
    address = ip_address(text)
    assert not is_allowed(address)
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network(f"{text}/{address.max_prefixlen}")]
    assert is_allowed(address)
