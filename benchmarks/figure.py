"""What a benchmark hands back, and how figures are compared."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import TypeVar

Measured = TypeVar("Measured")


@dataclass(frozen=True)
class Figure:
    """One row of the table. `value` and `yardstick` are in `unit`, and were measured in turn in one run.

    :param yardstick: what `value` is divided by; None where the target is the value itself.
    :param must: the most that ratio (or value, without a yardstick) may be.
    :param aim: what it is hoped to be.
    :param at_least: more is better: `must` and `aim` are the least, not the most.
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
    at_least: bool = False

    @property
    def judged(self) -> float:
        return self.value if self.yardstick is None else self.value / self.yardstick

    @property
    def reaches(self) -> str:
        for target, reached in ((self.aim, "aim"), (self.must, "must")):
            if self.judged >= target if self.at_least else self.judged <= target:
                return reached
        return "MISSED"


@dataclass(frozen=True)
class Missing:
    """A row that could not be measured here: said, not left out."""

    name: str
    why: str


def spread(values: list[float]) -> float:
    """How far the middle half of measurements lies apart, as a fraction of their median."""
    ordered = sorted(values)
    quarter = len(ordered) // 4
    return (ordered[-1 - quarter] - ordered[quarter]) / median(ordered)


def percentile(values: list[float], percent: float) -> float:
    """The smallest value that is not exceeded by `percent` per cent of them."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def measure_in_turn(
    figure: Callable[[], Measured], yardstick: Callable[[], Measured], pairs: int
) -> tuple[list[Measured], list[Measured]]:
    """Measure both `pairs` times, in turn, so that what else the machine does weighs on both alike.

    One pair more is measured first and forgotten: it warms the file cache.
    """
    measured = [(figure(), yardstick()) for _ in range(pairs + 1)][1:]
    return [pair[0] for pair in measured], [pair[1] for pair in measured]
