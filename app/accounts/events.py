"""What happens to accounts, for features above to hear (`app/wiring.py` says which)."""

from typing import NamedTuple


class UserRegistered(NamedTuple):
    user_id: str
    email: str


class EmailVerified(NamedTuple):
    """From now on the address is known to be theirs. At registration it comes after `UserRegistered`."""

    user_id: str
    email: str


class UserRenamed(NamedTuple):
    user_id: str
    display_name: str


class UserErased(NamedTuple):
    """Their sessions have ended and their row is a tombstone already."""

    user_id: str


class SessionStarted(NamedTuple):
    session_id: str
    user_id: str
    display_name: str


class SessionEnded(NamedTuple):
    """Signed out, revoked, expired, or ended because its refresh token was used twice."""

    session_id: str
    user_id: str
