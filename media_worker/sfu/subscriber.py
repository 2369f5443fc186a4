"""What one participant gets: its own numbers on every track, lost packets again, and reports of its own."""

from collections.abc import Callable
from dataclasses import dataclass

from aiortc.rtp import (
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)

from media_worker.rtp.routing import Route
from media_worker.sfu.publisher import parse_rtcp
from media_worker.sfu.reports import round_trip_s
from media_worker.sfu.track import Track

_REPORT_EVERY_S = 1.0
_MAX_RESENT_PER_S = 1000  # packets to one subscriber; more would make a bad path worse
_CNAME = 1  # RFC 3550 §6.5.1


@dataclass(eq=False)
class Subscription:
    """One track for one subscriber. `retransmission` is SSRC and payload type, where RTX was negotiated."""

    track: Track
    route: Route
    cname: str
    retransmission: tuple[int, int] | None = None
    accepts_retransmission: bool = False  # NACK was negotiated
    flowing: bool = False
    paused: bool = False  # the subscriber wants none of it for now
    resent: int = 0
    fraction_lost: float = 0.0  # 0..1, of the newest report
    jitter: int = 0  # in units of the clock
    round_trip_s: float | None = None
    _next_resent: int = 1
    _sender_report_middle: int = 0

    def start(self) -> None:
        if self.flowing or self.paused:
            return
        self.flowing = True
        self.track.routes.append(self.route)
        if self.track.kind == "video":
            self.track.key_frames.request()

    def stop(self) -> None:
        if self.flowing:
            self.flowing = False
            self.track.routes.remove(self.route)
            self.route.numbering.end_run()

    def pause(self, paused: bool) -> None:
        self.paused = paused
        if paused:
            self.stop()

    def resend(self, number: int) -> bytes | None:
        """The packet that left as `number`, to be sent again; None when there is no such packet any more."""
        numbering = self.route.numbering
        sequence = numbering.incoming(number)
        packet = None if sequence is None else self.track.cache.get(sequence)
        if packet is None or not self.flowing:
            return None
        self.resent += 1
        timestamp = packet.timestamp + numbering.timestamp_offset
        if self.retransmission is None:
            # Byte for byte what was sent before, so that it may carry the same number.
            return packet.numbered(packet.payload_type, number, timestamp, self.route.ssrc)
        ssrc, payload_type = self.retransmission
        again = packet.resent(payload_type, self._next_resent, number, timestamp, ssrc)
        self._next_resent += 1
        return again

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


class Subscriber:
    """`send_rtp` and `send_rtcp` take plain packets for the participant."""

    def __init__(self, send_rtp: Callable[[bytes], None], send_rtcp: Callable[[bytes], None]) -> None:
        self._send_rtp = send_rtp
        self._send_rtcp = send_rtcp
        self._by_ssrc: dict[int, Subscription] = {}
        self._last_report_at = 0.0
        self._resent_since = (0.0, 0)  # the second that is counted in, and how many

    @property
    def subscriptions(self) -> list[Subscription]:
        return list(self._by_ssrc.values())

    def add(self, subscription: Subscription) -> None:
        self._by_ssrc[subscription.route.ssrc] = subscription

    def remove(self, subscription: Subscription) -> None:
        subscription.stop()
        self._by_ssrc.pop(subscription.route.ssrc, None)

    def close(self) -> None:
        for subscription in self.subscriptions:
            self.remove(subscription)

    def on_rtcp(self, data: bytes, now: float) -> None:
        for packet in parse_rtcp(data):
            if isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
                self._on_nack(packet, now)
            elif isinstance(packet, RtcpPsfbPacket):
                self._on_key_frame_request(packet)
            elif isinstance(packet, RtcpRrPacket | RtcpSrPacket):
                for info in packet.reports:
                    self._on_report(info, now)

    def _on_nack(self, packet: RtcpRtpfbPacket, now: float) -> None:
        subscription = self._by_ssrc.get(packet.media_ssrc)
        if subscription is None or not subscription.accepts_retransmission:
            return
        for number in packet.lost:
            second, count = self._resent_since
            if now - second >= 1:
                second, count = now, 0
            if count >= _MAX_RESENT_PER_S:
                return
            if again := subscription.resend(number & 0xFFFF):
                self._resent_since = (second, count + 1)
                self._send_rtp(again)

    def _on_key_frame_request(self, packet: RtcpPsfbPacket) -> None:
        ssrc = packet.media_ssrc
        if packet.fmt == RTCP_PSFB_FIR:  # RFC 5104 §4.3.1.1: the SSRC stands in the entry
            ssrc = int.from_bytes(packet.fci[:4], "big") if len(packet.fci) >= 8 else ssrc
        elif packet.fmt != RTCP_PSFB_PLI:
            return
        subscription = self._by_ssrc.get(ssrc)
        if subscription is not None and subscription.flowing:
            subscription.track.key_frames.request()

    def _on_report(self, info: RtcpReceiverInfo, now: float) -> None:
        subscription = self._by_ssrc.get(info.ssrc)
        if subscription is None:
            return
        subscription.fraction_lost = info.fraction_lost / 256
        subscription.jitter = info.jitter
        source = subscription.track.current
        if source is not None and source.timeline is not None:
            ntp, _ = source.timeline.read(now, source.clock_rate)
            subscription.round_trip_s = round_trip_s(ntp >> 16 & 0xFFFFFFFF, info)

    def tick(self, now: float) -> None:
        """Say what is due. To be called every 50 ms or so."""
        if now - self._last_report_at < _REPORT_EVERY_S:
            return
        self._last_report_at = now
        for subscription in self._by_ssrc.values():
            if report := subscription.sender_report(now):
                self._send_rtcp(report)
