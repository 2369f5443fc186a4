"""How VP8 counts its pictures (RFC 7741 §4.2), which has to go on where a subscriber gets another layer.

 0 1 2 3 4 5 6 7
|X|R|N|S|R| PID |   S: begins a partition, PID: which
|I|L|T|K| RSV   |   if X
|M| PictureID   |   if I; two bytes if M
|   TL0PICIDX   |   if L: counts the pictures of the lowest temporal layer
|TID|Y| KEYIDX  |   if T or K
"""

import struct
from typing import NamedTuple

_START_CODE = b"\x9d\x01\x2a"
_NUMBER = struct.Struct("!H")


class Picture(NamedTuple):
    """The numbers in one packet's descriptor, and where they are; 0 as a place where there is none.

    Places are counted from the payload's first byte, or from the packet's, as whoever holds it says.
    """

    number_at: int
    is_long: bool  # 15 bits, else 7
    number: int
    tl0_at: int
    tl0: int

    def moved(self, by: int) -> "Picture":
        number_at, is_long, number, tl0_at, tl0 = self
        return Picture(number_at and number_at + by, is_long, number, tl0_at and tl0_at + by, tl0)


def read(payload: bytes) -> Picture | None:
    """None where the packet counts nothing, or is cut off."""
    if len(payload) < 2 or not payload[0] & 0x80:
        return None
    bits = payload[1]
    at = 2
    number_at = number = tl0_at = tl0 = 0
    is_long = False
    try:
        if bits & 0x80:
            number_at, is_long = at, bool(payload[at] & 0x80)
            number = (payload[at] & 0x7F) << 8 | payload[at + 1] if is_long else payload[at]
            at += 2 if is_long else 1
        if bits & 0x40:
            tl0_at, tl0 = at, payload[at]
    except IndexError:
        return None
    return Picture(number_at, is_long, number, tl0_at, tl0) if number_at or tl0_at else None


def write(out: bytearray, at: int, picture: Picture, number_offset: int, tl0_offset: int) -> None:
    """Write the numbers of the packet that begins at `at`, moved by these offsets."""
    number_at, is_long, number, tl0_at, tl0 = picture
    if number_at and is_long:
        _NUMBER.pack_into(out, at + number_at, 0x8000 | (number + number_offset) & 0x7FFF)
    elif number_at:
        out[at + number_at] = (number + number_offset) & 0x7F
    if tl0_at:
        out[at + tl0_at] = (tl0 + tl0_offset) & 0xFF


def height(payload: bytes) -> int | None:
    """Of the picture that this packet begins, in pixels; None where it is no key frame (RFC 6386 §9.1)."""
    at = payload.find(_START_CODE, 4, 16)
    return int.from_bytes(payload[at + 5 : at + 7], "little") & 0x3FFF if 0 < at <= len(payload) - 7 else None
