"""What a file says of its codec before its first frame: found in the headers of a first key frame.

`private` is Matroska's CodecPrivate. A size that can't be read is an error: a player would stretch the picture.
"""

import struct

from media_worker.recording import frames
from media_worker.recording.matroska import Codec

_ACM_TAGS = {"pcmu": 0x0007, "pcma": 0x0006, "g722": 0x028F}  # of WAVEFORMATEX, RFC 2361
_RATES = {"pcmu": 8000, "pcma": 8000, "g722": 16_000}  # G.722 says 8000 in SDP and means 16,000 (RFC 3551 §4.5.2)


def of_sound(codec: str, channels: int) -> Codec:
    """`codec` as in SDP, in lower case."""
    if codec == "opus":
        # RFC 7845 §5.1: version, channels, pre-skip, rate of the source, gain, mapping family
        head = b"OpusHead" + struct.pack("<BBHIhB", 1, channels, 0, 48_000, 0, 0)
        return Codec("A_OPUS", head, sample_rate=48_000, channels=channels)
    rate = _RATES[codec]
    bits = 4 if codec == "g722" else 8
    wave = struct.pack("<HHIIHHH", _ACM_TAGS[codec], 1, rate, rate * bits // 8, 1, bits, 0)
    return Codec("A_MS/ACM", wave, sample_rate=rate, channels=1)


def of_picture(codec: str, payloads: frames.Payloads) -> Codec:
    """Of a key frame's payloads. Raises ValueError where that is none."""
    if codec == "vp8":
        return Codec("V_VP8", b"", *_vp8_size(frames.vp8(payloads)))
    if codec == "vp9":
        return Codec("V_VP9", b"", *_vp9_size(frames.vp9(payloads)))
    if codec == "h264":
        return _h264(frames.h264_units(payloads))
    if codec == "av1":
        return _av1(frames.av1_units(payloads))
    raise ValueError(f"no file format is known for {codec}")


def _vp8_size(frame: bytes) -> tuple[int, int]:
    """RFC 6386 §9.1."""
    if len(frame) < 10 or frame[0] & 0x01 or frame[3:6] != b"\x9d\x01\x2a":
        raise ValueError("no VP8 key frame")
    width, height = struct.unpack_from("<HH", frame, 6)
    return _checked(width & 0x3FFF, height & 0x3FFF)


def _vp9_size(frame: bytes) -> tuple[int, int]:
    """VP9 bitstream specification §6.2: the uncompressed header of a key frame."""
    bits = _Bits(frame)
    if bits.read(2) != 2:
        raise ValueError("no VP9 frame")
    profile = bits.read(1) | bits.read(1) << 1
    if profile == 3:
        bits.read(1)
    if bits.read(1) or bits.read(1):  # shows an existing frame; is predicted
        raise ValueError("no VP9 key frame")
    bits.read(2)
    if bits.read(24) != 0x498342:
        raise ValueError("no VP9 key frame")
    if profile >= 2:
        bits.read(1)
    if bits.read(3) != 7:  # not sRGB
        bits.read(1)
        if profile & 1:
            bits.read(3)
    elif profile & 1:
        bits.read(1)
    return _checked(bits.read(16) + 1, bits.read(16) + 1)


def _h264(units: list[bytes]) -> Codec:
    """ISO/IEC 14496-15 §5.3.3.1: the parameter sets as AVCDecoderConfigurationRecord."""
    sps = [unit for unit in units if unit[0] & 0x1F == 7 and len(unit) >= 4]
    pps = [unit for unit in units if unit[0] & 0x1F == 8]
    if not sps or not pps:
        raise ValueError("no H.264 key frame with its parameter sets")
    record = bytes([1]) + sps[0][1:4] + bytes([0xFF, 0xE0 | len(sps[:31])])
    record += b"".join(len(unit).to_bytes(2, "big") + unit for unit in sps[:31])
    record += bytes([len(pps)]) + b"".join(len(unit).to_bytes(2, "big") + unit for unit in pps)
    return Codec("V_MPEG4/ISO/AVC", record, *_sps_size(sps[0]))


_HIGH_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128}


def _sps_size(sps: bytes) -> tuple[int, int]:
    """H.264 §7.3.2.1.1."""
    bits = _Bits(sps[1:].replace(b"\x00\x00\x03", b"\x00\x00"))
    profile = bits.read(8)
    bits.read(16)
    bits.exp_golomb()
    chroma = 1
    if profile in _HIGH_PROFILES:
        chroma = bits.exp_golomb()
        if chroma == 3:
            bits.read(1)
        bits.exp_golomb()
        bits.exp_golomb()
        bits.read(1)
        if bits.read(1):
            raise ValueError("scaling matrices, which no browser sends")
    bits.exp_golomb()
    order = bits.exp_golomb()
    if order == 0:
        bits.exp_golomb()
    elif order == 1:
        bits.read(1)
        bits.exp_golomb()
        bits.exp_golomb()
        for _ in range(min(bits.exp_golomb(), 255)):
            bits.exp_golomb()
    bits.exp_golomb()
    bits.read(1)
    columns, rows = bits.exp_golomb() + 1, bits.exp_golomb() + 1
    frames_only = bits.read(1)
    if not frames_only:
        bits.read(1)
    bits.read(1)
    left = right = top = bottom = 0
    if bits.read(1):
        left, right, top, bottom = (bits.exp_golomb() for _ in range(4))
    across, down = (1 if chroma in (0, 3) else 2), (2 if chroma == 1 else 1) * (2 - frames_only)
    return _checked(16 * columns - across * (left + right), 16 * rows * (2 - frames_only) - down * (top + bottom))


def _av1(units: list[bytes]) -> Codec:
    """AV1 in ISOBMFF §2.3: four bytes, then the sequence header with its size."""
    header = next((unit for unit in units if frames.obu_type(unit) == 1), None)
    if header is None:
        raise ValueError("no AV1 key frame with its sequence header")
    body = _obu_body(header)
    bits = _Bits(body)
    profile = bits.read(3)
    bits.read(1)
    if bits.read(1):
        raise ValueError("a reduced still picture")
    if bits.read(1):
        raise ValueError("timing information, which no browser sends")
    delayed = bits.read(1)
    if delayed:
        raise ValueError("a display delay, which no browser sends")
    level = tier = 0
    for number in range(bits.read(5) + 1):
        bits.read(12)
        index = bits.read(5)
        high = bits.read(1) if index > 7 else 0
        if number == 0:
            level, tier = index, high
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    size = _checked(bits.read(width_bits) + 1, bits.read(height_bits) + 1)
    # 8 bits, 4:2:0: what browsers send. Decoders read the header itself.
    record = bytes([0x81, profile << 5 | level, tier << 7 | 0x0C, 0])
    return Codec("V_AV1", record + frames.with_size(header), *size)


def _obu_body(unit: bytes) -> bytes:
    at = 2 if unit[0] & 0x04 else 1
    if unit[0] & 0x02:
        size, at = frames.leb128(unit, at)
        return unit[at : at + size]
    return unit[at:]


def _checked(width: int, height: int) -> tuple[int, int]:
    if not 1 <= width <= 16_384 or not 1 <= height <= 16_384:
        raise ValueError(f"a picture of {width}×{height}")
    return width, height


class _Bits:
    """From the highest bit of the first byte on. Raises ValueError behind the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def read(self, count: int) -> int:
        value = 0
        for _ in range(count):
            if self._at >= 8 * len(self._data):
                raise ValueError("the header is cut off")
            value = value << 1 | self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1
            self._at += 1
        return value

    def exp_golomb(self) -> int:
        """H.264 §9.1."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("the header is malformed")
        return (1 << zeros) - 1 + self.read(zeros)
