from app.core.runtime import Work
from app.media import placement, service, whip
from app.meetings.events import MeetingStarted
from app.meetings.service import get as get_meeting
from app.participants.events import ParticipantLeft, ParticipantReplaced
from app.participants.service import get as get_participant
from app.signaling.events import SignalToSfu


def place(work: Work, event: MeetingStarted) -> None:
    placement.place(work, get_meeting(work, event.meeting_id))


def answer_as_mock(work: Work, event: SignalToSfu) -> None:
    if get_meeting(work, event.meeting_id).effective_media_mode == "mock":
        service.answer_as_mock(work, event.sfu_participant_id, event.from_participant_id, event.type, event.payload)


def unpublish_tracks(work: Work, event: ParticipantLeft | ParticipantReplaced) -> None:
    participant = get_participant(work, event.participant_id)
    if participant.kind == "user":
        service.unpublish_all(work, participant)


def release(work: Work, event: ParticipantLeft) -> None:
    """A placement ends when the participant goes that a media worker is."""
    participant = get_participant(work, event.participant_id)
    if participant.kind == "sfu" and participant.session_id is not None:
        placement.release(work, participant, event.reason)


def forget_whip_session(work: Work, event: ParticipantReplaced) -> None:
    whip.forget(work, event.participant_id)
