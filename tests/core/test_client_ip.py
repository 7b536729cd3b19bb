"""Client addresses with and without proxies."""

import pytest

from core.web.client_ip import client_address, network_of

PEER = "198.51.100.9"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7\t", "203.0.113.7"),
        ("203.0.113.7:567", "203.0.113.7"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[::1]:567", "::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%eth0]:567", "fe80::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:cb00:7107]:567", "203.0.113.7"),
        ("", None),
        (" ", None),
        ("unknown", None),
        ("203.0.113", None),
        ("203.0.113.256", None),
        ("203.0.113.007", None),
        ("203.0.113.7:port", None),
        ("203.0.113.7:\u0665", None),
        ("\u0662.0.113.7", None),
        ("203.0.113.7%eth0", None),
        ("[::1", None),
        ("[]:567", None),
        ("[[::1]]", None),
        ("fe80::1%", None),
        ("1" * 1_000_000, None),
        ("::" + ":" * 1_000_000, None),
        ("fe80::1%" + "x" * 1_000_000, None),
        ("\0", None),
        ("\udcff", None),
    ],
)
def test_client_address_is_parsed_in_every_notation(written: str, address: str | None) -> None:
    assert client_address({"REMOTE_ADDR": written}, 0) == address

    proxied = {"REMOTE_ADDR": PEER, "HTTP_X_FORWARDED_FOR": f"192.0.2.1,{written}"}
    assert client_address(proxied, 1) == (address or PEER)


@pytest.mark.parametrize(
    ("header", "proxies", "address"),
    [
        ("203.0.113.7", 0, PEER),
        ("203.0.113.7", 1, "203.0.113.7"),
        ("192.0.2.1, 203.0.113.7", 1, "203.0.113.7"),
        ("192.0.2.1, 203.0.113.7", 2, "192.0.2.1"),
        ("spoofed, 192.0.2.1, 203.0.113.7", 2, "192.0.2.1"),
        ("192.0.2.1, 203.0.113.7", 3, PEER),
        ("spoofed, 203.0.113.7", 2, PEER),
        ("203.0.113.7, ", 1, PEER),
        (",,,", 2, PEER),
        ("", 1, PEER),
        ("192.0.2.1," * 100_000 + "203.0.113.7", 1, "203.0.113.7"),
    ],
)
def test_only_trusted_proxies_set_the_client_address(
    header: str, proxies: int, address: str
) -> None:
    meta = {"REMOTE_ADDR": PEER, "HTTP_X_FORWARDED_FOR": header}
    assert client_address(meta, proxies) == address


def test_unix_socket_uses_the_forwarded_address() -> None:
    assert client_address({}, 0) is None
    assert client_address({}, 1) is None
    assert client_address({"REMOTE_ADDR": ""}, 1) is None
    meta = {"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "203.0.113.7"}
    assert client_address(meta, 1) == "203.0.113.7"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
    ],
)
def test_network_is_an_ipv4_address_or_an_ipv6_64(address: str, network: str) -> None:
    assert network_of(address) == network
