"""Statements past SQLAlchemy mean what they mean through it: the same values, the same transaction, the same errors."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.core.ids import new_id
from app.core.prepared import Prepared
from app.core.runtime import Runtime
from app.inbox.models import Inbox

MADE_AT = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)
BY_OWNER = Prepared(
    select(Inbox.id, Inbox.address, Inbox.created_at, Inbox.closed_at, Inbox.head_seq.label("newest"))
    .where(Inbox.owner_id == bindparam("owner"), Inbox.kind == "worker")
    .order_by(Inbox.id)
)
INSERT = Prepared(insert(Inbox.__table__))  # type: ignore[arg-type]
RAISE = Prepared(update(Inbox).where(Inbox.owner_id == bindparam("owner")).values(head_seq=Inbox.head_seq + 2))
KEEP = Prepared(update(Inbox).where(Inbox.owner_id == bindparam("owner")).values(head_seq=Inbox.head_seq))


def row(owner_id: str, **other: Any) -> dict[str, Any]:
    return {
        "id": new_id(),
        "kind": "worker",
        "owner_id": owner_id,
        "user_id": None,
        "address": {"display_name": "Änne %s ?"},
        "head_seq": 1,
        "acked_seq": 0,
        "last_seen_at": MADE_AT,
        "poll_id": None,
        "closed_at": None,
        "closed_reason": None,
        "created_at": MADE_AT,
    } | other


def test_values_come_back_as_they_went_in(runtime: Runtime) -> None:
    with runtime.writing() as work:
        work.run(INSERT, row("o"))
        work.run(INSERT, row("p"))
        work.run(RAISE, {"owner": "o"})
    with runtime.reading() as work:
        [found] = work.run(BY_OWNER, {"owner": "o"})
        assert found.address == {"display_name": "Änne %s ?"}
        assert (found.created_at, found.closed_at, found.newest) == (MADE_AT, None, 3)
        assert work.run(BY_OWNER, {"owner": "nobody"}) == []


def test_many_rows_are_inserted_at_once(runtime: Runtime) -> None:
    with runtime.writing() as work:
        INSERT.run_each(work.connection(), [row(name) for name in "abc"])
    with runtime.reading() as work:
        assert [len(work.run(BY_OWNER, {"owner": name})) for name in "abcd"] == [1, 1, 1, 0]


def test_rows_that_meet_the_condition_are_counted_though_they_stay_as_they_are(runtime: Runtime) -> None:
    with runtime.writing() as work:
        INSERT.run_each(work.connection(), [row("o"), row("o", kind="session"), row("p")])
        assert KEEP.count(work.connection(), {"owner": "o"}) == 2
        assert KEEP.count(work.connection(), {"owner": "nobody"}) == 0


def test_both_ways_share_a_transaction(runtime: Runtime) -> None:
    with runtime.writing() as work:
        work.run(INSERT, row("o"))
        inbox = work.scalars(select(Inbox).where(Inbox.owner_id == "o")).one()
        inbox.head_seq = 7
        work.flush()
        assert work.run(BY_OWNER, {"owner": "o"})[0].newest == 7
    with runtime.reading() as work:
        assert work.run(BY_OWNER, {"owner": "o"})[0].newest == 7


@pytest.mark.parametrize("session_too", [False, True])
def test_what_fails_later_undoes_it(runtime: Runtime, session_too: bool) -> None:
    def fail() -> None:
        with runtime.writing() as work:
            work.run(INSERT, row("o"))
            if session_too:
                work.scalars(select(Inbox)).all()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with runtime.reading() as work:
        assert work.run(BY_OWNER, {"owner": "o"}) == []


def test_a_pause_commits_and_begins_anew(runtime: Runtime) -> None:
    def fail_after_pause() -> None:
        with runtime.writing() as work:
            work.run(INSERT, row("before"))
            work.pause()
            work.run(INSERT, row("after"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_pause()
    with runtime.reading() as work:
        assert len(work.run(BY_OWNER, {"owner": "before"})) == 1
        assert work.run(BY_OWNER, {"owner": "after"}) == []


def test_an_error_is_sqlalchemys_and_tells_no_values(runtime: Runtime) -> None:
    one = row("o")
    with pytest.raises(IntegrityError) as raised, runtime.writing() as work:
        INSERT.run_each(work.connection(), [one, one])
    assert raised.value.orig is not None
    assert "[SQL:" in str(raised.value)
    assert not raised.value.connection_invalidated
    with runtime.reading() as work:
        assert work.run(BY_OWNER, {"owner": "o"}) == []


@pytest.mark.server
def test_a_connection_that_is_lost_is_given_up(runtime: Runtime) -> None:
    def lose_it() -> None:
        with runtime.writing() as work:
            work.run(BY_OWNER, {"owner": "o"})
            connection = work.connection()
            _kill(runtime, connection)
            work.run(BY_OWNER, {"owner": "o"})

    with pytest.raises(DBAPIError) as raised:
        lose_it()
    assert raised.value.connection_invalidated
    with runtime.writing() as work:
        assert work.run(BY_OWNER, {"owner": "o"}) == []


def _kill(runtime: Runtime, connection: Any) -> None:
    """End its session at the server, from another one."""
    if runtime.database.writer.dialect.name == "postgresql":
        own, kill = "SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"
    else:
        own, kill = "SELECT CONNECTION_ID()", "KILL {}"
    process_id = int(connection.exec_driver_sql(own).scalar_one())
    with runtime.database.reader.connect() as other:
        other.exec_driver_sql(kill.format(process_id))


def test_who_only_reads_cannot_change_anything_by_it(runtime: Runtime) -> None:
    with runtime.reading() as work, pytest.raises(RuntimeError, match="only reads"):
        work.run(RAISE, {"owner": "o"})
