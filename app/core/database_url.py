"""DATABASE_URL: which databases Parley is at home on, and the drivers that it comes with for them.

Nothing here quotes the URL: there is a password in it.
"""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

# What people write, and what their hosters hand them → the driver that requirements.txt brings.
_DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_DRIVERS |= {driver: driver for driver in _DRIVERS.values()} | {"sqlite+pysqlite": "sqlite"}
FORMS = "sqlite:///path, postgresql://user:password@host/name, mysql://… or mariadb://…"


def read_database_url(text: str) -> URL:
    """:raises ValueError: it names no database that Parley can use; the message quotes nothing of it."""
    if text.partition("?")[0].count("@") > 1:  # else the rest of a password would be taken for a host, and shown
        raise ValueError("has more than one @; percent-encode those of the password as %40")
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError(f"must be {FORMS}, percent-encoded") from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise ValueError(f"must be {FORMS}")
    url = url.set(drivername=driver)
    if url.get_backend_name() == "sqlite":
        return url
    if not url.database:
        raise ValueError("names no database; it comes last, as in postgresql://user:password@host/name")
    if url.get_backend_name() in ("mysql", "mariadb"):
        return url.update_query_dict({"charset": "utf8mb4"})  # `utf8` is three bytes there: no emoji
    return url
