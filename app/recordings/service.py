"""A recording from its start to its file. `tasks.py` makes the file; what is decided about it stands here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select

from app.accounts.service import NAME_OF_ERASED, names_of
from app.core import errors
from app.core.actor import Actor
from app.core.downloads import Download
from app.core.file_names import file_name
from app.core.ids import new_id
from app.core.pagination import paginate
from app.core.runtime import Work
from app.inbox import service as inbox
from app.inbox.service import Message
from app.meetings import service as meetings
from app.meetings.service import standing_of
from app.participants import service as participants
from app.participants.models import Participant
from app.participants.permissions import require
from app.recordings import states
from app.recordings.events import RecordingCompleted, RecordingStarted, RecordingStopped
from app.recordings.models import Recording
from app.recordings.recorders.base import Recorder
from app.recordings.schemas import RecordingOut

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


def start_as(work: Work, actor: Actor, meeting_id: str, *, mode: str, audio_only: bool) -> dict[str, Any]:
    """`start`, by somebody who may have to be permitted to.

    :raises NotPermitted:
    """
    require(work, actor, meeting_id, "record")
    return start(work, meeting_id, actor.user_id, mode=mode, audio_only=audio_only)


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


def start(work: Work, meeting_id: str, by_user_id: str, *, mode: str, audio_only: bool) -> dict[str, Any]:
    """Begin to record a live meeting, and tell everybody in it.

    :raises MeetingStateConflict: it is not live. :raises EndToEndEncrypted: :raises RecordingNeedsSfu:
    :raises AlreadyRecording: with the extra `recording_id`.
    """
    meeting = meetings.hold(work, meeting_id)
    if meeting.state != "live":
        raise errors.MeetingStateConflict("Only a live meeting can be recorded.", state=meeting.state)
    if meeting.e2ee:
        raise errors.EndToEndEncrypted()
    if meeting.effective_media_mode != "mock" and not work.settings.mock_recorder:
        on_worker = meeting.effective_media_mode == "sfu"
        raise errors.RecordingNeedsSfu("Media workers do not record yet." if on_worker else None)
    running = work.scalar(_running(meeting_id).with_only_columns(Recording.id))
    if running is not None:
        raise errors.AlreadyRecording(recording_id=running)
    recording = Recording(
        id=new_id(),
        meeting_id=meeting_id,
        started_by=by_user_id,
        mode=mode,
        audio_only=audio_only,
        driver=work.driver(Recorder).name,
        state="recording",
        participants=_people_there(work, meeting_id),
        started_at=work.now(),
        created_at=work.now(),
    )
    work.add(recording)
    _tell(work, recording)
    work.emit(RecordingStarted(meeting_id, recording.id, by_user_id))
    return view(work, recording)


def note_first_people(work: Work, meeting_id: str) -> None:
    """Somebody joined: a recording that began in an empty room now has people."""
    for recording in work.scalars(_running(meeting_id)).all():
        if not recording.participants:
            recording.participants = _people_there(work, meeting_id)
            _tell(work, recording)


def tell_newcomer(work: Work, participant: Participant) -> None:
    """Whoever may not list recordings hears of the one that runs when they come."""
    for recording in work.scalars(_running(participant.meeting_id)).all():
        inbox.deliver(work, _news(work, recording), [participant.inbox_id])


def stop(work: Work, recording_id: str) -> dict[str, Any]:
    """End it and have its file made. Repeating that changes nothing, whatever became of it."""
    recording = hold(work, recording_id)
    if recording is None:
        raise errors.NotFound()
    if recording.state in states.RUNNING:
        _stop(work, recording)
    return view(work, recording)


def stop_running(work: Work, meeting_id: str) -> None:
    for recording in work.scalars(_running(meeting_id)).all():
        _stop(work, recording)


def _stop(work: Work, recording: Recording) -> None:
    _become(recording, "stopping")
    recording.ended_at = work.now()
    _tell(work, recording)
    work.emit(RecordingStopped(recording.meeting_id, recording.id))
    order_file(work, recording)


def order_file(work: Work, recording: Recording) -> None:
    """Have the file made in the background, once: a repeat is no second job."""
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
    recording = hold(work, recording_id)
    if recording is None:
        raise errors.NotFound()
    if recording.state in states.RUNNING:
        raise errors.RecordingStateConflict("Stop the recording first.", state=recording.state)
    delete_objects_of(work, recording.meeting_id, recording.id)
    work.delete(recording)
    work.flush()


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
        _become(recording, "processing")
        recording.processing_at = work.now()
        _tell(work, recording)
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
        _become(recording, "ready")
        recording.outcome = "complete"
        recording.error = None
        recording.file_path, recording.content_type = file.key, file.content_type
        recording.bytes, recording.sha256, recording.duration_s = file.bytes, file.sha256, file.duration_s
        _tell(work, recording)
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
        _become(recording, "failed")
        recording.outcome = "failed"
    _tell(work, recording)


# Reading


def download_of(work: Work, recording: Recording) -> Download:
    """:raises RecordingStateConflict: it has no file, or not yet."""
    if recording.state != "ready" or not (
        recording.started_at and recording.file_path and recording.content_type and recording.bytes and recording.sha256
    ):
        raise errors.RecordingStateConflict(
            f"The recording is {recording.state}; only a ready one has a file.", state=recording.state
        )
    meeting = meetings.get(work, recording.meeting_id)
    held_at = recording.started_at.astimezone(ZoneInfo(meeting.time_zone))
    name = file_name(meeting.title, held_at, PurePosixPath(recording.file_path).suffix)
    return Download(recording.file_path, recording.content_type, recording.bytes, recording.sha256, name)


def list_of_meeting(work: Work, meeting_id: str, *, limit: int, cursor: str | None) -> dict[str, Any]:
    return _page(work, select(Recording).where(Recording.meeting_id == meeting_id), limit, cursor)


def list_mine(work: Work, actor: Actor, *, limit: int, cursor: str | None) -> dict[str, Any]:
    """Of every meeting that the actor owns or was in, or said yes to."""
    visible = meetings.visible_to(actor.user_id, "owner", "accepted")
    return _page(work, select(Recording).where(Recording.meeting_id.in_(visible)), limit, cursor)


def _page(work: Work, query: Select[Recording], limit: int, cursor: str | None) -> dict[str, Any]:
    page = paginate(work, query, (Recording.id,), limit=limit, cursor=cursor, descending=True)
    page["items"] = views(work, page["items"])
    return page


def view(work: Work, recording: Recording) -> dict[str, Any]:
    return views(work, [recording])[0]


def views(work: Work, recordings: Sequence[Recording]) -> list[dict[str, Any]]:
    """Recordings as `RecordingOut` takes them."""
    names = names_of(work, {recording.started_by for recording in recordings})
    return [
        {column: getattr(recording, column) for column in _SHOWN}
        | {
            "started_by": {
                "user_id": recording.started_by,
                "display_name": names[recording.started_by],
            },
            "is_mock": recording.driver == "mock",
            "download_url": f"{work.settings.address}/api/v1/recordings/{recording.id}/download"
            if recording.state == "ready"
            else None,
        }
        for recording in recordings
    ]


_SHOWN = [name for name in RecordingOut().fields if name in Recording.__table__.columns]


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


def _become(recording: Recording, state: str) -> None:
    if not states.may_become(recording.state, state):
        raise errors.RecordingStateConflict(
            f"A recording that is {recording.state} can't become {state}.", state=recording.state
        )
    recording.state = state


def _tell(work: Work, recording: Recording) -> None:
    """Everybody in the room, and everybody who may see recordings of the meeting, wherever they are."""
    work.flush()
    there = [p.inbox_id for p in participants.in_the_room(work, recording.meeting_id) if p.kind != "sfu"]
    people = meetings.people_of(work, recording.meeting_id, "owner", "accepted")
    theirs = inbox.open_inboxes_of(work, people)
    inbox.deliver(work, _news(work, recording), {*there, *theirs})


def _news(work: Work, recording: Recording) -> Message:
    payload = {"recording": RecordingOut().dump(view(work, recording))}
    return Message("recording.state", payload, recording.meeting_id)
