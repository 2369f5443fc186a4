from typing import Any

from flask.views import MethodView

from app.core import errors
from app.core.api import Blueprint
from app.core.flask_app import work
from app.notes import service
from app.notes.schemas import NotesOut, NotesRequest, NotesRetry, TranscriptOut

blp = Blueprint("notes", __name__, description="Transcripts of meetings, and what came of them.")


@blp.route("/meetings/<id:meeting_id>/notes")
class MeetingNotes(MethodView):
    @blp.arguments(NotesRequest)
    @blp.response(202, NotesOut)
    @blp.problems(errors.EndToEndEncrypted, errors.NothingToTranscribe)
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
        return service.newest(work(), meeting_id)

    @blp.response(204)
    @blp.doc(operationId="deleteMeetingNotes")
    def delete(self, meeting_id: str) -> None:
        """Delete all versions of a meeting's notes, and their files"""
        service.erase(work(), meeting_id)


@blp.route("/meetings/<id:meeting_id>/notes/retry")
class RetryNotes(MethodView):
    @blp.arguments(NotesRetry)
    @blp.response(202, NotesOut)
    @blp.problems(errors.NotesMissing, errors.NotesStateConflict)
    @blp.doc(operationId="retryMeetingNotes")
    def post(self, data: dict[str, Any], meeting_id: str) -> Any:
        """Go on with notes that failed

        What was made stays: where only the analysis failed, it alone is made again.
        """
        return service.retry(work(), meeting_id, **data)


@blp.route("/meetings/<id:meeting_id>/transcript")
class MeetingTranscript(MethodView):
    @blp.response(200, TranscriptOut)
    @blp.problems(errors.NotesMissing)
    def get(self, meeting_id: str) -> Any:
        """Read the newest transcript"""
        return service.newest_transcript(work(), meeting_id)
