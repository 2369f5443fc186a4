from typing import Any

from flask.views import MethodView

from app.core import errors
from app.core.api import Blueprint
from app.core.flask_app import actor, work
from app.meetings import service as meetings
from app.participants.door import only_waits
from app.participants.rtc import RtcConfig, RtcConfiguration, withhold
from app.signaling import service
from app.signaling.schemas import SendSignals, SentSignals, ServerTime

blp = Blueprint("signaling", __name__, description="Offers, answers and candidates between participants.")


@blp.route("/meetings/<id:meeting_id>/rtc/config")
class Config(MethodView):
    @blp.response(200, RtcConfig)
    @blp.doc(operationId="getRtcConfig")
    def get(self, meeting_id: str) -> Any:
        """Read how media is exchanged in this meeting

        `mode` is null until the meeting is live. TURN credentials are yours and expire at `ice_expires_at`; who waits
        to be let in gets no `ice_servers`.
        """
        meeting = meetings.get(work(), meeting_id)
        config = work().driver(RtcConfiguration).describe(work(), meeting, actor().user_id)
        return withhold(config) if only_waits(work(), actor().user_id, meeting_id) else config


@blp.route("/rtc/clock")
class ServerClock(MethodView):
    @blp.response(200, ServerTime)
    @blp.doc(operationId="getRtcClock")
    def get(self) -> Any:
        """Read the server's clock, to know how far it is ahead of yours

        Ask a few times and take the quickest answer: `now` was about in the middle between your asking and its answer,
        and half of that time is how wrong you may be.
        """
        return {"now": work().now()}


@blp.route("/meetings/<id:meeting_id>/rtc/signals")
class Signals(MethodView):
    @blp.arguments(SendSignals)
    @blp.response(201, SentSignals)
    @blp.problems(
        errors.NotYourParticipant,
        errors.EpochPassed,
        errors.RecipientUnknown,
        errors.SenderLeft,
        errors.RecipientLeft,
        errors.InboxFull,
    )
    @blp.doc(operationId="sendSignals")
    def post(self, data: dict[str, Any], meeting_id: str) -> Any:
        """Send signals, one or several, all or none

        They arrive in the recipients' inboxes in this order.
        """
        sent = service.send(work(), actor(), meeting_id, **data)
        return {"items": sent}
