"""A recording's states, and who is told of them."""

from app.core import errors
from app.core.runtime import Work
from app.inbox import service as inbox
from app.inbox.service import Message
from app.meetings import service as meetings
from app.participants import service as participants
from app.recordings import shapes, states
from app.recordings.models import Recording
from app.recordings.schemas import RecordingOut


def become(recording: Recording, state: str) -> None:
    """:raises RecordingStateConflict: it can't."""
    if not states.may_become(recording.state, state):
        raise errors.RecordingStateConflict(
            f"A recording that is {recording.state} can't become {state}.", state=recording.state
        )
    recording.state = state


def tell(work: Work, recording: Recording, *, subject: str | None = None) -> None:
    """Everybody in the room, and everybody who may see recordings of the meeting, wherever they are."""
    work.flush()
    there = [p.inbox_id for p in participants.in_the_room(work, recording.meeting_id) if p.kind != "sfu"]
    people = meetings.people_of(work, recording.meeting_id, "owner", "accepted")
    theirs = inbox.open_inboxes_of(work, people)
    inbox.deliver(work, news(work, recording, subject), {*there, *theirs})


def tell_progress(work: Work, recording: Recording) -> None:
    """The same, in place of what was told of its progress before."""
    tell(work, recording, subject=f"recording:{recording.id}")


def news(work: Work, recording: Recording, subject: str | None = None) -> Message:
    payload = {"recording": RecordingOut().dump(shapes.view(work, recording))}
    return Message("recording.state", payload, recording.meeting_id, subject=subject)
