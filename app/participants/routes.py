from typing import Any

from flask import request
from flask.views import MethodView

from app.accounts import tokens
from app.core import errors
from app.core.api import Blueprint, etag
from app.core.client_address import client_network
from app.core.flask_app import actor, actor_if_any, work
from app.core.pagination import page_of
from app.meetings import service as meetings
from app.meetings import shapes as meeting_shapes
from app.meetings.schemas import MeetingOut
from app.participants import guests, joining, service
from app.participants.schemas import (
    Admitted,
    Code,
    CodeOpens,
    Join,
    JoinByCode,
    Joined,
    OwnState,
    ParticipantOut,
    ParticipantsQuery,
)
from app.participants.throttling import CodeThrottle

blp = Blueprint("participants", __name__, description="Join and leave, by code too; who is there.")


@blp.route("/meetings/<id:meeting_id>/join")
class JoinMeeting(MethodView):
    @blp.arguments(Join, example={"device": "phone-1"})
    @blp.response(201, Joined)
    @blp.problems(
        errors.AlreadyJoined,
        errors.MeetingEnded,
        errors.MeetingCancelled,
        errors.MeetingFull,
        errors.MeetingLocked,
        errors.DeniedTooOften,
        errors.SenderLeft,
        errors.NoMediaWorker,
    )
    def post(self, data: dict[str, Any], meeting_id: str) -> Any:
        """Join a meeting

        Accepts a pending invitation. The answer has all that a call needs: your participant, its inbox, who is
        there, and the RTC configuration. `replaces` goes on as a participant of yours after a change of network: id,
        inbox and sequence stay, `epoch` grows. If your `state` is `waiting`, `waiting_for` says for what, and you learn
        nothing of the others; poll, and you are told when you are let in. A host is told here who waits.
        """
        return joining.join(work(), actor(), meeting_id, **data)


@blp.route("/meetings/look-up-code")
class LookUpCode(MethodView):
    @blp.arguments(Code, example={"code": "k7m-q2xw-8fd"})
    @blp.response(200, CodeOpens)
    @blp.problems(errors.CodeUnknown)
    @blp.doc(operationId="lookUpCode")
    def post(self, data: dict[str, Any]) -> Any:
        """See what a code opens, before joining

        With a token it also shows meetings that the token's user belongs to and that let no guests in.
        """
        with work().driver(CodeThrottle).attempt(client_network()):
            return guests.look_up(work(), actor_if_any(), data["code"])


@blp.route("/meetings/join-by-code")
class JoinMeetingByCode(MethodView):
    @blp.arguments(JoinByCode, example={"code": "k7m-q2xw-8fd", "display_name": "Gus"})
    @blp.response(200, Admitted)
    @blp.problems(
        errors.CodeUnknown,
        errors.MeetingEnded,
        errors.MeetingCancelled,
        errors.TooManyInvitations,
        errors.Banned,
    )
    @blp.doc(operationId="joinByCode")
    def post(self, data: dict[str, Any]) -> Any:
        """Come to a meeting by its code

        Without a token: as a guest. The answer has tokens that are good for what a participant does in this one
        meeting, and end with it. With a user's token: as oneself, as if one had been invited and had accepted. Then
        `POST /meetings/{meeting_id}/join` brings a device into the room, as for everybody.
        """
        with work().driver(CodeThrottle).attempt(client_network()):
            meeting, entered = guests.admit(
                work(), actor_if_any(), **data, user_agent=request.headers.get("User-Agent")
            )
        user_id = entered[0].id if entered else actor().user_id
        return {
            "meeting": meeting_shapes.view(work(), meeting, user_id),
            "tokens": tokens.issue(work().settings, *entered, work().now()) if entered else None,
        }


@blp.route("/meetings/<id:meeting_id>/guests/close")
class CloseGuestsOut(MethodView):
    @blp.response(200, MeetingOut)
    @blp.problems(errors.MeetingStateConflict)
    @blp.doc(operationId="closeGuestsOut")
    def post(self, meeting_id: str) -> Any:
        """Close guests out: those who are in go, and no more come

        Their polls end at once with `guests_closed`, and their tokens with them. `guests_allowed` becomes false; set it
        to true to let guests in again.
        """
        guests.close_out(work(), meetings.hold(work(), meeting_id))
        work().flush()
        meeting = meeting_shapes.view(work(), meetings.get(work(), meeting_id), actor().user_id)
        return meeting, 200, etag(meeting.version)


@blp.route("/meetings/<id:meeting_id>/participants")
class Participants(MethodView):
    @blp.arguments(ParticipantsQuery, location="query")
    @blp.response(200, page_of(ParticipantOut))
    def get(self, query: dict[str, Any], meeting_id: str) -> Any:
        """List who is and was there, in the order in which they came

        Those who wait, and those who were never let in, are shown to hosts only. A guest sees who is there.
        """
        return service.list_of_meeting(work(), actor(), meeting_id, **query)


@blp.route("/participants/<id:participant_id>")
class ParticipantById(MethodView):
    @blp.response(200, ParticipantOut)
    def get(self, participant_id: str) -> Any:
        """Read a participant"""
        return service.read(work(), actor(), participant_id)

    @blp.arguments(OwnState, example={"muted": True})
    @blp.response(200, ParticipantOut)
    @blp.problems(errors.SenderLeft, errors.NotPermitted)
    def patch(self, data: dict[str, Any], participant_id: str) -> Any:
        """Change your own state: muted, camera, screen, hand, name

        The last word counts, and only you have it: no `If-Match` here.
        """
        participant = service.hold(work(), participant_id)
        service.change_own_state(work(), actor(), participant, **data)
        return participant


@blp.route("/participants/<id:participant_id>/leave")
class Leave(MethodView):
    @blp.response(200, ParticipantOut)
    def post(self, participant_id: str) -> Any:
        """Leave"""
        participant = service.hold(work(), participant_id)
        service.leave(work(), participant)
        return participant
