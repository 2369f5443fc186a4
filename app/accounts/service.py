"""What an account does: register, sign in, change, go.

Passwords are hashed before the first statement of a writing unit of work, so that no lock is held meanwhile.
What was read for that is read again within the transaction.
"""

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import String, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from app.accounts import events, integrations, links, sessions
from app.accounts.authentication import SERVICE_KEY_PREFIX, hash_of_key
from app.accounts.emails import normalise_email as normalise_email
from app.accounts.models import Acquaintance, EmailToken, ServiceKey, User, UserSession
from app.accounts.oidc.models import OidcIdentity
from app.accounts.passwords import PasswordHasher
from app.accounts.schemas import UserOut
from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.inserts import insert_all_unless_there
from app.core.pagination import paginate
from app.core.runtime import Work

NAME_OF_ERASED = "Deleted user"
NAME_OF_GONE_GUEST = "Guest"
GUESTS_AT_A_TIME = 200  # that one transaction of the sweep erases
WRONG_PASSWORD = "The password is not right."  # noqa: S105
NEEDS_PASSWORD = "Missing: this account has a password."  # noqa: S105
SIGNED_IN_LATELY = timedelta(minutes=10)


# Whom others ask about


def get_user(work: Work, user_id: str) -> User:
    """:raises NotFound: nobody, or nobody any more."""
    user = work.get(User, user_id)
    if user is None or user.disabled_at is not None:
        raise errors.NotFound()
    return user


def find_by_email(work: Work, email: str, *, verified_only: bool = False) -> User | None:
    """Whose account has this normalised address. An unverified one may belong to somebody else."""
    user = work.scalars(select(User).where(User.email == email, User.disabled_at.is_(None))).one_or_none()
    return None if user is None or (verified_only and not user.email_verified) else user


def names_of(work: Work, user_ids: Iterable[str]) -> dict[str, str]:
    """Display names by id, of erased people too."""
    rows = work.execute(select(User.id, User.display_name).where(User.id.in_(set(user_ids))))
    return {row.id: row.display_name for row in rows}


def introduce(work: Work, user_id: str, others: Iterable[str]) -> None:
    """Note that a person has met `others`, and they them. Repeating it changes nothing."""
    met = set(work.scalars(select(Acquaintance.other_id).where(Acquaintance.user_id == user_id)))
    new = set(others) - met - {user_id}
    # Sorted, so that two of these at a time cannot wait for each other.
    pairs = sorted({*((user_id, other) for other in new), *((other, user_id) for other in new)})
    insert_all_unless_there(work, Acquaintance, [{"user_id": one, "other_id": other} for one, other in pairs])


def people(work: Work, actor: Actor, *, email: str | None, limit: int, cursor: str | None) -> dict[str, Any]:
    """Who has this verified address; without one, a page of those whom the actor has met, by name.

    An unverified address is neither found nor shown: it may be somebody else's, who would be invited in vain.
    """

    def show(user: User) -> dict[str, Any]:
        shown = user.email if user.email_verified else None
        return {"id": user.id, "display_name": user.display_name, "email": shown}

    if email is not None:
        user = find_by_email(work, email, verified_only=True)
        return {"items": [show(user)] if user else [], "next_cursor": None}
    query = (
        select(User)
        .join(Acquaintance, Acquaintance.other_id == User.id)
        .where(Acquaintance.user_id == actor.user_id, User.disabled_at.is_(None))
    )
    return paginate(
        work, query, (func.lower(User.display_name, type_=String), User.id), limit=limit, cursor=cursor, show=show
    )


# Coming


def register(
    work: Work, *, email: str, password: str, display_name: str, locale: str, user_agent: str | None
) -> tuple[User, UserSession]:
    """:raises EmailTaken:"""
    with work.runtime.reading() as before:
        if _is_taken(before, email):
            raise errors.EmailTaken()
    password_hash = work.driver(PasswordHasher).hash(password)
    verified = work.settings.verifies_email_at_once
    user = add_user(work, email, display_name, locale, role="user", password_hash=password_hash, verified=verified)
    return user, sessions.start(work, user, device=None, user_agent=user_agent)


def create(work: Work, *, email: str, display_name: str, role: str, password: str | None) -> User:
    """An account made by whoever runs Parley and vouches for the address. Without a password none signs in to
    it.

    :raises EmailTaken:
    """
    password_hash = None if password is None else work.driver(PasswordHasher).hash(password)
    return add_user(work, email, display_name, "en", role=role, password_hash=password_hash, verified=True)


def add_guest(work: Work, *, display_name: str, user_agent: str | None) -> tuple[User, UserSession]:
    """Somebody without an account, and the one session that they will have."""
    guest = User(id=new_id(), email=None, display_name=display_name, locale="en", role="guest", created_at=work.now())
    work.add(guest)
    work.flush()
    return guest, sessions.start(work, guest, device=None, user_agent=user_agent)


def login(
    work: Work, *, email: str, password: str, device: str | None, user_agent: str | None
) -> tuple[User, UserSession]:
    """:raises BadCredentials: whichever of the two is wrong, after the same time."""
    hasher = work.driver(PasswordHasher)
    with work.runtime.reading() as before:
        known = find_by_email(before, email)
    stored = known.password_hash if known else None
    if not hasher.verify(stored, password) or known is None or stored is None:
        raise errors.BadCredentials()
    renewed = hasher.hash(password) if hasher.is_outdated(stored) else None
    user = _still_with(work, known.id, stored)
    if renewed is not None:
        _set_password_hash(work, user.id, renewed)
    return user, sessions.start(work, user, device=device, user_agent=user_agent)


# Changing


def own_view(work: Work, user: User) -> dict[str, Any]:
    """A user as `MeOut` takes them."""
    row: dict[str, Any] = {name: getattr(user, name) for name in UserOut().fields}
    return row | {"integrations": integrations.of_user(work, user.id)}


def update_profile(work: Work, user: User, changes: dict[str, Any]) -> None:
    """:param changes: as `ProfileUpdate` has loaded them."""
    user.locale = changes.get("locale", user.locale)
    wishes = user.ai | changes.get("ai", {})
    user.ai_transcribe, user.ai_analyse = wishes["transcribe"], wishes["analyse"]
    integrations.change(work, user.id, changes.get("integrations") or {})
    display_name = changes.get("display_name", user.display_name)
    if display_name != user.display_name:
        user.display_name = display_name
        work.flush()
        work.emit(events.UserRenamed(user.id, display_name))


def change_password(work: Work, actor: Actor, *, current_password: str, new_password: str) -> None:
    """Set another password and end the other sessions.

    :raises BadCredentials: `current_password` is not right. :raises NoPassword: there is none.
    """
    stored = _check_password(work, actor, current_password)
    password_hash = work.driver(PasswordHasher).hash(new_password)
    _still_with(work, actor.user_id, stored)
    _set_password_hash(work, actor.user_id, password_hash)
    links.use_up(work, actor.user_id, "reset")
    sessions.end_all(work, actor.user_id, "password_changed", but=actor.session_id)


def reset_password(work: Work, *, token: str, new_password: str) -> User:
    """Set another password by a mailed link and end every session.

    :raises TokenNotUsable:
    """
    with work.runtime.reading() as before:
        links.usable(before, "reset", token)
    password_hash = work.driver(PasswordHasher).hash(new_password)
    user = links.use(work, "reset", token)
    _set_password_hash(work, user.id, password_hash)
    sessions.end_all(work, user.id, "password_reset")
    return user


def set_role(work: Work, user: User, role: str) -> None:
    """Make them user, admin or service, from their next request on. Only a service has keys that count."""
    user.role = role
    if role != "service":
        live = (ServiceKey.user_id == user.id, ServiceKey.revoked_at.is_(None))
        work.execute(update(ServiceKey).where(*live).values(revoked_at=work.now()))


def add_service_key(work: Work, user: User) -> str:
    """A new key of a service: the one time that its text is seen."""
    key = SERVICE_KEY_PREFIX + secrets.token_urlsafe(32)
    work.add(ServiceKey(id=new_id(), user_id=user.id, key_hash=hash_of_key(key), created_at=work.now()))
    return key


def keep_service_key(work: Work, user: User, key: str) -> None:
    """Let a service have a key whose text somebody keeps; one that was taken back counts again."""
    known = work.scalar(select(ServiceKey).where(ServiceKey.key_hash == hash_of_key(key)))
    if known is None:
        work.add(ServiceKey(id=new_id(), user_id=user.id, key_hash=hash_of_key(key), created_at=work.now()))
    else:
        known.user_id, known.revoked_at = user.id, None
    work.flush()


# Going


def erase(work: Work, actor: Actor, *, password: str | None) -> None:
    """Disable at once, forget the person, leave a tombstone for what others share with them.

    :raises BadCredentials: the password is not right. :raises SignInAgain: see `confirm`.
    """
    forget(work, _still_with(work, actor.user_id, confirm(work, actor, password)))


def forget(work: Work, user: User) -> None:
    """Of an account whose row is held: a tombstone stays."""
    user.disabled_at = work.now()
    sessions.end_all(work, user.id, "erased")
    work.execute(update(UserSession).where(UserSession.user_id == user.id).values(device=None, user_agent=None))
    work.execute(delete(EmailToken).where(EmailToken.user_id == user.id))
    work.execute(delete(ServiceKey).where(ServiceKey.user_id == user.id))
    work.execute(delete(OidcIdentity).where(OidcIdentity.user_id == user.id))
    integrations.forget(work, [user.id])
    work.execute(delete(Acquaintance).where((Acquaintance.user_id == user.id) | (Acquaintance.other_id == user.id)))
    user.email = user.email_verified_at = user.password_hash = None
    user.display_name = NAME_OF_ERASED
    user.locale = "en"
    user.ai_transcribe = user.ai_analyse = True
    user.role = "user"
    work.flush()
    work.emit(events.UserErased(user.id))


def erase_gone_guests(work: Work) -> int:
    """Leave tombstones of some guests whose session ended GUESTS_KEEP_DAYS ago; returns how many.

    In which meeting they were, and under which name, is that meeting's to keep.
    """
    long_ago = work.now() - timedelta(days=work.settings.guests_keep_days)
    gone = (
        select(User)
        .where(User.role == "guest", User.disabled_at.is_(None))
        .where(User.id.in_(select(UserSession.user_id).where(UserSession.ended_at <= long_ago)))
        .limit(GUESTS_AT_A_TIME)
    )
    guests = work.scalars(gone.with_for_update(skip_locked=True)).all()
    for guest in guests:
        guest.display_name, guest.disabled_at = NAME_OF_GONE_GUEST, work.now()
    integrations.forget(work, [guest.id for guest in guests])
    whose = UserSession.user_id.in_([guest.id for guest in guests])
    work.execute(update(UserSession).where(whose).values(device=None, user_agent=None))
    work.flush()
    return len(guests)


def _is_taken(work: Work, email: str) -> bool:
    return work.scalars(select(User.id).where(User.email == email)).first() is not None


def add_user(
    work: Work,
    email: str,
    display_name: str,
    locale: str,
    *,
    role: str,
    password_hash: str | None,
    verified: bool,
) -> User:
    now = work.now()
    user = User(
        id=new_id(),
        email=email,
        display_name=display_name,
        locale=locale,
        role=role,
        password_hash=password_hash,
        email_verified_at=now if verified else None,
        created_at=now,
    )
    work.add(user)
    try:
        work.flush()
    except IntegrityError:  # somebody else was faster; the database alone can tell
        raise errors.EmailTaken() from None
    work.emit(events.UserRegistered(user.id, email))
    if verified:
        work.emit(events.EmailVerified(user.id, email))
    else:
        work.enqueue(links.SEND_VERIFICATION, {"user_id": user.id})
    return user


def confirm(work: Work, actor: Actor, password: str | None) -> str | None:
    """Make sure, before a transaction, that it is the person themselves: by the password, or, where they have none, by
    a sign-in of the last ten minutes. Returns the hash that the password was checked against.

    :raises BadCredentials: the password is missing or not right. :raises SignInAgain:
    """
    with work.runtime.reading() as before:
        has_password = get_user(before, actor.user_id).has_password
        began_at = before.get_one(UserSession, actor.session_id).created_at
    if has_password:
        if password is None:
            raise errors.ValidationFailed(errors=[{"location": "body", "field": "password", "message": NEEDS_PASSWORD}])
        return _check_password(work, actor, password)
    if began_at <= work.now() - SIGNED_IN_LATELY:
        raise errors.SignInAgain()
    return None


def _check_password(work: Work, actor: Actor, password: str) -> str:
    """The hash that `password` was checked against, before the transaction."""
    with work.runtime.reading() as before:
        stored = get_user(before, actor.user_id).password_hash
    if stored is None:
        raise errors.NoPassword()
    if not work.driver(PasswordHasher).verify(stored, password):
        raise errors.BadCredentials(WRONG_PASSWORD)
    return stored


def _still_with(work: Work, user_id: str, stored: str | None) -> User:
    """The user, locked, whose password was checked against `stored` a moment ago.

    :raises BadCredentials: it was changed since, or they are gone.
    """
    user = work.get(User, user_id, with_for_update=True)
    if user is None or user.disabled_at is not None or user.password_hash != stored:
        raise errors.BadCredentials()
    return user


def _set_password_hash(work: Work, user_id: str, password_hash: str) -> None:
    # Past the unit of work, so that `version` stays: it is about what clients see of a user.
    work.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))
