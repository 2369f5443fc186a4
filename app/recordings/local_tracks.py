"""Tracks that participants record themselves, in place of what the network leaves over, or where no server is.

How it works. `recording.state` tells clients that `local_tracks` are wanted. Each begins a track for whatever it sends,
sends it in parts while it still grows (`uploads/growing.py`), and finishes it when the device or the recording stops. A
task takes the file once its upload is verified. Where a track lies in the recording's time follows from when its client
began, by its own clock, and from how far the server's is ahead of that, as the client measured it.

A recording that was stopped waits for the tracks that were begun, LOCAL_TRACKS_WAIT_MIN at most; what comes later,
until LOCAL_TRACKS_ACCEPT_H, makes it anew. In a meeting that is peer to peer (`driver` is `clients`) there is no more.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.runtime import Work
from app.participants import service as participants
from app.participants.models import Participant
from app.recordings import guests_sending, renditions, states
from app.recordings.models import Consent, Recording, RecordingTrack
from app.uploads import growing
from app.uploads import service as uploads
from app.uploads.models import Upload

TAKE = "recordings.take_local_track"
PURPOSE = "local_track"
# A clock that was measured badly may be wrong by so much; more is none that was measured.
ELSEWHEN = timedelta(seconds=10)
# After the stop, for those who were about to begin one.
BEGINNING = timedelta(seconds=20)


def begin(
    work: Work,
    actor: Actor,
    recording: Recording,
    *,
    participant_id: str,
    kind: str,
    source: str,
    mime: str,
    started_at: datetime,
    clock_offset_ms: float,
    clock_uncertainty_ms: float,
) -> dict[str, Any]:
    """A participant records themselves: `{track, upload}`, to which its parts are sent.

    :raises NotYourParticipant: :raises RecordingStateConflict: they were not there while it ran, or it takes no such.
    :raises TrackTooLate: :raises TooManyTracks: :raises MediaTypeRefused: :raises ValidationFailed: the time.
    """
    _check_open(work, recording)
    person = work.get(Participant, participant_id)
    if person is None or person.meeting_id != recording.meeting_id or person.user_id != actor.user_id:
        raise errors.NotYourParticipant()
    _check_was_there(recording, person)
    theirs = select(func.count()).where(
        RecordingTrack.recording_id == recording.id,
        RecordingTrack.participant_id == participant_id,
        RecordingTrack.origin == "client",
    )
    if (work.scalar(theirs) or 0) >= work.settings.local_tracks_max:
        raise errors.TooManyTracks(f"At most {work.settings.local_tracks_max} of one participant.")
    began = started_at + timedelta(milliseconds=clock_offset_ms)
    _check_time(work, recording, began)
    content_type, codec = mime.split(";")[0].strip(), _codec_of(mime)
    if content_type.partition("/")[0] != kind:
        raise errors.MediaTypeRefused(f"A track of {kind} is no {content_type}.")
    upload = growing.begin(work, actor, purpose=PURPOSE, name=f"{source}.{kind}", media_type=content_type)
    track_id = new_id()
    track = RecordingTrack(
        id=track_id,
        recording_id=recording.id,
        participant_id=participant_id,
        origin="client",
        track_id=track_id,
        epoch=0,
        kind=kind,
        source=source,
        codec=codec,
        content_type=content_type,
        state="recording",
        started_at=began,
        clock_offset_ms=clock_offset_ms,
        clock_uncertainty_ms=clock_uncertainty_ms,
        recovered=False,
        stats={},
        gaps=[],
        mutes=[],
        upload_id=upload.id,
        created_at=work.now(),
    )
    work.add(track)
    work.flush()
    return {"track": view(recording, track), "upload": uploads.view(upload)}


def finish(
    work: Work,
    actor: Actor,
    recording_id: str,
    track_id: str,
    *,
    size: int,
    sha256: str,
    duration_s: float,
    mutes: list[list[float]] | None,
) -> dict[str, Any]:
    """All of it has been sent. Verified in the background; repeating it changes nothing.

    :raises NotFound: :raises NotYourParticipant: :raises RecordingStateConflict: it was given up or lost.
    :raises TrackTooLate: :raises PayloadTooLarge: :raises PartsMissing: or what else `growing.finish` raises.
    """
    track = own(work, actor, recording_id, track_id)
    if track.state == "lost":
        raise errors.RecordingStateConflict(f"The track is lost: {track.reason}.", state="lost")
    if track.state != "uploaded":
        _check_open(work, work.get_one(Recording, recording_id))
        _check_room(work, track, size)
        growing.finish(work, track.upload_id or "", size=size, sha256=sha256)  # pauses: the track is read again
        track = own(work, actor, recording_id, track_id)
        if track.state == "recording":
            track.state, track.bytes, track.sha256 = "spooled", size, sha256
            track.duration_s, track.mutes = duration_s, mutes or []
    return view(work.get_one(Recording, recording_id), track)


def give_up(work: Work, actor: Actor, recording: Recording, track_id: str) -> None:
    """Its participant sends no more of it, and nothing that was sent is kept. Repeating that changes nothing.

    :raises NotFound: :raises NotYourParticipant: :raises RecordingStateConflict: it is the recording's already.
    """
    track = own(work, actor, recording.id, track_id)
    if track.state == "uploaded":
        raise errors.RecordingStateConflict("The track is part of the recording.", state=track.state)
    _lose(work, recording, track, "given up by its participant")


def own(work: Work, actor: Actor, recording_id: str, track_id: str) -> RecordingTrack:
    """:raises NotFound: there is no such track of a participant. :raises NotYourParticipant:"""
    track = work.get(RecordingTrack, track_id)
    if track is None or track.recording_id != recording_id:
        raise errors.NotFound()
    if track.origin != "client" or participants.get(work, track.participant_id).user_id != actor.user_id:
        raise errors.NotYourParticipant()
    return track


def view(recording: Recording, track: RecordingTrack) -> dict[str, Any]:
    began = recording.started_at or recording.created_at
    shown = {column.key: getattr(track, column.key) for column in RecordingTrack.__table__.columns}
    return shown | {"offset_s": round((track.started_at - began).total_seconds(), 6)}


# What becomes of it


def take(work: Work, recording: Recording, track_id: str, place: str) -> None:
    """Its upload is verified, or has failed.

    :param place: the task that brings the file to the recording's others.
    """
    track = work.get(RecordingTrack, track_id, populate_existing=True)
    upload = work.get(Upload, track.upload_id) if track and track.upload_id else None
    if track is None or track.state != "spooled" or upload is None:
        return
    if upload.state == "failed":
        _lose(work, recording, track, upload.error_code or "upload failed")
        return
    if upload.state != "complete":
        return
    sender = Actor(upload.user_id, "", "", "user")
    taken = uploads.take(work, sender, upload.id, PURPOSE)
    track.state, track.bytes, track.sha256 = "uploaded", taken.size, taken.sha256
    track.content_type, track.file_path, track.uploaded_at = taken.media_type, taken.key, work.now()
    payload = {"track_id": track.id, "recording_id": recording.id, "meeting_id": recording.meeting_id}
    work.enqueue(place, payload)
    guests_sending.end_if_done(work, recording, track)
    if recording.state in ("processing", "ready", "failed"):
        renditions.order_late(work, recording)
    else:
        advance(work, recording)


def _lose(work: Work, recording: Recording, track: RecordingTrack, reason: str) -> None:
    track.state, track.reason = "lost", reason[:100]
    guests_sending.end_if_done(work, recording, track)
    if track.upload_id is not None:
        uploads.release(work, track.upload_id)
        track.upload_id = None
    advance(work, recording)


def advance(work: Work, recording: Recording) -> None:
    """Go on to the composition, if clients alone record and all that there is to come has come."""
    work.flush()
    if recording.driver == "clients" and recording.state == "stopping" and not _may_begin(work, recording):
        settle(work, recording)


def settle(work: Work, recording: Recording) -> None:
    """As `renditions.settle`, unless participants still send."""
    if not _awaits(work, recording):
        renditions.settle(work, recording)


def to_look_at(work: Work) -> Sequence[str]:
    """Ids of the recordings that wait for what participants send."""
    return work.scalars(
        select(Recording.id).where(Recording.driver == "clients", Recording.state == "stopping").order_by(Recording.id)
    ).all()


def expired(work: Work, at_once: int) -> Sequence[RecordingTrack]:
    """Tracks that were begun and are not taken any more."""
    over = work.now() - timedelta(hours=work.settings.local_tracks_accept_h)
    query = (
        select(RecordingTrack)
        .join(Recording, Recording.id == RecordingTrack.recording_id)
        .where(RecordingTrack.origin == "client", RecordingTrack.state == "recording", Recording.ended_at <= over)
    )
    return work.scalars(query.limit(at_once)).all()


def expire(work: Work, recording: Recording, track_id: str) -> None:
    track = work.get(RecordingTrack, track_id, populate_existing=True)
    if track is not None and track.state == "recording":
        _lose(work, recording, track, "never sent")


def _awaits(work: Work, recording: Recording) -> bool:
    if recording.ended_at is None:
        return False
    if recording.ended_at <= work.now() - timedelta(minutes=work.settings.local_tracks_wait_min):
        return False
    begun = select(RecordingTrack.id).where(
        RecordingTrack.recording_id == recording.id,
        RecordingTrack.origin == "client",
        RecordingTrack.state.not_in(states.TRACKS_SETTLED),
    )
    return work.scalar(begun.limit(1)) is not None


def _may_begin(work: Work, recording: Recording) -> bool:
    """Whether somebody who was there at the end has begun no track, does not decline to, and has had no time to."""
    if recording.ended_at is None or recording.ended_at <= work.now() - BEGINNING:
        return False
    has_begun = select(RecordingTrack.participant_id).where(RecordingTrack.recording_id == recording.id)
    declines = select(Consent.user_id).where(Consent.recording_id == recording.id, Consent.consent.is_(False))
    others = select(Participant.id).where(
        Participant.meeting_id == recording.meeting_id,
        Participant.kind == "user",
        Participant.admitted_at.is_not(None),
        Participant.left_at.is_(None) | (Participant.left_at >= recording.ended_at),
        Participant.id.not_in(has_begun),
        Participant.user_id.not_in(declines),
    )
    return work.scalar(others.limit(1)) is not None


# What may be


def _check_open(work: Work, recording: Recording) -> None:
    if recording.driver == "mock" or not work.settings.local_tracks:
        raise errors.RecordingStateConflict("The recording takes no tracks of participants.", state=recording.state)
    hours = work.settings.local_tracks_accept_h
    if recording.ended_at is not None and recording.ended_at <= work.now() - timedelta(hours=hours):
        raise errors.TrackTooLate(
            f"It ended at {recording.ended_at:%Y-%m-%d %H:%M} UTC; tracks are taken for {hours:g} h."
        )


def _check_room(work: Work, track: RecordingTrack, size: int) -> None:
    others = select(func.coalesce(func.sum(RecordingTrack.bytes), 0)).where(
        RecordingTrack.recording_id == track.recording_id,
        RecordingTrack.participant_id == track.participant_id,
        RecordingTrack.origin == "client",
        RecordingTrack.id != track.id,
    )
    most = work.settings.local_tracks_max_bytes
    if int(work.scalar(others) or 0) + size > most:
        raise errors.PayloadTooLarge(f"All that one participant recorded has at most {most} bytes.", max_bytes=most)


def _check_was_there(recording: Recording, person: Participant) -> None:
    ended, began = recording.ended_at, recording.created_at
    came_late = ended is not None and person.joined_at > ended
    left_early = person.left_at is not None and person.left_at < began
    if person.admitted_at is None or came_late or left_early:
        raise errors.RecordingStateConflict("You were not in the meeting while it ran.", state=recording.state)


def _check_time(work: Work, recording: Recording, began: datetime) -> None:
    latest = min(work.now(), recording.ended_at or work.now()) + ELSEWHEN
    if not recording.created_at - ELSEWHEN <= began <= latest:
        message = "With `clock_offset_ms` it is no time at which the recording ran: measure the offset."
        raise errors.ValidationFailed(errors=[{"location": "body", "field": "started_at", "message": message}])


def _codec_of(mime: str) -> str:
    """As its client says it: `video/webm;codecs=vp9` is vp9."""
    named = mime.partition("codecs=")[2].strip(' "').split(",")[0].split(".")[0].lower()
    return {"avc1": "h264", "avc3": "h264", "mp4a": "aac", "av01": "av1", "vp09": "vp9", "vp08": "vp8"}.get(
        named, named[:16]
    ) or "unknown"
