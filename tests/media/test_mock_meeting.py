"""A meeting whose media server is played by the application: nothing moves, everything answers."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.people import Call, Person, ok, problem, start_call, types_of

OFFERS = Path(__file__).parent.parent / "data" / "sdp"


@pytest.fixture
def call(anna: Person, ben: Person) -> Call:
    return start_call(anna, ben, media_mode="mock")


@pytest.fixture
def sfu(call: Call) -> str:
    config = ok(call.owner.get(f"/meetings/{call.meeting['id']}/rtc/config"))
    assert config["mode"] == "mock"
    return str(config["sfu_participant_id"])


@pytest.fixture
def offer() -> str:
    [path] = OFFERS.glob("*audio*video*.sdp")
    return path.read_bytes().decode()


def to_sfu(sfu: str, sdp: str, ref: str | None = None, **payload: Any) -> dict[str, Any]:
    message = {"to": sfu, "type": "rtc.offer", "payload": {"sdp": sdp, **payload}}
    return message | ({"client_ref": ref} if ref else {})


def test_the_media_server_is_a_participant_like_others(call: Call, sfu: str) -> None:
    everybody = ok(call.owner.get(f"/meetings/{call.meeting['id']}/participants"))["items"]
    [server] = [p for p in everybody if p["kind"] == "sfu"]
    assert (server["id"], server["state"], server["user_id"]) == (sfu, "joined", None)
    assert "mock" in server["display_name"].lower()


def test_an_offer_is_answered_through_the_same_inbox(call: Call, sfu: str, offer: str) -> None:
    ok(call.send(to_sfu(sfu, offer, connection="publish")), 201)
    [message] = call.guest.poll(call.guests)["messages"]
    assert message["type"] == "rtc.answer"
    assert message["from"]["participant_id"] == sfu
    assert message["payload"]["connection"] == "publish"
    assert message["payload"]["sdp"].startswith("v=0\r\n")


def test_a_repeated_offer_is_answered_once(call: Call, sfu: str, offer: str) -> None:
    for _ in range(2):
        ok(call.send(to_sfu(sfu, offer, "ref")), 201)
    assert types_of(call.guest.poll(call.guests)) == ["rtc.answer"]


def test_published_tracks_are_told_to_the_others_and_listed(call: Call, sfu: str, offer: str) -> None:
    ok(call.send(to_sfu(sfu, offer)), 201)
    messages = call.owner.poll(call.owners)["messages"]
    assert [(m["type"], m["payload"]["action"]) for m in messages] == [("rtc.track", "published")] * 2
    tracks = ok(call.owner.get(f"/meetings/{call.meeting['id']}/rtc/tracks"))["items"]
    assert [(t["participant_id"], t["kind"], t["source"]) for t in tracks] == [
        (call.guests["id"], "audio", "microphone"),
        (call.guests["id"], "video", "camera"),
    ]
    assert [m["payload"]["track"] for m in messages] == tracks


def test_a_client_says_what_its_tracks_show(call: Call, sfu: str, offer: str) -> None:
    ok(call.send(to_sfu(sfu, offer, tracks=[{"mid": "1", "source": "screen"}, {"mid": "9"}, "?"])), 201)
    tracks = ok(call.owner.get(f"/meetings/{call.meeting['id']}/rtc/tracks"))["items"]
    assert [t["source"] for t in tracks] == ["microphone", "screen"]


def test_negotiating_again_publishes_nothing_twice(call: Call, sfu: str, offer: str) -> None:
    for _ in range(2):
        ok(call.send(to_sfu(sfu, offer)), 201)
    assert len(ok(call.owner.get(f"/meetings/{call.meeting['id']}/rtc/tracks"))["items"]) == 2
    assert types_of(call.owner.poll(call.owners)) == ["rtc.track"] * 2


def test_tracks_go_with_their_participant(call: Call, sfu: str, offer: str) -> None:
    ok(call.send(to_sfu(sfu, offer)), 201)
    ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
    assert ok(call.owner.get(f"/meetings/{call.meeting['id']}/rtc/tracks"))["items"] == []
    actions = [m["payload"].get("action") for m in call.owner.poll(call.owners)["messages"] if m["type"] == "rtc.track"]
    assert actions == ["published", "published", "unpublished", "unpublished"]


def test_tracks_go_with_a_connection_that_is_replaced(call: Call, sfu: str, offer: str) -> None:
    ok(call.send(to_sfu(sfu, offer)), 201)
    call.guest.join(call.meeting, replaces=call.guests["id"])
    assert ok(call.owner.get(f"/meetings/{call.meeting['id']}/rtc/tracks"))["items"] == []


def test_an_offer_that_cannot_be_answered_is_refused_and_leaves_nothing(call: Call, sfu: str) -> None:
    problem(call.send(to_sfu(sfu, "v=0\r\nnonsense")), 422, "unanswerable_offer")
    assert call.guest.poll(call.guests)["messages"] == []


def test_candidates_for_it_are_taken_and_never_fill_its_inbox(call: Call, sfu: str) -> None:
    candidate = {"to": sfu, "type": "rtc.candidate", "payload": {"candidate": None}}
    for _ in range(12):
        ok(call.send(*[candidate] * 50), 201)


def test_it_goes_with_the_meeting_and_comes_back_with_it(call: Call, sfu: str) -> None:
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    call.owner.join(call.meeting)
    config = ok(call.owner.get(f"/meetings/{call.meeting['id']}/rtc/config"))
    assert config["sfu_participant_id"] not in (None, sfu)
    assert config["config_version"] == 2


def test_it_keeps_no_room_open(call: Call, sfu: str) -> None:
    ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
    ok(call.owner.post(f"/participants/{call.owners['id']}/leave"))
    from app.meetings.models import Meeting

    with call.owner.app.runtime.reading() as work:  # type: ignore[attr-defined]
        assert work.get_one(Meeting, call.meeting["id"]).empty_since is not None


def test_nobody_removes_it_from_the_room(call: Call, sfu: str) -> None:
    problem(call.owner.post(f"/participants/{sfu}/remove"), 403, "forbidden")
