"""Inserting rows that another transaction may be inserting at the same time."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Table, inspect
from sqlalchemy.dialects import sqlite

from app.core.db import Base
from app.core.runtime import Work


def insert_unless_there(work: Work, model: type[Base], **values: Any) -> None:
    """Insert a row of `model`, or do nothing if one with the same primary key or unique column exists.

    Where another transaction holds such a row uncommitted, this waits for its end. Unlike an IntegrityError
    that is caught, it leaves the transaction usable on PostgreSQL.
    """
    insert_all_unless_there(work, model, [values])


def insert_all_unless_there(work: Work, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """The same for many rows with the same columns, in their order: the database is asked once."""
    if not rows:
        return
    table = cast(Table, inspect(model).local_table)
    statement: Any
    dialect = work.get_bind().dialect.name
    if dialect == "sqlite":
        statement = sqlite.insert(table).on_conflict_do_nothing()
    elif dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # here, as below: it takes long to import, and most do without

        statement = postgresql.insert(table).on_conflict_do_nothing()
    else:
        from sqlalchemy.dialects import mysql

        # Not INSERT IGNORE, which would let pass NULLs and cut text that is too long.
        key = next(iter(table.primary_key))
        statement = mysql.insert(table).on_duplicate_key_update({key.name: key})
    work.execute(statement, rows)
