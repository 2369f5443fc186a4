from media_worker.rtp.packet import Forwarded
from media_worker.sfu.packet_cache import PacketCache


def packet(sequence: int) -> Forwarded:
    return Forwarded(0x80, 0, 96, sequence, 0, b"", 0)


def test_what_came_is_there_until_newer_packets_take_its_place() -> None:
    cache = PacketCache(8)
    assert all(cache.add(packet(n)) for n in range(12))
    assert [cache.get(n) is not None for n in (3, 4, 11, 12)] == [False, True, True, False]


def test_a_packet_is_new_only_once() -> None:
    cache = PacketCache(8)
    assert [cache.add(packet(n)) for n in (5, 5, 7, 6, 6, 7)] == [True, False, True, True, False, False]


def test_what_is_too_old_to_tell_is_not_new() -> None:
    cache = PacketCache(8)
    cache.add(packet(100))
    assert [cache.add(packet(n)) for n in (92, 93)] == [False, True]
