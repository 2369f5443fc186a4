"""Wake-ups between processes that share a PostgreSQL: NOTIFY, and one connection per process that LISTENs.

NOTIFY is sent after the commit, in a transaction of its own. Within the one that writes it would be exact, but a
commit that notifies holds a lock of the whole server until it is on disk
(https://www.postgresql.org/docs/current/sql-notify.html; PreCommit_Notify in its async.c), so that writers queue: with
16 of them, 836 commits a second against 3,651. A nudge that a crash swallows is found by the safety net.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

import psycopg
from psycopg import sql
from sqlalchemy import Engine, func, select

from app.core.wakeups.linked import LinkedHub

PAYLOAD_BYTES = 7999  # NOTIFY takes less than 8000
CHANNEL = "parley_wakeups"

# An idle connection that leads nowhere is noticed within half a minute, not after two hours as TCP would.
_KEEPALIVE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


class PostgresqlWakeups(LinkedHub):
    """`engine` commits each statement by itself, and speaks through psycopg. Notifications are the database's own:
    other databases of the server hear nothing."""

    def __init__(self, engine: Engine, channel: str = CHANNEL) -> None:
        super().__init__()
        self._engine = engine
        self._channel = channel

    def _hear(self) -> Generator[Sequence[str], None, None]:
        _, arguments = self._engine.dialect.create_connect_args(self._engine.url)
        options = {**_KEEPALIVE, "application_name": "parley wake-ups", **arguments}
        with psycopg.connect(**options, autocommit=True) as connection:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
            yield ()
            for notification in connection.notifies():
                yield self._unpacked(notification.payload.encode())

    def _interrupt(self) -> None:
        self._notify([b""])

    def _send(self, nudges: Sequence[str]) -> None:
        self._notify(self._packed(nudges, PAYLOAD_BYTES))

    def _notify(self, payloads: Iterable[bytes]) -> None:
        with self._engine.connect() as connection:
            for payload in payloads:
                connection.execute(select(func.pg_notify(self._channel, payload.decode())))
