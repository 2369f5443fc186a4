from typing import NamedTuple


class InvitationChanged(NamedTuple):
    """Sent, answered, asked again or revoked: `status` says which. Of one to a series it is said for each
    occurrence that is live, or else for the next.
    """

    invitation_id: str
    meeting_id: str
    status: str
    why: str = ""  # of one that is pending: moved, declined (its proposal); of an accepted one: proposal (was accepted)


class InvitationRepeated(NamedTuple):
    """The owner asks again who has not answered yet."""

    invitation_id: str
