"""A subscriber goes from layer to layer of a camera: what it sees stays one stream."""

import struct
from dataclasses import dataclass
from itertools import pairwise

from aiortc.rtp import RtcpRtpfbPacket, RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from media_worker.rtp import packet as rtp
from media_worker.rtp import vp8
from media_worker.rtp.packet import Forwarded
from media_worker.rtp.routing import Route
from media_worker.rtp.sequence import Numbering, unwrap
from media_worker.sfu.best_layer import BestLayer
from media_worker.sfu.publisher import HeaderIds, Publisher
from media_worker.sfu.reports import Timeline
from media_worker.sfu.subscriber import Subscriber
from media_worker.sfu.subscription import Subscription
from media_worker.sfu.track import Format, Track

FRAME = 3000  # units of the timestamp: 30 pictures a second


@dataclass(frozen=True)
class Seen:
    sequence: int
    timestamp: int
    picture: int
    tl0: int
    payload: bytes


def vp8_payload(picture: int, tl0: int, *, key: bool, height: int = 180, fill: bytes = b"") -> bytes:
    head = b"\x90\xc0" + struct.pack("!HB", 0x8000 | picture & 0x7FFF, tl0 & 0xFF)
    frame = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", height * 16 // 9, height) if key else b"\x01\0\0"
    return head + frame + fill


class Camera:
    """Three layers, each with numbers of its own; and one subscriber, whose packets leave as an engine sends them."""

    def __init__(self, *, sequence: int = 65_530, picture: int = 32_765, retransmission: bool = True) -> None:
        self.ssrcs = {"q": 11, "h": 22, "f": 33}
        self.first = {rid: (sequence + 1000 * n, picture + 100 * n, 250 + n) for n, rid in enumerate(self.ssrcs)}
        self.layers = [
            Track("c", "anna", "video", "camera", "1", {96: Format("VP8", 90_000, 96)}, rid=rid, place=(number, 3))
            for number, rid in enumerate(self.ssrcs)
        ]
        self.publisher = Publisher(lambda packet: None, lambda track, level, now: None)
        for layer, ssrc in zip(self.layers, self.ssrcs.values(), strict=True):
            layer.ssrcs = frozenset({ssrc})
        self.publisher.negotiated(self.layers, HeaderIds(), congestion="")
        self.again: list[bytes] = []
        self.subscriber = Subscriber(self.again.append, lambda packet: None)
        self.subscription = Subscription(
            self.layers[0],
            Route(None, 77, Numbering(1000, 0xFFFF_F000)),
            "anna",
            retransmission=(88, 97) if retransmission else None,
            accepts_retransmission=True,
            layers=self.layers,
        )
        self.subscriber.add(self.subscription)
        self.subscription.start()

    def layer(self, rid: str) -> Track:
        return self.layers["qhf".index(rid)]

    def knows_the_clock(self) -> None:
        """Sender reports have come: every layer's frame 0 was taken at the same instant."""
        for rid in self.ssrcs:
            source = self.layer(rid).current
            assert source is not None
            shift = self.timestamp(rid, 0) + source.timestamp_shift
            source.timeline = Timeline(100 << 32, shift, 0.0)

    def timestamp(self, rid: str, frame: int) -> int:
        return (self.ssrcs[rid] * 1_000_003 + frame * FRAME) & 0xFFFFFFFF

    def send(self, rid: str, frame: int, *, key: bool = False, now: float | None = None) -> list[Seen]:
        """One packet, which is a whole picture."""
        sequence, picture, tl0 = self.first[rid]
        packet = RtpPacket(
            payload_type=96,
            sequence_number=(sequence + frame) & 0xFFFF,
            timestamp=self.timestamp(rid, frame),
            ssrc=self.ssrcs[rid],
            payload=vp8_payload(picture + frame, tl0 + frame, key=key, fill=f"{rid}{frame}".encode()),
        )
        delivery = self.publisher.receive(packet.serialize(), frame / 30 if now is None else now)
        seen = []
        for route in delivery.routes if delivery else ():
            assert delivery is not None
            number = route.numbering.outgoing(delivery.packet.sequence)
            if number is not None:
                route.packets += 1
                seen.append(read(route.written(delivery.packet, number, 0.0)))
        return seen

    def nack(self, *numbers: int) -> list[Seen]:
        self.again.clear()
        wanted = [number & 0xFFFF for number in numbers]
        self.subscriber.on_rtcp(bytes(RtcpRtpfbPacket(1, 9, 77, wanted)), 0.0)
        packets = [rtp.parse(data) for data in self.again]
        if self.subscription.retransmission is None:
            return [read(data) for data in self.again]
        repaired = [rtp.restore(packet, 96, 77) for packet in packets]
        return [seen_of(packet) for packet in repaired if packet]


def read(data: bytes) -> Seen:
    return seen_of(rtp.parse(data))


def seen_of(packet: rtp.Packet) -> Seen:
    picture = vp8.read(packet.payload)
    assert picture is not None
    return Seen(packet.sequence, packet.timestamp, picture.number, picture.tl0, packet.payload[5:])


def test_a_subscriber_goes_to_another_layer_at_its_key_frame_and_sees_one_stream() -> None:
    camera = Camera()
    seen = camera.send("q", 0, key=True)
    for rid in "hf":
        camera.send(rid, 0, key=True)
    camera.knows_the_clock()
    seen += camera.send("q", 1)
    camera.subscription.aim(camera.layer("f"))
    assert camera.layer("f").key_frames.due(0.1)
    assert camera.send("f", 2) == []  # no key frame yet: q goes on
    seen += camera.send("q", 2)
    seen += camera.send("f", 3, key=True)
    assert camera.send("q", 3) == []
    seen += camera.send("f", 4)
    assert [one.payload[-2:] for one in seen] == [b"q0", b"q1", b"q2", b"f3", b"f4"]
    for before, after in pairwise(seen):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == FRAME
        assert (after.picture - before.picture) & 0x7FFF == 1
        assert (after.tl0 - before.tl0) & 0xFF == 1


def test_without_sender_reports_the_arrival_tells_how_much_time_has_passed() -> None:
    camera = Camera()
    (first,) = camera.send("q", 0, key=True)
    camera.subscription.aim(camera.layer("h"))
    (second,) = camera.send("h", 40, key=True, now=0.5)
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == 45_000


def test_the_same_instant_is_not_shown_twice_under_one_timestamp() -> None:
    camera = Camera()
    for rid in "qhf":
        camera.send(rid, 0, key=True)
    camera.knows_the_clock()
    (before,) = camera.send("q", 1)
    camera.subscription.aim(camera.layer("h"))
    (after,) = camera.send("h", 1, key=True)
    assert 0 < after.timestamp - before.timestamp < FRAME
    camera.subscription.aim(camera.layer("q"))
    (last,) = camera.send("q", 2, key=True)
    assert last.timestamp - before.timestamp == FRAME  # and nothing of it stays


def test_what_was_lost_before_the_change_is_sent_again_after_it_as_it_was() -> None:
    for retransmission in (True, False):
        camera = Camera(retransmission=retransmission)
        sent = {}
        for frame in range(3):
            for one in camera.send("q", frame, key=frame == 0):
                sent[one.sequence] = one
        camera.send("q", 4)
        camera.subscription.aim(camera.layer("f"))
        (key,) = camera.send("f", 3, key=True)
        assert camera.send("q", 3) == []  # late; it has its number all the same
        assert camera.nack(1001) == [sent[1001]]
        (late,) = camera.nack(1003)
        assert late.payload.endswith(b"q3")
        assert camera.nack(key.sequence) == [key]
        assert camera.nack(key.sequence + 1) == []


def test_a_key_frame_whose_parts_come_in_the_wrong_order_is_whole_after_a_nack() -> None:
    camera = Camera()
    camera.send("q", 0, key=True)
    camera.send("h", 0)
    camera.subscription.aim(camera.layer("h"))
    assert camera.send("h", 2) == []
    (key,) = camera.send("h", 1, key=True)
    (then,) = camera.send("h", 3)
    assert then.sequence == key.sequence + 2
    (missing,) = camera.nack(key.sequence + 1)
    assert missing.payload.endswith(b"h2")


def test_a_picture_that_was_paused_goes_on_with_a_key_frame() -> None:
    camera = Camera()
    (before,) = camera.send("q", 0, key=True)
    camera.subscription.pause(True)
    assert camera.send("q", 1, key=True) == []
    camera.subscription.pause(False)
    camera.subscription.start()
    assert camera.send("q", 2) == []
    (after,) = camera.send("q", 30, key=True)
    assert (after.sequence, after.picture) == (before.sequence + 1, before.picture + 1 & 0x7FFF)
    assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 30 * FRAME


def test_who_leaves_while_it_waits_for_a_key_frame_is_not_sent_it() -> None:
    camera = Camera()
    camera.send("q", 0, key=True)
    camera.subscription.aim(camera.layer("f"))
    camera.subscriber.close()
    assert camera.send("f", 1, key=True) == []
    assert [layer.waiting + layer.routes for layer in camera.layers] == [[], [], []]  # type: ignore[operator]


def test_who_records_gets_the_largest_layer_that_comes_as_one_stream() -> None:
    camera = Camera()
    best = BestLayer(camera.layers)
    shown: list[Forwarded] = []
    best.taps.append(lambda packet, format_, now: shown.append(packet))
    for rid in "qhf":
        camera.send(rid, 0, key=True)
    camera.knows_the_clock()
    best.choose(0.1)
    camera.send("f", 1, key=True)
    camera.send("f", 2)
    assert best.current is not None
    for frame in range(3, 60):
        camera.send("h", frame)
        best.choose(frame / 30)
    camera.send("h", 60, key=True)
    camera.send("h", 61)
    assert [one.sequence - shown[0].sequence for one in shown] == [0, 1, 2, 3]
    assert [one.timestamp - shown[0].timestamp & 0xFFFFFFFF for one in shown] == [0, FRAME, 59 * FRAME, 60 * FRAME]
    assert all(route is not best.route for layer in camera.layers for route in layer.routes)


EVENTS = st.lists(
    st.tuples(st.sampled_from(["q", "h", "f"]), st.booleans(), st.sampled_from(["", "", "", "lost", "late", "aim"])),
    max_size=60,
)


@given(EVENTS)
def test_whatever_is_lost_or_late_no_number_is_used_twice_and_time_never_goes_back_at_a_change(
    events: list[tuple[str, bool, str]],
) -> None:
    camera = Camera()
    frames = dict.fromkeys("qhf", 0)
    seen: list[Seen] = []
    late: tuple[str, int] | None = None
    for at, (rid, key, what) in enumerate(events):
        frame, frames[rid] = frames[rid], frames[rid] + 1
        now = at / 90
        if what == "aim":
            camera.subscription.aim(camera.layer(rid))
        if what == "late":
            late = (rid, frame)
        elif what != "lost":
            seen += camera.send(rid, frame, key=key, now=now)
            if late is not None:
                seen += camera.send(*late, now=now)
                late = None
    numbers = [one.sequence for one in seen]
    assert len(set(numbers)) == len(numbers)
    for before, after in pairwise(seen):
        if before.payload[-2:-1] != after.payload[-2:-1] and b"\x9d\x01\x2a" in after.payload:
            near = max(unwrap(one.timestamp, 0xFFFF_F000, 32) for one in seen[: seen.index(after)])
            assert unwrap(after.timestamp, near, 32) > near - 30 * FRAME
    for one in camera.nack(*range(1000, 1000 + len(seen))):
        same = [other for other in seen if other.sequence == one.sequence]
        assert same in ([one], [])  # what is sent again is what was sent, or what came too late to be sent
