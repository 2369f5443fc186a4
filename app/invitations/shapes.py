"""Invitations as they are shown: with their meeting, or the occurrence that stands for a series, and with names."""

from collections.abc import Sequence
from typing import Any

from app.accounts.service import names_of
from app.core.runtime import Work
from app.invitations import places
from app.invitations.models import Invitation
from app.meetings import shapes as meeting_shapes
from app.meetings.models import Meeting


def view(work: Work, invitation: Invitation) -> dict[str, Any]:
    return views(work, [invitation])[0]


def views(work: Work, invitations: Sequence[Invitation]) -> list[dict[str, Any]]:
    """Invitations as `InvitationOut` takes them."""
    found = places.meetings_for(work, invitations)
    rules = {key: one.rule for key, one in meeting_shapes.series_of(work, list(found.values())).items()}
    ids = {meeting.owner_id for meeting in found.values()}
    ids |= {person for i in invitations for person in (i.inviter_id, i.invitee_id) if person is not None}
    names = names_of(work, ids)
    return [_view(one, found[one.id], rules, names) for one in invitations if one.id in found]


def _view(
    invitation: Invitation, meeting: Meeting, rules: dict[str | None, str], names: dict[str, str]
) -> dict[str, Any]:
    proposal = None
    if invitation.status == "proposed":
        proposal = {
            "starts_at": invitation.proposed_starts_at,
            "duration_min": invitation.proposed_duration_min,
            "note": invitation.note,
        }
    return {
        "id": invitation.id,
        "status": invitation.status,
        "scope": "this" if invitation.series_id is None else "all",
        "message": invitation.message,
        "meeting": {
            "id": meeting.id,
            "title": meeting.title,
            "state": meeting.state,
            "starts_at": meeting.starts_at,
            "duration_min": meeting.duration_min,
            "time_zone": meeting.time_zone,
            "series_id": meeting.series_id,
            "recurrence": rules.get(meeting.series_id),
            "owner": {"user_id": meeting.owner_id, "display_name": names[meeting.owner_id]},
        },
        "inviter": {"user_id": invitation.inviter_id, "display_name": names[invitation.inviter_id]},
        "invitee": {
            "user_id": invitation.invitee_id,
            "email": invitation.email,
            "display_name": names[invitation.invitee_id] if invitation.invitee_id else None,
        },
        "proposal": proposal,
        "created_at": invitation.created_at,
        "responded_at": invitation.responded_at,
    }
