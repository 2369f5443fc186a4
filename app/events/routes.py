import time
from typing import Any

from flask import Response, current_app, g, request
from flask.views import MethodView

from app.core import errors
from app.core.api import Blueprint
from app.core.flask_app import actor, work
from app.events.polling import SLOT, EventsPoll, Slot, poll, poll_in_slot
from app.events.schemas import EventsQuery, EventsReply
from app.inbox.polling import TOKEN_MARGIN_S
from app.inbox.routes import hang_up_detector

blp = Blueprint("events", __name__, description="What happened, in one order, for programs that follow it.")


@blp.route("/events")
class EventsView(MethodView):
    @blp.arguments(EventsQuery, location="query")
    @blp.response(200, EventsReply)
    @blp.problems(errors.CursorAhead, errors.TooManyPolls)
    @blp.doc(operationId="listEvents")
    def get(self, query: dict[str, Any]) -> Response:
        """Read what happened, the oldest first, and wait for more

        A person sees events of the meetings that they may see, and their own; services and admins see all. No event is
        skipped: one that is committed late gets a position behind all that were given before. Events are kept for
        EVENTS_KEEP_DAYS.
        """
        unit = work()
        most = unit.settings.poll_max_wait_s
        if not 0 <= query["wait"] <= most:
            message = f"Must be from 0 to {most:g} seconds."
            raise errors.ValidationFailed(errors=[{"location": "query", "field": "wait", "message": message}])
        unit.close()  # a parked poll holds no connection
        asked = EventsPoll(
            actor().user_id,
            actor().is_service or actor().is_admin,
            query["after"],
            query["limit"],
            query["meeting_id"],
            query["name"],
            time.monotonic() + min(query["wait"], _valid_s()),
        )
        slot: Slot | None = request.environ.get(SLOT)
        if slot is None:
            reply = poll(unit.runtime, asked, hang_up_detector(request.environ))
        else:
            reply = poll_in_slot(unit.runtime, asked, slot)
        return Response(current_app.json.dumps(reply), mimetype="application/json")


def _valid_s() -> float:
    """No poll outlives its token."""
    if g.token_expires_at is None:
        return float("inf")
    left_s: float = (g.token_expires_at - work().runtime.clock.now()).total_seconds()
    return max(0.0, left_s - TOKEN_MARGIN_S)
