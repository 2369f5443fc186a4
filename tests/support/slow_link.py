"""A UDP path that is as slow, and loses as much, as it is told: a relay between clients and a server."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

Address = tuple[str, int]
_LONGEST_QUEUE_S = 0.3  # of what waits; what comes beyond is lost, as in a router


@dataclass(eq=False)
class SlowLink(asyncio.DatagramProtocol):
    """`rate` in bits a second and `loss` (0..1) hold towards the clients. Each client has a socket to the server."""

    server: Address
    rate: float = 100_000_000
    loss: float = 0.0
    dropped: int = 0
    address: Address = ("", 0)
    _random: random.Random = field(default_factory=lambda: random.Random(1))
    _up: dict[Address, asyncio.DatagramTransport] = field(default_factory=dict)
    _opening: dict[Address, asyncio.Task[None]] = field(default_factory=dict)
    _free_at: float = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._down = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if up := self._up.get(addr):
            up.sendto(data)
        elif addr not in self._opening:
            self._opening[addr] = asyncio.get_running_loop().create_task(self._open(addr, data))

    async def _open(self, client: Address, first: bytes) -> None:
        loop = asyncio.get_running_loop()
        up, _ = await loop.create_datagram_endpoint(lambda: _Back(self, client), remote_addr=self.server)
        self._up[client] = up
        up.sendto(first)

    def to_client(self, data: bytes, client: Address) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        waits = max(self._free_at - now, 0.0)
        if waits > _LONGEST_QUEUE_S or self._random.random() < self.loss:
            self.dropped += 1
            return
        self._free_at = now + waits + (len(data) + 28) * 8 / self.rate
        if self._free_at - now < 0.001:
            self._down.sendto(data, client)
        else:
            loop.call_at(self._free_at, self._send, data, client)

    def _send(self, data: bytes, client: Address) -> None:
        if not self._down.is_closing():
            self._down.sendto(data, client)

    def close(self) -> None:
        for task in self._opening.values():
            task.cancel()
        for transport in (self._down, *self._up.values()):
            transport.close()


class _Back(asyncio.DatagramProtocol):
    def __init__(self, link: SlowLink, client: Address) -> None:
        self._link, self._client = link, client

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._link.to_client(data, self._client)


@asynccontextmanager
async def slow_link(server: Address) -> AsyncIterator[SlowLink]:
    link = SlowLink(server)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: link, local_addr=("127.0.0.1", 0))
    link.address = transport.get_extra_info("sockname")
    try:
        yield link
    finally:
        link.close()
