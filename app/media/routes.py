from typing import Any

from flask.views import MethodView

from app.core.api import Blueprint
from app.core.flask_app import work
from app.media import service
from app.media.schemas import Tracks

blp = Blueprint("media", __name__, description="Tracks that are published to the media server.")


@blp.route("/meetings/<id:meeting_id>/rtc/tracks")
class MeetingTracks(MethodView):
    @blp.response(200, Tracks)
    @blp.doc(operationId="listMeetingTracks")
    def get(self, meeting_id: str) -> Any:
        """List the tracks that are published now

        Peer-to-peer meetings have none here: their tracks go from device to device.
        """
        return {"items": service.tracks_of(work(), meeting_id)}
