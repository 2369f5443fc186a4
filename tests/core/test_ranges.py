"""RFC 9110 §14.1.2 as a table."""

from __future__ import annotations

import pytest

from app.core.errors import RangeNotSatisfiable
from app.core.ranges import asked_range

SIZE = 1000


@pytest.mark.parametrize(
    ("header", "start", "length"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-499", 0, 500),
        ("bytes=500-999", 500, 500),
        ("bytes=999-999", 999, 1),
        ("bytes=0-", 0, 1000),
        ("bytes=9-", 9, 991),
        ("bytes=-1", 999, 1),
        ("bytes=-500", 500, 500),
        ("bytes=-1000", 0, 1000),
        ("bytes=-5000", 0, 1000),  # more than there is: all of it
        ("bytes=900-1000", 900, 100),  # past the end: up to it
        ("bytes=0-18446744073709551615", 0, 1000),  # what some clients mean by "the rest"
        ("Bytes=0-1", 0, 2),  # §14.1: units are case-insensitive
        ("bytes= 0-1 ", 0, 2),
        ("bytes=0007-0008", 7, 2),
    ],
)
def test_one_range_is_given(header: str, start: int, length: int) -> None:
    part = asked_range(header, SIZE)
    assert part is not None
    assert (part.start, part.length) == (start, length)
    assert part.content_range == f"bytes {start}-{start + length - 1}/1000"


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=99999999999999999999-", "bytes=-0"])
def test_a_range_past_the_end_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as refused:
        asked_range(header, SIZE)
    assert refused.value.headers == {"Content-Range": "bytes */1000"}


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=0x1-0x2",
        "bytes=1-2-3",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=1.0-2",
        "bytes=٣-٤",  # digits, but not ASCII's
        "bytes=0-1,5-6",
        "bytes=0-0,-1",
        "items=0-5",
        "0-5",
        "bytes=" + "9" * 5000 + "-",
    ],
)
def test_several_ranges_other_units_and_nonsense_get_the_whole_file(header: str | None) -> None:
    assert asked_range(header, SIZE) is None
