"""Where a request came from, as far as that is known for sure."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from django.conf import settings

Network = IPv4Network | IPv6Network

UNIX = "unix"
"""Among the trusted proxies, whoever connects through a Unix socket and so has no address."""

SITE_BITS = 64
"""What one customer of an IPv6 provider has at least: all of it counts as one address."""


def address_of(environ: Mapping[str, Any]) -> str:
    """The client's address, from the WSGI environment (`request.META`) of its request."""
    remote, forwarded_for = environ.get("REMOTE_ADDR"), environ.get("HTTP_X_FORWARDED_FOR")
    return client_address(remote or "", forwarded_for, settings.TRUSTED_PROXIES)


def client_address(remote: str, forwarded_for: str | None, proxies: Sequence[str]) -> str:
    """The address of whoever is behind the proxies that we trust.

    `remote` is the other end of the connection, empty on a Unix socket; each proxy has added
    the one before it at the right of `X-Forwarded-For`. Only what a trusted proxy added counts,
    the rest anyone can have made up. `proxies` are addresses, networks or `unix`.
    """
    found = bare(remote)
    hops = (forwarded_for or "").split(",")
    while is_trusted(found, tuple(proxies)) and hops:
        hop = bare(hops.pop())
        if not hop:
            break
        found = hop
    return found


def site(address: str) -> str:
    """What is counted as one: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, SITE_BITS), strict=False))
    return str(parsed)


def bare(hop: str) -> str:
    """The address alone, without a port, brackets or zone; empty if it is none."""
    text = hop.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def is_trusted(address: str, proxies: tuple[str, ...]) -> bool:
    if not address:
        return UNIX in proxies
    parsed = ip_address(address)
    return any(parsed in network for network in networks(proxies))


@lru_cache
def networks(proxies: tuple[str, ...]) -> tuple[Network, ...]:
    """Raises ValueError for what is neither an address nor a network."""
    return tuple(ip_network(proxy, strict=False) for proxy in without_unix(proxies))


def without_unix(proxies: Iterable[str]) -> Iterable[str]:
    return (proxy for proxy in proxies if proxy != UNIX)
