import threading
from collections import defaultdict

import pytest
from sqlalchemy import select

from app.core.clock import ManualClock
from app.core.ids import new_id
from app.core.runtime import Runtime
from app.events.models import Event
from app.events.service import purge, record


def events(runtime: Runtime) -> list[Event]:
    with runtime.reading() as work:
        return list(work.scalars(select(Event).order_by(Event.meeting_id, Event.seq)))


def test_events_are_numbered_per_meeting(runtime: Runtime, clock: ManualClock) -> None:
    with runtime.writing() as work:
        record(work, "meeting.started", "m1", {"meeting_id": "m1"})
        record(work, "meeting.started", "m2", {})
    clock.advance(seconds=1)
    with runtime.writing() as work:
        record(work, "meeting.ended", "m1", {"reason": "empty"})
    kept = [(event.meeting_id, event.seq, event.name, event.payload) for event in events(runtime)]
    assert kept == [
        ("m1", 1, "meeting.started", {"meeting_id": "m1"}),
        ("m1", 2, "meeting.ended", {"reason": "empty"}),
        ("m2", 1, "meeting.started", {}),
    ]
    assert events(runtime)[1].created_at == clock.now()
    assert {event.position for event in events(runtime)} == {None}, "positions come after the commit"


def test_an_event_of_no_meeting_has_no_number(runtime: Runtime) -> None:
    with runtime.writing() as work:
        for _ in range(2):
            assert record(work, "user.registered", None, {}).seq is None
    assert len(events(runtime)) == 2


def test_an_event_of_a_change_that_was_undone_leaves_no_gap(runtime: Runtime) -> None:
    def record_and_fail() -> None:
        with runtime.writing() as work:
            record(work, "meeting.started", "m", {})
            raise LookupError

    with pytest.raises(LookupError):
        record_and_fail()
    with runtime.writing() as work:
        assert record(work, "meeting.started", "m", {}).seq == 1
    with pytest.raises(LookupError):
        record_and_fail()
    with runtime.writing() as work:
        assert record(work, "meeting.ended", "m", {}).seq == 2


def test_numbers_have_no_gaps_and_no_doubles_when_many_write_at_once(runtime: Runtime) -> None:
    meetings = [new_id() for _ in range(3)]
    start = threading.Barrier(6)
    failures: list[BaseException] = []

    def write(seed: int) -> None:
        start.wait()
        for n in range(20):
            try:
                with runtime.writing() as work:
                    record(work, "participant.joined", meetings[(seed + n) % 3], {"n": n})
                    if n % 4 == 3:
                        raise LookupError  # some change their mind
            except LookupError:
                continue
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    numbers: dict[str | None, list[int | None]] = defaultdict(list)
    for event in events(runtime):
        numbers[event.meeting_id].append(event.seq)
    assert set(numbers) == set(meetings)
    for found in numbers.values():
        assert found == list(range(1, len(found) + 1))
    assert sum(len(found) for found in numbers.values()) == 6 * 15


def test_old_events_are_forgotten_and_numbers_still_grow(runtime: Runtime, clock: ManualClock) -> None:
    with runtime.writing() as work:
        record(work, "meeting.started", "m", {})
    clock.advance(days=29)
    with runtime.writing() as work:
        record(work, "meeting.ended", "m", {})
    clock.advance(days=1.5)
    purge(runtime, {})
    assert [event.seq for event in events(runtime)] == [2]
    clock.advance(days=60)
    purge(runtime, {})
    with runtime.writing() as work:
        assert record(work, "meeting.started", "m", {}).seq == 3
