"""RTP payloads put together to the frames of their codec, in the form in which Matroska keeps them.

Each reader takes the payloads of one frame, in order and whole. What is no such thing raises ValueError.
"""

from collections.abc import Callable, Sequence

from aiortc.codecs.vpx import VpxPayloadDescriptor

Payloads = Sequence[bytes]


def vp8(payloads: Payloads) -> bytes:
    """RFC 7741 §4.2: each packet without its descriptor."""
    parts = [VpxPayloadDescriptor.parse(payload) for payload in payloads]
    if not parts[0][0].partition_start or parts[0][0].partition_id != 0:
        raise ValueError("no beginning of a frame")
    return b"".join(data for _, data in parts)


def vp9(payloads: Payloads) -> bytes:
    """RFC 9628 §4.2: each packet without its descriptor; the spatial layers of a picture make one superframe."""
    if not payloads[0] or not payloads[0][0] & 0x08:
        raise ValueError("no beginning of a frame")
    return b"".join(payload[_vp9_descriptor(payload) :] for payload in payloads)


def _vp9_descriptor(payload: bytes) -> int:
    """How long it is."""
    first, at = payload[0], 1
    if first & 0x80:  # I: picture id
        at += 2 if _byte(payload, at) & 0x80 else 1
    if first & 0x20:  # L: layer indices, and one byte more where frames don't refer freely
        at += 1 if first & 0x10 else 2
    if first & 0x50 == 0x50:  # F and P: up to three references
        for _ in range(3):
            at += 1
            if not _byte(payload, at - 1) & 0x01:
                break
    if first & 0x02:  # V: the scalability structure
        structure = _byte(payload, at)
        at += 1 + (4 * ((structure >> 5) + 1) if structure & 0x10 else 0)
        if structure & 0x08:
            pictures = _byte(payload, at)
            at += 1
            for _ in range(pictures):
                at += 1 + (_byte(payload, at) >> 2 & 0x03)
    if at > len(payload):
        raise ValueError("the descriptor is cut off")
    return at


def h264(payloads: Payloads) -> bytes:
    """RFC 6184 §5.6 to §5.8: units, each with its length in four bytes before it (ISO/IEC 14496-15 §5.3)."""
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in h264_units(payloads))


def h264_units(payloads: Payloads) -> list[bytes]:
    units: list[bytes] = []
    fragments: bytearray | None = None
    for payload in payloads:
        kind = _byte(payload, 0) & 0x1F
        if kind == 28:  # FU-A
            header = _byte(payload, 1)
            if header & 0x80:
                fragments = bytearray([payload[0] & 0xE0 | header & 0x1F])
            if fragments is None:
                raise ValueError("a fragment without its beginning")
            fragments += payload[2:]
            if header & 0x40:
                units.append(bytes(fragments))
                fragments = None
        elif kind == 24:  # STAP-A
            at = 1
            while at < len(payload):
                size = int.from_bytes(payload[at : at + 2], "big")
                if not 0 < size <= len(payload) - at - 2:
                    raise ValueError("a unit that is longer than its packet")
                units.append(payload[at + 2 : at + 2 + size])
                at += 2 + size
        elif 1 <= kind <= 23:
            units.append(payload)
        else:
            raise ValueError(f"packets of type {kind} are not used with packetization-mode 1")
    if fragments is not None:
        raise ValueError("a unit without its end")
    return units


_LEFT_OUT = {2, 8, 15}  # temporal delimiters, tile lists and padding: not in a file (AV1 in Matroska)


def av1(payloads: Payloads) -> bytes:
    """AV1 RTP §4.4: the units of a temporal unit, each with its size (AV1 §5.3.1)."""
    return b"".join(with_size(unit) for unit in av1_units(payloads))


def av1_units(payloads: Payloads) -> list[bytes]:
    units: list[bytes] = []
    unfinished = False
    for payload in payloads:
        header = _byte(payload, 0)
        continues, count = bool(header & 0x80), header >> 4 & 0x03  # Z, W
        if continues != unfinished:
            raise ValueError("two packets that don't belong together")
        for number, element in enumerate(_av1_elements(payload, count)):
            if continues and number == 0:
                units[-1] += element
            else:
                units.append(element)
        unfinished = bool(header & 0x40)  # Y
    if unfinished:
        raise ValueError("a unit without its end")
    return [unit for unit in units if unit and obu_type(unit) not in _LEFT_OUT]


def _av1_elements(payload: bytes, count: int) -> list[bytes]:
    """`count`: how many there are, of which the last has no size; 0: it isn't said, and all have one."""
    elements: list[bytes] = []
    at = 1
    while at < len(payload):
        if len(elements) + 1 == count:
            size = len(payload) - at
        else:
            size, at = leb128(payload, at)
        if size > len(payload) - at:
            raise ValueError("a unit that is longer than its packet")
        elements.append(payload[at : at + size])
        at += size
    return elements


def obu_type(unit: bytes) -> int:
    return unit[0] >> 3 & 0x0F


def with_size(unit: bytes) -> bytes:
    if unit[0] & 0x02:
        return unit
    header = 2 if unit[0] & 0x04 else 1
    size = len(unit) - header
    encoded = bytearray()
    while True:
        size, low = size >> 7, size & 0x7F
        encoded.append(low | (0x80 if size else 0))
        if not size:
            break
    return bytes([unit[0] | 0x02]) + unit[1:header] + bytes(encoded) + unit[header:]


def leb128(data: bytes, at: int) -> tuple[int, int]:
    """A number of 7 bits in each byte, the lowest first (AV1 §4.10.5), and where it ends."""
    value = 0
    for place in range(8):
        byte = _byte(data, at + place)
        value |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            return value, at + place + 1
    raise ValueError("a number that does not end")


def sound(payloads: Payloads) -> bytes:
    """A packet is a frame."""
    return payloads[0]


def red(payloads: Payloads) -> bytes:
    """RFC 2198 §3: the last block is what is new; what it repeats, came before or is a gap."""
    payload, at, repeated = payloads[0], 0, 0
    while _byte(payload, at) & 0x80:
        repeated += int.from_bytes(payload[at + 1 : at + 4], "big") & 0x3FF
        at += 4
    primary = payload[at + 1 + repeated :]
    if not primary:
        raise ValueError("nothing but repetitions")
    return primary


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise ValueError("the payload is cut off")
    return data[at]


READERS: dict[str, Callable[[Payloads], bytes]] = {
    "vp8": vp8,
    "vp9": vp9,
    "h264": h264,
    "av1": av1,
    "opus": sound,
    "pcmu": sound,
    "pcma": sound,
    "g722": sound,
}
