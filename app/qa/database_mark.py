"""The mark of a database that was made for QA. Only an empty one gets it, so that nobody's real accounts are ever
emptied, or moved in time, by a profile that was set by accident.

Its table belongs to no migration: a database of another profile has none.
"""

from sqlalchemy import Column, MetaData, Table, func, insert, inspect, select

from app.accounts.models import User
from app.core.db import UtcDateTime
from app.core.runtime import Runtime
from app.core.settings import SettingsError

MARK = Table("qa_mark", MetaData(), Column("made_at", UtcDateTime(), nullable=False))


def require_mark(runtime: Runtime) -> None:
    """:raises SettingsError: the database holds accounts, and has no mark."""
    found = inspect(runtime.database.writer)
    if not found.has_table("users") or found.has_table(MARK.name):
        return  # no tables yet: migrating comes first
    with runtime.database.writer.begin() as connection:
        if connection.scalar(select(func.count()).select_from(User)):
            raise SettingsError(
                "PROFILE: qa needs a database of its own, and this one has accounts that were not made in it. "
                "Set another STORAGE_DIR or DATABASE_URL."
            )
        MARK.create(connection, checkfirst=True)
        connection.execute(insert(MARK).values(made_at=runtime.clock.now()))
