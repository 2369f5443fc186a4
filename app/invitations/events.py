from dataclasses import dataclass


@dataclass(frozen=True)
class InvitationChanged:
    """Sent, answered, asked again or revoked: `status` says which."""

    invitation_id: str
    meeting_id: str
    status: str
