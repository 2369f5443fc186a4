"""Rates as whoever runs Parley writes them: `300/hour`, `10/15 minutes`, `off`."""

import re
from dataclasses import dataclass

_UNITS_S = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_RATE = re.compile(r"([1-9][0-9]{0,8}) ?/ ?(?:([1-9][0-9]{0,3}) ?)?(second|minute|hour|day)s?")


@dataclass(frozen=True, slots=True)
class Rate:
    most: int
    window_s: int
    window: str  # for people: "a minute", "15 minutes"


def read_rate(text: str) -> Rate | None:
    """None: `off`.

    :raises ValueError: it is no rate.
    """
    if text.strip().lower() == "off":
        return None
    found = _RATE.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError("must be such as 300/hour or 10/15 minutes (second, minute, hour, day), or off")
    most, times, unit = int(found[1]), int(found[2] or 1), found[3]
    article = "an" if unit == "hour" else "a"
    return Rate(most, times * _UNITS_S[unit], f"{article} {unit}" if times == 1 else f"{times} {unit}s")
