"""Alembic's environment: the application's own engine and tables, wherever the command is started."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import DropTableOp, MigrationScript, ModifyTableOps
from flask import current_app
from sqlalchemy import Connection, String, text
from sqlalchemy.exc import DBAPIError

from app.core.db import SQLITE_BUSY_TIMEOUT_MS, Base, UtcDateTime

migrate = current_app.extensions["migrate"]

LOCK = 7_275_359  # PostgreSQL's advisory locks are numbers; any that nobody else uses in this database
PATIENCE_S = 3600  # how long one waits for another that migrates


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Parley's own column types, by their own names in what `flask db migrate` writes."""
    if kind == "type" and isinstance(item, UtcDateTime):
        autogen.imports.add("from app.core.db import UtcDateTime")
        return "UtcDateTime()"
    if kind == "type" and type(item) is String and "mysql" in item._variant_mapping:
        autogen.imports.add("from app.core.db import exact")
        return f"exact({item.length})"
    return False


def drop_tables_whole(_context: Any, _revision: Any, scripts: list[MigrationScript]) -> None:
    """A table's indexes go with it. Dropped before it, MariaDB refuses those that a foreign key needs."""
    for script in scripts:
        down = script.downgrade_ops
        gone = {step.table_name for step in down.ops if isinstance(step, DropTableOp)}
        down.ops = [s for s in down.ops if not (isinstance(s, ModifyTableOps) and s.table_name in gone)]


def has_model(name: str | None, kind: str, _parents: Any) -> bool:
    """The words that are searched stand in tables that each database has of its own kind (0019)."""
    return kind != "table" or not (name or "").startswith("search_words")


OPTIONS = {
    **migrate.configure_args,
    "target_metadata": Base.metadata,
    "render_item": render_item,
    "include_name": has_model,
    "process_revision_directives": drop_tables_whole,
}


def run_offline() -> None:
    """Print the SQL instead of running it (`flask db upgrade --sql`)."""
    url = migrate.db.get_engine().url
    context.configure(url=url, literal_binds=True, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Where several processes come at once, one migrates, and the others find it done."""
    with connect() as connection, alone(connection):
        context.configure(connection=connection, **OPTIONS)
        with context.begin_transaction():
            context.run_migrations()


@contextmanager
def alone(connection: Connection) -> Iterator[None]:
    """Keep other processes from migrating this database meanwhile. All locks end with the process, however that dies.

    On SQLite it is one transaction, so that nothing is left of a migration that fails; PostgreSQL has its own.
    """
    match connection.dialect.name:
        case "sqlite":
            connection.exec_driver_sql(f"PRAGMA busy_timeout={PATIENCE_S * 1000}")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield
            connection.commit()
            connection.exec_driver_sql(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT_MS}")
            return
        case "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout='{PATIENCE_S}s'"))
            take, give_back = f"SELECT pg_advisory_lock({LOCK})", f"SELECT pg_advisory_unlock({LOCK})"
        case _:  # there, names of locks are the server's
            name = f"CONCAT('parley-{LOCK}-', MD5(DATABASE()))"
            take, give_back = f"SELECT GET_LOCK({name}, {PATIENCE_S})", f"SELECT RELEASE_LOCK({name})"
    if connection.scalar(text(take)) == 0:
        raise SystemExit("Another process has been migrating this database for an hour.")
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text(give_back))
        connection.commit()


def connect() -> Connection:
    """:raises SystemExit: in a line for whoever runs Parley, without the URL: there is a password in it."""
    engine = migrate.db.get_engine()
    try:
        connection: Connection = engine.connect()
    except DBAPIError as error:
        reason = str(error.orig).partition("\n")[0]
        raise SystemExit(f"DATABASE_URL: the database cannot be reached. {reason}") from None
    if engine.dialect.name == "sqlite":
        return connection
    ask, needed = _CHARSETS[engine.dialect.name]
    connection.exec_driver_sql(_UNHURRIED[engine.dialect.name])
    connection.commit()
    charset = connection.scalar(text(ask))
    if charset != needed:
        connection.close()
        raise SystemExit(f"DATABASE_URL: the database's character set is {charset}; Parley needs {needed}.")
    connection.rollback()
    return connection


# A migration may change millions of rows in one statement, and wait as long for another that migrates.
_UNHURRIED = {
    "postgresql": "SET statement_timeout=0",
    "mysql": "DO 0",
    "mariadb": "SET SESSION max_statement_time=0",
}

_CHARSETS = {
    "postgresql": ("SHOW server_encoding", "UTF8"),
    "mysql": ("SELECT @@character_set_database", "utf8mb4"),
    "mariadb": ("SELECT @@character_set_database", "utf8mb4"),
}


if context.is_offline_mode():
    run_offline()
else:
    run_online()
