"""What loses a race at the database is run again, as a whole, a few times."""

import sqlite3
import threading
from functools import partial
from typing import Any

import psycopg
import pymysql
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm.exc import StaleDataError

from app.core import retries
from app.core.database_errors import is_lost_race, is_outage
from app.core.jobs.leased import LeasedJobs
from app.core.retries import MOST_TRIES, retried
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.events.models import EventHead
from app.meetings import service as meetings
from app.meetings.models import Meeting
from tests.support.people import PASSWORD, Person, ok, problem
from tests.support.races import LONGEST_S, LostRaces, at_once, statuses


class DriverError(Exception):
    """As psycopg raises them (with `sqlstate`), or PyMySQL (with a number first)."""

    def __init__(self, code: str | int) -> None:
        super().__init__(code, "in the driver's words")
        self.sqlstate = code if isinstance(code, str) else None


def deadlock() -> OperationalError:
    return OperationalError("UPDATE", {}, DriverError("40P01"))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.001)


class Loser:
    """Raises `error` the first `times`, and then does what it stands for."""

    def __init__(self, times: int, error: Exception, action: Any = lambda: "done") -> None:
        self.times, self.error, self.action = times, error, action
        self.calls = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return self.action(*args, **kwargs)


@pytest.mark.parametrize("code", ["40P01", "40001", "55P03", 1213, 1205, 1020])
def test_deadlocks_serialization_failures_and_locks_that_did_not_come_are_lost_races(code: str | int) -> None:
    action = Loser(2, OperationalError("UPDATE", {}, DriverError(code)))
    assert retried(action) == "done"
    assert action.calls == 3


@pytest.mark.parametrize("code", ["23505", "23503", 1062, 1451, 1452])
def test_so_are_rows_that_came_or_went_in_between(code: str | int) -> None:
    assert retried(Loser(1, IntegrityError("INSERT", {}, DriverError(code)))) == "done"


def test_so_is_a_row_that_was_changed_in_between() -> None:
    assert retried(Loser(1, StaleDataError("expected 1 row"))) == "done"


@pytest.mark.parametrize(
    "error",
    [LookupError(), IntegrityError("INSERT", {}, DriverError("23502")), OperationalError("", {}, DriverError("57P01"))],
    ids=["of ours", "NOT NULL", "shut down"],
)
def test_anything_else_is_raised_at_once(error: Exception) -> None:
    action = Loser(1, error)
    with pytest.raises(type(error)):
        retried(action)
    assert action.calls == 1


def test_who_always_loses_gives_up() -> None:
    action = Loser(1000, deadlock())
    with pytest.raises(OperationalError):
        retried(action)
    assert action.calls == MOST_TRIES


def test_nobody_begins_again_after_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "LONGEST_S", -1.0)
    action = Loser(1000, deadlock())
    with pytest.raises(OperationalError):
        retried(action)
    assert action.calls == 1


@pytest.mark.parametrize(("code", "outage"), [("42P01", True), (1146, True), ("25006", True), ("22001", False)])
def test_missing_tables_and_databases_that_only_read_count_as_outages(code: str | int, outage: bool) -> None:
    assert is_outage(IntegrityError("", {}, DriverError(code))) is outage


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query"), True),
        (psycopg.errors.AdminShutdown("terminating connection"), True),
        (psycopg.InterfaceError("the connection is closed"), True),
        (sqlite3.OperationalError("disk I/O error"), True),
        (pymysql.err.IntegrityError(1062, "Duplicate entry"), False),
        (ConnectionResetError(), False),
    ],
)
def test_what_a_driver_says_of_its_connection_past_sqlalchemy_is_understood_too(error: Exception, outage: bool) -> None:
    assert is_outage(error) is outage


def test_a_request_that_loses_is_answered_as_if_nothing_had_been(
    anna: Person, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create_and_lose_once(*args: Any, **kwargs: Any) -> Any:
        created = really_create(*args, **kwargs)
        losing()  # after everything was written
        return created

    really_create, losing = meetings.create, Loser(2, deadlock())
    monkeypatch.setattr(meetings, "create", create_and_lose_once)
    head = anna.poll()["head_seq"]
    answer = anna.post("/meetings", {"title": "Review"}, headers={"Idempotency-Key": "k1"})
    created = ok(answer, 201)
    assert ok(anna.post("/meetings", {"title": "Review"}, headers={"Idempotency-Key": "k1"}), 201) == created
    with runtime.reading() as work:
        assert work.scalars(select(Meeting.id)).all() == [created["id"]]
    assert anna.poll()["head_seq"] == head


def test_a_request_that_always_loses_is_503(anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meetings, "create", Loser(1000, deadlock()))
    answer = anna.post("/meetings", {"title": "Review"})
    problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "1"


def test_a_task_that_loses_is_run_again_within_its_attempt(runtime: Runtime) -> None:
    jobs = LeasedJobs()
    task = Loser(2, deadlock(), lambda _runtime, _payload: None)
    runtime.tasks.add("lose", task)
    with runtime.writing() as work:
        jobs.enqueue(work, "lose", {})
    lease = jobs.claim(runtime)
    assert lease is not None
    jobs.finish(runtime, lease, deadlock())
    assert task.calls == 0
    runtime.tasks.add("lose at once", task)
    with runtime.writing() as work:
        jobs.enqueue(work, "lose at once", {})
    assert jobs.run_one(runtime)
    assert task.calls == 3


@pytest.mark.server
def test_of_two_that_wait_for_each_other_one_is_run_again_and_both_succeed(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with runtime.writing() as work:
        work.add_all([EventHead(meeting_id=name, seq=0) for name in ("a", "b")])
    lost = LostRaces(monkeypatch)
    first_lock = threading.Barrier(2)

    def change(order: str) -> None:
        with runtime.writing() as work:
            for name in order:
                work.execute(update(EventHead).where(EventHead.meeting_id == name).values(seq=EventHead.seq + 1))
                if name == order[0] and lost.count == 0:
                    first_lock.wait(LONGEST_S)

    at_once(partial(retried, partial(change, "ab")), partial(retried, partial(change, "ba")))
    assert lost.count == 1
    with runtime.reading() as work:
        assert work.scalar(select(func.sum(EventHead.seq))) == 4


@pytest.mark.server
def test_the_databases_own_errors_are_known(runtime: Runtime) -> None:
    def twice() -> None:
        with runtime.writing() as work:
            work.add_all([EventHead(meeting_id="a", seq=0)])
            work.flush()
            work.expunge_all()
            work.add(EventHead(meeting_id="a", seq=0))

    with pytest.raises(IntegrityError) as failure:
        twice()
    assert is_lost_race(failure.value)
    with pytest.raises(IntegrityError) as failure, runtime.writing() as work:
        work.add(EventHead(meeting_id="a", seq=None))
    assert not is_lost_race(failure.value)


def test_one_address_that_registers_twice_at_once_has_one_account(anna: Person) -> None:
    body = {"email": "dora@example.org", "password": PASSWORD, "display_name": "Dora"}
    register = lambda: anna.app.test_client().post("/api/v1/auth/register", json=body)  # noqa: E731
    assert statuses(at_once(register, register, register)) == {201: 1, 409: 2}


class TestOfTwoThatRefreshWithOneTokenAtOnce:
    def refresh_twice_at_once(self, anna: Person) -> dict[int, int]:
        body = {"refresh_token": anna.tokens["refresh_token"]}
        refresh = lambda: anna.app.test_client().post("/api/v1/auth/refresh", json=body)  # noqa: E731
        return statuses(at_once(refresh, refresh))

    def test_both_are_answered_as_one_is_the_repeat_of_the_other(self, anna: Person) -> None:
        assert self.refresh_twice_at_once(anna) == {200: 2}

    class TestWithoutGrace:
        @pytest.fixture
        def settings(self, settings: Settings) -> Settings:
            return settings.model_copy(update={"refresh_grace_s": 0})

        def test_one_wins_and_the_session_ends(self, anna: Person) -> None:
            both = TestOfTwoThatRefreshWithOneTokenAtOnce()
            assert both.refresh_twice_at_once(anna) == {200: 1, 401: 1}
            problem(anna.get("/meetings"), 401, "session_ended")


def test_two_profile_changes_with_one_version_at_once_do_not_overwrite_each_other(anna: Person) -> None:
    version = ok(anna.get("/auth/me"))["version"]
    rename = [partial(anna.patch, "/auth/me", {"display_name": f"Anna {n}"}, version) for n in range(3)]
    assert statuses(at_once(*rename)) == {200: 1, 412: 2}
