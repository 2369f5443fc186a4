"""What hosts do with those who are there, who hosts, and what a meeting's permissions keep to hosts."""

from typing import Any

import pytest

from app.core.actor import Actor
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.participants.permissions import may
from tests.participants.test_guests import by_code, come
from tests.support.people import Call, Person, ok, problem, start_call, types_of
from tests.support.waiting import ParkedPoll


def do(person: Person, what: str, participant: dict[str, Any]) -> Any:
    return person.post(f"/participants/{participant['id']}/{what}")


def give_role(person: Person, participant: dict[str, Any], role: str = "co_host") -> Any:
    return person.request("PUT", f"/participants/{participant['id']}/role", {"role": role})


def set_own(person: Person, participant: dict[str, Any], **state: Any) -> Any:
    return person.request("PATCH", f"/participants/{participant['id']}", state)


@pytest.fixture
def cleos(call: Call, cleo: Person) -> dict[str, Any]:
    """Cleo is in Anna's call too; everything so far is read."""
    cleo.accept(call.owner.invite(call.meeting, cleo)[0])
    hers: dict[str, Any] = cleo.join(call.meeting)["participant"]
    for person, participant in ((call.owner, call.owners), (call.guest, call.guests)):
        person.poll(participant, ack=person.poll(participant)["head_seq"])
    return hers


class TestMuting:
    def test_is_told_to_everybody_by_one_message_and_is_no_unmuting(self, call: Call) -> None:
        set_own(call.guest, call.guests, muted=False)
        call.owner.poll(call.owners, ack=call.owner.poll(call.owners)["head_seq"])
        assert ok(do(call.owner, "mute", call.guests))["muted"] is True
        for person, participant in ((call.owner, call.owners), (call.guest, call.guests)):
            [message] = person.poll(participant)["messages"]
            assert message["type"] == "participant.mute"
            assert message["payload"] == {
                "participant_ids": [call.guests["id"]],
                "by": {"user_id": call.owner.user_id, "display_name": "Anna"},
            }
        ok(do(call.owner, "ask-to-unmute", call.guests))
        ok(do(call.owner, "ask-to-unmute", call.guests))
        assert types_of(call.guest.poll(call.guests)) == ["participant.mute", "participant.ask_to_unmute"]
        assert ok(call.owner.get(f"/participants/{call.guests['id']}"))["muted"] is True

    def test_of_all_passes_over_hosts(self, call: Call, cleo: Person, cleos: dict[str, Any]) -> None:
        ok(give_role(call.owner, cleos))
        for person, participant in ((call.owner, call.owners), (call.guest, call.guests), (cleo, cleos)):
            set_own(person, participant, muted=False)
        muted = ok(cleo.post(f"/meetings/{call.meeting['id']}/mute-all"))["items"]
        assert [one["id"] for one in muted] == [call.guests["id"]]
        assert types_of(cleo.poll(cleos)).count("participant.mute") == 1

    def test_of_who_has_gone_is_refused(self, call: Call) -> None:
        ok(do(call.guest, "leave", call.guests))
        for what in ("mute", "ask-to-unmute", "lower-hand"):
            problem(do(call.owner, what, call.guests), 409, "participant_state_conflict")


def test_hands_know_when_they_were_raised_and_hosts_lower_them(call: Call, clock: ManualClock) -> None:
    clock.advance(seconds=5)
    assert ok(set_own(call.guest, call.guests, hand=True))["hand_raised_at"] == "2026-11-20T10:00:05.000000Z"
    clock.advance(seconds=5)
    assert ok(set_own(call.guest, call.guests, hand=True))["hand_raised_at"] == "2026-11-20T10:00:05.000000Z"
    assert ok(do(call.owner, "lower-hand", call.guests))["hand_raised_at"] is None
    [message] = call.guest.poll(call.guests)["messages"]
    assert (message["type"], message["payload"]["participant"]["hand"]) == ("participant.updated", False)


class TestRemovingAndBanning:
    def test_a_removed_ones_poll_ends_at_once_and_their_signals_are_refused(self, call: Call, runtime: Runtime) -> None:
        poll = ParkedPoll(runtime, call.guest, call.guests)
        ok(do(call.owner, "remove", call.guests))
        assert poll.reply()["ended"] == {"reason": "removed"}
        problem(call.send(call.offer()), 409, "sender_left")
        assert call.guest.join(call.meeting)["participant"]["state"] == "joined"

    def test_a_banned_person_is_out_with_all_devices_and_can_not_come_back(self, call: Call) -> None:
        phone = call.guest.join(call.meeting, device="phone")["participant"]
        assert ok(do(call.owner, "ban", call.guests))["left_reason"] == "banned"
        for stay in (call.guests, phone):
            assert call.guest.poll(stay)["ended"] == {"reason": "banned"}
        meeting = f"/meetings/{call.meeting['id']}"
        problem(call.guest.post(f"{meeting}/join", {"device": "laptop"}), 403, "banned")
        problem(call.send(call.offer()), 403, "banned")
        problem(call.guest.get(meeting), 403, "banned")
        assert ok(call.guest.get("/meetings"))["items"] == []

    def test_a_ban_outlives_invitations_until_it_is_lifted(self, call: Call) -> None:
        ok(do(call.owner, "ban", call.guests))
        meeting = f"/meetings/{call.meeting['id']}"
        [banned] = ok(call.owner.get(f"{meeting}/bans"))["items"]
        assert banned == {"user_id": call.guest.user_id, "display_name": "Ben"}
        [invitation] = ok(call.owner.get(f"{meeting}/invitations"))["items"]
        ok(call.owner.delete(f"/invitations/{invitation['id']}"), 204)
        ok(call.owner.post(f"/invitations/{invitation['id']}/resend"))
        problem(call.guest.post(f"{meeting}/join", {"device": "laptop"}), 403, "banned")
        ok(call.owner.delete(f"{meeting}/bans/{call.guest.user_id}"), 204)
        problem(call.owner.delete(f"{meeting}/bans/{call.guest.user_id}"), 404, "not_found")
        assert call.guest.join(call.meeting)["participant"]["state"] == "joined"

    def test_who_is_banned_from_one_of_a_series_is_banned_from_all_that_is_to_come(
        self, anna: Person, ben: Person
    ) -> None:
        rule = {"starts_at": "2026-11-20T10:30:00Z", "duration_min": 30, "recurrence": "FREQ=DAILY;COUNT=3"}
        call = start_call(anna, ben, **rule)
        series = {"series_id": call.meeting["series_id"], "limit": 200, "order": "asc"}
        made = ok(ben.get("/meetings", **series))["items"]
        tomorrows = ok(anna.post(f"/meetings/{made[1]['id']}/start")) and ben.join(made[1])["participant"]
        assert ok(do(anna, "ban", call.guests))["code_renewed"] is False
        gone = ben.get("/rtc/inbox", participant_id=tomorrows["id"], wait=0)
        assert problem(gone, 410, "inbox_closed")["reason"] == "banned"
        assert ok(ben.get("/meetings", **series))["items"] == []
        problem(ben.get(f"/meetings/{made[-1]['id']}"), 403, "banned")

        last = made[-1]
        longer = {"recurrence": "FREQ=DAILY;COUNT=5"}
        ok(anna.patch(f"/meetings/{last['id']}?scope=all", longer, version=last["version"]))
        newest = ok(anna.get("/meetings", **series))["items"][-1]
        assert newest["id"] not in {one["id"] for one in made}
        problem(ben.get(f"/meetings/{newest['id']}"), 403, "banned")
        ok(anna.delete(f"/meetings/{made[1]['id']}/bans/{ben.user_id}"), 204)
        for one in (made[0], made[-1], newest):
            assert ok(ben.get(f"/meetings/{one['id']}"))["my_relation"] == "accepted"

    def test_the_code_of_a_banned_guest_opens_nothing_any_more(self, app: ParleyApp, call: Call) -> None:
        gus, gil = come(app, call.meeting, "Gus"), come(app, call.meeting, "Gil")
        theirs = gus.join(call.meeting)["participant"]
        gils = gil.join(call.meeting)["participant"]
        assert ok(do(call.owner, "ban", theirs))["code_renewed"] is True
        problem(by_code(app, call.meeting["code"], "Gus again"), 404, "code_unknown")
        assert gil.poll(gils)["ended"] is None  # who is in stays
        renewed = ok(call.owner.get(f"/meetings/{call.meeting['id']}"))
        assert renewed["code"] != call.meeting["code"]
        ok(by_code(app, renewed["code"], "Gabi"))
        told = [
            m["payload"]["meeting"]["code"] for m in call.owner.poll()["messages"] if m["type"] == "meeting.updated"
        ]
        assert told == [renewed["code"]]


class TestCoHosts:
    def test_keep_their_role_when_they_leave_and_join_again(self, call: Call) -> None:
        assert ok(give_role(call.owner, call.guests))["role"] == "co_host"
        [told] = call.guest.poll(call.guests)["messages"]
        assert told["payload"]["participant"]["role"] == "co_host"
        ok(do(call.guest, "leave", call.guests))
        again = call.guest.join(call.meeting)
        assert (again["participant"]["role"], again["meeting"]["my_role"]) == ("co_host", "co_host")
        ok(give_role(call.owner, again["participant"], "participant"))
        assert ok(call.guest.get(f"/meetings/{call.meeting['id']}"))["my_role"] == "participant"

    def test_open_an_ended_meeting_again_by_coming_and_do_not_wait(self, call: Call) -> None:
        ok(give_role(call.owner, call.guests))
        meeting = f"/meetings/{call.meeting['id']}"
        ok(call.owner.patch(meeting, {"lobby": "everyone"}, version=ok(call.owner.get(meeting))["version"]))
        ok(call.guest.post(f"{meeting}/end"))
        again = call.guest.join(call.meeting)
        assert (again["meeting"]["state"], again["participant"]["state"]) == ("live", "joined")

    def test_who_waits_and_is_made_one_comes_in(self, call: Call, cleo: Person) -> None:
        meeting = f"/meetings/{call.meeting['id']}"
        ok(call.owner.patch(meeting, {"lobby": "everyone"}, version=ok(call.owner.get(meeting))["version"]))
        call.owner.invite(call.meeting, cleo)
        hers = cleo.join(call.meeting)["participant"]
        assert hers["state"] == "waiting"
        assert ok(give_role(call.owner, hers))["state"] == "joined"

    def test_send_away_neither_the_owner_nor_each_other(self, call: Call, cleo: Person, cleos: dict[str, Any]) -> None:
        for participant in (call.guests, cleos):
            ok(give_role(call.owner, participant))
        for what in ("remove", "ban"):
            problem(do(cleo, what, call.owners), 403, "forbidden")
            problem(do(cleo, what, call.guests), 403, "forbidden")
        problem(give_role(cleo, call.guests, "participant"), 403, "forbidden")
        problem(give_role(call.owner, call.owners), 403, "forbidden")
        ok(do(call.owner, "ban", call.guests))


class TestPermissions:
    def permit(self, call: Call, **permissions: str) -> dict[str, Any]:
        meeting = f"/meetings/{call.meeting['id']}"
        changed: dict[str, Any] = ok(
            call.owner.patch(meeting, {"permissions": permissions}, version=ok(call.owner.get(meeting))["version"])
        )["permissions"]
        return changed

    def test_change_one_by_one(self, call: Call) -> None:
        assert call.meeting["permissions"] == {"share_screen": "everyone", "chat": "everyone", "record": "hosts"}
        assert self.permit(call, chat="hosts") == {"share_screen": "everyone", "chat": "hosts", "record": "hosts"}
        assert self.permit(call, record="everyone")["chat"] == "hosts"

    def test_keep_screens_to_hosts(self, call: Call) -> None:
        ok(set_own(call.guest, call.guests, screen=True))
        ok(set_own(call.guest, call.guests, screen=False))
        self.permit(call, share_screen="hosts")
        refused = problem(set_own(call.guest, call.guests, screen=True, camera=True), 403, "not_permitted")
        assert refused["permission"] == "share_screen"
        ok(set_own(call.owner, call.owners, screen=True))
        ok(give_role(call.owner, call.guests))
        ok(set_own(call.guest, call.guests, screen=True))

    def test_let_everyone_record_and_stop_what_they_began(self, call: Call, settings: Any, runtime: Runtime) -> None:
        runtime.settings = settings.model_copy(update={"mock_recorder": True})
        path = f"/meetings/{call.meeting['id']}/recordings"
        problem(call.guest.post(path, {}), 403, "not_permitted")
        self.permit(call, record="everyone")
        owners = ok(call.owner.post(path, {}), 201)
        problem(call.guest.post(f"/recordings/{owners['id']}/stop"), 403, "not_permitted")
        ok(call.owner.post(f"/recordings/{owners['id']}/stop"), 202)
        own = ok(call.guest.post(path, {}), 201)
        ok(call.guest.post(f"/recordings/{own['id']}/stop"), 202)

    def test_are_asked_for_by_name_and_nobody_who_waits_has_any(
        self, call: Call, cleo: Person, runtime: Runtime
    ) -> None:
        meeting = f"/meetings/{call.meeting['id']}"
        ok(call.owner.patch(meeting, {"lobby": "everyone"}, version=ok(call.owner.get(meeting))["version"]))
        call.owner.invite(call.meeting, cleo)
        cleo.join(call.meeting)

        def who_may(what: str) -> list[str]:
            with runtime.reading() as work:
                return [
                    one.name
                    for one in (call.owner, call.guest, cleo)
                    if may(work, Actor(one.user_id, one.session_id, one.name, "user"), call.meeting["id"], what)
                ]

        assert who_may("chat") == ["Anna", "Ben"]
        assert who_may("record") == ["Anna"]
