"""Meetings as admins see them."""

from __future__ import annotations

from app.core.flask_app import ParleyApp
from app.core.ids import new_id
from tests.media.rest_worker import RestWorker, service_key
from tests.support.people import Call, Person, ok, problem, start_call, types_of


def test_meetings_are_found_by_title_owner_and_state(admin: Person, call: Call, cleo: Person) -> None:
    planned = cleo.create_meeting(title="Budget for 100%")
    found = ok(admin.get("/admin/meetings"))["items"]
    assert [one["id"] for one in found] == [planned["id"], call.meeting["id"]]
    for query in ({"q": "BUDGET"}, {"q": "0%"}, {"owner_id": cleo.user_id}, {"state": "scheduled"}):
        assert [one["id"] for one in ok(admin.get("/admin/meetings", **query))["items"]] == [planned["id"]]
    first = ok(admin.get("/admin/meetings", limit=1))
    [second] = ok(admin.get("/admin/meetings", limit=1, cursor=first["next_cursor"]))["items"]
    assert second["id"] == call.meeting["id"]


def test_a_meeting_shows_where_it_stands_and_nothing_of_what_is_its_peoples(
    admin: Person, anna: Person, ben: Person, app: ParleyApp
) -> None:
    worker = RestWorker(app, service_key(app))
    call = start_call(anna, ben, media_mode="sfu", description="Bring the contract")
    answer = admin.get(f"/admin/meetings/{call.meeting['id']}")
    shown = ok(answer)
    assert (shown["state"], shown["people"], shown["worker_id"]) == ("live", 2, worker.id)
    assert shown["owner"] == {"user_id": anna.user_id, "display_name": "Anna"}
    assert call.meeting["code"] not in answer.text
    assert "contract" not in answer.text
    problem(admin.get(f"/meetings/{call.meeting['id']}"), 404, "not_found")
    problem(admin.get(f"/admin/meetings/{new_id()}"), 404, "not_found")


def test_an_admin_ends_a_live_meeting_for_everybody(admin: Person, call: Call) -> None:
    path = f"/admin/meetings/{call.meeting['id']}/end"
    ended = ok(admin.post(path))
    assert (ended["state"], ended["people"]) == ("ended", 0)
    assert "meeting.ended" in types_of(call.guest.poll())
    assert ok(admin.post(path)) == ended
    planned = call.owner.create_meeting()
    problem(admin.post(f"/admin/meetings/{planned['id']}/end"), 409, "meeting_state_conflict")
