"""How calls go, as the devices in them tell."""

from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.accounts.models import User
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.media.models import CallQuality
from tests.support.people import Call, Person, ok, problem


def tell(person: Person, participant: dict[str, Any], **figures: Any) -> None:
    ok(person.post(f"/participants/{participant['id']}/stats", figures), 204)


def quality(person: Person, call: Call) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ok(person.get(f"/meetings/{call.meeting['id']}/quality"))["items"]
    return found


def test_of_each_device_the_newest_the_worst_and_the_average_are_kept(call: Call, clock: ManualClock) -> None:
    tell(call.guest, call.guests, round_trip_ms=40, lost=0.0, received_bps=900_000, relayed=True)
    clock.advance(seconds=20)
    tell(call.guest, call.guests, round_trip_ms=420, lost=0.1, jitter_ms=9, received_bps=300_000)
    clock.advance(seconds=20)
    tell(call.guest, call.guests, round_trip_ms=50, lost=0.02, received_bps=600_000, relayed=False)
    tell(call.owner, call.owners, round_trip_ms=30)
    [owners, guests] = quality(call.owner, call)
    assert (owners["participant_id"], guests["participant_id"]) == (call.owners["id"], call.guests["id"])
    assert guests["last"] == {"round_trip_ms": 50, "lost": 0.02, "received_bps": 600_000, "relayed": False}
    assert guests["worst"] == {"round_trip_ms": 420, "lost": 0.1, "jitter_ms": 9, "received_bps": 300_000}
    assert guests["average"] == {"round_trip_ms": 170, "lost": 0.04, "jitter_ms": 9, "received_bps": 600_000}
    assert (guests["number"], guests["first_told_at"], guests["told_at"]) == (
        *(3, "2026-11-20T10:00:00.000000Z"),
        "2026-11-20T10:00:40.000000Z",
    )
    assert (guests["display_name"], guests["is_poor"]) == ("Ben", False)


def test_hosts_see_everybodys_and_others_their_own(call: Call) -> None:
    tell(call.owner, call.owners, lost=0)
    tell(call.guest, call.guests, lost=0)
    assert len(quality(call.owner, call)) == 2
    assert [one["participant_id"] for one in quality(call.guest, call)] == [call.guests["id"]]


@pytest.mark.parametrize(
    "figures",
    [
        {},
        {"lost": 1.5},
        {"round_trip_ms": -1},
        {"round_trip_ms": 1e300},
        {"lost": "NaN"},
        {"jitter_ms": None},
        {"other": 1},
        {"relayed": 3},
    ],
    ids=str,
)
def test_what_no_device_can_have_measured_is_refused(call: Call, figures: dict[str, Any]) -> None:
    problem(call.guest.post(f"/participants/{call.guests['id']}/stats", figures), 422, "validation_failed")
    assert quality(call.owner, call) == []


def test_who_has_left_tells_nothing_more_and_what_they_told_stays(call: Call) -> None:
    tell(call.guest, call.guests, lost=0.2)
    ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
    problem(call.guest.post(f"/participants/{call.guests['id']}/stats", {"lost": 0}), 409, "sender_left")
    assert [one["last"] for one in quality(call.owner, call)] == [{"lost": 0.2}]


def test_it_is_erased_with_the_meeting(call: Call, runtime: Runtime) -> None:
    tell(call.guest, call.guests, lost=0.2)
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    assert len(quality(call.owner, call)) == 1
    ok(call.owner.delete(f"/meetings/{call.meeting['id']}"), 204)
    with runtime.reading() as work:
        assert work.scalar(select(func.count()).select_from(CallQuality)) == 0


def test_metrics_tell_how_many_are_in_calls_and_how_many_of_them_poorly(
    app: ParleyApp, call: Call, clock: ManualClock
) -> None:
    with app.runtime.writing() as work:
        work.execute(update(User).where(User.id == call.owner.user_id).values(role="admin"))

    def told() -> list[str]:
        headers = {"Authorization": f"Bearer {call.owner.tokens['access_token']}"}
        lines = app.test_client().get("/metrics", headers=headers).get_data(as_text=True).splitlines()
        return [line for line in lines if line.startswith("parley_call_")]

    tell(call.owner, call.owners, round_trip_ms=30)
    clock.advance(seconds=45)
    tell(call.guest, call.guests, frozen=0.5)
    assert told() == ["parley_call_devices 2", "parley_call_devices_poor 1"]
    clock.advance(seconds=20)
    assert told() == ["parley_call_devices 1", "parley_call_devices_poor 1"]


def test_devices_are_told_how_often(call: Call) -> None:
    config = ok(call.guest.get(f"/meetings/{call.meeting['id']}/rtc/config"))
    assert config["stats"] == {"every_s": 20}


class TestWithALimit:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"rate_limit_stats": "2/minute"})

    def test_more_often_than_that_is_refused(self, call: Call) -> None:
        tell(call.guest, call.guests, lost=0)
        tell(call.guest, call.guests, lost=0)
        problem(call.guest.post(f"/participants/{call.guests['id']}/stats", {"lost": 0}), 429, "too_many_requests")
