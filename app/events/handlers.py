"""Domain events become events of the log, in the transaction that they belong to; `catalogue.py` says what they tell.

They run last of all who hear: from then on the meeting's other writers wait.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from app.accounts.events import UserErased, UserRegistered
from app.calls.events import CallDeleted, CallReceived
from app.calls.models import Call
from app.core.runtime import Work
from app.events.service import record
from app.invitations.events import InvitationChanged
from app.invitations.models import Invitation
from app.meetings import events as meetings
from app.meetings.models import Meeting, MeetingSeries
from app.notes.events import NotesFailed, NotesReady, TranscriptCorrected
from app.notes.models import Notes
from app.participants.events import ParticipantJoined, ParticipantLeft
from app.participants.models import Participant
from app.recordings import events as recordings
from app.recordings.models import Recording, RecordingTrack
from app.uploads.events import UploadChanged
from app.uploads.models import Upload


def user_registered(work: Work, event: UserRegistered) -> None:
    record(work, "user.registered", {"user_id": event.user_id}, user_id=event.user_id)


def user_erased(work: Work, event: UserErased) -> None:
    record(work, "user.erased", {"user_id": event.user_id}, user_id=event.user_id)


# Meetings


def meeting_created(work: Work, event: meetings.MeetingCreated) -> None:
    record(work, "meeting.created", _meeting(work, event.meeting_id), meeting_id=event.meeting_id)


def meeting_updated(work: Work, event: meetings.MeetingUpdated) -> None:
    payload = {**_meeting(work, event.meeting_id), "moved": event.moved}
    record(work, "meeting.updated", payload, meeting_id=event.meeting_id)


def meeting_started(work: Work, event: meetings.MeetingStarted) -> None:
    record(work, "meeting.started", {"by_user_id": event.by_user_id}, meeting_id=event.meeting_id)


def meeting_ended(work: Work, event: meetings.MeetingEnded) -> None:
    record(work, "meeting.ended", {"reason": event.reason}, meeting_id=event.meeting_id)


def meeting_cancelled(work: Work, event: meetings.MeetingCancelled) -> None:
    record(work, "meeting.cancelled", {"with_series": event.with_series}, meeting_id=event.meeting_id)


def meeting_deleted(work: Work, event: meetings.MeetingErased) -> None:
    """Nobody is anything to it any more; its owner may see that it is gone."""
    owner_id = work.get_one(Meeting, event.meeting_id).owner_id
    record(work, "meeting.deleted", {}, meeting_id=event.meeting_id, user_id=owner_id)


def _meeting(work: Work, meeting_id: str) -> dict[str, Any]:
    meeting = work.get_one(Meeting, meeting_id)
    return {
        "owner_id": meeting.owner_id,
        "series_id": meeting.series_id,
        "starts_at": _on_the_wire(meeting.starts_at) if meeting.starts_at else None,
        "duration_min": meeting.duration_min,
    }


def _on_the_wire(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def series_begun(work: Work, event: meetings.SeriesBegun) -> None:
    record(work, "series.begun", {"series_id": event.series_id}, meeting_id=event.meeting_id)


def series_extended(work: Work, event: meetings.OccurrencesMade) -> None:
    payload = {"series_id": event.series_id, "meeting_ids": event.meeting_ids}
    record(work, "series.extended", payload, user_id=_owner_of_series(work, event.series_id))


def series_updated(work: Work, event: meetings.SeriesChanged) -> None:
    payload = {"series_id": event.series_id, "moved": event.moved}
    record(work, "series.updated", payload, meeting_id=event.meeting_id)


def series_split(work: Work, event: meetings.SeriesSplit) -> None:
    payload = {"series_id": event.series_id, "new_series_id": event.new_series_id}
    record(work, "series.split", payload, user_id=_owner_of_series(work, event.series_id))


def series_cancelled(work: Work, event: meetings.SeriesCancelled) -> None:
    record(work, "series.cancelled", {"series_id": event.series_id}, meeting_id=event.meeting_id)


def _owner_of_series(work: Work, series_id: str) -> str:
    return work.get_one(MeetingSeries, series_id).owner_id


def invitation_changed(work: Work, event: InvitationChanged) -> None:
    invitee_id = work.get_one(Invitation, event.invitation_id).invitee_id
    payload = {
        "invitation_id": event.invitation_id,
        "invitee_id": invitee_id,
        "status": event.status,
        "why": event.why,
    }
    record(work, "invitation.changed", payload, meeting_id=event.meeting_id, user_id=invitee_id)


# In the room


def participant_joined(work: Work, event: ParticipantJoined) -> None:
    participant = work.get_one(Participant, event.participant_id)
    if participant.kind == "user":
        payload = {**_stay(participant), "role": participant.role}
        record(work, "participant.joined", payload, meeting_id=event.meeting_id, user_id=participant.user_id)


def participant_left(work: Work, event: ParticipantLeft) -> None:
    """Who gave up waiting has not joined either."""
    participant = work.get_one(Participant, event.participant_id)
    if participant.kind == "user" and event.was_in_the_room and participant.admitted_at is not None:
        payload = {**_stay(participant), "reason": event.reason}
        record(work, "participant.left", payload, meeting_id=event.meeting_id, user_id=participant.user_id)


def _stay(participant: Participant) -> dict[str, Any]:
    return {
        "participant_id": participant.id,
        "user_id": participant.user_id,
        "is_guest": participant.is_guest,
    }


# Recordings and notes


def recording_started(work: Work, event: recordings.RecordingStarted) -> None:
    payload = {"recording_id": event.recording_id, "by_user_id": event.by_user_id}
    record(work, "recording.started", payload, meeting_id=event.meeting_id)


def recording_stopped(work: Work, event: recordings.RecordingStopped) -> None:
    reason = work.get_one(Recording, event.recording_id).end_reason
    payload = {"recording_id": event.recording_id, "reason": reason}
    record(work, "recording.stopped", payload, meeting_id=event.meeting_id)


def recording_completed(work: Work, event: recordings.RecordingCompleted) -> None:
    recording = work.get_one(Recording, event.recording_id)
    files = select(RecordingTrack).where(
        RecordingTrack.recording_id == recording.id, RecordingTrack.file_path.is_not(None)
    )
    payload = {
        "recording_id": recording.id,
        "outcome": recording.outcome,
        "object": None if recording.file_path is None else _object(work, recording),
        "tracks": [
            {
                "track_file_id": track.id,
                "participant_id": track.participant_id,
                "kind": track.kind,
                "source": track.source,
                "object": _object(work, track),
            }
            for track in work.scalars(files.order_by(RecordingTrack.id))
        ],
    }
    record(work, "recording.completed", payload, meeting_id=event.meeting_id)


def recording_failed(work: Work, event: recordings.RecordingGivenUp) -> None:
    reason = work.get_one(Recording, event.recording_id).end_reason
    payload = {"recording_id": event.recording_id, "reason": reason}
    record(work, "recording.failed", payload, meeting_id=event.meeting_id)


def recording_deleted(work: Work, event: recordings.RecordingDeleted) -> None:
    record(work, "recording.deleted", {"recording_id": event.recording_id}, meeting_id=event.meeting_id)


def _object(work: Work, file: Recording | RecordingTrack) -> dict[str, Any]:
    return {
        "bucket": work.settings.bucket_of(str(file.file_path)),
        "key": file.file_path,
        "content_type": file.content_type,
        "bytes": file.bytes,
        "sha256": file.sha256,
        "duration_s": file.duration_s,
    }


def notes_ready(work: Work, event: NotesReady) -> None:
    payload = {"notes_id": event.notes_id, "call_id": event.call_id, "version": event.version}
    _record_of_notes(work, "notes.ready", payload, event.meeting_id)


def notes_failed(work: Work, event: NotesFailed) -> None:
    payload = {"notes_id": event.notes_id, "call_id": event.call_id, "version": event.version, "code": event.code}
    _record_of_notes(work, "notes.failed", payload, event.meeting_id)


def transcript_corrected(work: Work, event: TranscriptCorrected) -> None:
    notes = work.get_one(Notes, event.notes_id)
    payload = {"notes_id": notes.id, "call_id": notes.call_id, "version": notes.version}
    _record_of_notes(work, "transcript.corrected", payload, notes.meeting_id)


def _record_of_notes(work: Work, name: str, payload: dict[str, Any], meeting_id: str | None) -> None:
    call = work.get(Call, payload["call_id"]) if payload["call_id"] else None
    record(work, name, payload, meeting_id=meeting_id, user_id=call.user_id if call else None)


# Files


def upload_changed(work: Work, event: UploadChanged) -> None:
    """Not of one that lacks parts after all: it goes on."""
    upload = work.get_one(Upload, event.upload_id)
    payload: dict[str, Any] = {"upload_id": upload.id, "purpose": upload.purpose}
    if upload.state == "complete":
        payload |= {"media_type": upload.media_type, "bytes": upload.size}
        record(work, "upload.completed", payload, user_id=event.user_id)
    elif upload.state == "failed":
        record(work, "upload.failed", {**payload, "code": upload.error_code}, user_id=event.user_id)


def call_received(work: Work, event: CallReceived) -> None:
    record(work, "call.received", {"call_id": event.call_id}, user_id=event.user_id)


def call_deleted(work: Work, event: CallDeleted) -> None:
    record(work, "call.deleted", {"call_id": event.call_id}, user_id=event.user_id)
