"""Access and refresh tokens: JWTs (RFC 7519), signed with HS256, issued and read here alone.

Claims: `sub` user id, `sid` session id, `jti`, `type` access | refresh, `iss` and `aud` "parley", `iat`,
`exp`. Time is Parley's clock in both directions, so that a clock that tests and QA move is the only one that
counts.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from flask import Flask, current_app
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import InvalidSignatureError, PyJWTError

from app.accounts.models import User, UserSession
from app.core import errors
from app.core.ids import new_id
from app.core.settings import Settings

MOST_KNOWN = 10_000  # tokens whose signature need not be computed again, about 1 KB each
LEEWAY = timedelta(days=365 * 1000)
PARTY = "parley"  # issuer and audience: a token that another program signed with the same key is refused


@dataclass(frozen=True)
class Claims:
    """What a token says, once its signature, issuer, audience and type are known to be right."""

    type: str  # access | refresh
    user_id: str
    session_id: str
    jti: str
    expires_at: datetime  # aware, UTC, whole seconds


def init_tokens(app: Flask, secret: str, former: Sequence[str] = ()) -> None:
    """Let `app` issue and read tokens that are signed with `secret` (32 characters or more; RFC 7518
    §3.2), and read those that were signed with a `former` one."""
    app.config.update(
        JWT_SECRET_KEY=secret,
        JWT_ALGORITHM="HS256",
        JWT_DECODE_ALGORITHMS=["HS256"],  # pinned: `alg: none` and keys of another kind are refused (RFC 8725 §3.1)
        JWT_TOKEN_LOCATION=["headers"],
        JWT_ENCODE_ISSUER=PARTY,
        JWT_DECODE_ISSUER=PARTY,
        JWT_ENCODE_AUDIENCE=PARTY,
        JWT_DECODE_AUDIENCE=PARTY,
        JWT_ENCODE_NBF=False,
        JWT_COOKIE_CSRF_PROTECT=False,  # no token is in a cookie, and the claim would only make tokens longer
        # The library knows the system's clock alone, so it is made to accept any time; `exp` is held against
        # ours.
        JWT_DECODE_LEEWAY=LEEWAY,
    )
    JWTManager(app)
    app.extensions["parley_tokens"] = {}
    app.extensions["parley_former_keys"] = tuple(former)


def issue(settings: Settings, user: User, session: UserSession, now: datetime) -> dict[str, Any]:
    """A pair of tokens for a session, in the shape of `schemas.TokensOut`."""
    lives_until = min(now + timedelta(minutes=settings.access_token_min), session.expires_at)
    access_expires_at = lives_until.replace(microsecond=0)  # as `exp` has it, so that client and server agree
    common = {"sid": session.id, "iat": int(now.timestamp())}
    access = {**common, "jti": new_id(), "exp": int(access_expires_at.timestamp())}
    refresh = {**common, "jti": session.refresh_jti, "exp": int(session.expires_at.timestamp())}
    return {
        "user": user,
        "session_id": session.id,
        "token_type": "Bearer",
        "access_token": create_access_token(user.id, additional_claims=access),
        "access_expires_at": access_expires_at,
        "refresh_token": create_refresh_token(user.id, additional_claims=refresh),
        "refresh_expires_at": session.expires_at,
    }


def read_access(token: str, now: datetime) -> Claims:
    """:raises TokenInvalid: not an access token of ours. :raises TokenExpired: it was one."""
    claims = _read(token, "access")
    if claims.expires_at <= now:
        raise errors.TokenExpired()
    return claims


def read_refresh(token: str, now: datetime) -> Claims:
    """:raises TokenInvalid: not a refresh token of ours. :raises SessionEnded: it has expired with its
    session."""
    claims = _read(token, "refresh")
    if claims.expires_at <= now:
        raise errors.SessionEnded(reason="expired")
    return claims


def _read(token: str, kind: str) -> Claims:
    claims = _known().get(token)
    if claims is None:
        claims = _verified(token)
        _remember(token, claims)
    if claims.type != kind:
        raise errors.TokenInvalid(f"This needs {'an access' if kind == 'access' else 'a refresh'} token.")
    return claims


def _verified(token: str) -> Claims:
    try:
        claims = _decoded(token)
    except (PyJWTError, JWTExtendedException, ValueError, RecursionError):  # the last two: a header or body from hell
        raise errors.TokenInvalid() from None
    expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    return Claims(claims["type"], claims["sub"], claims["sid"], claims["jti"], expires_at)


def _decoded(token: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = decode_token(token)
        return claims
    except InvalidSignatureError:
        for key in current_app.extensions["parley_former_keys"]:
            with suppress(InvalidSignatureError):
                return jwt.decode(token, key, algorithms=["HS256"], issuer=PARTY, audience=PARTY, leeway=LEEWAY)
        raise


def _known() -> dict[str, Claims]:
    """What was verified already. A signature does not wear out; expiry and session are looked at each time."""
    known: dict[str, Claims] = current_app.extensions["parley_tokens"]
    return known


def _remember(token: str, claims: Claims) -> None:
    known = _known()
    if len(known) >= MOST_KNOWN:
        known.clear()  # all at once: each costs one more verification, and nothing is kept about their age
    known[token] = claims
