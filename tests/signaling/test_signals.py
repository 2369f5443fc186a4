"""Signals from one to another: opaque, bounded, all or none, and stored once."""

from typing import Any

import pytest

from app.core.settings import Settings
from tests.support.people import Call, Person, ok, problem, types_of

NOBODY = "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"


def test_an_offer_an_answer_and_candidates_travel_between_two_people(call: Call) -> None:
    ok(call.send(call.offer(), call.candidate(), call.candidate()), 201)
    received = call.owner.poll(call.owners)
    assert types_of(received) == ["rtc.offer", "rtc.candidate", "rtc.candidate"]
    answer = {"to": call.guests["id"], "type": "rtc.answer", "payload": {"sdp": "v=0\r\nanswer"}}
    ok(call.owner.signal(call.meeting, call.owners, answer), 201)
    assert call.guest.poll(call.guests)["messages"][-1]["payload"]["sdp"] == "v=0\r\nanswer"


def test_the_answer_names_each_signal(call: Call) -> None:
    items = ok(call.send(call.offer("a"), call.candidate()), 201)["items"]
    assert [(item["to"], item["client_ref"]) for item in items] == [
        (call.owners["id"], "a"),
        (call.owners["id"], None),
    ]
    assert [m["id"] for m in call.owner.poll(call.owners)["messages"]] == [item["id"] for item in items]


class TestARepeatedReference:
    def test_is_answered_as_the_first_time_and_stored_once(self, call: Call) -> None:
        first = ok(call.send(call.offer("ref-1")), 201)
        assert ok(call.send(call.offer("ref-1")), 201) == first
        assert types_of(call.owner.poll(call.owners)) == ["rtc.offer"]

    def test_within_one_batch_is_stored_once(self, call: Call) -> None:
        items = ok(call.send(call.offer("x"), call.offer("x")), 201)["items"]
        assert items[0]["id"] == items[1]["id"]
        assert len(call.owner.poll(call.owners)["messages"]) == 1

    def test_beside_new_signals_stores_only_those(self, call: Call) -> None:
        ok(call.send(call.offer("a")), 201)
        ok(call.send(call.offer("a"), call.offer("b")), 201)
        assert len(call.owner.poll(call.owners)["messages"]) == 2

    def test_of_another_participant_is_another_reference(self, call: Call) -> None:
        ok(call.send(call.offer("same")), 201)
        back = {"to": call.guests["id"], "type": "rtc.offer", "payload": {"sdp": "v=0"}, "client_ref": "same"}
        ok(call.owner.signal(call.meeting, call.owners, back), 201)
        assert types_of(call.guest.poll(call.guests)) == ["rtc.offer"]

    def test_for_another_recipient_is_refused(self, call: Call, cleo: Person) -> None:
        cleo.accept(call.owner.invite(call.meeting, cleo)[0])
        hers = cleo.join(call.meeting)["participant"]
        ok(call.send(call.offer("a")), 201)
        [wrong] = problem(call.send({**call.offer("a"), "to": hers["id"]}), 422, "validation_failed")["errors"]
        assert wrong["field"] == "messages.0.client_ref"

    def test_is_answered_even_after_the_recipient_has_left(self, call: Call) -> None:
        first = ok(call.send(call.offer("a")), 201)
        ok(call.owner.post(f"/participants/{call.owners['id']}/leave"))
        assert ok(call.send(call.offer("a")), 201) == first


class TestWhoMaySignalWhom:
    def test_the_sender_has_to_be_a_participant_of_the_caller(self, call: Call) -> None:
        problem(call.guest.signal(call.meeting, call.owners, call.offer()), 403, "not_your_participant")
        problem(call.guest.signal(call.meeting, {"id": NOBODY}, call.offer()), 403, "not_your_participant")

    def test_the_sender_has_to_be_in_this_meeting(self, call: Call) -> None:
        other = call.guest.create_meeting()
        his = call.guest.join(other)["participant"]
        problem(call.guest.signal(call.meeting, his, call.offer()), 403, "not_your_participant")

    def test_who_has_left_cannot_send(self, call: Call) -> None:
        ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
        problem(call.send(call.offer()), 409, "sender_left")

    def test_a_recipient_of_another_meeting_is_unknown(self, call: Call) -> None:
        other = call.owner.create_meeting()
        elsewhere = call.owner.join(other)["participant"]
        message = {**call.offer(), "to": elsewhere["id"]}
        problem(call.send(message), 404, "recipient_unknown")

    def test_who_has_left_cannot_be_reached_and_nothing_of_the_batch_is_stored(self, call: Call, cleo: Person) -> None:
        cleo.accept(call.owner.invite(call.meeting, cleo)[0])
        hers = cleo.join(call.meeting)["participant"]
        ok(cleo.post(f"/participants/{hers['id']}/leave"))
        before = call.owner.poll(call.owners)["head_seq"]
        answer = call.send(call.offer(), {**call.offer(), "to": hers["id"]})
        assert problem(answer, 409, "recipient_left")["index"] == 1
        assert call.owner.poll(call.owners, after=before)["messages"] == []

    def test_nobody_signals_to_themselves(self, call: Call) -> None:
        [wrong] = problem(call.send({**call.offer(), "to": call.guests["id"]}), 422, "validation_failed")["errors"]
        assert wrong["field"] == "messages.0.to"

    def test_an_invited_person_has_to_accept_first(self, call: Call, cleo: Person) -> None:
        call.owner.invite(call.meeting, cleo)
        problem(cleo.signal(call.meeting, {"id": NOBODY}, call.offer()), 403, "forbidden")


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"type": "rtc.sdp"}, "type"),
        ({"type": "participant.left"}, "type"),
        ({"payload": {}}, "payload.sdp"),
        ({"payload": {"sdp": 7}}, "payload.sdp"),
        ({"payload": {"sdp": "hello"}}, "payload.sdp"),
        ({"payload": "v=0"}, "payload"),
        ({"type": "rtc.candidate", "payload": {}}, "payload.candidate"),
        ({"type": "rtc.candidate", "payload": {"candidate": "candidate:1"}}, "payload.candidate"),
        ({"to": "nobody"}, "to"),
        ({"client_ref": "x" * 65}, "client_ref"),
        ({"seq": 1}, "seq"),
    ],
)
def test_a_malformed_signal_is_named_and_nothing_is_stored(call: Call, message: dict[str, Any], field: str) -> None:
    answer = call.send(call.offer(), {**call.offer(), **message})
    [wrong] = problem(answer, 422, "validation_failed")["errors"]
    assert wrong["field"] == f"messages.1.{field}"
    assert call.owner.poll(call.owners)["messages"] == []


@pytest.mark.parametrize("payload", [{"candidate": None}, {"candidate": {"candidate": "", "sdpMid": "0"}}])
def test_the_end_of_the_candidates_is_a_signal_too(call: Call, payload: dict[str, Any]) -> None:
    ok(call.send({**call.candidate(), "payload": payload}), 201)
    assert call.owner.poll(call.owners)["messages"][0]["payload"] == payload


class TestSizes:
    def test_an_sdp_may_be_as_long_as_the_configuration_says_and_not_longer(self, call: Call) -> None:
        limit = ok(call.guest.get(f"/meetings/{call.meeting['id']}/rtc/config"))["limits"]["sdp_bytes"]
        longest = "v=0" + "x" * (limit - 3)
        ok(call.send(call.offer(sdp=longest)), 201)
        assert problem(call.send(call.offer(sdp=longest + "x")), 413, "payload_too_large")["index"] == 0

    def test_beside_its_sdp_a_payload_is_short(self, call: Call) -> None:
        problem(call.send(call.offer(junk="x" * 3000)), 413, "payload_too_large")

    def test_a_candidate_is_short(self, call: Call) -> None:
        problem(call.send(call.candidate("x" * 2100)), 413, "payload_too_large")

    def test_a_batch_has_a_limit(self, call: Call, settings: Settings) -> None:
        most = settings.signal_batch_max
        ok(call.send(*[call.candidate() for _ in range(most)]), 201)
        problem(call.send(*[call.candidate() for _ in range(most + 1)]), 422, "validation_failed")
        problem(call.send(), 422, "validation_failed")


class TestTheConfiguration:
    def test_has_no_mode_before_the_meeting_is_live(self, anna: Person) -> None:
        config = ok(anna.get(f"/meetings/{anna.create_meeting()['id']}/rtc/config"))
        assert (config["mode"], config["config_version"], config["sfu_participant_id"]) == (None, 0, None)

    def test_hands_out_turn_credentials_that_expire(self, call: Call, app: Any) -> None:
        from pydantic import SecretStr

        app.runtime.settings = app.runtime.settings.model_copy(
            update={
                "stun_urls": ("stun:stun.example.org:3478",),
                "turn_urls": ("turn:turn.example.org:3478?transport=udp", "turns:turn.example.org:5349"),
                "turn_secret": SecretStr("north wind"),
                "turn_ttl_s": 3600,
            }
        )
        config = ok(call.guest.get(f"/meetings/{call.meeting['id']}/rtc/config"))
        stun, turn = config["ice_servers"]
        assert stun == {"urls": ["stun:stun.example.org:3478"]}
        assert turn["urls"][1] == "turns:turn.example.org:5349"
        assert turn["username"].endswith(f":{call.guest.user_id}")
        assert config["ice_expires_at"] == "2026-11-20T11:00:00.000000Z"
        assert "north wind" not in str(config)
