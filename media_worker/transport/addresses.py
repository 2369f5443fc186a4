"""Which addresses clients are told to reach the worker at."""

import ipaddress

from aioice.ice import get_host_addresses

_LOOPBACK = {4: "127.0.0.1", 6: "::1"}


def advertised(host: str, configured: tuple[str, ...]) -> list[str]:
    """The configured ones, or what a socket bound to `host` can be reached at from here.

    Loopback comes last among them: it serves clients on this machine, and is all there is without a network.
    """
    if configured:
        return list(configured)
    bound = ipaddress.ip_address(host)
    if not bound.is_unspecified:
        return [host]
    found = get_host_addresses(use_ipv4=bound.version == 4, use_ipv6=bound.version == 6)
    return [*found, _LOOPBACK[bound.version]]
