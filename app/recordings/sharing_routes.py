from typing import Any

from flask.views import MethodView

from app.core import errors
from app.core.api import Blueprint
from app.core.client_address import client_network
from app.core.flask_app import actor, work
from app.core.pagination import PageQuery, page_of
from app.recordings import service, sharing
from app.recordings.sharing_schemas import NewShare, SharedLookUp, SharedRecording, ShareIn, ShareOut

blp = Blueprint("recording shares", __name__, description="Links by which a recording is watched without an account.")


@blp.route("/recordings/<id:recording_id>/shares")
class Shares(MethodView):
    @blp.arguments(ShareIn)
    @blp.response(201, NewShare)
    @blp.problems(errors.RecordingStateConflict, errors.TooManyShares)
    @blp.told_once
    @blp.doc(operationId="shareRecording")
    def post(self, data: dict[str, Any], recording_id: str) -> Any:
        """Make a link by which a recording is watched without an account

        Until it expires, or is taken back. Its secret is told now and never again; with a `passcode` the link alone
        opens nothing.
        """
        return sharing.create(work(), actor(), recording_id, **data), 201

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(ShareOut))
    @blp.doc(operationId="listRecordingShares")
    def get(self, query: dict[str, Any], recording_id: str) -> Any:
        """List a recording's links that still open it, the newest first"""
        return sharing.page(work(), service.get(work(), recording_id), **query)


@blp.route("/recordings/<id:recording_id>/shares/<id:share_id>")
class ShareById(MethodView):
    @blp.response(204)
    @blp.doc(operationId="revokeRecordingShare")
    def delete(self, recording_id: str, share_id: str) -> None:
        """Take a link back: whoever has it watches no further"""
        sharing.revoke(work(), service.get(work(), recording_id), share_id)


@blp.route("/recordings/look-up-share")
class LookUp(MethodView):
    @blp.arguments(SharedLookUp)
    @blp.response(200, SharedRecording)
    @blp.problems(errors.ShareUnknown, errors.PasscodeNeeded, errors.TooManyRequests, errors.Unavailable)
    @blp.doc(operationId="lookUpSharedRecording")
    def post(self, data: dict[str, Any]) -> Any:
        """Open a link: what it shows, and a signed address to play it from

        One answer for every link that opens nothing, whether it never did, has expired, was taken back, or its
        recording was deleted.
        """
        return sharing.look_up(work(), client_network(), **data)
