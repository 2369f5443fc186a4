"""Password hashes: slow on purpose, so they are made and checked before a transaction begins."""

import base64
import secrets
import threading
import unicodedata
from typing import Protocol

import argon2

SHORTEST = 10  # characters
LONGEST = 200  # characters; more would only let strangers make the server hash megabytes
# Each holds 64 MiB and a core: a storm of sign-ins queues up here instead of taking the machine's memory.
MOST_AT_ONCE = 4


class PasswordHasher(Protocol):
    """Safe to share between threads. Passwords that look the same are the same: they are compared in NFKC, as
    keyboards differ in how they compose letters (NIST SP 800-63B §5.1.1.2)."""

    def hash(self, password: str) -> str:
        """A salted hash, at most 255 ASCII characters, that names its own parameters."""
        ...

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether `stored` was made from `password`. None takes as long as a wrong one does, and is False."""
        ...

    def is_outdated(self, stored: str) -> bool:
        """Whether `hash` would use other parameters now."""
        ...

    def close(self) -> None: ...


class Argon2Passwords:
    """Argon2id. The defaults are those of RFC 9106 §4 for machines with little memory."""

    def __init__(self, *, time_cost: int = 3, memory_cost_kib: int = 65_536, parallelism: int = 4) -> None:
        self._hasher = argon2.PasswordHasher(time_cost, memory_cost_kib, parallelism)
        self._slots = threading.BoundedSemaphore(MOST_AT_ONCE)
        # The hash of nothing: random bytes in the right form, so that it costs no time at the start.
        salt, digest = (base64.b64encode(secrets.token_bytes(n)).decode().rstrip("=") for n in (16, 32))
        self._decoy = f"$argon2id$v=19$m={memory_cost_kib},t={time_cost},p={parallelism}${salt}${digest}"

    def hash(self, password: str) -> str:
        with self._slots:
            return self._hasher.hash(_canonical(password))

    def verify(self, stored: str | None, password: str) -> bool:
        with self._slots:
            try:
                return self._hasher.verify(stored or self._decoy, _canonical(password))
            except argon2.exceptions.VerifyMismatchError:
                return False

    def is_outdated(self, stored: str) -> bool:
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """Nothing is held."""


def _canonical(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
