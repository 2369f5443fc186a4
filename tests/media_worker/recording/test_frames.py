"""What encoders make, cut into packets as senders do, comes out of a file as it was: pictures and sizes."""

from fractions import Fraction
from pathlib import Path

import av
import numpy
import pytest
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from media_worker.recording import formats, frames
from media_worker.recording.matroska import MatroskaFile

WIDTH, HEIGHT, FRAMES = 176, 144, 6
SIZE = 300  # bytes of payload: so that every frame takes several packets


def encoded(codec: str, **options: str) -> list[bytes]:
    """Pictures that grow lighter, as the encoder makes them."""
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.options = options
    made = []
    noise = numpy.random.default_rng(1)
    for number in range(FRAMES):
        picture = numpy.full((HEIGHT * 3 // 2, WIDTH), 128, numpy.uint8)
        picture[:HEIGHT] = 40 + 30 * number
        picture[HEIGHT // 2 : HEIGHT] = noise.integers(0, 255, (HEIGHT // 2, WIDTH))
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = number
        made += [bytes(packet) for packet in context.encode(frame)]
    return made + [bytes(packet) for packet in context.encode(None)]


def chunks(data: bytes, size: int = SIZE) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def vp8_payloads(frame: bytes) -> list[bytes]:
    return [
        bytes(VpxPayloadDescriptor(partition_start=1 if n == 0 else 0, partition_id=0, picture_id=300)) + part
        for n, part in enumerate(chunks(frame))
    ]


def vp9_payloads(frame: bytes) -> list[bytes]:
    """As Chromium: flexible mode off, a picture id of 15 bits, layer indices, and a structure with the key frame."""
    is_key = not frame[0] & 0x04
    structure = bytes([0x18, *WIDTH.to_bytes(2, "big"), *HEIGHT.to_bytes(2, "big"), 1, 0x04, 1])
    parts = chunks(frame)
    made = []
    for number, part in enumerate(parts):
        first, last = number == 0, number == len(parts) - 1
        head = 0xA0 | (0 if is_key else 0x40) | (0x08 if first else 0) | (0x04 if last else 0)
        head |= 0x02 if first and is_key else 0
        descriptor = bytes([head, 0x81, 0x2C, 0x00, 0x05])
        made.append(descriptor + (structure if head & 0x02 else b"") + part)
    return made


def h264_payloads(frame: bytes) -> list[bytes]:
    payloads: list[bytes] = H264Encoder._packetize(H264Encoder._split_bitstream(frame))
    return payloads


def av1_payloads(unit: bytes) -> list[bytes]:
    """Each unit without its size, cut where a packet is full (AV1 RTP §5)."""
    units = []
    at = 0
    while at < len(unit):
        size, begins = frames.leb128(unit, at + 1)
        units.append(bytes([unit[at] & ~0x02]) + unit[begins : begins + size])
        at = begins + size
    units = [one for one in units if frames.obu_type(one) != 2]
    is_key = any(frames.obu_type(one) == 1 for one in units)
    payloads = []
    for one in units:
        parts = chunks(one)
        for number, part in enumerate(parts):
            head = (0x80 if number else 0) | (0x40 if number < len(parts) - 1 else 0) | 0x10
            payloads.append(bytes([head | (0x08 if is_key and not payloads else 0)]) + part)
    return payloads


CODECS = {
    "vp8": ("libvpx", vp8_payloads, {}),
    "vp9": ("libvpx-vp9", vp9_payloads, {"lag-in-frames": "0", "deadline": "realtime"}),
    "h264": ("libx264", h264_payloads, {"tune": "zerolatency", "preset": "ultrafast"}),
    "av1": ("libsvtav1", av1_payloads, {"preset": "12", "svtav1-params": "pred-struct=1:lp=1"}),
}


@pytest.mark.parametrize("codec", CODECS)
def test_pictures_come_out_as_they_went_in(codec: str, tmp_path: Path) -> None:
    encoder, packetize, options = CODECS[codec]
    made = encoded(encoder, **options)
    payloads = [packetize(frame) for frame in made]
    assert max(len(one) for one in payloads) > 3
    format_ = formats.of_picture(codec, payloads[0])
    assert (format_.width, format_.height) == (WIDTH, HEIGHT)
    file = MatroskaFile(tmp_path / "a", format_)
    for number, one in enumerate(payloads):
        file.add(40 * number, frames.READERS[codec](one), is_key=number == 0)
    file.close()
    with av.open(str(tmp_path / "a")) as container:
        assert container.streams.video[0].codec_context.name.replace("libdav1d", "av1").startswith(codec)
        lights = [int(frame.to_ndarray()[5, 5]) for frame in container.decode(video=0)]
    assert len(lights) == FRAMES
    assert all(abs(light - (40 + 30 * number)) < 12 for number, light in enumerate(lights))


@pytest.mark.parametrize("codec", CODECS)
def test_a_frame_without_its_beginning_is_none(codec: str) -> None:
    encoder, packetize, options = CODECS[codec]
    payloads = packetize(encoded(encoder, **options)[0])
    parts = [n for n in range(1, len(payloads)) if codec != "av1" or payloads[n][0] & 0x80]
    parts = [n for n in parts if codec != "h264" or (payloads[n][0] & 0x1F == 28 and not payloads[n][1] & 0x80)]
    with pytest.raises(ValueError, match=r"beginning|belong"):
        frames.READERS[codec](payloads[parts[0] :])


def test_of_repeated_sound_the_newest_is_taken() -> None:
    old, new = b"o" * 20, b"n" * 30
    header = bytes([0x80 | 111]) + ((960 << 10) | len(old)).to_bytes(3, "big") + bytes([111])
    assert frames.red([header + old + new]) == new
    assert frames.red([bytes([111]) + new]) == new
    with pytest.raises(ValueError, match="nothing but"):
        frames.red([header + old])


@pytest.mark.parametrize(("codec", "encoder", "rate"), [("pcmu", "pcm_mulaw", 8000), ("g722", "g722", 16_000)])
def test_sound_of_the_telephone_stands_in_matroska(codec: str, encoder: str, rate: int, tmp_path: Path) -> None:
    context = av.CodecContext.create(encoder, "w")
    context.sample_rate, context.layout, context.format = rate, "mono", "s16"
    wave = (numpy.sin(numpy.arange(rate) * 2 * numpy.pi * 440 / rate) * 12_000).astype(numpy.int16)
    file = MatroskaFile(tmp_path / "a", formats.of_sound(codec, 1))
    for number, part in enumerate(numpy.split(wave, 50)):
        frame = av.AudioFrame.from_ndarray(part[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, number * len(part)
        for packet in context.encode(frame):
            file.add(20 * number, bytes(packet), is_key=True)
    file.close()
    with av.open(str(tmp_path / "a")) as container:
        decoded = numpy.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        assert container.streams.audio[0].rate == rate
    spectrum = numpy.abs(numpy.fft.rfft(decoded.astype(float)))
    assert abs(spectrum.argmax() * rate / len(decoded) - 440) < 3


@given(st.sampled_from([*frames.READERS]), st.lists(st.binary(max_size=40), min_size=1, max_size=4))
def test_nonsense_is_an_error_and_nothing_else(codec: str, payloads: list[bytes]) -> None:
    for read in (frames.READERS[codec], lambda one: formats.of_picture(codec, one)):
        try:
            read(payloads)
        except ValueError:
            pass
