"""The newest packets of a track, to send again what got lost."""

from media_worker.rtp.packet import Forwarded

VIDEO_PACKETS = 512  # 1.5 s at 2.5 Mb/s: longer than a receiver waits
AUDIO_PACKETS = 64


class PacketCache:
    """A ring by sequence number. It also tells what came before, which is what keeps numbers from being used twice."""

    def __init__(self, size: int) -> None:
        """`size` is a power of two."""
        self._ring: list[Forwarded | None] = [None] * size
        self._mask = size - 1
        self._newest: int | None = None

    def add(self, packet: Forwarded) -> bool:
        """Keep the packet; False, and nothing is kept, when it came before or is too old to tell."""
        sequence = packet.sequence
        if self._newest is not None and sequence <= self._newest - len(self._ring):
            return False
        slot = sequence & self._mask
        there = self._ring[slot]
        if there is not None and there.sequence >= sequence:
            return False
        self._ring[slot] = packet
        if self._newest is None or sequence > self._newest:
            self._newest = sequence
        return True

    def get(self, sequence: int) -> Forwarded | None:
        packet = self._ring[sequence & self._mask]
        return packet if packet is not None and packet.sequence == sequence else None

    def clear(self) -> None:
        """Forget the packets, but not which numbers were used."""
        self._ring = [None] * len(self._ring)
