"""Meetings are placed on media workers, told to them, and move when a worker is gone."""

from collections.abc import Callable
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.media import placement, workers
from tests.media.rest_worker import RestWorker
from tests.support.people import Call, Person, ok, problem, start_call, types_of

Workers = Callable[..., RestWorker]


def config_of(call: Call) -> dict[str, Any]:
    config: dict[str, Any] = ok(call.owner.get(f"/meetings/{call.meeting['id']}/rtc/config"))
    return config


def offer_to(sfu: str, **payload: Any) -> dict[str, Any]:
    return {"to": sfu, "type": "rtc.offer", "payload": {"connection": "publish", "sdp": "v=0\r\n", **payload}}


def moves(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message["payload"] for message in messages if message["type"] == "media.moved"]


def new_messages(person: Person, participant: dict[str, Any]) -> list[dict[str, Any]]:
    reply = person.poll(participant)
    person.poll(participant, ack=reply["head_seq"])
    messages: list[dict[str, Any]] = reply["messages"]
    return messages


# Coming


@pytest.mark.parametrize("mode", ["auto", "sfu"])
def test_a_meeting_that_starts_is_placed_on_a_worker(worker: Workers, anna: Person, ben: Person, mode: str) -> None:
    one = worker()
    call = start_call(anna, ben, media_mode=mode)
    config = config_of(call)
    assert (config["mode"], config["config_version"]) == ("sfu", 1)
    [placement] = one.placements()
    assert placement == {
        "meeting_id": call.meeting["id"],
        "epoch": 1,
        "sfu_participant_id": config["sfu_participant_id"],
    }
    told = one.poll()
    assert [message["type"] for message in told] == ["media.place", "participant.joined", "participant.joined"]
    assert {message["meeting_id"] for message in told} == {call.meeting["id"]}
    assert told[0]["payload"]["meeting"]["title"] == "Weekly review"
    assert [message["payload"]["participant"]["id"] for message in told[1:]] == [call.owners["id"], call.guests["id"]]


def test_without_a_worker_auto_is_peer_to_peer_and_sfu_does_not_start(anna: Person) -> None:
    meeting = anna.create_meeting(media_mode="auto")
    anna.join(meeting)
    assert ok(anna.get(f"/meetings/{meeting['id']}/rtc/config"))["mode"] == "p2p"
    answer = anna.post(f"/meetings/{anna.create_meeting(media_mode='sfu')['id']}/join", {"device": "laptop"})
    problem(answer, 503, "no_media_worker")
    assert answer.headers["Retry-After"]


def test_the_least_loaded_worker_gets_the_meeting(worker: Workers, anna: Person) -> None:
    small, large, loaded = worker("small", capacity=2), worker("large", capacity=10), worker("loaded", capacity=10)
    ok(loaded.renew(0.6))
    for _ in range(4):
        anna.join(anna.create_meeting())
    placed = {
        one.state["name"]: len(ok(one.renew(0.6 if one is loaded else 0))["placements"])
        for one in (small, large, loaded)
    }
    assert placed == {"small": 1, "large": 3, "loaded": 0}


def test_a_worker_that_is_full_gets_nothing_more(worker: Workers, anna: Person, ben: Person) -> None:
    one = worker(capacity=2)
    start_call(anna, ben)
    anna.join(meeting := anna.create_meeting())
    assert ok(anna.get(f"/meetings/{meeting['id']}/rtc/config"))["mode"] == "p2p"
    assert len(one.placements()) == 1


def test_a_worker_learns_who_comes_goes_and_is_muted(worker: Workers, anna: Person, ben: Person) -> None:
    one = worker()
    call = start_call(anna, ben)
    one.poll()
    ok(ben.patch(f"/participants/{call.guests['id']}", {"muted": False}))
    ok(anna.post(f"/participants/{call.guests['id']}/mute"))
    ok(ben.post(f"/participants/{call.guests['id']}/leave"))
    told = one.poll()
    assert [message["type"] for message in told] == ["participant.updated", "participant.mute", "participant.left"]
    assert told[1]["payload"]["participant_ids"] == [call.guests["id"]]
    assert told[2]["payload"]["reason"] == "left"


def test_a_worker_learns_who_is_let_in(worker: Workers, anna: Person, ben: Person) -> None:
    one = worker()
    meeting = anna.create_meeting(lobby="everyone")
    ben.accept(anna.invite(meeting, ben)[0])
    anna.join(meeting)
    waiting = ben.join(meeting)["participant"]
    assert waiting["state"] == "waiting"
    assert [message["type"] for message in one.poll()] == ["media.place", "participant.joined"]
    ok(anna.post(f"/participants/{waiting['id']}/admit"))
    assert [message["payload"]["participant"]["id"] for message in one.poll()] == [waiting["id"]]


def test_the_placement_ends_with_the_meeting(worker: Workers, anna: Person, ben: Person) -> None:
    one = worker()
    call = start_call(anna, ben)
    [placement] = one.placements()
    one.poll()
    ok(anna.post(f"/meetings/{call.meeting['id']}/end"))
    [release] = one.poll()
    assert release["type"] == "media.release"
    assert release["payload"] == {
        **{name: placement[name] for name in ("epoch", "sfu_participant_id")},
        "reason": "meeting_ended",
    }
    assert one.placements() == []
    anna.join(call.meeting)
    assert [placed["epoch"] for placed in one.placements()] == [2]


# Signals and reports


def test_signals_go_from_a_client_to_the_worker_and_back(worker: Workers, anna: Person, ben: Person) -> None:
    one = worker()
    call = start_call(anna, ben)
    [placement] = one.placements()
    one.poll()
    ok(call.send(offer_to(placement["sfu_participant_id"], negotiation=1)), 201)
    [offer] = one.poll()
    assert (offer["type"], offer["from"]["participant_id"]) == ("rtc.offer", call.guests["id"])
    assert offer["to"]["kind"] == "worker"
    answer = {"connection": "publish", "negotiation": 1, "sdp": "v=0\r\n"}
    ok(one.signal(placement, {"to": call.guests["id"], "type": "rtc.answer", "payload": answer}), 201)
    [told] = new_messages(ben, call.guests)
    assert (told["type"], told["payload"]) == ("rtc.answer", answer)
    sender = {name: told["from"][name] for name in ("participant_id", "kind", "epoch")}
    assert sender == {"participant_id": placement["sfu_participant_id"], "kind": "sfu", "epoch": 1}


def test_an_offer_of_everybodys_tracks_may_be_long(worker: Workers, anna: Person, ben: Person) -> None:
    one = worker()
    call = start_call(anna, ben)
    [placement] = one.placements()
    limits = config_of(call)["limits"]
    assert limits["sdp_bytes"] == 262_144
    tracks = [{"mid": str(n), "participant_id": call.owners["id"], "track_id": call.owners["id"]} for n in range(200)]
    sdp = "v=0\r\n".ljust(limits["sdp_bytes"], "x")
    offer = {"to": call.guests["id"], "type": "rtc.offer", "payload": {"sdp": sdp, "tracks": tracks}}
    ok(one.signal(placement, offer), 201)
    offer["payload"]["sdp"] += "x"
    problem(one.signal(placement, offer), 413, "payload_too_large")
    to_worker = offer_to(placement["sfu_participant_id"], tracks=tracks)
    problem(call.send(to_worker), 413, "payload_too_large")


def test_who_names_an_older_epoch_is_not_heard(worker: Workers, anna: Person, ben: Person) -> None:
    one = worker()
    call = start_call(anna, ben)
    [placement] = one.placements()
    restart = {"to": call.guests["id"], "type": "rtc.restart", "payload": {}}
    body = problem(one.signal({**placement, "epoch": 0}, restart), 409, "epoch_passed")
    assert body["epoch"] == 1
    problem(one.report({**placement, "epoch": 0}, speakers=[]), 409, "epoch_passed")
    assert new_messages(ben, call.guests) == []
    # And so for a device whose place another has taken.
    ben.join(call.meeting, replaces=call.guests["id"])
    to_owner = {**restart, "to": call.owners["id"]}
    signals = f"/meetings/{call.meeting['id']}/rtc/signals"
    problem(ben.post(signals, {"from": call.guests["id"], "epoch": 1, "messages": [to_owner]}), 409, "epoch_passed")
    ok(ben.post(signals, {"from": call.guests["id"], "epoch": 2, "messages": [to_owner]}), 201)


def test_a_worker_speaks_for_no_meeting_but_its_own(app: ParleyApp, worker: Workers, anna: Person, ben: Person) -> None:
    from tests.media.rest_worker import service_key

    one = worker()
    call = start_call(anna, ben)
    [placement] = one.placements()
    other = RestWorker(app, service_key(app, "Other"), "host-b/1")
    restart = {"to": call.guests["id"], "type": "rtc.restart", "payload": {}}
    problem(other.signal(placement, restart), 404, "not_found")
    problem(other.report(placement, speakers=[]), 404, "not_found")
    as_person = one.signal({**placement, "sfu_participant_id": call.owners["id"]}, restart)
    problem(as_person, 403, "not_your_participant")
    problem(anna.signal(call.meeting, {"id": placement["sfu_participant_id"]}, restart), 403, "not_your_participant")
    problem(one.request("GET", f"/meetings/{call.meeting['id']}"), 403, "forbidden")


def tracks(call: Call, *ids_and_sources: tuple[str, str]) -> list[dict[str, Any]]:
    listed = [
        {"id": id_, "mid": str(n), "kind": "audio" if source == "microphone" else "video", "source": source}
        for n, (id_, source) in enumerate(ids_and_sources)
    ]
    return [{"participant_id": call.guests["id"], "tracks": listed}]


ONE, TWO = "019d0000-0000-7000-8000-000000000001", "019d0000-0000-7000-8000-000000000002"


def test_tracks_that_a_worker_reports_are_told_to_the_room(worker: Workers, anna: Person, ben: Person) -> None:
    one = worker()
    call = start_call(anna, ben)
    [placement] = one.placements()
    both = tracks(call, (ONE, "microphone"), (TWO, "camera"))
    for _ in range(2):
        ok(one.report(placement, tracks=both))
    listed = ok(anna.get(f"/meetings/{call.meeting['id']}/rtc/tracks"))["items"]
    assert [(track["id"], track["source"]) for track in listed] == [(ONE, "microphone"), (TWO, "camera")]
    ok(one.report(placement, tracks=tracks(call, (ONE, "microphone"))))
    told = [m["payload"] for m in new_messages(anna, call.owners) if m["type"] == "rtc.track"]
    assert [(one["action"], one["track"]["id"]) for one in told] == [
        ("published", ONE),
        ("published", TWO),
        ("unpublished", TWO),
    ]
    ok(ben.post(f"/participants/{call.guests['id']}/leave"))
    assert ok(anna.get(f"/meetings/{call.meeting['id']}/rtc/tracks"))["items"] == []
    ok(one.report(placement, tracks=both))  # of somebody who has left
    assert ok(anna.get(f"/meetings/{call.meeting['id']}/rtc/tracks"))["items"] == []


STATS = {
    "bitrate": 900_000,
    "packets_lost": 3,
    "loss": 0.01,
    "jitter_ms": 2.5,
    "layers": [{"rid": "q", "height": 180, "bitrate": 150_000, "consumers": 2}],
    "consumers": {"flowing": 2, "paused": 1, "held": 0},
}


def test_how_tracks_do_is_listed_as_it_was_told_last_and_only_while_it_is_new(
    worker: Workers, anna: Person, ben: Person, clock: ManualClock
) -> None:
    one = worker()
    call = start_call(anna, ben)
    [placement] = one.placements()
    ok(one.report(placement, tracks=tracks(call, (ONE, "microphone"), (TWO, "camera"))))

    def listed() -> list[Any]:
        return [track["stats"] for track in ok(anna.get(f"/meetings/{call.meeting['id']}/rtc/tracks"))["items"]]

    assert listed() == [None, None]
    for bitrate in (100, 900_000):
        ok(one.report(placement, stats=[{"track_id": TWO, **STATS, "bitrate": bitrate}]))
    assert listed() == [None, STATS]
    clock.advance(seconds=31)
    assert listed() == [None, None]
    problem(one.report(placement, stats=[{"track_id": TWO, **STATS, "loss": 2}]), 422, "validation_failed")


def test_an_id_names_one_track(worker: Workers, anna: Person, ben: Person) -> None:
    one = worker()
    call = start_call(anna, ben)
    [placement] = one.placements()
    problem(one.report(placement, tracks=tracks(call, (ONE, "camera"), (ONE, "screen"))), 422, "validation_failed")
    ok(one.report(placement, tracks=tracks(call, (ONE, "camera"))))
    ok(one.report(placement, tracks=tracks(call)))
    problem(one.report(placement, tracks=tracks(call, (ONE, "camera"))), 422, "validation_failed")


def test_who_speaks_is_told_to_the_room_the_latest_only(worker: Workers, anna: Person, ben: Person) -> None:
    one = worker()
    call = start_call(anna, ben)
    [placement] = one.placements()
    for level in (0.2, 0.4):
        ok(one.report(placement, speakers=[{"participant_id": call.guests["id"], "level": level}]))
    [told] = [m["payload"] for m in new_messages(anna, call.owners) if m["type"] == "speaker"]
    assert told == {"speakers": [{"participant_id": call.guests["id"], "level": 0.4}]}


# Moving


def test_meetings_of_a_worker_that_is_gone_move_to_another(worker: Workers, anna: Person, ben: Person) -> None:
    former = worker("host-a/1")
    call = start_call(anna, ben)
    [placement] = former.placements()
    ok(former.report(placement, tracks=tracks(call, (ONE, "microphone"))))
    other = worker("host-a/2")
    worker("host-a/1")  # the process was started anew
    config = config_of(call)
    assert (config["mode"], config["config_version"]) == ("sfu", 2)
    assert config["sfu_participant_id"] != placement["sfu_participant_id"]
    for person, participant in ((anna, call.owners), (ben, call.guests)):
        told = new_messages(person, participant)
        assert moves(told) == [
            {
                "mode": "sfu",
                "config_version": 2,
                "sfu_participant_id": config["sfu_participant_id"],
                "reason": "worker_lost",
            }
        ]
        assert told[-1]["type"] == "media.moved"
    [placed] = other.placements()
    assert (placed["epoch"], placed["sfu_participant_id"]) == (2, config["sfu_participant_id"])
    [told, *_] = other.poll()
    assert [p["id"] for p in told["payload"]["participants"]] == [call.owners["id"], call.guests["id"]]
    assert ok(anna.get(f"/meetings/{call.meeting['id']}/rtc/tracks"))["items"] == []
    # What is still said by and to the former one is void.
    restart = {"to": call.guests["id"], "type": "rtc.restart", "payload": {}}
    problem(former.signal(placement, restart), 409, "sender_left")
    problem(call.send({**restart, "to": placement["sfu_participant_id"]}), 409, "recipient_left")


def test_with_no_other_worker_auto_goes_peer_to_peer(
    worker: Workers, runtime: Runtime, anna: Person, ben: Person
) -> None:
    former = worker()
    call = start_call(anna, ben)
    lose(runtime, former)
    config = config_of(call)
    assert (config["mode"], config["config_version"], config["sfu_participant_id"]) == ("p2p", 2, None)
    assert moves(new_messages(ben, call.guests)) == [
        {"mode": "p2p", "config_version": 2, "sfu_participant_id": None, "reason": "worker_lost"}
    ]
    worker()
    assert config_of(call)["mode"] == "p2p"


def test_a_meeting_that_wants_an_sfu_waits_for_one(
    worker: Workers, runtime: Runtime, anna: Person, ben: Person
) -> None:
    former = worker()
    call = start_call(anna, ben, media_mode="sfu")
    lose(runtime, former)
    config = config_of(call)
    assert (config["mode"], config["sfu_participant_id"]) == ("sfu", None)
    assert count_waiting(runtime) == 1
    new = worker()
    assert count_waiting(runtime) == 0
    config = config_of(call)
    assert [placed["epoch"] for placed in new.placements()] == [config["config_version"]] == [3]
    told = moves(new_messages(ben, call.guests))
    assert [(one["sfu_participant_id"], one["reason"]) for one in told] == [
        (None, "worker_lost"),
        (config["sfu_participant_id"], "worker_found"),
    ]


def test_meetings_stay_on_a_worker_that_drains_and_leave_one_that_leaves(
    worker: Workers, anna: Person, ben: Person
) -> None:
    former = worker("host-a/1")
    call = start_call(anna, ben)
    other = worker("host-a/2")
    ok(former.request("DELETE", f"/media/workers/{former.id}"))
    assert len(former.placements()) == 1
    ok(former.request("DELETE", f"/media/workers/{former.id}", meetings="move"))
    assert (former.placements(), len(other.placements())) == ([], 1)
    assert types_of({"messages": former.poll()})[-3:] == ["media.drain", "media.drain", "media.release"]
    assert [one["reason"] for one in moves(new_messages(ben, call.guests))] == ["worker_draining"]


def test_a_worker_that_leaves_keeps_what_nobody_else_has_room_for(worker: Workers, anna: Person, ben: Person) -> None:
    leaving = worker("host-a/1")
    call = start_call(anna, ben)
    ok(leaving.request("DELETE", f"/media/workers/{leaving.id}", meetings="move"))
    assert len(leaving.placements()) == 1
    assert config_of(call)["config_version"] == 1
    new = worker("host-a/2")
    assert (leaving.placements(), len(new.placements())) == ([], 1)


def count_waiting(runtime: Runtime) -> int:
    with runtime.reading() as work:
        return placement.count_waiting(work)


def lose(runtime: Runtime, worker: RestWorker) -> None:
    with runtime.writing() as work:
        workers.give_up(work, workers.get(work, worker.id), "lease_lost")
