"""Which operations of hosts and admins are written down, and how: one table beside that of who may do what. One that is
theirs and changes something, and is missing here, stops the start.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from flask import Flask, Response, g, request

from app import access
from app.access import Who
from app.core import audit
from app.core.flask_app import work
from app.core.runtime import Work
from app.invitations.models import Invitation
from app.participants.models import Participant

# By operation: what is written, which begins with what it is done to.
ACTIONS: dict[str, str] = {
    # hosts: the meeting
    "PATCH /meetings/{meeting_id}": "meeting.update",
    "DELETE /meetings/{meeting_id}": "meeting.delete",
    "POST /meetings/{meeting_id}/start": "meeting.start",
    "POST /meetings/{meeting_id}/end": "meeting.end",
    "POST /meetings/{meeting_id}/lock": "meeting.lock",
    "POST /meetings/{meeting_id}/unlock": "meeting.unlock",
    "POST /meetings/{meeting_id}/cancel": "meeting.cancel",
    "POST /meetings/{meeting_id}/code/renew": "meeting.renew_code",
    "POST /meetings/{meeting_id}/guests/close": "meeting.close_to_guests",
    "POST /meetings/{meeting_id}/lobby/admit-all": "meeting.admit_all",
    "POST /meetings/{meeting_id}/mute-all": "meeting.mute_all",
    "DELETE /meetings/{meeting_id}/bans/{user_id}": "meeting.lift_ban",
    "DELETE /meetings/{meeting_id}/messages": "chat.clear",
    # hosts: people
    "POST /meetings/{meeting_id}/invitations": "invitation.send",
    "DELETE /invitations/{invitation_id}": "invitation.withdraw",
    "POST /invitations/{invitation_id}/resend": "invitation.resend",
    "POST /invitations/{invitation_id}/proposal/accept": "invitation.accept_proposal",
    "POST /invitations/{invitation_id}/proposal/decline": "invitation.decline_proposal",
    "POST /participants/{participant_id}/admit": "participant.admit",
    "POST /participants/{participant_id}/deny": "participant.deny",
    "POST /participants/{participant_id}/mute": "participant.mute",
    "POST /participants/{participant_id}/ask-to-unmute": "participant.ask_to_unmute",
    "POST /participants/{participant_id}/lower-hand": "participant.lower_hand",
    "POST /participants/{participant_id}/remove": "participant.remove",
    "POST /participants/{participant_id}/ban": "participant.ban",
    "PUT /participants/{participant_id}/role": "participant.set_role",
    # hosts, and whom they let record: recordings and notes
    "POST /meetings/{meeting_id}/recordings": "recording.start",
    "POST /recordings/{recording_id}/stop": "recording.stop",
    "PATCH /recordings/{recording_id}": "recording.rename",
    "DELETE /recordings/{recording_id}": "recording.delete",
    "POST /recordings/{recording_id}/compose": "recording.compose",
    "POST /recordings/{recording_id}/shares": "share.make",
    "DELETE /recordings/{recording_id}/shares/{share_id}": "share.withdraw",
    "POST /recordings/{recording_id}/exports": "export.make",
    "DELETE /recordings/{recording_id}/exports/{export_id}": "export.delete",
    "POST /meetings/{meeting_id}/notes": "notes.make",
    "POST /meetings/{meeting_id}/notes/retry": "notes.retry",
    "DELETE /meetings/{meeting_id}/notes": "notes.delete",
    "PATCH /meetings/{meeting_id}/transcript": "notes.correct",
    # admins
    "DELETE /media/workers/{worker_id}": "worker.drain",
    "POST /admin/jobs/{job_id}/retry": "job.retry",
    "POST /admin/jobs/{job_id}/cancel": "job.cancel",
    "DELETE /admin/users/{user_id}": "user.erase",
    "POST /admin/users/{user_id}/disable": "user.disable",
    "POST /admin/users/{user_id}/enable": "user.enable",
    "PUT /admin/users/{user_id}/role": "user.set_role",
    "POST /admin/meetings/{meeting_id}/end": "meeting.end",
}

# Fields whose values are words of the contract: of these it is told what was said, of all others that they were.
_WORDS = ("role", "mode", "layout", "clean", "format", "scope", "meetings", "lobby", "media_mode", "audio_only")

_THEIRS = frozenset({Who.OWNER, Who.CO_HOST, Who.ADMIN, Who.WORKER})
_CHANGES = ("POST", "PUT", "PATCH", "DELETE")

View = Callable[..., Any]


class _Subject(NamedTuple):
    """Found before the act: afterwards it may be gone."""

    kind: str | None
    id: str | None
    user_id: str | None


def is_of_hosts_or_admins(operation: str) -> bool:
    """Whether it changes something, and is nobody's but theirs."""
    allowed = access.RULES[operation]
    return operation.startswith(_CHANGES) and allowed <= _THEIRS and allowed != access.WORKER


def write_down(app: Flask) -> None:
    """Have every operation of the table leave its line. Others are not touched, and cost nothing."""
    missing = sorted(one for one in access.RULES if is_of_hosts_or_admins(one) and one not in ACTIONS)
    unknown = sorted(ACTIONS.keys() - access.RULES.keys())
    if missing or unknown:
        raise RuntimeError(f"app/audited.py: nothing is written down of {missing}; no operation for {unknown}")
    for rule in app.url_map.iter_rules():
        keys = {method: access.key_of(method, rule.rule) for method in (rule.methods or set()) if method in _CHANGES}
        actions = {method: ACTIONS[key] for method, key in keys.items() if key in ACTIONS}
        if actions:
            app.view_functions[rule.endpoint] = _audited(app.view_functions[rule.endpoint], actions)


def _audited(view: View, actions: dict[str, str]) -> View:
    @wraps(view)
    def act(**path_ids: Any) -> Any:
        action = actions.get(request.method)
        if action is None or g.actor.is_service:
            return view(**path_ids)
        meeting_id = g.get("meeting_id")
        subject = _subject(work(), path_ids)
        answer = view(**path_ids)
        if action.partition(".")[0] != subject.kind:
            subject = _made(action, answer, subject)
        audit.write(
            work(),
            action,
            actor_role=g.actor.role,
            actor_id=g.actor.user_id,
            meeting_id=meeting_id,
            subject=subject.kind,
            subject_id=subject.id,
            user_id=subject.user_id,
            details=_details(),
            address=(request.remote_addr or "")[:64] or None,
            request_id=g.request_id,
        )
        return answer

    return act


def _subject(at: Work, path_ids: dict[str, Any]) -> _Subject:
    if not path_ids:
        return _Subject(None, None, None)
    name, subject_id = list(path_ids.items())[-1]
    user_id: str | None = None
    if name == "participant_id":
        participant = at.get(Participant, subject_id)
        user_id = participant.user_id if participant is not None else None
    elif name == "invitation_id":
        invitation = at.get(Invitation, subject_id)
        user_id = invitation.invitee_id if invitation is not None else None
    elif name == "user_id":
        user_id = subject_id
    return _Subject(name.removesuffix("_id"), subject_id, user_id)


def _made(action: str, answer: Any, of: _Subject) -> _Subject:
    """What the act has made, where it answers with that; else what it was done to."""
    body = answer.get_json(silent=True) if isinstance(answer, Response) else None
    made = body.get("id") if isinstance(body, dict) else None
    return _Subject(action.partition(".")[0], made, of.user_id) if isinstance(made, str) else of


def _details() -> dict[str, Any]:
    """Which fields were given, and the words among them: the request was found right, so they are no more than that."""
    body = request.get_json(silent=True) if request.is_json else None
    given = {**request.args, **(body if isinstance(body, dict) else {})}
    said = {name: given[name] for name in _WORDS if isinstance(given.get(name), str | bool)}
    return said | ({"fields": sorted(given)} if given else {})
