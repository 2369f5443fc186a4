"""Tracks brought to this machine's disk, for what reads them from there: composing and exporting."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.objects.base import CHUNK_BYTES, ObjectStore, StoreUnusable
from app.core.runtime import Runtime
from app.recordings.models import Recording, RecordingTrack

if TYPE_CHECKING:
    from app.recordings.composing.plan import TrackFile


def fetch(runtime: Runtime, track: RecordingTrack, folder: Path) -> Path:
    """The track's file in `folder`. :raises StoreUnusable: it is not what was verified. :raises ObjectNotFound:"""
    store: ObjectStore = runtime.drivers[ObjectStore]
    with runtime.reading() as work:  # it may have been placed since
        key = work.get_one(RecordingTrack, track.id).file_path or ""
    path, digest = folder / f"{track.id}{Path(key).suffix or '.webm'}", hashlib.sha256()
    with store.open(key) as stream, path.open("wb") as file:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != track.sha256:
        raise StoreUnusable(f"{key} is not the file that was verified")
    return path


def ran_s(recording: Recording) -> float:
    """How long it ran, in seconds."""
    if recording.started_at is None or recording.ended_at is None:
        return 0.0
    return max((recording.ended_at - recording.started_at).total_seconds(), 0.0)


def track_file(recording: Recording, track: RecordingTrack, label: str, path: Path) -> TrackFile:
    """As those who read it take it: times in the recording's time."""
    from app.recordings.composing.plan import TrackFile  # here: only the jobs process needs it

    began = recording.started_at or track.started_at
    offset_s = (track.started_at - began).total_seconds()
    mutes = [(since + offset_s, until + offset_s) for since, until in track.mutes]
    is_local = track.origin == "client"
    return TrackFile(path, track.kind, track.source, track.participant_id, label, offset_s, mutes, is_local)
