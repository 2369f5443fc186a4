"""`python -m tests.support.bad_network_worker`: a media worker whose socket loses datagrams of every kind, both ways.
The file that BAD_NETWORK names says which share of them, from 0 to 1.
"""

import os
import random
import socket
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from media_worker import __main__ as worker
from media_worker.transport.udp_mux import open_socket

_LOOK_EVERY_S = 0.05


class BadSocket(socket.socket):
    """`open_socket`'s, on a bad network."""

    def __init__(self, host: str, port: int) -> None:
        good = open_socket(host, port)
        super().__init__(good.family, good.type, good.proto, fileno=good.detach())
        self._told, self._chance = Path(os.environ["BAD_NETWORK"]), random.Random("bad network")
        self._share, self._looked_at = 0.0, 0.0

    def recvfrom(self, *args: Any) -> Any:
        while True:
            received = super().recvfrom(*args)
            if not self._loses():
                return received

    def sendto(self, data: Any, *args: Any) -> int:
        return len(data) if self._loses() else super().sendto(data, *args)

    def _loses(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at > _LOOK_EVERY_S:
            self._looked_at, self._share = now, float(self._told.read_text() or 0)
        return self._chance.random() < self._share


if __name__ == "__main__":
    with patch.object(worker, "open_socket", BadSocket):
        sys.exit(worker.main())
