"""Sessions that have ended, for those who remember that one was good: told at once, and to be looked up."""

from datetime import timedelta

from sqlalchemy import select

from app.accounts.events import SessionEnded
from app.accounts.models import UserSession
from app.core.runtime import Work

LOOK_BACK_S = 120.0  # more than a transaction that ends a session can take, and than clocks of two machines may differ
_TOPIC = "session:"


def tell(work: Work, event: SessionEnded) -> None:
    work.wake([_TOPIC + event.session_id])


def session_of(topic: str) -> str | None:
    """The session of whose end a nudge with this topic tells; None: it is about something else."""
    return topic.removeprefix(_TOPIC) if topic.startswith(_TOPIC) else None


def lately_ended(work: Work) -> set[str]:
    """Ids of the sessions that ended within `LOOK_BACK_S`."""
    since = work.now() - timedelta(seconds=LOOK_BACK_S)
    return set(work.scalars(select(UserSession.id).where(UserSession.ended_at > since)))
