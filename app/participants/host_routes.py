from typing import Any

from flask.views import MethodView

from app.core import errors
from app.core.api import Blueprint
from app.core.flask_app import actor, work
from app.core.pagination import PageQuery, page_of
from app.meetings import people
from app.meetings import service as meetings
from app.meetings.schemas import PersonName
from app.participants import lobby, moderation, service
from app.participants.schemas import Affected, BannedOut, ParticipantOut, Role

blp = Blueprint("moderation", __name__, description="What hosts do: admit, mute, remove, ban, share their role.")


@blp.route("/participants/<id:participant_id>/admit")
class Admit(MethodView):
    @blp.response(200, ParticipantOut)
    @blp.problems(errors.ParticipantStateConflict, errors.MeetingStateConflict)
    def post(self, participant_id: str) -> Any:
        """Let in somebody who waits

        Their poll tells them at once by `participant.updated`.
        """
        participant = service.hold(work(), participant_id)
        lobby.admit(work(), participant)
        return participant


@blp.route("/participants/<id:participant_id>/deny")
class Deny(MethodView):
    @blp.response(200, ParticipantOut)
    @blp.problems(errors.ParticipantStateConflict)
    def post(self, participant_id: str) -> Any:
        """Send away somebody who waits

        Their stay ends with the reason `denied`. They may ask again, but not more often than `LOBBY_DENIALS_MAX` says.
        """
        participant = service.hold(work(), participant_id)
        lobby.deny(work(), participant)
        return participant


@blp.route("/meetings/<id:meeting_id>/lobby/admit-all")
class AdmitAll(MethodView):
    @blp.response(200, Affected)
    @blp.problems(errors.MeetingStateConflict)
    @blp.doc(operationId="admitAll")
    def post(self, meeting_id: str) -> Any:
        """Let in everybody who waits"""
        return {"items": lobby.admit_all(work(), meetings.hold(work(), meeting_id))}


@blp.route("/participants/<id:participant_id>/mute")
class Mute(MethodView):
    @blp.response(200, ParticipantOut)
    @blp.problems(errors.ParticipantStateConflict)
    def post(self, participant_id: str) -> Any:
        """Mute somebody

        Everybody in the room gets `participant.mute`; the device that it names mutes itself. Where media goes from
        device to device no server can silence one that does not.
        """
        participant = service.hold(work(), participant_id)
        moderation.mute(work(), actor(), participant)
        return participant


@blp.route("/meetings/<id:meeting_id>/mute-all")
class MuteAll(MethodView):
    @blp.response(200, Affected)
    @blp.doc(operationId="muteAll")
    def post(self, meeting_id: str) -> Any:
        """Mute everybody but the hosts"""
        meetings.hold(work(), meeting_id)
        return {"items": moderation.mute_all(work(), actor(), meeting_id)}


@blp.route("/participants/<id:participant_id>/ask-to-unmute")
class AskToUnmute(MethodView):
    @blp.response(200, ParticipantOut)
    @blp.problems(errors.ParticipantStateConflict)
    @blp.doc(operationId="askToUnmute")
    def post(self, participant_id: str) -> Any:
        """Ask somebody to unmute

        Their device gets `participant.ask_to_unmute`. Nobody is unmuted by another.
        """
        participant = service.hold(work(), participant_id)
        moderation.ask_to_unmute(work(), actor(), participant)
        return participant


@blp.route("/participants/<id:participant_id>/lower-hand")
class LowerHand(MethodView):
    @blp.response(200, ParticipantOut)
    @blp.problems(errors.ParticipantStateConflict)
    @blp.doc(operationId="lowerHand")
    def post(self, participant_id: str) -> Any:
        """Lower somebody's hand"""
        participant = service.hold(work(), participant_id)
        moderation.lower_hand(work(), participant)
        return participant


@blp.route("/participants/<id:participant_id>/remove")
class Remove(MethodView):
    @blp.response(200, ParticipantOut)
    def post(self, participant_id: str) -> Any:
        """Remove somebody's device from the meeting

        Its poll ends at once, and its signals are refused. They may join again as long as they are invited; where there
        is a lobby, they wait in it. Co-hosts are removed by the owner only, the owner by nobody.
        """
        participant = service.hold(work(), participant_id)
        moderation.remove(work(), actor(), participant)
        return participant


@blp.route("/participants/<id:participant_id>/ban")
class Ban(MethodView):
    @blp.response(200, BannedOut)
    def post(self, participant_id: str) -> Any:
        """Ban the person behind a participant

        All their devices are removed, and whatever they ask of the meeting from then on is 403 `banned`; of a series,
        all that is live or to come. Who comes anew without an account is somebody else to the server: so a guest's ban
        renews the code (`code_renewed`), and whoever has only the old link can't come any more.
        """
        people.hold_series(work(), service.get(work(), participant_id).meeting_id)
        participant = service.hold(work(), participant_id)
        code_renewed = moderation.ban(work(), actor(), participant)
        return {name: getattr(participant, name) for name in ParticipantOut().fields} | {"code_renewed": code_renewed}


@blp.route("/meetings/<id:meeting_id>/bans")
class Bans(MethodView):
    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(PersonName))
    def get(self, query: dict[str, Any], meeting_id: str) -> Any:
        """List who is banned"""
        return people.list_banned(work(), meeting_id, **query)


@blp.route("/meetings/<id:meeting_id>/bans/<id:user_id>")
class BanOfPerson(MethodView):
    @blp.response(204)
    def delete(self, meeting_id: str, user_id: str) -> None:
        """Lift a ban, of a series from all of it: what their invitation makes them they are again"""
        people.hold_series(work(), meeting_id)
        moderation.lift_ban(work(), meeting_id, user_id)


@blp.route("/participants/<id:participant_id>/role")
class RoleOfPerson(MethodView):
    @blp.arguments(Role)
    @blp.response(200, ParticipantOut)
    @blp.doc(operationId="setRole")
    def put(self, data: dict[str, Any], participant_id: str) -> Any:
        """Make the person behind a participant a co-host, or a participant again

        The role is the person's: it holds for all their devices, and when they leave and join again. Co-hosts start and
        end the meeting, admit, mute, remove, ban, lock and record; they do not change, cancel or erase it, invite, or
        give roles.
        """
        participant = service.hold(work(), participant_id)
        moderation.set_role(work(), participant, **data)
        return participant
