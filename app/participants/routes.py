from typing import Any

from flask.views import MethodView

from app.core import errors
from app.core.api import Blueprint
from app.core.flask_app import actor, work
from app.core.pagination import page_of
from app.participants import service
from app.participants.schemas import Join, Joined, OwnState, ParticipantOut, ParticipantsQuery

blp = Blueprint("participants", __name__, description="Join and leave; who is there.")


@blp.route("/meetings/<id:meeting_id>/join")
class JoinMeeting(MethodView):
    @blp.arguments(Join, example={"device": "phone-1"})
    @blp.response(201, Joined)
    @blp.problems(
        errors.AlreadyJoined,
        errors.MeetingEnded,
        errors.MeetingCancelled,
        errors.MeetingFull,
        errors.SenderLeft,
        errors.NoMediaWorker,
    )
    def post(self, data: dict[str, Any], meeting_id: str) -> Any:
        """Join a meeting

        Accepts a pending invitation. The answer has all that a call needs: your participant, its inbox, who is
        there, and the RTC configuration. `replaces` goes on as a participant of yours after a change of network: id,
        inbox and sequence stay, `epoch` grows.
        """
        return service.join(work(), actor(), meeting_id, **data)


@blp.route("/meetings/<id:meeting_id>/participants")
class Participants(MethodView):
    @blp.arguments(ParticipantsQuery, location="query")
    @blp.response(200, page_of(ParticipantOut))
    def get(self, query: dict[str, Any], meeting_id: str) -> Any:
        """List who is and was there, in the order in which they came"""
        return service.list_of_meeting(work(), meeting_id, **query)


@blp.route("/participants/<id:participant_id>")
class ParticipantById(MethodView):
    @blp.response(200, ParticipantOut)
    def get(self, participant_id: str) -> Any:
        """Read a participant"""
        return service.get(work(), participant_id)

    @blp.arguments(OwnState, example={"muted": True})
    @blp.response(200, ParticipantOut)
    @blp.problems(errors.SenderLeft)
    def patch(self, data: dict[str, Any], participant_id: str) -> Any:
        """Change your own state: muted, camera, screen, hand, name

        The last word counts, and only you have it: no `If-Match` here.
        """
        participant = service.hold(work(), participant_id)
        service.change_own_state(work(), participant, **data)
        return participant


@blp.route("/participants/<id:participant_id>/leave")
class Leave(MethodView):
    @blp.response(200, ParticipantOut)
    def post(self, participant_id: str) -> Any:
        """Leave"""
        participant = service.hold(work(), participant_id)
        service.leave(work(), participant)
        return participant


@blp.route("/participants/<id:participant_id>/remove")
class Remove(MethodView):
    @blp.response(200, ParticipantOut)
    def post(self, participant_id: str) -> Any:
        """Remove somebody from the meeting

        Their poll ends at once. They may join again as long as they are invited.
        """
        participant = service.hold(work(), participant_id)
        service.remove(work(), participant)
        return participant
