"""Mailed links: proof that somebody reads an address, for verifying it and for setting a forgotten password.

The secret exists in the mail alone. A job names the person, never the link; the link is made when the mail is
sent, its hash committed before, and the sending noted after. The secret stands in the address's fragment,
which browsers send to no server. Mails hold no text that a stranger chose, such as a name: else registering
would mail it to anybody.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select, update

from app.accounts import events
from app.accounts.models import EmailToken, User
from app.core import errors
from app.core.ids import new_id
from app.core.runtime import Work

SEND_VERIFICATION = "accounts.send_verification"  # task; payload {"user_id"}
SEND_RESET = "accounts.send_reset"  # task; payload {"email"}, which may be nobody's

LIVES = {"verify": timedelta(hours=24), "reset": timedelta(hours=1)}
PAUSE = timedelta(minutes=1)  # between mails of one kind to one address, so that nobody's mailbox is flooded

_SUBJECTS = {"verify": "Confirm your e-mail address", "reset": "Choose a new password"}
_TEXTS = {
    "verify": """\
Please confirm that this e-mail address is yours. Within 24 hours, open

{link}

If you have not registered at {address}, somebody has mistyped; then do nothing.
""",
    "reset": """\
Somebody has asked for a new password for your account at {address}. To choose one, open within an hour

{link}

If that was not you, do nothing; your password stays as it is.
""",
}


@dataclass(frozen=True)
class Draft:
    """A mail to be sent; `token_id` is the row of the link in it."""

    token_id: str
    to: str
    subject: str
    text: str


def ask_verification(work: Work, user: User) -> None:
    """Have the mail sent again.

    :raises EmailAlreadyVerified: :raises TooManyRequests: one was sent within the last minute.
    """
    if user.email_verified:
        raise errors.EmailAlreadyVerified()
    if _sent_lately(work, user.id, "verify"):
        raise errors.TooManyRequests(headers={"Retry-After": str(int(PAUSE.total_seconds()))})
    work.enqueue(SEND_VERIFICATION, {"user_id": user.id})


def ask_reset(work: Work, email: str) -> None:
    """Have a link sent to this address if it has an account. Whether it has is found out in the background,
    so that neither the answer nor its time tells."""
    work.enqueue(SEND_RESET, {"email": email})


def draft(work: Work, user: User | None, purpose: str) -> Draft | None:
    """A mail with a fresh link; None: there is nobody to send it to, no need of it, or one was sent just
    now."""
    if user is None or user.email is None or user.disabled_at is not None:
        return None
    if (purpose == "verify" and user.email_verified) or _sent_lately(work, user.id, purpose):
        return None
    secret = secrets.token_urlsafe(32)
    token = EmailToken(
        id=new_id(),
        user_id=user.id,
        purpose=purpose,
        token_hash=_hash(secret),
        created_at=work.now(),
        expires_at=work.now() + LIVES[purpose],
    )
    work.add(token)
    address = work.settings.address
    text = _TEXTS[purpose].format(link=f"{address}/#/{purpose}?token={secret}", address=address)
    return Draft(token.id, user.email, _SUBJECTS[purpose], text)


def note_sent(work: Work, token_id: str) -> None:
    work.execute(update(EmailToken).where(EmailToken.id == token_id).values(sent_at=work.now()))


def usable(work: Work, purpose: str, secret: str) -> EmailToken:
    """The row of a link that still works.

    :raises TokenNotUsable: it was used, has expired, or never existed; which of these is nobody's business.
    """
    query = select(EmailToken).where(EmailToken.token_hash == _hash(secret), EmailToken.purpose == purpose)
    token = work.scalars(query.with_for_update()).one_or_none()
    if token is None or token.used_at is not None or token.expires_at <= work.now():
        raise errors.TokenNotUsable()
    return token


def use(work: Work, purpose: str, secret: str) -> User:
    """Use a link, and with it every other of its purpose. Whoever can do that reads the address: it is
    verified.

    :raises TokenNotUsable:
    """
    token = usable(work, purpose, secret)
    user = work.get_one(User, token.user_id)
    if user.disabled_at is not None or user.email is None:
        raise errors.TokenNotUsable()
    use_up(work, user.id, purpose)
    if not user.email_verified:
        user.email_verified_at = work.now()
        work.flush()
        work.emit(events.EmailVerified(user.id, user.email))
    return user


def use_up(work: Work, user_id: str, purpose: str) -> None:
    """Let no link of this purpose work any more."""
    unused = (EmailToken.user_id == user_id, EmailToken.purpose == purpose, EmailToken.used_at.is_(None))
    work.execute(update(EmailToken).where(*unused).values(used_at=work.now()))


def purge(work: Work) -> None:
    """Forget links that have expired."""
    work.execute(delete(EmailToken).where(EmailToken.expires_at <= work.now()))


def _sent_lately(work: Work, user_id: str, purpose: str) -> bool:
    query = select(EmailToken.id).where(
        EmailToken.user_id == user_id, EmailToken.purpose == purpose, EmailToken.sent_at > work.now() - PAUSE
    )
    return work.scalars(query.limit(1)).first() is not None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
