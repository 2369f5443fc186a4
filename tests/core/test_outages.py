"""The database goes away in the middle of something and comes back: 503 meanwhile, and then all goes on by itself."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, make_url, select, text

from app.core import db
from app.core.database_errors import is_outage
from app.core.jobs.leased import LeasedJobs
from app.core.runtime import Runtime, Work
from app.core.settings import Settings
from app.meetings import service as meetings
from app.meetings.models import Meeting
from tests.support.cut_link import CutLink
from tests.support.people import PASSWORD, Call, Person, ok, problem, types_of
from tests.support.waiting import ParkedPoll


def is_away(answer: Any) -> bool:
    told = problem(answer, 503, "unavailable")
    return int(answer.headers["Retry-After"]) >= 1 and told["detail"] == "The database is not available."


@pytest.mark.server
class TestServer:
    @pytest.fixture
    def link(self, database_url: str) -> Iterator[CutLink]:
        url = make_url(database_url)
        link = CutLink(url.host or "127.0.0.1", url.port or {"postgresql": 5432}.get(url.get_backend_name(), 3306))
        yield link
        link.cut()

    @pytest.fixture
    def settings(self, settings: Settings, link: CutLink) -> Settings:
        # Wake-ups within the process: with those of PostgreSQL a second connection would be cut.
        return settings.model_copy(update={"database_url": link.url(settings.database_url), "wakeups": "in_process"})

    def test_reading_and_writing_are_503_until_it_is_back(
        self, anna: Person, link: CutLink, client: FlaskClient
    ) -> None:
        ok(anna.get("/meetings"))
        link.cut()
        assert is_away(anna.get("/meetings"))
        assert is_away(anna.post("/meetings", {"title": "Review"}))
        assert is_away(client.post("/api/v1/auth/login", json={"email": anna.email, "password": PASSWORD}))
        assert is_away(anna.get("/rtc/inbox", wait=0))
        assert client.get("/health/ready").status_code == 503
        assert client.get("/health/live").status_code == 200
        link.mend()
        assert ok(anna.get("/meetings"))["items"] == []
        ok(anna.post("/meetings", {"title": "Review"}), 201)
        ok(anna.get("/rtc/inbox", wait=0))
        assert client.get("/health/ready").status_code == 200

    def test_a_parked_poll_ends_with_503_and_the_next_one_goes_on_where_it_was(
        self, call: Call, runtime: Runtime, link: CutLink
    ) -> None:
        cursor = call.owner.poll(call.owners)["head_seq"]
        parked = ParkedPoll(runtime, call.owner, call.owners)
        link.cut()
        assert is_away(parked.response())
        link.mend()
        parked = ParkedPoll(runtime, call.owner, call.owners, after=cursor)
        ok(call.send(call.offer()), 201)
        assert types_of(parked.reply()) == ["rtc.offer"]

    def test_what_was_half_done_is_undone_and_can_be_repeated(
        self, anna: Person, runtime: Runtime, link: CutLink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        really_create = meetings.create

        def create_and_lose_the_database(*args: Any, **kwargs: Any) -> Any:
            created = really_create(*args, **kwargs)
            link.cut()
            return created

        headers = {"Idempotency-Key": "k1"}
        with monkeypatch.context() as broken:
            broken.setattr(meetings, "create", create_and_lose_the_database)
            assert is_away(anna.post("/meetings", {"title": "Review"}, headers=headers))
        link.mend()
        ok(anna.post("/meetings", {"title": "Review"}, headers=headers), 201)
        with runtime.reading() as work:
            assert work.scalar(select(func.count()).select_from(Meeting)) == 1

    def test_jobs_go_on_when_it_is_back(self, runtime: Runtime, link: CutLink) -> None:
        jobs = LeasedJobs()
        ran: list[dict[str, Any]] = []
        runtime.tasks.add("note", lambda _runtime, payload: ran.append(payload))
        with runtime.writing() as work:
            jobs.enqueue(work, "note", {"n": 1})
        link.cut()
        with pytest.raises(Exception) as failure:
            jobs.run_one(runtime)
        assert is_outage(failure.value)
        link.mend()
        assert jobs.run_one(runtime)
        assert ran == [{"n": 1}]


@pytest.mark.server
class TestStatementThatTakesTooLong:
    def test_is_ended_with_503_and_all_goes_on(
        self, anna: Person, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        statements = ["SET STATEMENT max_statement_time = 0.2 FOR SELECT SLEEP(3600)"]
        if runtime.database.writer.dialect.name == "postgresql":
            statements = ["SET LOCAL statement_timeout = 200", "SELECT pg_sleep(3600)"]

        def never_end(work: Work, *_: Any, **__: Any) -> None:
            for statement in statements:
                work.execute(text(statement))

        with monkeypatch.context() as broken:
            broken.setattr(meetings, "create", never_end)
            assert is_away(anna.post("/meetings", {"title": "Review"}))
        ok(anna.post("/meetings", {"title": "Review"}), 201)

    def test_is_ended_by_the_server(self, runtime: Runtime) -> None:
        """Every connection has asked it to."""
        is_postgresql = runtime.database.writer.dialect.name == "postgresql"
        asked = "SHOW statement_timeout" if is_postgresql else "SELECT @@max_statement_time"
        for engine in (runtime.database.reader, runtime.database.writer):
            with engine.connect() as connection:
                limit = connection.execute(text(asked)).scalar_one()
            assert limit == ("1min" if is_postgresql else db.STATEMENT_S)


@pytest.mark.sqlite
class TestFileThatAnotherProcessHolds:
    @pytest.fixture(autouse=True)
    def _impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(db, "SQLITE_BUSY_TIMEOUT_MS", 50)

    def test_writing_is_503_and_reading_goes_on(self, anna: Person, runtime: Runtime) -> None:
        other = sqlite3.connect(runtime.settings.storage_dir / "meetings.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert is_away(anna.post("/meetings", {"title": "Review"}))
        assert is_away(anna.get("/rtc/inbox", wait=0))  # it writes that somebody was there
        assert ok(anna.get("/meetings"))["items"] == []
        other.execute("ROLLBACK")
        other.close()
        ok(anna.post("/meetings", {"title": "Review"}), 201)
        ok(anna.get("/rtc/inbox", wait=0))
