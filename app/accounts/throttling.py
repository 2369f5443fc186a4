"""Guessing passwords is slow, for whoever guesses; whoever knows theirs gets in.

Wrong passwords are counted for three: for one account from one place, for all accounts from one place, and for one
account from everywhere. The last would let anybody lock anybody out, so it does not count for a place that the account
has been signed in to from: a device that shows the cookie it got then, or, for apps that keep no cookies, an address.
A place like that has a budget of its own, which nobody else can use up: the device always, the address as long as the
guesser does not sit behind the same one. (OWASP's "device cookies":
https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies)

Addresses of mail that have no account are treated alike, and nothing is looked up: no answer tells who has an account.
An attempt is counted before its password is looked at, so that many at once are no way around; what turns out not to be
a wrong password is given back.
"""

import hashlib
import hmac
import math
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from app.core import errors
from app.core.counters.base import Counters
from app.core.rates import Rate, read_rate
from app.core.settings import Settings

COOKIE = "parley_device"
COOKIE_LIVES = timedelta(days=400)  # as long as browsers keep one
ADDRESS_KNOWN_S = 30 * 86_400

_TOLD = {
    "device": "Too many wrong passwords for this account from here.",
    "address": "Too many wrong passwords from your address.",
    "account": "Too many wrong passwords for this account from elsewhere: sign in from a device that has signed in "
    "before, or choose a new password by mail.",
}


class LoginThrottle:
    """`email` is normalised, `network` as from `client_network`."""

    def __init__(self, settings: Settings, counters: Counters) -> None:
        self._counters = counters
        self._rates: dict[str, Rate | None] = {
            "device": read_rate(settings.login_failures_device),
            "address": read_rate(settings.login_failures_address),
            "account": read_rate(settings.login_failures_account),
        }

    @contextmanager
    def attempt(self, email: str, network: str, device: str | None) -> Iterator[None]:
        """Around the checking of a password. `device` is from `known_device`.

        :raises TooManyRequests: before the password was looked at.
        """
        account = _hash(email)
        own_key = f"login:device:{device}" if device else f"login:pair:{network}:{account}"
        budgets = {"device": own_key}
        if device is None and not self._counters.number(_known(account, network)):
            budgets |= {"address": f"login:address:{network}", "account": f"login:account:{account}"}
        counted: list[tuple[str, int]] = []
        try:
            for name, key in budgets.items():
                self._count(name, key, counted)
            yield
        except errors.BadCredentials:
            raise
        except BaseException:  # not a wrong password
            self._give_back(counted)
            raise
        self._give_back(counted)
        self._counters.forget(own_key)
        self.know(email, network)

    def know(self, email: str, network: str) -> None:
        """Somebody has shown from this address that the account is theirs."""
        key = _known(_hash(email), network)
        self._counters.forget(key)  # so that it is known for as long again
        self._counters.add(key, ADDRESS_KNOWN_S)

    def _count(self, name: str, key: str, counted: list[tuple[str, int]]) -> None:
        rate = self._rates[name]
        if rate is None:
            return
        number = self._counters.add(key, rate.window_s)
        counted.append((key, rate.window_s))
        if number > rate.most:
            wait_s = max(1, math.ceil(self._counters.forgets_in_s(key)))
            raise errors.TooManyRequests(
                f"{_TOLD[name]} Again in {math.ceil(wait_s / 60)} min.",
                headers={"Retry-After": str(wait_s)},
                limit=f"login_failures_{name}",
            )

    def _give_back(self, counted: list[tuple[str, int]]) -> None:
        for key, window_s in counted:
            self._counters.add(key, window_s, -1)

    def close(self) -> None:
        """Nothing is held."""


def device_cookie(secret: str, email: str, now: datetime) -> str:
    """What a device keeps that has signed in to an account: when, something random, and our seal on both."""
    said = f"{int(now.timestamp())}.{secrets.token_urlsafe(12)}"
    return f"{said}.{_seal(secret, email, said)}"


def known_device(secret: str, email: str, cookie: str | None, now: datetime) -> str | None:
    """A name for the device that shows this cookie; None: it has not signed in to this account lately."""
    said, _, seal = (cookie or "").rpartition(".")
    if not said or not hmac.compare_digest(seal.encode(), _seal(secret, email, said).encode()):
        return None
    signed_in_at = int(said.partition(".")[0])
    return said if now.timestamp() - signed_in_at < COOKIE_LIVES.total_seconds() else None


def _seal(secret: str, email: str, said: str) -> str:
    return hmac.new(secret.encode(), f"{COOKIE}\n{said}\n{email}".encode(), hashlib.sha256).hexdigest()


def _known(account: str, network: str) -> str:
    return f"login:known:{network}:{account}"


def _hash(email: str) -> str:
    """Counters may lie in a server that others read: it learns no addresses."""
    return hashlib.sha256(email.encode()).hexdigest()[:32]
