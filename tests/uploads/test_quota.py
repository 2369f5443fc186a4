"""What one has stored, and how much that may be."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.ids import new_id
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.recordings.models import Export, Recording, RecordingTrack, Rendition
from tests.media.rest_worker import RestWorker, service_key
from tests.recordings.recording_worker import WEBM, RecordingWorker, track_of
from tests.support.people import Call, Person, ok, problem, start_call
from tests.support.races import at_once, statuses
from tests.uploads.sending import send

QUOTA = 10_000


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"storage_quota_bytes": QUOTA})


@pytest.fixture
def call(anna: Person, ben: Person) -> Call:
    return start_call(anna, ben, media_mode="mock")


@pytest.fixture
def stored(runtime: Runtime, call: Call) -> Callable[..., None]:
    """`stored(track=…, film=…, export=…)` is a recording of Anna's meeting, or another, with files of so many bytes."""

    def stored(meeting: dict[str, Any] = call.meeting, track: int = 0, film: int = 0, export: int = 0) -> None:
        with runtime.writing() as work:
            of = {"meeting_id": meeting["id"], "started_by": call.guest.user_id, "participants": []}
            recording = Recording(id=new_id(), mode="both", driver="worker", state="ready", created_at=work.now(), **of)
            work.add(recording)
            work.flush()
            of = {"id": new_id(), "recording_id": recording.id, "created_at": work.now()}
            what: dict[str, Any] = {"kind": "audio", "source": "microphone", "codec": "opus", "content_type": "a/b"}
            what |= {"participant_id": new_id(), "track_id": new_id(), "epoch": 1, "started_at": work.now()}
            empty: dict[str, Any] = {"stats": {}, "gaps": [], "mutes": []}
            work.add(RecordingTrack(state="uploaded", bytes=track, **of, **what, **empty))
            empty = {"warnings": [], "chapters": []}
            work.add(Rendition(state="ready", layout="grid", audio_only=False, bytes=film, **of, **empty))
            kind: dict[str, Any] = {"format": "wav", "clean": "none", "made_of": ""}
            work.add(Export(state="ready", bytes=export, warnings=[], **of, **kind))

    return stored


def storage(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = ok(person.get("/auth/me/storage"))
    return found


def test_recordings_count_for_the_owner_of_their_meeting_and_files_for_who_sent_them(
    call: Call, stored: Callable[..., None]
) -> None:
    stored(track=1000, film=500, export=30)
    stored(track=2000)
    send(call.guest, b"notes")
    parts = {"tracks_bytes": 3000, "films_bytes": 500, "exports_bytes": 30, "files_bytes": 0}
    assert storage(call.owner) == parts | {"used_bytes": 3530, "quota_bytes": QUOTA}
    nothing = dict.fromkeys(parts, 0)
    assert storage(call.guest) == nothing | {"files_bytes": 5, "used_bytes": 5, "quota_bytes": QUOTA}


def test_the_mocks_file_counts_as_a_film(call: Call, clock: ManualClock) -> None:
    recording = ok(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {}), 201)
    clock.advance(seconds=3)
    ok(call.owner.post(f"/recordings/{recording['id']}/stop"), 202)
    assert storage(call.owner)["films_bytes"] == ok(call.owner.get(f"/recordings/{recording['id']}"))["bytes"]
    ok(call.owner.delete(f"/recordings/{recording['id']}"), 204)
    assert storage(call.owner)["used_bytes"] == 0


def test_above_the_quota_no_upload_and_no_recording_begins(call: Call, stored: Callable[..., None]) -> None:
    stored(track=QUOTA - 10)
    file = {"purpose": "chat_file", "name": "a.txt", "size": 11}
    refused = problem(call.owner.post("/uploads", file), 409, "quota_reached")
    assert (refused["used_bytes"], refused["quota_bytes"]) == (QUOTA - 10, QUOTA)
    assert refused["detail"] == "9,990 of 10,000 bytes are used; delete recordings, exports or files."
    ok(call.owner.post("/uploads", file | {"size": 10}), 201)
    path = f"/meetings/{call.meeting['id']}"
    for person in (call.owner, call.guest):
        ok(call.owner.patch(path, {"permissions": {"record": "everyone"}}, ok(call.owner.get(path))["version"]))
        problem(person.post(f"{path}/recordings", {}), 409, "quota_reached")  # it would be the owner's
    ok(call.guest.post("/uploads", file), 201)


def test_what_is_being_recorded_goes_on_above_the_quota(
    app: ParleyApp, cleo: Person, person: Callable[[str], Person], stored: Callable[..., None], runtime: Runtime
) -> None:
    worker = RecordingWorker(RestWorker(app, service_key(app)))
    call = start_call(cleo, person("Dora"), media_mode="sfu")
    recording = ok(cleo.post(f"/meetings/{call.meeting['id']}/recordings", {}), 201)
    ok(worker.report(recording, "recording"))
    stored(call.meeting, track=QUOTA + 1)
    problem(cleo.post("/uploads", {"purpose": "chat_file", "name": "a.txt", "size": 1}), 409, "quota_reached")
    track = track_of(call.owners, "2026-11-20T10:00:00.000000Z")
    worker.upload(recording, track, WEBM)
    own_track = {"purpose": "recording_track", "name": "a.webm", "size": len(WEBM), "media_type": "audio/webm"}
    ok(cleo.post("/uploads", own_track), 201)
    with runtime.reading() as work:
        assert work.get_one(RecordingTrack, track["id"]).state == "uploaded"


def test_two_at_once_do_not_both_find_the_last_bytes_and_what_is_deleted_makes_room(anna: Person) -> None:
    begin = partial(anna.post, "/uploads", {"purpose": "chat_file", "name": "a.txt", "size": QUOTA - 10})
    answers = at_once(begin, begin, begin)
    assert statuses(answers) == {201: 1, 409: 2}
    [begun] = [answer.json["upload"]["id"] for answer in answers if answer.status_code == 201]
    ok(anna.delete(f"/uploads/{begun}"), 204)
    ok(begin(), 201)


class TestOfAll:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"storage_quota_bytes": 0, "storage_total_bytes": QUOTA})

    def test_what_all_store_has_a_limit_for_whoever_comes_next(self, call: Call, stored: Callable[..., None]) -> None:
        stored(track=QUOTA - 100, film=50, export=40)
        file = {"purpose": "chat_file", "name": "a.txt", "size": 11}
        refused = problem(call.guest.post("/uploads", file), 507, "storage_full")
        assert (refused["used_bytes"], refused["quota_bytes"]) == (QUOTA - 10, QUOTA)
        upload = ok(call.guest.post("/uploads", file | {"size": 10}), 201)["upload"]
        problem(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {}), 507, "storage_full")
        ok(call.guest.delete(f"/uploads/{upload['id']}"), 204)
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {}), 201)

    def test_two_people_at_once_do_not_both_find_the_last_bytes(self, anna: Person, ben: Person, cleo: Person) -> None:
        file = {"purpose": "chat_file", "name": "a.txt", "size": QUOTA - 10}
        answers = at_once(*(partial(one.post, "/uploads", file) for one in (anna, ben, cleo)))
        assert statuses(answers) == {201: 1, 507: 2}


class TestWithoutAQuota:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"storage_quota_bytes": 0})

    def test_nothing_is_refused(self, call: Call, stored: Callable[..., None]) -> None:
        stored(track=10**12)
        ok(call.owner.post("/uploads", {"purpose": "chat_file", "name": "a.txt", "size": 11}), 201)
        assert storage(call.owner)["quota_bytes"] is None
