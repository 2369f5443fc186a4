"""Who is asking: an `Authorization` header, held against the database every time."""

import hashlib
from typing import Any

from flask import g
from sqlalchemy import bindparam, select

from app.accounts import sessions, tokens
from app.accounts.models import ServiceKey, User, UserSession
from app.core import errors
from app.core.actor import Actor
from app.core.prepared import Prepared
from app.core.runtime import Work

SERVICE_KEY_PREFIX = "parley_sk_"  # so that scanners for leaked secrets know one when they see it

# What every request costs.
SESSION = (
    select(User.display_name, User.role)
    .join(UserSession, UserSession.user_id == User.id)
    .where(User.id == bindparam("of_user"), User.disabled_at.is_(None))
    .where(UserSession.id == bindparam("of_session"))
    .where(UserSession.ended_at.is_(None), UserSession.expires_at > bindparam("now"))
)
_SESSION = Prepared(SESSION)


def authenticate(
    work: Work, authorization: str, query: Prepared = _SESSION, *, beside: bool = True, **asked: str
) -> tuple[Actor, Any]:
    """Whose access token, or service key, an `Authorization` header carries; and what `query` found.

    `query` is `SESSION`, or more that is asked at the same time, as `asked` says; a service key's answer is None.

    Sets `g.token_expires_at` (aware, UTC; None: a service key): whoever holds a request open ends it then.

    :param beside: it reads beside `work`, which has no transaction yet: so a password can still be hashed without
        holding a lock. False: in it, which is quicker.

    :raises TokenMissing: :raises TokenInvalid: :raises TokenExpired: :raises SessionEnded:
    """
    credentials = credentials_of(authorization)
    if credentials.startswith(SERVICE_KEY_PREFIX):
        g.token_expires_at = None
        return _by_service_key(work, credentials), None
    claims = tokens.read_access(credentials, work.now())
    g.token_expires_at = claims.expires_at
    asked |= {"of_user": claims.user_id, "of_session": claims.session_id}
    asked_now = {**asked, "now": work.now()}
    if beside:
        with work.runtime.database.reader.connect() as connection:
            rows = query.run(connection, asked_now)
    else:
        rows = work.run(query, asked_now)
    if not rows:
        raise session_ended(work, claims.session_id)
    found = rows[0]
    return Actor(claims.user_id, claims.session_id, found.display_name, found.role), found


def credentials_of(authorization: str) -> str:
    """:raises TokenMissing:"""
    scheme, _, credentials = authorization.partition(" ")
    credentials = credentials.strip()
    if scheme.lower() != "bearer" or not credentials:
        raise errors.TokenMissing()
    return credentials


def session_ended(work: Work, session_id: str) -> errors.SessionEnded:
    """What to raise where a token's session is not found among the live ones."""
    with work.runtime.reading() as reader:
        return sessions.ended(reader.get(UserSession, session_id))


def hash_of_key(key: str) -> str:
    """Keys are 256 random bits: nothing to guess, so a fast hash does."""
    return hashlib.sha256(key.encode()).hexdigest()


def _by_service_key(work: Work, key: str) -> Actor:
    query = (
        select(ServiceKey.id, ServiceKey.user_id, User.display_name, User.role)
        .join(User, ServiceKey.user_id == User.id)
        .where(ServiceKey.key_hash == hash_of_key(key), ServiceKey.revoked_at.is_(None))
        .where(User.role == "service", User.disabled_at.is_(None))
    )
    with work.runtime.reading() as reader:
        found = reader.execute(query).one_or_none()
    if found is None:
        raise errors.TokenInvalid()
    return Actor(found.user_id, found.id, found.display_name, found.role)
