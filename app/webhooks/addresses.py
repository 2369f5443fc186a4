"""Which addresses a webhook may lead to. People name them, and Parley calls: what only Parley's own network reaches
must not be reached through it (server-side request forgery).

URLs are judged when they are named, addresses when a connection is made to them: what a name leads to may have changed
since, or between two questions (DNS rebinding), so the very address that was judged is connected to.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from app.core.settings import Settings

LONGEST_URL = 2000  # characters

# Of IPv6 these are given out at all: https://www.iana.org/assignments/ipv6-address-space
_GIVEN_OUT = IPv6Network("2000::/3")
# What `ipaddress` takes for public, or did in earlier versions of Python.
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052 §2.1
_NEVER = (
    ip_network("168.63.129.16/32"),  # Azure's, to which every machine there can speak as itself
    ip_network("192.0.0.0/24"),  # RFC 6890; Oracle's metadata among it
    ip_network("192.88.99.0/24"),  # relays of 6to4, RFC 7526
    ip_network("2001::/23"),  # protocols' own, RFC 2928
    ip_network("2001:db8::/32"),  # for documents, RFC 3849
    ip_network("3fff::/20"),  # likewise, RFC 9637
)


class UrlRefused(Exception):
    """Its message is for the person who named it."""


def check_url(settings: Settings, url: str) -> None:
    """:raises UrlRefused: no webhook may have this address, wherever its name leads."""
    import httpx  # as it is sent by: else two readers might understand it differently

    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError):
        raise UrlRefused("Not an address.") from None
    schemes = ("https", "http") if settings.webhook_http else ("https",)
    if parsed.scheme not in schemes or not parsed.host:
        raise UrlRefused(f"Must begin with {' or '.join(f'{scheme}://' for scheme in schemes)} and name a host.")
    if any(letter.isspace() for letter in url):
        raise UrlRefused("Must have no blanks.")
    if parsed.userinfo:
        raise UrlRefused("Must hold no user and no password: what is sent is signed instead.")
    if parsed.fragment:
        raise UrlRefused("Must have nothing behind a #.")
    if parsed.port is not None and not 1 <= parsed.port <= 65535:
        raise UrlRefused("Has no such port.")
    try:
        literal = ip_address(parsed.host)
    except ValueError:
        return  # a name: where it leads is seen when it is connected to
    if not may_reach(str(literal), settings.webhook_networks):
        raise UrlRefused("Leads to an address that is not public.")


def may_reach(address: str, allowed: Sequence[str]) -> bool:
    """Whether an address is public, or in one of the networks that are `allowed`."""
    try:
        inner = _within(ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    if any(inner in ip_network(network) for network in allowed):
        return True
    if any(inner in network for network in _NEVER) or (isinstance(inner, IPv6Address) and inner not in _GIVEN_OUT):
        return False
    return inner.is_global and not (inner.is_multicast or inner.is_reserved)


def _within(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address to which an IPv6 address leads."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    return inner or address
