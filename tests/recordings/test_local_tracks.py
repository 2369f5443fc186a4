"""Tracks that participants record themselves: begun, sent while they grow, finished, taken; and what is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.ids import new_id
from app.core.objects.base import ObjectInfo
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.recordings import local_tasks
from tests.recordings.recording_worker import WEBM
from tests.recordings.stand_in_composer import StandIn
from tests.support.people import Call, Person, ok, problem, start_call
from tests.uploads.sending import put

PART = 5 * 1024 * 1024
LONG = WEBM + bytes(PART)  # two parts


@pytest.fixture
def settings(settings: Settings) -> Settings:
    changed = {
        "access_token_min": 60 * 24 * 30,
        "upload_part_bytes": PART,
        "local_tracks_max": 3,
        "local_tracks_max_bytes": 2 * PART,
    }
    return settings.model_copy(update=changed | {"recording_track_max_bytes": 4 * PART})


@pytest.fixture(autouse=True)
def composer(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    composer = StandIn()
    monkeypatch.setattr("app.recordings.composing.apart.compose", composer)
    return composer


@pytest.fixture
def call(anna: Person, ben: Person) -> Call:
    """Anna's meeting, peer to peer, with Ben in it."""
    return start_call(anna, ben, media_mode="p2p")


@pytest.fixture
def running(call: Call) -> dict[str, Any]:
    recording: dict[str, Any] = ok(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {}), 201)
    return recording


def track_of(participant: dict[str, Any], clock: ManualClock, **fields: Any) -> dict[str, Any]:
    """What a client tells whose clock is right."""
    return {
        "participant_id": participant["id"],
        "kind": "audio",
        "source": "microphone",
        "mime": "audio/webm;codecs=opus",
        "started_at": clock.now().isoformat(),
        "clock_offset_ms": 0,
        "clock_uncertainty_ms": 3,
        **fields,
    }


def begin(person: Person, recording: dict[str, Any], track: dict[str, Any]) -> dict[str, Any]:
    return ok(person.post(f"/recordings/{recording['id']}/tracks", track), 201)


def send(person: Person, begun: dict[str, Any], content: bytes) -> None:
    """Part by part, as they come to be; the last one is shorter."""
    size = begun["upload"]["part_size"]
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    for number, piece in enumerate(pieces, 1):
        asked = {"numbers": [number], **({"last_size": len(piece)} if len(piece) < size else {})}
        (part,) = ok(person.post(f"/uploads/{begun['upload']['id']}/parts", asked))["parts"]
        ok(put(person, part["url"], piece))


def finish(person: Person, begun: dict[str, Any], content: bytes = WEBM, **fields: Any) -> Any:
    track = begun["track"]
    told = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "duration_s": 12.0, **fields}
    return person.post(f"/recordings/{track['recording_id']}/tracks/{track['id']}/finish", told)


def sent_whole(
    person: Person, recording: dict[str, Any], track: dict[str, Any], content: bytes = WEBM
) -> dict[str, Any]:
    begun = begin(person, recording, track)
    send(person, begun, content)
    ok(finish(person, begun, content), 202)
    return begun


def read(call: Call, recording: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = ok(call.owner.get(f"/recordings/{recording['id']}"))
    return body


def stop(call: Call, recording: dict[str, Any]) -> dict[str, Any]:
    stopped: dict[str, Any] = ok(call.owner.post(f"/recordings/{recording['id']}/stop"), 202)
    return stopped


# What happens


def test_a_meeting_that_is_peer_to_peer_is_recorded_by_its_participants(
    call: Call, running: dict[str, Any], clock: ManualClock, composer: StandIn, objects: Callable[[], list[ObjectInfo]]
) -> None:
    assert (running["driver"], running["state"], running["local_tracks"]) == ("clients", "recording", True)
    clock.advance(seconds=2)
    late = clock.now() - timedelta(hours=1)  # by Ben's clock it is an hour earlier
    told = track_of(call.guests, clock, started_at=late.isoformat(), clock_offset_ms=3_600_000.0)
    anna = begin(call.owner, running, track_of(call.owners, clock))
    ben = sent_whole(call.guest, running, told, LONG)
    assert ben["upload"]["size"] is None
    clock.advance(seconds=10)
    stop(call, running)
    assert read(call, running)["state"] == "stopping"  # Anna's has not come
    send(call.owner, anna, WEBM)
    ok(finish(call.owner, anna), 202)
    done = read(call, running)
    assert (done["state"], done["outcome"], done["missing"]) == ("ready", "complete", [])
    shown = {one["display_name"]: one for one in done["tracks"]}
    assert [one["origin"] for one in shown.values()] == ["client", "client"]
    assert (shown["Ben"]["offset_s"], shown["Ben"]["clock_offset_ms"], shown["Ben"]["codec"]) == (2, 3_600_000, "opus")
    assert (shown["Ben"]["bytes"], shown["Ben"]["clock_uncertainty_ms"]) == (len(LONG), 3)
    assert [(file.source, file.offset_s, file.is_local) for file in composer.plans[-1].tracks] == [
        ("microphone", 2, True)
    ] * 2
    folder = f"recordings/{call.meeting['id']}/{running['id']}/tracks/"
    assert {one.key for one in objects() if "/tracks/" in one.key} == {
        f"{folder}{one['id']}.webm" for one in done["tracks"]
    }


def test_what_a_safari_records_is_kept_as_what_it_is(
    call: Call, running: dict[str, Any], clock: ManualClock, objects: Callable[[], list[ObjectInfo]]
) -> None:
    content = b"\0\0\0$ftypisom\0\0\2\0isomiso6iso2vp09mp41" + bytes(200)  # ISO 14496-12 §4.3
    camera = {"kind": "video", "source": "camera", "mime": "video/mp4;codecs=avc1.42E01F"}
    begun = sent_whole(call.owner, running, track_of(call.owners, clock, **camera), content)
    (track,) = read(call, running)["tracks"]
    assert (track["state"], track["content_type"], track["codec"]) == ("uploaded", "video/mp4", "h264")
    assert any(one.key.endswith(f"{begun['track']['id']}.mp4") for one in objects())


def test_repeating_a_finish_changes_nothing(call: Call, running: dict[str, Any], clock: ManualClock) -> None:
    begun = sent_whole(call.owner, running, track_of(call.owners, clock))
    again = ok(finish(call.owner, begun), 202)
    assert again["state"] == "uploaded"
    assert len(read(call, running)["tracks"]) == 1


def test_a_recording_waits_for_what_was_begun_and_goes_on_without_it_after_a_while(
    call: Call, running: dict[str, Any], clock: ManualClock, runtime: Runtime, settings: Settings
) -> None:
    sent_whole(call.owner, running, track_of(call.owners, clock))
    bens = begin(call.guest, running, track_of(call.guests, clock))
    clock.advance(seconds=10)
    stop(call, running)
    local_tasks.watch(runtime, {})
    assert read(call, running)["state"] == "stopping"
    clock.advance(minutes=settings.local_tracks_wait_min + 1)
    local_tasks.watch(runtime, {})
    done = read(call, running)
    assert (done["state"], done["outcome"]) == ("ready", "recovered")
    assert [(one["display_name"], one["reason"]) for one in done["missing"]] == [("Ben", "not_arrived")]
    # It comes after all: the recording is made anew.
    send(call.guest, bens, WEBM)
    ok(finish(call.guest, bens), 202)
    later = read(call, running)
    assert later["missing"] == []
    assert len(later["renditions"]) == 2


def test_who_begins_no_track_is_named_and_is_not_waited_for_long(
    call: Call, running: dict[str, Any], clock: ManualClock, runtime: Runtime
) -> None:
    sent_whole(call.owner, running, track_of(call.owners, clock))
    clock.advance(seconds=10)
    stop(call, running)
    assert read(call, running)["state"] == "stopping"
    clock.advance(seconds=21)
    local_tasks.watch(runtime, {})
    done = read(call, running)
    assert done["state"] == "ready"
    assert [(one["display_name"], one["reason"]) for one in done["missing"]] == [("Ben", "none_begun")]


def test_a_recording_of_which_nobody_sends_anything_fails(
    call: Call, running: dict[str, Any], clock: ManualClock, runtime: Runtime
) -> None:
    clock.advance(seconds=10)
    stop(call, running)
    clock.advance(seconds=21)
    local_tasks.watch(runtime, {})
    assert read(call, running)["state"] == "failed"


def test_a_track_that_is_never_finished_is_lost_in_the_end(
    call: Call, running: dict[str, Any], clock: ManualClock, runtime: Runtime
) -> None:
    begun = begin(call.guest, running, track_of(call.guests, clock))
    stop(call, running)
    clock.advance(hours=73)
    local_tasks.sweep(runtime, {})
    (track,) = read(call, running)["tracks"]
    assert (track["state"], track["reason"]) == ("lost", "never sent")
    problem(finish(call.guest, begun), 409, "recording_state_conflict")


def test_a_participant_gives_a_track_up(call: Call, running: dict[str, Any], clock: ManualClock) -> None:
    begun = begin(call.guest, running, track_of(call.guests, clock))
    for _ in range(2):
        path = f"/recordings/{running['id']}/tracks/{begun['track']['id']}/give-up"
        assert call.guest.post(path).status_code == 204
    problem(call.guest.get(f"/uploads/{begun['upload']['id']}"), 404, "not_found")
    problem(call.owner.post(path), 403, "not_your_participant")


def test_without_local_tracks_nothing_records_a_meeting_that_is_peer_to_peer(call: Call, app: ParleyApp) -> None:
    object.__setattr__(app.runtime.settings, "local_tracks", False)
    try:
        problem(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {}), 409, "recording_needs_sfu")
    finally:
        object.__setattr__(app.runtime.settings, "local_tracks", True)


# What is refused


def test_a_track_is_ones_own(call: Call, running: dict[str, Any], clock: ManualClock, cleo: Person) -> None:
    path = f"/recordings/{running['id']}/tracks"
    problem(call.guest.post(path, track_of(call.owners, clock)), 403, "not_your_participant")
    problem(call.guest.post(path, track_of({"id": new_id()}, clock)), 403, "not_your_participant")
    problem(cleo.post(path, track_of(call.guests, clock)), 404, "not_found")
    begun = begin(call.owner, running, track_of(call.owners, clock))
    problem(finish(call.guest, begun), 403, "not_your_participant")
    problem(call.guest.post(f"/uploads/{begun['upload']['id']}/parts", {"numbers": [1]}), 404, "not_found")


def test_who_came_after_the_recording_adds_nothing_to_it(
    call: Call, running: dict[str, Any], clock: ManualClock
) -> None:
    stop(call, running)
    clock.advance(seconds=5)
    ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
    again = call.guest.join(call.meeting)["participant"]
    refused = call.guest.post(f"/recordings/{running['id']}/tracks", track_of(again, clock))
    assert problem(refused, 409, "recording_state_conflict")["detail"] == "You were not in the meeting while it ran."


def test_a_track_that_comes_too_late_is_refused(call: Call, running: dict[str, Any], clock: ManualClock) -> None:
    told = track_of(call.guests, clock)
    stop(call, running)
    clock.advance(hours=73)
    problem(call.guest.post(f"/recordings/{running['id']}/tracks", told), 409, "track_too_late")


def test_a_participant_has_so_many_tracks_and_no_more(call: Call, running: dict[str, Any], clock: ManualClock) -> None:
    for _ in range(3):
        begin(call.guest, running, track_of(call.guests, clock))
    refused = call.guest.post(f"/recordings/{running['id']}/tracks", track_of(call.guests, clock))
    assert problem(refused, 409, "too_many_tracks")["detail"] == "At most 3 of one participant."
    begin(call.owner, running, track_of(call.owners, clock))


def test_all_tracks_of_a_participant_have_so_many_bytes_and_no_more(
    call: Call, running: dict[str, Any], clock: ManualClock, settings: Settings
) -> None:
    sent_whole(call.guest, running, track_of(call.guests, clock), LONG)
    second = begin(call.guest, running, track_of(call.guests, clock))
    send(call.guest, second, LONG)
    refused = problem(finish(call.guest, second, LONG), 413, "payload_too_large")
    assert refused["max_bytes"] == settings.local_tracks_max_bytes


@pytest.fixture
def gus(call: Call, app: ParleyApp) -> Person:
    """A guest, without an account."""
    body = {"code": call.meeting["code"], "display_name": "Gus"}
    return Person(app, "Gus", "", ok(app.test_client().post("/api/v1/meetings/join-by-code", json=body))["tokens"])


def test_a_guest_hears_again_of_a_recording_after_a_reload(call: Call, running: dict[str, Any], gus: Person) -> None:
    stay = gus.join(call.meeting)["participant"]
    gus.poll(stay, ack=gus.poll(stay)["head_seq"])
    stay = gus.join(call.meeting, replaces=stay["id"])["participant"]
    told = [one["payload"]["recording"] for one in gus.poll(stay)["messages"] if one["type"] == "recording.state"]
    assert [(one["id"], one["local_tracks"]) for one in told] == [(running["id"], True)]


def test_a_guest_may_send_the_rest_after_the_meeting_and_nothing_else_then(
    call: Call, running: dict[str, Any], gus: Person, clock: ManualClock
) -> None:
    stay = gus.join(call.meeting)["participant"]
    begun = begin(gus, running, track_of(stay, clock))
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    another = track_of(stay, clock)
    problem(gus.post(f"/recordings/{running['id']}/tracks", another), 403, "forbidden")
    send(gus, begun, WEBM)
    ok(finish(gus, begun), 202)
    (track,) = read(call, running)["tracks"]
    assert (track["display_name"], track["state"]) == ("Gus", "uploaded")
    problem(gus.get(f"/meetings/{call.meeting['id']}"), 401, "session_ended")  # now it is over for them


def test_a_guest_who_sends_nothing_is_not_waited_for_for_ever(
    call: Call, running: dict[str, Any], gus: Person, clock: ManualClock, settings: Settings, runtime: Runtime
) -> None:
    begin(gus, running, track_of(gus.join(call.meeting)["participant"], clock))
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    ok(gus.get(f"/meetings/{call.meeting['id']}"))
    clock.advance(minutes=settings.local_tracks_wait_min + 1)
    local_tasks.sweep(runtime, {})
    problem(gus.get(f"/meetings/{call.meeting['id']}"), 401, "session_ended")


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"mime": "audio/wav"}, 422, "validation_failed"),
        ({"mime": "video/webm"}, 422, "media_type_refused"),
        ({"clock_offset_ms": 60_000.0}, 422, "validation_failed"),
        ({"clock_offset_ms": -60_000.0}, 422, "validation_failed"),
    ],
)
def test_what_makes_no_sense_is_refused(
    call: Call, running: dict[str, Any], clock: ManualClock, fields: dict[str, Any], status: int, code: str
) -> None:
    problem(
        call.guest.post(f"/recordings/{running['id']}/tracks", track_of(call.guests, clock, **fields)), status, code
    )


def test_parts_that_are_missing_are_named_and_can_be_sent(
    call: Call, running: dict[str, Any], clock: ManualClock
) -> None:
    begun = begin(call.guest, running, track_of(call.guests, clock))
    address = f"/uploads/{begun['upload']['id']}/parts"
    (last,) = ok(call.guest.post(address, {"numbers": [2], "last_size": len(WEBM)}))["parts"]
    ok(put(call.guest, last["url"], LONG[PART:]))
    assert problem(finish(call.guest, begun, LONG), 409, "parts_missing")["missing"] == [1]
    (first,) = ok(call.guest.post(address, {"numbers": [1]}))["parts"]
    ok(put(call.guest, first["url"], LONG[:PART]))
    problem(finish(call.guest, begun, WEBM), 422, "part_size_mismatch")
    ok(finish(call.guest, begun, LONG), 202)
    assert read(call, running)["tracks"][0]["state"] == "uploaded"


def test_a_wrong_checksum_and_a_file_of_another_kind_lose_the_track(
    call: Call, running: dict[str, Any], clock: ManualClock
) -> None:
    broken = begin(call.guest, running, track_of(call.guests, clock))
    send(call.guest, broken, WEBM)
    ok(finish(call.guest, broken, WEBM, sha256="0" * 64), 202)
    again = problem(finish(call.guest, broken, WEBM), 409, "recording_state_conflict")
    assert (again["state"], again["detail"]) == ("lost", "The track is lost: checksum_mismatch.")
    program = begin(call.guest, running, track_of(call.guests, clock))
    send(call.guest, program, b"\x7fELF" + bytes(100))
    ok(finish(call.guest, program, b"\x7fELF" + bytes(100)), 202)
    states = [(one["state"], one["reason"]) for one in read(call, running)["tracks"]]
    assert states == [("lost", "checksum_mismatch"), ("lost", "media_type_refused")]


def test_what_is_too_large_gets_no_address(call: Call, running: dict[str, Any], clock: ManualClock) -> None:
    begun = begin(call.guest, running, track_of(call.guests, clock))
    address = f"/uploads/{begun['upload']['id']}/parts"
    ok(call.guest.post(address, {"numbers": [4]}))
    problem(call.guest.post(address, {"numbers": [5]}), 422, "validation_failed")
    problem(call.guest.post(address, {"numbers": [1], "last_size": PART + 1}), 422, "validation_failed")
    problem(finish(call.guest, begun, WEBM, size=5 * PART), 413, "payload_too_large")
    problem(call.guest.post("/uploads", {"purpose": "local_track", "name": "x", "size": 1}), 422, "validation_failed")
    sha256 = {"sha256": "0" * 64}
    problem(call.guest.post(f"/uploads/{begun['upload']['id']}/complete", sha256), 409, "upload_state_conflict")
