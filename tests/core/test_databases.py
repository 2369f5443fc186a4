"""What every database has to keep alike: times, texts, numbers, and what counts as the same."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest
from sqlalchemy import CursorResult, select, update
from sqlalchemy.exc import DBAPIError

from app.core.ids import new_id
from app.core.jobs.models import Job
from app.core.runtime import Runtime
from app.events.models import EventHead
from app.inbox import service as inbox
from app.inbox.models import Signal
from tests.support.people import Person, ok

TEXT = "Zoë 🦊 “quoted” 100 % _ \\ ' 日本語 \U0001f468\u200d\U0001f469\u200d\U0001f467"


def job(**more: Any) -> Job:
    now = datetime.now(UTC)
    fields = {"task": "test", "payload": {}, "run_at": now, "max_attempts": 1, "created_at": now}
    return Job(id=new_id(), **{**fields, **more})


def test_times_keep_their_microseconds_and_come_back_in_utc(runtime: Runtime) -> None:
    at = datetime(2026, 3, 29, 2, 30, 0, 123457, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    with runtime.writing() as work:
        work.add(job(created_at=at))
    with runtime.reading() as work:
        kept = work.scalars(select(Job.created_at)).one()
        assert kept == at
        assert kept.utcoffset() == timedelta(0)
        assert work.scalars(select(Job.id).where(Job.created_at < at)).all() == []
        assert len(work.scalars(select(Job.id).where(Job.created_at <= at)).all()) == 1


def test_texts_and_json_keep_every_character(anna: Person, runtime: Runtime) -> None:
    metadata = {TEXT: [TEXT, 1, 0.1, 1e300, 2**53, None, True, {"b": 1, "a": {}}]}
    meeting = anna.create_meeting(title=TEXT, description=TEXT * 100, metadata=metadata)
    shown = ok(anna.get(f"/meetings/{meeting['id']}"))
    assert (shown["title"], shown["description"], shown["metadata"]) == (TEXT, TEXT * 100, metadata)


def test_numbers_keep_their_digits(runtime: Runtime) -> None:
    with runtime.writing() as work:
        work.enqueue("accounts.sweep", {})
        values = {"id": new_id(), "task": "t", "payload": {}, "state": "queued", "max_attempts": 1}
        work.add(Job(**values, every_s=0.1234567890123, run_at=work.now(), created_at=work.now()))
        work.add(EventHead(meeting_id="m", seq=2**60))
    with runtime.reading() as work:
        assert work.scalars(select(Job.every_s)).one() == 0.1234567890123
        assert work.scalars(select(EventHead.seq)).one() == 2**60


def test_codes_differ_by_case_and_accents(runtime: Runtime) -> None:
    names = ["a", "A", "á", "Á"]
    with runtime.writing() as work:
        work.add_all([EventHead(meeting_id=name, seq=0) for name in names])
    with runtime.reading() as work:
        for name in names:
            assert work.scalars(select(EventHead.meeting_id).where(EventHead.meeting_id == name)).all() == [name]


def test_a_prefix_is_no_pattern(anna: Person, runtime: Runtime) -> None:
    with runtime.writing() as work:
        own = inbox.inbox_of(work, "session", anna.session_id)
        assert own is not None
        for kind in ("a_b.x", "aXb.x", "a%b.x"):
            inbox.deliver(work, inbox.Message(kind, {}), [own.id])
    with runtime.writing() as work:
        own = inbox.inbox_of(work, "session", anna.session_id)
        assert own is not None
        inbox.drop_unacknowledged(work, own, "a_b")
        assert set(work.scalars(select(Signal.type))) == {"aXb.x", "a%b.x"}


@pytest.mark.server  # SQLite takes texts of any length
def test_what_does_not_fit_is_refused_and_not_cut(runtime: Runtime) -> None:
    with pytest.raises(DBAPIError), runtime.writing() as work:
        work.add(job(task="x" * 65))


def test_rows_that_an_update_matched_are_counted_even_if_they_stay_as_they_were(runtime: Runtime) -> None:
    with runtime.writing() as work:
        work.add(EventHead(meeting_id="m", seq=1))
    with runtime.writing() as work:
        same = work.execute(update(EventHead).values(seq=1).execution_options(synchronize_session=False))
        assert cast("CursorResult[Any]", same).rowcount == 1


def test_people_are_listed_page_by_page_without_gap_or_double_whatever_their_names(
    anna: Person, person: Any, runtime: Runtime
) -> None:
    from app.accounts import service as accounts

    names = ["Zoe", "zoë", "Äpfel", "apfel", "Ben", "BEN", "ben", "a-b", "ab", "Émile", "emile", "_x", "1"]
    known = []
    with runtime.writing() as work:
        for index, name in enumerate(names):
            user = accounts.create(work, email=f"p{index}@example.org", display_name=name, role="user", password=None)
            known.append(user.id)
        work.flush()
        accounts.introduce(work, anna.user_id, known)
    seen: list[str] = []
    cursor = None
    while True:
        page = ok(anna.get("/users", limit=2, **({"cursor": cursor} if cursor else {})))
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(names)
    assert set(seen) == set(known)
