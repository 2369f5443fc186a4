"""What is written down of an act, who reads it, and how long."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.accounts import service as accounts
from app.core import audit
from app.core.audit import AuditLine
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.ids import new_id
from app.core.runtime import Runtime
from app.participants.events import ParticipantLeft
from tests.media.rest_worker import RestWorker, service_key
from tests.support.people import PASSWORD, Call, Person, ok, problem, start_call


def read(person: Person, meeting: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ok(person.get(f"/meetings/{meeting['id']}/audit", **query))["items"]
    return found


def test_a_line_says_who_did_what_to_whom_when_and_from_where(admin: Person, call: Call) -> None:
    answer = call.owner.post(f"/participants/{call.guests['id']}/remove", headers={"X-Request-ID": "r-1"})
    ok(answer)
    [line, *_] = ok(admin.get("/admin/audit"))["items"]
    assert line == {
        "id": line["id"],
        "at": "2026-11-20T10:00:00.000000Z",
        "action": "participant.remove",
        "actor": {"user_id": call.owner.user_id, "display_name": "Anna"},
        "actor_role": "user",
        "meeting_id": call.meeting["id"],
        "subject": "participant",
        "subject_id": call.guests["id"],
        "person": {"user_id": call.guest.user_id, "display_name": "Ben"},
        "details": {},
        "address": "127.0.0.1",
        "request_id": "r-1",
    }


def test_hosts_read_their_own_meetings_without_addresses_and_nobody_else_does(
    admin: Person, call: Call, cleo: Person
) -> None:
    path = f"/meetings/{call.meeting['id']}/audit"
    ok(call.owner.request("PUT", f"/participants/{call.guests['id']}/role", {"role": "co_host"}))
    start_call(cleo, call.owner)
    [line] = read(call.guest, call.meeting, action="participant.set_role")
    assert line["details"] == {"fields": ["role"], "role": "co_host"}
    assert not {"address", "request_id"} & line.keys()
    assert {one["meeting_id"] for one in read(call.owner, call.meeting)} == {call.meeting["id"]}
    assert read(call.owner, call.meeting, user_id=cleo.user_id) == []
    problem(cleo.get(path), 404, "not_found")
    problem(admin.get(path), 404, "not_found")
    problem(call.owner.get("/admin/audit"), 403, "forbidden")
    ok(call.owner.request("PUT", f"/participants/{call.guests['id']}/role", {"role": "participant"}))
    problem(call.guest.get(path), 403, "forbidden")


def test_nothing_that_was_typed_is_in_a_line(admin: Person, anna: Person, ben: Person) -> None:
    call = start_call(anna, ben, media_mode="mock")
    secret = "hunter2 hunter2"
    version = ok(anna.get(f"/meetings/{call.meeting['id']}"))["version"]
    changes = {"title": secret, "metadata": {secret: secret}, "lobby": "guests"}
    ok(anna.patch(f"/meetings/{call.meeting['id']}", changes, version))
    recording = ok(anna.post(f"/meetings/{call.meeting['id']}/recordings", {"mode": "both"}), 201)
    ok(anna.post(f"/recordings/{recording['id']}/stop"), 202)
    shared = ok(anna.post(f"/recordings/{recording['id']}/shares", {"expires_in": 60, "passcode": secret}), 201)
    answer = admin.get("/admin/audit", meeting_id=call.meeting["id"])
    share, _stop, start, update, *_ = ok(answer)["items"]
    assert (update["action"], update["details"]) == (
        "meeting.update",
        {"fields": ["lobby", "metadata", "title"], "lobby": "guests"},
    )
    assert (start["subject"], start["subject_id"], start["details"]["mode"]) == ("recording", recording["id"], "both")
    assert (share["subject"], share["subject_id"]) == ("share", shared["id"])
    assert share["details"] == {"fields": ["expires_in", "passcode"]}
    assert secret not in answer.text
    assert shared["url"].partition("#")[2] not in answer.text


def test_what_is_undone_leaves_no_line(app: ParleyApp, call: Call, runtime: Runtime) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the last handler fails")

    runtime.bus.on(ParticipantLeft, fail)
    assert call.owner.post(f"/participants/{call.guests['id']}/remove").status_code == 500
    with runtime.reading() as work:
        assert work.scalar(select(AuditLine.id).where(AuditLine.action == "participant.remove")) is None


def test_a_repeat_that_is_answered_from_memory_is_no_second_act(call: Call) -> None:
    again = {"headers": {"Idempotency-Key": "k"}}
    for _ in range(2):
        ok(call.owner.post(f"/participants/{call.guests['id']}/mute", **again))
    assert len(read(call.owner, call.meeting, action="participant.mute")) == 1


def test_it_outlives_the_meeting_for_admins_and_is_forgotten_in_time(
    admin: Person, call: Call, runtime: Runtime, clock: ManualClock
) -> None:
    path = f"/meetings/{call.meeting['id']}"
    ok(call.owner.post(f"{path}/end"))
    ok(call.owner.delete(path), 204)
    kept = [line["action"] for line in ok(admin.get("/admin/audit", meeting_id=call.meeting["id"]))["items"]]
    assert kept[:2] == ["meeting.delete", "meeting.end"]
    clock.advance(days=365)
    with runtime.writing() as work:
        audit.by_command(work, "user.set_role", call.owner.user_id, role="user")
    clock.advance(seconds=1)
    audit.purge(runtime, {})
    with runtime.reading() as work:
        assert list(work.scalars(select(AuditLine.action))) == ["user.set_role"]


def test_commands_leave_a_line_without_an_actor(admin: Person, app: ParleyApp, runtime: Runtime) -> None:
    ran = app.test_cli_runner().invoke(args=["users", "grant", admin.email, "admin"])
    assert ran.exit_code == 0, ran.output
    [line] = ok(admin.get("/admin/audit", user_id=admin.user_id))["items"]
    assert (line["action"], line["actor"], line["actor_role"]) == ("user.set_role", None, "command")
    assert line["person"] == {"user_id": admin.user_id, "display_name": "Ada"}
    assert line["details"] == {"role": "admin"}


def test_lines_come_in_pages_and_of_one_who_did_them(admin: Person, call: Call, runtime: Runtime) -> None:
    for action in ("lock", "unlock", "lock"):
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/{action}"))
    by_owner = {"actor_id": call.owner.user_id, "limit": 2}
    first = ok(admin.get("/admin/audit", **by_owner))
    second = ok(admin.get("/admin/audit", **by_owner, cursor=first["next_cursor"]))
    found = [line["action"] for line in first["items"] + second["items"]]
    assert found[:3] == ["meeting.lock", "meeting.unlock", "meeting.lock"]
    assert ok(admin.get("/admin/audit", actor_id=new_id()))["items"] == []


def test_what_a_media_worker_does_itself_is_no_act_of_an_admin(admin: Person, app: ParleyApp, runtime: Runtime) -> None:

    worker = RestWorker(app, service_key(app))
    other = RestWorker(app, service_key(app, "Other"), name="host-b/1")
    ok(worker.request("DELETE", f"/media/workers/{worker.id}"))
    ok(admin.delete(f"/media/workers/{other.id}"))
    [line] = ok(admin.get("/admin/audit", action="worker.drain"))["items"]
    assert (line["subject"], line["subject_id"], line["actor_role"]) == ("worker", other.id, "admin")


@pytest.fixture
def erased(call: Call) -> str:

    ok(call.owner.post(f"/meetings/{call.meeting['id']}/lock"))
    ok(call.owner.delete("/auth/me", {"password": PASSWORD}), 204)
    return call.owner.user_id


def test_who_was_erased_has_no_name_in_it(admin: Person, erased: str) -> None:
    [line, *_] = ok(admin.get("/admin/audit", actor_id=erased))["items"]
    assert line["actor"] == {"user_id": erased, "display_name": accounts.NAME_OF_ERASED}
