"""Uploads as clients see them, on disk; the same on other rungs is for tests/drivers/."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from app.accounts.authentication import Actor
from app.core import errors
from app.core.clock import ManualClock
from app.core.objects.base import ObjectStore
from app.core.objects.memory import MemoryObjectStore
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.uploads import service, tasks
from tests.support.people import Person, ok, problem
from tests.uploads.sending import MIB, PART, begin, complete, put, put_parts, read, send

TEXT = b"Minutes of the meeting.\n"
LARGE = random.Random(1).randbytes(2 * PART + 1000)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"upload_part_bytes": PART, "chat_file_max_bytes": 100 * MIB})


@pytest.fixture
def stored(settings: Settings) -> Callable[[], list[str]]:
    """What stands in the store, whatever it is."""
    root = settings.storage_dir / "objects"
    return lambda: sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def actor(person: Person) -> Actor:
    return Actor(person.user_id, person.session_id, person.name, "user")


def test_a_file_that_was_sent_in_parts_is_verified_and_can_be_taken(anna: Person, runtime: Runtime) -> None:
    begun = begin(anna, len(LARGE), name="Ünïcode plan.bin", media_type="application/octet-stream")
    assert [(part["number"], part["size"]) for part in begun["parts"]] == [(1, PART), (2, PART), (3, 1000)]
    done = put_parts(anna, begun, LARGE)
    assert read(anna, begun)["bytes_arrived"] == len(LARGE)
    ok(complete(anna, begun, LARGE, parts=[{"number": d["number"], "etag": d["etag"]} for d in done]), 202)
    upload = read(anna, begun)
    assert (upload["state"], upload["error"], upload["media_type"]) == ("complete", None, "application/octet-stream")

    with runtime.writing() as work:
        taken = service.take(work, actor(anna), upload["id"], "chat_file")
    assert (taken.name, taken.size, taken.sha256) == ("Ünïcode plan.bin", len(LARGE), hashlib.sha256(LARGE).hexdigest())
    with runtime.drivers[ObjectStore].open(taken.key) as stream:
        assert stream.read() == LARGE


def test_the_sender_is_told_in_the_inbox(anna: Person) -> None:
    upload = send(anna, TEXT)
    (message,) = anna.poll()["messages"]
    assert message["type"] == "upload.state"
    assert message["payload"]["upload"]["id"] == upload["id"]
    assert message["payload"]["upload"]["state"] == "complete"


def test_an_upload_goes_on_after_a_break_where_it_was(anna: Person, clock: ManualClock) -> None:
    begun = begin(anna, len(LARGE), client_ref="plan-1")
    ok(put(anna, begun["parts"][1]["url"], LARGE[PART : 2 * PART]))
    clock.advance(hours=2)
    anna.tokens = ok(anna.post("/auth/refresh", {"refresh_token": anna.tokens["refresh_token"]}))
    (found,) = ok(anna.get("/uploads", state="uploading"))["items"]
    assert found["client_ref"] == "plan-1"
    assert [part["number"] for part in read(anna, begun)["arrived"]] == [2]
    problem(put(anna, begun["parts"][0]["url"], LARGE[:PART]), 403, "url_expired")
    again = ok(anna.post(f"/uploads/{found['id']}/parts", {"numbers": [1, 3]}))
    put_parts(anna, {**again, "part_size": PART}, LARGE)
    ok(complete(anna, begun, LARGE), 202)
    assert read(anna, begun)["state"] == "complete"


def test_completing_again_changes_nothing_and_another_checksum_is_refused(anna: Person) -> None:
    begun = begin(anna, len(TEXT))
    put_parts(anna, begun, TEXT)
    first = ok(complete(anna, begun, TEXT), 202)
    assert ok(complete(anna, begun, TEXT), 202)["id"] == first["id"]
    problem(complete(anna, begun, b"another"), 409, "upload_state_conflict")


def test_a_repeated_beginning_is_answered_as_the_first(anna: Person) -> None:
    body = {"purpose": "chat_file", "name": "plan.pdf", "size": 5}
    first, again = (ok(anna.post("/uploads", body, headers={"Idempotency-Key": "k"}), 201) for _ in range(2))
    assert again == first
    assert len(ok(anna.get("/uploads"))["items"]) == 1


# Refusals: each clear, nothing left behind


def test_a_wrong_checksum_fails_the_upload_and_nothing_is_kept(anna: Person, stored: Callable[[], list[str]]) -> None:
    begun = begin(anna, len(TEXT))
    put_parts(anna, begun, TEXT)
    ok(complete(anna, begun, b"not what was sent"), 202)
    upload = read(anna, begun)
    assert (upload["state"], upload["error"]["code"]) == ("failed", "checksum_mismatch")
    assert stored() == []
    refused = problem(complete(anna, begun, TEXT), 409, "upload_state_conflict")
    assert refused["reason"] == "checksum_mismatch"


def test_a_missing_part_is_named_and_can_still_be_sent(anna: Person) -> None:
    begun = begin(anna, len(LARGE), media_type="application/x-data")
    put_parts(anna, {**begun, "parts": begun["parts"][:2]}, LARGE)
    assert problem(complete(anna, begun, LARGE), 409, "parts_missing")["missing"] == [3]
    ok(put(anna, begun["parts"][2]["url"], LARGE[2 * PART :]))
    wrong = [{"number": n, "etag": "of-another"} for n in (1, 2, 3)]
    assert problem(complete(anna, begun, LARGE, parts=wrong), 409, "parts_missing")["missing"] == [1, 2, 3]
    ok(complete(anna, begun, LARGE), 202)
    assert read(anna, begun)["state"] == "complete"


@pytest.mark.parametrize("content", [b"", TEXT[:-1], TEXT + b"!"])
def test_a_part_of_another_size_is_refused(anna: Person, stored: Callable[[], list[str]], content: bytes) -> None:
    begun = begin(anna, len(TEXT))
    before = stored()
    problem(put(anna, begun["parts"][0]["url"], content), 422, "part_size_mismatch")
    assert stored() == before


def test_an_address_that_was_changed_is_refused(anna: Person) -> None:
    url = begin(anna, len(LARGE))["parts"][0]["url"]
    for changed in (
        url.replace("/parts/1?", "/parts/2?"),
        url.replace(f"size={PART}", f"size={PART + 1}"),
        url.replace("expires=1", "expires=2"),
        url[:-1] + ("A" if url[-1] != "A" else "B"),
        url.partition("&signature")[0],
    ):
        problem(put(anna, changed, b"x"), 403, "url_not_signed")


def test_an_upload_of_somebody_else_looks_as_if_there_were_none(anna: Person, ben: Person, runtime: Runtime) -> None:
    upload = send(anna, TEXT)
    problem(ben.get(f"/uploads/{upload['id']}"), 404, "not_found")
    assert ok(ben.get("/uploads"))["items"] == []
    with runtime.writing() as work, pytest.raises(errors.NotFound):
        service.take(work, actor(ben), upload["id"], "chat_file")
    with runtime.writing() as work, pytest.raises(errors.NotFound):
        service.take(work, actor(anna), upload["id"], "call_audio")


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b.txt", "..\\b.txt", "..", "a\0b", "", "a\nb", "x" * 201])
def test_a_name_that_is_a_path_is_refused(anna: Person, name: str) -> None:
    body = {"purpose": "chat_file", "name": name, "size": 1}
    problem(anna.post("/uploads", body), 422, "validation_failed")


def test_a_program_called_png_is_refused(anna: Person, stored: Callable[[], list[str]]) -> None:
    upload = send(anna, Path("/bin/sh").read_bytes()[:5000], name="cat.png", media_type="image/png")
    assert (upload["state"], upload["error"]["code"]) == ("failed", "media_type_refused")
    assert stored() == []


def test_what_is_too_large_or_of_the_wrong_kind_is_refused_at_once(anna: Person) -> None:
    body = {"purpose": "chat_file", "name": "film.mp4", "size": 100 * MIB + 1}
    assert problem(anna.post("/uploads", body), 413, "payload_too_large")["max_bytes"] == 100 * MIB
    body = {"purpose": "recording_track", "name": "notes.txt", "size": 10, "media_type": "text/plain"}
    problem(anna.post("/uploads", body), 422, "media_type_refused")


@pytest.mark.parametrize("limit", [{"uploads_open_max": 1}, {"uploads_open_max_bytes": 9}])
def test_a_person_has_only_so_many_unused_uploads(anna: Person, app, settings: Settings, limit) -> None:  # type: ignore[no-untyped-def]
    app.runtime.settings = settings.model_copy(update=limit)
    begun = begin(anna, 5)
    refused = {"purpose": "chat_file", "name": "another", "size": 5}
    problem(anna.post("/uploads", refused), 409, "too_many_uploads")
    ok(anna.delete(f"/uploads/{begun['upload']['id']}"), 204)
    ok(anna.post("/uploads", refused), 201)


def test_a_full_store_says_so_and_the_part_can_be_sent_later(anna: Person, runtime: Runtime) -> None:
    runtime.drivers[ObjectStore] = store = MemoryObjectStore(
        capacity_bytes=10, part_urls=runtime.drivers[ObjectStore]._part_urls
    )
    begun = begin(anna, len(TEXT))
    problem(put(anna, begun["parts"][0]["url"], TEXT), 507, "storage_full")
    store._capacity_bytes = 1000
    ok(put(anna, begun["parts"][0]["url"], TEXT))
    ok(complete(anna, begun, TEXT), 202)
    assert read(anna, begun)["state"] == "complete"


# Its end


def test_giving_up_deletes_what_has_arrived(anna: Person, stored: Callable[[], list[str]]) -> None:
    begun = begin(anna, len(LARGE))
    ok(put(anna, begun["parts"][0]["url"], LARGE[:PART]))
    assert stored() != []
    ok(anna.delete(f"/uploads/{begun['upload']['id']}"), 204)
    assert stored() == []
    problem(anna.get(f"/uploads/{begun['upload']['id']}"), 404, "not_found")
    problem(put(anna, begun["parts"][0]["url"], LARGE[:PART]), 404, "not_found")


def test_a_taken_file_is_its_takers(anna: Person, runtime: Runtime, stored: Callable[[], list[str]]) -> None:
    upload = send(anna, TEXT)
    with runtime.writing() as work:
        service.take(work, actor(anna), upload["id"], "chat_file")
    with runtime.writing() as work, pytest.raises(errors.UploadStateConflict):
        service.take(work, actor(anna), upload["id"], "chat_file")
    problem(anna.delete(f"/uploads/{upload['id']}"), 409, "upload_state_conflict")
    with runtime.writing() as work:
        service.release(work, upload["id"])
    assert stored() == []


def test_what_is_abandoned_or_never_taken_is_swept_with_its_parts(
    anna: Person, runtime: Runtime, clock: ManualClock, stored: Callable[[], list[str]]
) -> None:
    begun = begin(anna, len(LARGE))
    ok(put(anna, begun["parts"][0]["url"], LARGE[:PART]))
    send(anna, TEXT)
    kept = send(anna, TEXT)
    with runtime.writing() as work:
        key = service.take(work, actor(anna), kept["id"], "chat_file").key
    clock.advance(hours=runtime.settings.upload_keep_h - 1)
    tasks.sweep(runtime, {})
    assert len(stored()) > 2
    clock.advance(hours=2)
    tasks.sweep(runtime, {})
    assert stored() == sorted([key, f"chat/.{key.rpartition('/')[2]}.json"])


def test_a_run_that_was_killed_after_the_store_was_done_is_made_good(
    anna: Person, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = begin(anna, len(TEXT))
    put_parts(anna, begun, TEXT)
    killed = OSError("the process was killed")
    with monkeypatch.context() as patched:
        patched.setattr(tasks, "_verified", lambda *_: (_ for _ in ()).throw(killed))
        ok(complete(anna, begun, TEXT), 202)
    assert read(anna, begun)["state"] == "completing"
    tasks.finish(runtime, {"upload_id": begun["upload"]["id"]})
    assert read(anna, begun)["state"] == "complete"


def test_nothing_of_a_signed_address_is_logged(anna: Person, log: io.StringIO, app) -> None:  # type: ignore[no-untyped-def]
    begun = begin(anna, len(TEXT))
    url = begun["parts"][0]["url"]
    ok(put(anna, url, TEXT))
    put(anna, url + "x", TEXT)
    assert url.rpartition("=")[2] not in log.getvalue()
