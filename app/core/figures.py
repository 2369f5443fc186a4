"""What a process counts while it runs: requests, waits, jobs.

Its beat writes it down (`processes.py`), so that whichever process Prometheus asks can answer for all.
"""

from __future__ import annotations

import resource
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # upper bounds
_PAGE_BYTES = resource.getpagesize()

Labels = tuple[tuple[str, str], ...]


class Figures:
    """Safe to share between threads. Names are Prometheus' own: what only grows ends in `_total`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str, int], list[float]] = {}  # how many, how long in all
        self._counted: dict[tuple[str, Labels], float] = defaultdict(float)
        self._observed: dict[str, list[float]] = {}  # how many up to each bound and beyond, and their sum
        self._gauges: dict[str, Callable[[], float]] = {}

    def request(self, method: str, route: str | None, status: int, took_s: float) -> None:
        """A request was answered. Without a route: nothing is there."""
        key = (method, route or "", status)
        with self._lock:
            there = self._requests.get(key)
            if there is None:
                there = self._requests[key] = [0, 0.0]
            there[0] += 1
            there[1] += took_s

    def count(self, name: str, amount: float = 1.0, **labels: str) -> None:
        with self._lock:
            self._counted[name, tuple(labels.items())] += amount

    def observe(self, name: str, seconds: float) -> None:
        """One value of a histogram."""
        with self._lock:
            there = self._observed.get(name)
            if there is None:
                there = self._observed[name] = [0.0] * (len(BUCKETS_S) + 2)
            there[bisect_left(BUCKETS_S, seconds)] += 1
            there[-1] += seconds

    def watch(self, name: str, value: Callable[[], float]) -> None:
        """A figure that goes up and down, asked for when it is wanted."""
        self._gauges[name] = value

    def snapshot(self) -> dict[str, Any]:
        """All of them as JSON: `single`, a list of name, labels and value, and `histograms` by name."""
        with self._lock:
            requests = [(key, tuple(value)) for key, value in self._requests.items()]
            counted = list(self._counted.items())
            histograms = {name: list(value) for name, value in self._observed.items()}
        single: list[tuple[str, dict[str, str], float]] = [
            ("parley_process_cpu_seconds_total", {}, sum(resource.getrusage(resource.RUSAGE_SELF)[:2])),
            ("parley_process_resident_bytes", {}, _resident_bytes()),
        ]
        for (method, route, status), (number, seconds) in requests:
            labels = {"method": method, "route": route, "status": str(status)}
            single.append(("parley_requests_total", labels, number))
            single.append(("parley_request_seconds_total", labels, round(seconds, 6)))
        single += [(name, dict(labels), value) for (name, labels), value in counted]
        single += [(name, {}, value()) for name, value in self._gauges.items()]
        return {"single": single, "histograms": histograms}


def _resident_bytes() -> float:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES
    except OSError:  # no Linux
        return 0.0
