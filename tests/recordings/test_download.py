"""Downloading a recording over HTTP: whole, in ranges, under a safe name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from werkzeug.test import TestResponse

from app.core.objects.base import CHUNK_BYTES, ObjectStore
from app.core.objects.disk import DiskObjectStore
from app.core.runtime import Runtime
from app.recordings.models import Recording
from tests.support.people import Call, ok, problem

Record = Callable[..., dict[str, Any]]


@pytest.fixture
def recording(record: Record) -> dict[str, Any]:
    return record()


@pytest.fixture
def download(call: Call, recording: dict[str, Any]) -> Callable[..., TestResponse]:
    """`download("Range: bytes=0-1", …)` by Ben."""

    def download(*lines: str, method: str = "GET") -> TestResponse:
        headers = dict(line.split(": ", 1) for line in lines)
        return call.guest.request(method, f"/recordings/{recording['id']}/download", headers=headers)

    return download


Download = Callable[..., TestResponse]


class TestTheWholeFile:
    def test_it_is_what_was_stored(self, download: Download, recording: dict[str, Any]) -> None:
        response = download()
        assert response.status_code == 200
        assert hashlib.sha256(response.data).hexdigest() == recording["sha256"]
        assert response.content_length == recording["bytes"] == len(response.data)
        assert response.mimetype == "video/mp4"
        assert response.headers["ETag"] == f'"{recording["sha256"]}"'
        assert response.headers["Accept-Ranges"] == "bytes"
        assert "Content-Range" not in response.headers

    def test_head_tells_the_same_and_sends_nothing(self, download: Download) -> None:
        got, head = download(), download("Range: bytes=0-9", method="HEAD")
        same = ("Content-Length", "Content-Type", "ETag", "Accept-Ranges", "Content-Disposition")
        assert (head.status_code, head.data) == (200, b"")
        assert {name: head.headers[name] for name in same} == {name: got.headers[name] for name in same}

    def test_an_audio_recording_is_audio(self, call: Call, record: Record) -> None:
        response = call.guest.get(f"/recordings/{record(audio_only=True)['id']}/download")
        assert response.mimetype == "audio/mp4"
        assert response.headers["Content-Disposition"].endswith('.m4a"')


class TestRanges:
    @pytest.mark.parametrize(
        ("asked", "first", "last"), [("0-0", 0, 0), ("100-299", 100, 299), ("500-", 500, None), ("-200", -200, None)]
    )
    def test_a_range_is_that_part(self, download: Download, asked: str, first: int, last: int | None) -> None:
        whole = download().data
        response = download(f"Range: bytes={asked}")
        expected = whole[first:] if last is None else whole[first : last + 1]
        begin = first % len(whole)
        assert response.status_code == 206
        assert response.data == expected
        assert response.content_length == len(expected)
        assert response.headers["Content-Range"] == f"bytes {begin}-{begin + len(expected) - 1}/{len(whole)}"

    def test_a_file_can_be_put_together_from_its_parts(self, download: Download, recording: dict[str, Any]) -> None:
        parts = [
            download(f"Range: bytes={start}-{start + 9_999}").data for start in range(0, recording["bytes"], 10_000)
        ]
        assert hashlib.sha256(b"".join(parts)).hexdigest() == recording["sha256"]

    def test_past_the_end_there_is_nothing_and_the_size_is_told(
        self, download: Download, recording: dict[str, Any]
    ) -> None:
        response = download(f"Range: bytes={recording['bytes']}-")
        problem(response, 416, "range_not_satisfiable")
        assert response.headers["Content-Range"] == f"bytes */{recording['bytes']}"

    @pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "bytes=5-2", "lines=0-1"])
    def test_what_is_not_one_range_gets_the_whole_file(self, download: Download, asked: str) -> None:
        response = download(f"Range: {asked}")
        assert (response.status_code, len(response.data)) == (200, response.content_length)


class TestConditions:
    def test_a_resumed_download_goes_on_if_the_file_is_the_same(self, download: Download) -> None:
        etag = download().headers["ETag"]
        assert download("Range: bytes=10-", f"If-Range: {etag}").status_code == 206

    @pytest.mark.parametrize("other", ['"another"', 'W/"{sha256}"', "{sha256}", "Fri, 20 Nov 2026 10:00:20 GMT"])
    def test_a_resumed_download_begins_anew_if_it_may_be_another_file(
        self, download: Download, recording: dict[str, Any], other: str
    ) -> None:
        response = download("Range: bytes=10-", f"If-Range: {other.format_map(recording)}")
        assert (response.status_code, len(response.data)) == (200, recording["bytes"])

    @pytest.mark.parametrize("known", ['"{sha256}"', 'W/"{sha256}"', '"x", "{sha256}"', "*"])
    def test_who_has_the_file_gets_it_not_again(
        self, download: Download, recording: dict[str, Any], known: str
    ) -> None:
        response = download(f"If-None-Match: {known.format_map(recording)}", "Range: bytes=0-1")
        assert (response.status_code, response.data) == (304, b"")
        assert response.headers["ETag"] == f'"{recording["sha256"]}"'

    def test_who_insists_on_another_file_gets_none(self, download: Download, recording: dict[str, Any]) -> None:
        problem(download('If-Match: "another"'), 412, "version_mismatch")
        assert download(f'If-Match: "{recording["sha256"]}"').status_code == 200


class TestWhatCannotBeDownloaded:
    def test_a_recording_that_is_not_ready_has_no_file(self, call: Call) -> None:
        running = ok(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {}), 201)
        refused = problem(call.guest.get(f"/recordings/{running['id']}/download"), 409, "recording_state_conflict")
        assert refused["state"] == "recording"

    def test_a_file_that_is_lost_is_said_to_be(
        self, download: Download, recording: dict[str, Any], runtime: Runtime
    ) -> None:
        runtime.drivers[ObjectStore].delete(recording["file_path"])
        assert "no longer" in problem(download(), 404, "not_found")["detail"]

    def test_a_store_that_cannot_be_read_is_a_matter_of_time(
        self, download: Download, recording: dict[str, Any], runtime: Runtime
    ) -> None:
        path: Path = runtime.settings.storage_dir / "objects" / recording["file_path"]
        path.unlink()
        path.symlink_to(path)  # a loop: cannot be opened, and not for want of a file
        problem(download(), 503, "unavailable")


class TestMemory:
    def test_a_large_file_is_read_as_it_is_sent(
        self, call: Call, recording: dict[str, Any], runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        size = 64 * CHUNK_BYTES
        path = runtime.settings.storage_dir / "objects" / recording["file_path"]
        with path.open("r+b") as file:
            file.truncate(size)
        with runtime.writing() as work:
            work.get_one(Recording, recording["id"]).bytes = size
        asked: list[int] = []
        plain_open = DiskObjectStore.open
        monkeypatch.setattr(DiskObjectStore, "open", lambda *a, **k: WatchedStream(plain_open(*a, **k), asked))
        response = call.guest.get(f"/recordings/{recording['id']}/download")
        assert len(asked) <= 1  # before anybody has taken anything
        assert len(response.data) == size
        assert set(asked) == {CHUNK_BYTES}


class WatchedStream:
    """Notes how much is read from it at a time."""

    def __init__(self, stream: BinaryIO, asked: list[int]) -> None:
        self._stream, self._asked = stream, asked

    def read(self, most: int = -1) -> bytes:
        self._asked.append(most)
        return self._stream.read(most)

    def close(self) -> None:
        self._stream.close()


def test_where_files_have_signed_addresses_a_download_is_the_way_to_one(
    call: Call, record: Callable[..., dict[str, Any]], runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record()
    asked: dict[str, Any] = {}

    def download_url(key: str, **how: Any) -> str:
        asked.update(how, key=key)
        return "https://s3.example.org/signed"

    monkeypatch.setattr(runtime.drivers[ObjectStore], "download_url", download_url)
    answer = call.guest.get(f"/recordings/{recording['id']}/download")
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://s3.example.org/signed")
    assert (asked["key"], asked["content_type"]) == (recording["file_path"], "video/mp4")
    assert asked["disposition"].startswith("attachment; ")
