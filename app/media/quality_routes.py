from typing import Any

from flask.views import MethodView

from app.core import errors
from app.core.api import Blueprint
from app.core.flask_app import actor, work
from app.media import quality
from app.media.quality_schemas import Qualities, Summary

blp = Blueprint("quality", __name__, description="How calls go, as the devices in them measure it.")


@blp.route("/participants/<id:participant_id>/stats")
class Stats(MethodView):
    @blp.arguments(Summary, example={"round_trip_ms": 48, "lost": 0.004, "jitter_ms": 6, "received_bps": 1_580_000})
    @blp.response(204)
    @blp.problems(errors.SenderLeft)
    @blp.doc(operationId="tellStats")
    def post(self, data: dict[str, Any], participant_id: str) -> None:
        """Tell how your call goes

        A summary of `getStats()` since the one before, every `stats.every_s` of the RTC configuration; 0: not at all.
        """
        quality.tell(work(), participant_id, data)


@blp.route("/meetings/<id:meeting_id>/quality")
class Quality(MethodView):
    @blp.response(200, Qualities)
    @blp.doc(operationId="readQuality")
    def get(self, meeting_id: str) -> Any:
        """Read how a meeting's call goes, or went

        Of each participant whose device has told: the newest figures, the worst, and the average. Hosts see
        everybody's, others their own. It goes with the meeting.
        """
        return {"items": quality.of_meeting(work(), actor(), meeting_id)}
