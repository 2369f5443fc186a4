"""ICE for a server that can be reached (RFC 8445 §2.5): it answers checks and never sends any.

Theory of operation. Bytes in, bytes out; who owns the socket is not known here. A client checks every path to us with a
STUN binding request, signed with the password that it got by SDP. Any signed request makes its source address *valid*:
datagrams from there are the client's. The client, which always controls, nominates one path with USE-CANDIDATE; there
we send. A nomination may move (another network, a NAT that forgot): the newest counts, and that is all there is to a
client that changes its address. Requests go on as long as the client is there (consent, RFC 7675), so their silence
tells that it is gone.

An ICE restart is new credentials in the next SDP. The old ones hold until the first check with the new ones, for the
client uses them until its new path works (RFC 8445 §2.4).
"""

import secrets
import string
from dataclasses import dataclass, field
from typing import NamedTuple

from aioice import stun

Address = tuple[str, int]

_LETTERS = string.ascii_letters + string.digits
_MAX_VALID_ADDRESSES = 16  # of one client; a browser tries a handful
_ROLE_CONFLICT = (487, "Role Conflict")


class Credentials(NamedTuple):
    """RFC 8839 §5.4 asks for at least 4 and 22 characters; with these nobody guesses either."""

    ufrag: str
    password: str

    @classmethod
    def new(cls) -> "Credentials":
        return cls(_random(12), _random(32))


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


class Check(NamedTuple):
    """A well-formed binding request, not yet believed."""

    local_ufrag: str
    message: stun.Message


def parse_check(datagram: bytes) -> Check | None:
    """The check that the datagram is; None for anything else, whatever it is."""
    try:
        message = stun.parse_message(datagram)
    except Exception:  # a parser of what strangers send; whatever it stumbles over is no check
        return None
    if message.message_method != stun.Method.BINDING or message.message_class != stun.Class.REQUEST:
        return None
    username = message.attributes.get("USERNAME")
    if not isinstance(username, str) or ":" not in username:
        return None
    return Check(username.split(":")[0], message)  # RFC 8445 §7.3: ours stands first


@dataclass
class IceLite:
    """One client's side of ICE."""

    credentials: Credentials = field(default_factory=Credentials.new)
    selected: Address | None = None  # where to send
    valid: dict[Address, None] = field(default_factory=dict)  # where from to receive, the oldest first
    last_check_at: float | None = None  # monotonic, in seconds
    _old: Credentials | None = None

    @property
    def ufrags(self) -> list[str]:
        return [known.ufrag for known in (self.credentials, self._old) if known]

    def restart(self) -> None:
        """Take new credentials; see above for how long the old ones hold."""
        self._old, self.credentials = self.credentials, Credentials.new()

    def answer(self, check: Check, source: Address, now: float) -> bytes | None:
        """What to send back to `source`; None when the check is not signed with our password.

        `selected` and `valid` are as they should be afterwards; an answered check may have changed both.
        """
        known = self._signer(check)
        if known is None:
            return None
        message = check.message
        reply = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=message.transaction_id)
        if "ICE-CONTROLLED" in message.attributes:
            # RFC 8445 §7.3.1.1: both think that they are controlled; a lite agent always is
            reply.message_class = stun.Class.ERROR
            reply.attributes["ERROR-CODE"] = _ROLE_CONFLICT
        else:
            if known is self.credentials:
                self._old = None
            self.last_check_at = now
            self._believe(source, nominated="USE-CANDIDATE" in message.attributes)
            reply.attributes["XOR-MAPPED-ADDRESS"] = source
        reply.add_message_integrity(known.password.encode())
        return bytes(reply)

    def disown(self, address: Address) -> None:
        """The address is another client's now."""
        self.valid.pop(address, None)
        if self.selected == address:
            self.selected = next(reversed(self.valid), None)

    def _signer(self, check: Check) -> Credentials | None:
        for known in (self.credentials, self._old):
            if known and known.ufrag == check.local_ufrag:
                return known if check.message.check_message_integrity(known.password.encode()) else None
        return None

    def _believe(self, source: Address, *, nominated: bool) -> None:
        self.valid.pop(source, None)
        self.valid[source] = None
        if nominated or self.selected is None:
            self.selected = source
        for address in list(self.valid)[:-_MAX_VALID_ADDRESSES]:
            if address != self.selected:
                del self.valid[address]
