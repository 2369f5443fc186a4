"""What others entrust to Parley, encrypted with a secret of the installation.

JWE in its compact form (RFC 7516), `dir` with A256GCM. Every purpose has a key of its own, derived from the secret, so
that what was sealed for one is worth nothing in the place of another.
"""

import hashlib
import hmac
from collections.abc import Callable


class Unsealable(Exception):
    """It was sealed with another secret or for another purpose, or somebody has changed it."""


class Sealer:
    """:param read_secret: asked when something is sealed or unsealed, not before."""

    def __init__(self, read_secret: Callable[[], str]) -> None:
        self._read_secret = read_secret

    def seal(self, purpose: str, text: str) -> str:
        from joserfc import jwe
        from joserfc.jwk import OctKey

        header = {"alg": "dir", "enc": "A256GCM"}
        return jwe.encrypt_compact(header, text, OctKey.import_key(self._key(purpose)))

    def unseal(self, purpose: str, sealed: str) -> str:
        """:raises Unsealable:"""
        from joserfc import jwe
        from joserfc.errors import JoseError
        from joserfc.jwk import OctKey

        try:
            opened = jwe.decrypt_compact(sealed, OctKey.import_key(self._key(purpose)), algorithms=["dir", "A256GCM"])
            return (opened.plaintext or b"").decode()
        except (JoseError, ValueError, TypeError, KeyError):
            raise Unsealable() from None

    def close(self) -> None:
        """Nothing is held."""

    def _key(self, purpose: str) -> bytes:
        return hmac.new(self._read_secret().encode(), purpose.encode(), hashlib.sha256).digest()
