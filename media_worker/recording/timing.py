"""When a frame was sent, in the file's own time, from RTP timestamps that may stand still, jump or wrap.

A file's time begins with its first frame. Timestamps are believed as long as they keep pace with arrivals: they are
exact, and arrivals are not. But some senders' timestamps stand still while nothing is sent, and then everything after
a pause would come too early. Such a *lag* that stays is added; one that goes away again was a stall of the network,
whose packets come in a burst. So frames that come late are held until it is clear which of the two it is.
"""

from media_worker.recording.reorder import Received
from media_worker.rtp.sequence import unwrap

LAG_S = 0.3  # more is a pause or a stall
CAUGHT_UP_S = 0.15
HOLD_S = 0.8  # within which a stall's packets have come
_AHEAD_S = 0.5  # no packet comes before it was sent
_SETTLED_S = 10.0  # the least delayed packet of the first seconds tells when the file began

Frame = tuple[float, bytes, bool]  # when, in seconds of the file; data; whether it is a key frame


class Timing:
    """`origin` is when the file's zero would have arrived, by the clock of arrivals; None before the first frame."""

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._newest: int | None = None  # timestamp, unwrapped
        self._zero = 0
        self._shift = 0.0
        self._last = 0.0
        self._held: list[tuple[float, float, bytes, bool]] = []  # lag, pts, data, key
        self._held_since = 0.0
        self.origin: float | None = None

    def seconds(self, timestamp: int) -> float:
        """Of a timestamp, whenever it is; before the first frame it is zero."""
        if self._newest is None:
            return 0.0
        return (unwrap(timestamp, self._newest, bits=32) - self._zero) / self._clock_rate + self._shift

    def place(self, packet: Received, data: bytes, is_key: bool) -> list[Frame]:
        """What can be written now. `packet` is the frame's first."""
        placed = self.due(packet.at)
        if self._newest is None:
            self._newest = self._zero = packet.timestamp
        self._newest = unwrap(packet.timestamp, self._newest, bits=32)
        pts = (self._newest - self._zero) / self._clock_rate + self._shift
        if self.origin is None:
            self.origin = packet.at
        elif pts < _SETTLED_S and packet.at - pts < self.origin and packet.at - pts > self.origin - _AHEAD_S:
            self.origin = packet.at - pts
        lag = packet.at - self.origin - pts
        if lag < -_AHEAD_S:
            self._shift += lag
            pts, lag = pts + lag, 0.0
        if not self._held and lag <= LAG_S:
            return [*placed, self._frame(pts, data, is_key)]
        if not self._held:
            self._held_since = packet.at
        self._held.append((lag, pts, data, is_key))
        return [*placed, *(self._release() if lag <= CAUGHT_UP_S else [])]

    def due(self, now: float) -> list[Frame]:
        return self._release() if self._held and now - self._held_since >= HOLD_S else []

    def rest(self) -> list[Frame]:
        return self._release()

    def _release(self) -> list[Frame]:
        held, self._held = self._held, []
        if not held:
            return []
        least = min(lag for lag, *_ in held)
        added = least if least > CAUGHT_UP_S else 0.0
        self._shift += added
        return [self._frame(pts + added, data, is_key) for _, pts, data, is_key in held]

    def _frame(self, pts: float, data: bytes, is_key: bool) -> Frame:
        self._last = max(pts, self._last)
        return self._last, data, is_key
