"""What one participant gets: its own numbers on every track, lost packets again, and reports of its own."""

import struct
from collections.abc import Callable, Sequence

from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    unpack_remb_fci,
)

from media_worker.rtp import transport_cc
from media_worker.sfu.bandwidth import BandwidthEstimate
from media_worker.sfu.counts import Counts
from media_worker.sfu.probing import Probing
from media_worker.sfu.publisher import parse_rtcp
from media_worker.sfu.reports import round_trip_s
from media_worker.sfu.sharing import Sharing
from media_worker.sfu.subscription import Subscription

_REPORT_EVERY_S = 1.0
_MAX_RESENT_PER_S = 1000  # packets to one subscriber; more would make a bad path worse


class Subscriber:
    """`send_rtp` and `send_rtcp` take plain packets for the participant."""

    def __init__(
        self,
        send_rtp: Callable[[bytes], None],
        send_rtcp: Callable[[bytes], None],
        counts: Counts | None = None,
    ) -> None:
        self._counts = counts or Counts()
        self._send_rtp = send_rtp
        self._send_rtcp = send_rtcp
        self._by_ssrc: dict[int, Subscription] = {}
        self.estimate = BandwidthEstimate()
        self.probing = Probing(self.estimate)
        self.sharing = Sharing(self.estimate)
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
        arrivals, rest = transport_cc.feedback_in(data)
        for feedback in arrivals:
            try:
                self.probing.on_arrivals(self.estimate.on_feedback(feedback, now), now)
            except ValueError:  # nothing that can be read
                continue
        for packet in parse_rtcp(rest):
            if isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
                self._on_nack(packet, now)
            elif isinstance(packet, RtcpPsfbPacket):
                self._on_payload_feedback(packet, now)
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
            self._counts.nacks_received += 1
            if again := subscription.resend(number & 0xFFFF, now):
                self._resent_since = (second, count + 1)
                self._send_rtp(again)
                self._counts.resent += 1

    def _on_payload_feedback(self, packet: RtcpPsfbPacket, now: float) -> None:
        ssrc = packet.media_ssrc
        if packet.fmt == RTCP_PSFB_APP:
            try:
                self.estimate.on_remb(unpack_remb_fci(packet.fci)[0], now)
            except (ValueError, struct.error):  # something else that an application says
                return
            return
        if packet.fmt == RTCP_PSFB_FIR:  # RFC 5104 §4.3.1.1: the SSRC stands in the entry
            ssrc = int.from_bytes(packet.fci[:4], "big") if len(packet.fci) >= 8 else ssrc
        elif packet.fmt != RTCP_PSFB_PLI:
            return
        subscription = self._by_ssrc.get(ssrc)
        if subscription is not None and subscription.flowing:
            self._counts.plis_received += 1
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

    def share(self, now: float, loudest: Sequence[str]) -> None:
        """Choose anew what the path is used for. To be called twice a second or so; `loudest` are participants' ids."""
        self.sharing.share(self.subscriptions, now, loudest)

    def tick(self, now: float) -> None:
        """Say what is due, and probe the path. To be called every 20 ms or so."""
        if due := self.probing.tick(now, self.sharing.lacks):
            self._pad(due, now)
        if now - self._last_report_at < _REPORT_EVERY_S:
            return
        self._last_report_at = now
        for subscription in self._by_ssrc.values():
            if report := subscription.sender_report(now):
                self._send_rtcp(report)

    def _pad(self, size: int, now: float) -> None:
        subscription = next((one for one in self._by_ssrc.values() if one.can_pad), None)
        while size > 0 and subscription is not None and (packet := subscription.pad(now)):
            self._send_rtp(packet)
            size -= len(packet)
