"""Databases to try things on: SQLite always; PostgreSQL and MariaDB where they and their drivers are there.

`DATABASES` are the names to parametrise with; `fresh_database(name, folder)` gives the URL of an empty one, which is
dropped afterwards. Addresses other than the standard ports on loopback are taken from TEST_POSTGRESQL_URL and
TEST_MARIADB_URL (of an administrator, without a database's name).

The suite as a whole runs on the one that TEST_DATABASE names, or on all (`tests/conftest.py`): one migrated database a
worker and server, emptied before each test. That takes 1 to 5 ms by one request of DELETEs, 15 to 30 by one for each
table, 35 by TRUNCATE, and a new database from a template 50.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from flask_migrate import upgrade
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from app import create_app
from app.cli import register_commands
from app.core.db import Base, Database
from app.core.settings import load_settings

DATABASES = ("sqlite", "postgresql", "mariadb")
CHOSEN = os.environ.get("TEST_DATABASE", "sqlite")
KINDS = DATABASES if CHOSEN == "all" else (CHOSEN,)

_SERVERS = {
    "postgresql": "postgresql+psycopg://postgres@127.0.0.1:5432/postgres",
    "mariadb": "mariadb+pymysql://root@127.0.0.1:3306/",
}
_CREATE = {
    "postgresql": "CREATE DATABASE {name} ENCODING '{charset}' LOCALE 'C' TEMPLATE template0",
    "mariadb": "CREATE DATABASE {name} CHARACTER SET {charset}",
}
_DROP = {"postgresql": "DROP DATABASE {name} WITH (FORCE)", "mariadb": "DROP DATABASE {name}"}


@contextmanager
def fresh_database(kind: str, folder: Path, *, charset: str | None = None) -> Iterator[str]:
    """The URL of an empty database of its own, with the character set that Parley needs or another.

    Skips the test where there is no such server, and fails it where REQUIRE_ALL is 1.
    """
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'fresh.db'}"
        return
    url = make_url(os.environ.get(f"TEST_{kind.upper()}_URL", _SERVERS[kind]))
    name = f"parley_test_{uuid4().hex[:12]}"
    try:
        server = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 30})
        with server.connect() as connection:
            needed = {"postgresql": "UTF8", "mariadb": "utf8mb4"}[kind]
            connection.execute(text(_CREATE[kind].format(name=name, charset=charset or needed)))
    except SQLAlchemyError as error:
        _do_without(kind, error)
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(text(_DROP[kind].format(name=name)))
        server.dispose()


def _do_without(kind: str, error: Exception) -> None:
    reason = f"{kind} cannot be used here: {type(error).__name__}: {str(error).splitlines()[0]}"
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


class MigratedDatabase:
    """A database on a server, with Parley's tables, for one test after another."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        app = create_app(load_settings(storage_dir=folder, database_url=url, log_level="WARNING", _env_file=None))
        register_commands(app)
        with app.app_context():
            upgrade()
        app.runtime.close()
        self._engine = create_engine(url)
        with self._engine.connect() as connection:
            revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
        tables = [table.name for table in reversed(Base.metadata.sorted_tables)]
        empty = "".join(f"DELETE FROM {table}; " for table in (*tables, "alembic_version"))
        empty += f"INSERT INTO alembic_version VALUES ('{revision}');"
        self._empty = empty if self._engine.dialect.name == "postgresql" else f"BEGIN NOT ATOMIC {empty} END"

    def empty(self) -> None:
        with self._engine.begin() as connection:
            connection.exec_driver_sql(self._empty)

    def close(self) -> None:
        self._engine.dispose()


def _run(url: str, statement: str) -> None:
    server = create_engine(url)
    with server.begin() as connection:
        connection.exec_driver_sql(statement)
    server.dispose()


@contextmanager
def migrated_server_database(kind: str, folder: Path) -> Iterator[MigratedDatabase]:
    with fresh_database(kind, folder) as url:
        if kind == "postgresql":  # nobody cuts this one's power, and a commit takes 0.3 ms in place of 7
            _run(url, f"ALTER DATABASE {make_url(url).database} SET synchronous_commit TO off")
        database = MigratedDatabase(url, folder)
        yield database
        database.close()


class ServerDatabases:
    """The migrated databases of one worker, made when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._made: dict[str, MigratedDatabase | BaseException] = {}

    def of(self, kind: str) -> MigratedDatabase:
        if kind not in self._made:
            try:
                self._made[kind] = self._open.enter_context(migrated_server_database(kind, self._folder / kind))
            except BaseException as error:  # there is no such server: each test is skipped, or fails, for that reason
                self._made[kind] = error
        found = self._made[kind]
        if isinstance(found, BaseException):
            raise found
        return found

    def close(self) -> None:
        self._open.close()


def stored_rows(database: Database, *tables: str) -> list[str]:
    """Every row of these tables, or of all, as text that begins with the table's name."""
    with database.reader.connect() as connection:
        return [
            f"{table.name} {tuple(row)!r}"
            for table in Base.metadata.sorted_tables
            if not tables or table.name in tables
            for row in connection.execute(table.select())
        ]
