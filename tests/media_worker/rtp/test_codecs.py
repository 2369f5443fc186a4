from fractions import Fraction

import pytest
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from av import VideoFrame
from hypothesis import given
from hypothesis import strategies as st

from media_worker.rtp.codecs import is_key_frame

CODECS = ["VP8", "VP9", "H264", "AV1"]


@pytest.mark.parametrize(("name", "encoder"), [("VP8", Vp8Encoder), ("H264", H264Encoder)])
def test_the_frame_that_was_asked_for_is_recognised(name: str, encoder: type) -> None:
    encode = encoder()
    found = []
    for number in range(3):
        frame = VideoFrame(160, 96, "yuv420p")
        frame.pts, frame.time_base = number * 3000, Fraction(1, 90_000)
        payloads, _ = encode.encode(frame, force_keyframe=number == 2)
        found.append(any(is_key_frame(name, payload) for payload in payloads))
    assert found == [True, False, True]


@pytest.mark.parametrize(
    ("codec", "payload", "expected"),
    [
        ("VP9", "8a80010203", True),  # not predicted
        ("VP9", "ca80010203", False),  # predicted
        ("VP9", "a80000", True),  # I L B, spatial layer 0
        ("VP9", "a80002", False),  # spatial layer 1
        ("AV1", "08ff", True),  # N
        ("AV1", "88ff", False),  # goes on from the packet before
        ("AV1", "10ff", False),
        ("H264", "7c85", True),  # FU-A, the start of an IDR slice
        ("H264", "7c05", False),  # its middle
        ("H264", "7800056701020304", True),  # STAP-A that begins with a parameter set
        ("H264", "41ff", False),
        ("G729", "ff", False),
    ],
)
def test_key_frames_by_their_payload_header(codec: str, payload: str, expected: bool) -> None:
    assert is_key_frame(codec, bytes.fromhex(payload)) is expected


@given(st.sampled_from(CODECS), st.binary(max_size=40))
def test_any_payload_is_one_or_is_not(codec: str, payload: bytes) -> None:
    assert is_key_frame(codec, payload) in (True, False)
