"""Coming by a meeting's code: what a guest may do, and when that ends."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.accounts import tasks as account_tasks
from app.accounts.models import User, UserSession
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.meetings.models import MeetingPerson
from tests.support.people import Person, ok, problem, types_of
from tests.support.waiting import ParkedPoll

Meeting = dict[str, Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"code_failures_address": "3/15 minutes"})


@pytest.fixture
def meeting(anna: Person) -> Meeting:
    return anna.create_meeting()


def by_code(app: Flask, code: str, name: str | None = "Gus", *, address: str = "192.0.2.1") -> TestResponse:
    body = {"code": code} | ({"display_name": name} if name else {})
    client = app.test_client()
    return client.post("/api/v1/meetings/join-by-code", json=body, environ_base={"REMOTE_ADDR": address})


def look_up(app: Flask, code: str, *, address: str = "192.0.2.1") -> TestResponse:
    client = app.test_client()
    return client.post("/api/v1/meetings/look-up-code", json={"code": code}, environ_base={"REMOTE_ADDR": address})


def come(app: Flask, meeting: Meeting, name: str = "Gus") -> Person:
    """A guest with their tokens, at the meeting's door."""
    return Person(app, name, "", ok(by_code(app, meeting["code"], name))["tokens"])


@pytest.fixture
def gus(app: ParleyApp, meeting: Meeting) -> Person:
    return come(app, meeting)


def refresh(guest: Person) -> TestResponse:
    body = {"refresh_token": guest.tokens["refresh_token"]}
    return guest.app.test_client().post("/api/v1/auth/refresh", json=body)


def access_has_ended(guest: Person, meeting: Meeting, reason: str) -> None:
    for answer in (guest.get(f"/meetings/{meeting['id']}"), guest.get("/rtc/inbox", wait=0), refresh(guest)):
        assert problem(answer, 401, "session_ended")["reason"] == reason


# Coming in


def test_a_guest_comes_by_the_code_however_it_is_typed_and_takes_part_like_others(
    app: ParleyApp, anna: Person, meeting: Meeting
) -> None:
    annas = anna.join(meeting)["participant"]
    admitted = ok(by_code(app, f" {meeting['code'].upper().replace('-', ' ')} "))
    assert admitted["tokens"]["user"]["role"] == "guest"
    assert admitted["tokens"]["user"]["email"] is None
    assert admitted["meeting"]["my_relation"] == "guest"
    gus = Person(app, "Gus", "", admitted["tokens"])
    joined = gus.join(meeting)
    assert {one["display_name"]: one["is_guest"] for one in joined["participants"]} == {"Anna": False, "Gus": True}
    (told,) = anna.poll(annas)["messages"]
    assert (told["type"], told["payload"]["participant"]["is_guest"]) == ("participant.joined", True)
    signal = {"to": annas["id"], "type": "rtc.restart", "payload": {}}
    ok(gus.signal(meeting, joined["participant"], signal), 201)
    assert types_of(anna.poll(annas, after=told["seq"])) == ["rtc.restart"]


def test_what_a_code_opens_is_shown_before_one_joins(app: ParleyApp, meeting: Meeting) -> None:
    assert ok(look_up(app, meeting["code"])) == {
        "title": "Weekly review",
        "host": "Anna",
        "state": "scheduled",
        "starts_at": None,
        "duration_min": None,
        "time_zone": "UTC",
    }


def test_a_guest_needs_a_name(app: ParleyApp, meeting: Meeting) -> None:
    body = problem(by_code(app, meeting["code"], None), 422, "validation_failed")
    assert body["errors"][0]["field"] == "display_name"


def test_every_code_that_lets_nobody_in_is_answered_alike(app: ParleyApp, anna: Person, meeting: Meeting) -> None:
    closed = anna.create_meeting(guests_allowed=False)
    ok(anna.post(f"/meetings/{meeting['id']}/code/renew"))
    codes = {"unknown": "aaa-bbbb-ccc", "renewed": meeting["code"], "closed": closed["code"], "none": "?"}
    told = set()
    for number, code in enumerate(codes.values()):
        for ask in (by_code, look_up):
            body = problem(ask(app, code, address=f"198.51.100.{number}"), 404, "code_unknown")
            told.add((body["title"], body["detail"], *sorted(body)))
    assert len(told) == 1


def test_a_good_code_tells_how_the_meeting_stands(app: ParleyApp, anna: Person, meeting: Meeting) -> None:
    anna.join(meeting)
    ok(anna.post(f"/meetings/{meeting['id']}/end"))
    problem(by_code(app, meeting["code"]), 409, "meeting_ended")
    assert ok(look_up(app, meeting["code"]))["state"] == "ended"
    cancelled = anna.create_meeting()
    ok(anna.post(f"/meetings/{cancelled['id']}/cancel"))
    problem(by_code(app, cancelled["code"]), 409, "meeting_cancelled")


def test_trying_codes_is_stopped_for_its_address_and_good_codes_are_not_counted(
    app: ParleyApp, meeting: Meeting, clock: ManualClock
) -> None:
    for _ in range(5):
        ok(by_code(app, meeting["code"]))
    for _ in range(3):
        problem(look_up(app, "aaa-bbbb-ccc"), 404, "code_unknown")
    body = problem(by_code(app, meeting["code"]), 429, "too_many_requests")
    assert body["limit"] == "code_failures_address"
    ok(by_code(app, meeting["code"], address="192.0.2.2"))
    clock.advance(minutes=15)
    ok(by_code(app, meeting["code"]))


def test_guests_are_let_into_new_meetings_by_a_setting(anna: Person, meeting: Meeting, runtime: Runtime) -> None:
    assert meeting["guests_allowed"] is True
    assert meeting["join_url"] == f"{runtime.settings.address}/join/{meeting['code']}"
    runtime.settings = runtime.settings.model_copy(update={"guests_allowed": False})
    assert anna.create_meeting()["guests_allowed"] is False


# Waiting


def test_a_guest_never_starts_a_meeting(app: ParleyApp, anna: Person, ben: Person, meeting: Meeting) -> None:
    anna.invite(meeting, ben)
    gus = come(app, meeting)
    guests = gus.join(meeting)["participant"]
    assert guests["state"] == "waiting"
    for path in ("messages", "rtc/tracks"):
        problem(gus.get(f"/meetings/{meeting['id']}/{path}"), 403, "forbidden")
    assert "participant.waiting" in types_of(anna.poll())
    ben.join(meeting)  # a member's join starts a meeting that has no time
    assert types_of(gus.poll(guests)) == ["participant.updated", "meeting.started", "participant.joined"]
    assert ok(gus.get(f"/participants/{guests['id']}"))["state"] == "joined"
    assert [one["display_name"] for one in participants(gus, meeting)] == ["Gus", "Ben"]


# What a guest may not


def test_a_guest_is_told_no_code_so_that_a_renewed_one_keeps_out_who_was_sent_out(
    app: ParleyApp, anna: Person, meeting: Meeting
) -> None:
    anna.join(meeting)
    gus = come(app, meeting)
    guests = gus.join(meeting)
    assert (guests["meeting"]["code"], guests["meeting"]["join_url"]) == (None, None)
    renewed = ok(anna.post(f"/meetings/{meeting['id']}/code/renew"))
    assert renewed["code"] != meeting["code"]
    assert renewed["version"] == meeting["version"] + 2  # it went live too
    (told,) = gus.poll(guests["participant"])["messages"]
    assert (told["type"], told["payload"]["meeting"]["code"]) == ("meeting.updated", None)
    assert anna.poll()["messages"][-1]["payload"]["meeting"]["code"] == renewed["code"]
    assert ok(gus.get(f"/meetings/{meeting['id']}"))["code"] is None  # and in it stays
    assert ok(gus.get(f"/participants/{guests['participant']['id']}"))["state"] == "joined"


def test_nobody_gets_to_know_a_guest(anna: Person, gus: Person, meeting: Meeting) -> None:
    anna.join(meeting)
    gus.join(meeting)
    assert ok(anna.get("/users"))["items"] == []


def test_a_guest_with_a_token_does_not_come_to_another_meeting(anna: Person, gus: Person) -> None:
    other = anna.create_meeting()
    problem(gus.post("/meetings/join-by-code", {"code": other["code"], "display_name": "Gus"}), 403, "forbidden")
    problem(gus.post(f"/meetings/{other['id']}/join", {"device": "phone"}), 404, "not_found")


# The end


def test_a_guests_access_ends_with_the_meeting_and_a_new_start_asks_for_the_code_again(
    app: ParleyApp, anna: Person, gus: Person, meeting: Meeting, runtime: Runtime
) -> None:
    anna.join(meeting)
    guests = gus.join(meeting)["participant"]
    ok(anna.post(f"/meetings/{meeting['id']}/end"))
    access_has_ended(gus, meeting, "meeting_ended")
    history = {one["display_name"]: one["left_reason"] for one in participants(anna, meeting)}
    assert history == {"Anna": "meeting_ended", "Gus": "meeting_ended"}
    with runtime.reading() as work:
        assert work.get(MeetingPerson, (meeting["id"], guests["user_id"])) is None
    ok(anna.post(f"/meetings/{meeting['id']}/start"))
    access_has_ended(gus, meeting, "meeting_ended")
    come(app, meeting).join(meeting)


def participants(person: Person, meeting: Meeting) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = ok(person.get(f"/meetings/{meeting['id']}/participants"))["items"]
    return listed


def test_closing_guests_out_ends_who_is_in_and_who_waits_and_lets_no_more_in(
    app: ParleyApp, anna: Person, ben: Person, meeting: Meeting
) -> None:
    anna.invite(meeting, ben)
    annas = anna.join(meeting)["participant"]
    ben.join(meeting)
    gus, gil, gwen = (come(app, meeting, name) for name in ("Gus", "Gil", "Gwen"))
    gus.join(meeting)
    gil.join(meeting)
    anna.poll(annas, ack=anna.poll(annas)["head_seq"])
    closed = ok(anna.post(f"/meetings/{meeting['id']}/guests/close"))
    assert closed["guests_allowed"] is False
    for guest in (gus, gil, gwen):
        access_has_ended(guest, meeting, "guests_closed")
    told = [(m["type"], m["payload"].get("reason")) for m in anna.poll(annas)["messages"]]
    assert told == [("meeting.updated", None), *[("participant.left", "guests_closed")] * 2]
    assert [one["display_name"] for one in participants(anna, meeting) if one["state"] == "joined"] == ["Anna", "Ben"]
    problem(by_code(app, meeting["code"]), 404, "code_unknown")
    assert ok(anna.post(f"/meetings/{meeting['id']}/guests/close"))["version"] == closed["version"]
    ok(anna.patch(f"/meetings/{meeting['id']}", {"guests_allowed": True}, closed["version"]))
    come(app, meeting).join(meeting)


def test_a_guests_poll_ends_at_once_with_the_reason_when_guests_are_closed_out(
    anna: Person, gus: Person, meeting: Meeting, runtime: Runtime
) -> None:
    anna.join(meeting)
    parked = ParkedPoll(runtime, gus, gus.join(meeting)["participant"])
    ok(anna.post(f"/meetings/{meeting['id']}/guests/close"))
    assert parked.reply()["ended"] == {"reason": "guests_closed"}


def test_a_guest_hears_of_the_recording_that_runs_when_they_come_and_sees_none_that_was(
    app: ParleyApp, anna: Person
) -> None:
    meeting = anna.create_meeting(media_mode="mock")
    anna.join(meeting)
    recording = ok(anna.post(f"/meetings/{meeting['id']}/recordings", {}), 201)
    gus = come(app, meeting)
    (told,) = gus.poll(gus.join(meeting)["participant"])["messages"]
    assert (told["type"], told["payload"]["recording"]["id"]) == ("recording.state", recording["id"])
    problem(gus.get(f"/meetings/{meeting['id']}/recordings"), 403, "forbidden")


def test_a_guest_sees_who_is_there_and_not_who_was(anna: Person, ben: Person, gus: Person, meeting: Meeting) -> None:
    anna.invite(meeting, ben)
    anna.join(meeting)
    ok(ben.post(f"/participants/{ben.join(meeting)['participant']['id']}/leave"))
    gus.join(meeting)
    assert [one["display_name"] for one in participants(gus, meeting)] == ["Anna", "Gus"]
    assert [one["display_name"] for one in participants(anna, meeting)] == ["Anna", "Ben", "Gus"]


def test_a_guest_who_is_removed_needs_the_code_again_and_one_who_leaves_does_not(
    anna: Person, gus: Person, meeting: Meeting
) -> None:
    anna.join(meeting)
    guests = gus.join(meeting)["participant"]
    ok(gus.post(f"/participants/{guests['id']}/leave"))
    again = gus.join(meeting)["participant"]
    ok(anna.post(f"/participants/{again['id']}/remove"))
    access_has_ended(gus, meeting, "removed")


def test_signing_out_takes_a_guest_out(anna: Person, gus: Person, meeting: Meeting) -> None:
    anna.join(meeting)
    gus.join(meeting)
    ok(gus.post("/auth/logout"), 204)
    access_has_ended(gus, meeting, "logout")
    assert [one["left_reason"] for one in participants(anna, meeting)] == [None, "session_ended"]


def test_a_guests_session_lives_for_hours_after_its_newest_refresh_and_their_name_is_erased_days_later(
    anna: Person, gus: Person, meeting: Meeting, clock: ManualClock, runtime: Runtime
) -> None:
    anna.join(meeting)
    guests = gus.join(meeting)["participant"]
    clock.advance(hours=23)
    gus.tokens = ok(refresh(gus))
    assert gus.tokens["user"]["role"] == "guest"
    clock.advance(hours=25)
    assert problem(refresh(gus), 401, "session_ended")["reason"] == "expired"
    account_tasks.sweep(runtime, {})
    clock.advance(days=29)
    account_tasks.sweep(runtime, {})
    assert name_of(runtime, gus) == "Gus"
    clock.advance(days=2)
    account_tasks.sweep(runtime, {})
    assert name_of(runtime, gus) == "Guest"
    with runtime.reading() as work:
        session = work.get_one(UserSession, gus.session_id)
        assert session.user_agent is None
    anna.tokens = ok(
        anna.app.test_client().post(
            "/api/v1/auth/login", json={"email": anna.email, "password": "correct horse battery"}
        )
    )
    assert {one["id"]: one["display_name"] for one in participants(anna, meeting)}[guests["id"]] == "Gus"


def name_of(runtime: Runtime, person: Person) -> str:
    with runtime.reading() as work:
        return work.get_one(User, person.user_id).display_name


# With an account


def test_a_user_who_comes_by_the_code_comes_as_themselves_and_is_found_among_the_invitations(
    anna: Person, ben: Person, meeting: Meeting
) -> None:
    admitted = ok(ben.post("/meetings/join-by-code", {"code": meeting["code"]}))
    assert admitted["tokens"] is None
    assert admitted["meeting"]["my_relation"] == "accepted"
    assert types_of(anna.poll()) == ["invitation.updated"]
    (invitation,) = ok(anna.get(f"/meetings/{meeting['id']}/invitations"))["items"]
    assert (invitation["invitee"]["display_name"], invitation["status"]) == ("Ben", "accepted")
    ok(ben.post("/meetings/join-by-code", {"code": meeting["code"]}))  # a second time changes nothing
    assert ben.join(meeting)["participant"]["is_guest"] is False
    ok(anna.delete(f"/invitations/{invitation['id']}"), 204)
    problem(ben.post("/meetings/join-by-code", {"code": meeting["code"]}), 404, "code_unknown")


@pytest.mark.parametrize("answer", ["pending", "rejected"])
def test_the_code_says_yes_to_an_invitation(anna: Person, ben: Person, meeting: Meeting, answer: str) -> None:
    (invitation,) = anna.invite(meeting, ben)
    if answer == "rejected":
        ok(ben.post(f"/invitations/{invitation['id']}/reject"))
    ok(ben.post("/meetings/join-by-code", {"code": meeting["code"]}))
    ben.join(meeting)
    assert ok(ben.get(f"/invitations/{invitation['id']}"))["status"] == "accepted"


def test_whoever_belongs_to_a_meeting_may_use_its_link_when_guests_may_not(
    app: ParleyApp, anna: Person, ben: Person, cleo: Person, person: Callable[[str], Person]
) -> None:
    meeting = anna.create_meeting(guests_allowed=False)
    ben.accept(anna.invite(meeting, ben)[0])
    for member in (anna, ben):
        assert ok(member.post("/meetings/look-up-code", {"code": meeting["code"]}))["title"] == "Weekly review"
        ok(member.post("/meetings/join-by-code", {"code": meeting["code"]}))
    problem(cleo.post("/meetings/join-by-code", {"code": meeting["code"]}), 404, "code_unknown")


def test_the_code_of_an_ended_meeting_gives_nobody_its_notes(anna: Person, ben: Person, meeting: Meeting) -> None:
    anna.join(meeting)
    ok(anna.post(f"/meetings/{meeting['id']}/end"))
    problem(ben.post("/meetings/join-by-code", {"code": meeting["code"]}), 409, "meeting_ended")
    problem(ben.get(f"/meetings/{meeting['id']}/notes"), 404, "not_found")
