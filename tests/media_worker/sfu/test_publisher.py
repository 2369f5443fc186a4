"""What a publisher's packets become, and what it is told; packets are made by aiortc."""

from itertools import pairwise

from aiortc.rtp import (
    RtcpByePacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    RtpPacket,
    pack_header_extensions,
    unpack_remb_fci,
)
from hypothesis import given
from hypothesis import strategies as st

from media_worker.rtp import extensions
from media_worker.rtp import packet as rtp
from media_worker.rtp.routing import Delivery, Route
from media_worker.rtp.sequence import Numbering
from media_worker.sfu.publisher import HeaderIds, Publisher
from media_worker.sfu.track import Format, Track

IDS = HeaderIds.of(
    {extensions.MID: 4, extensions.AUDIO_LEVEL: 9, extensions.TRANSPORT_CC: 3, extensions.ABS_SEND_TIME: 2}
    | {"urn:3gpp:video-orientation": 13}
)


class Bench:
    """A publisher of one microphone and two cameras of the same codec."""

    def __init__(self, congestion: str = "transport-cc") -> None:
        self.sent: list[bytes] = []
        self.heard: list[tuple[str, int]] = []
        self.publisher = Publisher(self.sent.append, lambda track, level, now: self.heard.append((track.mid, level)))
        video = {96: Format("VP8", 90_000, 100)}
        self.audio = Track("a", "anna", "audio", "microphone", "0", {111: Format("opus", 48_000, 111)})
        self.camera = Track("c", "anna", "video", "camera", "1", video, {97: 96}, frozenset({55}), asks_again=True)
        self.screen = Track("s", "anna", "video", "screen", "2", dict(video), {97: 96}, asks_again=True)
        for track in (self.audio, self.camera, self.screen):
            track.routes.append(Route(None, 1, Numbering(1, 0)))
        self.publisher.negotiated([self.audio, self.camera, self.screen], IDS, congestion=congestion)

    def receive(
        self,
        sequence: int,
        *,
        ssrc: int = 55,
        payload_type: int = 96,
        timestamp: int = 0,
        payload: bytes = b"x",
        now: float = 0.0,
        **values: bytes,
    ) -> Delivery | None:
        packet = RtpPacket(
            payload_type=payload_type, sequence_number=sequence, timestamp=timestamp, ssrc=ssrc, payload=payload
        )
        data = packet.serialize()
        if values:
            profile, block = pack_header_extensions([(int(name[1:]), value) for name, value in values.items()])
            head = bytes([data[0] | 0x10]) + data[1:12]
            data = head + profile.to_bytes(2, "big") + (len(block) // 4).to_bytes(2, "big") + block + data[12:]
        return self.publisher.receive(data, now)

    def said(self, kind: type) -> list:
        packets = [packet for data in self.sent for packet in RtcpPacket.parse(data)]
        self.sent.clear()
        return [packet for packet in packets if isinstance(packet, kind)]


def test_a_packet_becomes_its_tracks_by_mid_by_ssrc_or_by_a_payload_type_of_one_track() -> None:
    bench = Bench()
    by_mid = bench.receive(1, ssrc=70, x4=b"2")
    by_ssrc = bench.receive(1, ssrc=55)
    by_type = bench.receive(1, ssrc=80, payload_type=111)
    assert [one.routes if one else None for one in (by_mid, by_ssrc, by_type)] == [
        bench.screen.routes,
        bench.camera.routes,
        bench.audio.routes,
    ]
    assert bench.receive(1, ssrc=90) is None  # two tracks have its payload type, and it doesn't say more
    assert bench.receive(1, ssrc=91, x4=b"9") is None


def test_extensions_and_payload_type_are_those_that_subscribers_know() -> None:
    delivery = Bench().receive(7, x3=b"\0\1", x4=b"1", x13=b"\1", x2=b"abc")
    assert delivery is not None
    assert delivery.packet.payload_type == 100
    out = rtp.parse(delivery.packet.numbered(100, 1, 0, 1))
    assert extensions.read(out.extension_profile, out.extension_block) == [(2, b"\1")]


def test_what_came_before_is_not_forwarded_again() -> None:
    bench = Bench()
    assert [bench.receive(n) is not None for n in (5, 6, 6, 8, 7, 7)] == [True, True, False, True, True, False]


def test_what_is_missing_is_asked_for_and_its_retransmission_fills_the_hole() -> None:
    bench = Bench()
    for sequence in (65_534, 65_535, 1):
        bench.receive(sequence)
    bench.publisher.tick(0.0)
    (nack,) = bench.said(RtcpRtpfbPacket)
    assert (nack.media_ssrc, nack.lost) == (55, [0])
    delivery = bench.receive(1, ssrc=56, payload_type=97, payload=b"\0\0media", x4=b"1")
    assert delivery is not None
    assert delivery.packet.sequence == bench.camera.cache.get(delivery.packet.sequence).sequence  # type: ignore[union-attr]
    assert delivery.packet.rest.endswith(b"media")
    assert bench.receive(0) is None  # the original, late
    bench.publisher.tick(1.0)
    assert bench.said(RtcpRtpfbPacket) == []


def test_a_track_goes_on_when_its_ssrc_changes() -> None:
    bench = Bench()
    first = [bench.receive(n, timestamp=n * 3000, now=n / 30) for n in range(3)]
    second = [bench.receive(40_000 + n, ssrc=60, timestamp=n * 3000, now=(3 + n) / 30, x4=b"1") for n in range(3)]
    numbers = [one.packet.sequence for one in (*first, *second) if one]
    assert numbers == list(range(numbers[0], numbers[0] + 6))
    times = [one.packet.timestamp for one in (*first, *second) if one]
    assert [after - before for before, after in pairwise(times)] == [3000] * 5
    assert bench.receive(3) is None  # of the old source


def test_a_publisher_with_ever_new_ssrcs_keeps_a_few() -> None:
    bench = Bench()
    for ssrc in range(1000, 1200):
        bench.receive(1, ssrc=ssrc, x4=b"1")
        bench.receive(1, ssrc=ssrc + 1000, payload_type=97, x4=b"1")
    assert len(bench.publisher.sources) <= 4
    assert len(bench.publisher._repairing) <= 4


def test_subscribers_who_want_a_key_frame_are_one_request() -> None:
    bench = Bench()
    bench.receive(1)
    for _ in range(5):
        bench.camera.key_frames.request()
    for now in (0.0, 0.02, 0.04):
        bench.publisher.tick(now)
    (pli,) = bench.said(RtcpPsfbPacket)
    assert (pli.fmt, pli.media_ssrc) == (1, 55)
    bench.receive(2, payload=b"\x10\x00\x00\x00")  # the start of a VP8 key frame
    bench.publisher.tick(5.0)
    assert bench.said(RtcpPsfbPacket) == []


def test_receiver_reports_answer_sender_reports() -> None:
    bench = Bench()
    bench.receive(1, now=10.0)
    info = RtcpSenderInfo(0x1111222233334444, 5, 1, 1)
    bench.publisher.on_rtcp(bytes(RtcpSrPacket(55, info)), 10.0)
    bench.publisher.tick(10.5)
    (report,) = bench.said(RtcpRrPacket)
    assert (report.reports[0].ssrc, report.reports[0].lsr, report.reports[0].dlsr) == (55, 0x22223333, 32768)
    bench.publisher.on_rtcp(bytes(RtcpByePacket([55])), 11.0)
    assert bench.publisher.sources == []


def test_arrivals_are_told_to_a_sender_that_numbers_its_packets() -> None:
    bench = Bench()
    bench.receive(1, x3=b"\0\7", now=1.0)
    bench.publisher.report_arrivals()
    assert len(bench.sent) == 1
    assert bench.sent[0][1] == 205
    assert int.from_bytes(bench.sent[0][12:14], "big") == 7


def test_a_sender_without_such_numbers_is_told_a_bitrate() -> None:
    bench = Bench("goog-remb")
    for number in range(500):
        send_time = int(number * 0.01 * (1 << 18)) & 0xFFFFFF
        bench.receive(number, payload=bytes(1000), x2=send_time.to_bytes(3, "big"), now=number * 0.01)
        bench.publisher.tick(number * 0.01)
    bench.publisher.report_arrivals()
    estimates = [unpack_remb_fci(one.fci) for one in bench.said(RtcpPsfbPacket) if one.fmt == 15]
    assert estimates
    assert estimates[-1][0] > 100_000
    assert estimates[-1][1] == [55]


def test_levels_are_heard_and_a_silenced_microphone_is_not() -> None:
    bench = Bench()
    bench.receive(1, ssrc=80, payload_type=111, x9=b"\x9e")
    bench.audio.muted = True
    assert bench.receive(2, ssrc=80, payload_type=111, x9=b"\x9e") is None
    assert bench.heard == [("0", 30)]


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_whatever_is_received_nothing_is_raised(datagrams: list[bytes]) -> None:
    bench = Bench("goog-remb")
    for data in datagrams:
        bench.publisher.receive(data, 0.0)
        bench.publisher.receive(b"\x90\x60" + data, 0.0)
        bench.publisher.on_rtcp(data, 0.0)
        bench.publisher.on_rtcp(b"\x81\xc8" + data, 0.0)
    bench.publisher.tick(1.0)
    bench.publisher.report_arrivals()


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.sampled_from([55, 60, 61])), max_size=60))
def test_a_tracks_numbers_are_never_used_twice(packets: list[tuple[int, int]]) -> None:
    bench = Bench()
    seen = set()
    for time, (sequence, ssrc) in enumerate(packets):
        delivery = bench.receive(sequence, ssrc=ssrc, timestamp=time, now=time / 100, x4=b"1")
        if delivery is not None:
            assert delivery.packet.sequence not in seen
            seen.add(delivery.packet.sequence)
