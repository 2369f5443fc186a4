"""A meeting whose media server is played by the application. What it answers: `test_sfu_contract.py`."""

import pytest

from tests.support.people import Call, Person, ok, start_call


@pytest.fixture
def call(anna: Person, ben: Person) -> Call:
    return start_call(anna, ben, media_mode="mock")


@pytest.fixture
def sfu(call: Call) -> str:
    config = ok(call.owner.get(f"/meetings/{call.meeting['id']}/rtc/config"))
    assert config["mode"] == "mock"
    return str(config["sfu_participant_id"])


def test_it_says_by_its_name_that_it_is_a_mock(call: Call, sfu: str) -> None:
    everybody = ok(call.owner.get(f"/meetings/{call.meeting['id']}/participants"))["items"]
    [server] = [p for p in everybody if p["kind"] == "sfu"]
    assert server["id"] == sfu
    assert "mock" in server["display_name"].lower()


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
