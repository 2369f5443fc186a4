"""Rules by which a meeting repeats (RFC 5545 §3.3.10): read strictly, expanded in local wall time, then put into UTC.

A weekly meeting at 9:00 in Berlin is at 9:00 there in summer and in winter, so a rule knows no UTC: it is expanded
without offsets, and each wall time is looked up in its zone. One that does not exist there, in the hour that clocks
skip, is read with the offset from before the gap and so moves forward; of one that comes twice the first counts
(§3.3.5).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
PARTS = ("FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "COUNT", "UNTIL")
LONGEST_TEXT = 300
MOST_INTERVAL = 366
LONGEST_YEARS = 10  # from the start to UNTIL
_LONGEST_PAUSE = timedelta(days=366 * 9)  # 29 February comes after 8 years where a leap year is left out
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class RuleError(ValueError):
    """The rule can't be used; the message says why, to the person who wrote it."""


@dataclass(frozen=True)
class Rule:
    """A rule that was read. `until` is the last moment that counts, in UTC; `text` is written with neither end."""

    text: str
    count: int | None = None
    until: datetime | None = None

    def __str__(self) -> str:
        """As it stands in a calendar and in the API."""
        if self.count is not None:
            return f"{self.text};COUNT={self.count}"
        return self.text if self.until is None else f"{self.text};UNTIL={self.until:%Y%m%dT%H%M%SZ}"

    @property
    def is_endless(self) -> bool:
        return self.count is None and self.until is None

    def ending_before(self, moment: datetime) -> "Rule":
        """The same, with nothing at `moment` or later."""
        return replace(self, count=None, until=moment - timedelta(seconds=1))


def to_wall(moment: datetime, zone: str) -> datetime:
    """The wall time of a moment, without an offset."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def to_utc(wall: datetime, zone: str) -> datetime:
    """The moment of a wall time: forward out of a gap, the first of two (RFC 5545 §3.3.5, by PEP 495's fold=0)."""
    return wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def read_rule(text: str, zone: str) -> Rule:
    """:raises RuleError: it is not one of the rules that Parley knows."""
    parts: dict[str, str] = {}
    if len(text) > LONGEST_TEXT:
        raise RuleError(f"Longer than {LONGEST_TEXT} characters.")
    for part in text.strip().upper().removeprefix("RRULE:").split(";"):
        name, _, value = part.partition("=")
        if name not in PARTS:
            raise RuleError(f"{name or 'An empty part'} is not supported; a rule is made of {', '.join(PARTS)}.")
        if name in parts:
            raise RuleError(f"{name} is given twice.")
        parts[name] = value
    if parts.get("FREQ") not in FREQUENCIES:
        raise RuleError(f"FREQ must be one of {', '.join(FREQUENCIES)}.")
    if "COUNT" in parts and "UNTIL" in parts:
        raise RuleError("Give COUNT or UNTIL, not both.")
    written = [f"FREQ={parts['FREQ']}"]
    interval = _number("INTERVAL", parts.get("INTERVAL", "1"), 1, MOST_INTERVAL)
    if interval > 1:
        written.append(f"INTERVAL={interval}")
    if "BYDAY" in parts:
        written.append(f"BYDAY={_days(parts['BYDAY'], parts['FREQ'])}")
    if "BYMONTHDAY" in parts:
        written.append(f"BYMONTHDAY={_month_days(parts['BYMONTHDAY'], parts['FREQ'])}")
    count = _number("COUNT", parts["COUNT"], 1, 10**6) if "COUNT" in parts else None
    return Rule(";".join(written), count, _until(parts["UNTIL"], zone) if "UNTIL" in parts else None)


def check_rule(rule: Rule, start: datetime, zone: str, most: int) -> None:
    """Hold a rule against its start (wall time) and against the most occurrences that a series may have.

    :raises RuleError:
    """
    if rule.count is not None and rule.count > most:
        raise RuleError(f"COUNT is {rule.count}; a series has {most} occurrences at most.")
    if rule.until is not None and rule.until > to_utc(start, zone) + timedelta(days=366 * LONGEST_YEARS):
        raise RuleError(f"UNTIL is more than {LONGEST_YEARS} years after the start.")
    first = next(_walls(rule, start, zone, start + _LONGEST_PAUSE), None)
    if first is None:
        raise RuleError("The rule has no occurrence at the start.")
    if first != start:
        raise RuleError(
            f"The rule must have an occurrence at the start, {start:%a %Y-%m-%d %H:%M}; "
            f"its first is {first:%a %Y-%m-%d}."
        )
    if rule.until is not None and len(list(islice(occurrences(rule, start, zone, rule.until), most + 1))) > most:
        raise RuleError(f"UNTIL leaves more than {most} occurrences, the most that a series has.")


def occurrences(rule: Rule, start: datetime, zone: str, last: datetime) -> Iterator[datetime]:
    """The moments of a rule in UTC, in their order, until `last`. `start`: wall time."""
    for wall in _walls(rule, start, zone, to_wall(last, zone) + timedelta(hours=3)):  # clocks that are put back
        moment = to_utc(wall, zone)
        if moment <= last:
            yield moment


def next_occurrence(rule: Rule, start: datetime, zone: str, after: datetime) -> datetime | None:
    """The first later than `after`."""
    found = occurrences(rule, start, zone, max(after, to_utc(start, zone)) + _LONGEST_PAUSE)
    return next((moment for moment in found if moment > after), None)


def _walls(rule: Rule, start: datetime, zone: str, last: datetime) -> Iterator[datetime]:
    """Always with an end: what never comes, such as a 30th of February, would be looked for until the year 9999."""
    from dateutil.rrule import rrulestr  # here: most processes start without needing it

    for wall in islice(rrulestr(f"{rule.text};UNTIL={last:%Y%m%dT%H%M%S}", dtstart=start), rule.count):
        if rule.until is not None and to_utc(wall, zone) > rule.until:
            return
        yield wall


def _number(name: str, text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise RuleError(f"{name} must be a number from {least} to {most}.")
    return int(text)


def _days(text: str, frequency: str) -> str:
    for day in text.split(","):
        ordinal = day[:-2]
        if day[-2:] not in _DAYS:
            raise RuleError(f"BYDAY must list days such as MO,WE; {day!r} is none.")
        if not ordinal:
            continue
        if frequency not in ("MONTHLY", "YEARLY"):
            raise RuleError(f"{day}: a day has a number only in a MONTHLY or YEARLY rule.")
        number = ordinal.removeprefix("-").removeprefix("+")
        _number("A day's number", number, 1, 5 if frequency == "MONTHLY" else 53)
    return text


def _month_days(text: str, frequency: str) -> str:
    if frequency == "WEEKLY":  # RFC 5545 §3.3.10
        raise RuleError("BYMONTHDAY does not fit a WEEKLY rule.")
    for day in text.split(","):
        _number("BYMONTHDAY", day.removeprefix("-"), 1, 31)
    return text


def _until(text: str, zone: str) -> datetime:
    """A date lasts until its end in `zone`; a time is UTC where it ends in Z, else in `zone`."""
    try:
        if "T" not in text:
            day = date(int(text[:4]), int(text[4:6]), int(text[6:8])) if len(text) == 8 else None
            if day is None or not 1970 <= day.year <= 9000:
                raise ValueError(text)
            return to_utc(datetime.combine(day, time(23, 59, 59)), zone)
        moment = datetime.strptime(text.removesuffix("Z"), "%Y%m%dT%H%M%S")
        if not 1970 <= moment.year <= 9000:
            raise ValueError(text)
    except ValueError:
        raise RuleError("UNTIL must be a date such as 20270331, or a time such as 20270331T220000Z.") from None
    return moment.replace(tzinfo=UTC) if text.endswith("Z") else to_utc(moment, zone)
