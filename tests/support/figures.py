"""Figures that tests count, such as requests walked, summed over all processes and told after the run.

A test says `record_property("figure: access checks", 14)`.
"""

from collections import Counter
from typing import Any

_PREFIX = "figure: "


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write the sums of what passed under the run's results."""
    sums: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        if report.when == "call":
            for name, count in report.user_properties:
                sums[name] += count if name.startswith(_PREFIX) else 0
    figures = sorted((name, count) for name, count in sums.items() if count)
    if figures:
        terminalreporter.section("figures")
        for name, count in figures:
            terminalreporter.line(f"{count:>8,}  {name.removeprefix(_PREFIX)}")
