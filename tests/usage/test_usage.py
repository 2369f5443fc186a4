"""What one uses of all that has a limit."""

from __future__ import annotations

import pytest

from app.core.runtime import Runtime
from app.core.settings import Settings
from app.notes.meeting_source import MeetingSource
from app.notes.transcribers.base import Transcriber
from tests.notes.hearing import Ears, quick_sound, record
from tests.support.people import Call, Person, ok, start_call
from tests.uploads.sending import send


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"storage_quota_bytes": 10_000, "transcription_month_min": 2.0})


@pytest.fixture
def call(anna: Person, ben: Person) -> Call:
    return start_call(anna, ben, media_mode="mock")


def test_each_use_stands_beside_its_limit(call: Call, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MeetingSource, "prepare", quick_sound)
    runtime.drivers[Transcriber] = Ears({"Anna": [(1.0, "Hello.")]}, usd_a_minute=0.6)
    record(runtime, call, call.owners["id"])
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/notes", {}), 202)
    recording = ok(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {}), 201)
    send(call.owner, b"notes")
    usage = ok(call.owner.get("/auth/me/usage"))
    stored = ok(call.owner.get("/auth/me/storage"))["used_bytes"]
    assert usage == {
        "storage_bytes": {"used": stored, "limit": 10_000},
        "open_uploads": {"used": 1, "limit": 50},
        "open_uploads_bytes": {"used": 5, "limit": 21_474_836_480},
        "running_recordings": {"used": 1, "limit": 50},
        "month": "2026-11",
        "transcription_min": {"used": 0.02, "limit": 2.0},
        "notes_usd": {"used": 0.01, "limit": None},
    }
    ok(call.owner.post(f"/recordings/{recording['id']}/stop"), 202)
    assert ok(call.owner.get("/auth/me/usage"))["running_recordings"]["used"] == 0
    nobodys = ok(call.guest.get("/auth/me/usage"))
    assert nobodys["storage_bytes"]["used"] == nobodys["transcription_min"]["used"] == 0
