"""Time zones as calendars carry them (RFC 5545 §3.6.5), made from the system's own tables.

The `icalendar` library can make them too, but puts the change to summer time an hour late.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

_STEP = timedelta(days=7)  # two changes are never closer, but for a few of long ago


@lru_cache(maxsize=64)
def time_zone(name: str, first_year: int, last_year: int) -> Any:
    """A VTIMEZONE with every change of a zone's clocks in these years."""
    from icalendar import Timezone

    zone = ZoneInfo(name)
    part = Timezone()
    part.add("TZID", name)
    moment, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    part.add_component(_observance(moment, zone, moment))
    while moment < end:
        following = moment + _STEP
        if following.astimezone(zone).utcoffset() != moment.astimezone(zone).utcoffset():
            part.add_component(_observance(_change_between(moment, following, zone), zone, moment))
        moment = following
    return part


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def _observance(onset: datetime, zone: ZoneInfo, before: datetime) -> Any:
    """What holds from `onset` on; its start is told in the wall time of what held `before`."""
    from icalendar import TimezoneDaylight, TimezoneStandard

    now, old = onset.astimezone(zone), before.astimezone(zone).utcoffset() or timedelta(0)
    part = TimezoneDaylight() if now.dst() else TimezoneStandard()
    part.add("DTSTART", (onset + old).replace(tzinfo=None))
    part.add("TZOFFSETFROM", old)
    part.add("TZOFFSETTO", now.utcoffset())
    part.add("TZNAME", now.tzname() or "")
    return part
