"""What others entrust to Parley, encrypted with a secret of the installation.

JWE in its compact form (RFC 7516), `dir` with A256GCM. Every purpose has a key of its own, derived from the secret, so
that what was sealed for one is worth nothing in the place of another.

The secret may change: what was sealed with a former one is opened with that, until it is sealed anew
(`SealedColumns.reseal`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import inspect, select

if TYPE_CHECKING:
    from app.core.runtime import Runtime


class Unsealable(Exception):
    """It was sealed with another secret or for another purpose, or somebody has changed it."""


class Sealer:
    """:param read_secret: asked when something is sealed or unsealed, not before.
    :param former: secrets that it was before; nothing is sealed with them any more.
    """

    def __init__(self, read_secret: Callable[[], str], former: Sequence[str] = ()) -> None:
        self._read_secret = read_secret
        self._former = former

    def seal(self, purpose: str, text: str) -> str:
        from joserfc import jwe
        from joserfc.jwk import OctKey

        header = {"alg": "dir", "enc": "A256GCM"}
        return jwe.encrypt_compact(header, text, OctKey.import_key(_key(self._read_secret(), purpose)))

    def unseal(self, purpose: str, sealed: str) -> str:
        """:raises Unsealable:"""
        for secret in (self._read_secret(), *self._former):
            opened = self._opened(secret, purpose, sealed)
            if opened is not None:
                return opened
        raise Unsealable()

    def is_of_former(self, purpose: str, sealed: str) -> bool:
        """Whether it has to be sealed anew, or can't be opened at all."""
        return self._opened(self._read_secret(), purpose, sealed) is None

    @staticmethod
    def _opened(secret: str, purpose: str, sealed: str) -> str | None:
        from joserfc import jwe
        from joserfc.errors import JoseError
        from joserfc.jwk import OctKey

        try:
            opened = jwe.decrypt_compact(
                sealed, OctKey.import_key(_key(secret, purpose)), algorithms=["dir", "A256GCM"]
            )
            return (opened.plaintext or b"").decode()
        except (JoseError, ValueError, TypeError, KeyError):
            return None

    def close(self) -> None:
        """Nothing is held."""


class Sealed(NamedTuple):
    """A column that holds what is sealed, or None; `purpose`: what for, by its row."""

    model: type
    column: str
    purpose: Callable[[Any], str]


class SealedColumns:
    """All that the database has sealed: `app/wiring.py` names them."""

    def __init__(self, *columns: Sealed) -> None:
        self.columns = columns

    def reseal(self, runtime: Runtime) -> tuple[int, int]:
        """Seal with the newest secret what is sealed with a former one, a row at a time: how many there were, and how
        many can't be opened. Repeating it changes nothing more.
        """
        counts = [self._reseal(runtime, sealed) for sealed in self.columns]
        return sum(done for done, _ in counts), sum(lost for _, lost in counts)

    def _reseal(self, runtime: Runtime, sealed: Sealed) -> tuple[int, int]:
        sealer, done, lost = runtime.drivers[Sealer], 0, 0
        with runtime.reading() as work:
            keys = [tuple(row) for row in work.execute(select(*inspect(sealed.model).primary_key))]
        for key in keys:
            with runtime.writing() as work:
                row: Any = work.get(sealed.model, key, with_for_update=True)
                value = getattr(row, sealed.column, None)
                if row is None or value is None or not sealer.is_of_former(sealed.purpose(row), value):
                    continue
                try:
                    opened = sealer.unseal(sealed.purpose(row), value)
                except Unsealable:
                    lost += 1
                    continue
                setattr(row, sealed.column, sealer.seal(sealed.purpose(row), opened))
                done += 1
        return done, lost

    def close(self) -> None:
        """Nothing is held."""


def _key(secret: str, purpose: str) -> bytes:
    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).digest()
