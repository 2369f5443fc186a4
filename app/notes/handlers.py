from app.core.runtime import Work
from app.inbox.service import Message, deliver, open_inboxes_of
from app.meetings.service import people_of
from app.notes.events import NotesReady


def tell_people(work: Work, event: NotesReady) -> None:
    """Everybody who may read the notes, wherever they are."""
    people = people_of(work, event.meeting_id, "owner", "accepted")
    payload = {"meeting_id": event.meeting_id, "notes_id": event.notes_id, "version": event.version}
    message = Message("notes.ready", payload, event.meeting_id)
    deliver(work, message, open_inboxes_of(work, people))
