"""A small grammar of the days that people name in English when they say until when.

It reads words in small letters, without commas and stops, as a speech recogniser gives them. What a phrase means where
people differ:

- a weekday is the next one after the meeting: on a Friday, Friday is in a week; `this Friday` may be today;
- `next Friday` is that of the next week, and weeks begin on Monday;
- a span means its last day, and a week of work ends on Friday: `next week` is due on its Friday;
- a day without a year is the next one that comes; one that has passed is no day to be ready by.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
FRIDAY, SUNDAY = 4, 6
_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
_ORDINALS = (
    *("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh"),
    *("twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth"),
    *("twentieth",),
)
_TENS = {"twenty": 20, "thirty": 30}
_DAYS_OF = {"day": 1, "days": 1, "week": 7, "weeks": 7, "fortnight": 14}
_MONTHS_OF = {"month": 1, "months": 1, "quarter": 3, "year": 12, "years": 12}
_TODAY = frozenset({"today", "tonight", "eod", "cob"})
_TIMES_OF_DAY = frozenset({"morning", "afternoon", "evening"})

_DEADLINE = frozenset({"by", "before", "until", "till", "due", "than", "within"})
_LEADS = _DEADLINE | {"on", "the", "no", "not", "later", "in", "sometime", "at", "end", "of"}
_PAST = frozenset({"last", "since", "past", "every", "each", "previous", "from", "yesterday"})
# What may stand behind "by the third": "the third floor" is no day.
_AFTER_ORDINAL = frozenset("and at or so then please if when to for with in because but okay latest".split())


@dataclass(frozen=True)
class Day:
    """The words from `begin` up to `end` name a day; `on` is None where it has passed, or nobody knows from which day
    to count.
    """

    begin: int
    end: int
    on: date | None
    is_deadline: bool


def due_in(words: Sequence[str], held_on: date | None) -> Day | None:
    """Until when, if the words say so: `by Monday` goes before `on Tuesday`, and what is said first before the rest."""
    days = list(days_in(words, held_on))
    return next((day for day in days if day.is_deadline), days[0] if days else None)


def days_in(words: Sequence[str], held_on: date | None) -> Iterator[Day]:
    """All days that the words name, in their order, each with its `by` or `on the`."""
    place = 0
    while place < len(words):
        found = _day_at(words, place, held_on or date(2001, 1, 1))
        if found is None or (place and words[place - 1] in _PAST):
            place += found[1] if found else 1
            continue
        on, length = found
        begin = place
        while begin and words[begin - 1] in _LEADS:
            begin -= 1
        while words[begin] in ("the", "of", "end", "at") and begin < place and not _DEADLINE & set(words[begin:place]):
            begin += 1
        leads = words[begin : place + 1]
        counted = on if held_on and on and on >= held_on else None
        yield Day(begin, place + length, counted, bool(_DEADLINE.intersection(leads)))
        place += length


def _day_at(words: Sequence[str], at: int, today: date) -> tuple[date | None, int] | None:
    """The day that the words at `at` name, and how many words that takes."""
    for reads in (_written, _near, _end_of, _in_some_time, _weekday, _of_month, _ordinal):
        if found := reads(words, at, today):
            return found
    return None


Found = tuple[date | None, int] | None


def _is(words: Sequence[str], at: int, *expected: str) -> bool:
    return tuple(words[at : at + len(expected)]) == expected


def _word(words: Sequence[str], at: int) -> str:
    return words[at].removesuffix("'s") if 0 <= at < len(words) else ""


def _written(words: Sequence[str], at: int, _today: date) -> Found:
    word = words[at]
    if len(word) != 10 or word[4] != "-":
        return None
    try:
        return date.fromisoformat(word), 1
    except ValueError:
        return None


def _near(words: Sequence[str], at: int, today: date) -> Found:
    if _is(words, at, "day", "after", "tomorrow"):
        return today + timedelta(days=2), 3
    if _word(words, at) in _TODAY:
        return today, 1
    if words[at] == "this" and _word(words, at + 1) in _TIMES_OF_DAY:
        return today, 2
    if _word(words, at) == "tomorrow":
        return today + timedelta(days=1), 2 if _word(words, at + 1) in (*_TIMES_OF_DAY, "night") else 1
    if _is(words, at, "close", "of", "business"):
        return today, 3
    return None


def _end_of(words: Sequence[str], at: int, today: date) -> Found:
    """`end of the month`, `end of next week`, `end of March`; and `next month`, `this week`."""
    length = 2 if _is(words, at, "end", "of") else 0
    is_end = bool(length)
    which = _word(words, at + length)
    if which in ("the", "this", "next", "our") and (is_end or which != "the"):
        length += 1
    else:
        which = "this"
        if not is_end:
            return None
    span = _word(words, at + length)
    ahead = 1 if which == "next" else 0
    length += 1
    if span in ("day", "business") and is_end:
        return today, length
    if span == "week":
        if ahead and _word(words, at + length + (_word(words, at + length) == "on")) in WEEKDAYS:
            return None  # "next week on Tuesday"
        return _friday_of(today, ahead), length
    if span == "weekend":
        return _day_of_week(today, SUNDAY, ahead), length
    if span in ("month", "quarter", "year"):
        size = _MONTHS_OF[span]
        return _last_of(today.year, (today.month - 1) // size * size + size + ahead * size), length
    if span in MONTHS and is_end:
        month = MONTHS.index(span) + 1
        return _last_of(today.year + (month < today.month), month), length
    return None


def _in_some_time(words: Sequence[str], at: int, today: date) -> Found:
    """`in two weeks`, `within the next ten days`, `three days from now`, `a week from Friday`."""
    begin = at
    if words[at] in ("in", "within"):
        begin += 1
        begin += 2 if _is(words, begin, "the", "next") else 0
    number = _number(words, begin)
    if number is None:
        return None
    many, length = number
    unit = _word(words, begin + length)
    end = begin + length + 1
    if unit not in _DAYS_OF and unit not in _MONTHS_OF:
        return None
    start: date | None = today if begin > at else None
    if _word(words, end) == "from":
        after = _word(words, end + 1)
        start, end = (today, end + 2) if after in ("now", "today") else (start, end)
        if after in WEEKDAYS:
            start, end = _next(today, WEEKDAYS.index(after)), end + 2
    if start is None:
        return None
    if unit in _DAYS_OF:
        return start + timedelta(days=many * _DAYS_OF[unit]), end - at
    months = start.month + many * _MONTHS_OF[unit]
    last = _last_of(start.year, months)
    return last.replace(day=min(start.day, last.day)), end - at


def _weekday(words: Sequence[str], at: int, today: date) -> Found:
    if _is(words, at, "next", "week"):
        end = at + 2 + (_word(words, at + 2) == "on")
        if _word(words, end) in WEEKDAYS:
            return _day_of_week(today, WEEKDAYS.index(_word(words, end)), 1), end + 1 - at
        return None
    which = words[at] if words[at] in ("this", "next", "coming") else ""
    day = _word(words, at + bool(which))
    if day not in WEEKDAYS:
        return None
    number, length = WEEKDAYS.index(day), 1 + bool(which)
    after = at + length + (_word(words, at + length) in ("of", "in"))
    if _is(words, after, "next", "week"):
        return _day_of_week(today, number, 1), after + 2 - at
    if which == "next":
        return _day_of_week(today, number, 1), length
    if which == "this":
        return today + timedelta(days=(number - today.weekday()) % 7), length
    return _next(today, number), length


def _of_month(words: Sequence[str], at: int, today: date) -> Found:
    """`the 3rd of December`, `December third`, `3 December 2026`."""
    begin = at
    if words[at] in MONTHS:
        month, begin = words[at], at + 1 + (_word(words, at + 1) == "the")
        day = _ordinal_at(words, begin) or _number(words, begin)
        end = begin + day[1] if day else at
    else:
        day = _ordinal_at(words, at) or _number(words, at)
        end = at + day[1] if day else at
        end += _word(words, end) == "of"
        month = _word(words, end)
        end += 1
    if day is None or month not in MONTHS or not 1 <= day[0] <= 31:
        return None
    number = MONTHS.index(month) + 1
    year = _word(words, end)
    if year.isdecimal() and len(year) == 4:
        return _day(int(year), number, day[0]), end + 1 - at
    this_year = _day(today.year, number, day[0])
    has_passed = this_year is None or this_year < today
    return _day(today.year + 1, number, day[0]) if has_passed else this_year, end - at


def _ordinal(words: Sequence[str], at: int, today: date) -> Found:
    """`by the 3rd`: the next such day."""
    if at < 2 or words[at - 1] != "the" or words[at - 2] not in _DEADLINE | {"on"}:
        return None
    found = _ordinal_at(words, at)
    if found is None:
        return None
    day, length = found
    behind = _word(words, at + length)
    if behind and behind not in _AFTER_ORDINAL and not words[at][0].isdecimal():
        return None
    for ahead in range(3):  # no two months in a row lack a day
        year, month = divmod(today.month - 1 + ahead, 12)
        on = _day(today.year + year, month + 1, day)
        if on and on > today:
            return on, length
    return None


def _number(words: Sequence[str], at: int) -> tuple[int, int] | None:
    word = _word(words, at)
    if word.isdecimal() and len(word) <= 3:
        return int(word), 1
    if _is(words, at, "a", "couple", "of"):
        return 2, 3
    if _is(words, at, "couple", "of"):
        return 2, 2
    if word in ("a", "an"):
        return 1, 1
    tens, _, ones = word.partition("-")
    if tens in _TENS and (ones or _word(words, at + 1) in _NUMBERS[1:10]):
        more = ones or _word(words, at + 1)
        return (_TENS[tens] + _NUMBERS.index(more), 1 if ones else 2) if more in _NUMBERS[1:10] else None
    if word in _NUMBERS:
        return _NUMBERS.index(word), 1
    return (_TENS[word], 1) if word in _TENS else None


def _ordinal_at(words: Sequence[str], at: int) -> tuple[int, int] | None:
    word = _word(words, at)
    if word[:-2].isdecimal() and word[-2:] in ("st", "nd", "rd", "th"):
        return int(word[:-2]), 1
    tens, _, ones = word.partition("-")
    more = ones or _word(words, at + 1)
    if tens in _TENS and more in _ORDINALS[1:10]:
        return _TENS[tens] + _ORDINALS.index(more), 1 if ones else 2
    if word == "thirtieth":
        return 30, 1
    return (_ORDINALS.index(word), 1) if word and word in _ORDINALS else None


def _next(today: date, weekday: int) -> date:
    return today + timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)


def _day_of_week(today: date, weekday: int, weeks_ahead: int) -> date:
    return today + timedelta(days=weekday - today.weekday() + 7 * weeks_ahead)


def _friday_of(today: date, weeks_ahead: int) -> date:
    """On a weekend, this week is the one that comes."""
    friday = _day_of_week(today, FRIDAY, weeks_ahead)
    return friday if friday >= today else friday + timedelta(days=7)


def _last_of(year: int, month: int) -> date:
    """`month` may be beyond 12."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, monthrange(year, month)[1])


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
