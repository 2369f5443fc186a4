from aiortc.rtp import RtcpReceiverInfo, RtcpSenderInfo

from media_worker.sfu.reports import ReceptionStatistics, Timeline, round_trip_s


def test_a_report_counts_what_is_missing_since_the_last() -> None:
    statistics = ReceptionStatistics(ssrc=9, clock_rate=90_000)
    for sequence in (0, 1, 2, 4):
        statistics.arrived(sequence, sequence * 3000, 100, sequence / 30)
    first = statistics.report(1.0)
    assert (first.packets_lost, first.fraction_lost, first.highest_sequence) == (1, 256 // 5, 4)
    for sequence in (5, 6):
        statistics.arrived(sequence, sequence * 3000, 100, sequence / 30)
    second = statistics.report(2.0)
    assert (second.packets_lost, second.fraction_lost) == (1, 0)


def test_packets_that_come_evenly_have_no_jitter() -> None:
    statistics = ReceptionStatistics(ssrc=9, clock_rate=90_000)
    for sequence in range(50):
        statistics.arrived(sequence, sequence * 3000, 100, sequence / 30)
    assert statistics.report(2.0).jitter == 0
    statistics.arrived(50, 50 * 3000, 100, 50 / 30 + 0.1)
    assert statistics.report(2.0).jitter == 9000 // 16


def test_a_report_says_which_sender_report_came_and_how_long_ago() -> None:
    statistics = ReceptionStatistics(ssrc=9, clock_rate=90_000)
    statistics.sender_reported(RtcpSenderInfo(0x1122334455667788, 0, 0, 0), 10.0)
    report = statistics.report(10.5)
    assert (report.lsr, report.dlsr) == (0x33445566, 32768)


def test_a_timeline_goes_on_between_reports() -> None:
    ntp, timestamp = Timeline(ntp=100 << 32, timestamp=1000, at=5.0).read(7.5, 90_000)
    assert ntp == (102 << 32) + (1 << 31)
    assert timestamp == 1000 + 225_000


def test_the_round_trip_is_what_is_left_of_the_time_since_the_report() -> None:
    info = RtcpReceiverInfo(1, 0, 0, 0, 0, lsr=65_536 * 10, dlsr=65_536)
    assert round_trip_s(65_536 * 11 + 6554, info) == 6554 / 65_536
    assert round_trip_s(5, RtcpReceiverInfo(1, 0, 0, 0, 0, lsr=0, dlsr=0)) is None
