"""A media worker that records, as the API sees one: it is told to, tells of files, and sends them."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlsplit

from werkzeug.test import TestResponse

from app.core.ids import new_id
from tests.media.rest_worker import RestWorker
from tests.support.people import ok

# What is in it matters to the composer alone; that it is Matroska says its beginning (EBML, RFC 8794 §8.1).
WEBM = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm" + b"\0" * 200


class RecordingWorker:
    """`orders`: what it was told of recordings, in order."""

    def __init__(self, worker: RestWorker) -> None:
        self.worker = worker
        self.told: list[dict[str, Any]] = []

    def read(self) -> list[tuple[str, dict[str, Any]]]:
        """New orders about recordings: (type, payload)."""
        new = [(one["type"], one["payload"]) for one in self.worker.poll()]
        return [(kind, payload) for kind, payload in new if kind.startswith("recording.")]

    def report(self, recording: dict[str, Any], state: str, epoch: int = 1, reason: str | None = None) -> TestResponse:
        body = {"state": state, "epoch": epoch, "reason": reason}
        return self.worker.request("POST", f"/recordings/{recording['id']}/reports", body)

    def put(self, recording: dict[str, Any], track: dict[str, Any], **changes: Any) -> TestResponse:
        body = {name: value for name, value in (track | changes).items() if name != "id"}
        return self.worker.request("PUT", f"/recordings/{recording['id']}/tracks/{track['id']}", body)

    def send(self, content: bytes = WEBM) -> str:
        """Upload a file whole; the upload's id. (With jobs in a process of their own it is verified later.)"""
        body = {"purpose": "recording_track", "name": "track.webm", "size": len(content), "media_type": "audio/webm"}
        begun = ok(self.worker.request("POST", "/uploads", body), 201)
        for part in begun["parts"]:
            url = urlsplit(part["url"])
            size = begun["part_size"]
            chunk = content[(part["number"] - 1) * size : part["number"] * size]
            ok(self.worker._app.test_client().put(f"{url.path}?{url.query}", data=chunk))
        path = f"/uploads/{begun['upload']['id']}"
        ok(self.worker.request("POST", f"{path}/complete", {"sha256": hashlib.sha256(content).hexdigest()}), 202)
        return str(begun["upload"]["id"])

    def upload(self, recording: dict[str, Any], track: dict[str, Any], content: bytes = WEBM, **changes: Any) -> None:
        """Close a file, send it and tell so."""
        sent = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "duration_s": 12.0, **changes}
        ok(self.put(recording, track, state="spooled", **sent))
        ok(self.put(recording, track, state="uploaded", upload_id=self.send(content), **sent))


def track_of(participant: dict[str, Any], started_at: str, epoch: int = 1, **fields: Any) -> dict[str, Any]:
    """What a worker tells of a file that it begins."""
    return {
        "id": new_id(),
        "epoch": epoch,
        "participant_id": participant["id"],
        "track_id": new_id(),
        "kind": "audio",
        "source": "microphone",
        "codec": "opus",
        "content_type": "audio/webm",
        "state": "recording",
        "started_at": started_at,
        **fields,
    }
