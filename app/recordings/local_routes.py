from typing import Any

from flask.views import MethodView

from app.core import errors
from app.core.api import Blueprint
from app.core.flask_app import actor, work
from app.recordings import local_tracks, service
from app.recordings.local_schemas import LocalTrack, LocalTrackBegun, LocalTrackFinish, LocalTrackIn

blp = Blueprint("local tracks", __name__, description="Record yourself, for a recording of the meeting you are in.")


@blp.route("/recordings/<id:recording_id>/tracks")
class LocalTracks(MethodView):
    @blp.arguments(LocalTrackIn)
    @blp.response(201, LocalTrackBegun)
    @blp.problems(
        errors.NotYourParticipant,
        errors.RecordingStateConflict,
        errors.TrackTooLate,
        errors.TooManyTracks,
        errors.MediaTypeRefused,
    )
    @blp.doc(operationId="beginLocalTrack")
    def post(self, data: dict[str, Any], recording_id: str) -> Any:
        """Begin to send what your device records itself

        While the recording runs, or until LOCAL_TRACKS_ACCEPT_H after it, if you were there. Send its parts while it
        grows: `POST /uploads/{upload_id}/parts` signs them, all of `part_size`; the last one with `last_size`. Then
        finish it. A track each time that a camera, a microphone or a screen is switched on.
        """
        begun = local_tracks.begin(work(), actor(), service.held(work(), recording_id), **data)
        return begun, 201


@blp.route("/recordings/<id:recording_id>/tracks/<id:track_file_id>/finish")
class FinishLocalTrack(MethodView):
    @blp.arguments(LocalTrackFinish)
    @blp.response(202, LocalTrack)
    @blp.problems(
        errors.NotYourParticipant,
        errors.RecordingStateConflict,
        errors.TrackTooLate,
        errors.PartsMissing,
        errors.PartSizeMismatch,
        errors.UploadStateConflict,
    )
    @blp.doc(operationId="finishLocalTrack")
    def post(self, data: dict[str, Any], recording_id: str, track_file_id: str) -> Any:
        """Say that all of your track was sent, and what it is

        Size, SHA-256 and content are verified in the background. Keep the file until repeating this answers
        `uploaded`: it is part of the recording then. 409 with `state` `lost`: begin another track and send it there.
        """
        return local_tracks.finish(work(), actor(), recording_id, track_file_id, **data)


@blp.route("/recordings/<id:recording_id>/tracks/<id:track_file_id>/give-up")
class GiveUpLocalTrack(MethodView):
    @blp.response(204)
    @blp.problems(errors.NotYourParticipant, errors.RecordingStateConflict)
    @blp.doc(operationId="giveUpLocalTrack")
    def post(self, recording_id: str, track_file_id: str) -> None:
        """Say that you send no more of a track, and have what was sent deleted"""
        local_tracks.give_up(work(), actor(), service.held(work(), recording_id), track_file_id)
