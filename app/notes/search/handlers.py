"""What happens elsewhere is to be found: a line of it, in the transaction in which it happens."""

from sqlalchemy import select, update

from app.accounts.events import UserErased
from app.chat.events import ChatCleared, MessageChanged
from app.core.runtime import Work
from app.meetings.events import MeetingCreated, MeetingUpdated, OccurrencesMade, SeriesBegun, SeriesChanged
from app.meetings.models import Meeting
from app.notes import pipeline
from app.notes.events import NotesFailed, NotesReady, TranscriptCorrected
from app.notes.models import Notes
from app.notes.search import index
from app.notes.search.models import SearchDocument


def index_title(work: Work, event: MeetingCreated | MeetingUpdated) -> None:
    index.later(work, "title", event.meeting_id)


def index_titles_of_occurrences(work: Work, event: OccurrencesMade) -> None:
    index.later(work, "title", *event.meeting_ids)


def index_titles_of_series(work: Work, event: SeriesBegun | SeriesChanged) -> None:
    of_series = select(Meeting.id).where(Meeting.series_id == event.series_id)
    index.later(work, "title", *work.scalars(of_series).all())


def index_message(work: Work, event: MessageChanged) -> None:
    """What somebody takes back is found no more from then on."""
    if not event.is_new:
        index.forget(work, "chat", event.message_id)
    index.later(work, "chat", event.message_id)


def forget_chat(work: Work, event: ChatCleared) -> None:
    index.forget_of(work, event.meeting_id, "chat")


def index_notes(work: Work, event: NotesReady | NotesFailed | TranscriptCorrected) -> None:
    index.later(work, "notes", pipeline.subject_of(work.get_one(Notes, event.notes_id)))


def forget_name(work: Work, event: UserErased) -> None:
    """What they said stays with the meetings, as there."""
    nobody = update(SearchDocument).where(SearchDocument.person_id == event.user_id)
    work.execute(nobody.values(person_id=None, person=None), execution_options={"synchronize_session": False})
