"""Recording on a media worker: orders, reports, tracks, and what is made of them. A composer that needs no FFmpeg
stands in for the real one, whose own tests are in `composing/`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.ids import new_id
from app.core.jobs.inline import InlineJobs
from app.core.objects.base import ObjectInfo
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.media import tasks as media_tasks
from app.media import workers
from app.recordings import service, tasks
from tests.media.rest_worker import RestWorker, service_key
from tests.recordings.recording_worker import WEBM, RecordingWorker, track_of
from tests.recordings.stand_in_composer import StandIn
from tests.support.people import Call, Person, ok, problem, start_call

AT = "2026-11-20T10:00:00.000000Z"
NEVER_BEGUN = "The media worker did not begin to record."
Objects = Callable[[], list[ObjectInfo]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"access_token_min": 1440})  # time passes here


@pytest.fixture
def worker(app: ParleyApp) -> RecordingWorker:
    return RecordingWorker(RestWorker(app, service_key(app)))


@pytest.fixture
def call(worker: RecordingWorker, anna: Person, ben: Person) -> Call:
    """Anna's meeting on the worker, live, with Ben in it."""
    call = start_call(anna, ben, media_mode="sfu")
    worker.read()
    return call


@pytest.fixture(autouse=True)
def composer(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    composer = StandIn()
    monkeypatch.setattr("app.recordings.composing.apart.compose", composer)
    return composer


def start(call: Call, **fields: Any) -> dict[str, Any]:
    recording: dict[str, Any] = ok(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", fields), 201)
    return recording


def read(call: Call, recording: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = ok(call.owner.get(f"/recordings/{recording['id']}"))
    return body


def stop(call: Call, recording: dict[str, Any]) -> dict[str, Any]:
    stopped: dict[str, Any] = ok(call.owner.post(f"/recordings/{recording['id']}/stop"), 202)
    return stopped


def told(person: Person, participant: dict[str, Any]) -> list[tuple[str, float | None]]:
    messages = person.poll(participant, limit=200)["messages"]
    states = [m["payload"]["recording"] for m in messages if m["type"] == "recording.state"]
    return [(state["state"], state["progress"]) for state in states]


def lose(runtime: Runtime, worker: RecordingWorker) -> None:
    """Its lease has ended."""
    with runtime.writing() as work:
        workers.give_up(work, workers.get(work, worker.worker.id), "lease_lost")


@pytest.fixture
def running(call: Call, worker: RecordingWorker) -> dict[str, Any]:
    """A recording that the worker writes, with a track of each."""
    recording = start(call)
    ok(worker.report(recording, "recording"))
    return read(call, recording)


# Orders


def test_the_worker_is_told_to_record_and_the_recording_runs_once_it_says_so(
    call: Call, worker: RecordingWorker
) -> None:
    recording = start(call, audio_only=True)
    assert (recording["state"], recording["driver"], recording["is_mock"]) == ("requested", "worker", False)
    order = {"epoch": 1, "recording_id": recording["id"], "audio_only": True}
    assert worker.read() == [("recording.start", order)]
    assert ok(worker.report(recording, "recording")) == {"state": "recording"}
    assert read(call, recording)["started_at"] == AT
    assert [state for state, _ in told(call.guest, call.guests)] == ["requested", "recording"]


def test_a_second_recording_is_refused_while_the_first_is_requested(call: Call) -> None:
    first = start(call)
    again = problem(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {}), 409, "already_recording")
    assert again["recording_id"] == first["id"]


def test_a_meeting_that_asks_for_it_is_recorded_from_its_start(
    worker: RecordingWorker, anna: Person, ben: Person
) -> None:
    call = start_call(anna, ben, media_mode="sfu", record_automatically=True)
    [(kind, order)] = worker.read()
    [recording] = ok(anna.get(f"/meetings/{call.meeting['id']}/recordings"))["items"]
    assert (kind, order["recording_id"]) == ("recording.start", recording["id"])


@pytest.mark.parametrize("stops_it", [False, True])
def test_a_recording_that_asks_for_itself_begins_again_with_the_next_worker_unless_somebody_has_stopped_it(
    app: ParleyApp, runtime: Runtime, worker: RecordingWorker, anna: Person, ben: Person, stops_it: bool
) -> None:
    call = start_call(anna, ben, media_mode="sfu", record_automatically=True)
    path = f"/meetings/{call.meeting['id']}/recordings"
    [first] = ok(anna.get(path))["items"]
    if stops_it:
        stop(call, first)
    lose(runtime, worker)
    assert [one["end_reason"] for one in ok(anna.get(path))["items"]] == ["stopped" if stops_it else "worker_lost"]
    other = RecordingWorker(RestWorker(app, service_key(app, "Media2"), "host-b/1"))
    media_tasks.settle(runtime, {})
    there = [one["state"] for one in ok(anna.get(path))["items"] if one["id"] != first["id"]]
    assert there == ([] if stops_it else ["requested"])
    assert [kind for kind, _ in other.read()] == ([] if stops_it else ["recording.start"])


def test_the_worker_of_another_service_tells_nothing_and_loses_nothing(
    app: ParleyApp, call: Call, running: dict[str, Any]
) -> None:
    stranger = RecordingWorker(RestWorker(app, service_key(app, "Media2"), "host-b/1"))
    problem(stranger.put(running, track_of(call.owners, AT)), 403, "forbidden")  # and no 404: it would delete its file
    problem(stranger.report(running, "stopped"), 403, "forbidden")
    assert (read(call, running)["state"], read(call, running)["tracks"]) == ("recording", [])


@pytest.mark.parametrize("by", ["stop", "end"])
def test_whoever_stops_it_the_worker_is_told(
    call: Call, worker: RecordingWorker, running: dict[str, Any], by: str
) -> None:
    worker.read()
    if by == "stop":
        stop(call, running)
    else:
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    reason = "stopped" if by == "stop" else "meeting_ended"
    assert worker.read() == [("recording.stop", {"epoch": 1, "recording_id": running["id"], "reason": reason})]
    assert read(call, running)["state"] == "stopping"


def test_the_worker_learns_the_time_from_its_renewals(worker: RecordingWorker, clock: ManualClock) -> None:
    assert ok(worker.worker.renew())["now"] == AT
    clock.advance(seconds=1.5)
    assert ok(worker.worker.renew())["now"] == "2026-11-20T10:00:01.500000Z"


# From tracks to a file


def test_the_tracks_are_kept_and_composed_into_the_recording(
    call: Call,
    worker: RecordingWorker,
    running: dict[str, Any],
    composer: StandIn,
    clock: ManualClock,
    objects: Objects,
) -> None:
    annas = track_of(call.owners, "2026-11-20T10:00:00.250000Z")
    bens = track_of(call.guests, "2026-11-20T10:00:03Z", kind="video", source="camera", codec="vp8")
    for track in (annas, bens):
        assert ok(worker.put(running, track)) == {"id": track["id"], "state": "recording"}
    clock.advance(seconds=20)
    stop(call, running)
    worker.upload(running, annas, mutes=[[1.0, 2.5]], stats={"packets": 600, "lost": 3})
    ok(worker.report(running, "stopped"))
    assert read(call, running)["state"] == "stopping"  # one is on its way still
    worker.upload(running, bens, WEBM + b"1", gaps=[[4, 5.5]])

    ready = read(call, running)
    assert (ready["state"], ready["outcome"], ready["error"]) == ("ready", "complete", None)
    [rendition] = ready["renditions"]
    assert (rendition["state"], rendition["progress"], rendition["attempts"]) == ("ready", 1.0, 1)
    assert ready["chapters"] == [{"start_s": 0.0, "title": "Start"}]
    shown = [(one["display_name"], one["kind"], one["offset_s"], one["gaps"], one["state"]) for one in ready["tracks"]]
    assert shown == [("Anna", "audio", 0.25, [], "uploaded"), ("Ben", "video", 3.0, [[4, 5.5]], "uploaded")]

    [plan] = composer.plans
    assert (plan.duration_s, plan.layout, plan.title) == (20.0, "grid", "Weekly review")
    assert [(one.label, one.offset_s, one.mutes) for one in plan.tracks] == [
        ("Anna", 0.25, [(1.25, 2.75)]),
        ("Ben", 3.0, []),
    ]
    assert composer.contents[0] == [WEBM, WEBM + b"1"]
    assert [(label, since, until) for _, label, since, until in plan.present] == [("Anna", 0, 20), ("Ben", 0, 20)]

    folder = f"recordings/{call.meeting['id']}/{running['id']}/"
    made = f"renditions/{rendition['id']}/1/"
    assert sorted(info.key.removeprefix(folder) for info in objects()) == sorted(
        [f"tracks/{annas['id']}.webm", f"tracks/{bens['id']}.webm"]
        + [made + name for name in ("recording.mp4", "poster.jpg", "waveform.json")]
    )
    assert call.guest.get(f"/recordings/{running['id']}/download").data == composer.film
    part = call.guest.request(
        "GET", f"/recordings/{running['id']}/tracks/{bens['id']}/download", headers={"Range": "bytes=0-3"}
    )
    assert (part.status_code, part.data) == (206, WEBM[:4])
    assert "Ben (camera)" in part.headers["Content-Disposition"]
    assert call.guest.get(f"/recordings/{running['id']}/poster").mimetype == "image/jpeg"
    assert ok(call.guest.get(f"/recordings/{running['id']}/waveform"))["peaks"] == [0.5]


def test_everybody_hears_of_its_states_and_its_progress(
    call: Call, worker: RecordingWorker, running: dict[str, Any], composer: StandIn
) -> None:
    track = track_of(call.owners, AT)
    call.owner.poll(call.owners, ack=call.owner.poll(call.owners)["head_seq"])
    stop(call, running)
    worker.upload(running, track)
    seen: list[tuple[str, float | None]] = []
    composer.while_composing = lambda: seen.extend(told(call.owner, call.owners))
    ok(worker.report(running, "stopped"))
    # What is told of progress takes the place of what was told before.
    assert seen == [("stopping", None), ("processing", 0.0), ("processing", 0.05)]
    assert told(call.owner, call.owners)[-1] == ("ready", None)


def test_only_its_tracks_are_kept_where_nothing_else_was_asked_for(call: Call, worker: RecordingWorker) -> None:
    recording = start(call, mode="tracks")
    ok(worker.report(recording, "recording"))
    stop(call, recording)
    worker.upload(recording, track_of(call.owners, AT))
    ok(worker.report(recording, "stopped"))
    ready = read(call, recording)
    assert (ready["state"], ready["renditions"], ready["download_url"]) == ("ready", [], None)
    problem(call.owner.get(f"/recordings/{recording['id']}/download"), 409, "recording_state_conflict")
    assert call.owner.get(ready["tracks"][0]["download_url"].partition("/api/v1")[2]).data == WEBM


def test_where_nobody_sent_anything_it_has_failed_and_says_why(
    call: Call, worker: RecordingWorker, running: dict[str, Any]
) -> None:
    stop(call, running)
    ok(worker.report(running, "stopped"))
    failed = read(call, running)
    assert (failed["state"], failed["error"]) == (
        "failed",
        "Nothing was recorded: nobody sent sound or pictures, or none of it has arrived.",
    )


def test_it_is_composed_again_with_another_layout_and_both_can_be_downloaded(
    call: Call, worker: RecordingWorker, running: dict[str, Any], composer: StandIn
) -> None:
    stop(call, running)
    worker.upload(running, track_of(call.owners, AT))
    ok(worker.report(running, "stopped"))
    first = composer.film
    composer.film = b"another film"
    path = f"/recordings/{running['id']}"
    problem(call.guest.post(f"{path}/compose", {"layout": "speaker"}), 403, "forbidden")
    ok(call.owner.post(f"{path}/compose", {"layout": "speaker"}), 202)
    assert [plan.layout for plan in composer.plans] == ["grid", "speaker"]
    speaker, grid = read(call, running)["renditions"]
    assert (speaker["layout"], grid["layout"]) == ("speaker", "grid")
    assert call.guest.get(f"{path}/download").data == b"another film"
    assert call.guest.get(f"{path}/download", rendition_id=grid["id"]).data == first
    problem(call.guest.get(f"{path}/download", rendition_id=new_id()), 404, "not_found")


# What the worker tells again, late, or wrongly


def test_what_is_told_twice_or_too_late_changes_nothing(
    call: Call, worker: RecordingWorker, running: dict[str, Any], objects: Objects
) -> None:
    track = track_of(call.owners, AT)
    worker.upload(running, track)
    [shown] = read(call, running)["tracks"]
    ok(worker.put(running, track, state="spooled", bytes=1))
    ok(worker.put(running, track, state="uploaded", upload_id=new_id(), bytes=2))
    assert read(call, running)["tracks"] == [shown]
    assert len(objects()) == 1


def test_an_upload_that_is_another_file_is_refused_and_kept(
    call: Call, worker: RecordingWorker, running: dict[str, Any]
) -> None:
    track = track_of(call.owners, AT, bytes=5, sha256="0" * 64)
    upload_id = worker.send()
    problem(worker.put(running, track, state="uploaded", upload_id=upload_id), 422, "checksum_mismatch")
    sent: dict[str, Any] = {"bytes": len(WEBM)}
    problem(worker.put(running, track, state="uploaded", upload_id=upload_id, **sent), 422, "checksum_mismatch")
    sent["sha256"] = hashlib.sha256(WEBM).hexdigest()
    ok(worker.put(running, track, state="uploaded", upload_id=upload_id, **sent))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"participant_id": "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"}, "participant_id"),
        ({"codec": "mp3"}, "codec"),
        ({"state": "uploaded"}, "upload_id"),
        ({"gaps": [[1]]}, "gaps.0"),
        ({"mutes": [[0, 1]] * 1001}, "mutes"),
        ({"started_at": "2026-11-20T10:00:00"}, "started_at"),
        ({"bytes": -1}, "bytes"),
    ],
)
def test_what_makes_no_sense_is_refused(
    call: Call, worker: RecordingWorker, running: dict[str, Any], wrong: dict[str, Any], field: str
) -> None:
    answer = worker.put(running, track_of(call.owners, AT), **wrong)
    assert [one["field"] for one in problem(answer, 422, "validation_failed")["errors"]] == [field]


def test_a_recording_takes_no_more_tracks_than_it_may(
    call: Call, worker: RecordingWorker, running: dict[str, Any], runtime: Runtime
) -> None:
    runtime.settings = runtime.settings.model_copy(update={"recording_tracks_max": 1})
    ok(worker.put(running, track_of(call.owners, AT)))
    problem(worker.put(running, track_of(call.owners, AT)), 409, "too_many_tracks")


def test_a_mocks_recording_takes_no_tracks(
    call: Call, worker: RecordingWorker, running: dict[str, Any], runtime: Runtime
) -> None:
    with runtime.writing() as work:
        service.get(work, running["id"]).driver = "mock"
    problem(worker.put(running, track_of(call.owners, AT)), 409, "recording_state_conflict")


def test_what_a_worker_recorded_before_its_word_came_is_not_cut_off(
    call: Call, worker: RecordingWorker, clock: ManualClock
) -> None:
    recording = start(call)
    clock.advance(seconds=2)
    ok(worker.put(recording, track_of(call.owners, "2026-11-20T10:00:00.500000Z")))
    ok(worker.report(recording, "recording"))
    assert read(call, recording)["started_at"] == "2026-11-20T10:00:00.500000Z"


def test_when_a_file_begins_may_be_told_later(
    call: Call, worker: RecordingWorker, running: dict[str, Any], clock: ManualClock
) -> None:
    track = track_of(call.owners, AT)
    clock.advance(seconds=1)
    ok(worker.put(running, track, started_at=None))
    assert [one["offset_s"] for one in read(call, running)["tracks"]] == [1.0]
    worker.upload(running, track, started_at="2026-11-20T10:00:00.750000Z")
    assert [one["offset_s"] for one in read(call, running)["tracks"]] == [0.75]


def test_why_a_file_was_lost_is_kept_in_short(call: Call, worker: RecordingWorker, running: dict[str, Any]) -> None:
    ok(worker.put(running, track_of(call.owners, AT), state="lost", reason="no room " * 25))
    [track] = read(call, running)["tracks"]
    assert (track["state"], track["reason"]) == ("lost", ("no room " * 25)[:100])


# Trouble


def test_a_worker_that_never_begins_makes_the_recording_fail(
    call: Call, worker: RecordingWorker, clock: ManualClock, runtime: Runtime
) -> None:
    recording = start(call)
    worker.read()
    clock.advance(seconds=19)
    tasks.watch(runtime, {})
    assert read(call, recording)["state"] == "requested"
    clock.advance(seconds=2)
    tasks.watch(runtime, {})
    failed = read(call, recording)
    assert (failed["state"], failed["error"]) == ("failed", NEVER_BEGUN)
    assert [kind for kind, _ in worker.read()] == ["recording.stop"]
    assert start(call)["state"] == "requested"  # it may be tried again


def test_a_worker_that_cannot_record_says_so(call: Call, worker: RecordingWorker) -> None:
    recording = start(call)
    ok(worker.report(recording, "failed", reason="disk_full"))
    failed = read(call, recording)
    assert (failed["state"], failed["error"]) == ("failed", "The media worker stopped recording: disk_full.")


def test_a_worker_that_breaks_off_leaves_what_there_is(
    call: Call, worker: RecordingWorker, running: dict[str, Any]
) -> None:
    worker.upload(running, track_of(call.owners, AT))
    ok(worker.report(running, "failed", reason="disk_full"))
    ready = read(call, running)
    assert (ready["state"], ready["outcome"], ready["end_reason"]) == ("ready", "recovered", "disk_full")


def test_the_next_worker_records_on_in_files_of_its_own(
    app: ParleyApp, call: Call, worker: RecordingWorker, running: dict[str, Any]
) -> None:
    first = track_of(call.owners, AT)
    ok(worker.put(running, first))
    other = RecordingWorker(RestWorker(app, service_key(app, "Media2"), "host-b/1"))
    ok(worker.worker.request("DELETE", f"/media/workers/{worker.worker.id}", meetings="move"))
    [place] = [one["payload"] for one in other.worker.poll() if one["type"] == "media.place"]
    assert place["recordings"] == [{"id": running["id"], "audio_only": False}]
    assert read(call, running)["state"] == "recording"
    ok(other.report(running, "recording", epoch=2))
    ok(worker.report(running, "stopped", epoch=1))  # of the placement that has ended
    worker.upload(running, first)
    assert read(call, running)["state"] == "recording"
    stop(call, running)
    assert [payload["epoch"] for _, payload in other.read()] == [2]
    other.upload(running, track_of(call.owners, "2026-11-20T10:00:09Z", epoch=2))
    ok(other.report(running, "stopped", epoch=2))
    ready = read(call, running)
    assert (ready["state"], ready["outcome"], len(ready["tracks"])) == ("ready", "complete", 2)


def test_without_another_worker_it_stops_with_what_there_is_and_what_comes_late_makes_another_file(
    app: ParleyApp,
    call: Call,
    worker: RecordingWorker,
    running: dict[str, Any],
    composer: StandIn,
    clock: ManualClock,
    runtime: Runtime,
) -> None:
    early, late = track_of(call.owners, AT), track_of(call.guests, AT)
    worker.upload(running, early)
    ok(worker.put(running, late))
    lose(runtime, worker)
    stopping = read(call, running)
    assert (stopping["state"], stopping["error"]) == (
        "stopping",
        "The media server was lost, and there was no other.",
    )
    clock.advance(seconds=119)
    tasks.watch(runtime, {})
    assert read(call, running)["state"] == "stopping"
    clock.advance(seconds=2)
    tasks.watch(runtime, {})
    ready = read(call, running)
    assert (ready["state"], ready["outcome"], len(composer.plans[0].tracks)) == ("ready", "recovered", 1)

    again = RestWorker(app, worker.worker._key)  # the same place, a new process
    RecordingWorker(again).upload(running, late, recovered=True)
    assert len(read(call, running)["renditions"]) == 2
    clock.advance(seconds=21)
    assert isinstance(runtime.jobs, InlineJobs)
    runtime.jobs.run_due(runtime)
    assert [len(plan.tracks) for plan in composer.plans] == [1, 2]
    recovered = read(call, running)
    assert (recovered["state"], [one["recovered"] for one in recovered["tracks"]]) == ("ready", [False, True])


def test_a_failed_recording_comes_back_when_its_tracks_do(
    call: Call, worker: RecordingWorker, running: dict[str, Any], clock: ManualClock, runtime: Runtime
) -> None:
    track = track_of(call.owners, AT)
    ok(worker.put(running, track))
    stop(call, running)
    clock.advance(hours=7)  # longer than the worker, which is silent and counts as there, is waited for
    tasks.watch(runtime, {})
    assert read(call, running)["state"] == "failed"
    worker.upload(running, track, recovered=True)
    assert read(call, running)["state"] == "processing"
    clock.advance(seconds=21)
    assert isinstance(runtime.jobs, InlineJobs)
    runtime.jobs.run_due(runtime)
    ready = read(call, running)
    assert (ready["state"], ready["outcome"], ready["error"]) == ("ready", "recovered", None)


def test_while_its_worker_is_there_a_long_upload_is_waited_for(
    call: Call, worker: RecordingWorker, running: dict[str, Any], clock: ManualClock, runtime: Runtime
) -> None:
    ok(worker.put(running, track_of(call.owners, AT)))
    stop(call, running)
    clock.advance(minutes=30)
    tasks.watch(runtime, {})
    assert read(call, running)["state"] == "stopping"


def test_a_deleted_recording_leaves_nothing_and_its_worker_learns_that_it_is_gone(
    call: Call, worker: RecordingWorker, running: dict[str, Any], objects: Objects
) -> None:
    stop(call, running)
    worker.upload(running, track_of(call.owners, AT))
    ok(worker.report(running, "stopped"))
    assert call.owner.delete(f"/recordings/{running['id']}").status_code == 204
    assert objects() == []
    problem(worker.put(running, track_of(call.owners, AT)), 404, "not_found")


def test_a_service_sends_tracks_of_recordings_alone(worker: RecordingWorker) -> None:
    body = {"purpose": "chat_file", "name": "a.txt", "size": 5}
    problem(worker.worker.request("POST", "/uploads", body), 403, "forbidden")


def test_people_tell_nothing_in_a_workers_place(call: Call, running: dict[str, Any]) -> None:
    path = f"/recordings/{running['id']}"
    track = track_of(call.owners, AT)
    body = {name: value for name, value in track.items() if name != "id"}
    problem(call.owner.request("PUT", f"{path}/tracks/{track['id']}", body), 403, "forbidden")
    problem(call.owner.post(f"{path}/reports", {"state": "stopped", "epoch": 1}), 403, "forbidden")


# Consent


def test_everybody_is_asked_and_hosts_see_who_has_answered_what(
    call: Call, cleo: Person, running: dict[str, Any]
) -> None:
    path = f"/recordings/{running['id']}"
    ok(call.guest.post(f"{path}/consent", {"consent": False}))
    ok(call.guest.post(f"{path}/consent", {"consent": True}))
    cleo.accept(call.owner.invite(call.meeting, cleo)[0])
    unasked = ok(call.owner.get(f"{path}/consents"))["items"]
    assert [one["display_name"] for one in unasked] == ["Anna", "Ben"]
    late = cleo.join(call.meeting)["participant"]
    assert told(cleo, late) == [("recording", None)]
    ok(cleo.post(f"{path}/consent", {"consent": False}))
    items = ok(call.owner.get(f"{path}/consents"))["items"]
    assert [(one["display_name"], one["consent"]) for one in items] == [("Anna", True), ("Ben", True), ("Cleo", False)]
    messages = call.owner.poll(call.owners, limit=200)["messages"]
    heard = [
        (m["payload"]["display_name"], m["payload"]["consent"]) for m in messages if m["type"] == "recording.consent"
    ]
    assert heard == [("Ben", True), ("Cleo", False)]
    assert ok(cleo.get(path))["my_consent"] is False
    problem(call.guest.get(f"{path}/consents"), 403, "forbidden")


def test_a_guest_in_the_room_is_asked_too(app: ParleyApp, call: Call, running: dict[str, Any]) -> None:
    body = {"code": call.meeting["code"], "display_name": "Gus"}
    tokens = ok(app.test_client().post("/api/v1/meetings/join-by-code", json=body))["tokens"]
    gus = Person(app, "Gus", "", tokens)
    gus.join(call.meeting)
    assert ok(gus.post(f"/recordings/{running['id']}/consent", {"consent": True}))["display_name"] == "Gus"


def test_a_recording_that_runs_no_more_asks_nobody(call: Call, running: dict[str, Any]) -> None:
    stop(call, running)
    answer = call.guest.post(f"/recordings/{running['id']}/consent", {"consent": True})
    problem(answer, 409, "recording_state_conflict")


# Addresses that are signed


def test_a_signed_address_gives_one_file_in_ranges_to_whoever_has_it_until_it_expires(
    app: ParleyApp, call: Call, worker: RecordingWorker, running: dict[str, Any], clock: ManualClock, composer: StandIn
) -> None:
    stop(call, running)
    worker.upload(running, track_of(call.owners, AT))
    ok(worker.report(running, "stopped"))
    ready = read(call, running)

    def ask(url: str, **headers: str) -> Any:
        return app.test_client().get("/api/v1" + url.partition("/api/v1")[2], headers=headers)

    assert ask(ready["signed_url"]).data == composer.film
    assert ask(ready["renditions"][0]["signed_url"]).data == composer.film
    part = ask(ready["tracks"][0]["signed_url"], Range="bytes=1-3")
    assert (part.status_code, part.data) == (206, WEBM[1:4])
    url = ready["tracks"][0]["signed_url"]
    for name in ("of", "expires", "signature"):
        wrong = re.sub(f"{name}=(.)", lambda found: found[0][:-1] + ("2" if found[1] != "2" else "3"), url)
        problem(ask(wrong), 403, "url_not_signed")
    clock.advance(hours=6.1)
    problem(ask(ready["signed_url"]), 403, "url_expired")
