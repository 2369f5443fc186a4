"""The estimate, against a path that is played: a queue, a rate, a share that gets lost. Feedback is as Chromium's."""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_worker.rtp.transport_cc import ArrivalLog, feedback_in
from media_worker.sfu.bandwidth import START, BandwidthEstimate
from media_worker.sfu.probing import Probing

PACKET = 1100
STEP_S = 0.02


@dataclass
class Path:
    """Carries `rate` bits a second, and what waits longer than 300 ms is lost; so is `loss` of everything."""

    rate: float
    loss: float = 0.0
    now: float = 100.0
    estimate: BandwidthEstimate = field(default_factory=BandwidthEstimate)
    _arrivals: ArrivalLog = field(default_factory=ArrivalLog)
    _free_at: float = 0.0
    _told_at: float = 0.0
    _chance: random.Random = field(default_factory=lambda: random.Random(5))

    def __post_init__(self) -> None:
        self.probing = Probing(self.estimate)
        self.estimate.expect(self.now)

    def send(self, size: int) -> None:
        number = self.estimate.log.note(self.now, size)
        begins = max(self._free_at, self.now)
        if begins - self.now > 0.3 or self._chance.random() < self.loss:
            return
        self._free_at = begins + (size + 44) * 8 / self.rate
        self._arrivals.add(number, int((self._free_at + 0.02 + self._chance.random() * 0.001) * 1e6))

    def run(self, seconds: float, bitrate: float, wanted: float | None = None) -> None:
        due = 0.0
        for _ in range(int(seconds / STEP_S)):
            self.now += STEP_S
            due += bitrate * STEP_S / 8
            while due >= PACKET:
                self.send(PACKET)
                due -= PACKET
            for _ in range(self.probing.tick(self.now, wanted) // 280):
                self.send(280)
            if self.now - self._told_at >= 0.1:
                self._told_at = self.now
                for report in self._arrivals.reports(1, 2):
                    ((feedback,), _) = feedback_in(report)
                    self.probing.on_arrivals(self.estimate.on_feedback(feedback, self.now), self.now)

    @property
    def bitrate(self) -> float:
        bitrate = self.estimate.bitrate(self.now)
        assert bitrate is not None
        return bitrate


def test_what_fits_is_not_called_too_much() -> None:
    path = Path(rate=5_000_000)
    path.run(20, 500_000)
    assert path.bitrate >= START
    assert path.estimate.congested_at is None


def test_a_queue_that_fills_brings_the_estimate_below_what_the_path_carries() -> None:
    path = Path(rate=5_000_000)
    path.run(5, 1_500_000)
    path.rate = 700_000
    path.run(2, 1_500_000)
    assert 300_000 < path.bitrate < 720_000
    assert path.estimate.congested_at is not None


def test_loss_without_delay_brings_it_down_and_its_end_up_again() -> None:
    path = Path(rate=50_000_000)
    path.run(5, 500_000)
    path.loss = 0.3
    path.run(6, 500_000)
    low = path.bitrate
    assert low < 0.6 * START
    path.loss = 0.0
    path.run(6, 500_000)
    assert path.bitrate > 1.2 * low


def test_a_little_loss_is_no_reason() -> None:
    path = Path(rate=50_000_000, loss=0.03)
    path.run(15, 500_000)
    assert path.bitrate >= START


def test_probes_find_a_path_that_carries_more_and_stop_where_there_is_enough() -> None:
    path = Path(rate=20_000_000)
    path.run(6, 300_000, wanted=4_000_000)
    assert path.bitrate >= 4_000_000
    assert (path.probing.pays >= 2, path.probing.fails) == (True, 0)
    sent = path.estimate.log.octets
    path.run(2, 0, wanted=4_000_000)
    assert path.estimate.log.octets == sent


def test_probes_that_find_nothing_more_become_rare() -> None:
    path = Path(rate=700_000)
    path.run(60, 400_000, wanted=4_000_000)
    assert path.bitrate < 900_000
    assert 2 <= path.probing.fails <= 8


def test_who_says_nothing_has_no_limit_and_who_promised_to_has_one_until_that_is_clear() -> None:
    estimate = BandwidthEstimate()
    assert estimate.bitrate(0.0) is None
    estimate.expect(0.0)
    assert estimate.bitrate(1.0) == START
    assert estimate.bitrate(4.0) is None
    estimate.on_remb(250_000, 5.0)
    assert estimate.bitrate(5.0) == 250_000


@given(st.binary(max_size=120))
def test_whatever_comes_as_feedback_is_read_or_refused(data: bytes) -> None:
    estimate = BandwidthEstimate()
    for _ in range(100):
        estimate.log.note(0.0, 100)
    for head in (b"", b"\0\5\0\7\0\0\0\0"):
        try:
            told = estimate.on_feedback(head + data, 1.0)
        except ValueError:
            continue
        assert {one.number for one in told} <= set(range(100))


@pytest.mark.parametrize("first", [0, 65_500])
def test_reports_are_read_as_they_are_written_across_a_wrap(first: int) -> None:
    estimate, arrivals, chance = BandwidthEstimate(), ArrivalLog(), random.Random(1)
    for _ in range(first):
        estimate.log.note(0.0, 1)
    expected = {}
    for number in range(first, first + 300):
        estimate.log.note(0.0, 1)
        if chance.random() < 0.8:
            expected[number] = 5_000_000 + number * 1_000 + chance.randrange(90) * 1_000
            arrivals.add(number & 0xFFFF, expected[number])
    told = [one for report in arrivals.reports(1, 2) for one in estimate.on_feedback(feedback_in(report)[0][0], 9.0)]
    came = {one.number: one.arrived_us for one in told if one.arrived_us is not None}
    assert came.keys() == expected.keys()
    assert all(abs(came[number] - expected[number]) < 250 for number in came)
