"""Whose address a request counts for, behind any number of proxies."""

import pytest

from vivace.accounts.addresses import client_address, networks, site

PROXIES = ["10.0.0.0/8", "2001:db8:1::1", "unix"]


@pytest.mark.parametrize(
    ("remote", "forwarded_for", "expected"),
    [
        ("192.0.2.7", None, "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),  # anyone can write that
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),  # a client inside
        ("10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "198.51.100.1:51234", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::7]:51234", "2001:db8::7"),
        ("2001:db8:1::1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("fe80::1%eth0", None, "fe80::1"),
        ("", "198.51.100.1", "198.51.100.1"),
        ("", None, ""),
    ],
)
def test_the_client_is_the_first_that_is_no_proxy_of_ours(
    remote: str, forwarded_for: str | None, expected: str
) -> None:
    assert client_address(remote, forwarded_for, PROXIES) == expected


def test_nothing_forwarded_counts_where_no_proxy_is_trusted() -> None:
    assert client_address("10.0.0.1", "198.51.100.1", []) == "10.0.0.1"
    assert client_address("", "198.51.100.1", []) == ""


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::/64"),
        ("2001:db8::ffff:0:0:7", "2001:db8::/64"),
        ("2001:db8:0:1::7", "2001:db8:0:1::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_network_of_one_customer_counts_as_one_address(address: str, expected: str) -> None:
    assert site(address) == expected


@pytest.mark.parametrize("proxy", ["nginx", "10.0.0.0/33", "10.0.0"])
def test_what_is_no_network_is_refused(proxy: str) -> None:
    with pytest.raises(ValueError, match=proxy):
        networks((proxy,))
