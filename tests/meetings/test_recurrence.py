from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from app.meetings.recurrence import RuleError, check_rule, occurrences, read_rule, to_utc

LATER = datetime(2030, 1, 1, tzinfo=UTC)


def told(text: str, start: str, zone: str, most: int = 10) -> list[str]:
    """UTC and local wall time of the first occurrences."""
    first = datetime.fromisoformat(start)
    found = islice(occurrences(read_rule(text, zone), first, zone, LATER), most)
    return [f"{at:%m-%d %H:%M}Z {at.astimezone(ZoneInfo(zone)):%H:%M}" for at in found]


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [
        ("Europe/Berlin", "2027-03-22T09:00", ["03-22 08:00Z 09:00", "03-29 07:00Z 09:00", "04-05 07:00Z 09:00"]),
        ("Europe/Berlin", "2027-10-25T09:00", ["10-25 07:00Z 09:00", "11-01 08:00Z 09:00", "11-08 08:00Z 09:00"]),
        ("America/New_York", "2027-03-08T09:00", ["03-08 14:00Z 09:00", "03-15 13:00Z 09:00", "03-22 13:00Z 09:00"]),
        ("America/New_York", "2027-11-01T09:00", ["11-01 13:00Z 09:00", "11-08 14:00Z 09:00", "11-15 14:00Z 09:00"]),
    ],
)
def test_a_weekly_meeting_keeps_its_wall_time_when_clocks_change(zone: str, start: str, expected: list[str]) -> None:
    assert told("FREQ=WEEKLY;COUNT=3", start, zone) == expected


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [  # Clocks are put forward at 2:00, in Berlin on 28 March, in New York on 14 March 2027.
        ("Europe/Berlin", "2027-03-27T02:30", ["03-27 01:30Z 02:30", "03-28 01:30Z 03:30", "03-29 00:30Z 02:30"]),
        ("America/New_York", "2027-03-13T02:30", ["03-13 07:30Z 02:30", "03-14 07:30Z 03:30", "03-15 06:30Z 02:30"]),
    ],
)
def test_a_wall_time_that_clocks_skip_moves_forward_on_that_day_alone(
    zone: str, start: str, expected: list[str]
) -> None:
    assert told("FREQ=DAILY;COUNT=3", start, zone) == expected


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [  # Clocks are put back, and an hour comes twice: in Berlin on 31 October, in New York on 7 November 2027.
        ("Europe/Berlin", "2027-10-30T02:30", ["10-30 00:30Z 02:30", "10-31 00:30Z 02:30", "11-01 01:30Z 02:30"]),
        ("America/New_York", "2027-11-06T01:30", ["11-06 05:30Z 01:30", "11-07 05:30Z 01:30", "11-08 06:30Z 01:30"]),
    ],
)
def test_of_a_wall_time_that_comes_twice_the_first_counts(zone: str, start: str, expected: list[str]) -> None:
    assert told("FREQ=DAILY;COUNT=3", start, zone) == expected


@pytest.mark.parametrize(
    ("rule", "start", "days"),
    [
        ("FREQ=DAILY;INTERVAL=3;COUNT=3", "2027-01-01T08:00", ["01-01", "01-04", "01-07"]),
        ("FREQ=WEEKLY;BYDAY=MO,WE;COUNT=3", "2027-01-04T08:00", ["01-04", "01-06", "01-11"]),
        ("FREQ=WEEKLY;INTERVAL=2;UNTIL=20270201", "2027-01-04T08:00", ["01-04", "01-18", "02-01"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31;COUNT=3", "2027-01-31T08:00", ["01-31", "03-31", "05-31"]),
        ("FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", "2027-01-29T08:00", ["01-29", "02-26", "03-26"]),
        ("FREQ=YEARLY;COUNT=2", "2027-01-29T08:00", ["01-29", "01-29"]),
        ("RRULE:FREQ=DAILY;UNTIL=20270102T080000Z", "2027-01-01T08:00", ["01-01", "01-02"]),
    ],
)
def test_a_rule_is_expanded_as_calendars_do(rule: str, start: str, days: list[str]) -> None:
    assert [line[:5] for line in told(rule, start, "UTC")] == days


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("", "not supported"),
        ("FREQ=SECONDLY", "FREQ must be one of DAILY"),
        ("FREQ=HOURLY;COUNT=3", "FREQ must be one of DAILY"),
        ("FREQ=WEEKLY;BYSETPOS=1", "BYSETPOS is not supported"),
        ("FREQ=WEEKLY;FREQ=DAILY", "FREQ is given twice"),
        ("FREQ=WEEKLY;INTERVAL=0", "INTERVAL must be a number from 1"),
        ("FREQ=WEEKLY;COUNT=2;UNTIL=20270401", "not both"),
        ("FREQ=WEEKLY;COUNT=101", "a series has 100 occurrences at most"),
        ("FREQ=DAILY;UNTIL=20280301", "more than 100 occurrences"),
        ("FREQ=DAILY;UNTIL=20990301", "more than 10 years after the start"),
        ("FREQ=DAILY;UNTIL=soon", "UNTIL must be a date"),
        ("FREQ=DAILY;UNTIL=20200101", "no occurrence at the start"),
        ("FREQ=WEEKLY;BYDAY=XX", "'XX' is none"),
        ("FREQ=WEEKLY;BYDAY=2MO", "only in a MONTHLY or YEARLY rule"),
        ("FREQ=MONTHLY;BYDAY=6MO", "from 1 to 5"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "does not fit a WEEKLY rule"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "from 1 to 31"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=TU", "no occurrence"),
        ("FREQ=WEEKLY;BYDAY=TU", "its first is Tue 2027-01-05"),
        ("FREQ=DAILY;" + "BYDAY=MO," * 100, "Longer than"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_with_the_reason(rule: str, says: str) -> None:
    start = datetime(2027, 1, 4, 8, 0)
    with pytest.raises(RuleError, match=says):
        check_rule(read_rule(rule, "UTC"), start, "UTC", most=100)


def test_until_is_a_day_of_the_meetings_zone() -> None:
    rule = read_rule("FREQ=DAILY;UNTIL=20270102", "America/New_York")
    assert str(rule) == "FREQ=DAILY;UNTIL=20270103T045959Z"
    assert len(list(occurrences(rule, datetime(2027, 1, 1, 22, 0), "America/New_York", LATER))) == 2
    ended = rule.ending_before(to_utc(datetime(2027, 1, 2, 22, 0), "America/New_York"))
    assert len(list(occurrences(ended, datetime(2027, 1, 1, 22, 0), "America/New_York", LATER))) == 1
