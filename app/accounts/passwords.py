"""Password hashes: slow on purpose, so they are made and checked before a transaction begins."""

import base64
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import argon2

from app.core import errors

SHORTEST = 10  # characters
LONGEST = 200  # characters; more would only let strangers make the server hash megabytes


class PasswordHasher(Protocol):
    """Safe to share between threads. Passwords that look the same are the same: they are compared in NFKC, as
    keyboards differ in how they compose letters (NIST SP 800-63B §5.1.1.2)."""

    def hash(self, password: str) -> str:
        """A salted hash, at most 255 ASCII characters, that names its own parameters.

        :raises Unavailable: too many are hashed and checked now.
        """
        ...

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether `stored` was made from `password`. None takes as long as a wrong one does, and is False.

        :raises Unavailable: too many are hashed and checked now.
        """
        ...

    def is_outdated(self, stored: str) -> bool:
        """Whether `hash` would use other parameters now."""
        ...

    def close(self) -> None: ...


class Argon2Passwords:
    """Argon2id. The defaults are those of RFC 9106 §4 for machines with little memory.

    Each hash holds 64 MiB and its cores. So `at_once` are made at a time, as many wait, and others are refused: a storm
    of sign-ins takes neither the machine's memory nor the threads of everything else.
    """

    def __init__(
        self, *, time_cost: int = 3, memory_cost_kib: int = 65_536, parallelism: int = 4, at_once: int = 4
    ) -> None:
        self._hasher = argon2.PasswordHasher(time_cost, memory_cost_kib, parallelism)
        self._running = threading.BoundedSemaphore(at_once)
        self._places = threading.BoundedSemaphore(2 * at_once)
        # The hash of nothing: random bytes in the right form, so that it costs no time at the start.
        salt, digest = (base64.b64encode(secrets.token_bytes(n)).decode().rstrip("=") for n in (16, 32))
        self._decoy = f"$argon2id$v=19$m={memory_cost_kib},t={time_cost},p={parallelism}${salt}${digest}"

    def hash(self, password: str) -> str:
        with self._slot():
            return self._hasher.hash(_canonical(password))

    def verify(self, stored: str | None, password: str) -> bool:
        with self._slot():
            try:
                return self._hasher.verify(stored or self._decoy, _canonical(password))
            except argon2.exceptions.VerifyMismatchError:
                return False

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise errors.Unavailable("Too many passwords are being checked; try again.")
        try:
            with self._running:
                yield
        finally:
            self._places.release()

    def is_outdated(self, stored: str) -> bool:
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """Nothing is held."""


def _canonical(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
