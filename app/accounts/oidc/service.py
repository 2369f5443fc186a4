"""Whose account it is that a provider's account signs in to.

A provider's word is enough for an account that it has signed in to before, and for a new one. An account that is there
already under the same e-mail is another matter: somebody may have registered with an address that is not theirs, and
wait for its owner to come by a provider. So the two are joined by themselves only if both sides have proof of the
address, the provider (`email_verified`) and we; otherwise their owner joins them, signed in.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import marshmallow as ma
from sqlalchemy import delete, func, select

from app.accounts import service as accounts
from app.accounts import sessions
from app.accounts.emails import normalise_email
from app.accounts.models import User, UserSession
from app.accounts.oidc.id_tokens import Proven
from app.accounts.oidc.models import OidcHandoff, OidcIdentity, OidcUsedToken
from app.accounts.oidc.providers import Provider
from app.accounts.schemas import PersonalName, is_language_tag
from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.pagination import paginate
from app.core.runtime import Work

HANDOFF_LIVES = timedelta(minutes=2)

Proof = Callable[[Work], Proven]  # what has been asked of a provider already, to be used up within the transaction


# Proof


def from_provider(provider: Provider, given: dict[str, Any], now: datetime) -> Proof:
    """What an app, or a page that came back, has brought. The provider is asked here, before any transaction.

    :raises ProofNotValid: :raises ProviderUnavailable: :raises ValidationFailed: no codes are sent to that address.
    """
    if given["id_token"] is not None:
        token = given["id_token"]
        proven, until = provider.believe(token, given["nonce"], now)
        return lambda work: _use_up(work, token, until, proven)
    if given["redirect_uri"] is None:
        return lambda work: _fetch_handoff(work, provider.name, given["code"], given["code_verifier"])
    if not provider.may_redirect_to(given["redirect_uri"]):
        message = "Not among the redirect_uris of the provider's apps in OIDC_PROVIDERS."
        raise errors.ValidationFailed(errors=[{"location": "body", "field": "redirect_uri", "message": message}])
    asked = ("code", "code_verifier", "redirect_uri", "nonce")
    redeemed = provider.redeem(**{name: given[name] for name in asked}, now=now)
    return lambda _work: redeemed


def hand_off(work: Work, *, state: str, code_challenge: str, proven: Proven) -> str:
    """Keep who has come back until their page asks; the code that it asks with.

    :raises ProofNotValid: this state has come back before.
    """
    code = secrets.token_urlsafe(32)
    seen = select(OidcHandoff.id).where(OidcHandoff.state_hash == _hash(state))
    if work.scalars(seen).first() is not None:
        raise errors.ProofNotValid("This sign-in has come back before.")
    work.add(
        OidcHandoff(
            id=new_id(),
            state_hash=_hash(state),
            code_hash=_hash(code),
            code_challenge=code_challenge,
            provider=proven.provider,
            proven=proven.as_json(),
            expires_at=work.now() + HANDOFF_LIVES,
        )
    )
    return code


def _fetch_handoff(work: Work, provider: str, code: str, code_verifier: str) -> Proven:
    query = select(OidcHandoff).where(OidcHandoff.code_hash == _hash(code), OidcHandoff.provider == provider)
    handoff = work.scalars(query.with_for_update()).one_or_none()
    if handoff is None or handoff.proven is None or handoff.expires_at <= work.now():
        raise errors.TokenNotUsable("This code was used already, has expired, or never existed.")
    digest = hashlib.sha256(code_verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    if not hmac.compare_digest(challenge, handoff.code_challenge):
        raise errors.TokenNotUsable("This code was given to somebody else: the code_verifier is not theirs.")
    proven, handoff.proven = Proven(**handoff.proven), None
    return proven


def _use_up(work: Work, token: str, until: datetime, proven: Proven) -> Proven:
    """:raises ProofNotValid: it was used before."""
    if work.get(OidcUsedToken, _hash(token)) is not None:
        raise errors.ProofNotValid("This ID token has signed in before; get another one from the provider.")
    work.add(OidcUsedToken(token_hash=_hash(token), expires_at=until + timedelta(hours=1)))
    work.flush()
    return proven


def purge(work: Work) -> None:
    """Forget what can't be used any more."""
    for table in (OidcHandoff, OidcUsedToken):
        work.execute(delete(table).where(table.expires_at <= work.now()))


# Accounts


def sign_in(work: Work, proof: Proof, *, device: str | None, user_agent: str | None) -> tuple[User, UserSession]:
    """:raises AddressHasAccount: :raises ProviderToldNoEmail: :raises ProofNotValid: :raises TokenNotUsable:"""
    proven = proof(work)
    identity = _identity(work, proven)
    if identity is not None:
        user = accounts.get_user(work, identity.user_id)
        identity.email, identity.last_used_at = proven.email, work.now()
    else:
        user = _account_for(work, proven)
        add_identity(work, user, proven)
    return user, sessions.start(work, user, device=device, user_agent=user_agent)


def connect(work: Work, actor: Actor, proof: Proof) -> OidcIdentity:
    """Let a provider's account sign in to the actor's. Repeating it changes nothing. See `accounts.confirm` before.

    :raises IdentityTaken: it signs in to somebody else's.
    """
    proven = proof(work)
    identity = _identity(work, proven)
    if identity is None:
        return add_identity(work, accounts.get_user(work, actor.user_id), proven)
    if identity.user_id != actor.user_id:
        raise errors.IdentityTaken()
    return identity


def list_own(work: Work, actor: Actor, *, limit: int, cursor: str | None) -> dict[str, Any]:
    query = select(OidcIdentity).where(OidcIdentity.user_id == actor.user_id)
    return paginate(work, query, (OidcIdentity.created_at, OidcIdentity.id), limit=limit, cursor=cursor)


def disconnect(work: Work, actor: Actor, identity_id: str) -> None:
    """:raises NotFound: none of theirs. :raises LastWayIn: nobody could sign in any more."""
    user = work.get_one(User, actor.user_id, with_for_update=True)
    identity = work.get(OidcIdentity, identity_id)
    if identity is None or identity.user_id != actor.user_id:
        raise errors.NotFound()
    own = select(func.count()).select_from(OidcIdentity).where(OidcIdentity.user_id == actor.user_id)
    if user.password_hash is None and work.scalar(own) == 1:
        raise errors.LastWayIn()
    work.delete(identity)


def _identity(work: Work, proven: Proven) -> OidcIdentity | None:
    query = select(OidcIdentity).where(OidcIdentity.issuer == proven.issuer, OidcIdentity.subject == proven.subject)
    return work.scalars(query).one_or_none()


def add_identity(work: Work, user: User, proven: Proven) -> OidcIdentity:
    """Let a provider's account sign in to this one from now on."""
    identity = OidcIdentity(
        id=new_id(),
        user_id=user.id,
        provider=proven.provider,
        issuer=proven.issuer,
        subject=proven.subject,
        email=proven.email,
        created_at=work.now(),
        last_used_at=work.now(),
    )
    work.add(identity)
    work.flush()
    return identity


def _account_for(work: Work, proven: Proven) -> User:
    """The account of this address, if both sides have proof of it; a new one if there is none."""
    try:
        email = normalise_email(proven.email or "")
    except ValueError:
        raise errors.ProviderToldNoEmail() from None
    there = accounts.find_by_email(work, email)
    if there is None:
        return accounts.add_user(
            work,
            email,
            _name_for(proven, email),
            proven.locale if proven.locale and is_language_tag(proven.locale) else "en",
            role="user",
            password_hash=None,
            verified=proven.email_verified,
        )
    user = work.get_one(User, there.id, with_for_update=True)
    # Where addresses count as verified at once, nobody has looked whether they are.
    proved_here = user.email_verified and not work.settings.verifies_email_at_once
    if not (proven.email_verified and proved_here) or user.role == "service":
        raise errors.AddressHasAccount()
    return user


def _name_for(proven: Proven, email: str) -> str:
    for name in (proven.name, email.partition("@")[0][:100]):
        try:
            return str(PersonalName().deserialize(name))
        except ma.ValidationError:
            continue
    return "?"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
