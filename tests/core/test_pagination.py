"""Cursor pages, over HTTP and on lists that change meanwhile."""

import base64
import json
from typing import Any

import pytest

from app.core.clock import ManualClock
from tests.support.people import Person, ok, problem

NOW = {"t": "2026-11-20T10:00:00+00:00"}


def pages(person: Person, path: str, **query: Any) -> list[list[dict[str, Any]]]:
    """All pages from the first to the last."""
    found, cursor = [], {}
    while True:
        page = ok(person.get(path, **query, **cursor))
        found.append(page["items"])
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def titles(found: list[list[dict[str, Any]]]) -> list[str]:
    return [meeting["title"] for page in found for meeting in page]


@pytest.fixture
def five(anna: Person, clock: ManualClock) -> list[str]:
    """Titles of five meetings in the order in which they were made, two of them within one microsecond."""
    made = []
    for number in range(5):
        made.append(anna.create_meeting(title=f"Meeting {number}")["title"])
        clock.advance(seconds=number % 2)
    return made


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_the_pages_together_are_the_list_without_gap_or_repeat(anna: Person, five: list[str], limit: int) -> None:
    found = pages(anna, "/meetings", limit=limit, order="asc")
    assert titles(found) == five
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    assert titles(pages(anna, "/meetings", limit=limit, order="desc")) == five[::-1]


def test_a_list_that_fits_one_page_has_no_next_one(anna: Person, five: list[str]) -> None:
    page = ok(anna.get("/meetings", limit=len(five)))
    assert (len(page["items"]), page["next_cursor"]) == (5, None)


def test_an_empty_list_is_one_empty_page(anna: Person) -> None:
    assert ok(anna.get("/meetings")) == {"items": [], "next_cursor": None}


def test_what_comes_and_goes_meanwhile_shifts_nothing(anna: Person, five: list[str], clock: ManualClock) -> None:
    first = ok(anna.get("/meetings", limit=2))
    assert titles([first["items"]]) == five[:2:-1]
    clock.advance(minutes=1)
    anna.create_meeting(title="Later")  # before the first page
    ok(anna.post(f"/meetings/{first['items'][1]['id']}/cancel"))
    assert anna.delete(f"/meetings/{first['items'][1]['id']}").status_code == 204  # what the cursor stands at
    rest = ok(anna.get("/meetings", limit=50, cursor=first["next_cursor"]))
    assert titles([rest["items"]]) == five[2::-1]


def test_a_filter_holds_on_every_page(anna: Person, five: list[str]) -> None:
    for meeting in ok(anna.get("/meetings"))["items"][1:3]:
        ok(anna.post(f"/meetings/{meeting['id']}/cancel"))
    found = pages(anna, "/meetings", limit=1, state="cancelled")
    assert titles(found) == ["Meeting 3", "Meeting 2"]


def test_times_of_the_list_keep_their_microseconds_in_the_cursor(anna: Person, clock: ManualClock) -> None:
    for number in range(4):
        anna.create_meeting(title=str(number))
        clock.advance(microseconds=1)
    assert titles(pages(anna, "/meetings", limit=1, order="asc")) == ["0", "1", "2", "3"]


def cursor_of(values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "garbage",
        "é",
        "a" * 501,
        base64.urlsafe_b64encode(b"[" * 300).decode(),
        *map(
            cursor_of,
            [
                None,
                "ab",
                {"t": 1},
                [],
                ["a"],
                ["a", "b"],
                ["a", "b", "c"],
                [1, 2],
                [None, None],
                [[], []],
                [True, "a"],
                [NOW, NOW],
                [NOW, 1],
                [NOW, "\ud800"],
                [NOW, "a\0"],
                [{"t": 1}, "a"],
                [{"t": "2026-11-20T10:00:00"}, "a"],
                [{"t": "0001-01-01T00:00:00+23:00"}, "a"],
                [{"t": "9999-12-31T23:59:59-23:00"}, "a"],
                [{}, "a"],
            ],
        ),
    ],
)
def test_a_cursor_that_no_list_gave_is_refused(anna: Person, cursor: str) -> None:
    told = problem(anna.get("/meetings", cursor=cursor), 422, "validation_failed")
    assert [(error["location"], error["field"]) for error in told["errors"]] == [("query", "cursor")]


def test_a_cursor_of_another_list_is_refused_if_it_cannot_mean_anything(anna: Person, five: list[str]) -> None:
    cursor = ok(anna.get("/meetings", limit=1))["next_cursor"]
    problem(anna.get("/invitations", cursor=cursor), 422, "validation_failed")


def test_a_cursor_shows_nobody_more_than_they_may_see(anna: Person, ben: Person, five: list[str]) -> None:
    cursor = ok(anna.get("/meetings", limit=1))["next_cursor"]
    assert ok(ben.get("/meetings", cursor=cursor))["items"] == []
