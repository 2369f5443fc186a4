"""What an ID token proves (OpenID Connect Core 1.0 §3.1.3.7), by Parley's clock."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from app.core import errors

# Signed with the provider's private key; `none`, and keys that both sides have, are no proof (RFC 8725 §3.1).
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY_S = 60  # that a provider's clock may differ from ours
LONGEST_SUBJECT = 255
LONGEST_TOKEN = 16_384  # characters; Azure's, with groups in them, are the longest at some 8,000


@dataclass(frozen=True)
class Proven:
    """Whom a provider vouches for. `email_verified`: it says that they read that address."""

    provider: str
    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str | None
    locale: str | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Checked:
    """An ID token's claims, once all of them are known to be right."""

    claims: dict[str, Any]
    expires_at: datetime


def check(
    token: str,
    keys: Any,
    *,
    issuers: Collection[str],
    client_ids: Collection[str],
    nonce: str,
    now: datetime,
    access_token: str | None = None,
) -> Checked:
    """:param keys: the provider's, as joserfc's KeySet.
    :param client_ids: whom it may be for, all of them ours.
    :param access_token: what came with it, held against `at_hash` where that is there.
    :raises UnknownKey: it is signed with a key that is not among `keys`.
    :raises ProofNotValid: anything else is wrong with it.
    """
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import InvalidKeyIdError, JoseError

    if len(token) > LONGEST_TOKEN:
        raise errors.ProofNotValid("The ID token is too long.")
    try:
        found = jwt.decode(token, keys, algorithms=list(ALGORITHMS))
        _check_audience(found.claims, client_ids)
        options = {"iss": {"essential": True, "values": list(issuers)}, "sub": {"essential": True}}
        params = {"nonce": nonce, "access_token": access_token}
        claims = CodeIDToken(found.claims, found.header, options, params)
        claims.validate(now=int(now.timestamp()), leeway=LEEWAY_S)
        subject = claims["sub"]
        if not (0 < len(subject) <= LONGEST_SUBJECT and subject.isascii()):
            raise ValueError("sub")
        return Checked(dict(claims), datetime.fromtimestamp(claims["exp"], UTC))
    except InvalidKeyIdError:
        raise UnknownKey() from None
    except (JoseError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise errors.ProofNotValid(f"The ID token is not valid: {_what(error)}.") from None


class UnknownKey(Exception):
    """Providers change their keys: perhaps a newer set has it."""


def _check_audience(claims: dict[str, Any], client_ids: Collection[str]) -> None:
    """§3.1.3.7, 3 to 5: it is for us, for nobody whom we don't know, and was asked for by one of us.

    :raises ValueError:
    """
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if not audiences or any(one not in client_ids for one in audiences):
        raise ValueError("aud")
    party = claims.get("azp")
    if party is None and len(audiences) > 1:
        raise ValueError("azp")
    if party is not None and party not in client_ids:
        raise ValueError("azp")


def _what(error: Exception) -> str:
    """What is wrong, in the words of the library, which quotes no token."""
    claim = str(error)
    return f"its `{claim}` is not what it must be" if claim in ("aud", "azp", "sub") else claim or type(error).__name__
