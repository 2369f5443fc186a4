"""The waiting room, the lock, and what each of those concerned learns of it."""

from typing import Any

import pytest
from sqlalchemy import update

from app.accounts.models import User
from app.core.runtime import Runtime
from tests.support.people import Call, Person, ok, problem, start_call, types_of
from tests.support.waiting import ParkedPoll


@pytest.fixture
def call(anna: Person, ben: Person) -> Call:
    """Anna's meeting has a lobby, and Ben has knocked."""
    call = start_call(anna, ben, lobby="everyone")
    assert call.guests["state"] == "waiting"
    return call


def join(person: Person, call: Call, **fields: Any) -> Any:
    return person.post(f"/meetings/{call.meeting['id']}/join", {"device": "laptop", **fields})


def do(person: Person, what: str, participant: dict[str, Any]) -> Any:
    return person.post(f"/participants/{participant['id']}/{what}")


def names(participants: list[dict[str, Any]]) -> list[str]:
    return [one["display_name"] for one in participants]


def test_who_waits_is_let_in_at_once_by_a_hosts_word(call: Call, runtime: Runtime) -> None:
    his = ParkedPoll(runtime, call.guest, call.guests)
    hers = ParkedPoll(runtime, call.owner, call.owners)
    admitted = ok(do(call.owner, "admit", call.guests))
    assert admitted["state"] == "joined"
    [told] = his.reply()["messages"]
    assert (told["type"], told["payload"]["participant"]["state"]) == ("participant.updated", "joined")
    assert types_of(hers.reply()) == ["participant.joined"]
    assert ok(do(call.owner, "admit", call.guests))["joined_at"] == admitted["joined_at"]
    ok(call.send(call.offer()), 201)


def test_who_waits_learns_nothing_of_the_others_and_sends_nothing(call: Call) -> None:
    meeting = call.meeting["id"]
    waiting = ok(join(call.guest, call, device="phone"), 201)
    assert (waiting["waiting_for"], names(waiting["participants"]), waiting["rtc"]["ice_servers"]) == (
        "admission",
        ["Ben"],
        [],
    )
    assert names(ok(call.guest.get(f"/meetings/{meeting}/participants"))["items"]) == ["Ben", "Ben"]
    problem(call.guest.get(f"/participants/{call.owners['id']}"), 404, "not_found")
    problem(call.send(call.offer()), 409, "sender_left")
    call.owner.request("PATCH", f"/participants/{call.owners['id']}", {"camera": True})
    assert call.guest.poll(call.guests)["messages"] == []


def test_hosts_learn_who_waits_in_all_their_inboxes_and_who_gave_up(call: Call, cleo: Person) -> None:
    ok(do(call.guest, "leave", call.guests))
    for inbox in (None, call.owners):
        assert types_of(call.owner.poll(inbox, after=0))[-1] == "participant.left"
    call.owner.invite(call.meeting, cleo)
    hers = ok(join(cleo, call), 201)["participant"]
    [knock] = call.owner.poll(call.owners)["messages"][-1:]
    assert (knock["type"], knock["payload"]["participant"]["id"]) == ("participant.waiting", hers["id"])
    # who asks once more is not told twice
    ok(do(cleo, "leave", hers))
    ok(join(cleo, call), 201)
    assert types_of(call.owner.poll(call.owners, after=0)).count("participant.waiting") == 2
    assert names(ok(join(call.owner, call, force=True), 201)["participants"]) == ["Cleo", "Anna"]


def test_those_in_the_room_do_not_see_who_waits(call: Call, cleo: Person) -> None:
    cleo.accept(call.owner.invite(call.meeting, cleo)[0])
    hers = ok(join(cleo, call), 201)["participant"]
    ok(do(call.owner, "admit", hers))
    path = f"/meetings/{call.meeting['id']}/participants"
    assert names(ok(cleo.get(path))["items"]) == ["Anna", "Cleo"]
    assert names(ok(call.owner.get(path))["items"]) == ["Anna", "Ben", "Cleo"]
    problem(cleo.get(f"/participants/{call.guests['id']}"), 404, "not_found")


def test_all_who_wait_are_let_in_together_and_told_of_each_other_by_the_list(call: Call, cleo: Person) -> None:
    call.owner.invite(call.meeting, cleo)
    hers = ok(join(cleo, call), 201)["participant"]
    admitted = ok(call.owner.post(f"/meetings/{call.meeting['id']}/lobby/admit-all"))["items"]
    assert names(admitted) == ["Ben", "Cleo"]
    for person, participant in ((call.guest, call.guests), (cleo, hers)):
        assert types_of(person.poll(participant)) == ["participant.updated"]
    assert types_of(call.owner.poll(call.owners))[-2:] == ["participant.joined"] * 2
    assert ok(call.owner.post(f"/meetings/{call.meeting['id']}/lobby/admit-all"))["items"] == []


def test_who_is_denied_is_told_so_and_may_ask_again_a_few_times(call: Call) -> None:
    stay = call.guests
    for _ in range(2):
        assert ok(do(call.owner, "deny", stay))["left_reason"] == "denied"
        gone = call.guest.get("/rtc/inbox", participant_id=stay["id"], wait=0)
        assert problem(gone, 410, "inbox_closed")["reason"] == "denied"
        stay = ok(join(call.guest, call), 201)["participant"]
    ok(do(call.owner, "deny", stay))
    problem(join(call.guest, call), 409, "denied_too_often")
    problem(do(call.owner, "admit", stay), 409, "participant_state_conflict")


def test_who_was_let_in_once_comes_in_again_unless_they_were_removed(call: Call) -> None:
    ok(do(call.owner, "admit", call.guests))
    ok(do(call.guest, "leave", call.guests))
    again = ok(join(call.guest, call), 201)["participant"]
    assert again["state"] == "joined"
    ok(do(call.owner, "remove", again))
    assert ok(join(call.guest, call), 201)["participant"]["state"] == "waiting"


def test_who_waits_while_no_host_is_there_is_told_so_and_of_their_coming(call: Call) -> None:
    ok(do(call.owner, "leave", call.owners))
    [told] = call.guest.poll(call.guests)["messages"]
    assert (told["type"], told["payload"]) == ("lobby.updated", {"waiting_for": "host"})
    assert ok(join(call.guest, call, replaces=call.guests["id"]), 201)["waiting_for"] == "host"
    call.owner.join(call.meeting)
    assert call.guest.poll(call.guests)["messages"][-1]["payload"] == {"waiting_for": "admission"}


def test_a_start_lets_in_only_those_whom_the_lobby_is_not_for(
    anna: Person, ben: Person, cleo: Person, runtime: Runtime
) -> None:
    with runtime.writing() as work:
        work.execute(update(User).where(User.id == cleo.user_id).values(role="guest"))
    meeting = anna.create_meeting(lobby="guests")
    anna.invite(meeting, ben, cleo)
    hers = cleo.join(meeting)  # of those who wait nobody's join starts a meeting
    assert (hers["meeting"]["state"], hers["waiting_for"]) == ("scheduled", "start")
    assert ben.join(meeting)["meeting"]["state"] == "live"
    told = {one["type"]: one["payload"] for one in cleo.poll(hers["participant"])["messages"]}
    assert (set(told), told["lobby.updated"]) == ({"meeting.started", "lobby.updated"}, {"waiting_for": "host"})
    # opened, it holds nobody any more
    ok(
        anna.patch(
            f"/meetings/{meeting['id']}",
            {"lobby": "off"},
            version=ok(anna.get(f"/meetings/{meeting['id']}"))["version"],
        )
    )
    assert ok(cleo.get(f"/participants/{hers['participant']['id']}"))["state"] == "joined"


def test_a_locked_meeting_is_for_those_who_are_in_it_and_for_hosts(anna: Person, ben: Person, cleo: Person) -> None:
    call = start_call(anna, ben)
    cleo.accept(anna.invite(call.meeting, cleo)[0])
    path = f"/meetings/{call.meeting['id']}"
    problem(call.guest.post(f"{path}/lock"), 403, "forbidden")
    locked = ok(anna.post(f"{path}/lock"))
    assert (locked["locked"], locked["version"]) == (True, call.meeting["version"])
    assert types_of(ben.poll(call.guests))[-1] == "meeting.updated"
    problem(join(cleo, call), 409, "meeting_locked")
    ok(join(ben, call, replaces=call.guests["id"]), 201)
    ok(join(ben, call, device="phone"), 201)
    ok(join(anna, call, device="phone"), 201)
    ok(anna.post(f"{path}/unlock"))
    ok(join(cleo, call), 201)
    ok(anna.post(f"{path}/lock"))
    assert ok(anna.post(f"{path}/end"))["locked"] is False
    problem(anna.post(f"{path}/lock"), 409, "meeting_state_conflict")
