"""One track for one subscriber, whichever of its layers that is at the moment.

A subscriber goes over to another layer where that has a key frame; until then it goes on with the one that it has. What
it sees is one stream: sequence numbers, timestamps and VP8's picture numbers go on where they were. Timestamps of two
layers are brought together by the wall clock of their sender reports, or else by when they came.

What was lost before a change may still be asked for after it: the numbers of the layer before are kept, too.
"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from aiortc.rtp import RtcpSdesPacket, RtcpSenderInfo, RtcpSourceInfo, RtcpSrPacket

from media_worker.rtp import vp8
from media_worker.rtp.packet import Forwarded, padding
from media_worker.rtp.routing import Route, renumbered
from media_worker.rtp.sent_log import stamp
from media_worker.rtp.sequence import Numbering, unwrap
from media_worker.sfu.track import Track

_CNAME = 1  # RFC 3550 §6.5.1
_LEAST_STEP = 90  # of timestamps from one layer's last picture to the next one's first: 1 ms
_MOST_DOUBT_S = 1.0  # between what sender reports say and when packets came
_PADDING_BYTES = 255  # of one packet, the most that there can be


class _End(NamedTuple):
    """Where the subscriber's stream stood when a layer's last packet left, in the subscriber's numbers."""

    track: Track
    timestamp: int
    at: float
    picture: tuple[int, int] | None  # number, TL0PICIDX


@dataclass(eq=False)
class Subscription:
    """`track` is the layer that comes, or came last; `retransmission`: SSRC and payload type, where negotiated."""

    track: Track
    route: Route
    cname: str
    retransmission: tuple[int, int] | None = None
    accepts_retransmission: bool = False  # NACK was negotiated
    layers: list[Track] = field(default_factory=list)  # the smallest first; empty: the track is the only one
    flowing: bool = False
    paused: bool = False  # the subscriber wants none of it for now
    held: bool = False  # its path can't carry it
    max_height: int | None = None  # that the subscriber has a use for, in pixels
    resent: int = 0
    fraction_lost: float = 0.0  # 0..1, of the newest report
    jitter: int = 0  # in units of the clock
    round_trip_s: float | None = None
    _next_resent: int = 1
    _sender_report_middle: int = 0
    _awaited: Track | None = None  # the layer whose key frame it waits for
    _former: tuple[Track, Numbering] | None = None
    _end: _End | None = None
    _bump: int = 0  # of timestamps, beyond what the wall clock says

    def __post_init__(self) -> None:
        self.layers = self.layers or [self.track]

    # Whether it comes, and which layer ------------------------------------------------------------------------------

    def start(self) -> None:
        if self.flowing or self.paused or self.held:
            return
        if len(self.layers) > 1:
            self.aim(self._awaited or self.track)
            return
        self.flowing = True
        self._ways(self.track).append(self.route)
        if self.track.kind == "video":
            self.track.key_frames.request()

    def stop(self) -> None:
        self._wait_for(None)
        if self.flowing:
            self.flowing = False
            self._end = self._ending()
            self._ways(self.track).remove(self.route)
            self.route.numbering.end_run()

    def pause(self, paused: bool) -> None:
        self.paused = paused
        if paused:
            self.stop()

    def hold(self, held: bool) -> None:
        """Stop for lack of bandwidth, or begin again."""
        self.held = held
        if held:
            self.stop()
        else:
            self.start()

    def aim(self, layer: Track) -> None:
        """Go over to `layer` with its next key frame. Asking again asks for the key frame again."""
        if self.flowing and layer is self.track:
            self._wait_for(None)
        elif not self.paused and not self.held:
            self._wait_for(layer)
            layer.key_frames.request()

    def _ways(self, track: Track) -> list[Route]:
        return track.routes

    def _wait_for(self, layer: Track | None) -> None:
        if self._awaited is not layer:
            if self._awaited is not None:
                self._awaited.waiting.remove(self)
            if layer is not None:
                layer.waiting.append(self)
            self._awaited = layer

    def key_frame_came(self, track: Track, packet: Forwarded, now: float) -> None:
        """Begin with `packet`, the first of a key frame. What of the layer before is on its way out is left out."""
        self._wait_for(None)
        numbering = self.route.numbering
        if self.flowing:
            self._end = self._ending()
            self._ways(self.track).remove(self.route)
            self._former = (self.track, replace(numbering))
        if self._end is not None:
            self._go_on(self._end, track, packet, now)
        numbering.begin_run(packet.sequence)
        self.track, self.flowing = track, True
        self._ways(track).append(self.route)

    def _ending(self) -> _End | None:
        newest, last, numbering = self.track.newest, self.track.last, self.route.numbering
        if newest is None or last is None or not numbering.running or newest.sequence < numbering.run_start:
            return self._end
        picture = newest.picture
        numbers = (picture.number + numbering.picture_offset, picture.tl0 + numbering.tl0_offset) if picture else None
        return _End(self.track, last[0] + numbering.timestamp_offset, last[1], numbers)

    def _go_on(self, end: _End, track: Track, packet: Forwarded, now: float) -> None:
        numbering = self.route.numbering
        rate = track.clock_rate
        by_arrival = end.timestamp + int(max(now - end.at, 0.0) * rate)
        wanted, bump = by_arrival, 0
        shift = _shift(end.track, track)
        if shift is not None:
            by_clock = unwrap(packet.timestamp + numbering.timestamp_offset - self._bump + shift, by_arrival, 32)
            if abs(by_clock - by_arrival) < _MOST_DOUBT_S * rate:
                wanted = by_clock
                bump = max(end.timestamp + _LEAST_STEP - wanted, 0)
        self._bump = bump
        wanted = max(wanted, end.timestamp + _LEAST_STEP)
        numbering.timestamp_offset = (wanted - packet.timestamp) & 0xFFFFFFFF
        if packet.picture is not None and end.picture is not None:
            numbering.picture_offset = end.picture[0] + 1 - packet.picture.number
            numbering.tl0_offset = end.picture[1] + 1 - packet.picture.tl0

    # What else it is sent -------------------------------------------------------------------------------------------

    def resend(self, number: int, now: float) -> bytes | None:
        """The packet that left as `number`, to be sent again; None when there is no such packet any more."""
        found = self._left_as(number) if self.flowing else None
        if found is None:
            return None
        packet, numbering = found
        if self.retransmission is None:
            if self.route.sent is not None:
                return None  # it had a transport-wide number, and would not be the same again
            self.resent += 1
            # Byte for byte what was sent before, so that it may carry the same number.
            return renumbered(packet, numbering, number, self.route.ssrc)
        self.resent += 1
        ssrc, payload_type = self.retransmission
        timestamp = packet.timestamp + numbering.timestamp_offset
        again = bytearray(packet.resent(payload_type, self._next_resent, number, timestamp, ssrc))
        self._next_resent += 1
        if packet.picture is not None:
            # The original number has moved the payload by two bytes.
            vp8.write(again, 2, packet.picture, numbering.picture_offset, numbering.tl0_offset)
        if self.route.sent is not None:
            stamp(again, 0, packet, self.route.sent, now)
        return bytes(again)

    def _left_as(self, number: int) -> tuple[Forwarded, Numbering] | None:
        track, numbering = self.track, self.route.numbering
        sequence = numbering.incoming(number)
        if sequence is None and self._former is not None:
            out = unwrap(number, numbering.next_sequence)
            track, numbering = self._former
            if out < numbering.next_sequence and out - numbering.sequence_offset >= numbering.run_start:
                sequence = out - numbering.sequence_offset
        packet = track.cache.get(sequence) if sequence is not None else None
        return None if packet is None else (packet, numbering)

    @property
    def can_pad(self) -> bool:
        return self.retransmission is not None and self.route.sent is not None

    def pad(self, now: float) -> bytes | None:
        """A packet that only fills the path; None where there is no stream for it, or nobody tells when it came."""
        if self.retransmission is None or self.route.sent is None:
            return None
        ssrc, payload_type = self.retransmission
        packet = padding(payload_type, self._next_resent, 0, ssrc, _PADDING_BYTES)
        self._next_resent += 1
        out = bytearray(packet.numbered(payload_type, packet.sequence, 0, ssrc))
        stamp(out, 0, packet, self.route.sent, now)
        return bytes(out)

    def sender_report(self, now: float) -> bytes | None:
        """Where the track's timestamps stand; None as long as its publisher has not said so."""
        source = self.track.current
        if source is None or source.timeline is None or not self.route.packets:
            return None
        ntp, timestamp = source.timeline.read(now, source.clock_rate)
        self._sender_report_middle = ntp >> 16 & 0xFFFFFFFF
        timestamp = (timestamp + self.route.numbering.timestamp_offset) & 0xFFFFFFFF
        counts = (self.route.packets & 0xFFFFFFFF, self.route.octets & 0xFFFFFFFF)
        report = RtcpSrPacket(self.route.ssrc, RtcpSenderInfo(ntp, timestamp, *counts))
        description = RtcpSourceInfo(self.route.ssrc, [(_CNAME, self.cname.encode())])
        return bytes(report) + bytes(RtcpSdesPacket([description]))


def _shift(before: Track, after: Track) -> int | None:
    """What to add to `after`'s timestamps to have `before`'s of the same instant; None where neither has said it."""
    one = before.current.timeline if before.current else None
    other = after.current.timeline if after.current else None
    if one is None or other is None:
        return None
    elapsed = unwrap(other.ntp, one.ntp, 64) - one.ntp
    return one.timestamp + (elapsed * after.clock_rate >> 32) - other.timestamp
