"""Accounts as admins see them. Guests, who have none, and those that were erased are not among them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, String, func, or_, select

from app.accounts import service as accounts
from app.accounts import sessions
from app.accounts.models import User, UserSession
from app.core import errors, gates
from app.core.pagination import paginate
from app.core.runtime import Work
from app.usage import service as usage

_SHOWN = ("id", "email", "display_name", "role", "email_verified", "disabled_at", "created_at")


def page(
    work: Work, *, q: str | None, role: str | None, disabled: bool | None, limit: int, cursor: str | None
) -> dict[str, Any]:
    """The newest first."""
    query = _accounts()
    if q is not None:
        looked_for = q.lower()
        names = func.lower(User.display_name, type_=String).contains(looked_for, autoescape=True)
        query = query.where(or_(names, User.email.contains(looked_for, autoescape=True)))
    if role is not None:
        query = query.where(User.role == role)
    if disabled is not None:
        query = query.where(User.disabled_at.is_not(None) if disabled else User.disabled_at.is_(None))
    found = paginate(work, query, (User.id,), limit=limit, cursor=cursor, descending=True)
    found["items"] = _views(work, found["items"])
    return found


def show(work: Work, user_id: str) -> dict[str, Any]:
    """With what they use. :raises NotFound:"""
    user = _get(work, user_id)
    return _views(work, [user])[0] | {"usage": usage.of_user(work, user.id)}


def disable(work: Work, user_id: str) -> dict[str, Any]:
    """From now on no token, no password and no key of theirs counts; their sessions end, and with them their stays in
    meetings. What is theirs stays. Repeating it changes nothing.

    :raises NotFound: :raises LastAdmin:
    """
    user = _hold(work, user_id)
    if user.disabled_at is None:
        if user.role == "admin":
            _check_others(work, user)
        user.disabled_at = work.now()
        sessions.end_all(work, user.id, "disabled")
    return _changed(work, user)


def enable(work: Work, user_id: str) -> dict[str, Any]:
    """They may sign in again. Repeating it changes nothing. :raises NotFound:"""
    user = _hold(work, user_id)
    user.disabled_at = None
    return _changed(work, user)


def erase(work: Work, user_id: str) -> None:
    """As they would themselves; also where nobody can sign in to it any more. :raises NotFound: :raises LastAdmin:"""
    user = _hold(work, user_id)
    if user.role == "admin" and user.disabled_at is None:
        _check_others(work, user)
    accounts.forget(work, user)


def set_role(work: Work, user_id: str, *, role: str) -> dict[str, Any]:
    """:raises NotFound: :raises LastAdmin: :raises AccountStateConflict: it is a program's."""
    user = _hold(work, user_id)
    if user.role == "service":
        raise errors.AccountStateConflict("A program's account has its role for good.", role=user.role)
    if user.role != role:
        if role != "admin" and user.disabled_at is None:
            _check_others(work, user)
        accounts.set_role(work, user, role)
    return _changed(work, user)


def _changed(work: Work, user: User) -> dict[str, Any]:
    work.flush()
    return show(work, user.id)


def _check_others(work: Work, user: User) -> None:
    """Of two admins who do this to each other at once the second finds that it would be the last one."""
    gates.hold(work, "admins")
    others = User.role == "admin", User.disabled_at.is_(None), User.id != user.id
    if work.scalar(select(User.id).where(*others).limit(1)) is None:
        raise errors.LastAdmin()


def _accounts() -> Select[User]:
    return select(User).where(User.email.is_not(None))


def _get(work: Work, user_id: str) -> User:
    user = work.scalars(_accounts().where(User.id == user_id)).one_or_none()
    if user is None:
        raise errors.NotFound()
    return user


def _hold(work: Work, user_id: str) -> User:
    _get(work, user_id)
    return work.get_one(User, user_id, with_for_update={"key_share": True}, populate_existing=True)


def _views(work: Work, users: list[User]) -> list[dict[str, Any]]:
    live = UserSession.ended_at.is_(None), UserSession.expires_at > work.now()
    theirs = (
        select(UserSession.user_id, func.count().label("live"), func.max(UserSession.last_used_at).label("used_at"))
        .where(UserSession.user_id.in_([user.id for user in users]), *live)
        .group_by(UserSession.user_id)
    )
    found: dict[str, tuple[int, datetime]] = {row.user_id: (row.live, row.used_at) for row in work.execute(theirs)}
    return [
        {name: getattr(user, name) for name in _SHOWN}
        | dict(zip(("sessions", "last_used_at"), found.get(user.id, (0, None)), strict=True))
        for user in users
    ]
