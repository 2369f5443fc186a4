"""What one participant sends: which packet belongs to which track, and the feedback that its sender needs."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
from aiortc.rate import RemoteBitrateEstimator
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpByePacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    pack_remb_fci,
)

from media_worker.rtp import extensions
from media_worker.rtp import packet as rtp
from media_worker.rtp.extensions import Extensions
from media_worker.rtp.packet import Packet
from media_worker.rtp.routing import Delivery
from media_worker.rtp.transport_cc import ArrivalLog
from media_worker.sfu.counts import Counts
from media_worker.sfu.reports import Timeline
from media_worker.sfu.track import Source, Track

_MAX_SOURCES = 4  # SSRCs that one track is sent with, and as many that repair it; a browser has one of each
_REPORT_EVERY_S = 1.0

log = structlog.get_logger()
Kept = TypeVar("Kept")

OWN_SSRC = 1  # of what we say ourselves; we send no media of our own


def parse_rtcp(data: bytes) -> list[AnyRtcpPacket]:
    """What a decrypted RTCP datagram says; nothing where it is malformed."""
    try:
        return RtcpPacket.parse(data)
    except (ValueError, IndexError, struct.error):
        return []


@dataclass(frozen=True)
class HeaderIds:
    """What a publisher calls the header extensions, as it was negotiated."""

    passed_on: dict[int, int] = field(default_factory=dict)  # the publisher's id → the subscribers'
    mid: int | None = None
    rid: int | None = None
    repaired_rid: int | None = None
    audio_level: int | None = None
    transport_cc: int | None = None
    abs_send_time: int | None = None

    @classmethod
    def of(cls, negotiated: dict[str, int]) -> "HeaderIds":
        """`negotiated`: the publisher's id of each extension, by URI."""
        passed_on = {id_: extensions.PASSED_ON[uri] for uri, id_ in negotiated.items() if uri in extensions.PASSED_ON}
        return cls(
            passed_on,
            negotiated.get(extensions.MID),
            negotiated.get(extensions.RID),
            negotiated.get(extensions.REPAIRED_RID),
            negotiated.get(extensions.AUDIO_LEVEL),
            negotiated.get(extensions.TRANSPORT_CC),
            negotiated.get(extensions.ABS_SEND_TIME),
        )


class Publisher:
    """`send_rtcp` takes a plain RTCP packet for the participant; `heard` is told a track and its level in -dBov."""

    def __init__(
        self,
        send_rtcp: Callable[[bytes], None],
        heard: Callable[[Track, int, float], None],
        counts: Counts | None = None,
    ) -> None:
        self._counts = counts or Counts()
        self._send_rtcp = send_rtcp
        self._heard = heard
        self.tracks: list[Track] = []
        self._ids = HeaderIds()
        self._sources: dict[int, Source] = {}  # by SSRC
        self._repairing: dict[int, Track] = {}  # SSRCs of retransmissions
        self._arrivals: ArrivalLog | None = None
        self._estimator: RemoteBitrateEstimator | None = None
        self._estimate: tuple[int, list[int]] | None = None
        self._last_report_at = 0.0
        self.malformed = 0

    @property
    def sources(self) -> list[Source]:
        return list(self._sources.values())

    def negotiated(self, tracks: list[Track], ids: HeaderIds, *, congestion: str) -> None:
        """Go on with `tracks`. `congestion`: what the publisher finds its rate by: transport-cc, goog-remb or ""."""
        gone = [track for track in self.tracks if track not in tracks]
        self._sources = {ssrc: source for ssrc, source in self._sources.items() if source.track not in gone}
        self._repairing = {ssrc: track for ssrc, track in self._repairing.items() if track not in gone}
        self.tracks, self._ids = tracks, ids
        if congestion != "transport-cc" or ids.transport_cc is None:
            self._arrivals = None
        elif self._arrivals is None:
            self._arrivals = ArrivalLog()
        if congestion != "goog-remb" or ids.abs_send_time is None:
            self._estimator = None
        elif self._estimator is None:
            self._estimator = RemoteBitrateEstimator()

    # Packets ------------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> Delivery | None:
        """To whom a decrypted RTP packet goes."""
        try:
            packet = rtp.parse(data)
            elements = extensions.read(packet.extension_profile, packet.extension_block)
            return self._route(packet, elements, now)
        except ValueError:
            self.malformed += 1
        except Exception:  # whatever one client sends, the others' packets go on
            self.malformed += 1
            log.exception("packet_failed")
        return None

    def _route(self, packet: Packet, elements: list[tuple[int, bytes]], now: float) -> Delivery | None:
        ids = self._ids
        level = mid = rid = sent_at = None
        for id_, value in elements:
            if id_ == ids.transport_cc and self._arrivals is not None and len(value) == 2:
                self._arrivals.add(int.from_bytes(value, "big"), int(now * 1_000_000))
            elif id_ == ids.audio_level and value:
                level = value[0] & 0x7F
            elif id_ == ids.mid:
                mid = value
            elif id_ in (ids.rid, ids.repaired_rid):
                rid = value
            elif id_ == ids.abs_send_time and len(value) == 3:
                sent_at = int.from_bytes(value, "big")

        track: Track | None = None
        source = self._sources.get(packet.ssrc)
        if source is None and (track := self._repairing.get(packet.ssrc)) is None:
            track = self._track_of(packet, mid, rid)
            if track is None:
                return None
            if packet.payload_type in track.repairs:
                _make_room(self._repairing, lambda there: there is track)
                self._repairing[packet.ssrc] = track
            else:
                _make_room(self._sources, lambda there: there.track is track)
                source = self._sources[packet.ssrc] = track.begin(packet.ssrc, packet, now)
        if self._estimator is not None and sent_at is not None:
            size = len(packet.payload)
            self._estimate = self._estimator.add(int(now * 1000), sent_at, size, packet.ssrc) or self._estimate
        if source is None:
            return self._repair(track, packet, elements, now) if track is not None else None
        if packet.payload_type not in source.track.formats:
            return None
        if level is not None and not source.track.muted:
            self._heard(source.track, level, now)
        return source.take(packet, now, self._passed_on(elements))

    def _repair(self, track: Track, packet: Packet, elements: list[tuple[int, bytes]], now: float) -> Delivery | None:
        repaired_type = track.repairs.get(packet.payload_type)
        if track.current is None or repaired_type not in track.formats:
            return None
        original = rtp.restore(packet, repaired_type, track.current.ssrc)
        if original is None:
            return None
        return track.current.take(original, now, self._passed_on(elements), repaired=True)

    def _passed_on(self, elements: list[tuple[int, bytes]]) -> Extensions:
        known = self._ids.passed_on
        kept = [(known[id_], value) for id_, value in elements if id_ in known]
        return extensions.pack(kept) if kept else extensions.NONE

    def _track_of(self, packet: Packet, mid: bytes | None, rid: bytes | None) -> Track | None:
        """Of a packet whose SSRC is new (RFC 9143 §9.2): by MID, by what SDP said, by a payload type of one track.

        Of several layers it has to say which (RFC 8852 §3.1).
        """
        type_ = packet.payload_type
        able = [track for track in self.tracks if type_ in track.formats or type_ in track.repairs]
        if mid is not None:
            able = [track for track in able if track.mid.encode() == mid]
        elif named := [track for track in able if packet.ssrc in track.ssrcs]:
            able = named
        if rid is not None and len(able) > 1:
            able = [track for track in able if track.rid.encode() == rid]
        return able[0] if len(able) == 1 else None

    # Feedback -----------------------------------------------------------------------------------------------------

    def on_rtcp(self, data: bytes, now: float) -> None:
        for packet in parse_rtcp(data):
            if isinstance(packet, RtcpSrPacket) and (source := self._sources.get(packet.ssrc)):
                info = packet.sender_info
                source.reception.sender_reported(info, now)
                source.timeline = Timeline(info.ntp_timestamp, info.rtp_timestamp + source.timestamp_shift, now)
            elif isinstance(packet, RtcpByePacket):
                for ssrc in packet.sources:
                    self._sources.pop(ssrc, None)

    def tick(self, now: float) -> None:
        """Say what is due. To be called every 50 ms or so, and at once after packets came."""
        for track in self.tracks:
            source = track.current
            if source is None:
                continue
            if track.asks_again and (lost := source.missing.due(now)):
                nack = RtcpRtpfbPacket(RTCP_RTPFB_NACK, OWN_SSRC, source.ssrc, [number & 0xFFFF for number in lost])
                self._send_rtcp(bytes(nack))
                self._counts.nacks_sent += len(lost)
            if track.kind == "video" and track.key_frames.due(now):
                self._send_rtcp(bytes(RtcpPsfbPacket(RTCP_PSFB_PLI, OWN_SSRC, source.ssrc)))
                self._counts.plis_sent += 1
        if self._estimate is not None:
            bitrate, ssrcs = self._estimate
            self._send_rtcp(bytes(RtcpPsfbPacket(RTCP_PSFB_APP, OWN_SSRC, 0, pack_remb_fci(bitrate, ssrcs[:31]))))
            self._estimate = None
        if now - self._last_report_at >= _REPORT_EVERY_S and self._sources:
            self._last_report_at = now
            reports = [source.reception.report(now) for source in self._sources.values()]
            for at in range(0, len(reports), 31):  # as many as the header can count
                self._send_rtcp(bytes(RtcpRrPacket(OWN_SSRC, reports[at : at + 31])))

    def report_arrivals(self) -> None:
        """Say when packets arrived, where the publisher finds its bitrate by that. Every 50 to 100 ms."""
        if self._arrivals is None:
            return
        media = next(iter(self._sources), 0)
        for report in self._arrivals.reports(OWN_SSRC, media):
            self._send_rtcp(report)


def _make_room(known: dict[int, Kept], is_its: Callable[[Kept], bool]) -> None:
    """Forget the oldest SSRC of a track that has as many as it may have."""
    its = [ssrc for ssrc, one in known.items() if is_its(one)]
    if len(its) >= _MAX_SOURCES:
        del known[its[0]]
