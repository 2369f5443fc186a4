"""What the system writes into the chat."""

from __future__ import annotations

from tests.chat.conftest import chat_of, lines, told
from tests.support.people import PASSWORD, Call, Person, ok, start_call


def test_comings_and_goings_are_noted_with_the_names_that_people_had_there(call: Call, cleo: Person) -> None:
    call.owner.invite(call.meeting, cleo)
    cleos = cleo.join(call.meeting, display_name="Cleo from the train")["participant"]
    ok(cleo.post(f"/participants/{cleos['id']}/leave"))
    ok(call.owner.post(f"/participants/{call.guests['id']}/remove"))
    page = chat_of(call.owner, call.meeting)
    assert lines(page) == [
        "Anna joined.",
        "Ben joined.",
        "Cleo from the train joined.",
        "Cleo from the train left.",
        "Ben was taken out of the meeting.",
    ]
    assert page["items"][-1]["system"] == {
        "kind": "participant.left",
        "participant_id": call.guests["id"],
        "user_id": call.guest.user_id,
        "display_name": "Ben",
        "recording_id": None,
        "reason": "removed",
    }
    assert page["items"][-1]["sender"] is None
    assert told(call.owner, call.owners) == [], "the event of what happened tells it already"


def test_who_gave_up_waiting_was_never_there(anna: Person, ben: Person) -> None:
    meeting = anna.create_meeting(starts_at="2026-11-20T11:00:00Z")
    ben.accept(anna.invite(meeting, ben)[0])
    waiting = ben.join(meeting)["participant"]
    ok(ben.post(f"/participants/{waiting['id']}/leave"))
    assert lines(chat_of(anna, meeting)) == []


def test_recordings_and_the_end_are_noted(anna: Person, ben: Person) -> None:
    call = start_call(anna, ben, media_mode="mock")
    ok(anna.post(f"/meetings/{call.meeting['id']}/recordings", {"audio_only": True}), 201)
    ok(anna.post(f"/meetings/{call.meeting['id']}/end"))
    noted = chat_of(ben, call.meeting, after=2)["items"]
    said = [(line["system"]["kind"], line["text"]) for line in noted]
    assert said[:2] == [
        ("recording.started", "Anna started a recording."),
        ("recording.stopped", "The recording was stopped."),
    ]
    assert set(said[2:]) == {
        ("recording.ready", "The recording is ready."),
        ("meeting.ended", "The meeting ended."),
    }


def test_a_deleted_account_is_named_no_more(call: Call) -> None:
    ok(call.guest.post(f"/meetings/{call.meeting['id']}/messages", {"text": "I was here"}), 201)
    ok(call.guest.delete("/auth/me", {"password": PASSWORD}), 204)
    page = chat_of(call.owner, call.meeting)
    assert "Ben" not in str(page)
    assert "I was here" in str(page), "what was said to others stays theirs"
