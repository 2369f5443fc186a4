from aiortc.rtp import (
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    RtpPacket,
)
from hypothesis import given
from hypothesis import strategies as st

from media_worker.rtp import packet as rtp
from media_worker.rtp.routing import Route
from media_worker.rtp.sequence import Numbering
from media_worker.sfu.publisher import HeaderIds, Publisher
from media_worker.sfu.reports import Timeline
from media_worker.sfu.subscriber import Subscriber
from media_worker.sfu.subscription import Subscription
from media_worker.sfu.track import Format, Track


class Bench:
    """One track with one subscriber; `forward` is what an engine does."""

    def __init__(self, retransmission: tuple[int, int] | None = None) -> None:
        self.packets: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.track = Track("c", "anna", "video", "camera", "1", {96: Format("VP8", 90_000, 100)})
        self.publisher = Publisher(lambda packet: None, lambda track, level, now: None)
        self.publisher.negotiated([self.track], HeaderIds(), congestion="")
        self.subscriber = Subscriber(self.packets.append, self.rtcp.append)
        self.subscription = Subscription(
            self.track,
            Route(None, 77, Numbering(1000, 500)),
            "anna",
            retransmission=retransmission,
            accepts_retransmission=True,
        )
        self.subscriber.add(self.subscription)
        self.subscription.start()

    def forward(self, sequence: int, payload: bytes = b"media", timestamp: int = 0) -> list[bytes]:
        packet = RtpPacket(
            payload_type=96, sequence_number=sequence, timestamp=timestamp, ssrc=5, payload=payload
        ).serialize()
        delivery = self.publisher.receive(packet, 0.0)
        sent = []
        for route in delivery.routes if delivery else ():
            assert delivery is not None
            number = route.numbering.outgoing(delivery.packet.sequence)
            if number is not None:
                route.packets += 1
                at = delivery.packet.timestamp + route.numbering.timestamp_offset
                sent.append(delivery.packet.numbered(100, number, at, route.ssrc))
        return sent

    def nack(self, *numbers: int, ssrc: int = 77, now: float = 0.0) -> list[bytes]:
        self.packets.clear()
        self.subscriber.on_rtcp(bytes(RtcpRtpfbPacket(1, 9, ssrc, list(numbers))), now)
        return self.packets


def test_a_lost_packet_is_sent_again_byte_for_byte() -> None:
    bench = Bench()
    sent = [bench.forward(n, b"media%d" % n)[0] for n in range(5)]
    assert bench.nack(1002, 1004) == [sent[2], sent[4]]
    assert bench.nack(999, 1005) == []
    assert bench.nack(1002, ssrc=78) == []


def test_with_rtx_it_is_sent_on_a_stream_of_its_own() -> None:
    bench = Bench(retransmission=(88, 101))
    sent = [bench.forward(n, b"media%d" % n)[0] for n in range(5)]
    resent = [rtp.parse(one) for one in bench.nack(1001, 1003)]
    assert [(one.ssrc, one.payload_type, one.sequence) for one in resent] == [(88, 101, 1), (88, 101, 2)]
    repaired = [rtp.restore(one, 100, 77) for one in resent]
    assert repaired == [rtp.parse(sent[1]), rtp.parse(sent[3])]


def test_nothing_from_before_a_pause_is_sent_again() -> None:
    bench = Bench()
    bench.forward(0)
    bench.subscription.pause(True)
    assert bench.forward(1) == []
    bench.subscription.pause(False)
    bench.subscription.start()
    (again,) = bench.forward(2)
    assert rtp.parse(again).sequence == 1001
    assert bench.nack(1000) == []
    assert bench.nack(1001) == [again]


def test_one_subscriber_is_sent_so_much_again_and_no_more() -> None:
    bench = Bench()
    for number in range(100):
        bench.forward(number)
    total = sum(len(bench.nack(*range(1000, 1100), now=0.5)) for _ in range(30))
    assert total == 1000
    assert len(bench.nack(1000, now=2.0)) == 1


def test_a_wish_for_a_key_frame_becomes_the_tracks() -> None:
    for wish in (
        RtcpPsfbPacket(1, 9, 77),
        RtcpPsfbPacket(4, 9, 0, (77).to_bytes(4, "big") + bytes(4)),
    ):
        bench = Bench()
        bench.track.key_frames.arrived()
        bench.subscriber.on_rtcp(bytes(wish), 1.0)
        assert bench.track.key_frames.due(1.0)


def test_a_sender_report_tells_the_publishers_clock_in_the_subscribers_numbers() -> None:
    bench = Bench()
    bench.forward(0)
    assert bench.track.current is not None
    bench.track.current.timeline = Timeline(ntp=50 << 32, timestamp=9000, at=10.0)
    bench.subscriber.tick(12.0)
    (report,) = [one for data in bench.rtcp for one in RtcpPacket.parse(data) if isinstance(one, RtcpSrPacket)]
    assert report.ssrc == 77
    assert report.sender_info.ntp_timestamp == 52 << 32
    assert report.sender_info.rtp_timestamp == 9000 + 180_000 + 500
    assert report.sender_info.packet_count == 1


def test_what_the_subscriber_reports_is_known() -> None:
    bench = Bench()
    bench.forward(0)
    assert bench.track.current is not None
    bench.track.current.timeline = Timeline(ntp=50 << 32, timestamp=0, at=10.0)
    info = RtcpReceiverInfo(77, 64, 1, 0, 90, lsr=51 << 16, dlsr=0)
    bench.subscriber.on_rtcp(bytes(RtcpRrPacket(9, [info])), 11.25)
    assert (bench.subscription.fraction_lost, bench.subscription.jitter) == (0.25, 90)
    assert bench.subscription.round_trip_s == 0.25


def test_a_subscription_that_is_removed_gets_nothing() -> None:
    bench = Bench()
    bench.subscriber.close()
    assert bench.forward(0) == []
    assert bench.track.routes == []
    assert bench.subscriber.subscriptions == []


@given(st.binary(max_size=80))
def test_whatever_comes_as_rtcp_nothing_is_raised(data: bytes) -> None:
    bench = Bench()
    bench.forward(0)
    for head in (b"", b"\x81\xcd", b"\x81\xce", b"\x84\xce", b"\x81\xc9"):
        bench.subscriber.on_rtcp(head + data, 0.0)
