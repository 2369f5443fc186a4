"""Signed addresses of files: for players and downloads, which carry no token.

    GET {address}/api/v1/recordings/{recording_id}/file?of=track:…&expires=1763632800&signature=…
    GET {address}/api/v1/calls/{call_id}/file?of=main&expires=1763632800&signature=…

The signature is the credential: HMAC-SHA256 over everything else of the address that means something. Whoever has the
address may read this one file until it expires; what is deleted takes its addresses with it.

The key is made of the secret that signs tokens: whichever process signs an address, on whichever machine, all others
know it.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from app.core import errors
from app.core.runtime import Runtime, Work

MAIN = "main"  # the call's file, or the recording's, whichever composition that is


class FileUrls:
    """:param read_secret: asked when an address is first signed or checked: making an app makes no files.
    :param former: secrets that it was before; nothing is signed with them any more.
    """

    def __init__(self, address: str, read_secret: Callable[[], str], former: Sequence[str] = ()) -> None:
        self._address = address
        self._read_secret = read_secret
        self._former = former

    def sign(self, work: Work, subject: str, of: str, *, until: datetime | None = None) -> str:
        """:param subject: `recordings/<id>` or `calls/<id>`. :param of: `main`; of a recording also `rendition:<id>`,
        `track:<id>`, `export:<id>`, or `share:<id>`: the main one, as long as that link holds. :param until: else for
        RECORDING_URL_H.
        """
        expires_at = until or work.now() + timedelta(hours=work.settings.recording_url_h)
        expires = int(expires_at.timestamp())
        path = f"/api/v1/{subject}/file"
        signature = _signature(self._keys[0], path, of, expires)
        return f"{self._address}{path}?of={of}&expires={expires}&signature={signature}"

    def check(self, path: str, of: str, expires: int, signature: str, now: datetime) -> None:
        """:raises UrlNotSigned: :raises UrlExpired: only for an address that was good."""
        right = [_signature(key, path, of, expires) for key in self._keys]
        if not any(hmac.compare_digest(one.encode(), signature.encode()) for one in right):
            raise errors.UrlNotSigned()
        if datetime.fromtimestamp(expires, UTC) <= now:
            raise errors.UrlExpired()

    def close(self) -> None:
        """Nothing is held."""

    @cached_property
    def _keys(self) -> list[bytes]:
        """The present one first."""
        secrets = (self._read_secret(), *self._former)
        return [hmac.digest(secret.encode(), b"addresses of files", hashlib.sha256) for secret in secrets]


def _signature(key: bytes, path: str, of: str, expires: int) -> str:
    digest = hmac.digest(key, f"GET\n{path}\n{of}\n{expires}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def check_address(runtime: Runtime, path: str, query: Any) -> None:
    """Hold an address against its signature.

    :raises UrlNotSigned: :raises UrlExpired:
    """
    try:
        of, expires, signature = str(query["of"]), int(query["expires"]), str(query["signature"])
        runtime.drivers[FileUrls].check(path, of, expires, signature, runtime.clock.now())
    except (KeyError, ValueError, OverflowError):
        raise errors.UrlNotSigned() from None
