"""Is this a key frame? By the codecs' payload headers; only the first bytes are looked at.

With end-to-end encryption nothing may be found. So nothing but the repetition of key frame requests depends on it.
"""

from collections.abc import Callable
from functools import lru_cache


def _vp8(payload: bytes) -> bool:
    # RFC 7741 §4.2: the descriptor, then the frame header whose lowest bit is 0 for a key frame
    if not payload or not payload[0] & 0x10 or payload[0] & 0x07:  # S: start of the first partition
        return False
    at = 1
    if payload[0] & 0x80:  # X
        bits = payload[1] if len(payload) > 1 else 0
        at += 1
        if bits & 0x80:  # I: a picture id of one or two bytes
            at += 2 if len(payload) > at and payload[at] & 0x80 else 1
        at += bool(bits & 0x40) + bool(bits & 0x30)  # L; T or K
    return len(payload) > at and not payload[at] & 0x01


def _vp9(payload: bytes) -> bool:
    # RFC 9628 §4.2: I P L F B E V Z; begins a frame (B) that is not predicted from another (P)
    if not payload or payload[0] & 0x40 or not payload[0] & 0x08:
        return False
    if not payload[0] & 0x20:  # L
        return True
    at = 1
    if payload[0] & 0x80:  # I
        at += 2 if len(payload) > at and payload[at] & 0x80 else 1
    return len(payload) > at and not payload[at] & 0x0E  # spatial layer 0


_H264_KEY_UNITS = {5, 7}  # an IDR slice, a sequence parameter set


def _h264(payload: bytes) -> bool:
    # RFC 6184 §5.2
    if not payload:
        return False
    kind = payload[0] & 0x1F
    if kind == 24:  # STAP-A: units with a length of two bytes each
        at = 1
        while at + 2 < len(payload):
            if payload[at + 2] & 0x1F in _H264_KEY_UNITS:
                return True
            at += 2 + int.from_bytes(payload[at : at + 2], "big")
        return False
    if kind == 28:  # FU-A: the first fragment names the unit
        return len(payload) > 1 and bool(payload[1] & 0x80) and payload[1] & 0x1F in _H264_KEY_UNITS
    return kind in _H264_KEY_UNITS


def _av1(payload: bytes) -> bool:
    # AV1 RTP §4.4: Z Y W W N - - -; N begins a coded video sequence
    return bool(payload) and bool(payload[0] & 0x08) and not payload[0] & 0x80


_BY_CODEC: dict[str, Callable[[bytes], bool]] = {"vp8": _vp8, "vp9": _vp9, "h264": _h264, "av1": _av1}


def is_key_frame(codec: str, payload: bytes) -> bool:
    """Whether a packet with this payload begins a key frame. `codec` is the SDP's name; False for one not known."""
    look = _look(codec)
    return look is not None and look(payload)


@lru_cache(maxsize=64)  # asked for every packet
def _look(codec: str) -> Callable[[bytes], bool] | None:
    return _BY_CODEC.get(codec.lower())
