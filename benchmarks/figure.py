"""What a benchmark hands back, and how figures are compared."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """One row of the table. `value` and `yardstick` are in `unit`, and were measured in turn in one run.

    :param yardstick: what `value` is divided by; None where the target is the value itself.
    :param must: the most that ratio (or value, without a yardstick) may be.
    :param aim: what it is hoped to be.
    :param spread: how far measurements lay apart, as a fraction of `value`; a reader's measure of noise.
    """

    name: str
    unit: str
    value: float
    yardstick: float | None
    yardstick_name: str
    must: float
    aim: float
    spread: float

    @property
    def judged(self) -> float:
        return self.value if self.yardstick is None else self.value / self.yardstick

    @property
    def reaches(self) -> str:
        return "aim" if self.judged <= self.aim else "must" if self.judged <= self.must else "MISSED"


def spread(values: list[float]) -> float:
    """How far the middle half of measurements lies apart, as a fraction of their median."""
    ordered = sorted(values)
    quarter = len(ordered) // 4
    return (ordered[-1 - quarter] - ordered[quarter]) / median(ordered)


def measure_in_turn(
    figure: Callable[[], float], yardstick: Callable[[], float], pairs: int
) -> tuple[list[float], list[float]]:
    """Measure both `pairs` times, in turn, so that what else the machine does weighs on both alike.

    One pair more is measured first and forgotten: it warms the file cache.
    """
    measured = [(figure(), yardstick()) for _ in range(pairs + 1)][1:]
    return [pair[0] for pair in measured], [pair[1] for pair in measured]
