from sqlalchemy import select

from app.accounts.events import UserErased
from app.core.runtime import Work
from app.media.events import MeetingMoved
from app.meetings.events import MeetingEnded, MeetingErased, MeetingStarted
from app.meetings.service import get as get_meeting
from app.participants.events import ParticipantJoined, ParticipantReplaced
from app.participants.service import get as get_participant
from app.recordings import guests_sending, local_tracks, service, sharing, tasks, worker
from app.recordings.models import Recording, RecordingTrack
from app.uploads.events import UploadChanged


def record_automatically(work: Work, event: MeetingStarted) -> None:
    """In the background, right after: a recording that can't begin must not keep the meeting from it, and who starts
    the meeting by joining is in the room by then.
    """
    _begin_if_wanted(work, event.meeting_id)


def _begin_if_wanted(work: Work, meeting_id: str) -> None:
    meeting = get_meeting(work, meeting_id)
    if meeting.record_automatically:
        key = f"{tasks.BEGIN}:{meeting.id}:{meeting.config_version}"
        work.enqueue(tasks.BEGIN, {"meeting_id": meeting.id}, key=key)


def note_first_people(work: Work, event: ParticipantJoined) -> None:
    if get_participant(work, event.participant_id).kind != "sfu":
        service.note_first_people(work, event.meeting_id)


def tell_newcomer(work: Work, event: ParticipantJoined | ParticipantReplaced) -> None:
    """After a reload, too: a guest can't read it anywhere."""
    participant = get_participant(work, event.participant_id)
    if participant.kind == "user":
        service.tell_newcomer(work, participant)


def end_guests_sessions(work: Work, event: MeetingEnded) -> None:
    """A guest's access ends with the meeting; if it is opened again, the code lets them in again. Of one who is sending
    what they recorded it ends when that is here: see `guests_sending`.
    """
    guests_sending.end_others(work, event.meeting_id)


def take_local_track(work: Work, event: UploadChanged) -> None:
    """In the background: who takes it holds the meeting first, and here its upload is held already."""
    theirs = select(RecordingTrack).where(
        RecordingTrack.upload_id == event.upload_id, RecordingTrack.origin == "client"
    )
    for track in work.scalars(theirs).all():
        work.enqueue(local_tracks.TAKE, {"track_id": track.id, "recording_id": track.recording_id})


def follow_meeting(work: Work, event: MeetingMoved) -> None:
    """What runs is recorded on elsewhere; what could not begin, or broke off, for want of a worker begins now."""
    worker.follow(work, event)
    if event.worker_id is not None:
        _begin_if_wanted(work, event.meeting_id)


def stop_with_meeting(work: Work, event: MeetingEnded) -> None:
    service.stop_running(work, event.meeting_id)


def forget_name(work: Work, event: UserErased) -> None:
    service.forget_name(work, event.user_id)


def revoke_shares(work: Work, event: UserErased) -> None:
    sharing.forget_of(work, event.user_id)


def delete_with_meeting(work: Work, event: MeetingErased) -> None:
    """The rows go with the meeting's; what the object store holds has to be asked for."""
    service.delete_objects_of(work, event.meeting_id)
    theirs = select(Recording.id).where(Recording.meeting_id == event.meeting_id)
    service.release_uploads(work, RecordingTrack.recording_id.in_(theirs))
