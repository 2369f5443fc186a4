"""Who may do what: one table, asked before any view runs. What it does not name is refused, and stops the start.

Rows are keyed as in the OpenAPI document. A path's id names its subject: who is nothing to the subject gets 404, as
if it did not exist; who may see it but not do this gets 403.
"""

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from flask import Flask, g, request
from sqlalchemy import and_, bindparam, or_

from app.accounts import tokens
from app.accounts.authentication import SESSION, authenticate, credentials_of, session_ended
from app.accounts.models import User
from app.calls.models import Call
from app.chat.models import ChatMessage
from app.core import errors, file_urls
from app.core.actor import Actor
from app.core.prepared import Prepared
from app.core.runtime import Work
from app.health import metrics
from app.invitations.models import Invitation
from app.invitations.places import meetings_for
from app.media import placement
from app.media.models import MediaWorker
from app.meetings.models import Meeting, MeetingPerson, Standing
from app.meetings.service import standing_of
from app.participants.models import Participant
from app.participants.service import is_in_the_room
from app.rate_limits import RateLimits
from app.recordings import guests_sending
from app.recordings.models import Recording
from app.signaling import service as signaling
from app.uploads.models import Upload
from app.uploads.parts import check_address
from app.webhooks.models import Webhook


class Who(StrEnum):
    ANYONE = "anyone"  # without a token too
    USER = "user"  # a signed-in person
    ADMIN = "admin"
    SERVICE = "service"  # a program, with a service key
    WORKER = "worker"  # the service whose media worker this is, or that the meeting is, or was, placed on
    OWNER = "owner"  # of the meeting that the subject belongs to
    CO_HOST = "co_host"  # whom its owner has made one
    ACCEPTED = "accepted"  # its invitation
    INVITED = "invited"  # and has not said yes
    INVITEE = "invitee"  # the person whom this very invitation asks
    SENDER = "sender"  # who wrote this very message
    GUEST = "guest"  # without an account; of the meeting that the subject belongs to, where there is a subject
    INSIDE = "guest_inside"  # a guest in the room: who waits at its door, or has left it, learns nothing of who is in
    RECORDS = "records"  # a guest who has begun to record themselves for this recording
    SELF = "self"  # the person whose device this participant is
    UPLOADER = "uploader"  # the person whose upload, or call, this is
    SUBSCRIBER = "subscriber"  # the person whose webhook this is
    SIGNED_URL = "signed_url"  # whoever has an address that Parley has signed: no token is asked for
    SCRAPER = "scraper"  # who reads figures, with METRICS_TOKEN or from METRICS_ADDRESSES
    BANNED = "banned"  # from the meeting: is told so, and nothing else


ANYONE = frozenset({Who.ANYONE})
USER = frozenset({Who.USER})
ANY_ACCOUNT = frozenset({Who.USER, Who.SERVICE})
OWNER = frozenset({Who.OWNER})
HOST = frozenset({Who.OWNER, Who.CO_HOST})
MEMBER = frozenset({Who.OWNER, Who.ACCEPTED})
ASKED = frozenset({Who.OWNER, Who.ACCEPTED, Who.INVITED})
GUEST = frozenset({Who.GUEST})
PRESENT = MEMBER | {Who.INSIDE}
INVITEE = frozenset({Who.INVITEE})
SELF = frozenset({Who.SELF})
UPLOADER = frozenset({Who.UPLOADER})
SUBSCRIBER = frozenset({Who.SUBSCRIBER})
SIGNED_URL = frozenset({Who.SIGNED_URL})
SENDER = frozenset({Who.SENDER})
SERVICE = frozenset({Who.SERVICE})
ADMIN = frozenset({Who.ADMIN})
WORKER = frozenset({Who.WORKER})

RULES: dict[str, frozenset[Who]] = {
    # accounts
    "POST /auth/register": ANYONE,
    "POST /auth/login": ANYONE,
    "POST /auth/refresh": ANYONE,
    "POST /auth/verify": ANYONE,
    "POST /auth/password/forgot": ANYONE,
    "POST /auth/password/reset": ANYONE,
    "GET /auth/oidc": ANYONE,
    "GET /auth/oidc/{provider}/start": ANYONE,
    "GET /auth/oidc/{provider}/callback": ANYONE,
    "POST /auth/oidc/{provider}/exchange": ANYONE,
    "POST /auth/logout": USER | GUEST,
    "GET /auth/me": ANY_ACCOUNT,
    "PATCH /auth/me": USER,
    "DELETE /auth/me": USER,
    "POST /auth/password": USER,
    "POST /auth/verify/send": USER,
    "GET /auth/sessions": USER,
    "DELETE /auth/sessions/{session_id}": USER,
    "GET /auth/me/storage": USER,
    "GET /auth/me/usage": USER,
    "GET /auth/me/data": USER,
    "GET /auth/me/identities": USER,
    "POST /auth/me/identities": USER,
    "DELETE /auth/me/identities/{identity_id}": USER,
    "GET /users": USER,
    # meetings
    "POST /meetings": USER,
    "GET /meetings": USER,
    "GET /meetings/{meeting_id}": ASKED | GUEST,
    "PATCH /meetings/{meeting_id}": OWNER,
    "DELETE /meetings/{meeting_id}": OWNER,
    "POST /meetings/{meeting_id}/start": HOST,
    "POST /meetings/{meeting_id}/end": HOST,
    "POST /meetings/{meeting_id}/lock": HOST,
    "POST /meetings/{meeting_id}/unlock": HOST,
    "POST /meetings/{meeting_id}/cancel": OWNER,
    "POST /meetings/{meeting_id}/code/renew": OWNER,
    # calendar
    "GET /meetings/{meeting_id}/calendar.ics": ASKED,
    "GET /auth/me/calendar-feed": USER,
    "PUT /auth/me/calendar-feed": USER,
    "DELETE /auth/me/calendar-feed": USER,
    "GET /calendar/feed/{secret}.ics": ANYONE,  # whoever has the secret
    # invitations
    "POST /meetings/{meeting_id}/invitations": OWNER,
    "GET /meetings/{meeting_id}/invitations": OWNER,
    "GET /invitations": USER,
    "GET /invitations/{invitation_id}": INVITEE | OWNER,
    "DELETE /invitations/{invitation_id}": OWNER,
    "POST /invitations/{invitation_id}/accept": INVITEE,
    "POST /invitations/{invitation_id}/reject": INVITEE,
    "POST /invitations/{invitation_id}/propose": INVITEE,
    "POST /invitations/{invitation_id}/resend": OWNER,
    "POST /invitations/{invitation_id}/proposal/accept": OWNER,
    "POST /invitations/{invitation_id}/proposal/decline": OWNER,
    # participants
    "POST /meetings/look-up-code": ANYONE | USER,  # a guest without a token, a user with one
    "POST /meetings/join-by-code": ANYONE | USER,
    "POST /meetings/{meeting_id}/guests/close": OWNER,
    "POST /meetings/{meeting_id}/join": ASKED | GUEST,
    "GET /meetings/{meeting_id}/participants": MEMBER | GUEST,  # of whom those who wait see themselves alone
    "GET /participants/{participant_id}": PRESENT | SELF,
    "PATCH /participants/{participant_id}": SELF,
    "POST /participants/{participant_id}/leave": SELF,
    "POST /participants/{participant_id}/admit": HOST,
    "POST /participants/{participant_id}/deny": HOST,
    "POST /participants/{participant_id}/mute": HOST,
    "POST /participants/{participant_id}/ask-to-unmute": HOST,
    "POST /participants/{participant_id}/lower-hand": HOST,
    "POST /participants/{participant_id}/remove": HOST,
    "POST /participants/{participant_id}/ban": HOST,
    "PUT /participants/{participant_id}/role": OWNER,
    "POST /meetings/{meeting_id}/lobby/admit-all": HOST,
    "POST /meetings/{meeting_id}/mute-all": HOST,
    "GET /meetings/{meeting_id}/bans": HOST,
    "GET /meetings/{meeting_id}/audit": HOST,
    "DELETE /meetings/{meeting_id}/bans/{user_id}": HOST,
    # signaling and media
    "GET /meetings/{meeting_id}/rtc/config": MEMBER | GUEST,
    "POST /meetings/{meeting_id}/rtc/signals": MEMBER | GUEST | WORKER,
    "POST /meetings/{meeting_id}/rtc/reports": WORKER,
    "GET /meetings/{meeting_id}/rtc/tracks": PRESENT,
    "POST /participants/{participant_id}/stats": SELF,
    "GET /meetings/{meeting_id}/quality": MEMBER,  # hosts everybody's, others their own
    "GET /meetings/{meeting_id}/whip": ASKED | GUEST,
    "POST /meetings/{meeting_id}/whip": ASKED | GUEST,  # as joining, which it is
    "GET /meetings/{meeting_id}/whep": ASKED | GUEST,
    "POST /meetings/{meeting_id}/whep": ASKED | GUEST,
    "GET /participants/{participant_id}/whip": SELF,
    "PATCH /participants/{participant_id}/whip": SELF,
    "DELETE /participants/{participant_id}/whip": SELF,
    "GET /participants/{participant_id}/whep": SELF,
    "PATCH /participants/{participant_id}/whep": SELF,
    "DELETE /participants/{participant_id}/whep": SELF,
    "GET /rtc/clock": ANY_ACCOUNT | GUEST,
    "POST /media/workers": SERVICE,
    "GET /media/workers": ADMIN,
    "PUT /media/workers/{worker_id}": WORKER,
    "DELETE /media/workers/{worker_id}": WORKER | ADMIN,
    "GET /media/workers/{worker_id}/placements": WORKER,
    "GET /rtc/inbox": ANY_ACCOUNT | GUEST,
    "POST /rtc/ack": ANY_ACCOUNT | GUEST,
    # uploads
    "POST /uploads": ANY_ACCOUNT | GUEST,
    "GET /uploads": ANY_ACCOUNT | GUEST,
    "GET /uploads/{upload_id}": UPLOADER,
    "DELETE /uploads/{upload_id}": UPLOADER,
    "POST /uploads/{upload_id}/parts": UPLOADER,
    "PUT /uploads/{upload_id}/parts/{number}": SIGNED_URL,
    "POST /uploads/{upload_id}/complete": UPLOADER,
    # chat
    "POST /meetings/{meeting_id}/messages": PRESENT,
    "GET /meetings/{meeting_id}/messages": PRESENT,
    "DELETE /meetings/{meeting_id}/messages": OWNER,
    "PUT /meetings/{meeting_id}/messages/read": PRESENT,
    "GET /messages/{message_id}": PRESENT,
    "GET /messages/{message_id}/file": PRESENT,
    "PATCH /messages/{message_id}": SENDER,
    "DELETE /messages/{message_id}": SENDER,
    "PUT /messages/{message_id}/reactions/{emoji}": PRESENT,
    "DELETE /messages/{message_id}/reactions/{emoji}": PRESENT,
    # recordings and notes
    "POST /meetings/{meeting_id}/recordings": MEMBER,  # by the meeting's permissions
    "GET /meetings/{meeting_id}/recordings": MEMBER,
    "GET /search": USER,
    "GET /recordings": USER,
    "GET /recordings/{recording_id}": MEMBER,
    "PATCH /recordings/{recording_id}": OWNER,
    "DELETE /recordings/{recording_id}": OWNER,
    "POST /recordings/{recording_id}/stop": MEMBER,  # who may record, their own; hosts, any
    "GET /recordings/{recording_id}/download": MEMBER,
    "GET /recordings/{recording_id}/file": SIGNED_URL,
    "GET /recordings/{recording_id}/poster": MEMBER,
    "GET /recordings/{recording_id}/waveform": MEMBER,
    "GET /recordings/{recording_id}/tracks/{track_file_id}/download": MEMBER,
    "POST /recordings/{recording_id}/compose": HOST,
    "POST /recordings/{recording_id}/shares": OWNER,
    "GET /recordings/{recording_id}/shares": OWNER,
    "DELETE /recordings/{recording_id}/shares/{share_id}": OWNER,
    "POST /recordings/look-up-share": ANYONE,  # whoever has the secret
    "POST /recordings/{recording_id}/exports": OWNER,
    "GET /recordings/{recording_id}/exports": OWNER,
    "GET /recordings/{recording_id}/exports/{export_id}": OWNER,
    "DELETE /recordings/{recording_id}/exports/{export_id}": OWNER,
    "GET /recordings/{recording_id}/exports/{export_id}/download": OWNER,
    "POST /recordings/{recording_id}/consent": PRESENT,
    "GET /recordings/{recording_id}/consents": HOST,
    "PUT /recordings/{recording_id}/tracks/{track_file_id}": WORKER,
    "POST /recordings/{recording_id}/reports": WORKER,
    "POST /recordings/{recording_id}/tracks": PRESENT,  # as a participant of one's own
    "POST /recordings/{recording_id}/tracks/{track_file_id}/finish": PRESENT | {Who.RECORDS},  # one's own
    "POST /recordings/{recording_id}/tracks/{track_file_id}/give-up": PRESENT | {Who.RECORDS},
    "POST /meetings/{meeting_id}/notes": OWNER,
    "GET /meetings/{meeting_id}/notes": MEMBER,
    "DELETE /meetings/{meeting_id}/notes": OWNER,
    "POST /meetings/{meeting_id}/notes/retry": OWNER,
    "GET /meetings/{meeting_id}/transcript": MEMBER,
    "PATCH /meetings/{meeting_id}/transcript": HOST,
    "GET /auth/me/spending": USER,
    # calls
    "POST /calls": USER,
    "GET /calls": USER,
    "GET /calls/{call_id}": UPLOADER,
    "DELETE /calls/{call_id}": UPLOADER,
    "GET /calls/{call_id}/file": SIGNED_URL,
    "POST /calls/{call_id}/retry": UPLOADER,
    "GET /calls/{call_id}/notes": UPLOADER,
    "GET /calls/{call_id}/transcript": UPLOADER,
    "PATCH /calls/{call_id}/transcript": UPLOADER,
    # events
    "GET /events": ANY_ACCOUNT,
    "POST /webhooks": USER,
    "GET /webhooks": USER,
    "GET /webhooks/{webhook_id}": SUBSCRIBER,
    "PATCH /webhooks/{webhook_id}": SUBSCRIBER,
    "DELETE /webhooks/{webhook_id}": SUBSCRIBER,
    "POST /webhooks/{webhook_id}/secret/rotate": SUBSCRIBER,
    "POST /webhooks/{webhook_id}/resume": SUBSCRIBER,
    "POST /webhooks/{webhook_id}/test": SUBSCRIBER,
    "GET /webhooks/{webhook_id}/deliveries": SUBSCRIBER,
    "GET /webhooks/{webhook_id}/deliveries/{delivery_id}": SUBSCRIBER,
    "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/replay": SUBSCRIBER,
    # operations
    "GET /admin/jobs": ADMIN,
    "GET /admin/jobs/{job_id}": ADMIN,
    "POST /admin/jobs/{job_id}/retry": ADMIN,
    "POST /admin/jobs/{job_id}/cancel": ADMIN,
    "GET /admin/users": ADMIN,
    "GET /admin/users/{user_id}": ADMIN,
    "DELETE /admin/users/{user_id}": ADMIN,
    "POST /admin/users/{user_id}/disable": ADMIN,
    "POST /admin/users/{user_id}/enable": ADMIN,
    "PUT /admin/users/{user_id}/role": ADMIN,
    "GET /admin/audit": ADMIN,
    "GET /admin/meetings": ADMIN,
    "GET /admin/meetings/{meeting_id}": ADMIN,
    "POST /admin/meetings/{meeting_id}/end": ADMIN,
    "GET /health": ANYONE,
    "GET /health/live": ANYONE,
    "GET /metrics": ADMIN | {Who.SCRAPER},
    "GET /health/ready": ANYONE,
}

# In the QA profile alone: there is nobody to sign in as after a reset, and nothing in it that is anybody's.
QA_RULES: dict[str, frozenset[Who]] = {
    "POST /qa/reset": ANYONE,
    "POST /qa/seed": ANYONE,
    "GET /qa/clock": ANYONE,
    "POST /qa/clock": ANYONE,
    "GET /qa/faults": ANYONE,
    "POST /qa/faults": ANYONE,
    "DELETE /qa/faults": ANYONE,
    "DELETE /qa/faults/{fault_id}": ANYONE,
}

API_PREFIX = "/api/v1"


def _meeting_of_invitation(work: Work, actor: Actor, invitation_id: str) -> tuple[str | None, set[Who]]:
    invitation = work.get(Invitation, invitation_id)
    if invitation is None:
        return None, set()
    is_invitee = invitation.invitee_id == actor.user_id and invitation.status != "revoked"
    meeting = meetings_for(work, [invitation]).get(invitation.id)
    return (meeting.id if meeting else None), {Who.INVITEE} if is_invitee else set()


def _meeting_of_participant(work: Work, actor: Actor, participant_id: str) -> tuple[str | None, set[Who]]:
    participant = work.get(Participant, participant_id)
    if participant is None:
        return None, set()
    return participant.meeting_id, {Who.SELF} if participant.user_id == actor.user_id else set()


def _meeting_of_message(work: Work, actor: Actor, message_id: str) -> tuple[str | None, set[Who]]:
    message = work.get(ChatMessage, message_id)
    if message is None:
        return None, set()
    return message.meeting_id, {Who.SENDER} if message.sender_id == actor.user_id else set()


def _meeting_of_recording(work: Work, actor: Actor, recording_id: str) -> tuple[str | None, set[Who]]:
    """Any service may know that a recording exists: its media worker deletes the files of one that does not, and must
    not do so because somebody has given it another account's key.
    """
    recording = work.get(Recording, recording_id)
    if recording is None:
        return None, set()
    known = _service_there(work, actor, recording.meeting_id)
    if actor.is_guest and guests_sending.has_begun(work, actor.user_id, recording_id):
        known |= {Who.RECORDS}
    return recording.meeting_id, known


def _upload(work: Work, actor: Actor, upload_id: str) -> tuple[None, set[Who]]:
    upload = work.get(Upload, upload_id)
    return None, {Who.UPLOADER} if upload is not None and upload.user_id == actor.user_id else set()


def _call(work: Work, actor: Actor, call_id: str) -> tuple[None, set[Who]]:
    call = work.get(Call, call_id)
    return None, {Who.UPLOADER} if call is not None and call.user_id == actor.user_id else set()


def _webhook(work: Work, actor: Actor, webhook_id: str) -> tuple[None, set[Who]]:
    webhook = work.get(Webhook, webhook_id)
    return None, {Who.SUBSCRIBER} if webhook is not None and webhook.user_id == actor.user_id else set()


def _meeting(work: Work, actor: Actor, meeting_id: str) -> tuple[str | None, set[Who]]:
    return meeting_id, _service_there(work, actor, meeting_id) - {Who.SERVICE}


def _service_there(work: Work, actor: Actor, meeting_id: str) -> set[Who]:
    if not actor.is_service:
        return set()
    return {Who.SERVICE, Who.WORKER} if placement.is_on_worker_of(work, meeting_id, actor.user_id) else {Who.SERVICE}


def _worker(work: Work, actor: Actor, worker_id: str) -> tuple[None, set[Who]]:
    worker = work.get(MediaWorker, worker_id)
    if worker is None:
        return None, set()
    return None, ({Who.WORKER} if worker.user_id == actor.user_id else set()) | (
        {Who.ADMIN} if actor.is_admin else set()
    )


# By the name of the path's id: how to find the subject's meeting (None: it has none, or there is no such subject), and
# who may know that the subject exists.
SUBJECTS: dict[str, tuple[Callable[[Work, Actor, str], tuple[str | None, set[Who]]], frozenset[Who]]] = {
    "meeting_id": (_meeting, ASKED | GUEST | WORKER),
    "invitation_id": (_meeting_of_invitation, INVITEE | OWNER),
    "participant_id": (_meeting_of_participant, PRESENT | SELF),
    "message_id": (_meeting_of_message, PRESENT),
    "recording_id": (_meeting_of_recording, PRESENT | SERVICE | {Who.RECORDS}),
    "upload_id": (_upload, UPLOADER),
    "call_id": (_call, UPLOADER),
    "webhook_id": (_webhook, SUBSCRIBER),
    "worker_id": (_worker, WORKER | ADMIN),
}

# Where the path names the meeting itself, one statement tells whether the session is good and what its person is there.
_WITH_RELATION = SESSION.add_columns(MeetingPerson.relation, MeetingPerson.role.label("role_there")).outerjoin(
    MeetingPerson, and_(MeetingPerson.user_id == User.id, MeetingPerson.meeting_id == bindparam("of_meeting"))
)
_SESSION_AND_RELATION = Prepared(_WITH_RELATION)

# Of signals, the most frequent of all requests, everything that has to be known.
SIGNALS = "POST /meetings/{meeting_id}/rtc/signals"
_SENDER_AND_RECIPIENT = Prepared(
    _WITH_RELATION.with_only_columns(
        User.display_name.label("user_name"),
        User.role,
        MeetingPerson.relation,
        MeetingPerson.role.label("role_there"),
        *signaling.PERSON,
    )
    .outerjoin(
        Participant,
        and_(
            Participant.meeting_id == bindparam("of_meeting"),
            or_(Participant.id == bindparam("of_sender"), Participant.id == bindparam("of_recipient")),
        ),
    )
    .outerjoin(Meeting, Meeting.id == Participant.meeting_id)
)

_RELATIONS = {
    "owner": Who.OWNER,
    "accepted": Who.ACCEPTED,
    "invited": Who.INVITED,
    "guest": Who.GUEST,
    "banned": Who.BANNED,
}


def guard(work: Work) -> None:
    """Authenticate the request, count it for its limits and hold it against the table.

    :raises TokenMissing: or another 401. :raises TooManyRequests: :raises NotFound: :raises Forbidden: :raises Banned:
    """
    rule = request.url_rule
    if rule is None:
        raise errors.NotFound()
    if request.method == "OPTIONS" or _is_page(rule.rule):
        return
    operation = key_of(request.method, rule.rule)
    allowed = _rule(operation)
    limits = work.driver(RateLimits)
    if Who.ANYONE in allowed and (allowed == ANYONE or "Authorization" not in request.headers):
        limits.check_address(operation)
        return
    if Who.SCRAPER in allowed and metrics.may_read(
        work.settings, request.headers.get("Authorization", ""), request.remote_addr or ""
    ):
        return
    if Who.SIGNED_URL in allowed:
        _check_signature(work, operation, request.view_args or {})
        return
    try:
        admit(work, operation, request.headers.get("Authorization", ""), request.view_args or {})
    except errors.ParleyError as error:
        if error.status == HTTPStatus.UNAUTHORIZED:
            limits.check_address(operation)
        raise


def admit(work: Work, operation: str, authorization: str, path_ids: dict[str, Any], *, beside: bool = True) -> None:
    """The same for an operation that wants a token; it sets `g.actor`, and `g.meeting_id` where the path's subject
    belongs to a meeting. It needs an application context, and no request: signals pass through here that Flask never
    sees. `beside`: see `authenticate`.

    :raises TokenMissing: or another 401. :raises TooManyRequests: :raises NotFound: :raises Forbidden:
    """
    allowed = _rule(operation)
    if "meeting_id" in path_ids and allowed is not ADMIN:
        of_meeting = g.meeting_id = path_ids["meeting_id"]
        g.actor, found = authenticate(work, authorization, _SESSION_AND_RELATION, beside=beside, of_meeting=of_meeting)
    else:
        (g.actor, _), found = authenticate(work, authorization, beside=beside), None
    if not g.actor.is_service:
        work.driver(RateLimits).check_user(operation, g.actor.user_id)
    if allowed is ADMIN:  # who is nothing to what it is about
        if "meeting_id" in path_ids:
            g.meeting_id = path_ids["meeting_id"]
        check(work, g.actor, allowed, {})
    elif found is None:
        check(work, g.actor, allowed, path_ids)
    else:
        relations = _relations(Standing(found.relation, found.role_there))
        if Who.GUEST in relations and Who.INSIDE in allowed:
            relations |= _inside(work, g.actor, path_ids["meeting_id"])
        _check_relation(relations, SUBJECTS["meeting_id"][1], allowed)


def admit_sender(
    work: Work, authorization: str, meeting_id: str, participant_id: str, recipient_id: str
) -> Sequence[Any]:
    """The guard of a person's signals to one recipient, where Flask is not asked (`serving/sending.py`).

    What `signaling` has to know of the two is found by the same statement, and returned. Sets `g.actor` and
    `g.meeting_id`; it needs an application context, and no request.

    :raises SessionEnded: or another 401. :raises TooManyRequests: :raises NotFound: :raises Forbidden:
    """
    g.meeting_id = meeting_id
    claims = tokens.read_access(credentials_of(authorization), work.now())
    work.driver(RateLimits).check_user(SIGNALS, claims.user_id)
    asked = {
        "of_user": claims.user_id,
        "of_session": claims.session_id,
        "now": work.now(),
        "of_meeting": meeting_id,
        "of_sender": participant_id,
        "of_recipient": recipient_id,
    }
    rows = work.run(_SENDER_AND_RECIPIENT, asked)
    if not rows:
        raise session_ended(work, claims.session_id)
    g.actor = Actor(claims.user_id, claims.session_id, rows[0].user_name, rows[0].role)
    _check_relation(
        _relations(Standing(rows[0].relation, rows[0].role_there)), SUBJECTS["meeting_id"][1], RULES[SIGNALS]
    )
    return rows


def _relations(standing: Standing) -> set[Who]:
    if standing.relation is None:
        return set()
    return {_RELATIONS[standing.relation]} | ({Who.CO_HOST} if standing.is_host and standing.role else set())


def _inside(work: Work, actor: Actor, meeting_id: str) -> set[Who]:
    return {Who.INSIDE} if is_in_the_room(work, actor.user_id, meeting_id) else set()


def _check_signature(work: Work, operation: str, path_ids: dict[str, Any]) -> None:
    try:
        if "upload_id" in path_ids:
            check_address(work.runtime, path_ids["upload_id"], path_ids["number"], request.args)
        else:
            file_urls.check_address(work.runtime, request.path, request.args)
    except errors.ParleyError:
        work.driver(RateLimits).check_address(operation)
        raise


def check(work: Work, actor: Actor, allowed: frozenset[Who], path_ids: dict[str, Any]) -> None:
    """Raise unless `actor` is one of those who are `allowed` with regard to the path's subject."""
    for name, subject_id in path_ids.items():
        if name in SUBJECTS:
            find_meeting, may_know = SUBJECTS[name]
            meeting_id, relations = find_meeting(work, actor, subject_id)
            if meeting_id is not None:
                g.meeting_id = meeting_id
                relations |= _relations(standing_of(work, actor.user_id, meeting_id))
                if Who.GUEST in relations:
                    relations |= _inside(work, actor, meeting_id)
            _check_relation(relations, may_know, allowed)
            return
    if not _role(actor) & allowed:
        raise errors.Forbidden("A guest's token is good for its meeting alone." if actor.is_guest else None)


def _check_relation(relations: set[Who], may_know: frozenset[Who], allowed: frozenset[Who]) -> None:
    if Who.BANNED in relations and not relations & allowed:
        raise errors.Banned()
    if not relations & may_know:
        raise errors.NotFound()
    if not relations & allowed:
        raise errors.Forbidden()


def _role(actor: Actor) -> set[Who]:
    if actor.is_service:
        return {Who.SERVICE}
    if actor.is_guest:
        return {Who.GUEST}
    return {Who.USER, Who.ADMIN} if actor.is_admin else {Who.USER}


def who_may(method: str, path: str) -> frozenset[str]:
    """The rule of an operation, by method and path as in the OpenAPI document."""
    return frozenset(str(who) for who in _rule(f"{method} {path.removeprefix(API_PREFIX)}"))


def _rule(operation: str) -> frozenset[Who]:
    return RULES[operation] if operation in RULES else QA_RULES[operation]


def check_complete(app: Flask, rules: dict[str, frozenset[Who]]) -> None:
    """Stop the start if an operation has no rule, or a rule no operation."""
    found = {
        key_of(method, rule.rule)
        for rule in app.url_map.iter_rules()
        if not _is_page(rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    without_rule, without_operation = sorted(found - rules.keys()), sorted(rules.keys() - found)
    if without_rule or without_operation:
        raise RuntimeError(f"app/access.py: no rule for {without_rule}; no operation for {without_operation}")


_CONVERTED = re.compile(r"<(?:\w+:)?(\w+)>")


@lru_cache(maxsize=1024)
def key_of(method: str, rule: str) -> str:
    """How the table names what Flask has as a method and a rule."""
    path = _CONVERTED.sub(r"{\1}", rule.removeprefix(API_PREFIX))
    return f"{'GET' if method == 'HEAD' else method} {path}"


def _is_page(rule: str) -> bool:
    """Pages, documents and their assets: open, and they show nothing of anybody."""
    return not rule.startswith((API_PREFIX + "/", "/health", "/metrics"))
