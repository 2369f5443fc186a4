"""The database: base class of the tables, types that mean the same everywhere, and connections for reads and writes.

Reads run in autocommit, so that they never hold a transaction open. Writes on SQLite take a lock of the process and
then `BEGIN IMMEDIATE`: a deferred transaction that has to upgrade its lock fails with "database is locked" however
long it is ready to wait (https://sqlite.org/lang_transaction.html §2.1).

PostgreSQL, MariaDB and MySQL run READ COMMITTED: a statement sees what is committed when it begins, so that who waited
for a row's lock sees what the other has made of it. Of two transactions that get in each other's way one is undone, and
run again (`core/retries.py`).
"""

import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    URL,
    DateTime,
    Dialect,
    Engine,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    create_engine,
    event,
)
from sqlalchemy.orm import DeclarativeBase

from app.core.database_url import read_database_url

MIGRATIONS = str(Path(__file__).parents[2] / "migrations")  # the folder of Alembic's
SQLITE_BUSY_TIMEOUT_MS = 15_000
LOCK_WAIT_S = 5  # for a row's lock on a database server; then the whole is tried again, in all as long as on SQLite
STATEMENT_S = 60  # longer than any of Parley's; a database server ends what takes longer, and the request is 503
CONNECT_TIMEOUT_S = 5
UNANSWERED_S = 15  # a server that acknowledges nothing for so long is gone


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC with microseconds, on databases that know no time zones too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name in ("mysql", "mariadb"):
            from sqlalchemy.dialects import mysql  # here: it takes long to import, and most do without

            return dialect.type_descriptor(mysql.DATETIME(fsp=6))  # plain DATETIME drops the fraction
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without an offset cannot be stored")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class OfMysql(TypeDecorator[Any]):
    """A type that MariaDB and MySQL have, by its name: their dialect takes long to import, and most do without."""

    impl = Text
    cache_ok = True

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        from sqlalchemy.dialects import mysql

        return dialect.type_descriptor(getattr(mysql, self.name)())


# Of more than the 64 KiB that a plain TEXT and BLOB hold there.
LongText = Text().with_variant(OfMysql("LONGTEXT"), "mysql", "mariadb")
LongBytes = LargeBinary().with_variant(OfMysql("MEDIUMBLOB"), "mysql", "mariadb")


# Codes, hashes and ids compare byte for byte: MariaDB's default collation would take "A" for "a".
def exact(length: int) -> String:
    return String(length).with_variant(String(length, collation="utf8mb4_bin"), "mysql", "mariadb")


Id = exact(36)
Json = JSON(none_as_null=True)


class Database:
    """Engines of one process. `metadata` and `get_engine()` are what Flask-Migrate asks for."""

    metadata = Base.metadata

    def __init__(self, url: str) -> None:
        parsed = read_database_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and parsed.database:
            _make_private(Path(parsed.database))
        options = _options(parsed)
        self.writer = _engine(parsed, options)
        if self.is_sqlite:
            event.listen(self.writer, "connect", _prepare_sqlite)
            self.reader = self.writer
        elif parsed.get_backend_name() == "postgresql":
            self.reader = self.writer.execution_options(isolation_level="AUTOCOMMIT")
        else:  # there, to switch a connection and back takes four round trips, the last when nobody expects an error
            self.reader = _engine(parsed, {**options, "isolation_level": "AUTOCOMMIT"})
        self.write_lock = threading.Lock()

    def get_engine(self) -> Engine:
        return self.writer

    def close(self) -> None:
        self.writer.dispose()
        self.reader.dispose()


def _engine(url: URL, options: dict[str, Any]) -> Engine:
    """Parameters are kept out of errors, and so out of logs: among them are hashes and addresses."""
    return create_engine(url, pool_size=16, max_overflow=48, hide_parameters=True, **options)


def _options(url: URL) -> dict[str, Any]:
    """What is asked of connections, by database. A connection that was lost while idle is replaced unnoticed."""
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"check_same_thread": False, "timeout": SQLITE_BUSY_TIMEOUT_MS / 1000}}
    connect_args: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_S}
    if url.get_backend_name() == "postgresql":
        given = url.query.get("options", "")
        limits = f"-c lock_timeout={LOCK_WAIT_S}s -c statement_timeout={int(STATEMENT_S * 1000)}ms"
        connect_args["options"] = f"{given} {limits}".strip()
        connect_args["tcp_user_timeout"] = UNANSWERED_S * 1000  # ms
        connect_args["client_encoding"] = "utf8"  # whatever the environment says
    else:
        # STRICT_ALL_TABLES: what does not fit is an error, and not cut, on servers that are set up otherwise too.
        connect_args["init_command"] = (
            f"SET SESSION innodb_lock_wait_timeout={LOCK_WAIT_S},"
            f" /*M! SESSION max_statement_time={STATEMENT_S}, */"  # MySQL has none that ends what writes
            " SESSION sql_mode=CONCAT_WS(',', @@SESSION.sql_mode, 'STRICT_ALL_TABLES')"
        )
    return {"isolation_level": "READ COMMITTED", "pool_pre_ping": True, "connect_args": connect_args}


def _make_private(path: Path) -> None:
    """It holds hashes of passwords: nobody but its owner reads it, nor the log beside it, which takes its mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # Parley begins its transactions itself
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"busy_timeout={SQLITE_BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
