from typing import NamedTuple


class InvitationChanged(NamedTuple):
    """Sent, answered, asked again or revoked: `status` says which."""

    invitation_id: str
    meeting_id: str
    status: str
