"""Sessions: one signing in of one device, from its first token to its end."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.accounts import events
from app.accounts.models import User, UserSession
from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.pagination import paginate
from app.core.runtime import Work

USER_AGENT_KEPT = 300  # characters
_TOLD = {
    "meeting_ended": "The meeting has ended, and with it your access as a guest.",
    "meeting_cancelled": "The meeting was cancelled, and with it your access as a guest.",
    "guests_closed": "The host has closed the meeting to guests.",
    "disabled": "Whoever runs this server has locked this account out.",
    "removed": "The host has taken you out of the meeting.",
}
EXPIRED_AT_A_TIME = 200  # sessions that one transaction of the sweep ends


def start(work: Work, user: User, *, device: str | None, user_agent: str | None) -> UserSession:
    now = work.now()
    session = UserSession(
        id=new_id(),
        user_id=user.id,
        device=device,
        user_agent=user_agent[:USER_AGENT_KEPT] if user_agent else None,
        refresh_jti=new_id(),
        created_at=now,
        last_used_at=now,
        expires_at=_expiry(work, user),
    )
    work.add(session)
    work.flush()
    work.emit(events.SessionStarted(session.id, user.id, user.display_name))
    return session


def refresh(work: Work, session_id: str, jti: str) -> tuple[User, UserSession]:
    """Rotate: the refresh token with this `jti` is used up, the session lives on from now.

    A token that was used before is in two hands, and none can tell which is its owner's: the session ends. But an
    answer may be lost on its way. So for REFRESH_GRACE_S the token that was used last brings the same next one again,
    as long as that was not used itself (RFC 9700 §4.14.2 leaves room for this).

    :raises SessionEnded: it had ended, or ends by this.
    """
    session = work.get(UserSession, session_id, with_for_update=True)
    if session is None or session.ended_at is not None or session.expires_at <= work.now():
        raise ended(session)
    asks_again = jti == session.previous_refresh_jti and work.now() < session.last_used_at + timedelta(
        seconds=work.settings.refresh_grace_s
    )
    if session.refresh_jti != jti and not asks_again:
        end(work, session, "refresh_reused")
        said = "This refresh token was used before, so its session has ended; sign in again."
        raise errors.SessionEnded(said, reason="refresh_reused")
    user = work.get_one(User, session.user_id)
    if user.disabled_at is not None:
        raise errors.SessionEnded()
    if asks_again:
        return user, session  # nothing moves, so that asking again and again does not prolong the grace
    session.previous_refresh_jti, session.refresh_jti = jti, new_id()
    session.last_used_at = work.now()
    session.expires_at = _expiry(work, user)
    return user, session


def end(work: Work, session: UserSession, reason: str) -> None:
    """End a session; its tokens count no more. Repeating it changes nothing."""
    if session.ended_at is not None:
        return
    session.ended_at = work.now()
    session.ended_reason = reason
    work.flush()
    work.emit(events.SessionEnded(session.id, session.user_id))


def end_all(work: Work, user_id: str, reason: str, *, but: str | None = None) -> None:
    """End every session of a person, but the one with the id `but`."""
    query = select(UserSession).where(UserSession.user_id == user_id, UserSession.ended_at.is_(None))
    for session in work.scalars(query.order_by(UserSession.id).with_for_update()).all():
        if session.id != but:
            end(work, session, reason)


def end_all_of(work: Work, user_ids: Collection[str], reason: str) -> None:
    """End every session of several people."""
    if user_ids:
        query = select(UserSession).where(UserSession.user_id.in_(user_ids), UserSession.ended_at.is_(None))
        for session in work.scalars(query.order_by(UserSession.id).with_for_update()).all():
            end(work, session, reason)


def ended(session: UserSession | None) -> errors.SessionEnded:
    """What whoever still has its tokens is told. `reason` as in the table; None: nobody knows the session any more."""
    reason = None if session is None else session.ended_reason or "expired"
    return errors.SessionEnded(_TOLD.get(reason or ""), reason=reason)


def end_own(work: Work, actor: Actor, session_id: str, reason: str) -> None:
    """:raises NotFound: no session of theirs."""
    session = work.get(UserSession, session_id, with_for_update=True)
    if session is None or session.user_id != actor.user_id:
        raise errors.NotFound()
    end(work, session, reason)


def list_own(work: Work, actor: Actor, *, limit: int, cursor: str | None) -> dict[str, Any]:
    """A page of their live sessions, newest first."""
    query = select(UserSession).where(
        UserSession.user_id == actor.user_id,
        UserSession.ended_at.is_(None),
        UserSession.expires_at > work.now(),
    )

    def show(session: UserSession) -> dict[str, Any]:
        kept = ("id", "device", "user_agent", "created_at", "last_used_at", "expires_at")
        return {**{name: getattr(session, name) for name in kept}, "current": session.id == actor.session_id}

    key = (UserSession.created_at, UserSession.id)
    return paginate(work, query, key, limit=limit, cursor=cursor, descending=True, show=show)


def end_expired(work: Work) -> int:
    """End some of the sessions that nobody refreshed in time, so that others hear of it; returns how many."""
    query = (
        select(UserSession)
        .where(UserSession.ended_at.is_(None), UserSession.expires_at <= work.now())
        .limit(EXPIRED_AT_A_TIME)
    )
    expired = work.scalars(query.with_for_update(skip_locked=True)).all()
    for session in expired:
        end(work, session, "expired")
    return len(expired)


def _expiry(work: Work, user: User) -> datetime:
    settings = work.settings
    lives = timedelta(hours=settings.guest_session_h) if user.is_guest else timedelta(days=settings.refresh_token_days)
    return (work.now() + lives).replace(microsecond=0)  # in whole seconds, as the refresh token's `exp` has it
