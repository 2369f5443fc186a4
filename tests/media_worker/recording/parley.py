"""Plays the part of Parley that recordings speak with: it keeps what it is told and sent."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from media_worker.errors import RecordingGone, UploadRefused


@dataclass
class FakeParley:
    """`files` are the uploads' bytes by the file's id, `told` what was said of each, in order."""

    told: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    knows_recording: bool = True
    takes_files: bool = True
    refused: int = 0
    before_upload: Callable[[], Any] | None = None

    async def put_track(self, recording_id: str, track_file_id: str, told: dict[str, Any]) -> None:
        if not self.knows_recording:
            self.refused += 1
            raise RecordingGone(recording_id)
        self.told.setdefault(track_file_id, []).append(told)

    async def report_recording(self, recording_id: str, told: dict[str, Any]) -> None:
        if not self.knows_recording:
            raise RecordingGone(recording_id)
        self.reports.append(told)

    async def upload(self, path: Path, media_type: str, sha256: str, ref: str) -> str:
        if self.before_upload is not None:
            await self.before_upload()
        if not self.takes_files:
            raise UploadRefused("413 payload_too_large: too much")
        data = path.read_bytes()
        assert hashlib.sha256(data).hexdigest() == sha256
        self.files[ref] = data
        return f"upload-of-{ref}"

    @property
    def states(self) -> dict[str, list[str]]:
        return {file: [one["state"] for one in said] for file, said in self.told.items()}

    def of(self, kind: str, participant_id: str = "") -> list[tuple[dict[str, Any], bytes]]:
        """What was said last of each file of this kind, and the file."""
        return [
            (said[-1], self.files[file])
            for file, said in self.told.items()
            if said[-1]["kind"] == kind and participant_id in ("", said[-1]["participant_id"]) and file in self.files
        ]
