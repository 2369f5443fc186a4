"""Frames are placed by their timestamps as long as those can be believed."""

import pytest

from media_worker.recording.reorder import Received
from media_worker.recording.timing import Timing

RATE = 48_000
STEP = RATE // 50


class Sender:
    """Sound of 20 ms a frame; `placed` is when they stand in the file, by number."""

    def __init__(self, first_timestamp: int = 0) -> None:
        self.timing = Timing(RATE)
        self.timestamp = first_timestamp
        self.placed: list[float] = []

    def send(self, count: int, begins: float, every: float = 0.02, step: int = STEP) -> float:
        """`count` frames from `begins` on; when the next one is due."""
        for number in range(count):
            packet = Received(0, self.timestamp & 0xFFFFFFFF, True, b"", begins + number * every)
            self.timestamp += step
            self.placed += [at for at, _, _ in self.timing.place(packet, b"", True)]
        return begins + count * every

    def end(self) -> list[float]:
        self.placed += [at for at, _, _ in self.timing.rest()]
        return self.placed


def near(values: list[float], expected: list[float]) -> None:
    assert values == pytest.approx(expected, abs=0.001)


def test_frames_stand_at_their_timestamps_however_they_arrive() -> None:
    sender = Sender()
    for number in range(50):
        sender.send(1, 100 + number * 0.02 + (0.05 if number % 3 else 0))
    near(sender.end(), [n * 0.02 for n in range(50)])


def test_timestamps_that_wrap_go_on() -> None:
    sender = Sender(first_timestamp=0xFFFFFFFF - 10 * STEP)
    sender.send(50, 100)
    near(sender.end(), [n * 0.02 for n in range(50)])


def test_a_pause_in_which_timestamps_went_on_is_as_long_as_it_was() -> None:
    sender = Sender()
    at = sender.send(10, 100)
    sender.timestamp += 5 * RATE
    sender.send(10, at + 5)
    near(sender.end()[10:], [5.2 + n * 0.02 for n in range(10)])


def test_a_pause_in_which_timestamps_stood_still_is_as_long_as_it_was() -> None:
    sender = Sender()
    at = sender.send(10, 100)
    sender.send(60, at + 5)
    placed = sender.end()
    near(placed[10:], [5.2 + n * 0.02 for n in range(60)])


def test_a_stall_of_the_network_is_no_pause() -> None:
    sender = Sender()
    at = sender.send(50, 100)
    at = sender.send(100, at + 2, every=0.0005)  # two seconds of sound within 50 ms
    sender.send(50, at)
    near(sender.end(), [n * 0.02 for n in range(200)])


def test_timestamps_from_the_future_are_not_believed() -> None:
    sender = Sender()
    at = sender.send(10, 100)
    sender.timestamp += 3600 * RATE
    sender.send(10, at)
    near(sender.end()[10:], [0.2 + n * 0.02 for n in range(10)])


def test_the_file_begins_when_the_least_delayed_of_its_first_packets_was_sent() -> None:
    sender = Sender()
    sender.send(1, 100.2)
    for number in range(1, 50):
        sender.send(1, 100 + number * 0.02)
    assert sender.timing.origin == pytest.approx(100.0, abs=0.001)


def test_time_never_runs_backwards() -> None:
    sender = Sender()
    at = sender.send(10, 100)
    sender.timestamp -= 5 * STEP
    sender.send(10, at)
    assert sender.end() == sorted(sender.placed)
