"""Cursor pages: `{items, next_cursor}`. A cursor is opaque; it holds the sort key of the page's last item."""

import base64
import binascii
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import marshmallow as ma
from marshmallow import fields
from sqlalchemy import Integer, Select, column, literal, tuple_
from sqlalchemy.orm import Session

from app.core import errors
from app.core.api import UNSTORABLE_TEXT, Schema

MOST_PER_PAGE = 200
_POSITION = column("position", Integer)


class PageQuery(Schema):
    limit = fields.Integer(load_default=50, validate=ma.validate.Range(1, MOST_PER_PAGE))
    cursor = fields.String(load_default=None, validate=ma.validate.Length(1, 500))


@cache
def page_of(item: type[Schema]) -> type[Schema]:
    """The schema of a page of `item`s."""
    return type(
        f"{item.__name__}Page",
        (Schema,),
        {
            "items": fields.List(fields.Nested(item), required=True),
            "next_cursor": fields.String(required=True, allow_none=True),
        },
    )


def paginate(
    session: Session,
    query: Select[Any],
    key: tuple[Any, ...],
    *,
    limit: int,
    cursor: str | None,
    descending: bool = False,
    show: Callable[[Any], Any] = lambda row: row,
) -> dict[str, Any]:
    """Run `query` from behind `cursor` in the order of `key` (unique together; all of one direction; text and times
    whose types are known).

    `key` columns are added to the query's result; `show` gets each row without them (its one entity, or the tuple).
    :raises ValidationFailed: the cursor was not made here.
    """
    entities = len(query.column_descriptions)
    if cursor is not None:
        position = tuple_(*key)
        values = [literal(value, column.type) for value, column in zip(_decode(cursor, key), key, strict=True)]
        query = query.where(position < tuple_(*values) if descending else position > tuple_(*values))
        # Says nothing new, but MariaDB begins to read its index here; comparing tuples it reads from the start.
        query = query.where(key[0] <= values[0] if descending else key[0] >= values[0])
    order = [column.desc() if descending else column.asc() for column in key]
    rows = session.execute(query.add_columns(*key).order_by(*order).limit(limit + 1)).all()
    more = len(rows) > limit
    rows = rows[:limit]
    shown = [show(row[0] if entities == 1 else tuple(row[:entities])) for row in rows]
    return {"items": shown, "next_cursor": _encode(tuple(rows[-1][entities:])) if more else None}


def cursor_of(position: int | None) -> str | None:
    """Of a list that is worked out anew for every page: how many of its items have been shown; None: all."""
    return None if position is None else _encode((position,))


def position_in(cursor: str | None) -> int:
    """:raises ValidationFailed: the cursor was not made here."""
    if cursor is None:
        return 0
    [position] = _decode(cursor, (_POSITION,))
    return max(0, int(position))


def _encode(values: tuple[Any, ...]) -> str:
    plain = [{"t": v.astimezone(UTC).isoformat()} if isinstance(v, datetime) else v for v in values]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode().rstrip("=")


def _decode(cursor: str, key: tuple[Any, ...]) -> list[Any]:
    """:raises ValidationFailed: its values are not of the key's types, or no database takes them."""
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(plain, list):
            raise TypeError("not a list of values")
        return [_value(one, column) for one, column in zip(plain, key, strict=True)]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError, binascii.Error):
        message = {"location": "query", "field": "cursor", "message": "Not a cursor that this list gave."}
        raise errors.ValidationFailed(errors=[message]) from None


def _value(plain: Any, column: Any) -> Any:
    value = plain
    if isinstance(plain, dict):
        value = datetime.fromisoformat(plain["t"])
        if value.tzinfo is None:
            raise ValueError("a time without an offset")
        value = value.astimezone(UTC)
    if type(value) is not column.type.python_type or (isinstance(value, str) and UNSTORABLE_TEXT.search(value)):
        raise TypeError("not what the column holds")
    return value
