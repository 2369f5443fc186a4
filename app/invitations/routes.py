from typing import Any

from flask.views import MethodView

from app.core import errors
from app.core.api import Blueprint
from app.core.flask_app import actor, work
from app.core.pagination import page_of
from app.invitations import service, shapes
from app.invitations.schemas import (
    InvitationOut,
    InvitationsQuery,
    Invite,
    InviteQuery,
    MyInvitationsQuery,
    OccurrenceQuery,
    ProposalIn,
)
from app.meetings import series

blp = Blueprint("invitations", __name__, description="Ask people to a meeting; accept, reject, propose another time.")


@blp.route("/meetings/<id:meeting_id>/invitations")
class MeetingInvitations(MethodView):
    @blp.arguments(Invite, example={"invitees": [{"email": "ben@example.com"}], "message": "Please come."})
    @blp.arguments(InviteQuery, location="query")
    @blp.response(201, page_of(InvitationOut))
    @blp.problems(errors.MeetingStateConflict, errors.TooManyInvitations)
    def post(self, data: dict[str, Any], query: dict[str, Any], meeting_id: str) -> Any:
        """Invite people

        By account, or by an e-mail address that may get an account later. Who was invited already keeps the
        invitation as it is; one that was revoked is sent again.
        """
        meeting = series.hold_with(work(), meeting_id)
        if meeting.series_id is not None and query["scope"] == "all":
            series.hold_open(work(), meeting.series_id)
        invited = service.invite(work(), actor(), meeting, **data, **query)
        return {"items": invited, "next_cursor": None}

    @blp.arguments(InvitationsQuery, location="query")
    @blp.response(200, page_of(InvitationOut))
    def get(self, query: dict[str, Any], meeting_id: str) -> Any:
        """List a meeting's invitations, newest first"""
        return service.list_of_meeting(work(), meeting_id, **query)


@blp.route("/invitations")
class Invitations(MethodView):
    @blp.arguments(MyInvitationsQuery, location="query")
    @blp.response(200, page_of(InvitationOut))
    def get(self, query: dict[str, Any]) -> Any:
        """List the invitations that you received or sent, newest first"""
        return service.list_mine(work(), actor(), **query)


@blp.route("/invitations/<id:invitation_id>")
class InvitationById(MethodView):
    @blp.response(200, InvitationOut)
    def get(self, invitation_id: str) -> Any:
        """Read an invitation"""
        return _show(invitation_id)

    @blp.arguments(OccurrenceQuery, location="query")
    @blp.response(204)
    def delete(self, query: dict[str, Any], invitation_id: str) -> None:
        """Revoke an invitation; of a series for all that is to come, or for one occurrence"""
        service.revoke(work(), service.hold(work(), invitation_id, query["meeting_id"]))


@blp.route("/invitations/<id:invitation_id>/accept")
class Accept(MethodView):
    @blp.arguments(OccurrenceQuery, location="query")
    @blp.response(200, InvitationOut)
    @blp.problems(errors.InvitationStateConflict, errors.MeetingCancelled)
    def post(self, query: dict[str, Any], invitation_id: str) -> Any:
        """Say yes"""
        invitation = service.hold(work(), invitation_id, query["meeting_id"])
        service.accept(work(), invitation)
        return _show(invitation.id)


@blp.route("/invitations/<id:invitation_id>/reject")
class Reject(MethodView):
    @blp.arguments(OccurrenceQuery, location="query")
    @blp.response(200, InvitationOut)
    @blp.problems(errors.InvitationStateConflict)
    def post(self, query: dict[str, Any], invitation_id: str) -> Any:
        """Say no"""
        invitation = service.hold(work(), invitation_id, query["meeting_id"])
        service.reject(work(), invitation)
        return _show(invitation.id)


@blp.route("/invitations/<id:invitation_id>/propose")
class Propose(MethodView):
    @blp.arguments(ProposalIn, example={"starts_at": "2030-05-15T14:00:00Z", "note": "An hour later?"})
    @blp.arguments(OccurrenceQuery, location="query")
    @blp.response(200, InvitationOut)
    @blp.problems(errors.InvitationStateConflict, errors.MeetingStateConflict)
    def post(self, data: dict[str, Any], query: dict[str, Any], invitation_id: str) -> Any:
        """Propose another time

        Of a series for one occurrence, the next where none is named; that then has an invitation of its own.
        """
        invitation = service.propose(work(), service.hold(work(), invitation_id, query["meeting_id"]), **data)
        return _show(invitation.id)


@blp.route("/invitations/<id:invitation_id>/resend")
class Resend(MethodView):
    @blp.response(200, InvitationOut)
    @blp.problems(errors.InvitationStateConflict, errors.MeetingStateConflict)
    def post(self, invitation_id: str) -> Any:
        """Ask again"""
        service.resend(work(), service.hold(work(), invitation_id))
        return _show(invitation_id)


@blp.route("/invitations/<id:invitation_id>/proposal/accept")
class AcceptProposal(MethodView):
    @blp.response(200, InvitationOut)
    @blp.problems(errors.InvitationStateConflict, errors.MeetingStateConflict)
    def post(self, invitation_id: str) -> Any:
        """Move the meeting to the proposed time

        Its proposer thereby accepts; everyone else who had accepted the old time is asked again.
        """
        service.accept_proposal(work(), actor(), service.hold(work(), invitation_id))
        return _show(invitation_id)


@blp.route("/invitations/<id:invitation_id>/proposal/decline")
class DeclineProposal(MethodView):
    @blp.response(200, InvitationOut)
    @blp.problems(errors.InvitationStateConflict, errors.MeetingStateConflict)
    def post(self, invitation_id: str) -> Any:
        """Keep the meeting's time; the invitee is asked for it again"""
        service.decline_proposal(work(), service.hold(work(), invitation_id))
        return _show(invitation_id)


def _show(invitation_id: str) -> Any:
    return shapes.view(work(), service.get(work(), invitation_id))
