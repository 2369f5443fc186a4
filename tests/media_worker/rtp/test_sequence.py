from hypothesis import given
from hypothesis import strategies as st

from media_worker.rtp.sequence import Numbering, unwrap


@given(st.integers(0, 1 << 40), st.integers(-32767, 32767))
def test_a_number_is_unwrapped_to_the_one_that_is_nearest(near: int, distance: int) -> None:
    assert unwrap((near + distance) & 0xFFFF, near) == near + distance


def test_a_subscriber_sees_no_hole_where_it_was_paused() -> None:
    numbering = Numbering(next_sequence=1000, timestamp_offset=0)
    assert [numbering.outgoing(n) for n in (500, 501, 502)] == [1000, 1001, 1002]
    numbering.end_run()
    assert [numbering.outgoing(n) for n in (900, 901)] == [1003, 1004]


def test_what_comes_late_from_before_a_pause_is_not_sent() -> None:
    numbering = Numbering(next_sequence=1000, timestamp_offset=0)
    numbering.outgoing(500)
    numbering.end_run()
    numbering.outgoing(900)
    assert numbering.outgoing(899) is None


def test_a_hole_of_the_publishers_stays_one() -> None:
    numbering = Numbering(next_sequence=1000, timestamp_offset=0)
    assert [numbering.outgoing(n) for n in (10, 13, 11)] == [1000, 1003, 1001]


def test_the_packet_behind_a_number_is_found_across_a_wrap() -> None:
    numbering = Numbering(next_sequence=65_530, timestamp_offset=0)
    out = [numbering.outgoing(n) for n in range(100, 120)]
    assert [numbering.incoming(n & 0xFFFF) for n in out if n is not None] == list(range(100, 120))


def test_nothing_is_behind_a_number_that_was_not_sent_in_this_run() -> None:
    numbering = Numbering(next_sequence=1000, timestamp_offset=0)
    assert numbering.incoming(1000) is None
    numbering.outgoing(10)
    numbering.end_run()
    numbering.outgoing(50)
    assert [numbering.incoming(n) for n in (999, 1000, 1001, 1002)] == [None, None, 50, None]


@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=200))
def test_no_number_is_used_for_two_packets(steps: list[tuple[int, bool]]) -> None:
    """Whatever order packets come in, and however often the subscriber pauses: SRTP depends on it."""
    numbering = Numbering(next_sequence=1000, timestamp_offset=0)
    carried: dict[int, int] = {}
    newest = -1
    for sequence, pause in steps:
        if pause:
            numbering.end_run()
            # A track's cache refuses what came before; a run begins with what is new.
            sequence = newest + 1
        newest = max(newest, sequence)
        out = numbering.outgoing(sequence)
        if out is not None:
            assert carried.setdefault(out, sequence) == sequence
