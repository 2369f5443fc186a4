"""Who is asking: the `Authorization` header of the request in hand, held against the database every time."""

import hashlib

from flask import g, request
from sqlalchemy import select

from app.accounts import tokens
from app.accounts.models import ServiceKey, User, UserSession
from app.core import errors
from app.core.actor import Actor
from app.core.runtime import Work

SERVICE_KEY_PREFIX = "parley_sk_"  # so that scanners for leaked secrets know one when they see it


def authenticate(work: Work) -> Actor:
    """Whose access token, or service key, the request carries.

    Sets `g.token_expires_at` (aware, UTC; None: a service key): whoever holds a request open ends it then. It
    reads beside `work`, which has no transaction yet: so a password can still be hashed without holding a
    lock.

    :raises TokenMissing: :raises TokenInvalid: :raises TokenExpired: :raises SessionEnded:
    """
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    credentials = credentials.strip()
    if scheme.lower() != "bearer" or not credentials:
        raise errors.TokenMissing()
    if credentials.startswith(SERVICE_KEY_PREFIX):
        g.token_expires_at = None
        return _by_service_key(work, credentials)
    claims = tokens.read_access(credentials, work.now())
    g.token_expires_at = claims.expires_at
    return _by_session(work, claims)


def hash_of_key(key: str) -> str:
    """Keys are 256 random bits: nothing to guess, so a fast hash does."""
    return hashlib.sha256(key.encode()).hexdigest()


def _by_session(work: Work, claims: tokens.Claims) -> Actor:
    query = (
        select(User.display_name, User.role)
        .join(UserSession, UserSession.user_id == User.id)
        .where(User.id == claims.user_id, User.disabled_at.is_(None))
        .where(UserSession.id == claims.session_id)
        .where(UserSession.ended_at.is_(None), UserSession.expires_at > work.now())
    )
    with work.runtime.reading() as reader:
        found = reader.execute(query).one_or_none()
    if found is None:
        raise errors.SessionEnded()
    return Actor(claims.user_id, claims.session_id, found.display_name, found.role)


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
