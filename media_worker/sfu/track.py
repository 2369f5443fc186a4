"""What one participant publishes as one track, and the ways on which it leaves.

A track is one stream of numbered packets, whatever happens to its source: a publisher may change the SSRC that it sends
a track with. Then the new source's numbers go on where the old one's ended.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from media_worker.rtp import codecs
from media_worker.rtp.packet import Forwarded, Packet, for_forwarding
from media_worker.rtp.routing import Delivery, Route
from media_worker.rtp.sequence import unwrap
from media_worker.sfu.keyframes import KeyFrameRequests
from media_worker.sfu.nack import MissingPackets
from media_worker.sfu.packet_cache import AUDIO_PACKETS, VIDEO_PACKETS, PacketCache
from media_worker.sfu.reports import ReceptionStatistics, Timeline


class Format(NamedTuple):
    """A payload type that a publisher sends a track with."""

    codec: str  # the SDP's name
    clock_rate: int
    outgoing: int  # the payload type that subscribers know


Tap = Callable[[Forwarded, Format, float], None]


@dataclass(eq=False)
class Track:
    """`formats` and `repairs` are by the publisher's payload types; `repairs` names what a retransmission repairs."""

    id: str
    participant_id: str
    kind: str  # audio | video
    source: str  # microphone | camera | screen
    mid: str
    formats: dict[int, Format]
    repairs: dict[int, int] = field(default_factory=dict)
    ssrcs: frozenset[int] = frozenset()  # as far as SDP names them
    asks_again: bool = False  # NACK was negotiated
    muted: bool = False  # by a host: nothing is forwarded
    routes: list[Route] = field(default_factory=list)
    taps: list["Tap"] = field(default_factory=list)  # who is shown every packet, muted or not
    key_frames: KeyFrameRequests = field(default_factory=KeyFrameRequests)
    current: "Source | None" = None
    _next_sequence: int = 0
    _last: tuple[int, float] | None = None  # the newest timestamp, when it came

    def __post_init__(self) -> None:
        self.cache = PacketCache(VIDEO_PACKETS if self.kind == "video" else AUDIO_PACKETS)

    @property
    def clock_rate(self) -> int:
        return next(iter(self.formats.values())).clock_rate

    def begin(self, ssrc: int, packet: Packet, now: float) -> "Source":
        """Go on with another source, of which `packet` is the first."""
        source = Source(self, ssrc, self.formats[packet.payload_type].clock_rate)
        source.sequence_shift = self._next_sequence - packet.sequence
        if self._last is not None:
            timestamp, at = self._last
            elapsed = int(max(now - at, 0.001) * source.clock_rate)
            source.timestamp_shift = (timestamp + elapsed - packet.timestamp) & 0xFFFFFFFF
        source.first_sequence = self._next_sequence
        self.current = source
        return source

    def note(self, packet: Forwarded, now: float) -> None:
        if packet.sequence >= self._next_sequence:
            self._next_sequence = packet.sequence + 1
            self._last = (packet.timestamp, now)


@dataclass(eq=False)
class Source:
    """One SSRC of a publisher's."""

    track: Track
    ssrc: int
    clock_rate: int
    sequence_shift: int = 0  # from the source's unwrapped numbers to the track's
    timestamp_shift: int = 0
    first_sequence: int = 0  # of the track's numbers
    newest: int | None = None  # of the source's own, unwrapped
    timeline: Timeline | None = None  # of the track's timestamps
    missing: MissingPackets = field(default_factory=MissingPackets)

    def __post_init__(self) -> None:
        self.reception = ReceptionStatistics(self.ssrc, self.clock_rate)

    def take(
        self,
        packet: Packet,
        now: float,
        extensions: tuple[int, bytes],
        *,
        repaired: bool = False,
    ) -> Delivery | None:
        """To whom the packet goes; None where it came before, is too old, or nobody is to get it."""
        track = self.track
        sequence = packet.sequence if self.newest is None else unwrap(packet.sequence, self.newest)
        if self.newest is None or sequence > self.newest:
            self.newest = sequence
        if not repaired:
            self.reception.arrived(sequence, packet.timestamp, len(packet.payload), now)
        if track.asks_again and self.missing.arrived(sequence, now):
            track.key_frames.request()
        numbered = sequence + self.sequence_shift
        if track.current is not self or numbered < self.first_sequence:
            return None
        format_ = track.formats[packet.payload_type]
        timestamp = (packet.timestamp + self.timestamp_shift) & 0xFFFFFFFF
        forwarded = for_forwarding(packet, numbered, timestamp, format_.outgoing, extensions)
        if not track.cache.add(forwarded):
            return None
        track.note(forwarded, now)
        if track.kind == "video" and codecs.is_key_frame(format_.codec, packet.payload):
            track.key_frames.arrived()
        for tap in track.taps:
            tap(forwarded, format_, now)
        if track.muted:
            return None
        return Delivery(forwarded, track.routes)
