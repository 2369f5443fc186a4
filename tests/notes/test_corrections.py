"""What people correct in a transcript holds, also for the next one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.core.objects.base import ObjectStore
from app.core.runtime import Runtime
from app.notes.corrections import corrected
from app.notes.meeting_source import MeetingSource
from app.notes.models import Correction
from app.notes.transcribers.base import Transcriber
from tests.drivers.analysts_suite import transcript_of
from tests.notes.hearing import Ears, quick_sound, record
from tests.support.people import Call, Person, ok, problem

SAID = {"Anna": [(1.0, "Good mourning Ben."), (9.0, "Rite to Carla.")], "Ben": [(4.0, "Good morning.")]}


@pytest.fixture
def heard(call: Call, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Ears:
    """A meeting that was recorded and transcribed."""
    monkeypatch.setattr(MeetingSource, "prepare", quick_sound)
    ears = runtime.drivers[Transcriber] = Ears(dict(SAID))
    record(runtime, call, call.owners["id"], call.guests["id"])
    ask(call)
    return ears


def ask(call: Call, **body: Any) -> None:
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/notes", body), 202)


def path(call: Call) -> str:
    return f"/meetings/{call.meeting['id']}/transcript"


def read(call: Call) -> dict[str, Any]:
    notes: dict[str, Any] = ok(call.guest.get(f"/meetings/{call.meeting['id']}/notes"))
    return notes


def texts(call: Call) -> list[tuple[str, str]]:
    return [(one["speaker"]["label"], one["text"]) for one in read(call)["transcript"]["segments"]]


def correct(call: Call, revision: int = 1, **body: Any) -> Any:
    return ok(call.owner.patch(path(call), body, version=revision))


def test_a_segments_text_is_corrected_everywhere(call: Call, heard: Ears, runtime: Runtime) -> None:
    answer = correct(call, segments=[{"id": "s1", "text": "Good morning Ben."}])
    assert answer["segments"][0]["text"] == "Good morning Ben."
    assert answer["segments"][0]["words"] == [], "nobody knows when those words were said"
    notes = read(call)
    assert notes["transcript_revision"] == 2
    assert notes["transcript_text"].startswith("Anna: Good morning Ben.\n")
    store: ObjectStore = runtime.drivers[ObjectStore]
    (key,) = (one.key for one in store.list("transcripts/") if one.key.endswith("transcript.json"))
    assert json.loads(store.open(key).read()) == notes["transcript"]


def test_a_speakers_name_is_corrected_in_the_notes_too(call: Call, heard: Ears) -> None:
    correct(call, speakers=[{"id": call.owner.user_id, "label": "Dr. Anna  Berg"}])
    assert {name for name, _ in texts(call)} == {"Dr. Anna Berg", "Ben"}
    assert {one["speaker"] for one in read(call)["analysis"]["talk"]} == {"Dr. Anna Berg", "Ben"}


def test_what_was_corrected_holds_for_the_next_version(call: Call, heard: Ears) -> None:
    correct(
        call, segments=[{"id": "s3", "text": "Write to Carla."}], speakers=[{"id": call.guest.user_id, "label": "B."}]
    )
    heard.said["Anna"] = [(1.5, "Good mourning Ben."), (8.8, "Rite two Carla.")]
    ask(call, language="en-GB")
    assert read(call)["version"] == 2
    assert texts(call) == [("Anna", "Good mourning Ben."), ("B.", "Good morning."), ("Anna", "Write to Carla.")]


def test_a_correction_can_be_taken_back(call: Call, heard: Ears) -> None:
    correct(call, segments=[{"id": "s1", "text": "Hm."}], speakers=[{"id": call.owner.user_id, "label": "A."}])
    correct(call, 2, segments=[{"id": "s1", "text": None}], speakers=[{"id": call.owner.user_id, "label": None}])
    assert texts(call)[0] == ("Anna", "Good mourning Ben.")


def test_who_has_read_an_older_one_does_not_overwrite(call: Call, heard: Ears) -> None:
    body = {"segments": [{"id": "s1", "text": "Hm."}]}
    assert call.guest.get(path(call)).headers["ETag"] == '"1"'
    problem(call.owner.patch(path(call), body), 428, "precondition_required")
    correct(call, segments=[{"id": "s1", "text": "Good morning Ben."}])
    problem(call.owner.patch(path(call), body, version=1), 412, "version_mismatch")


def test_hosts_correct_and_others_do_not(call: Call, heard: Ears, cleo: Person) -> None:
    body = {"segments": [{"id": "s1", "text": "Hm."}]}
    problem(call.guest.patch(path(call), body, version=1), 403, "forbidden")
    problem(cleo.patch(path(call), body, version=1), 404, "not_found")
    ok(call.owner.request("PUT", f"/participants/{call.guests['id']}/role", {"role": "co_host"}))
    ok(call.guest.patch(path(call), body, version=1))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"segments": [{"id": "s99", "text": "Hm."}]}, "segments.0.id"),
        ({"speakers": [{"id": "nobody", "label": "Hm."}]}, "speakers.0.id"),
    ],
)
def test_what_is_not_there_is_not_corrected(call: Call, heard: Ears, body: dict[str, Any], field: str) -> None:
    told = problem(call.owner.patch(path(call), body, version=1), 422, "validation_failed")
    assert [one["field"] for one in told["errors"]] == [field]


def test_two_speakers_do_not_get_one_name(call: Call, heard: Ears) -> None:
    body = {"speakers": [{"id": call.owner.user_id, "label": "Ben"}]}
    problem(call.owner.patch(path(call), body, version=1), 422, "validation_failed")
    assert texts(call)[0][0] == "Anna"


def test_a_text_that_covers_several_segments_is_said_once() -> None:
    transcript = transcript_of(("Anna", "One"), ("Anna", "two"), ("Bob", "Three"))
    first, second, _ = transcript["segments"]
    track = {"track_id": first["track_id"], "start_s": first["start_s"], "end_s": second["end_s"]}
    said = corrected(transcript, [Correction(id="1", kind="text", text="One, two.", **track)])
    kept = [(one["id"], one["text"]) for one in said["segments"] if one["track_id"] == first["track_id"]]
    assert kept[0] == ("s1", "One, two.")
    assert ("s2", "two") not in kept
    assert len(transcript["segments"]) == 3, "what was given is left as it was"
