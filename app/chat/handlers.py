"""Lines of the system, and what becomes of a chat when its meeting ends."""

from typing import Any

from app.chat import service
from app.core.bus import Handler
from app.core.runtime import Work
from app.meetings.events import MeetingEnded, MeetingErased
from app.meetings.service import get as get_meeting
from app.participants.events import ParticipantJoined, ParticipantLeft
from app.participants.service import get as get_participant

# Their own line, or the next one, says what happened.
_UNTOLD = ("replaced", "meeting_ended")


def note_joined(work: Work, event: ParticipantJoined) -> None:
    _note(work, event, "participant.joined")


def note_left(work: Work, event: ParticipantLeft) -> None:
    if event.was_in_the_room and event.reason not in _UNTOLD:
        _note(work, event, "participant.left", reason=event.reason)


def _note(work: Work, event: ParticipantJoined | ParticipantLeft, kind: str, **more: str) -> None:
    who = get_participant(work, event.participant_id)
    if who.kind != "sfu":
        service.add_line(work, event.meeting_id, kind, participant_id=who.id, user_id=who.user_id, **more)


def note_recording(kind: str) -> Handler:
    """A handler of what recordings tell of themselves; they stand above chat, so `app/wiring.py` says what is heard."""

    def note(work: Work, event: Any) -> None:
        meeting = get_meeting(work, event.meeting_id)
        if not _was_emptied(meeting):
            by = getattr(event, "by_user_id", None)
            service.add_line(work, meeting.id, kind, recording_id=event.recording_id, user_id=by)

    return note


def end_chat(work: Work, event: MeetingEnded) -> None:
    if _was_emptied(get_meeting(work, event.meeting_id)):
        service.clear(work, event.meeting_id)
    else:
        service.add_line(work, event.meeting_id, "meeting.ended", reason=event.reason)


def delete_with_meeting(work: Work, event: MeetingErased) -> None:
    """The messages go with the meeting's row; the object store has to be asked."""
    service.release_files(work, event.meeting_id)


def _was_emptied(meeting: Any) -> bool:
    return bool(meeting.state == "ended" and meeting.chat_retention == "until_end")
