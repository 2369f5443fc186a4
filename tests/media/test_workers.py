"""Media workers register, renew their lease, are drained, and are gone."""

from collections.abc import Callable
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.processes import ProcessBeat
from app.core.runtime import Runtime
from app.media import tasks
from tests.media.rest_worker import RestWorker, service_key
from tests.support.people import Call, Person, ok, problem, start_call

Workers = Callable[..., RestWorker]


@pytest.fixture
def api_is_up(runtime: Runtime, clock: ManualClock) -> Callable[[float], None]:
    """`api_is_up(20)`: time passes in which the API beats all along."""
    beat = ProcessBeat(runtime, "api")
    beat.beat()

    def passes(seconds: float) -> None:
        for _ in range(int(seconds)):
            clock.advance(seconds=1)
            beat.beat()

    return passes


@pytest.fixture
def admin(app: ParleyApp, person: Callable[[str], Person]) -> Person:
    from app.accounts import service as accounts

    ada = person("Ada")
    with app.runtime.writing() as work:
        accounts.set_role(work, accounts.get_user(work, ada.user_id), "admin")
    return ada


def names(admin: Person) -> list[str]:
    return [worker["name"] for worker in ok(admin.get("/media/workers"))["items"]]


def test_a_worker_that_registers_is_told_its_lease_and_has_an_inbox(worker: Workers) -> None:
    one = worker()
    assert (one.state["state"], one.state["placements"]) == ("active", [])
    assert one.state["lease_s"] == 4 * one.state["renew_every_s"]
    assert one.poll() == []


def test_admins_see_what_workers_tell(worker: Workers, admin: Person) -> None:
    one = worker("host-a/1", capacity=50)
    ok(one.renew(0.5, participants=3, tracks=6, stats={"bitrate_in": 21_500_000, "engine": "batch"}))
    [shown] = ok(admin.get("/media/workers"))["items"]
    told = ("name", "capacity", "load", "participants", "tracks", "stats", "engine", "version", "state", "people")
    assert [shown[name] for name in told] == [
        *("host-a/1", 50, 0.5, 3, 6),
        {"bitrate_in": 21_500_000, "engine": "batch"},
        *("portable", "0.1.0", "active", 0),
    ]
    assert shown["lease_until"] > shown["renewed_at"]


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"load": -1}, "load"),
        ({"load": None}, "load"),
        ({"participants": 1.5}, "participants"),
        ({"stats": {"a": [1]}}, "stats.a"),
        ({"stats": {"a": "x" * 101}}, "stats.a"),
        ({"stats": {str(n): n for n in range(51)}}, "stats"),
        ({"mood": "good"}, "mood"),
    ],
)
def test_what_a_worker_must_not_tell_is_named(worker: Workers, told: dict[str, Any], field: str) -> None:
    one = worker()
    body = problem(one.renew(**{"load": 0, **told}), 422, "validation_failed")
    assert field in [wrong["field"] for wrong in body["errors"]]


def test_a_worker_of_another_service_is_none_of_yours(app: ParleyApp, worker: Workers) -> None:
    one, other = worker(), RestWorker(app, service_key(app, "Other"), "host-b/1")
    problem(
        other.request("PUT", f"/media/workers/{one.id}", {"load": 0, "participants": 0, "tracks": 0}), 404, "not_found"
    )
    problem(other.request("GET", "/rtc/inbox", worker_id=one.id, wait=0), 404, "not_found")
    problem(other.request("POST", "/rtc/ack", {"worker_id": one.id, "up_to": 0}), 404, "not_found")
    assert ok(one.renew())["state"] == "active"


def test_who_registers_with_the_same_name_takes_over(worker: Workers, admin: Person) -> None:
    former = worker("host-a/1")
    new = worker("host-a/1")
    assert names(admin) == ["host-a/1"]
    problem(former.renew(), 410, "worker_gone")
    problem(former.request("GET", "/rtc/inbox", worker_id=former.id, wait=0), 410, "inbox_closed")
    assert ok(new.renew())["state"] == "active"


def test_a_worker_that_is_silent_for_longer_than_its_lease_is_gone(
    worker: Workers, runtime: Runtime, admin: Person, api_is_up: Callable[[float], None]
) -> None:
    silent, speaking = worker("host-a/1"), worker("host-a/2")
    api_is_up(5)
    ok(speaking.renew())
    tasks.watch(runtime, {})
    assert names(admin) == ["host-a/1", "host-a/2"]
    api_is_up(3)
    tasks.watch(runtime, {})
    assert names(admin) == ["host-a/2"]
    problem(silent.renew(), 410, "worker_gone")


def test_silence_in_which_the_api_was_down_does_not_count(
    worker: Workers, runtime: Runtime, clock: ManualClock, admin: Person, api_is_up: Callable[[float], None]
) -> None:
    worker()
    clock.advance(seconds=60)
    tasks.watch(runtime, {})
    assert names(admin) == ["host-a/1"]
    ProcessBeat(runtime, "api").beat()  # it is up again
    clock.advance(seconds=4)
    tasks.watch(runtime, {})
    assert names(admin) == ["host-a/1"]


def test_a_worker_that_is_drained_gets_nothing_new_and_is_told(worker: Workers, admin: Person, anna: Person) -> None:
    one = worker()
    assert ok(admin.delete(f"/media/workers/{one.id}"))["state"] == "draining"
    assert [message["type"] for message in one.poll()] == ["media.drain"]
    assert ok(one.renew())["state"] == "draining"
    anna.join(meeting := anna.create_meeting())
    assert ok(anna.get(f"/meetings/{meeting['id']}/rtc/config"))["mode"] == "p2p"
    ok(admin.delete(f"/media/workers/{one.id}"))  # again
    assert one.poll() == []


def test_nobody_but_its_service_and_admins_drains_a_worker(worker: Workers, anna: Person) -> None:
    one = worker()
    problem(anna.delete(f"/media/workers/{one.id}"), 404, "not_found")
    assert ok(one.request("DELETE", f"/media/workers/{one.id}", meetings="move"))["state"] == "leaving"


def test_workers_that_are_long_gone_are_forgotten(worker: Workers, runtime: Runtime, clock: ManualClock) -> None:
    former = worker("host-a/1")
    worker("host-a/1")
    clock.advance(hours=2)
    tasks.watch(runtime, {})
    problem(former.renew(), 404, "not_found")


def test_a_full_inbox_asks_the_worker_to_read_its_placements(
    worker: Workers, anna: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = worker()
    call: Call = start_call(anna, ben)
    runtime = anna.app.runtime  # type: ignore[attr-defined]
    monkeypatch.setattr(runtime, "settings", runtime.settings.model_copy(update={"worker_inbox_max_unacked": 4}))
    for hand in (True, False, True):
        ok(ben.patch(f"/participants/{call.guests['id']}", {"hand": hand}))
    sfu = ok(anna.get(f"/meetings/{call.meeting['id']}/rtc/config"))["sfu_participant_id"]
    offer = {"to": sfu, "type": "rtc.offer", "payload": {"connection": "publish", "sdp": "v=0\r\n"}}
    for _ in range(2):
        call.send(offer)
    problem(call.send(offer), 429, "inbox_full")
    ok(anna.patch(f"/participants/{call.owners['id']}", {"camera": True}))
    assert one.poll()[-1]["type"] == "inbox.reset"
    [placement] = ok(one.request("GET", f"/media/workers/{one.id}/placements"))["items"]
    assert placement["meeting"]["id"] == call.meeting["id"]
    assert [p["display_name"] for p in placement["participants"]] == ["Anna", "Ben"]
    assert [p["camera"] for p in placement["participants"]] == [True, False]
