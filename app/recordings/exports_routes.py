from typing import Any

from flask import Response
from flask.views import MethodView

from app.core import downloads, errors
from app.core.api import Blueprint
from app.core.downloads import ELSEWHERE, FILE, FILE_HEADERS, PART, RANGE
from app.core.flask_app import work
from app.core.objects.base import ObjectStore
from app.core.pagination import PageQuery, page_of
from app.recordings import exports, service
from app.recordings.exports_schemas import ExportIn, ExportOut

ZIP = "application/zip"

blp = Blueprint("recording exports", __name__, description="All tracks of a recording as one ZIP, for editors.")


@blp.route("/recordings/<id:recording_id>/exports")
class Exports(MethodView):
    @blp.arguments(ExportIn)
    @blp.response(202, ExportOut)
    @blp.problems(errors.RecordingStateConflict, errors.Overloaded)
    @blp.doc(operationId="exportRecording")
    def post(self, data: dict[str, Any], recording_id: str) -> Any:
        """Have all tracks of a recording put into a ZIP

        In the background: `recording.export` tells how far it is, and when it is `ready`. Files begin together. Asking
        for the same again gives the same, unless tracks have come since.
        """
        made = exports.order(work(), service.held(work(), recording_id), **data)
        return made, 202, {"Location": f"/api/v1/recordings/{recording_id}/exports/{made['id']}"}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(ExportOut))
    @blp.doc(operationId="listRecordingExports")
    def get(self, query: dict[str, Any], recording_id: str) -> Any:
        """List a recording's exports, the newest first"""
        return exports.page(work(), service.get(work(), recording_id), **query)


@blp.route("/recordings/<id:recording_id>/exports/<id:export_id>")
class ExportById(MethodView):
    @blp.response(200, ExportOut)
    @blp.doc(operationId="getRecordingExport")
    def get(self, recording_id: str, export_id: str) -> Any:
        """Read an export: how far it is, and where its file is"""
        recording = service.get(work(), recording_id)
        return exports.view(work(), recording, exports.get(work(), recording, export_id))

    @blp.response(204)
    @blp.doc(operationId="deleteRecordingExport")
    def delete(self, recording_id: str, export_id: str) -> None:
        """Delete an export and its file; the recording stays"""
        recording = service.held(work(), recording_id)
        exports.forget(work(), recording, exports.get(work(), recording, export_id))


@blp.route("/recordings/<id:recording_id>/exports/<id:export_id>/download")
class DownloadExport(MethodView):
    @blp.doc(operationId="downloadRecordingExport", parameters=RANGE)
    @blp.response(200, FILE, content_type=ZIP, headers=FILE_HEADERS)
    @blp.alt_response(206, schema=FILE, content_type=ZIP, **PART)
    @blp.alt_response(302, description=ELSEWHERE)
    @blp.alt_response(304, description="`If-None-Match` names this file")
    @blp.problems(errors.RecordingStateConflict, errors.VersionMismatch, errors.RangeNotSatisfiable)
    def get(self, recording_id: str, export_id: str) -> Response:
        """Download an export, or one range of it"""
        file = exports.download_of(work(), service.get(work(), recording_id), export_id)
        return downloads.answer(work().driver(ObjectStore), file)
