"""Until when: a calendar of phrases, from every day of the week and the year."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notes.analysts.local.dates import MONTHS, WEEKDAYS, due_in
from app.notes.analysts.local.sentences import WORD

FRIDAY = date(2026, 11, 20)
days = st.dates(date(2020, 1, 1), date(2040, 12, 31))
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def due(said: str, held_on: date | None = FRIDAY) -> tuple[date | None, str] | None:
    words = [word.group().lower() for word in WORD.finditer(said)]
    found = due_in(words, held_on)
    return (found.on, " ".join(words[found.begin : found.end])) if found else None


@pytest.mark.parametrize(
    ("said", "day", "in_words"),
    [
        ("i'll send it by friday", date(2026, 11, 27), "by friday"),
        ("I'll send it by Friday, I promise.", date(2026, 11, 27), "by friday"),
        ("this friday is fine", date(2026, 11, 20), "this friday"),
        ("next monday", date(2026, 11, 23), "next monday"),
        ("tuesday next week", date(2026, 11, 24), "tuesday next week"),
        ("next week on tuesday", date(2026, 11, 24), "next week on tuesday"),
        ("a week from monday", date(2026, 11, 30), "a week from monday"),
        ("tomorrow morning", date(2026, 11, 21), "tomorrow morning"),
        ("the day after tomorrow", date(2026, 11, 22), "day after tomorrow"),
        ("this afternoon", FRIDAY, "this afternoon"),
        ("by end of day", FRIDAY, "by end of day"),
        ("on the 3rd of December", date(2026, 12, 3), "on the 3rd of december"),
        ("on the third of december", date(2026, 12, 3), "on the third of december"),
        ("December 3rd", date(2026, 12, 3), "december 3rd"),
        ("december the twenty first", date(2026, 12, 21), "december the twenty first"),
        ("by may the fourth", date(2027, 5, 4), "by may the fourth"),
        ("3 march 2028", date(2028, 3, 3), "3 march 2028"),
        ("by the third", date(2026, 12, 3), "by the third"),
        ("by the thirty first, please", date(2026, 12, 31), "by the thirty first"),
        ("until the 25th", date(2026, 11, 25), "until the 25th"),
        ("in two weeks", date(2026, 12, 4), "in two weeks"),
        ("within the next ten days", date(2026, 11, 30), "within the next ten days"),
        ("in a couple of days", date(2026, 11, 22), "in a couple of days"),
        ("three days from now", date(2026, 11, 23), "three days from now"),
        ("in three months", date(2027, 2, 20), "in three months"),
        ("by next week", date(2026, 11, 27), "by next week"),
        ("end of month", date(2026, 11, 30), "end of month"),
        ("by the end of the month", date(2026, 11, 30), "by the end of the month"),
        ("by the end of next month", date(2026, 12, 31), "by the end of next month"),
        ("at the end of march", date(2027, 3, 31), "end of march"),
        ("end of the quarter", date(2026, 12, 31), "end of the quarter"),
        ("no later than the 1st of january", date(2027, 1, 1), "no later than the 1st of january"),
        ("by 2026-12-24", date(2026, 12, 24), "by 2026-12-24"),
        ("on tuesday we meet and i send it by monday", date(2026, 11, 23), "by monday"),
    ],
)
def test_a_phrase_means_the_day_that_people_mean_by_it(said: str, day: date, in_words: str) -> None:
    assert due(said) == (day, in_words)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "on the third floor",
        "since monday",
        "every friday",
        "last tuesday",
        "one of the two",
        "we may march on",
        "a second opinion",
        "two weeks of work",
        "the first of them",
    ],
)
def test_what_names_no_day_ahead_is_none(said: str) -> None:
    assert due(said) is None


def test_a_day_that_has_passed_or_is_none_is_quoted_and_stays_open() -> None:
    assert due("by the 3rd of march 2020") == (None, "by the 3rd of march 2020")
    assert due("by the 31st of february") == (None, "by the 31st of february")
    assert due("by friday", None) == (None, "by friday")


@given(days, st.sampled_from(WEEKDAYS), st.sampled_from(["by {}", "until {}", "on {}", "{}", "by {} please", "By {}!"]))
def test_a_weekday_is_the_next_one_after_the_meeting(held_on: date, weekday: str, phrase: str) -> None:
    found = due(f"i'll write the report {phrase.format(weekday)}", held_on)
    assert found is not None
    assert found[0] is not None
    assert 1 <= (found[0] - held_on).days <= 7
    assert WEEKDAYS[found[0].weekday()] == weekday


@given(days, st.sampled_from(WEEKDAYS))
def test_next_is_in_the_next_week_which_begins_on_monday(held_on: date, weekday: str) -> None:
    for phrase in (f"next {weekday}", f"{weekday} next week", f"next week on {weekday}"):
        found = due(phrase, held_on)
        assert found is not None
        assert found[0] is not None
        monday = held_on - timedelta(days=held_on.weekday()) + timedelta(days=7)
        assert found[0] == monday + timedelta(days=WEEKDAYS.index(weekday))


@given(days, st.integers(1, 12))
def test_days_and_weeks_are_counted_in_words_and_digits(held_on: date, many: int) -> None:
    for number in (str(many), NUMBERS[many - 1]):
        assert due(f"i'll do it in {number} days", held_on) == (held_on + timedelta(many), f"in {number} days")
        assert due(f"i'll do it in {number} weeks", held_on) == (held_on + timedelta(7 * many), f"in {number} weeks")


@given(days, days)
def test_a_day_of_a_month_is_the_next_one_that_comes(held_on: date, wanted: date) -> None:
    found = due(f"we need it by the {wanted.day}th of {MONTHS[wanted.month - 1]}", held_on)
    assert found is not None
    if (wanted.month, wanted.day) != (2, 29):
        assert found[0] is not None
        assert (found[0].month, found[0].day) == (wanted.month, wanted.day)
        assert 0 <= (found[0] - held_on).days <= 366


@given(days)
def test_spans_end_with_their_last_day(held_on: date) -> None:
    month, week = due("by the end of the month", held_on), due("by the end of the week", held_on)
    assert month is not None
    assert month[0] is not None
    assert (month[0].month, (month[0] + timedelta(days=1)).day) == (held_on.month, 1)
    assert week is not None
    assert week[0] is not None
    assert WEEKDAYS[week[0].weekday()] == "friday"
    assert 0 <= (week[0] - held_on).days < 7


WORDS = [
    "by",
    "the",
    "end",
    "of",
    "next",
    "week",
    "on",
    "monday",
    "third",
    "in",
    "two",
    "days",
    "from",
    "now",
    "may",
    "3",
]


@given(days, st.lists(st.sampled_from(WORDS)))
def test_no_words_break_the_grammar_and_no_day_is_before_the_meeting(held_on: date, words: list[str]) -> None:
    found = due_in(words, held_on)
    if found:
        assert 0 <= found.begin < found.end <= len(words)
        assert found.on is None or found.on >= held_on
