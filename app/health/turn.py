"""Whether the TURN servers that clients are told of take the credentials that they are given.

A relay is asked for and given back, as a client would (RFC 8656 §7): an open port alone says nothing of the secret, and
it is the secret, or a clock, that is wrong most often.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qs

from app.core.ids import new_id
from app.core.runtime import Work
from app.signaling.ice_servers import IceServer, build_ice_servers

ANSWER_S = 4.0
LIFETIME_S = 60  # so that one whose end gets lost is gone soon
PORTS = {"turn": 3478, "turns": 5349}  # RFC 7065 §3.1


class TurnUnusable(Exception):
    """Says which server, and what it said; never the credential."""


class _Server(NamedTuple):
    url: str
    host: str
    port: int
    transport: str  # udp, tcp
    encrypted: bool


def servers_of(work: Work) -> list[IceServer]:
    """With a credential for nobody's participant; empty: there are none."""
    settings = work.settings
    secret = settings.turn_secret.get_secret_value() if settings.turn_secret else ""
    return build_ice_servers(
        stun_urls=(),
        turn_urls=settings.turn_urls,
        turn_secret=secret,
        ttl_s=LIFETIME_S,
        participant_id=f"health-{new_id()}",
        now=work.now(),
    ).servers


def check(servers: Sequence[IceServer]) -> None:
    """:raises TurnUnusable: one of them gives no relay."""
    logging.getLogger("aioice").setLevel(logging.WARNING)
    told = asyncio.run(_ask_all(servers))
    if told:
        raise TurnUnusable("; ".join(told))


async def _ask_all(servers: Sequence[IceServer]) -> list[str]:
    asked = [
        _ask(_read(url), server.get("username", ""), server.get("credential", ""))
        for server in servers
        for url in server["urls"]
    ]
    return [trouble for trouble in await asyncio.gather(*asked) if trouble]


async def _ask(server: _Server, username: str, credential: str) -> str:
    from aioice.stun import TransactionError
    from aioice.turn import create_turn_endpoint

    try:
        async with asyncio.timeout(ANSWER_S):
            relay, ended = await create_turn_endpoint(
                _Ended,
                (server.host, server.port),
                username=username,
                password=credential,
                lifetime=LIFETIME_S,
                ssl=server.encrypted or None,
                transport=server.transport,
            )
            relay.close()
            await ended.whole
    except TimeoutError:
        return f"{server.url} does not answer."
    except TransactionError as error:
        return f"{server.url} gives no relay ({error})."
    except OSError as error:  # and what TLS raises
        return f"{server.url} is not reached ({error})."
    return ""


class _Ended(asyncio.DatagramProtocol):
    """What comes through the relay; nothing does."""

    def __init__(self) -> None:
        self.whole: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.whole.done():
            self.whole.set_result(None)


def _read(url: str) -> _Server:
    """RFC 7065 §3.1: `turn:host:port?transport=…`; an IPv6 host stands in brackets."""
    scheme, _, rest = url.partition(":")
    place, _, query = rest.partition("?")
    host, colon, port = place.rpartition(":")
    if not colon or not port.isdigit():
        host, port = place, str(PORTS.get(scheme, PORTS["turn"]))
    encrypted = scheme == "turns"
    transport = parse_qs(query).get("transport", ["tcp" if encrypted else "udp"])[0]
    return _Server(url, host.strip("[]"), int(port), transport, encrypted)
