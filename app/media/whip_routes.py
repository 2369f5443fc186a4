from collections.abc import Collection
from typing import Any

from flask import Response, request
from flask.views import MethodView

from app.core import errors
from app.core.api import Blueprint, body_of, etag
from app.core.flask_app import actor, work
from app.core.openapi import IF_MATCH
from app.media import sdp_fragment, whip
from app.media.schemas import WhepQuery

SDP = "application/sdp"
OFFER = {
    "required": True,
    "content": {SDP: {"schema": {"type": "string"}}},
    "description": "An SDP offer (RFC 8866), as createOffer makes it.",
}
FRAGMENT = {
    "required": True,
    "content": {sdp_fragment.MEDIA_TYPE: {"schema": {"type": "string"}}},
    "description": "Candidates, or the credentials of an ICE restart (RFC 8840).",
}
TEXT = {"type": "string", "example": "v=0\r\n…"}
CREATED = {
    "Location": {"description": "The session: PATCH and DELETE it.", "schema": {"type": "string"}},
    "ETag": {"description": "The ICE session, for `If-Match`.", "schema": {"type": "string", "example": '"1"'}},
    "Link": {"description": "ICE servers (RFC 9725 §4.6), each in a field of its own.", "schema": {"type": "string"}},
}
RESTARTED = {"ETag": CREATED["ETag"]}
START_PROBLEMS = (
    *(errors.OfferRefused, errors.NoCommonCodec, errors.MeetingStateConflict, errors.MeetingEnded),
    *(errors.MeetingCancelled, errors.NoMediaServer, errors.EndToEndEncrypted, errors.MustBeAdmitted),
    *(errors.NoMediaWorker, errors.MeetingFull, errors.MeetingLocked, errors.DeniedTooOften, errors.InboxFull),
)
PATCH_PROBLEMS = (
    *(errors.BadRequest, errors.ParticipantStateConflict, errors.VersionMismatch, errors.PreconditionRequired),
    *(errors.OfferRefused, errors.NoCommonCodec, errors.MeetingStateConflict, errors.NoMediaWorker),
    errors.InboxFull,
)

blp = Blueprint("whip", __name__, description="Publish to a meeting with WHIP (RFC 9725), play it with WHEP.")


@blp.after_request
def say_what_is_taken(response: Response) -> Response:
    """RFC 9725 §4.2: an answer to OPTIONS names the type of what can be posted, here also of what can be patched."""
    if request.method == "OPTIONS" and request.url_rule is not None:
        methods = request.url_rule.methods or set()
        if "POST" in methods:
            response.headers["Accept-Post"] = SDP
        if "PATCH" in methods:
            response.headers["Accept-Patch"] = sdp_fragment.MEDIA_TYPE
    return response


def _text_of(media_type: str) -> str:
    """The request's body.

    :raises UnsupportedMediaType: it is of another type. :raises BadRequest: it is no text.
    """
    if request.mimetype != media_type:
        raise errors.UnsupportedMediaType(f"Send it as {media_type}.")
    try:
        return body_of(request).decode()
    except UnicodeDecodeError:
        raise errors.BadRequest("The body is not UTF-8.") from None


def _start(meeting_id: str, kind: whip.Kind, **wishes: Any) -> Response:
    started = whip.start(work(), actor(), meeting_id, kind, _text_of(SDP), **wishes)
    response = Response(started.answer, 201, mimetype=SDP)
    response.headers["Location"] = f"/api/v1/participants/{started.participant_id}/{kind}"
    response.headers.update(etag(started.version))
    for server in started.ice_servers:
        for link in links_of(server):
            response.headers.add("Link", link)
    return response


def links_of(server: dict[str, Any]) -> list[str]:
    """An ICE server in the form of RFC 9725 §4.6, one for each of its addresses."""
    secret = ""
    if "username" in server:
        secret = f'; username="{server["username"]}"; credential="{server["credential"]}"; credential-type="password"'
    return [f'<{url}>; rel="ice-server"{secret}' for url in server["urls"]]


def _patch(participant_id: str, kind: whip.Kind) -> Response:
    text = _text_of(sdp_fragment.MEDIA_TYPE)
    restarted = whip.patch(work(), actor(), participant_id, kind, text, versions=_versions_asked())
    if restarted is None:
        return Response(status=204)
    return Response(restarted.fragment, 200, etag(restarted.version), mimetype=sdp_fragment.MEDIA_TYPE)


def _versions_asked() -> Collection[str] | None:
    """Which ICE sessions `If-Match` names; None: `*`, any (in RFC 9725's example it stands in quotes).

    :raises PreconditionRequired: without the header.
    """
    if not request.headers.get("If-Match"):
        raise errors.PreconditionRequired()
    named = request.if_match.as_set()
    return None if request.if_match.star_tag or "*" in named else named


@blp.route("/meetings/<id:meeting_id>/whip")
class Whip(MethodView):
    @blp.response(204)
    @blp.doc(operationId="probeWhip")
    def get(self, meeting_id: str) -> Response:
        """See that one may publish here: there is nothing to read (RFC 9725 §4.1)"""
        return Response(status=204)

    @blp.doc(operationId="startWhip", requestBody=OFFER)
    @blp.response(201, TEXT, content_type=SDP, headers=CREATED, description="The SDP answer")
    @blp.problems(*START_PROBLEMS)
    def post(self, meeting_id: str) -> Response:
        """Publish to a live meeting with an encoder (WHIP, RFC 9725)

        The answer has all candidates of the media server. The session is a participant, and stays as long as its media
        connection does: until it is silent for 30 s, says goodbye, or is deleted.
        """
        return _start(meeting_id, "whip")


@blp.route("/participants/<id:participant_id>/whip")
class WhipSession(MethodView):
    @blp.response(204)
    @blp.problems(errors.ParticipantStateConflict)
    @blp.doc(operationId="probeWhipSession")
    def get(self, participant_id: str) -> Response:
        """See that a WHIP session is there"""
        whip.session_of(work(), participant_id, "whip")
        return Response(status=204)

    @blp.doc(operationId="patchWhipSession", requestBody=FRAGMENT, parameters=[IF_MATCH])
    @blp.response(200, TEXT, content_type=sdp_fragment.MEDIA_TYPE, headers=RESTARTED, description="ICE was restarted")
    @blp.alt_response(204, description="Candidates were taken", success=True)
    @blp.problems(*PATCH_PROBLEMS)
    def patch(self, participant_id: str) -> Response:
        """Add candidates to a WHIP session, or restart its ICE

        New credentials are a restart, whatever `If-Match` says that fits; `*` fits always.
        """
        return _patch(participant_id, "whip")

    @blp.response(200)
    @blp.problems(errors.ParticipantStateConflict)
    @blp.doc(operationId="endWhipSession")
    def delete(self, participant_id: str) -> Response:
        """End a WHIP session"""
        whip.end(work(), participant_id, "whip")
        return Response(status=200)


@blp.route("/meetings/<id:meeting_id>/whep")
class Whep(MethodView):
    @blp.response(204)
    @blp.doc(operationId="probeWhep")
    def get(self, meeting_id: str) -> Response:
        """See that one may play here: there is nothing to read"""
        return Response(status=204)

    @blp.arguments(WhepQuery, location="query")
    @blp.doc(operationId="startWhep", requestBody=OFFER)
    @blp.response(201, TEXT, content_type=SDP, headers=CREATED, description="The SDP answer")
    @blp.problems(*START_PROBLEMS)
    def post(self, query: dict[str, Any], meeting_id: str) -> Response:
        """Play a live meeting (WHEP, draft-ietf-wish-whep)

        A video m-line shows the screen that is shared, else who speaks, else the first camera; an audio m-line follows
        who speaks. With more of them, each carries another's. The session is a participant, as with WHIP.
        """
        return _start(meeting_id, "whep", **query)


@blp.route("/participants/<id:participant_id>/whep")
class WhepSession(MethodView):
    @blp.response(204)
    @blp.problems(errors.ParticipantStateConflict)
    @blp.doc(operationId="probeWhepSession")
    def get(self, participant_id: str) -> Response:
        """See that a WHEP session is there"""
        whip.session_of(work(), participant_id, "whep")
        return Response(status=204)

    @blp.doc(operationId="patchWhepSession", requestBody=FRAGMENT, parameters=[IF_MATCH])
    @blp.response(200, TEXT, content_type=sdp_fragment.MEDIA_TYPE, headers=RESTARTED, description="ICE was restarted")
    @blp.alt_response(204, description="Candidates were taken", success=True)
    @blp.problems(*PATCH_PROBLEMS)
    def patch(self, participant_id: str) -> Response:
        """Add candidates to a WHEP session, or restart its ICE"""
        return _patch(participant_id, "whep")

    @blp.response(200)
    @blp.problems(errors.ParticipantStateConflict)
    @blp.doc(operationId="endWhepSession")
    def delete(self, participant_id: str) -> Response:
        """End a WHEP session"""
        whip.end(work(), participant_id, "whep")
        return Response(status=200)
