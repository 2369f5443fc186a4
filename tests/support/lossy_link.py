"""An engine of the media worker that loses what it is told to, as a bad network does."""

import socket
from collections.abc import Callable

from media_worker.transport.engine.base import Peer, kind_of
from media_worker.transport.engine.portable import PortableEngine
from media_worker.transport.ice_lite import Address


class LossyEngine(PortableEngine):
    """`loses(incoming)` is asked for each RTP datagram, and for no other."""

    def __init__(self, sock: socket.socket, loses: Callable[[bool], bool]) -> None:
        super().__init__(sock)
        self._loses = loses
        self.lost_in = 0
        self.lost_out = 0

    def _take(self, peer: Peer, datagram: bytes, now: float) -> None:
        if self._loses(True):
            self.lost_in += 1
        else:
            super()._take(peer, datagram, now)

    def send(self, data: bytes, target: Address) -> None:
        if kind_of(data) is None and self._loses(False):
            self.lost_out += 1
        else:
            super().send(data, target)
