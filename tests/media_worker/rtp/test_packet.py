import pytest
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from media_worker.rtp import extensions
from media_worker.rtp import packet as rtp
from media_worker.rtp.packet import MalformedPacket

SEQUENCE = st.integers(0, 0xFFFF)
WORD = st.integers(0, 0xFFFFFFFF)


def made(**fields: object) -> bytes:
    packet = RtpPacket(payload_type=96, sequence_number=7, timestamp=1000, ssrc=5, payload=b"media")
    for name, value in fields.items():
        setattr(packet, name, value)
    return packet.serialize()


def test_a_packet_is_read_as_aiortc_writes_it() -> None:
    packet = rtp.parse(made(marker=1, csrc=[1, 2]))
    assert (packet.marker, packet.payload_type, packet.sequence, packet.timestamp, packet.ssrc) == (128, 96, 7, 1000, 5)
    assert packet.csrcs == bytes.fromhex("0000000100000002")
    assert packet.payload == b"media"


@given(st.binary(max_size=64))
def test_whatever_comes_is_a_packet_or_malformed(data: bytes) -> None:
    try:
        packet = rtp.parse(data)
        extensions.read(packet.extension_profile, packet.extension_block)
        rtp.media_of(packet)
    except ValueError:  # MalformedPacket is one
        pass


@pytest.mark.parametrize("length", range(12))
def test_a_header_that_is_cut_off_is_malformed(length: int) -> None:
    with pytest.raises(MalformedPacket):
        rtp.parse(made()[:length])


@given(SEQUENCE, WORD, WORD)
def test_a_forwarded_packet_has_the_subscribers_numbers_and_the_publishers_media(
    sequence: int, timestamp: int, ssrc: int
) -> None:
    passed_on = extensions.pack([(1, b"\x05"), (5, b"x" * 20)])
    packet = rtp.parse(made(marker=1, csrc=[9]))
    out = rtp.for_forwarding(packet, 70_000, 0, 100, passed_on).numbered(100, sequence, timestamp, ssrc)
    again = rtp.parse(out)
    assert (again.payload_type, again.sequence, again.timestamp, again.ssrc) == (100, sequence, timestamp, ssrc)
    assert (again.marker, again.csrcs, again.payload) == (128, packet.csrcs, b"media")
    assert extensions.read(again.extension_profile, again.extension_block) == [(1, b"\x05"), (5, b"x" * 20)]


def test_a_retransmission_carries_the_number_of_what_it_repairs() -> None:
    forwarded = rtp.for_forwarding(rtp.parse(made()), 7, 0, 96, extensions.pack([(1, b"\x05")]))
    resent = rtp.parse(forwarded.resent(97, 1, 0x1234, 50, 6))
    assert (resent.payload_type, resent.sequence, resent.ssrc) == (97, 1, 6)
    repaired = rtp.restore(resent, 96, 5)
    assert repaired is not None
    assert (repaired.payload_type, repaired.sequence, repaired.ssrc, repaired.payload) == (96, 0x1234, 5, b"media")


def test_a_retransmission_of_nothing_is_a_probe() -> None:
    probe = rtp.parse(made(padding_size=200, payload=b""))
    assert rtp.media_of(probe) == b""
    assert rtp.restore(probe, 96, 5) is None
