"""Every event that is recorded is what the catalogue says, and nothing stands in the catalogue that is never recorded.

(tests/conftest.py holds every event that any test has recorded against its schema.)
"""

from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.runtime import Runtime
from app.events import service
from app.events.catalogue import KINDS, example
from app.events.models import Event
from app.notes.meeting_source import MeetingSource
from app.notes.transcribers.base import Transcriber
from app.recordings import service as recordings
from tests.calls.test_calls import receive
from tests.events.schemas import check
from tests.notes.hearing import Ears, fails, quick_sound, record
from tests.support.people import PASSWORD, Call, Person, ok
from tests.uploads.sending import begin, complete, put_parts, send


def recorded(runtime: Runtime) -> set[str]:
    with runtime.reading() as work:
        return set(work.scalars(Event.__table__.select().with_only_columns(Event.name)))


def hold_series(anna: Person) -> None:
    given = {"starts_at": "2026-11-30T09:00:00+01:00", "time_zone": "Europe/Berlin", "duration_min": 30}
    alone = anna.create_meeting(**given)
    recurrence = {"recurrence": "FREQ=WEEKLY;COUNT=4"}
    first = ok(anna.patch(f"/meetings/{alone['id']}?scope=all", recurrence, version=alone["version"]))
    following = ok(anna.get("/meetings", series_id=first["series_id"], order="asc"))["items"][2]
    path = f"/meetings/{following['id']}"
    ok(anna.patch(f"{path}?scope=following", {"title": "Later"}, version=following["version"]))
    ok(anna.post(f"{path}/cancel?scope=all"))


def send_files(anna: Person) -> None:
    send(anna, b"Hello")
    wrong = begin(anna, 5)
    put_parts(anna, wrong, b"Hello")
    ok(complete(anna, wrong, b"Other"), 202)


def send_calls(anna: Person) -> None:
    call = receive(anna)
    ok(anna.delete(f"/calls/{call['id']}"), 204)


def make_notes(call: Call, runtime: Runtime) -> None:
    said = {"Anna": [(1.0, "Good mourning Ben.")], "Ben": [(4.0, "Good morning.")]}
    runtime.drivers[Transcriber] = Ears(said)
    record(runtime, call, call.owners["id"], call.guests["id"])
    path = f"/meetings/{call.meeting['id']}"
    ok(call.owner.post(f"{path}/notes", {}), 202)
    corrected = {"segments": [{"id": "s1", "text": "Good morning Ben."}]}
    ok(call.owner.patch(f"{path}/transcript", corrected, version=1))


def record_meeting(person: Person, runtime: Runtime) -> None:
    meeting = person.create_meeting(media_mode="mock")
    participant = person.join(meeting)["participant"]
    for becomes in ("kept", "deleted"):
        recording = ok(person.post(f"/meetings/{meeting['id']}/recordings", {}), 201)
        ok(person.post(f"/recordings/{recording['id']}/stop"), 202)
        if becomes == "deleted":
            ok(person.delete(f"/recordings/{recording['id']}"), 204)
    recording = ok(person.post(f"/meetings/{meeting['id']}/recordings", {}), 201)
    with runtime.writing() as work:
        recordings.hold(work, recording["id"]).state = "stopping"  # type: ignore[union-attr]
        recordings.note_trouble(work, recording["id"], "It could not be made.", final=True)
    ok(person.post(f"/participants/{participant['id']}/leave"))
    ok(person.post(f"/meetings/{meeting['id']}/end"))
    ok(person.delete(f"/meetings/{meeting['id']}"), 204)


def test_every_event_of_the_catalogue_is_recorded_by_what_people_do(
    call: Call, cleo: Person, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    monkeypatch.setattr(MeetingSource, "prepare", quick_sound)
    hold_series(call.owner)
    send_files(cleo)
    record_meeting(cleo, runtime)
    make_notes(call, runtime)
    send_calls(call.owner)
    ok(call.owner.patch(f"/meetings/{call.meeting['id']}", {"title": "Another"}, version=call.meeting["version"]))
    to_come = cleo.create_meeting()
    ok(cleo.post(f"/meetings/{to_come['id']}/cancel"))
    ears: Any = runtime.drivers[Transcriber]
    ears.failures = fails(9)
    record(runtime, call, call.owners["id"], after_s=100)
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/notes", {}), 202)
    ok(cleo.delete("/auth/me", {"password": PASSWORD}), 204)
    assert KINDS.keys() - recorded(runtime) == set()


@pytest.mark.parametrize("name", KINDS)
def test_examples_are_events_of_their_kind(name: str) -> None:
    check(example(KINDS[name]))


def test_what_is_not_in_the_catalogue_is_not_recorded(runtime: Runtime) -> None:
    with runtime.writing() as work:
        with pytest.raises(KeyError):
            service.record(work, "meeting.exploded", {})
        with pytest.raises(ValueError, match=r"meeting\.ended has the fields"):
            service.record(work, "meeting.ended", {"reason": "ended", "password": "hunter2"})
