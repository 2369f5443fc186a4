from collections.abc import Callable
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.processes import ProcessBeat
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.inbox.parking import Parking
from app.participants.tasks import sweep_presence
from tests.support.people import Call, Person, ok, problem, start_call, types_of
from tests.support.waiting import ParkedPoll

LATER = "2026-11-20T11:00:00Z"


def names(participants: list[dict[str, Any]]) -> list[str]:
    return [p["display_name"] for p in participants]


class TestJoining:
    def test_answers_with_all_that_a_call_needs(self, anna: Person) -> None:
        meeting = anna.create_meeting()
        joined = anna.join(meeting, device="phone-1", display_name="Anna B.")
        participant = joined["participant"]
        assert (participant["state"], participant["display_name"], participant["device"], participant["epoch"]) == (
            "joined",
            "Anna B.",
            "phone-1",
            1,
        )
        assert participant["is_owner"] is True
        assert joined["inbox"] == {"participant_id": participant["id"], "head_seq": 0, "acked_seq": 0}
        assert joined["meeting"]["state"] == "live"
        assert joined["participants"] == [participant]
        assert joined["rtc"]["mode"] == "p2p"

    def test_makes_a_room_on_demand_whoever_comes_first(self, anna: Person, ben: Person) -> None:
        meeting = anna.create_meeting()
        anna.invite(meeting, ben)
        assert ben.join(meeting)["meeting"]["state"] == "live"

    def test_says_yes_to_a_pending_invitation(self, anna: Person, ben: Person) -> None:
        meeting = anna.create_meeting()
        [invitation] = anna.invite(meeting, ben)
        assert ben.join(meeting)["meeting"]["my_relation"] == "accepted"
        assert ok(ben.get(f"/invitations/{invitation['id']}"))["status"] == "accepted"
        assert types_of(anna.poll())[0] == "invitation.updated"

    def test_is_told_to_those_who_are_there(self, anna: Person, ben: Person) -> None:
        meeting = anna.create_meeting()
        anna.invite(meeting, ben)
        hers = anna.join(meeting)["participant"]
        his = ben.join(meeting)
        told = [m for m in anna.poll(hers)["messages"] if m["type"] == "participant.joined"]
        assert [m["payload"]["participant"]["id"] for m in told] == [his["participant"]["id"]]
        assert told[0]["from"]["participant_id"] == his["participant"]["id"]
        assert names(his["participants"]) == ["Anna", "Ben"]

    def test_a_meeting_that_is_over_is_only_for_its_owner_who_opens_it_again(self, call: Call) -> None:
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
        problem(call.guest.post(f"/meetings/{call.meeting['id']}/join", {"device": "d"}), 409, "meeting_ended")
        assert call.owner.join(call.meeting)["meeting"]["state"] == "live"
        call.guest.join(call.meeting)

    def test_a_cancelled_meeting_is_for_nobody(self, anna: Person) -> None:
        meeting = anna.create_meeting()
        ok(anna.post(f"/meetings/{meeting['id']}/cancel"))
        problem(anna.post(f"/meetings/{meeting['id']}/join", {"device": "d"}), 409, "meeting_cancelled")

    def test_a_full_meeting_is_refused_and_says_no_to_nothing_else(
        self, anna: Person, ben: Person, cleo: Person
    ) -> None:
        meeting = anna.create_meeting(max_participants=2)
        anna.invite(meeting, ben, cleo)
        anna.join(meeting)
        ben.join(meeting)
        problem(cleo.post(f"/meetings/{meeting['id']}/join", {"device": "d"}), 409, "meeting_full")
        [invitation] = ok(cleo.get("/invitations"))["items"]
        assert invitation["status"] == "pending"

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"device": ""},
            {"device": "x" * 65},
            {"device": "d", "replaces": "no-id"},
            {"device": "d", "replaces": "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f", "force": True},
        ],
    )
    def test_with_wrong_fields_is_refused(self, anna: Person, body: dict[str, Any]) -> None:
        meeting = anna.create_meeting()
        problem(anna.post(f"/meetings/{meeting['id']}/join", body), 422, "validation_failed")


class TestComingEarly:
    def test_means_waiting_until_the_owner_is_there(self, anna: Person, ben: Person) -> None:
        meeting = anna.create_meeting(starts_at=LATER)
        anna.invite(meeting, ben)
        early = ben.join(meeting)
        assert (early["participant"]["state"], early["meeting"]["state"]) == ("waiting", "scheduled")
        assert early["rtc"]["mode"] is None
        assert "participant.waiting" in types_of(anna.poll())
        hers = anna.join(meeting)
        assert names(hers["participants"]) == ["Ben", "Anna"]
        told = ben.poll(early["participant"])["messages"]
        assert [m["type"] for m in told] == ["participant.updated", "meeting.started", "participant.joined"]
        assert told[0]["payload"]["participant"]["state"] == "joined"

    def test_who_is_let_in_together_reads_of_each_other_and_is_told_of_who_comes_later(
        self, anna: Person, ben: Person, cleo: Person
    ) -> None:
        meeting = anna.create_meeting(starts_at=LATER)
        anna.invite(meeting, ben, cleo)
        early = [person.join(meeting)["participant"] for person in (ben, cleo)]
        anna.join(meeting)
        for person, participant in zip((ben, cleo), early, strict=True):
            told = person.poll(participant)["messages"]
            assert [m["type"] for m in told] == ["participant.updated", "meeting.started", "participant.joined"]
            assert told[-1]["payload"]["participant"]["display_name"] == "Anna"
            there = ok(person.get(f"/meetings/{meeting['id']}/participants?state=joined"))["items"]
            assert names(there) == ["Ben", "Cleo", "Anna"]
            assert {one["display_name"] for one in ok(person.get("/users"))["items"]} == {"Anna", "Ben", "Cleo"} - {
                person.name
            }

    def test_does_not_let_one_signal_or_be_signalled(self, anna: Person, ben: Person, cleo: Person) -> None:
        meeting = anna.create_meeting(starts_at=LATER)
        anna.invite(meeting, ben, cleo)
        his, hers = ben.join(meeting)["participant"], cleo.join(meeting)["participant"]
        message = {"to": hers["id"], "type": "rtc.offer", "payload": {"sdp": "v=0"}}
        problem(ben.signal(meeting, his, message), 409, "sender_left")

    def test_and_waiting_on_while_the_meeting_is_moved_says_yes_to_the_new_time(
        self, anna: Person, ben: Person
    ) -> None:
        meeting = anna.create_meeting(starts_at=LATER)
        anna.invite(meeting, ben)
        his = ben.join(meeting)["participant"]
        ok(anna.patch(f"/meetings/{meeting['id']}", {"starts_at": "2026-11-20T12:00:00Z"}, version=1))
        hers = anna.join(meeting)["participant"]
        message = {"to": hers["id"], "type": "rtc.offer", "payload": {"sdp": "v=0"}}
        ok(ben.signal(meeting, his, message), 201)

    def test_and_saying_no_when_the_meeting_is_moved_ends_the_waiting(self, anna: Person, ben: Person) -> None:
        meeting = anna.create_meeting(starts_at=LATER)
        [invitation] = anna.invite(meeting, ben)
        his = ben.join(meeting)["participant"]
        ok(anna.patch(f"/meetings/{meeting['id']}", {"starts_at": "2026-11-20T12:00:00Z"}, version=1))
        ok(ben.post(f"/invitations/{invitation['id']}/reject"))
        assert names(anna.join(meeting)["participants"]) == ["Anna"]
        assert ben.poll(his)["ended"] == {"reason": "left"}

    def test_and_going_again_is_told_to_nobody_in_the_room(self, anna: Person, ben: Person) -> None:
        meeting = anna.create_meeting(starts_at=LATER)
        anna.invite(meeting, ben)
        his = ben.join(meeting)["participant"]
        assert ok(ben.post(f"/participants/{his['id']}/leave"))["state"] == "left"
        assert names(anna.join(meeting)["participants"]) == ["Anna"]


class TestTheSameDevice:
    def test_that_joins_again_is_told_of_its_other_stay(self, call: Call) -> None:
        answer = call.guest.post(f"/meetings/{call.meeting['id']}/join", {"device": "laptop"})
        assert problem(answer, 409, "already_joined")["participant_id"] == call.guests["id"]

    def test_can_force_a_new_stay(self, call: Call) -> None:
        again = call.guest.join(call.meeting, force=True)["participant"]
        assert again["id"] != call.guests["id"]
        gone = ok(call.owner.get(f"/participants/{call.guests['id']}"))
        assert (gone["state"], gone["left_reason"]) == ("left", "replaced")
        assert types_of(call.owner.poll(call.owners)) == ["participant.left", "participant.joined"]

    def test_is_another_than_the_same_persons_phone(self, call: Call) -> None:
        phone = call.guest.join(call.meeting, device="phone")
        assert names(phone["participants"]) == ["Anna", "Ben", "Ben"]


class TestReplacing:
    """Another connection takes over: the network has changed, the call goes on."""

    def replace(self, call: Call, device: str = "laptop") -> dict[str, Any]:
        return call.guest.join(call.meeting, device=device, replaces=call.guests["id"])

    def test_keeps_id_and_inbox_and_raises_the_epoch(self, call: Call) -> None:
        before = call.guest.poll(call.guests)["head_seq"]
        replaced = self.replace(call)
        assert (replaced["participant"]["id"], replaced["participant"]["epoch"]) == (call.guests["id"], 2)
        assert replaced["inbox"]["head_seq"] == before

    def test_is_an_update_for_the_others_not_a_leave_and_a_join(self, call: Call) -> None:
        self.replace(call)
        [message] = call.owner.poll(call.owners)["messages"]
        assert (message["type"], message["payload"]["participant"]["epoch"]) == ("participant.updated", 2)

    def test_ends_the_poll_of_the_old_connection(self, call: Call, runtime: Runtime) -> None:
        old = ParkedPoll(runtime, call.guest, call.guests)
        self.replace(call)
        assert old.reply()["superseded"] is True

    def test_drops_signals_that_were_meant_for_the_old_connection_and_keeps_the_rest(
        self, call: Call, cleo: Person
    ) -> None:
        to_guest = {"to": call.guests["id"], "type": "rtc.offer", "payload": {"sdp": "v=0"}}
        ok(call.owner.signal(call.meeting, call.owners, to_guest), 201)
        cleo.accept(call.owner.invite(call.meeting, cleo)[0])
        cleo.join(call.meeting)
        self.replace(call)
        assert types_of(call.guest.poll(call.guests)) == ["participant.joined"]

    def test_makes_it_the_stay_of_the_new_device(self, call: Call) -> None:
        self.replace(call, device="phone")
        again = call.guest.post(f"/meetings/{call.meeting['id']}/join", {"device": "phone"})
        assert problem(again, 409, "already_joined")["participant_id"] == call.guests["id"]

    def test_brings_back_who_was_reconnecting(self, call: Call, runtime: Runtime, clock: ManualClock) -> None:
        lose(runtime, clock, 20)
        assert self.replace(call)["participant"]["state"] == "joined"

    def test_a_stay_that_has_ended_is_refused(self, call: Call) -> None:
        ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
        body = {"device": "laptop", "replaces": call.guests["id"]}
        problem(call.guest.post(f"/meetings/{call.meeting['id']}/join", body), 409, "sender_left")

    def test_somebody_elses_stay_is_refused(self, call: Call) -> None:
        body = {"device": "laptop", "replaces": call.owners["id"]}
        problem(call.guest.post(f"/meetings/{call.meeting['id']}/join", body), 404, "not_found")


class TestLeaving:
    def test_is_told_at_once(self, call: Call, runtime: Runtime) -> None:
        poll = ParkedPoll(runtime, call.owner, call.owners)
        left = ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
        assert (left["state"], left["left_reason"], left["left_at"]) == ("left", "left", "2026-11-20T10:00:00.000000Z")
        [message] = poll.reply()["messages"]
        assert (message["type"], message["payload"]["reason"]) == ("participant.left", "left")

    def test_may_be_repeated(self, call: Call) -> None:
        path = f"/participants/{call.guests['id']}/leave"
        assert ok(call.guest.post(path)) == ok(call.guest.post(path))
        assert types_of(call.owner.poll(call.owners)) == ["participant.left"]

    def test_and_coming_back_is_a_new_stay(self, call: Call) -> None:
        ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
        assert call.guest.join(call.meeting)["participant"]["id"] != call.guests["id"]

    def test_happens_to_a_device_whose_session_is_ended_from_another(self, call: Call) -> None:
        ok(call.guest.delete(f"/auth/sessions/{call.guest.session_id}"), 204)
        [message] = call.owner.poll(call.owners)["messages"]
        assert (message["type"], message["payload"]["reason"]) == ("participant.left", "session_ended")


class TestRemoving:
    def test_is_the_owners(self, call: Call) -> None:
        problem(call.guest.post(f"/participants/{call.owners['id']}/remove"), 403, "forbidden")
        removed = ok(call.owner.post(f"/participants/{call.guests['id']}/remove"))
        assert (removed["state"], removed["left_reason"]) == ("left", "removed")

    def test_refuses_signals_of_who_was_removed(self, call: Call) -> None:
        ok(call.owner.post(f"/participants/{call.guests['id']}/remove"))
        problem(call.send(call.offer()), 409, "sender_left")


class TestOnesOwnState:
    def test_is_told_to_the_others(self, call: Call) -> None:
        body = {"muted": False, "camera": True, "screen": True, "hand": True, "display_name": "Benjamin"}
        changed = ok(call.guest.request("PATCH", f"/participants/{call.guests['id']}", body))
        assert {name: changed[name] for name in body} == body
        [message] = call.owner.poll(call.owners)["messages"]
        assert message["payload"]["participant"] == changed

    def test_that_stays_the_same_is_told_to_nobody(self, call: Call) -> None:
        ok(call.guest.request("PATCH", f"/participants/{call.guests['id']}", {"muted": True}))
        assert call.owner.poll(call.owners)["messages"] == []

    def test_is_nobody_elses(self, call: Call) -> None:
        answer = call.owner.request("PATCH", f"/participants/{call.guests['id']}", {"muted": True})
        problem(answer, 403, "forbidden")

    def test_ends_with_the_stay(self, call: Call) -> None:
        ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
        answer = call.guest.request("PATCH", f"/participants/{call.guests['id']}", {"muted": False})
        problem(answer, 409, "sender_left")


def test_the_list_shows_who_is_and_who_was_there(call: Call) -> None:
    ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
    path = f"/meetings/{call.meeting['id']}/participants"
    everybody = ok(call.owner.get(path))["items"]
    assert [(p["display_name"], p["state"], p["left_at"] is not None) for p in everybody] == [
        ("Anna", "joined", False),
        ("Ben", "left", True),
    ]
    assert names(ok(call.owner.get(path, state="left"))["items"]) == ["Ben"]


def test_people_who_met_find_each_other_again(call: Call, cleo: Person) -> None:
    assert [p["display_name"] for p in ok(call.owner.get("/users"))["items"]] == ["Ben"]
    assert [p["display_name"] for p in ok(call.guest.get("/users"))["items"]] == ["Anna"]
    assert ok(cleo.get("/users"))["items"] == []


def lose(runtime: Runtime, clock: ManualClock, seconds: float) -> None:
    """Let time pass in which the API is there and Ben's device says nothing, while Anna's polls."""
    beat = runtime.drivers[ProcessBeat]
    for _ in range(int(seconds)):
        clock.advance(seconds=1)
        beat.beat()
    sweep_presence(runtime, {})


class TestPresence:
    @pytest.fixture
    def call(self, anna: Person, ben: Person, runtime: Runtime, clock: ManualClock) -> Call:
        """A call in an API that has been up for long enough to count people as gone."""
        beat = runtime.drivers[ProcessBeat]
        for _ in range(10):
            beat.beat()
            clock.advance(seconds=10)
        return start_call(anna, ben)

    def poll_and_lose(self, call: Call, runtime: Runtime, clock: ManualClock, seconds: int) -> None:
        lose(runtime, clock, seconds - 1)
        call.owner.poll(call.owners)
        lose(runtime, clock, 1)

    def state(self, call: Call) -> tuple[str, str | None]:
        his = ok(call.owner.get(f"/participants/{call.guests['id']}"))
        return his["state"], his["left_reason"]

    def test_who_does_not_poll_is_reconnecting_and_then_gone(
        self, call: Call, runtime: Runtime, clock: ManualClock
    ) -> None:
        self.poll_and_lose(call, runtime, clock, 14)
        assert self.state(call) == ("joined", None)
        self.poll_and_lose(call, runtime, clock, 1)
        assert self.state(call) == ("reconnecting", None)
        self.poll_and_lose(call, runtime, clock, 44)
        assert self.state(call) == ("reconnecting", None)
        self.poll_and_lose(call, runtime, clock, 1)
        assert self.state(call) == ("left", "timed_out")
        assert ok(call.owner.get(f"/participants/{call.owners['id']}"))["state"] == "joined"
        assert types_of(call.owner.poll(call.owners)) == ["participant.updated", "participant.left"]

    def test_who_polls_again_in_time_is_back(self, call: Call, runtime: Runtime, clock: ManualClock) -> None:
        self.poll_and_lose(call, runtime, clock, 50)
        call.guest.poll(call.guests)
        assert self.state(call) == ("joined", None)
        self.poll_and_lose(call, runtime, clock, 14)
        assert self.state(call) == ("joined", None)

    def test_who_only_looked_lost_is_back(self, call: Call, runtime: Runtime, clock: ManualClock) -> None:
        runtime.drivers[Parking].beat_every_s = 3600  # a process that is too busy to write its beat
        poll = ParkedPoll(runtime, call.guest, call.guests)
        self.poll_and_lose(call, runtime, clock, 15)
        assert self.state(call) == ("reconnecting", None)
        ok(call.owner.signal(call.meeting, call.owners, call.offer() | {"to": call.guests["id"]}), 201)
        poll.reply()
        sweep_presence(runtime, {})
        assert self.state(call) == ("joined", None)

    def test_who_is_gone_is_told_so_at_the_next_poll(self, call: Call, runtime: Runtime, clock: ManualClock) -> None:
        self.poll_and_lose(call, runtime, clock, 60)
        last = call.guest.poll(call.guests)
        assert last["ended"] == {"reason": "timed_out"}
        gone = call.guest.get("/rtc/inbox", participant_id=call.guests["id"], wait=0, ack=last["head_seq"])
        assert problem(gone, 410, "inbox_closed")["reason"] == "timed_out"

    def test_nobody_is_gone_for_a_silence_that_was_the_apis(
        self, call: Call, runtime: Runtime, clock: ManualClock
    ) -> None:
        clock.advance(minutes=5)
        sweep_presence(runtime, {})
        assert self.state_in_database(runtime, call) == "joined"
        runtime.drivers[ProcessBeat].beat()
        clock.advance(seconds=14)
        runtime.drivers[ProcessBeat].beat()
        sweep_presence(runtime, {})
        assert self.state_in_database(runtime, call) == "joined"

    def test_nobody_is_lost_while_a_killed_api_is_started_again(
        self, call: Call, runtime: Runtime, clock: ManualClock
    ) -> None:
        lose(runtime, clock, 5)
        clock.advance(seconds=14)  # the killed process does not look dead yet
        sweep_presence(runtime, {})
        assert self.state_in_database(runtime, call) == "joined"
        runtime.drivers[ProcessBeat] = ProcessBeat(runtime, "api")
        runtime.drivers[ProcessBeat].beat()
        lose(runtime, clock, 14)
        assert self.state_in_database(runtime, call) == "joined"

    def state_in_database(self, runtime: Runtime, call: Call) -> str:
        from app.participants.models import Participant

        with runtime.reading() as work:
            return work.get_one(Participant, call.guests["id"]).state

    def test_the_last_who_is_lost_leaves_an_empty_room(self, call: Call, runtime: Runtime, clock: ManualClock) -> None:
        from app.meetings.models import Meeting

        lose(runtime, clock, 61)
        with runtime.reading() as work:
            assert work.get_one(Meeting, call.meeting["id"]).empty_since == clock.now()


def test_presence_settings_that_contradict_are_refused(settings: Settings) -> None:
    from app.core.settings import SettingsError, load_settings

    with pytest.raises(SettingsError, match="PRESENCE_LEFT_S"):
        load_settings(presence_left_s=5, presence_reconnecting_s=10, _env_file=None)


def test_most_people_of_a_meeting_are_limited_by_setting(
    app: Any, anna: Person, person: Callable[[str], Person]
) -> None:
    app.runtime.settings = app.runtime.settings.model_copy(update={"participants_max": 2})
    meeting = anna.create_meeting(max_participants=9)
    anna.join(meeting)
    for name in ("Dora", "Emil"):
        newcomer = person(name)
        anna.invite(meeting, newcomer)
        answer = newcomer.post(f"/meetings/{meeting['id']}/join", {"device": "d"})
    problem(answer, 409, "meeting_full")
