"""Which packets of a source are missing, and when to ask for them (RFC 4585 §6.2.1)."""

_AGAIN_AFTER_S = 0.1  # a round trip, as far as one can tell without knowing it
_MAX_ASKED = 8  # times; after that a receiver has long given up on the frame
_MAX_MISSING = 256  # more is no loss but an outage: a key frame mends it
_MAX_AGE = 500  # packets behind the newest


class MissingPackets:
    """Numbers are unwrapped, times in seconds."""

    def __init__(self) -> None:
        self._missing: dict[int, tuple[float, int]] = {}  # when to ask, how often it was asked for
        self._newest: int | None = None

    def arrived(self, sequence: int, now: float) -> bool:
        """Take note of a packet; True when so much is missing that only a key frame helps."""
        if self._newest is None or sequence == self._newest + 1:
            self._newest = sequence
            return False
        if sequence <= self._newest:
            self._missing.pop(sequence, None)
            return False
        hole = sequence - self._newest - 1
        newest, self._newest = self._newest, sequence
        if hole + len(self._missing) > _MAX_MISSING:
            self._missing.clear()
            return True
        for missing in range(newest + 1, sequence):
            self._missing[missing] = (now, 0)
        return False

    def due(self, now: float) -> list[int]:
        """What to ask for now, in order."""
        if not self._missing or self._newest is None:
            return []
        asked = []
        for sequence, (at, times) in list(self._missing.items()):
            if times >= _MAX_ASKED or sequence < self._newest - _MAX_AGE:
                del self._missing[sequence]
            elif at <= now:
                asked.append(sequence)
                self._missing[sequence] = (now + _AGAIN_AFTER_S, times + 1)
        return sorted(asked)

    def __len__(self) -> int:
        return len(self._missing)
