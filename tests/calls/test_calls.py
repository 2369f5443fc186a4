"""Calls that were recorded elsewhere: sent, transcribed by channel, found again, deleted with everything."""

from __future__ import annotations

import io
import wave
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.objects.base import ObjectStore
from app.core.runtime import Runtime
from app.notes.analysts.base import Analyst
from app.notes.analysts.local.analyst import LocalAnalyst
from app.notes.search.following import follow
from app.notes.transcribers.base import Transcriber
from tests.notes.hearing import Ears, fails
from tests.support.people import Person, ok, problem, types_of
from tests.uploads.sending import send


def wav(*tones_hz: float, seconds: float = 1.0) -> bytes:
    """A WAV with a tone on each channel."""
    at = np.arange(round(8000 * seconds)) / 8000
    channels = [(0.3 * np.sin(2 * np.pi * hz * at) * 32767).astype("<i2") for hz in tones_hz]
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(len(channels))
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(np.stack(channels, axis=1).tobytes())
    return file.getvalue()


STEREO, MONO = wav(300, 500), wav(300)


@pytest.fixture
def ears(runtime: Runtime) -> Ears:
    said = {"Anna": [(0.1, "Hello Carla.")], "Carla": [(0.5, "Hello.")], "Speaker": [(0.2, "Hello hello.")]}
    said |= {"Channel 1": [(0.1, "One.")], "Channel 2": [(0.2, "Two.")]}
    ears = runtime.drivers[Transcriber] = Ears(said)
    return ears


def upload(person: Person, content: bytes, media_type: str = "audio/wav") -> str:
    sent = send(person, content, purpose="call_audio", name="call.wav", media_type=media_type)
    return str(sent["id"])


def receive(person: Person, content: bytes = STEREO, **fields: Any) -> dict[str, Any]:
    sent = ok(person.post("/calls", {"upload_id": upload(person, content), **fields}), 201)
    call: dict[str, Any] = ok(person.get(f"/calls/{sent['id']}"))
    return call


def lines(person: Person, call: dict[str, Any]) -> list[tuple[str, str, str]]:
    segments = ok(person.get(f"/calls/{call['id']}/transcript"))["segments"]
    return [(one["speaker"]["label"], one["speaker"]["source"], one["text"]) for one in segments]


def test_a_stereo_call_is_transcribed_by_its_channels(anna: Person, ears: Ears) -> None:
    call = receive(anna, channel_names=["Anna", "Carla"], language="en", account="acme", held_at="2026-11-19T10:00:00Z")
    assert (call["state"], call["title"], call["account"], call["is_mock"]) == ("done", "call.wav", "acme", False)
    assert lines(anna, call) == [("Anna", "channel", "Hello Carla."), ("Carla", "channel", "Hello.")]
    assert [one["part"] for one in call["stages"] if one["name"] == "transcribe"] == ["left", "right"]
    notes = ok(anna.get(f"/calls/{call['id']}/notes"))
    assert (notes["state"], notes["call_id"], notes["meeting_id"]) == ("ready", call["id"], None)
    assert notes["analysis"]["summary"]
    assert "notes.ready" in types_of(anna.poll())


def test_without_a_day_dates_are_counted_from_when_it_was_sent_and_notes_say_so(
    anna: Person, ears: Ears, runtime: Runtime
) -> None:
    ears.said = {"Anna": [(0.1, "I will send you the offer tomorrow.")], "Carla": []}
    runtime.drivers[Analyst] = LocalAnalyst()
    names = ["Anna", "Carla"]
    call = receive(anna, channel_names=names)
    analysis = ok(anna.get(f"/calls/{call['id']}/notes"))["analysis"]
    sent_on = datetime.fromisoformat(call["created_at"]).date()
    assert [item["due"] for item in analysis["action_items"]] == [str(sent_on + timedelta(days=1))]
    assert analysis["warnings"][-1].endswith(f"due dates are counted from {sent_on}, the day on which it was sent.")
    other = receive(anna, wav(300, 700), channel_names=names, held_at="2026-11-19T10:00:00Z")
    analysis = ok(anna.get(f"/calls/{other['id']}/notes"))["analysis"]
    assert [item["due"] for item in analysis["action_items"]] == ["2026-11-20"]
    assert not any("counted from" in warning for warning in analysis["warnings"])


def test_of_a_call_in_mono_nobody_tells_who_speaks(anna: Person, ears: Ears) -> None:
    call = receive(anna, MONO, channel_names=["Anna", "Carla"])
    assert lines(anna, call) == [("Speaker", "unknown", "Hello hello.")]
    assert [one["state"] for one in call["stages"] if one["name"] == "transcribe"] == ["done", "skipped"]


def test_two_channels_that_are_the_same_are_heard_once(anna: Person, ears: Ears) -> None:
    receive(anna, wav(300, 300))
    assert ears.asked == ["Speaker"]


def test_channels_without_names_are_numbered(anna: Person, ears: Ears) -> None:
    assert [who for who, _, _ in lines(anna, receive(anna))] == ["Channel 1", "Channel 2"]


def test_what_only_claims_to_be_sound_fails_and_says_why(anna: Person, ears: Ears) -> None:
    call = receive(anna, STEREO[:44] + b"\x00")
    assert (call["state"], call["error_code"], ears.asked) == ("failed", "nothing_to_transcribe", [])


def test_the_same_file_is_taken_once(anna: Person, ben: Person, ears: Ears) -> None:
    first = receive(anna)
    again = upload(anna, STEREO)
    told = problem(anna.post("/calls", {"upload_id": again}), 409, "call_exists")
    assert told["call_id"] == first["id"]
    assert ok(anna.get(f"/uploads/{again}"))["state"] == "complete", "it was not taken"
    assert receive(ben)["id"] != first["id"]


def test_an_upload_for_something_else_or_of_somebody_else_is_none(anna: Person, ben: Person) -> None:
    file = send(anna, b"notes", name="notes.txt", media_type="text/plain")
    problem(anna.post("/calls", {"upload_id": file["id"]}), 404, "not_found")
    problem(ben.post("/calls", {"upload_id": upload(anna, STEREO)}), 404, "not_found")


def test_calls_are_listed_by_what_was_said_of_them(anna: Person, ben: Person, ears: Ears) -> None:
    first = receive(anna, wav(300, 400), account="acme", agent="Anna")
    second = receive(anna, wav(300, 450), account="globex", agent="Anna", deal="d1", customer="Carla", language="en")
    receive(ben, wav(300, 460), account="acme")

    def found(**query: Any) -> list[str]:
        return [one["id"] for one in ok(anna.get("/calls", **query))["items"]]

    assert found() == [second["id"], first["id"]]
    assert found(account="acme") == [first["id"]]
    assert found(agent="Anna", deal="d1", customer="Carla", language="en") == [second["id"]]
    page = ok(anna.get("/calls", limit=1))
    assert [one["id"] for one in page["items"]] == [second["id"]]
    assert found(limit=1, cursor=page["next_cursor"]) == [first["id"]]


def test_a_call_that_failed_is_gone_on_with(anna: Person, ears: Ears) -> None:
    ears.failures = fails(1)
    call = receive(anna)
    assert (call["state"], call["error_code"]) == ("failed", "not_transcribed")
    assert ok(anna.post(f"/calls/{call['id']}/retry", {}), 202)["state"]
    assert ok(anna.get(f"/calls/{call['id']}"))["state"] == "done"
    problem(anna.post(f"/calls/{call['id']}/retry", {}), 409, "notes_state_conflict")


def test_its_transcript_is_corrected_as_a_meetings_is(anna: Person, ears: Ears) -> None:
    call = receive(anna)
    body = {"speakers": [{"id": "left", "label": "Anna"}], "segments": [{"id": "s2", "text": "Two!"}]}
    ok(anna.patch(f"/calls/{call['id']}/transcript", body, version=1))
    assert lines(anna, call) == [("Anna", "channel", "One."), ("Channel 2", "channel", "Two!")]


def test_it_is_deleted_with_everything(anna: Person, ears: Ears, runtime: Runtime) -> None:
    call = receive(anna)
    store: ObjectStore = runtime.drivers[ObjectStore]
    assert len(list(store.list())) == 4  # the file, its transcript, that as captions, its notes
    assert anna.delete(f"/calls/{call['id']}").status_code == 204
    assert list(store.list()) == []
    problem(anna.get(f"/calls/{call['id']}"), 404, "not_found")
    assert receive(anna)["state"] == "done", "it may be sent again"


def test_its_file_is_played_from_an_address_that_is_signed_for_it(
    app: ParleyApp, anna: Person, ears: Ears, clock: ManualClock
) -> None:
    call = receive(anna)
    signed = "/api/v1" + call["signed_url"].partition("/api/v1")[2]
    player = app.test_client()
    assert player.get(signed).data == STEREO
    part = player.get(signed, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.data, part.mimetype) == (206, b"RIFF", "audio/wav")
    assert "call.wav" in part.headers["Content-Disposition"]
    problem(player.get(signed.replace(call["id"], receive(anna, MONO)["id"])), 403, "url_not_signed")
    clock.advance(hours=7)
    problem(player.get(signed), 403, "url_expired")


def test_it_is_its_senders_alone(anna: Person, ben: Person, ears: Ears) -> None:
    call = receive(anna)
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/notes"), ("GET", "/transcript")):
        problem(ben.request(method, f"/calls/{call['id']}{path}"), 404, "not_found")


def test_it_goes_with_the_account(anna: Person, ears: Ears, runtime: Runtime) -> None:
    receive(anna)
    ok(anna.delete("/auth/me", {"password": "correct horse battery"}), 204)
    store: ObjectStore = runtime.drivers[ObjectStore]
    assert list(store.list()) == []


class TestForms:
    def test_a_small_file_is_sent_with_what_is_said_of_it(self, anna: Person, ears: Ears) -> None:
        form = {"channel_names": ["Anna", "Carla"], "account": "acme", "file": (io.BytesIO(STEREO), "Renewal.wav")}
        sent = ok(anna.request("POST", "/calls", data=form), 201)
        assert (sent["title"], sent["account"], sent["bytes"]) == ("Renewal.wav", "acme", len(STEREO))
        assert ok(anna.get(f"/calls/{sent['id']}"))["state"] == "done"
        assert [who for who, _, _ in lines(anna, sent)] == ["Anna", "Carla"]
        assert ok(anna.get("/auth/me/storage"))["files_bytes"] == len(STEREO)

    def test_the_same_file_is_taken_once_however_it_comes(self, anna: Person, ears: Ears, runtime: Runtime) -> None:
        first = receive(anna)
        store: ObjectStore = runtime.drivers[ObjectStore]
        before = [info.key for info in store.list()]
        again = anna.request("POST", "/calls", data={"file": (io.BytesIO(STEREO), "again.wav")})
        assert problem(again, 409, "call_exists")["call_id"] == first["id"]
        assert [info.key for info in store.list()] == before

    @pytest.mark.parametrize(
        ("form", "field"),
        [
            ({}, "file"),
            ({"account": "acme"}, "file"),
            ({"colour": "red", "file": (io.BytesIO(MONO), "a.wav")}, "colour"),
        ],
    )
    def test_what_is_missing_or_unknown_is_named(self, anna: Person, form: dict[str, Any], field: str) -> None:
        sent = anna.request("POST", "/calls", data=form, content_type="multipart/form-data")
        told = problem(sent, 422, "validation_failed")
        assert [one["field"] for one in told["errors"]] == [field]

    def test_what_is_no_sound_is_refused(self, anna: Person) -> None:
        sent = anna.request("POST", "/calls", data={"file": (io.BytesIO(b"%PDF-1.7 no sound"), "call.wav")})
        problem(sent, 422, "media_type_refused")


def test_what_was_said_in_a_call_is_found_by_who_sent_it_alone(anna: Person, ben: Person, ears: Ears) -> None:
    call = receive(anna, title="Renewal with Acme", channel_names=["Anna", "Carla"])
    follow(anna.app.runtime, {})  # type: ignore[attr-defined]
    [item] = ok(anna.get("/search", q="Carla", kind="transcript"))["items"]
    assert (item["call"], item["meeting"]) == ({"id": call["id"], "title": "Renewal with Acme"}, None)
    assert (item["person"]["display_name"], item["start_s"], item["recording_id"]) == ("Anna", 0.1, None)
    [title] = ok(anna.get("/search", q="renewal acme", call_id=call["id"], kind="title"))["items"]
    assert title["id"] == call["id"]
    for query in ({"q": "Carla"}, {"q": "renewal"}, {"q": "Carla", "call_id": call["id"]}):
        assert ok(ben.get("/search", **query))["items"] == []
    assert anna.delete(f"/calls/{call['id']}").status_code == 204
    assert ok(anna.get("/search", q="Carla"))["items"] == []
