from typing import Any

from app.core.runtime import Runtime
from app.meetings import service as meetings
from app.recordings import guests_sending, local_tracks, service
from app.recordings.worker import PLACE

WATCH = "recordings.watch_local_tracks"
WATCH_EVERY_S = 2.0
SWEEP = "recordings.sweep_local_tracks"
SWEEP_EVERY_S = 300.0
SWEPT_AT_ONCE = 100


def take(runtime: Runtime, payload: dict[str, Any]) -> None:
    """A track's upload is verified, or has failed: see `local_tracks.take`."""
    with runtime.writing() as work:
        recording = service.hold(work, payload["recording_id"])
        if recording is not None:
            local_tracks.take(work, recording, payload["track_id"], PLACE)


def watch(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """Go on with recordings that have waited long enough for participants."""
    with runtime.reading() as work:
        waiting = local_tracks.to_look_at(work)
    for recording_id in waiting:
        with runtime.writing() as work:
            recording = service.hold(work, recording_id)
            if recording is not None:
                local_tracks.advance(work, recording)


def sweep(runtime: Runtime, _payload: dict[str, Any]) -> None:
    """Tracks that were begun and never finished are lost once they would not be taken any more; guests who still send
    after LOCAL_TRACKS_WAIT_MIN go.
    """
    with runtime.reading() as work:
        over = [(track.recording_id, track.id) for track in local_tracks.expired(work, SWEPT_AT_ONCE)]
    for recording_id, track_id in over:
        with runtime.writing() as work:
            recording = service.hold(work, recording_id)
            if recording is not None:
                local_tracks.expire(work, recording, track_id)
    with runtime.reading() as work:
        late = guests_sending.meetings_with_late_ones(work)
    for meeting_id in late:
        with runtime.writing() as work:
            meetings.hold(work, meeting_id)
            guests_sending.end_late(work, meeting_id)
