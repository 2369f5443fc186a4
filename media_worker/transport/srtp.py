"""Both directions of one peer's SRTP (RFC 3711, RFC 7714), on libsrtp."""

from collections.abc import Callable
from typing import Any

import pylibsrtp
from pylibsrtp import Policy, Session

from media_worker.transport.dtls import SrtpKeys

# How far back a packet may come late, or be sent again: 3 s of video at 2.5 Mb/s.
_WINDOW_PACKETS = 1024
MAX_SSRCS = 256  # that one peer may send with; libsrtp keeps something for each, for ever


class SrtpPair:
    """Encrypts what goes out, decrypts what comes in; what is forged, replayed or too old becomes None."""

    def __init__(self, keys: SrtpKeys) -> None:
        self.incoming = _session(keys.incoming, keys.profile.libsrtp_profile, Policy.SSRC_ANY_INBOUND)
        self.outgoing = _session(keys.outgoing, keys.profile.libsrtp_profile, Policy.SSRC_ANY_OUTBOUND)
        self.ssrcs: set[bytes] = set()  # of what came in

    @property
    def incoming_handle(self) -> Any:
        """libsrtp's, for whoever calls it on buffers of their own."""
        return self.incoming._srtp[0]

    @property
    def outgoing_handle(self) -> Any:
        return self.outgoing._srtp[0]

    def unprotect(self, datagram: bytes) -> bytes | None:
        return self._opened(self.incoming.unprotect, datagram, datagram[8:12])

    def unprotect_rtcp(self, datagram: bytes) -> bytes | None:
        return self._opened(self.incoming.unprotect_rtcp, datagram, datagram[4:8])

    def _opened(self, apply: Callable[[bytes], bytes], datagram: bytes, ssrc: bytes) -> bytes | None:
        if ssrc in self.ssrcs:
            return _tried(apply, datagram)
        if len(self.ssrcs) >= MAX_SSRCS or (opened := _tried(apply, datagram)) is None:
            return None
        self.ssrcs.add(ssrc)
        return opened

    def protect(self, packet: bytes) -> bytes | None:
        return _tried(self.outgoing.protect, packet)

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        return _tried(self.outgoing.protect_rtcp, packet)


def _session(key: bytes, profile: int, direction: int) -> Session:
    policy = Policy(key=key, ssrc_type=direction, srtp_profile=profile)
    policy.window_size = _WINDOW_PACKETS
    # A packet that is sent again, byte for byte, is not refused. Nothing else is ever sent under a used number:
    # media_worker/rtp/sequence.py.
    policy.allow_repeat_tx = direction == Policy.SSRC_ANY_OUTBOUND
    return Session(policy)


def _tried(apply: Callable[[bytes], bytes], data: bytes) -> bytes | None:
    try:
        return apply(data)
    except (pylibsrtp.Error, ValueError):  # ValueError: longer than libsrtp's binding takes, 1,356 bytes to send
        return None
