"""Inserting a row that another transaction may be inserting at the same time."""

from typing import Any

from sqlalchemy import inspect
from sqlalchemy.dialects import mysql, postgresql, sqlite

from app.core.db import Base
from app.core.runtime import Work


def insert_unless_there(work: Work, model: type[Base], **values: Any) -> None:
    """Insert a row of `model`, or do nothing if one with the same primary key or unique column exists.

    Where another transaction holds such a row uncommitted, this waits for its end. Unlike an IntegrityError
    that is caught, it leaves the transaction usable on PostgreSQL.
    """
    dialect = work.get_bind().dialect.name
    if dialect == "sqlite":
        work.execute(sqlite.insert(model).values(**values).on_conflict_do_nothing())
    elif dialect == "postgresql":
        work.execute(postgresql.insert(model).values(**values).on_conflict_do_nothing())
    else:
        # Not INSERT IGNORE, which would let pass NULLs and cut text that is too long.
        key = next(iter(inspect(model).primary_key))
        work.execute(mysql.insert(model).values(**values).on_duplicate_key_update({key.name: key}))
