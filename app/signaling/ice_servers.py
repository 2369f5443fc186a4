"""The `ice_servers` of a participant's RtcConfig, in the form that RTCPeerConnection takes.

TURN credentials follow draft-uberti-behave-turn-rest-00 §2.2, which coturn calls `use-auth-secret`: the
user name carries its expiry, and the password is its HMAC under a secret shared with the TURN server. So
the server needs no accounts, and a leaked password ends by itself; an allocation made with it lives on
while it is refreshed.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, NotRequired, TypedDict


class IceServer(TypedDict):
    """RTCIceServer of the WebRTC API."""

    urls: list[str]
    username: NotRequired[str]
    credential: NotRequired[str]


class IceServers(NamedTuple):
    """What to hand out, and until when new allocations are granted; None when nothing in it expires."""

    servers: list[IceServer]
    expires_at: datetime | None


def build_ice_servers(
    *,
    stun_urls: Sequence[str],
    turn_urls: Sequence[str],
    turn_secret: str,
    ttl_s: int,
    participant_id: str,
    now: datetime,
) -> IceServers:
    """STUN servers as given, and TURN servers with a credential of this participant's for `ttl_s` from `now`.

    URLs (`stun:`, `turn:…?transport=udp`, `turn:…?transport=tcp`, `turns:…`) are passed on as they are; an
    empty list leaves that server out. Raises `ValueError` for a `now` without a time zone, and for TURN URLs
    without a secret, because a server that takes the resulting credential would take anybody's.
    """
    if now.tzinfo is None:
        raise ValueError("now must be aware of its time zone")
    servers: list[IceServer] = []
    if stun_urls:
        servers.append({"urls": list(stun_urls)})
    if not turn_urls:
        return IceServers(servers, None)
    if not turn_secret:
        raise ValueError("TURN URLs need the secret that is shared with the TURN server")
    # Whole seconds, because that is what the user name can say.
    expires_at = now.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=ttl_s)
    username = f"{int(expires_at.timestamp())}:{participant_id}"
    # The scheme fixes SHA-1; as a MAC it is not touched by SHA-1's collisions (RFC 6194).
    digest = hmac.new(turn_secret.encode(), username.encode(), hashlib.sha1).digest()
    servers.append({"urls": list(turn_urls), "username": username, "credential": base64.b64encode(digest).decode()})
    return IceServers(servers, expires_at)
