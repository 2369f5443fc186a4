"""How often who may do what: one table, asked before any view runs.

A request counts once: for its user where its token is valid, else for the address that it comes from; and beside that
for the limit of its own that its operation may have. Flask-Limiter's hooks and checks were measured at 50 to 200 µs a
request, on every request; here a limit costs one addition, some 5 µs.

What is left is told by the fields of https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ (10): they
name the limit, as there are several, where `X-RateLimit-…` differ from server to server in what they mean.
"""

import math
from dataclasses import dataclass

import structlog
from flask import Response, g, request

from app.core import errors
from app.core.client_address import client_network
from app.core.counters.base import Counters
from app.core.rates import Rate, read_rate
from app.core.settings import Settings

log = structlog.get_logger()

# By operation, as in app/access.py: its own limit. All others count for `user` or `address` alone.
OWN: dict[str, str] = {
    "POST /auth/register": "register",
    "POST /auth/login": "login",
    "POST /auth/refresh": "refresh",
    "GET /auth/oidc/{provider}/callback": "login",
    "POST /auth/oidc/{provider}/exchange": "login",
    "POST /auth/password/forgot": "mails",
    "POST /auth/verify/send": "mails",
    "POST /auth/password": "password",
    "DELETE /auth/me": "password",
    "POST /auth/me/identities": "password",
    "GET /users": "people",
    "GET /search": "people",
    "POST /uploads": "uploads",
    "POST /meetings/join-by-code": "codes",
    "POST /meetings/look-up-code": "codes",
    "POST /recordings/look-up-share": "shares",
    "POST /webhooks": "webhooks",
    "POST /webhooks/{webhook_id}/test": "webhooks",
    "POST /webhooks/{webhook_id}/resume": "webhooks",
    "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/replay": "webhooks",
    "POST /meetings/{meeting_id}/invitations": "invitations",
    "POST /invitations/{invitation_id}/resend": "invitations",
    "POST /meetings/{meeting_id}/rtc/signals": "signals",
    "POST /participants/{participant_id}/stats": "stats",
    "POST /meetings/{meeting_id}/messages": "chat",
    "PATCH /messages/{message_id}": "chat",
    "PUT /messages/{message_id}/reactions/{emoji}": "chat",
}
# Of them those that need no token: they count for the address.
OPEN_WITH_OWN = frozenset(
    {
        "POST /auth/register",
        "POST /auth/login",
        "POST /auth/refresh",
        "GET /auth/oidc/{provider}/callback",
        "POST /auth/oidc/{provider}/exchange",
        "POST /auth/password/forgot",
        "POST /meetings/join-by-code",
        "POST /meetings/look-up-code",
        "POST /recordings/look-up-share",
    }
)
ALONE = frozenset({"signals"})  # these do not count for `user` too: an offer brings dozens of candidates in a second
# Of a user: polls are bounded in number (POLL_MAX_PER_USER), not in how often; and so what they acknowledge.
UNCOUNTED = frozenset({"GET /rtc/inbox", "POST /rtc/ack", "GET /events"})
HEALTH = frozenset({"GET /health", "GET /health/live", "GET /health/ready"})  # refused, they would have it restarted

WHAT = {
    "user": "requests of one user",
    "address": "requests without a valid token from one address",
    "signals": "requests with signals of one user",
    "register": "registrations from one address",
    "login": "sign-ins from one address",
    "refresh": "refreshes of tokens from one address",
    "codes": "requests with a meeting's code",
    "shares": "openings of shared recordings from one address",
    "mails": "mails",
    "password": "requests with a password of one user",
    "people": "searches for people by one user",
    "uploads": "uploads begun by one user",
    "webhooks": "webhooks made, tested, resumed and sent to anew by one user",
    "invitations": "requests with invitations of one user",
    "chat": "chat messages of one user",
    "stats": "statistics of calls of one user",
}
DRAWN = 100  # so many times a process asks the common counters at most until a limit is reached
HEADERS = ("RateLimit", "RateLimit-Policy")


@dataclass(frozen=True, slots=True)
class Limit:
    name: str
    rate: Rate

    @property
    def policy(self) -> str:
        return f'"{self.name}";q={self.rate.most};w={self.rate.window_s}'


class RateLimits:
    """The limits of one application. `None` in `limits` is one that is off."""

    def __init__(self, settings: Settings, counters: Counters) -> None:
        self._counters = counters
        self._knows_of_proxy = settings.trusted_proxies > 0
        self._limits: dict[str, Limit | None] = {}
        self._policies: dict[str, str] = {}
        for name in WHAT:
            rate = read_rate(getattr(settings, f"rate_limit_{name}"))
            self._limits[name] = limit = Limit(name, rate) if rate else None
            self._policies[name] = limit.policy if limit else ""

    def check_user(self, operation: str, user_id: str) -> None:
        """Count a request whose token is valid. Services are not limited: whoever runs Parley gave them their keys.

        :raises TooManyRequests:
        """
        if operation in UNCOUNTED or _was_counted():
            return
        own = OWN.get(operation)
        if own not in ALONE:
            self._count("user", user_id)
        if own is not None:
            self._count(own, user_id)

    def check_address(self, operation: str) -> None:
        """Count a request without a valid token.

        :raises TooManyRequests:
        """
        if operation in HEALTH or _was_counted():
            return
        if not self._knows_of_proxy and "X-Forwarded-For" in request.headers:
            self._knows_of_proxy = True
            log.warning("requests come through a proxy", TRUSTED_PROXIES=0)
        network = client_network()
        self._count("address", network)
        if operation in OPEN_WITH_OWN:
            self._count(OWN[operation], network)

    def _count(self, name: str, who: str) -> None:
        limit = self._limits[name]
        if limit is None:
            return
        key = f"{name}:{who}"
        left = limit.rate.most - self._counters.add_one(key, limit.rate.window_s, max(1, limit.rate.most // DRAWN))
        if left < 0:
            self._refuse(limit, key)
        g.rate_limit = (name, left)

    def _refuse(self, limit: Limit, key: str) -> None:
        wait_s = max(1, math.ceil(self._counters.forgets_in_s(key)))
        g.rate_limit = (limit.name, f"0;t={wait_s}")
        raise errors.TooManyRequests(
            f"At most {limit.rate.most} {WHAT[limit.name]} in {limit.rate.window}; again in {wait_s} s.",
            headers={"Retry-After": str(wait_s)},
            limit=limit.name,
        )

    def tell(self, response: Response) -> Response:
        """Name the limit that the request counted for, and what is left of it."""
        response.headers.update(self.told())
        return response

    def told(self) -> dict[str, str]:
        """The fields that do so."""
        if "rate_limit" not in g:
            return {}
        name, left = g.rate_limit
        return {"RateLimit-Policy": self._policies[name], "RateLimit": f'"{name}";r={left}'}

    def close(self) -> None:
        """Nothing is held."""


def _was_counted() -> bool:
    """Whether this request is run again after it lost a race at the database."""
    before: bool = g.get("was_counted", False)
    g.was_counted = True
    return before
