"""A browser's way to a provider and back: what it takes along, sealed, in a cookie.

Going stores nothing here: a state, a nonce, the verifier of the provider's PKCE, and where the page wants to be taken
back to are encrypted into a cookie of ten minutes (RFC 7516, A256GCM). Who comes back has to show the cookie and its
state, so that nobody is signed in by a link that somebody else began (RFC 6749 §10.12).

The page gets no tokens by an address, only a code that works once, within two minutes, and with the `code_verifier`
that the page has kept to itself (RFC 7636): a code that leaks, or that is somebody else's, is worth nothing.
"""

import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from app.core import errors
from app.core.sealing import Sealer, Unsealable
from app.core.settings import Settings

COOKIE = "parley_oidc"
LIVES = timedelta(minutes=10)  # long enough to find a password and a second factor
_LONGEST_RETURN = 500


@dataclass(frozen=True)
class Attempt:
    provider: str
    state: str
    nonce: str
    code_verifier: str  # towards the provider
    code_challenge: str  # of the page, or of the app
    return_to: str
    expires_at: float  # seconds since 1970


def begin(settings: Settings, provider: str, *, code_challenge: str, return_to: str, now: datetime) -> Attempt:
    """:raises ValidationFailed: `return_to` leads elsewhere."""
    if not may_return_to(settings, return_to):
        message = "Not an address of this server without its host, nor one of OIDC_RETURN_URIS."
        raise errors.ValidationFailed(errors=[{"location": "query", "field": "return_to", "message": message}])
    state, nonce, code_verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Attempt(provider, state, nonce, code_verifier, code_challenge, return_to, (now + LIVES).timestamp())


def may_return_to(settings: Settings, address: str) -> bool:
    """An address here, from its slash on, or exactly one that is allowed by setting: no open redirect.

    Browsers take `//host`, `/\\host` and blanks between for other hosts.
    """
    if address in settings.oidc_return_uris:
        return True
    plain = all(33 <= ord(letter) < 127 and letter not in '\\#"<>' for letter in address)
    return plain and address.startswith("/") and not address.startswith("//") and len(address) <= _LONGEST_RETURN


def seal(sealer: Sealer, attempt: Attempt) -> str:
    return sealer.seal(COOKIE, json.dumps(asdict(attempt)))


def unseal(sealer: Sealer, cookie: str | None, *, provider: str, state: str, now: datetime) -> Attempt | None:
    """The attempt that this browser began and comes back from; None: there is none, or it is another one."""
    try:
        attempt = Attempt(**json.loads(sealer.unseal(COOKIE, cookie or "")))
    except (Unsealable, ValueError, TypeError):
        return None
    fits = attempt.provider == provider and hmac.compare_digest(attempt.state.encode(), state.encode())
    return attempt if fits and now.timestamp() < attempt.expires_at else None
