"""What comes on one m-line of a player: one track after the other, in one stream.

A picture changes with the next track's key frame, and goes on with the one that it has until then. Sound changes at
once. Numbers and timestamps go on as a subscriber's do that goes from layer to layer.
"""

from dataclasses import dataclass, field

from media_worker.rtp.packet import Forwarded
from media_worker.sfu.subscription import Subscription
from media_worker.sfu.track import Track

_ASK_AGAIN_S = 1.0  # for the key frame that is waited for
_PATIENCE_S = 4.0  # where key frames can't be recognised none is found; then it begins anywhere


@dataclass(eq=False)
class Played(Subscription):
    """`types`: by track, the client's payload types by those of the track's packets; `repair_types` those of their
    retransmissions, by the client's payload types.
    """

    repair_ssrc: int = 0
    repair_types: dict[int, int] = field(default_factory=dict)
    _types: dict[int, int] = field(default_factory=dict)
    _aimed_at: float = 0.0
    _asked_at: float = 0.0

    def show(self, layers: list[Track], types: dict[int, int], now: float) -> None:
        """Go over to another track, the largest of `layers` that comes."""
        track = next((one for one in reversed(layers) if one.comes(now)), layers[-1])
        self.layers, self._types = [track], types
        self._aimed_at = self._asked_at = now
        if track.kind == "video":
            self.aim(track)
        elif track is not self.track or not self.flowing:
            self._change_sound(track, now)

    def tick(self, now: float) -> None:
        """Ask again for the key frame that is waited for. To be called every 20 ms or so."""
        awaited = self._awaited
        if awaited is None:
            return
        newest = awaited.newest
        if now - self._aimed_at > _PATIENCE_S and newest is not None and awaited.comes(now):
            self.key_frame_came(awaited, newest, now)
        elif now - self._asked_at > _ASK_AGAIN_S:
            self._asked_at = now
            self.aim(awaited)

    def key_frame_came(self, track: Track, packet: Forwarded, now: float) -> None:
        super().key_frame_came(track, packet, now)
        self._use_types()

    def _change_sound(self, track: Track, now: float) -> None:
        self.stop()
        self.track = track
        if self._end is not None and track.newest is not None and track.last is not None:
            # As if a packet came just now.
            elapsed = int((now - track.last[1]) * track.clock_rate)
            self._go_on(self._end, track, track.newest._replace(timestamp=track.last[0] + elapsed), now)
        self._use_types()
        self.start()

    def _use_types(self) -> None:
        self.route.numbering.payload_types = self._types
        repair = self.repair_types.get(next(iter(self._types.values())))
        self.retransmission = None if repair is None else (self.repair_ssrc, repair)

    def sender_report(self, now: float) -> bytes | None:
        return super().sender_report(now) if self.flowing else None
