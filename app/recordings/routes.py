from typing import Any

from flask import Response
from flask.views import MethodView

from app.core import downloads, errors
from app.core.api import Blueprint
from app.core.downloads import ELSEWHERE, FILE, FILE_HEADERS, PART, RANGE, Download
from app.core.flask_app import actor, work
from app.core.objects.base import ObjectNotFound, ObjectStore, StoreUnusable
from app.core.pagination import PageQuery, page_of
from app.recordings import consents, exports, library, service, shapes, sharing, worker
from app.recordings.schemas import (
    ComposeIn,
    ConsentIn,
    ConsentOut,
    Consents,
    DownloadQuery,
    FileQuery,
    RecordingDetails,
    RecordingOut,
    RecordingsQuery,
    RecordingStart,
    RecordingUpdate,
)
from app.recordings.worker_schemas import RecordedTrackIn, RecordedTrackTaken, RecordingReport, RecordingReported

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
        errors.QuotaReached,
        errors.StorageFull,
        errors.TooManyRecordings,
        errors.Overloaded,
        errors.NotPermitted,
    )
    @blp.doc(operationId="startRecording")
    def post(self, data: dict[str, Any], meeting_id: str) -> Any:
        """Start recording a live meeting

        The meeting's `permissions.record` says who may. Everybody in it learns of that by `recording.state`. It runs
        until it is stopped or the meeting ends. On a media worker it is `requested` until the worker records.
        """
        recording = service.start_as(work(), actor(), meeting_id, **data)
        return recording, 201, {"Location": f"/api/v1/recordings/{recording['id']}"}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(RecordingOut))
    def get(self, query: dict[str, Any], meeting_id: str) -> Any:
        """List a meeting's recordings, the newest first"""
        return library.list_of_meeting(work(), meeting_id, **query)


@blp.route("/recordings")
class Recordings(MethodView):
    @blp.arguments(RecordingsQuery, location="query")
    @blp.response(200, page_of(RecordingOut))
    def get(self, query: dict[str, Any]) -> Any:
        """List the recordings that you may see, the newest first; or find some

        `q` is looked for anywhere in their titles, large and small letters alike.
        """
        return library.list_mine(work(), actor(), **query)


@blp.route("/recordings/<id:recording_id>")
class RecordingById(MethodView):
    @blp.response(200, RecordingDetails)
    def get(self, recording_id: str) -> Any:
        """Read a recording, with its tracks and compositions"""
        return shapes.details(work(), actor(), service.get(work(), recording_id))

    @blp.arguments(RecordingUpdate)
    @blp.response(200, RecordingOut)
    @blp.doc(operationId="renameRecording")
    def patch(self, data: dict[str, Any], recording_id: str) -> Any:
        """Give a recording another title

        Its files are downloaded under that name. Who may see it learns of it by `recording.state`.
        """
        return library.rename(work(), service.held(work(), recording_id), **data)

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
    @blp.arguments(DownloadQuery, location="query")
    @blp.doc(operationId="downloadRecording", parameters=RANGE)
    @blp.response(200, FILE, content_type="video/mp4", headers=FILE_HEADERS)
    @blp.alt_response(200, schema=FILE, content_type="audio/mp4", headers=FILE_HEADERS, success=True)
    @blp.alt_response(206, schema=FILE, content_type="video/mp4", **PART)
    @blp.alt_response(206, schema=FILE, content_type="audio/mp4", **PART)
    @blp.alt_response(302, description=ELSEWHERE)
    @blp.alt_response(304, description="`If-None-Match` names this file")
    @blp.problems(errors.RecordingStateConflict, errors.VersionMismatch, errors.RangeNotSatisfiable)
    def get(self, query: dict[str, Any], recording_id: str) -> Response:
        """Download a recording's file, or one range of it

        `Range: bytes=…` gives a part, for players that seek and downloads that go on; with `If-Range` only if the
        file is still the same. Of several ranges the whole file is sent. An `audio_only` file is `audio/mp4`.
        """
        file = service.download_of(work(), service.get(work(), recording_id), **query)
        return downloads.answer(work().driver(ObjectStore), file)


@blp.route("/recordings/<id:recording_id>/file")
class SignedFile(MethodView):
    @blp.arguments(FileQuery, location="query")
    @blp.doc(operationId="downloadSignedRecordingFile", parameters=RANGE)
    @blp.response(200, FILE, content_type="video/mp4", headers=FILE_HEADERS)
    @blp.alt_response(206, schema=FILE, content_type="video/mp4", **PART)
    @blp.alt_response(302, description=ELSEWHERE)
    @blp.alt_response(304, description="`If-None-Match` names this file")
    @blp.problems(
        errors.UrlNotSigned,
        errors.UrlExpired,
        errors.ShareUnknown,
        errors.RecordingStateConflict,
        errors.VersionMismatch,
        errors.RangeNotSatisfiable,
    )
    def get(self, query: dict[str, Any], recording_id: str) -> Response:
        """Read a recording's file, or one of its tracks, at an address that was signed for it

        `signed_url` of a recording, a composition or a track: for players, which ask for ranges as somebody seeks. No
        token: the address is the credential. Don't make it yourself.
        """
        recording = service.get(work(), recording_id)
        kind, _, file_id = str(query["of"]).partition(":")
        if kind == "track":
            file = service.download_of_track(work(), recording, file_id)
        elif kind == "export":
            file = exports.download_of(work(), recording, file_id)
        elif kind == "share":
            file = sharing.file_of(work(), recording, file_id)
        else:
            file = service.download_of(work(), recording, file_id or None)
        return downloads.answer(work().driver(ObjectStore), file)


@blp.route("/recordings/<id:recording_id>/poster")
class Poster(MethodView):
    @blp.doc(operationId="downloadRecordingPoster")
    @blp.response(200, FILE, content_type="image/jpeg")
    @blp.alt_response(302, description=ELSEWHERE)
    @blp.alt_response(304, description="`If-None-Match` names this file")
    @blp.problems(errors.VersionMismatch, errors.RangeNotSatisfiable)
    def get(self, recording_id: str) -> Response:
        """Download a picture of a recording"""
        return _beside(recording_id, "poster", "image/jpeg")


@blp.route("/recordings/<id:recording_id>/waveform")
class Waveform(MethodView):
    @blp.doc(operationId="downloadRecordingWaveform")
    @blp.response(200, {"type": "object"}, content_type="application/json")
    @blp.alt_response(302, description=ELSEWHERE)
    @blp.alt_response(304, description="`If-None-Match` names this file")
    @blp.problems(errors.VersionMismatch, errors.RangeNotSatisfiable)
    def get(self, recording_id: str) -> Response:
        """Download how loud a recording is: `{version, duration_s, interval_s, peaks: [0 to 1, …]}`"""
        return _beside(recording_id, "waveform", "application/json")


def _beside(recording_id: str, what: str, content_type: str) -> Response:
    key, name = service.beside(work(), service.get(work(), recording_id), what)
    store = work().driver(ObjectStore)
    try:
        info = store.stat(key)
    except ObjectNotFound:
        raise errors.NotFound("The file is no longer in the store.") from None
    except StoreUnusable:
        raise errors.Unavailable("The store of files cannot be read.") from None
    return downloads.answer(store, Download(key, content_type, info.size, info.sha256, name))


@blp.route("/recordings/<id:recording_id>/compose")
class Compose(MethodView):
    @blp.arguments(ComposeIn)
    @blp.response(202, RecordingOut)
    @blp.problems(errors.RecordingStateConflict, errors.TooManyRenditions, errors.Overloaded)
    @blp.doc(operationId="composeRecording")
    def post(self, data: dict[str, Any], recording_id: str) -> Any:
        """Compose a recording's tracks again, with another layout

        In the background; once it is ready it is the recording's file. Those before stay in `renditions`.
        """
        return service.compose_again(work(), recording_id, **data)


@blp.route("/recordings/<id:recording_id>/consent")
class ConsentOfOne(MethodView):
    @blp.arguments(ConsentIn)
    @blp.response(200, ConsentOut)
    @blp.problems(errors.RecordingStateConflict)
    @blp.doc(operationId="consentToRecording")
    def post(self, data: dict[str, Any], recording_id: str) -> Any:
        """Say whether you consent to being recorded

        While it runs; the last word holds. Hosts are told by `recording.consent`. Who declines may leave, or stay with
        camera and microphone off.
        """
        return consents.answer(work(), actor(), recording_id, **data)


@blp.route("/recordings/<id:recording_id>/consents")
class ConsentsOfAll(MethodView):
    @blp.response(200, Consents)
    @blp.doc(operationId="listRecordingConsents")
    def get(self, recording_id: str) -> Any:
        """List who has consented to being recorded, who has not, and who has not answered"""
        return {"items": consents.list_all(work(), service.get(work(), recording_id))}


@blp.route("/recordings/<id:recording_id>/tracks/<id:track_file_id>")
class Track(MethodView):
    @blp.arguments(RecordedTrackIn)
    @blp.response(200, RecordedTrackTaken)
    @blp.problems(
        errors.RecordingStateConflict, errors.TooManyTracks, errors.UploadStateConflict, errors.ChecksumMismatch
    )
    @blp.doc(operationId="putRecordingTrack")
    def put(self, data: dict[str, Any], recording_id: str, track_file_id: str) -> Any:
        """Tell of a file that a media worker records

        When it is begun, closed, uploaded or lost. Repeating it changes nothing. After a 200 to `uploaded` the worker
        may delete it.
        """
        return worker.put_track(work(), actor(), service.held(work(), recording_id), track_file_id, data)


@blp.route("/recordings/<id:recording_id>/tracks/<id:track_file_id>/download")
class DownloadTrack(MethodView):
    @blp.doc(operationId="downloadRecordingTrack", parameters=RANGE)
    @blp.response(200, FILE, content_type="video/webm", headers=FILE_HEADERS)
    @blp.alt_response(200, schema=FILE, content_type="audio/webm", headers=FILE_HEADERS, success=True)
    @blp.alt_response(206, schema=FILE, content_type="video/webm", **PART)
    @blp.alt_response(206, schema=FILE, content_type="audio/webm", **PART)
    @blp.alt_response(302, description=ELSEWHERE)
    @blp.alt_response(304, description="`If-None-Match` names this file")
    @blp.problems(errors.RecordingStateConflict, errors.VersionMismatch, errors.RangeNotSatisfiable)
    def get(self, recording_id: str, track_file_id: str) -> Response:
        """Download one track of a recording as it came, or one range of it"""
        file = service.download_of_track(work(), service.get(work(), recording_id), track_file_id)
        return downloads.answer(work().driver(ObjectStore), file)


@blp.route("/recordings/<id:recording_id>/reports")
class Reports(MethodView):
    @blp.arguments(RecordingReport)
    @blp.response(200, RecordingReported)
    @blp.problems(errors.RecordingStateConflict)
    @blp.doc(operationId="reportRecording")
    def post(self, data: dict[str, Any], recording_id: str) -> Any:
        """Tell that a media worker records, has closed every file, or can't"""
        recording = service.held(work(), recording_id)
        worker.report(work(), recording, **data)
        return {"state": recording.state}
