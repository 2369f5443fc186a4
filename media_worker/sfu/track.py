"""What one participant publishes as one track, and the ways on which it leaves.

A track is one stream of numbered packets, whatever happens to its source: a publisher may change the SSRC that it sends
a track with. Then the new source's numbers go on where the old one's ended. A camera that comes in several sizes
(simulcast, RFC 8853) is a track for each: *layers*, which share an id and differ in their RID.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from media_worker.rtp import codecs, vp8
from media_worker.rtp.extensions import Extensions
from media_worker.rtp.packet import Forwarded, Packet, for_forwarding
from media_worker.rtp.routing import Delivery, Route
from media_worker.rtp.sequence import unwrap
from media_worker.sfu.keyframes import KeyFrameRequests
from media_worker.sfu.nack import MissingPackets
from media_worker.sfu.packet_cache import AUDIO_PACKETS, VIDEO_PACKETS, PacketCache
from media_worker.sfu.reports import ReceptionStatistics, Timeline

_SILENT_S = 1.0  # without a packet a layer counts as not sent; cameras have 5 pictures a second at the least
_RATE_EVERY_S = 1.0
_PACKET_OVERHEAD = 64  # bytes: the header, its extensions, SRTP's tag, UDP, IP


_USUAL_HEIGHT = 720  # of the largest layer, where it can't be read


class Waiting(Protocol):
    """Somebody who begins with a track's next key frame."""

    def key_frame_came(self, track: "Track", packet: Forwarded, now: float) -> None: ...


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
    rid: str = ""  # of a layer
    place: tuple[int, int] = (0, 1)  # which layer it is, the smallest being 0, and of how many
    height: int = 0  # of the picture, in pixels, as far as it can be read; else a guess by its place
    bitrate: float = 0.0  # of what came during the last second, with its headers
    waiting: list[Waiting] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    taps: list["Tap"] = field(default_factory=list)  # who is shown every packet, muted or not
    key_frames: KeyFrameRequests = field(default_factory=KeyFrameRequests)
    current: "Source | None" = None
    _next_sequence: int = 0
    last: tuple[int, float] | None = None  # the newest timestamp, when it came
    newest: Forwarded | None = None
    packets: int = 0
    octets: int = 0
    _measured: tuple[float, int, int] | None = None  # when, and how many packets and octets there were

    def __post_init__(self) -> None:
        layer, layers = self.place
        self.height = self.height or _USUAL_HEIGHT >> (layers - 1 - layer)
        self.cache = PacketCache(VIDEO_PACKETS if self.kind == "video" else AUDIO_PACKETS)

    @property
    def clock_rate(self) -> int:
        return next(iter(self.formats.values())).clock_rate

    def begin(self, ssrc: int, packet: Packet, now: float) -> "Source":
        """Go on with another source, of which `packet` is the first."""
        source = Source(self, ssrc, self.formats[packet.payload_type].clock_rate)
        source.sequence_shift = self._next_sequence - packet.sequence
        if self.last is not None:
            timestamp, at = self.last
            elapsed = int(max(now - at, 0.001) * source.clock_rate)
            source.timestamp_shift = (timestamp + elapsed - packet.timestamp) & 0xFFFFFFFF
        source.first_sequence = self._next_sequence
        self.current = source
        return source

    def note(self, packet: Forwarded, now: float) -> None:
        if packet.sequence >= self._next_sequence:
            self._next_sequence = packet.sequence + 1
            self.last = (packet.timestamp, now)
            self.newest = packet

    def comes(self, now: float) -> bool:
        """Whether its publisher sends it at present: of several layers it leaves out what its path can't carry."""
        return self.last is not None and now - self.last[1] < _SILENT_S

    def measure(self, now: float) -> None:
        """Find the bitrate anew, if it is time. To be called every second or oftener."""
        if self._measured is None:
            self._measured = (now, self.packets, self.octets)
            return
        at, packets, octets = self._measured
        if now - at >= _RATE_EVERY_S:
            size = self.octets - octets + _PACKET_OVERHEAD * (self.packets - packets)
            self.bitrate = size * 8 / (now - at)
            self._measured = (now, self.packets, self.octets)


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
        extensions: Extensions,
        *,
        repaired: bool = False,
    ) -> Delivery | None:
        """To whom the packet goes; None where it came before, is too old, or nobody is to get it."""
        track, payload, newest = self.track, packet.payload, self.newest
        sequence = packet.sequence if newest is None else unwrap(packet.sequence, newest)
        if newest is None or sequence > newest:
            self.newest = sequence
        if not repaired:
            self.reception.arrived(sequence, packet.timestamp, len(payload), now)
        if track.asks_again and self.missing.arrived(sequence, now):
            track.key_frames.request()
        numbered = sequence + self.sequence_shift
        if track.current is not self or numbered < self.first_sequence:
            return None
        format_ = track.formats[packet.payload_type]
        timestamp = (packet.timestamp + self.timestamp_shift) & 0xFFFFFFFF
        picture = vp8.read(payload) if track.rid and format_.codec.lower() == "vp8" else None
        forwarded = for_forwarding(packet, numbered, timestamp, format_.outgoing, extensions, picture)
        if not track.cache.add(forwarded):
            return None
        track.note(forwarded, now)
        track.packets += 1
        track.octets += len(payload)
        if track.kind == "video" and codecs.is_key_frame(format_.codec, payload):
            track.key_frames.arrived()
            if format_.codec.lower() == "vp8":
                track.height = vp8.height(payload) or track.height
            for one in list(track.waiting):
                one.key_frame_came(track, forwarded, now)
        for tap in track.taps:
            tap(forwarded, format_, now)
        if track.muted:
            return None
        return Delivery(forwarded, track.routes)
