from sqlalchemy import select

from app.accounts.events import UserErased
from app.core.runtime import Work
from app.media.events import MeetingMoved
from app.meetings.events import MeetingEnded, MeetingErased, MeetingStarted
from app.meetings.service import get as get_meeting
from app.participants.events import ParticipantJoined
from app.participants.service import get as get_participant
from app.recordings import service, tasks, worker
from app.recordings.models import Recording, RecordingTrack


def record_automatically(work: Work, event: MeetingStarted) -> None:
    """In the background, right after: a recording that can't begin must not keep the meeting from it, and who starts
    the meeting by joining is in the room by then.
    """
    meeting = get_meeting(work, event.meeting_id)
    if meeting.record_automatically:
        key = f"{tasks.BEGIN}:{meeting.id}:{meeting.config_version}"
        work.enqueue(tasks.BEGIN, {"meeting_id": meeting.id}, key=key)


def note_first_people(work: Work, event: ParticipantJoined) -> None:
    if get_participant(work, event.participant_id).kind != "sfu":
        service.note_first_people(work, event.meeting_id)


def tell_newcomer(work: Work, event: ParticipantJoined) -> None:
    participant = get_participant(work, event.participant_id)
    if participant.kind == "user":
        service.tell_newcomer(work, participant)


def follow_meeting(work: Work, event: MeetingMoved) -> None:
    worker.follow(work, event)


def stop_with_meeting(work: Work, event: MeetingEnded) -> None:
    service.stop_running(work, event.meeting_id)


def forget_name(work: Work, event: UserErased) -> None:
    service.forget_name(work, event.user_id)


def delete_with_meeting(work: Work, event: MeetingErased) -> None:
    """The rows go with the meeting's; what the object store holds has to be asked for."""
    service.delete_objects_of(work, event.meeting_id)
    theirs = select(Recording.id).where(Recording.meeting_id == event.meeting_id)
    service.release_uploads(work, RecordingTrack.recording_id.in_(theirs))
