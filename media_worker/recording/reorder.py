"""Packets in the order of their numbers; what is missing is waited for as long as it is being asked for."""

from typing import NamedTuple

WAIT_S = 1.2  # a publisher is asked for a packet eight times, a tenth of a second apart (sfu/nack.py)
_MOST_WAITING = 4000  # packets: seconds of video at any bitrate


class Received(NamedTuple):
    """What a file needs of a packet. `payload` is None where it is not to be recorded: its sender is muted."""

    sequence: int  # the track's, unwrapped
    timestamp: int  # 32 bits, of the codec's clock
    marker: bool
    payload: bytes | None
    at: float  # when it came, in seconds


class Reorder:
    """`lost` counts the packets that never came."""

    def __init__(self) -> None:
        self._waiting: dict[int, Received] = {}
        self._next: int | None = None
        self.lost = 0

    def add(self, packet: Received) -> list[tuple[Received, bool]]:
        """Those whose turn it is now, each with whether it follows the one before without a hole."""
        if self._next is None:
            self._next = packet.sequence
        if packet.sequence >= self._next:
            self._waiting[packet.sequence] = packet
        ready = self._run()
        if len(self._waiting) > _MOST_WAITING:
            ready += self._skip()
        return ready

    def due(self, now: float) -> list[tuple[Received, bool]]:
        """Those that have waited long enough for what is missing before them."""
        ready: list[tuple[Received, bool]] = []
        while self._waiting and now - min(packet.at for packet in self._waiting.values()) >= WAIT_S:
            ready += self._skip()
        return ready

    def rest(self) -> list[tuple[Received, bool]]:
        """All that is left: nothing more will come."""
        ready: list[tuple[Received, bool]] = []
        while self._waiting:
            ready += self._skip()
        return ready

    def _run(self) -> list[tuple[Received, bool]]:
        ready = []
        while self._next is not None and (packet := self._waiting.pop(self._next, None)) is not None:
            ready.append((packet, True))
            self._next += 1
        return ready

    def _skip(self) -> list[tuple[Received, bool]]:
        first = min(self._waiting)
        if self._next is not None:
            self.lost += first - self._next
        packet = self._waiting.pop(first)
        self._next = first + 1
        return [(packet, False), *self._run()]
