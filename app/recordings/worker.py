"""Recording on a media worker: what it is told, and what is made of what it tells.

How it works. The order to record, and to stop, is a message in the worker's inbox, committed with the change that
caused it. The worker says when it begins and when every file is closed (`report`), and tells of each file when it is
begun, closed, uploaded or lost (`put_track`). A recording that was stopped is composed once the worker of its last
placement has said the latter and every file that was told of is uploaded or lost; or when nothing was heard for too
long (`waits_in_vain`): whatever comes later makes a new composition.

If the meeting moves, the next worker records on, in files of its own: no file belongs to two placements.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select

from app.core import errors
from app.core.actor import Actor
from app.core.processes import api_last_heard
from app.core.runtime import Work
from app.inbox.service import Message
from app.media import workers
from app.media.events import MeetingMoved
from app.participants import service as participants
from app.participants.models import Participant
from app.recordings import local_tracks, renditions, states
from app.recordings.events import RecordingGivenUp, RecordingStarted, RecordingStopped
from app.recordings.models import Recording, RecordingTrack
from app.recordings.telling import become, tell
from app.uploads import service as uploads

PLACE = "recordings.place_track"
PURPOSE = "recording_track"
NEVER_BEGUN = "The media worker did not begin to record."
WORKER_LOST = "The media server was lost, and there was no other."

# Spans and figures that a word may leave out: then what was told before stays.
_OPTIONAL = ("duration_s", "bytes", "sha256", "stats", "gaps", "mutes", "reason")


class WorkerRecordings:
    """See `media.recorded.RunningRecordings`."""

    def of_meeting(self, work: Work, meeting_id: str) -> list[dict[str, Any]]:
        return [{"id": one.id, "audio_only": one.audio_only} for one in running(work, meeting_id)]

    def close(self) -> None:
        """Nothing is held."""


def running(work: Work, meeting_id: str) -> Sequence[Recording]:
    return work.scalars(
        select(Recording).where(
            Recording.meeting_id == meeting_id, Recording.driver == "worker", Recording.state.in_(states.RUNNING)
        )
    ).all()


# Orders


def order(work: Work, recording: Recording) -> None:
    """Have the meeting's media worker record.

    :raises RecordingNeedsSfu: there is none at the moment. :raises Overloaded: it is full.
    """
    sfu = participants.sfu_of(work, recording.meeting_id)
    if sfu is None or sfu.session_id is None:
        raise errors.RecordingNeedsSfu("The meeting has no media server at the moment; try again in a few seconds.")
    workers.check_room(work, sfu.session_id)
    _expect(work, recording, sfu.session_id, sfu.epoch)
    told = {"epoch": sfu.epoch, "recording_id": recording.id, "audio_only": recording.audio_only}
    workers.tell(work, sfu.session_id, Message("recording.start", told, recording.meeting_id))


def follow(work: Work, event: MeetingMoved) -> None:
    """The meeting has moved: `media.place` has told the next worker already; where there is none, what there is has to
    do.
    """
    for recording in running(work, event.meeting_id):
        if event.worker_id is None:
            end(work, recording, "worker_lost", error=WORKER_LOST)
        else:
            _expect(work, recording, event.worker_id, event.epoch)


def _expect(work: Work, recording: Recording, worker_id: str, epoch: int) -> None:
    recording.worker_id, recording.epoch = worker_id, epoch
    recording.ordered_at, recording.confirmed_at, recording.written_at = work.now(), None, None


def end(work: Work, recording: Recording, reason: str, *, error: str | None = None) -> None:
    """Stop it: its files are closed and sent, and then composed."""
    become(recording, "stopping")
    recording.ended_at, recording.end_reason = work.now(), reason
    recording.heard_at, recording.error = work.now(), error
    tell(work, recording)
    work.emit(RecordingStopped(recording.meeting_id, recording.id))
    _order_stop(work, recording, reason)
    advance(work, recording)


def _order_stop(work: Work, recording: Recording, reason: str) -> None:
    told = {"epoch": recording.epoch, "recording_id": recording.id, "reason": reason}
    workers.tell(work, recording.worker_id or "", Message("recording.stop", told, recording.meeting_id))


# What the worker tells


def report(work: Work, recording: Recording, *, state: str, epoch: int, reason: str | None) -> None:
    """The worker writes, has closed every file, or can't. What an earlier placement says changes nothing."""
    _check_driver(recording)
    recording.heard_at = work.now()
    if epoch != recording.epoch:
        return
    if state == "recording":
        recording.confirmed_at = recording.confirmed_at or work.now()
        _begin(work, recording)
        return
    error = f"The media worker stopped recording: {reason}." if reason and state == "failed" else None
    recording.written_at = work.now()
    ended_by = reason if reason in states.END_REASONS else "worker_failed"
    if state == "failed" and recording.state == "requested":
        _fail(work, recording, ended_by, error or NEVER_BEGUN)
    elif recording.state in states.RUNNING:
        end(work, recording, ended_by, error=error)
    else:
        advance(work, recording)


def _begin(work: Work, recording: Recording) -> None:
    if recording.state != "requested":
        return
    become(recording, "recording")
    recording.started_at = recording.started_at or work.now()
    tell(work, recording)
    work.emit(RecordingStarted(recording.meeting_id, recording.id, recording.started_by))


def put_track(work: Work, actor: Actor, recording: Recording, track_id: str, told: dict[str, Any]) -> RecordingTrack:
    """Note what a worker tells of a file. A repeat, and a word that is older than what is known, change nothing.

    :raises RecordingStateConflict: no worker makes this recording. :raises ValidationFailed: nobody of the meeting, or
        the id is another recording's. :raises TooManyTracks: :raises NotFound: the upload is no such.
    :raises UploadStateConflict: it is not complete. :raises ChecksumMismatch: it is another file.
    """
    _check_driver(recording)
    recording.heard_at = work.now()
    told = told | {"reason": told["reason"][:100] if told["reason"] else None}
    track = work.get(RecordingTrack, track_id)
    if track is None:
        track = _announced(work, recording, track_id, told)
    elif track.recording_id != recording.id or track.origin != "server":
        raise _wrong("track_file_id", "The id is another recording's, or a participant's own.", location="path")
    if _is_older(track.state, told["state"]):
        return track
    if track.state == "uploaded":  # repeated, with a better idea of when it began
        track.started_at = told["started_at"] or track.started_at
        return track
    for name in _OPTIONAL:
        if told[name] is not None:
            setattr(track, name, told[name])
    track.started_at = told["started_at"] or track.started_at
    track.recovered = track.recovered or told["recovered"]
    if told["state"] == "uploaded":
        _take(work, actor, recording, track, told["upload_id"])
    track.state = told["state"]
    work.flush()
    _note_start(work, recording, track)
    if track.state == "uploaded" and recording.state in ("processing", "ready", "failed"):
        renditions.order_late(work, recording)
    else:
        advance(work, recording)
    return track


def _is_older(known: str, told: str) -> bool:
    """`lost` may turn out to be there after all."""
    rank = {"recording": 0, "lost": 1, "spooled": 1, "uploaded": 2}
    return rank[told] < rank[known]


def _announced(work: Work, recording: Recording, track_id: str, told: dict[str, Any]) -> RecordingTrack:
    there = select(func.count()).where(RecordingTrack.recording_id == recording.id, RecordingTrack.origin == "server")
    if (work.scalar(there) or 0) >= work.settings.recording_tracks_max:
        raise errors.TooManyTracks(f"At most {work.settings.recording_tracks_max} tracks.")
    person = work.get(Participant, told["participant_id"])
    if person is None or person.meeting_id != recording.meeting_id:
        raise _wrong("participant_id", "Nobody of this meeting.")
    fixed = ("participant_id", "track_id", "epoch", "kind", "source", "codec", "content_type")
    track = RecordingTrack(
        id=track_id,
        recording_id=recording.id,
        state="recording",
        recovered=False,
        stats={},
        gaps=[],
        mutes=[],
        started_at=told["started_at"] or work.now(),
        created_at=work.now(),
        **{name: told[name] for name in fixed},
    )
    work.add(track)
    return track


def _take(work: Work, actor: Actor, recording: Recording, track: RecordingTrack, upload_id: str) -> None:
    """The file is the recording's from now on; its sender may forget it."""
    taken = uploads.take(work, actor, upload_id, PURPOSE)
    if track.bytes not in (taken.size, None) or track.sha256 not in (taken.sha256, None):
        raise errors.ChecksumMismatch(f"The upload has {taken.size} bytes and the SHA-256 {taken.sha256}.")
    track.bytes, track.sha256 = taken.size, taken.sha256
    track.upload_id, track.file_path, track.uploaded_at = upload_id, taken.key, work.now()
    work.enqueue(PLACE, {"track_id": track.id, "recording_id": recording.id, "meeting_id": recording.meeting_id})


def _note_start(work: Work, recording: Recording, track: RecordingTrack) -> None:
    """A recording begins with its first frame: what a worker recorded before its word came is not cut off."""
    if track.started_at >= recording.created_at and (
        recording.started_at is None or track.started_at < recording.started_at
    ):
        recording.started_at = track.started_at


def _check_driver(recording: Recording) -> None:
    if recording.driver != "worker":
        raise errors.RecordingStateConflict("No media worker makes this recording.", state=recording.state)


def _wrong(field: str, message: str, location: str = "body") -> errors.ValidationFailed:
    return errors.ValidationFailed(errors=[{"location": location, "field": field, "message": message}])


# What becomes of it


def advance(work: Work, recording: Recording) -> None:
    """Go on to the composition, if all that there is to come has come."""
    work.flush()
    if recording.state != "stopping":
        return
    if recording.written_at is not None and not _awaited_epochs(work, recording):
        local_tracks.settle(work, recording)


def _awaited_epochs(work: Work, recording: Recording) -> set[int]:
    """The placements of which files were told that have neither come nor been lost."""
    open_ones = select(RecordingTrack.epoch).where(
        RecordingTrack.recording_id == recording.id,
        RecordingTrack.origin == "server",
        RecordingTrack.state.not_in(states.TRACKS_SETTLED),
    )
    return set(work.scalars(open_ones.distinct()))


def _fail(work: Work, recording: Recording, reason: str, error: str) -> None:
    become(recording, "failed")
    recording.error, recording.outcome = error[:500], "failed"
    recording.ended_at, recording.end_reason = work.now(), reason
    tell(work, recording)
    work.emit(RecordingGivenUp(recording.meeting_id, recording.id))


def to_look_at(work: Work) -> Sequence[str]:
    """Ids of the recordings about which something may be overdue."""
    confirm_by = work.now() - timedelta(seconds=work.settings.recording_confirm_s)
    quiet_since = work.now() - timedelta(seconds=work.settings.recording_tracks_wait_s)
    unconfirmed = and_(
        Recording.state.in_(states.RUNNING), Recording.confirmed_at.is_(None), Recording.ordered_at <= confirm_by
    )
    quiet = and_(Recording.state == "stopping", Recording.heard_at <= quiet_since)
    return work.scalars(
        select(Recording.id).where(Recording.driver == "worker", or_(unconfirmed, quiet)).order_by(Recording.id)
    ).all()


def look_after(work: Work, recording: Recording) -> None:
    """Give up a worker that never began, and go on without what never comes. No silence counts in which it could not
    speak: the API has to have been there as long.
    """
    settings, now = work.settings, work.now()
    heard = api_last_heard(work)
    up_since = heard[0] if heard else None
    if recording.state in states.RUNNING and recording.confirmed_at is None and recording.ordered_at is not None:
        if _later(recording.ordered_at, up_since) <= now - timedelta(seconds=settings.recording_confirm_s):
            _give_up_worker(work, recording)
    elif recording.state == "stopping" and recording.heard_at is not None:
        patience = timedelta(seconds=settings.recording_tracks_wait_s)
        has_more = recording.written_at is None or recording.epoch in _awaited_epochs(work, recording)
        if has_more and workers.is_there(work, recording.worker_id):
            patience = max(patience, timedelta(minutes=settings.recording_uploads_wait_min))
        if _later(recording.heard_at, up_since) <= now - patience:
            local_tracks.settle(work, recording)


def _give_up_worker(work: Work, recording: Recording) -> None:
    if recording.state == "requested":
        _order_stop(work, recording, "not_confirmed")
        _fail(work, recording, "not_confirmed", NEVER_BEGUN)
    else:
        end(work, recording, "not_confirmed", error=NEVER_BEGUN)


def _later(one: datetime, other: datetime | None) -> datetime:
    return one if other is None else max(one, other)
