from typing import Any

from flask import Response
from flask.views import MethodView

from app.calls import form, service
from app.calls.schemas import CallOut, CallsQuery
from app.calls.source import get
from app.core import downloads, errors
from app.core.api import Blueprint
from app.core.downloads import ELSEWHERE, FILE, FILE_HEADERS, PART, RANGE
from app.core.flask_app import actor, work
from app.core.objects.base import ObjectStore
from app.core.pagination import page_of
from app.notes import service as notes
from app.notes.formats import ALSO, answer
from app.notes.routes import REVISION, correct
from app.notes.schemas import FormatQuery, NotesOut, NotesRetry, TranscriptCorrection, TranscriptOut
from app.recordings.schemas import FileQuery

blp = Blueprint("calls", __name__, description="Calls that were recorded elsewhere, and what was said in them.")


@blp.route("/calls")
class Calls(MethodView):
    @blp.response(201, CallOut)
    @blp.problems(errors.NotFound, errors.UploadStateConflict, errors.CallExists, errors.BudgetReached)
    @blp.problems(errors.ValidationFailed, errors.UnsupportedMediaType, errors.MalformedJson)
    @blp.problems(errors.MediaTypeRefused, errors.QuotaReached, errors.StorageFull)
    @blp.problems(errors.TranscriptionLimitReached, errors.Overloaded)
    @blp.doc(operationId="createCall", requestBody=form.BODY)
    def post(self) -> Any:
        """Have a call transcribed and analysed

        Its file, sound or film in whatever format FFmpeg reads, is uploaded before, with the purpose `call_audio`; a
        small one may come in a form, with the same fields and `file` instead of `upload_id`. In the background:
        `notes.ready` or `notes.failed` tells when. A file that you have sent before is 409 `call_exists`, whose
        `call_id` names the call.
        """
        told, file = form.read()
        call = service.receive_file(work(), actor(), file, **told) if file else service.receive(work(), actor(), **told)
        return call, 201, {"Location": f"/api/v1/calls/{call['id']}"}

    @blp.arguments(CallsQuery, location="query")
    @blp.response(200, page_of(CallOut))
    @blp.doc(operationId="listCalls")
    def get(self, query: dict[str, Any]) -> Any:
        """List the calls that you have sent, the newest first"""
        return service.page(work(), actor(), **query)


@blp.route("/calls/<id:call_id>")
class CallById(MethodView):
    @blp.response(200, CallOut)
    @blp.doc(operationId="getCall")
    def get(self, call_id: str) -> Any:
        """Read a call, and how far it is"""
        return service.view(work(), get(work(), call_id))

    @blp.response(204)
    @blp.doc(operationId="deleteCall")
    def delete(self, call_id: str) -> None:
        """Delete a call: its file, transcript and notes"""
        service.erase(work(), call_id)


@blp.route("/calls/<id:call_id>/file")
class CallFile(MethodView):
    @blp.arguments(FileQuery, location="query")
    @blp.doc(operationId="downloadSignedCallFile", parameters=RANGE)
    @blp.response(200, FILE, content_type="audio/wav", headers=FILE_HEADERS)
    @blp.alt_response(206, schema=FILE, content_type="audio/wav", **PART)
    @blp.alt_response(302, description=ELSEWHERE)
    @blp.alt_response(304, description="`If-None-Match` names this file")
    @blp.problems(errors.UrlNotSigned, errors.UrlExpired, errors.VersionMismatch, errors.RangeNotSatisfiable)
    def get(self, query: dict[str, Any], call_id: str) -> Response:
        """Read a call's file, as it was sent, at an address that was signed for it

        `signed_url` of a call: for players, which ask for ranges as somebody seeks. No token: the address is the
        credential. Don't make it yourself.
        """
        return downloads.answer(work().driver(ObjectStore), service.file_of(work(), get(work(), call_id)))


@blp.route("/calls/<id:call_id>/retry")
class RetryCall(MethodView):
    @blp.arguments(NotesRetry)
    @blp.response(202, CallOut)
    @blp.problems(errors.NotesStateConflict, errors.Overloaded)
    @blp.doc(operationId="retryCall")
    def post(self, data: dict[str, Any], call_id: str) -> Any:
        """Go on with a call that failed

        What was made stays: where only the analysis failed, it alone is made again.
        """
        return service.retry(work(), call_id, **data)


@blp.route("/calls/<id:call_id>/notes")
class CallNotes(MethodView):
    @blp.response(200, NotesOut)
    @blp.doc(operationId="getCallNotes")
    def get(self, call_id: str) -> Any:
        """Read a call's notes, pending and failed ones too"""
        return notes.view(work(), notes.newest(work(), service.of_call(call_id)))


@blp.route("/calls/<id:call_id>/transcript")
class CallTranscript(MethodView):
    @blp.arguments(FormatQuery, location="query")
    @blp.response(200, TranscriptOut, headers=REVISION)
    @blp.problems(errors.NotesMissing)
    @blp.doc(operationId="getCallTranscript", responses=ALSO)
    def get(self, query: dict[str, Any], call_id: str) -> Any:
        """Read a call's transcript, with what was corrected

        As JSON, or as captions (WebVTT, SRT) or text, by `format` or `Accept`.
        """
        found = notes.with_transcript(work(), service.of_call(call_id))
        return answer(found, notes.transcript_of(work(), found), query["format"])

    @blp.arguments(TranscriptCorrection)
    @blp.response(200, TranscriptOut, headers=REVISION)
    @blp.problems(errors.NotesMissing)
    @blp.doc(operationId="correctCallTranscript")
    def patch(self, data: dict[str, Any], call_id: str) -> Any:
        """Correct what somebody said, or who they are"""
        return correct(service.of_call(call_id), data)
