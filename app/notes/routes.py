from typing import Any

from flask.views import MethodView
from sqlalchemy import ColumnElement

from app.core import errors
from app.core.api import Blueprint, etag, require_any_version, require_version
from app.core.flask_app import actor, work
from app.notes import service, spending
from app.notes.formats import ALSO, answer
from app.notes.schemas import NotesOut, NotesRequest, NotesRetry, TranscriptCorrection, TranscriptOut, TranscriptQuery
from app.notes.spending_schemas import SpendingPage, SpendingQuery

REVISION = {"ETag": {"description": "Its revision, for `If-Match` of a correction.", "schema": {"type": "string"}}}

blp = Blueprint("notes", __name__, description="Transcripts of meetings, and what came of them.")


@blp.route("/meetings/<id:meeting_id>/notes")
class MeetingNotes(MethodView):
    @blp.arguments(NotesRequest)
    @blp.response(202, NotesOut)
    @blp.problems(errors.EndToEndEncrypted, errors.NothingToTranscribe, errors.BudgetReached)
    @blp.problems(errors.TranscriptionLimitReached, errors.Overloaded)
    @blp.doc(operationId="createMeetingNotes")
    def post(self, data: dict[str, Any], meeting_id: str) -> Any:
        """Have a meeting's notes written

        Of all its recordings that are over. In the background: `notes.ready` or `notes.failed` tells when, and
        `notes.progress` how far they are. Asking again makes the next version; what was made before of the same sound,
        by the same transcriber, is taken over.
        """
        return service.ask(work(), meeting_id, **data)

    @blp.response(200, NotesOut)
    @blp.problems(errors.NotesMissing)
    def get(self, meeting_id: str) -> Any:
        """Read the newest notes, pending and failed ones too"""
        return service.view(work(), service.newest(work(), service.of_meeting(meeting_id)))

    @blp.response(204)
    @blp.doc(operationId="deleteMeetingNotes")
    def delete(self, meeting_id: str) -> None:
        """Delete all versions of a meeting's notes, and their files"""
        service.erase(work(), meeting_id)


@blp.route("/meetings/<id:meeting_id>/notes/retry")
class RetryNotes(MethodView):
    @blp.arguments(NotesRetry)
    @blp.response(202, NotesOut)
    @blp.problems(errors.NotesMissing, errors.NotesStateConflict, errors.Overloaded)
    @blp.doc(operationId="retryMeetingNotes")
    def post(self, data: dict[str, Any], meeting_id: str) -> Any:
        """Go on with notes that failed

        What was made stays: where only the analysis failed, it alone is made again.
        """
        return service.retry(work(), service.of_meeting(meeting_id), **data)


@blp.route("/meetings/<id:meeting_id>/transcript")
class MeetingTranscript(MethodView):
    @blp.arguments(TranscriptQuery, location="query")
    @blp.response(200, TranscriptOut, headers=REVISION)
    @blp.problems(errors.NotesMissing)
    @blp.doc(operationId="getMeetingTranscript", responses=ALSO)
    def get(self, query: dict[str, Any], meeting_id: str) -> Any:
        """Read the newest transcript, with what people have corrected

        As JSON, or as captions (WebVTT, SRT) or text, by `format` or `Accept`.
        """
        notes = service.with_transcript(work(), service.of_meeting(meeting_id))
        transcript = service.transcript_of(work(), notes, query["recording_id"])
        return answer(notes, transcript, query["format"])

    @blp.arguments(TranscriptCorrection)
    @blp.response(200, TranscriptOut, headers=REVISION)
    @blp.problems(errors.NotesMissing)
    @blp.doc(operationId="correctMeetingTranscript")
    def patch(self, data: dict[str, Any], meeting_id: str) -> Any:
        """Correct what somebody said, or who they are

        It holds for later versions too: a text by its track and time, a name by the speaker. In the notes names change
        with it; `POST …/notes/retry` with `analyse` has the rest made anew.
        """
        return correct(service.of_meeting(meeting_id), data)


def correct(of: ColumnElement[bool], data: dict[str, Any]) -> Any:
    require_any_version()
    notes = service.with_transcript(work(), of)
    require_version(notes.transcript_revision)
    notes = service.correct(work(), actor(), notes.id, **data)
    return notes.transcript, 200, etag(notes.transcript_revision)


@blp.route("/auth/me/spending")
class MySpending(MethodView):
    @blp.arguments(SpendingQuery, location="query")
    @blp.response(200, SpendingPage)
    @blp.doc(operationId="listMySpending")
    def get(self, query: dict[str, Any]) -> Any:
        """List what transcribing and analysing has cost you in a month, the newest first

        A row for each call of a provider that is paid, and for each track that was transcribed. Meetings are their
        owner's.
        """
        return spending.page(work(), actor().user_id, **query)
