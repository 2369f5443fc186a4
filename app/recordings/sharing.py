"""Links by which a recording is watched without an account.

A link's secret stands behind the `#` of the page's address, which no server gets to see, and comes here in bodies
alone; only its hash is kept. What opens it is told an address of the film that is signed for a short while and holds
as long as the link does: one that is taken back plays no further.
"""

import hashlib
import secrets
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select

from app.accounts.passwords import PasswordHasher
from app.core import errors
from app.core.actor import Actor
from app.core.attempts import Attempts
from app.core.counters.base import Counters
from app.core.downloads import Download
from app.core.file_urls import FileUrls
from app.core.ids import new_id
from app.core.pagination import paginate
from app.core.runtime import Work
from app.core.settings import Settings
from app.recordings import service
from app.recordings.models import Recording, Rendition, Share

PAGE = "/shared"


class ShareThrottle:
    """Of secrets there is nothing to be guessed. Of passcodes there is, by whoever has the link: each link has tries of
    its own, whichever addresses they come from."""

    def __init__(self, settings: Settings, counters: Counters) -> None:
        of_address, of_link = settings.share_failures_address, settings.share_failures_link
        refusal = "Too many links from your address that open nothing."
        self._secrets = Attempts(counters, "share_failures_address", of_address, refusal)
        refusal = "Too many wrong passcodes for this link."
        self._passcodes = Attempts(counters, "share_failures_link", of_link, refusal)

    def secret(self, network: str) -> AbstractContextManager[None]:
        """Around the looking up of a secret; `network` as from `client_network`. :raises TooManyRequests:"""
        return self._secrets.one(network, errors.ShareUnknown)

    def passcode(self, share_id: str) -> AbstractContextManager[None]:
        """Around the checking of a passcode. :raises TooManyRequests:"""
        return self._passcodes.one(share_id, errors.PasscodeNeeded)

    def close(self) -> None:
        """Nothing is held."""


def create(work: Work, actor: Actor, recording_id: str, *, expires_in: int, passcode: str | None) -> dict[str, Any]:
    """A link; its secret is told now and never again. `expires_in` in seconds.

    :raises RecordingStateConflict: there is no file to watch. :raises TooManyShares:
    :raises ValidationFailed: it would live too long.
    """
    longest_s = round(work.settings.share_max_days * 24 * 3600)
    if expires_in > longest_s:
        wrong = {"location": "body", "field": "expires_in", "message": f"At most {longest_s} seconds here."}
        raise errors.ValidationFailed(errors=[wrong])
    work.pause()  # hashing takes long
    passcode_hash = work.driver(PasswordHasher).hash(passcode) if passcode is not None else None
    recording = service.held(work, recording_id)
    service.download_of(work, recording)
    if (work.scalar(select(func.count()).where(*_open(work, recording.id))) or 0) >= work.settings.shares_max:
        raise errors.TooManyShares(f"At most {work.settings.shares_max} links at a time; take one back.")
    secret = secrets.token_urlsafe(32)
    share = Share(
        id=new_id(),
        recording_id=recording.id,
        created_by=actor.user_id,
        secret_hash=_hash(secret),
        passcode_hash=passcode_hash,
        created_at=work.now(),
        expires_at=work.now() + timedelta(seconds=expires_in),
    )
    work.add(share)
    return view(share) | {"url": f"{work.settings.address}{PAGE}#{secret}", "secret": secret}


def page(work: Work, recording: Recording, *, limit: int, cursor: str | None) -> dict[str, Any]:
    """Those that still open something, the newest first."""
    theirs = select(Share).where(*_open(work, recording.id))
    return paginate(work, theirs, (Share.id,), limit=limit, cursor=cursor, descending=True, show=view)


def revoke(work: Work, recording: Recording, share_id: str) -> None:
    share = work.get(Share, share_id)
    if share is None or share.recording_id != recording.id:
        raise errors.NotFound()
    work.delete(share)


def view(share: Share) -> dict[str, Any]:
    """As `ShareOut` takes it."""
    row = {column.key: getattr(share, column.key) for column in Share.__table__.columns}
    return row | {"has_passcode": share.passcode_hash is not None}


def look_up(work: Work, network: str, *, secret: str, passcode: str | None) -> dict[str, Any]:
    """What whoever has the link may watch, as `SharedRecording` takes it.

    :raises ShareUnknown: whether it never was, has expired, was taken back, or its recording is gone.
    :raises PasscodeNeeded: it is wrong, or missing. :raises TooManyRequests:
    """
    throttle = work.driver(ShareThrottle)
    with work.runtime.reading() as before, throttle.secret(network):
        share = before.scalar(select(Share).where(Share.secret_hash == _hash(secret), Share.expires_at > work.now()))
        recording = before.get(Recording, share.recording_id) if share else None
        if share is None or recording is None or not _is_watchable(recording):
            raise errors.ShareUnknown()
        shown = _shown(before, recording, share)
    if share.passcode_hash is not None:
        if passcode is None:
            raise errors.PasscodeNeeded()
        with throttle.passcode(share.id):
            if not work.driver(PasswordHasher).verify(share.passcode_hash, passcode):
                raise errors.PasscodeNeeded()
    return shown


def file_of(work: Work, recording: Recording, share_id: str) -> Download:
    """:raises ShareUnknown: the link has expired or was taken back since its address was signed."""
    share = work.get(Share, share_id)
    if share is None or share.recording_id != recording.id or share.expires_at <= work.now():
        raise errors.ShareUnknown()
    return service.download_of(work, recording)


def forget_of(work: Work, user_id: str) -> None:
    """An account was erased: what it has given away opens nothing any more."""
    work.execute(delete(Share).where(Share.created_by == user_id))


def forget_expired(work: Work) -> None:
    work.execute(delete(Share).where(Share.expires_at <= work.now()))


def _shown(work: Work, recording: Recording, share: Share) -> dict[str, Any]:
    main = work.get(Rendition, recording.rendition_id) if recording.rendition_id else None
    minutes = timedelta(minutes=work.settings.share_url_min)
    until = min(work.now() + minutes, share.expires_at)
    names = ("title", "started_at", "duration_s", "content_type", "bytes")
    return {name: getattr(recording, name) for name in names} | {
        "is_mock": recording.driver == "mock",
        "chapters": main.chapters if main else [],
        "expires_at": share.expires_at,
        "signed_url": work.driver(FileUrls).sign(work, f"recordings/{recording.id}", f"share:{share.id}", until=until),
        "signed_until": until,
    }


def _is_watchable(recording: Recording) -> bool:
    return recording.state == "ready" and recording.file_path is not None


def _open(work: Work, recording_id: str) -> tuple[Any, ...]:
    return Share.recording_id == recording_id, Share.expires_at > work.now()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
