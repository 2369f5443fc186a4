"""A meeting as a source of notes: all its recordings in their order, a sound for each microphone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.accounts.models import User
from app.core import errors
from app.core.runtime import Runtime, Work
from app.inbox.service import Message, deliver, open_inboxes_of
from app.meetings import service as meetings
from app.meetings.models import Meeting
from app.notes.sources import Heard, Part, Prepared, StillArriving, Subject
from app.notes.transcribers.base import Speaker
from app.participants.models import Participant
from app.recordings import shapes
from app.recordings.fetching import ran_s
from app.recordings.models import Recording, RecordingTrack

NOT_OVER = ("requested", "recording")
ALL_OFF = "Everybody who was there has switched transcription off."


class MeetingSource:
    """A `Source`. Times of its transcripts are seconds from the meeting's start, or from its first recording's where
    that is earlier: a meeting that was started again forgets its first start.
    """

    def hold(self, work: Work, subject_id: str) -> None:
        meetings.hold(work, subject_id)

    def subject(self, work: Work, subject_id: str) -> Subject:
        meeting = meetings.get(work, subject_id)
        begun = meeting.started_at
        return Subject(
            id=meeting.id,
            title=meeting.title,
            account_id=meeting.owner_id,
            held_on=begun.astimezone(ZoneInfo(meeting.time_zone)).date() if begun else None,
            lasted_s=_length_s(meeting),
        )

    def folder_of(self, subject_id: str) -> str:
        return f"transcripts/{subject_id}/"

    def heard(self, work: Work, subject_id: str) -> Sequence[Heard]:
        """In the order in which they came; if nobody was there, those who belong to the meeting."""
        people: dict[str, tuple[Speaker, dict[str, bool]]] = {}
        for stay in _stays(work, subject_id):
            person = _person(stay)
            people.setdefault(person, (Speaker(person, stay.display_name), stay.ai))
        if not people:
            members = select(User).where(User.id.in_(meetings.people_of(work, subject_id, "owner", "accepted")))
            for user in work.scalars(members.order_by(User.id)):
                people[user.id] = (Speaker(user.id, user.display_name), user.ai)
        heard = [Heard(speaker, ai["analyse"]) for speaker, ai in people.values() if ai["transcribe"]]
        if people and not heard:
            raise errors.NothingToTranscribe(ALL_OFF)
        return heard

    def is_mocked(self, work: Work, subject_id: str) -> bool:
        recordings = _recordings(work, subject_id)
        if not recordings:
            return meetings.get(work, subject_id).effective_media_mode == "mock" or work.settings.mock_recorder
        return all(one.driver == "mock" for one in recordings)

    def parts(self, work: Work, subject_id: str) -> Sequence[Part]:
        """A sound shared with a screen is left out: it is not what that person says."""
        real = [one for one in _recordings(work, subject_id) if one.driver != "mock"]
        over = [one for one in real if one.state not in NOT_OVER and one.started_at is not None]
        if not over:
            raise errors.NothingToTranscribe(
                "The recording is still running; stop it first." if real else "The meeting has no recording."
            )
        if any(one.state == "stopping" for one in over):
            raise StillArriving
        speakers = {one.speaker.id: one.speaker for one in self.heard(work, subject_id)}
        zero = _zero(meetings.get(work, subject_id), over)
        parts = [part for recording in over for part in _parts_of(work, recording, speakers, zero)]
        if not parts:
            raise errors.NothingToTranscribe("Nothing was recorded of those who may be transcribed.")
        return parts

    def prepare(self, runtime: Runtime, part: Part, folder: Path) -> Prepared:
        from app.notes.meeting_sounds import prepare  # here: only the jobs process needs it

        return Prepared(prepare(runtime, part, folder), part.speaker, part.source)

    def tell(self, work: Work, subject_id: str, type: str, payload: dict[str, Any], *, all_of_them: bool) -> None:
        """What is for the owner alone stands in place of what was told before."""
        payload = {"meeting_id": subject_id, **payload}
        if all_of_them:
            message = Message(type, payload, subject_id)
            people: Sequence[str] = meetings.people_of(work, subject_id, "owner", "accepted")
        else:
            message = Message(type, payload, subject_id, subject=f"{type}:{payload['notes_id']}")
            people = [meetings.get(work, subject_id).owner_id]
        deliver(work, message, open_inboxes_of(work, people))


def begins_of(work: Work, meeting_id: str) -> dict[str, float]:
    """Where the recordings begin that have begun, in seconds of the transcript, by their ids."""
    begun = [one for one in _recordings(work, meeting_id) if one.started_at is not None]
    zero = _zero(meetings.get(work, meeting_id), begun)
    return {one.id: (one.started_at - zero).total_seconds() for one in begun if one.started_at is not None}


def _parts_of(work: Work, recording: Recording, speakers: dict[str, Speaker], zero: datetime) -> list[Part]:
    there = [track for track in shapes.tracks_of(work, recording.id) if _is_voice(track)]
    people = shapes.people_of_tracks(work, there)
    parts = []
    for track in there:
        stay = people.get(track.participant_id)
        speaker = speakers.get(_person(stay)) if stay else None
        if speaker is None or recording.started_at is None:
            continue
        own = [one for one in there if one.participant_id == track.participant_id and one.origin == "client"]
        beside = [] if track.origin == "client" else own  # it is mute where their own has something
        parts.append(
            Part(
                id=track.id,
                made_of=[str(one.sha256) for one in (track, *beside)],
                speaker=Speaker(speaker.id, speaker.label, track.id),
                source="track",
                offset_s=round((recording.started_at - zero).total_seconds(), 3),
                lasts_s=ran_s(recording),
                more={"recording_id": recording.id, "beside": [one.id for one in beside]},
            )
        )
    return parts


def _is_voice(track: RecordingTrack) -> bool:
    return (track.state, track.kind, track.source) == ("uploaded", "audio", "microphone")


def _zero(meeting: Meeting, recordings: Sequence[Recording]) -> datetime:
    begun = [one.started_at for one in recordings if one.started_at is not None]
    return min([*begun, *([meeting.started_at] if meeting.started_at else [])])


def _recordings(work: Work, meeting_id: str) -> Sequence[Recording]:
    theirs = select(Recording).where(Recording.meeting_id == meeting_id)
    return work.scalars(theirs.order_by(Recording.created_at, Recording.id)).all()


def _stays(work: Work, meeting_id: str) -> Sequence[Participant]:
    return work.scalars(
        select(Participant)
        .where(Participant.meeting_id == meeting_id, Participant.kind != "sfu", Participant.admitted_at.is_not(None))
        .order_by(Participant.joined_at, Participant.id)
    ).all()


def _person(stay: Participant) -> str:
    return stay.user_id or stay.id


def _length_s(meeting: Meeting) -> float | None:
    """How long a meeting lasted. None while it goes on, so that asking twice gives the same; and for one that was over
    at once, into which no word would fit.
    """
    if meeting.state != "ended" or meeting.started_at is None or meeting.ended_at is None:
        return None
    return max(0.0, (meeting.ended_at - meeting.started_at).total_seconds()) or None
