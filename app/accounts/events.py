"""What happens to accounts, for features above to hear (`app/wiring.py` says which)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class UserRegistered:
    user_id: str
    email: str


@dataclass(frozen=True)
class EmailVerified:
    """From now on the address is known to be theirs. At registration it comes after `UserRegistered`."""

    user_id: str
    email: str


@dataclass(frozen=True)
class UserRenamed:
    user_id: str
    display_name: str


@dataclass(frozen=True)
class UserErased:
    """Their sessions have ended and their row is a tombstone already."""

    user_id: str


@dataclass(frozen=True)
class ServiceAdmitted:
    """A program got a key."""

    user_id: str
    display_name: str


@dataclass(frozen=True)
class SessionStarted:
    session_id: str
    user_id: str
    display_name: str


@dataclass(frozen=True)
class SessionEnded:
    """Signed out, revoked, expired, or ended because its refresh token was used twice."""

    session_id: str
    user_id: str
