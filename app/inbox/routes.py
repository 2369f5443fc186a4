import select
import socket
from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, current_app, g, request
from flask.views import MethodView

from app.core import errors
from app.core.api import Blueprint
from app.core.flask_app import actor, work
from app.inbox import service
from app.inbox.parking import Poll
from app.inbox.polling import SLOT, Slot, poll, poll_in_slot
from app.inbox.schemas import Acknowledge, Acknowledged, InboxQuery, InboxReply

blp = Blueprint("inbox", __name__, description="Poll for messages and acknowledge them: one poll for everything.")


@blp.route("/rtc/inbox")
class InboxView(MethodView):
    @blp.arguments(InboxQuery, location="query")
    @blp.response(200, InboxReply)
    @blp.problems(errors.NotFound, errors.CursorAhead, errors.InboxClosed, errors.TooManyPolls)
    @blp.doc(operationId="pollInbox")
    def get(self, query: dict[str, Any]) -> Response:
        """Wait for messages

        Answers at once if there are messages behind `after`, else as soon as one comes, at the latest after `wait`
        seconds with an empty list. A newer poll of the same inbox ends an older one (`superseded`). Polling is the
        participant's heartbeat. What is not acknowledged is delivered again.
        """
        unit = work()
        settings = unit.settings
        wait_s = settings.poll_default_wait_s if query["wait"] is None else query["wait"]
        if not 0 <= wait_s <= settings.poll_max_wait_s:
            message = f"Must be from 0 to {settings.poll_max_wait_s:g} seconds."
            raise errors.ValidationFailed(errors=[{"location": "query", "field": "wait", "message": message}])
        inbox_id = service.own_inbox(unit, actor(), query["participant_id"], query["worker_id"]).id
        unit.close()  # a parked poll holds no connection
        asked = Poll(
            actor().user_id,
            actor().session_id,
            inbox_id,
            query["after"],
            query["ack"],
            query["limit"],
            wait_s,
            g.token_expires_at,
        )
        slot: Slot | None = request.environ.get(SLOT)
        if slot is None:
            reply = poll(unit.runtime, asked, hang_up_detector(request.environ))
        else:
            reply = poll_in_slot(unit.runtime, asked, slot)
        return Response(current_app.json.dumps(reply), mimetype="application/json")


@blp.route("/rtc/ack")
class Ack(MethodView):
    @blp.arguments(Acknowledge, example={"up_to": 0})
    @blp.response(200, Acknowledged)
    @blp.problems(errors.NotFound, errors.CursorAhead)
    @blp.doc(operationId="acknowledgeInbox")
    def post(self, data: dict[str, Any]) -> Any:
        """Acknowledge messages

        Everything up to and including `up_to` will not be delivered again. Idempotent; never goes backwards.
        """
        inbox = service.own_inbox(work(), actor(), data["participant_id"], data["worker_id"])
        service.acknowledge(work(), inbox, data["up_to"])
        return inbox


def hang_up_detector(environ: Mapping[str, Any]) -> Callable[[], bool]:
    """A function that tells whether the client has closed its connection, where the server shows its socket.

    A closed connection is readable and has nothing to read. (gunicorn and Werkzeug put the socket into the
    environment; others don't, and there a poll simply waits until its time is up.)
    """
    connection = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    if type(connection) is not socket.socket:  # a TLS socket can't be peeked at
        return lambda: False

    def hung_up() -> bool:
        try:
            if not select.select([connection], [], [], 0)[0]:
                return False
            return connection.recv(1, socket.MSG_PEEK) == b""
        except (OSError, ValueError):
            return True

    return hung_up
