"""Feedback is read back by a reader of its own, written from the draft."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from media_worker.rtp.transport_cc import ArrivalLog


def read(report: bytes) -> tuple[int, dict[int, int | None]]:
    """The number of the report, and when each packet arrived in units of 250 µs (None: it didn't)."""
    _, kind, words, *_ = struct.unpack_from("!BBHII", report)
    assert (report[0] & 0x1F, kind, 4 * words + 4) == (15, 205, len(report))
    base, count = struct.unpack_from("!HH", report, 12)
    reference = int.from_bytes(report[16:19], "big")
    at, statuses = 20, []
    while len(statuses) < count:
        (chunk,) = struct.unpack_from("!H", report, at)
        at += 2
        if chunk >> 15 == 0:
            statuses += [chunk >> 13 & 3] * (chunk & 0x1FFF)
        else:
            assert chunk >> 14 == 3
            statuses += [chunk >> shift & 3 for shift in range(12, -1, -2)]
    time, arrivals = reference * 256, {}
    for place, status in enumerate(statuses[:count]):
        if status:
            delta = report[at] if status == 1 else struct.unpack_from("!h", report, at)[0]
            at += status
            time += delta
        arrivals[(base + place) & 0xFFFF] = time if status else None
    assert len(report) - at < 4
    return report[19], arrivals


def test_arrivals_and_losses_are_told() -> None:
    log = ArrivalLog()
    for number, at in ((65_534, 1_000_000), (65_535, 1_000_500), (2, 1_100_000)):
        log.add(number, at)
    (report,) = log.reports(1, 2)
    assert read(report) == (0, {65_534: 4000, 65_535: 4002, 0: None, 1: None, 2: 4400})


def test_the_next_report_goes_on_where_the_last_ended() -> None:
    log = ArrivalLog()
    log.add(10, 0)
    log.reports(1, 2)
    assert log.reports(1, 2) == []
    log.add(13, 5000)
    (report,) = log.reports(1, 2)
    assert read(report) == (1, {11: None, 12: None, 13: 20})


def test_what_comes_late_is_told_though_it_was_told_missing() -> None:
    log = ArrivalLog()
    log.add(10, 0)
    log.add(12, 1000)
    log.reports(1, 2)
    log.add(11, 2000)
    (report,) = log.reports(1, 2)
    assert read(report)[1] == {11: 8}


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 10_000_000)), max_size=60), st.integers(1, 5))
def test_reports_are_well_formed_whatever_arrives(arrivals: list[tuple[int, int]], parts: int) -> None:
    log = ArrivalLog()
    for part in range(parts):
        for number, at in arrivals[part::parts]:
            log.add(number, at)
        for report in log.reports(1, 2):
            assert len(report) < 1200
            read(report)


@given(st.lists(st.integers(0, 3_000_000), min_size=1, max_size=50))
def test_every_arrival_is_told_once_and_to_the_quarter_of_a_millisecond(times: list[int]) -> None:
    log = ArrivalLog()
    for number, at in enumerate(times):
        log.add(number, at)
    told: dict[int, int | None] = {}
    for report in log.reports(1, 2):
        arrivals = read(report)[1]
        assert not told.keys() & arrivals.keys()
        told |= arrivals
    assert told == {number: at // 250 for number, at in enumerate(times)}
