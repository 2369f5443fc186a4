"""Guests whose meeting is over while they still send what they recorded themselves.

A guest's session ends with the meeting. One who has begun a track keeps it until the track is here or lost, at most for
LOCAL_TRACKS_WAIT_MIN: without it nothing could be finished, and in a meeting that is peer to peer what they said would
be lost. They may do nothing else in the meeting then: it has ended, and they are not in the room.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from app.accounts import sessions
from app.core.runtime import Work
from app.meetings.models import Meeting, MeetingPerson
from app.participants import guests
from app.participants.models import Participant
from app.recordings import states
from app.recordings.models import Recording, RecordingTrack

REASON = "meeting_ended"


def has_begun(work: Work, user_id: str, recording_id: str) -> bool:
    """Whether somebody has recorded themselves for it."""
    theirs = (
        select(RecordingTrack.id)
        .join(Participant, Participant.id == RecordingTrack.participant_id)
        .where(RecordingTrack.recording_id == recording_id, RecordingTrack.origin == "client")
        .where(Participant.user_id == user_id)
    )
    return work.scalar(theirs.limit(1)) is not None


def end_others(work: Work, meeting_id: str) -> None:
    """The meeting has ended: of all guests who send nothing the sessions end."""
    guests.end_sessions(work, meeting_id, REASON, but=_sending(work, meeting_id))


def end_if_done(work: Work, recording: Recording, track: RecordingTrack) -> None:
    """A track is here or lost: if it was a guest's last one, and the meeting is over, so is their session."""
    work.flush()
    person = work.get_one(Participant, track.participant_id)
    meeting = work.get_one(Meeting, recording.meeting_id)
    if person.user_id is None or not person.is_guest or meeting.state == "live":
        return
    if person.user_id not in _sending(work, meeting.id):
        sessions.end_all_of(work, [person.user_id], REASON)


def meetings_with_late_ones(work: Work) -> Sequence[str]:
    """Ids of meetings that are over for long enough and have guests still."""
    over = work.now() - timedelta(minutes=work.settings.local_tracks_wait_min)
    query = (
        select(Meeting.id)
        .join(MeetingPerson, MeetingPerson.meeting_id == Meeting.id)
        .where(MeetingPerson.relation == "guest", Meeting.state == "ended", Meeting.ended_at <= over)
    )
    return work.scalars(query.distinct().order_by(Meeting.id)).all()


def end_late(work: Work, meeting_id: str) -> None:
    guests.end_sessions(work, meeting_id, REASON)


def _sending(work: Work, meeting_id: str) -> set[str]:
    """User ids of the guests who have begun a track that is neither here nor lost."""
    query = (
        select(Participant.user_id)
        .join(RecordingTrack, RecordingTrack.participant_id == Participant.id)
        .where(Participant.meeting_id == meeting_id, Participant.is_guest)
        .where(RecordingTrack.origin == "client", RecordingTrack.state.not_in(states.TRACKS_SETTLED))
    )
    return {user_id for user_id in work.scalars(query) if user_id}
