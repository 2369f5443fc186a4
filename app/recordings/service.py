"""A recording from its start to its file. `tasks.py` makes the file; what is decided about it stands here."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, select

from app.accounts.service import NAME_OF_ERASED
from app.core import errors
from app.core.actor import Actor
from app.core.downloads import Download
from app.core.file_names import file_name
from app.core.ids import new_id
from app.core.runtime import Work
from app.inbox import service as inbox
from app.meetings import service as meetings
from app.meetings.service import standing_of
from app.participants import service as participants
from app.participants.models import Participant
from app.participants.permissions import require
from app.recordings import library, limits, local_tracks, renditions, shapes, states, worker
from app.recordings.events import (
    RecordingCompleted,
    RecordingDeleted,
    RecordingGivenUp,
    RecordingStarted,
    RecordingStopped,
)
from app.recordings.models import Consent, Recording, RecordingTrack, Rendition
from app.recordings.recorders.base import Recorder
from app.recordings.shapes import view
from app.recordings.telling import become, news, tell
from app.uploads import quota
from app.uploads import service as uploads

PRODUCE = "recordings.produce"
DELETE_OBJECTS = "recordings.delete_objects"


@dataclass(frozen=True)
class Order:
    """What the recorder is told: `names` in the order of joining, `duration_s` how long the recording ran."""

    recording_id: str
    names: list[str]
    duration_s: float
    audio_only: bool


@dataclass(frozen=True)
class StoredFile:
    """A file that was stored and verified; `duration_s` is how long it plays."""

    key: str
    content_type: str
    bytes: int
    sha256: str
    duration_s: float


def get(work: Work, recording_id: str) -> Recording:
    recording = work.get(Recording, recording_id)
    if recording is None:
        raise errors.NotFound()
    return recording


def hold(work: Work, recording_id: str) -> Recording | None:
    """A recording as it is now, its meeting held (see `meetings.service.hold`); None: it was deleted."""
    recording = work.get(Recording, recording_id)
    if recording is None:
        return None
    try:
        meetings.hold(work, recording.meeting_id)
    except errors.NotFound:
        return None
    return work.get(Recording, recording_id, populate_existing=True)


def held(work: Work, recording_id: str) -> Recording:
    """:raises NotFound: it was deleted."""
    recording = hold(work, recording_id)
    if recording is None:
        raise errors.NotFound()
    return recording


def start_as(
    work: Work, actor: Actor, meeting_id: str, *, mode: str, audio_only: bool, local_tracks: bool | None
) -> dict[str, Any]:
    """`start`, by somebody who may have to be permitted to.

    :raises NotPermitted:
    """
    require(work, actor, meeting_id, "record")
    recording = start(work, meeting_id, actor.user_id, mode=mode, audio_only=audio_only, by_clients=local_tracks)
    own = {"user_id": actor.user_id, "consent": True, "answered_at": work.now()}  # who asks for it consents
    work.add(Consent(recording_id=recording["id"], **own))
    return recording


def stop_as(work: Work, actor: Actor, recording_id: str) -> dict[str, Any]:
    """`stop`, by a host, or by who started it and still may.

    :raises NotPermitted:
    """
    recording = get(work, recording_id)
    if not standing_of(work, actor.user_id, recording.meeting_id).is_host:
        require(work, actor, recording.meeting_id, "record")
        if recording.started_by != actor.user_id:
            raise errors.NotPermitted("Only a host can stop somebody else's recording.", permission="record")
    return stop(work, recording_id)


def start(
    work: Work, meeting_id: str, by_user_id: str, *, mode: str, audio_only: bool, by_clients: bool | None = None
) -> dict[str, Any]:
    """Begin to record a live meeting, and tell everybody in it.

    :param by_clients: have participants record themselves; None: where there is no other way, or tracks are wanted.
    :raises MeetingStateConflict: it is not live. :raises EndToEndEncrypted: :raises RecordingNeedsSfu:
    :raises QuotaReached: of the meeting's owner. :raises AlreadyRecording: with the extra `recording_id`.
    :raises StorageFull: :raises TooManyRecordings: of that owner. :raises Overloaded:
    """
    meeting = meetings.hold(work, meeting_id)
    if meeting.state != "live":
        raise errors.MeetingStateConflict("Only a live meeting can be recorded.", state=meeting.state)
    if meeting.e2ee:
        raise errors.EndToEndEncrypted()
    mocked = meeting.effective_media_mode == "mock" or work.settings.mock_recorder
    alone = not mocked and meeting.effective_media_mode != "sfu"
    if alone and not work.settings.local_tracks:
        raise errors.RecordingNeedsSfu()
    quota.check(work, meeting.owner_id)
    asked = alone or (mode != "composite" if by_clients is None else by_clients)
    running = work.scalar(_running(meeting_id).with_only_columns(Recording.id))
    if running is not None:
        raise errors.AlreadyRecording(recording_id=running)
    limits.check(work, meeting.owner_id)
    recording = Recording(
        id=new_id(),
        meeting_id=meeting_id,
        started_by=by_user_id,
        mode=mode,
        audio_only=audio_only,
        title=meeting.title,
        title_folded=library.folded(meeting.title),
        local_tracks=asked and not mocked and work.settings.local_tracks,
        driver=work.driver(Recorder).name if mocked else "clients" if alone else "worker",
        state="recording" if mocked or alone else "requested",
        participants=_people_there(work, meeting_id),
        started_at=work.now() if mocked or alone else None,
        created_at=work.now(),
    )
    work.add(recording)
    if mocked or alone:
        work.emit(RecordingStarted(meeting_id, recording.id, by_user_id))
    else:
        worker.order(work, recording)
    tell(work, recording)
    return view(work, recording)


def was_stopped(work: Work, meeting_id: str) -> bool:
    """Whether somebody has stopped the last recording since the meeting was started."""
    meeting = meetings.hold(work, meeting_id)
    since_then = select(Recording.end_reason).where(
        Recording.meeting_id == meeting_id, Recording.created_at >= meeting.started_at
    )
    return work.scalar(since_then.order_by(Recording.id.desc()).limit(1)) == "stopped"


def note_first_people(work: Work, meeting_id: str) -> None:
    """Somebody joined: a recording that began in an empty room now has people."""
    for recording in work.scalars(_running(meeting_id)).all():
        if not recording.participants:
            recording.participants = _people_there(work, meeting_id)
            tell(work, recording)


def tell_newcomer(work: Work, participant: Participant) -> None:
    """Whoever comes hears of the recording that runs: they are asked whether they consent to it."""
    for recording in work.scalars(_running(participant.meeting_id)).all():
        inbox.deliver(work, news(work, recording), [participant.inbox_id])


def stop(work: Work, recording_id: str) -> dict[str, Any]:
    """End it and have its file made. Repeating that changes nothing, whatever became of it."""
    recording = held(work, recording_id)
    if recording.state in states.RUNNING:
        _stop(work, recording)
    return view(work, recording)


def stop_running(work: Work, meeting_id: str) -> None:
    """The meeting has ended."""
    for recording in work.scalars(_running(meeting_id)).all():
        _stop(work, recording, "meeting_ended")


def _stop(work: Work, recording: Recording, reason: str = "stopped") -> None:
    if recording.driver == "worker":
        worker.end(work, recording, reason)
        return
    become(recording, "stopping")
    recording.ended_at, recording.end_reason = work.now(), reason
    tell(work, recording)
    work.emit(RecordingStopped(recording.meeting_id, recording.id))
    if recording.driver == "clients":
        local_tracks.advance(work, recording)
    else:
        order_file(work, recording)


def order_file(work: Work, recording: Recording) -> None:
    """Have the mock's file made in the background, once: a repeat is no second job."""
    payload = {"recording_id": recording.id, "meeting_id": recording.meeting_id}
    work.enqueue(PRODUCE, payload, key=f"{PRODUCE}:{recording.id}")


def forget_name(work: Work, user_id: str) -> None:
    """An account was erased: snapshots of who was there keep that somebody was, not who."""
    theirs = select(Participant.meeting_id).where(Participant.user_id == user_id)
    for recording in work.scalars(select(Recording).where(Recording.meeting_id.in_(theirs))).all():
        recording.participants = [
            {**person, "display_name": NAME_OF_ERASED} if person["user_id"] == user_id else person
            for person in recording.participants
        ]


def erase(work: Work, recording_id: str) -> None:
    """Delete it and its file, for everybody.

    :raises RecordingStateConflict: it is running; stop it first.
    """
    recording = held(work, recording_id)
    if recording.state in states.RUNNING:
        raise errors.RecordingStateConflict("Stop the recording first.", state=recording.state)
    delete_objects_of(work, recording.meeting_id, recording.id)
    release_uploads(work, RecordingTrack.recording_id == recording.id)
    work.delete(recording)
    work.flush()
    work.emit(RecordingDeleted(recording.meeting_id, recording.id))


def release_uploads(work: Work, which: ColumnElement[bool]) -> None:
    """Files of tracks that lie where they were uploaded still."""
    for upload_id in work.scalars(select(RecordingTrack.upload_id).where(which, _IS_UPLOADED)).all():
        uploads.release(work, upload_id or "")


def delete_objects_of(work: Work, meeting_id: str, recording_id: str | None = None) -> None:
    """Have the files of a recording, or of all of a meeting, deleted once that is committed."""
    work.enqueue(DELETE_OBJECTS, {"prefix": folder_of(meeting_id, recording_id)})


def folder_of(meeting_id: str, recording_id: str | None = None) -> str:
    """The object store's prefix of everything that belongs to a recording, or to all of a meeting."""
    return f"recordings/{meeting_id}/" + (f"{recording_id}/" if recording_id else "")


# What becomes of the file


def begin_processing(work: Work, recording: Recording) -> Order | None:
    """The file is about to be made, again if need be; None: there is nothing to make (any more)."""
    if recording.state == "stopping":
        become(recording, "processing")
        recording.processing_at = work.now()
        tell(work, recording)
    if recording.state != "processing" or recording.started_at is None or recording.ended_at is None:
        return None
    names = [person["display_name"] for person in recording.participants]
    ran_s = (recording.ended_at - recording.started_at).total_seconds()
    return Order(recording.id, names, ran_s, recording.audio_only)


def complete(work: Work, recording_id: str, file: StoredFile) -> bool:
    """Its file is there. False: nobody wants it any more, so that whoever stored it takes it away."""
    recording = hold(work, recording_id)
    if recording is None or recording.state == "failed":
        return False
    if recording.state == "processing":
        become(recording, "ready")
        recording.outcome = "complete"
        recording.error = None
        recording.file_path, recording.content_type = file.key, file.content_type
        recording.bytes, recording.sha256, recording.duration_s = file.bytes, file.sha256, file.duration_s
        tell(work, recording)
        work.emit(RecordingCompleted(recording.meeting_id, recording.id))
    return True


def note_trouble(work: Work, recording_id: str, error: str, *, final: bool) -> None:
    """The file could not be made. Not `final`: it is tried again, and clients see why it takes so long."""
    recording = hold(work, recording_id)
    if recording is None or recording.state not in ("stopping", "processing"):
        return
    if not final and recording.error == error:
        return
    recording.error = error
    if final:
        become(recording, "failed")
        recording.outcome = "failed"
        work.emit(RecordingGivenUp(recording.meeting_id, recording.id))
    tell(work, recording)


# Reading


def download_of(work: Work, recording: Recording, rendition_id: str | None = None) -> Download:
    """:raises RecordingStateConflict: it has no file, or not yet. :raises NotFound: it has no such composition."""
    file: Recording | Rendition = recording
    if rendition_id is not None:
        file = _rendition(work, recording, rendition_id)
    if file.state != "ready" or not (file.file_path and file.content_type and file.bytes and file.sha256):
        raise errors.RecordingStateConflict(
            f"The recording is {recording.state}; only a ready one that was composed has a file.", state=recording.state
        )
    return Download(
        file.file_path, file.content_type, file.bytes, file.sha256, name_of(work, recording, file.file_path)
    )


def download_of_track(work: Work, recording: Recording, track_id: str) -> Download:
    """:raises NotFound: it has no such track. :raises RecordingStateConflict: its file has not arrived."""
    track = work.get(RecordingTrack, track_id)
    if track is None or track.recording_id != recording.id:
        raise errors.NotFound()
    if track.state != "uploaded" or not (track.file_path and track.bytes and track.sha256):
        raise errors.RecordingStateConflict(f"The track is {track.state}; its file is not there.", state=track.state)
    person = shapes.people_of_tracks(work, [track]).get(track.participant_id)
    suffix = shapes.suffix_of(track)
    name = name_of(work, recording, suffix, f" – {person.display_name if person else track.id} ({track.source})")
    return Download(track.file_path, track.content_type, track.bytes, track.sha256, name)


def beside(work: Work, recording: Recording, what: str) -> tuple[str, str]:
    """Key and name of the `poster` or the `waveform` of its newest composition.

    :raises NotFound: there is none.
    """
    main = work.get(Rendition, recording.rendition_id) if recording.rendition_id else None
    path: str | None = getattr(main, f"{what}_path") if main else None
    if path is None:
        raise errors.NotFound(f"The recording has no {what}.")
    return path, PurePosixPath(path).name


def _rendition(work: Work, recording: Recording, rendition_id: str) -> Rendition:
    rendition = work.get(Rendition, rendition_id)
    if rendition is None or rendition.recording_id != recording.id:
        raise errors.NotFound()
    return rendition


def name_of(work: Work, recording: Recording, path: str, more: str = "") -> str:
    """What a file of it is saved as; `path` for its ending."""
    meeting = meetings.get(work, recording.meeting_id)
    held_at = (recording.started_at or recording.created_at).astimezone(ZoneInfo(meeting.time_zone))
    return file_name(recording.title + more, held_at, PurePosixPath(f"x{path}").suffix)


def compose_again(work: Work, recording_id: str, *, layout: str, audio_only: bool, clean: str) -> dict[str, Any]:
    """:raises RecordingStateConflict: it can't be (yet). :raises TooManyRenditions:"""
    recording = held(work, recording_id)
    renditions.compose_again(work, recording, layout=layout, audio_only=audio_only, clean=clean)
    return view(work, recording)


_IS_UPLOADED = RecordingTrack.upload_id.is_not(None)


def _running(meeting_id: str) -> Select[Recording]:
    return select(Recording).where(Recording.meeting_id == meeting_id, Recording.state.in_(states.RUNNING))


def _people_there(work: Work, meeting_id: str) -> list[dict[str, Any]]:
    return [
        {
            "participant_id": participant.id,
            "user_id": participant.user_id,
            "display_name": participant.display_name,
            "kind": participant.kind,
        }
        for participant in participants.in_the_room(work, meeting_id)
        if participant.kind != "sfu"
    ]
