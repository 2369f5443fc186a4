"""Signed addresses of the app itself, for rungs that have none of their own: what S3's presigned URLs are there.

    PUT {address}/api/v1/uploads/{upload_id}/parts/{number}?expires=1763632800&size=8388608&signature=…

The signature is the credential: HMAC-SHA256 over the method and everything else of the address that means something.
Whoever has the address may put this one part, of this size, until it expires; nothing else.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property


class BadSignature(Exception):
    """The address was not signed here, or was changed since."""


class ExpiredUrl(Exception):
    """The address was good, once."""


class PartUrls:
    """:param address: of the app, as clients reach it.
    :param secret: gives the key, when it is first needed: making an app makes no files.
    """

    def __init__(self, address: str, secret: Callable[[], str]) -> None:
        self._address = address
        self._secret = secret

    @classmethod
    def of_one_process(cls) -> "PartUrls":
        """Relative addresses, with a key that nobody else has."""
        return cls("", lambda: secrets.token_urlsafe(48))

    def sign(self, upload_id: str, number: int, size: int, expires_at: datetime) -> str:
        expires = int(expires_at.timestamp())
        signature = self._signature(upload_id, number, size, expires)
        path = f"/api/v1/uploads/{upload_id}/parts/{number}"
        return f"{self._address}{path}?expires={expires}&size={size}&signature={signature}"

    def check(self, upload_id: str, number: int, size: int, expires: int, signature: str, now: datetime) -> None:
        """:raises BadSignature: :raises ExpiredUrl: only for an address that was good."""
        right = self._signature(upload_id, number, size, expires)
        if not hmac.compare_digest(right.encode(), signature.encode()):
            raise BadSignature
        if datetime.fromtimestamp(expires, UTC) <= now:
            raise ExpiredUrl

    def close(self) -> None:
        """Nothing is held."""

    def _signature(self, upload_id: str, number: int, size: int, expires: int) -> str:
        signed = f"PUT\n{upload_id}\n{number}\n{size}\n{expires}".encode()
        digest = hmac.digest(self._key, signed, hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    @cached_property
    def _key(self) -> bytes:
        return self._secret().encode()
