"""Run every benchmark, or those that are named, and print one table: `python -m benchmarks [name …]`."""

import os
import sys
from importlib import import_module
from platform import machine, python_version

from benchmarks.figure import Figure, Missing

BENCHMARKS = [
    "empty_poll",
    "wake_latency",
    "parked",
    "stored_messages",
    "many_meetings",
    "cycles",
    "meeting_size",
    "upload_throughput",
    "forwarding",
    "first_packet",
    "recording",
    "composition",
    "transcription",
    "transcription_browsers",
    "search",
    "events_to_broker",
    "webhooks",
    "startup",
]
COLUMNS = ["Figure", "Value", "Yardstick", "Ratio", "Must", "Aim", "Reaches", "Spread"]


def measured(name: str) -> list[Figure | Missing]:
    print(f"measuring {name} …", file=sys.stderr)
    figures: list[Figure | Missing] = import_module(f"benchmarks.{name}").measure()
    return figures


def as_row(figure: Figure | Missing) -> list[str]:
    if isinstance(figure, Missing):
        return [figure.name, "not measured", figure.why, *[""] * (len(COLUMNS) - 3)]
    if figure.yardstick is None:
        yardstick, ratio, unit = figure.yardstick_name, "", f" {figure.unit}"
    else:
        yardstick = f"{_number(figure.yardstick)} {figure.unit}, {figure.yardstick_name}"
        ratio, unit = f"{figure.judged:.2f}", ""
    return [
        figure.name,
        f"{_number(figure.value)} {figure.unit}",
        yardstick,
        ratio,
        f"{'≥' if figure.at_least else '≤'} {figure.must:g}{unit}",
        f"{figure.aim:g}{unit}",
        figure.reaches,
        f"± {figure.spread / 2:.0%}",
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def as_table(lines: list[list[str]]) -> str:
    """Markdown, aligned for a terminal."""
    widths = [max(len(line[column]) for line in [COLUMNS, *lines]) for column in range(len(COLUMNS))]
    ruled = [COLUMNS, ["-" * width for width in widths], *lines]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in ruled
    )


def main(names: list[str]) -> int:
    if unknown := sorted(set(names) - set(BENCHMARKS)):
        print(f"No such benchmark: {', '.join(unknown)}. Known: {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    table = as_table([as_row(figure) for name in names or BENCHMARKS for figure in measured(name)])
    print(f"Python {python_version()}, {machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
