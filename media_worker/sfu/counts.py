"""What a worker has counted since its start."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counts:
    nacks_received: int = 0  # packets that subscribers asked for again
    resent: int = 0
    plis_received: int = 0
    nacks_sent: int = 0
    plis_sent: int = 0
