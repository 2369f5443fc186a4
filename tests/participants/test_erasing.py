"""An account is erased: what becomes of the meetings that it held."""

from __future__ import annotations

from app.core.flask_app import ParleyApp
from app.core.objects.base import ObjectStore
from app.core.runtime import Runtime
from tests.support.databases import stored_rows
from tests.support.people import PASSWORD, Person, ok


def record(owner: Person, *others: Person) -> str:
    """A recorded meeting that is over; its id."""
    meeting = owner.create_meeting(media_mode="mock")
    for other in others:
        other.accept(owner.invite(meeting, other)[0])
        other.join(meeting)
    owner.join(meeting)
    recording = ok(owner.post(f"/meetings/{meeting['id']}/recordings", {}), 201)
    ok(owner.post(f"/recordings/{recording['id']}/stop"), 202)
    ok(owner.post(f"/meetings/{meeting['id']}/end"))
    ok(owner.post(f"/meetings/{meeting['id']}/notes", {}), 202)
    meeting_id: str = meeting["id"]
    return meeting_id


def kept(runtime: Runtime) -> set[str]:
    """Ids of meetings of which there is a row, a recording or a file."""
    rows = [row.split("'")[1] for row in stored_rows(runtime.database, "meetings")]
    store: ObjectStore = runtime.drivers[ObjectStore]
    return set(rows) | {found.key.split("/")[1] for found in store.list("")}


def erase(person: Person) -> None:
    ok(person.delete("/auth/me", {"password": PASSWORD}), 204)


def test_what_was_theirs_alone_goes_with_its_recordings_and_transcripts(anna: Person, runtime: Runtime) -> None:
    over, to_come = record(anna), anna.create_meeting()["id"]
    assert kept(runtime) == {over, to_come}
    erase(anna)
    assert kept(runtime) == set()
    assert stored_rows(runtime.database, "recordings", "notes", "search_documents") == []


def test_what_others_had_a_part_in_stays(anna: Person, ben: Person, app: ParleyApp, runtime: Runtime) -> None:
    shared, asked, by_mail, with_guest = record(anna, ben), *(anna.create_meeting() for _ in range(3))
    anna.invite(asked, ben)
    ok(anna.post(f"/meetings/{by_mail['id']}/invitations", {"invitees": [{"email": "cleo@example.net"}]}), 201)
    anna.join(with_guest)
    told = {"code": with_guest["code"], "display_name": "Gus"}
    admitted = ok(app.test_client().post("/api/v1/meetings/join-by-code", json=told))
    Person(app, "Gus", "", admitted["tokens"]).join(with_guest)
    erase(anna)
    assert kept(runtime) == {shared, asked["id"], by_mail["id"], with_guest["id"]}
    assert ok(ben.get(f"/meetings/{shared}/recordings"))["items"][0]["state"] == "ready"
