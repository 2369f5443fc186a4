"""Whose address a request comes from, as it counts for limits."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from flask import request

NOBODYS = "unknown"  # a server on a socket of the file system knows no addresses
SUBSCRIBERS_BITS = 64  # of an IPv6 address: one subscriber has at least a whole /64, and changes within it at will


def client_network() -> str:
    """The IPv4 address, or the /64 of the IPv6 address, of whoever sends the request in hand.

    Behind TRUSTED_PROXIES proxies it is what the outermost of them has seen: ProxyFix has put it in its place.
    """
    return network_of(request.remote_addr or "")


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return NOBODYS
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        host_bits = 128 - SUBSCRIBERS_BITS
        return f"{IPv6Address(int(parsed) >> host_bits << host_bits)}/{SUBSCRIBERS_BITS}"
    return str(parsed)
