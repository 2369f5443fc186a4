"""Recordings as they are shown."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from app.accounts.service import names_of
from app.core.actor import Actor
from app.core.file_urls import MAIN, FileUrls
from app.core.runtime import Work
from app.meetings.models import Meeting
from app.participants.models import Participant
from app.recordings.models import Consent, Recording, RecordingTrack, Rendition
from app.recordings.retention import kept_until
from app.recordings.schemas import RecordedTrack, RecordingOut, RenditionOut

_SHOWN = [name for name in RecordingOut().fields if name in Recording.__table__.columns]
_SHOWN_OF_TRACK = [name for name in RecordedTrack().fields if name in RecordingTrack.__table__.columns]
_SHOWN_OF_RENDITION = [name for name in RenditionOut().fields if name in Rendition.__table__.columns]


def view(work: Work, recording: Recording) -> dict[str, Any]:
    return views(work, [recording])[0]


def views(work: Work, recordings: Sequence[Recording]) -> list[dict[str, Any]]:
    """Recordings as `RecordingOut` takes them."""
    names = names_of(work, {recording.started_by for recording in recordings})
    of = {recording.meeting_id for recording in recordings}
    asked = select(Meeting.id, Meeting.owner_id, Meeting.recordings_keep_days).where(Meeting.id.in_(of))
    meetings = {row.id: row for row in work.execute(asked)} if of else {}
    progress = _progress_of(work, [recording.id for recording in recordings if recording.state == "processing"])
    return [
        {column: getattr(recording, column) for column in _SHOWN}
        | {
            "started_by": {
                "user_id": recording.started_by,
                "display_name": names[recording.started_by],
            },
            "is_mock": recording.driver == "mock",
            "progress": progress.get(recording.id),
            "owner_id": meetings[recording.meeting_id].owner_id,
            "kept_until": kept_until(work.settings, recording, meetings[recording.meeting_id].recordings_keep_days),
            "download_url": f"{work.settings.address}/api/v1/recordings/{recording.id}/download"
            if recording.state == "ready" and recording.file_path
            else None,
        }
        for recording in recordings
    ]


def details(work: Work, actor: Actor, recording: Recording) -> dict[str, Any]:
    """A recording as `RecordingDetails` takes it: with its tracks, its compositions and what is beside its file."""
    renditions = renditions_of(work, recording.id)
    main = next((one for one in renditions if one.id == recording.rendition_id), None)
    base = f"{work.settings.address}/api/v1/recordings/{recording.id}"
    own = work.get(Consent, (recording.id, actor.user_id))
    return view(work, recording) | {
        "tracks": tracks_view(work, recording),
        "renditions": [_rendition(work, one, base) for one in renditions],
        "signed_url": work.driver(FileUrls).sign(work, f"recordings/{recording.id}", MAIN)
        if recording.state == "ready" and recording.file_path
        else None,
        "chapters": main.chapters if main else [],
        "poster_url": f"{base}/poster" if main and main.poster_path else None,
        "waveform_url": f"{base}/waveform" if main and main.waveform_path else None,
        "my_consent": own.consent if own else None,
        "missing": missing(work, recording),
    }


def tracks_of(work: Work, recording_id: str) -> Sequence[RecordingTrack]:
    """In the order in which they began."""
    theirs = select(RecordingTrack).where(RecordingTrack.recording_id == recording_id)
    return work.scalars(theirs.order_by(RecordingTrack.started_at, RecordingTrack.id)).all()


def renditions_of(work: Work, recording_id: str) -> Sequence[Rendition]:
    """The newest first."""
    theirs = select(Rendition).where(Rendition.recording_id == recording_id)
    return work.scalars(theirs.order_by(Rendition.id.desc())).all()


def suffix_of(track: RecordingTrack) -> str:
    """Of its file's name."""
    return {"x-matroska": ".mkv", "mp4": ".mp4", "ogg": ".ogg"}.get(track.content_type.partition("/")[2], ".webm")


def people_of_tracks(work: Work, tracks: Sequence[RecordingTrack]) -> dict[str, Participant]:
    """By participant id."""
    ids = {track.participant_id for track in tracks}
    there = work.scalars(select(Participant).where(Participant.id.in_(ids))).all() if ids else []
    return {one.id: one for one in there}


def tracks_view(work: Work, recording: Recording) -> list[dict[str, Any]]:
    tracks = tracks_of(work, recording.id)
    people = people_of_tracks(work, tracks)
    base = f"{work.settings.address}/api/v1/recordings/{recording.id}/tracks"
    return [
        {column: getattr(track, column) for column in _SHOWN_OF_TRACK}
        | {
            "display_name": people[track.participant_id].display_name if track.participant_id in people else "",
            "user_id": people[track.participant_id].user_id if track.participant_id in people else None,
            "offset_s": _offset(recording, track),
            "download_url": f"{base}/{track.id}/download" if track.state == "uploaded" else None,
            "signed_url": work.driver(FileUrls).sign(work, f"recordings/{recording.id}", f"track:{track.id}")
            if track.state == "uploaded"
            else None,
        }
        for track in tracks
    ]


def missing(work: Work, recording: Recording) -> list[dict[str, Any]]:
    """Who was there and of whom nothing has come, once it was stopped; the mock recorder records nobody."""
    if recording.driver == "mock" or recording.ended_at is None:
        return []
    began, ended = recording.started_at or recording.created_at, recording.ended_at
    stays = work.scalars(
        select(Participant)
        .where(Participant.meeting_id == recording.meeting_id, Participant.kind == "user")
        .where(Participant.admitted_at.is_not(None), Participant.joined_at < ended)
        .where(Participant.left_at.is_(None) | (Participant.left_at > began))
        .order_by(Participant.id)
    )
    states: dict[str, set[str]] = {}
    for track in tracks_of(work, recording.id):
        states.setdefault(track.participant_id, set()).add(track.state)
    return [
        {
            "participant_id": one.id,
            "user_id": one.user_id,
            "display_name": one.display_name,
            "reason": "not_arrived" if states.get(one.id) else "none_begun",
        }
        for one in stays
        if "uploaded" not in states.get(one.id, set())
    ]


def _offset(recording: Recording, track: RecordingTrack) -> float | None:
    """Where its time 0 lies in the recording's, in seconds."""
    if recording.started_at is None:
        return None
    return round((track.started_at - recording.started_at).total_seconds(), 6)


def _rendition(work: Work, rendition: Rendition, base: str) -> dict[str, Any]:
    shown = {column: getattr(rendition, column) for column in _SHOWN_OF_RENDITION}
    if rendition.state != "ready":
        return shown | {"download_url": None, "signed_url": None}
    signed = work.driver(FileUrls).sign(work, f"recordings/{rendition.recording_id}", f"rendition:{rendition.id}")
    return shown | {"download_url": f"{base}/download?rendition_id={rendition.id}", "signed_url": signed}


def _progress_of(work: Work, recording_ids: Sequence[str]) -> dict[str, float]:
    if not recording_ids:
        return {}
    rows = work.execute(
        select(Rendition.recording_id, Rendition.progress)
        .where(Rendition.recording_id.in_(recording_ids), Rendition.state.in_(("queued", "processing")))
        .order_by(Rendition.id)
    )
    return {row.recording_id: row.progress for row in rows}
