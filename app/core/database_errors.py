"""What a database's error means, whichever database it is: somebody was faster, or the database is not there.

Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html,
https://mariadb.com/kb/en/mariadb-error-code-reference/ (MySQL's are the same).
"""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

_DEADLOCK = {"40P01", 1213}
_SERIALIZATION = {"40001", 1020}  # 1020: the row has changed since it was read
_LOCK_TIMEOUT = {"55P03", 1205}
# A row came, or went, between looking and writing. Run again, the unit of work sees it and answers accordingly.
_UNIQUE = {"23505", 1062}
_FOREIGN_KEY = {"23503", 1451, 1452}
_LOST_RACES = _DEADLOCK | _SERIALIZATION | _LOCK_TIMEOUT | _UNIQUE | _FOREIGN_KEY

_NO_SUCH_TABLE_OR_COLUMN = {"42P01", "42703", 1146, 1054}  # migrations are missing
_READ_ONLY = {"25006", 1290, 1792, 1836}  # a standby, or a server that is being switched over

_DRIVERS = ("psycopg", "pymysql", "sqlite3")  # by name: the one that is not used is not imported


def is_lost_race(error: BaseException) -> bool:
    """Whether another transaction stood in the way, so that the whole unit of work may succeed if it is run again.

    SQLite has one writer at a time and knows no races; its file's lock is waited for long enough by itself.
    """
    return isinstance(error, StaleDataError) or _code(error) in _LOST_RACES


def is_outage(error: BaseException) -> bool:
    """Whether the database cannot be used at present, whatever is asked of it."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout) or _comes_from_a_driver(error):
        return True
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or _code(error) in _NO_SUCH_TABLE_OR_COLUMN | _READ_ONLY


def _comes_from_a_driver(error: BaseException) -> bool:
    """Whether the driver says itself, past SQLAlchemy, that its connection is of no use: when that is given back."""
    kinds = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(error).__mro__}
    return bool(kinds & {(driver, name) for driver in _DRIVERS for name in ("OperationalError", "InterfaceError")})


def _code(error: BaseException) -> str | int | None:
    """SQLSTATE from PostgreSQL, a number from MariaDB and MySQL."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    if cause is None:
        return None
    number = cause.args[0] if cause.args else None
    if isinstance(number, int):  # its SQLSTATE, if there is one, says less
        return number
    sqlstate: str | None = getattr(cause, "sqlstate", None)
    return sqlstate
