from typing import Any

from flask import Response
from flask.views import MethodView

from app.core import downloads, errors
from app.core.api import Blueprint
from app.core.downloads import ELSEWHERE, FILE, FILE_HEADERS, PART, RANGE
from app.core.flask_app import actor, work
from app.core.objects.base import ObjectStore
from app.core.pagination import PageQuery, page_of
from app.recordings import service
from app.recordings.schemas import RecordingOut, RecordingStart

blp = Blueprint("recordings", __name__, description="Record meetings; list, download and delete recordings.")


@blp.route("/meetings/<id:meeting_id>/recordings")
class MeetingRecordings(MethodView):
    @blp.arguments(RecordingStart)
    @blp.response(201, RecordingOut)
    @blp.problems(
        errors.MeetingStateConflict,
        errors.EndToEndEncrypted,
        errors.RecordingNeedsSfu,
        errors.AlreadyRecording,
        errors.NotPermitted,
    )
    @blp.doc(operationId="startRecording")
    def post(self, data: dict[str, Any], meeting_id: str) -> Any:
        """Start recording a live meeting

        The meeting's `permissions.record` says who may. Everybody in it learns of that by `recording.state`. It runs
        until it is stopped or the meeting ends.
        """
        recording = service.start_as(work(), actor(), meeting_id, **data)
        return recording, 201, {"Location": f"/api/v1/recordings/{recording['id']}"}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(RecordingOut))
    def get(self, query: dict[str, Any], meeting_id: str) -> Any:
        """List a meeting's recordings, the newest first"""
        return service.list_of_meeting(work(), meeting_id, **query)


@blp.route("/recordings")
class Recordings(MethodView):
    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(RecordingOut))
    def get(self, query: dict[str, Any]) -> Any:
        """List the recordings that you may see, the newest first"""
        return service.list_mine(work(), actor(), **query)


@blp.route("/recordings/<id:recording_id>")
class RecordingById(MethodView):
    @blp.response(200, RecordingOut)
    def get(self, recording_id: str) -> Any:
        """Read a recording"""
        return service.view(work(), service.get(work(), recording_id))

    @blp.response(204)
    @blp.problems(errors.RecordingStateConflict)
    def delete(self, recording_id: str) -> None:
        """Delete a recording and its file, for everybody"""
        service.erase(work(), recording_id)


@blp.route("/recordings/<id:recording_id>/stop")
class Stop(MethodView):
    @blp.response(202, RecordingOut)
    @blp.problems(errors.NotPermitted)
    def post(self, recording_id: str) -> Any:
        """Stop a recording: as a host any, otherwise your own

        Its file is made in the background: `recording.state` tells when it is `ready`.
        """
        return service.stop_as(work(), actor(), recording_id)


@blp.route("/recordings/<id:recording_id>/download")
class DownloadRecording(MethodView):
    @blp.doc(operationId="downloadRecording", parameters=RANGE)
    @blp.response(200, FILE, content_type="video/mp4", headers=FILE_HEADERS)
    @blp.alt_response(200, schema=FILE, content_type="audio/mp4", headers=FILE_HEADERS, success=True)
    @blp.alt_response(206, schema=FILE, content_type="video/mp4", **PART)
    @blp.alt_response(206, schema=FILE, content_type="audio/mp4", **PART)
    @blp.alt_response(302, description=ELSEWHERE)
    @blp.alt_response(304, description="`If-None-Match` names this file")
    @blp.problems(errors.RecordingStateConflict, errors.VersionMismatch, errors.RangeNotSatisfiable)
    def get(self, recording_id: str) -> Response:
        """Download a recording's file, or one range of it

        `Range: bytes=…` gives a part, for players that seek and downloads that go on; with `If-Range` only if the
        file is still the same. Of several ranges the whole file is sent. An `audio_only` file is `audio/mp4`.
        """
        file = service.download_of(work(), service.get(work(), recording_id))
        return downloads.answer(work().driver(ObjectStore), file)
