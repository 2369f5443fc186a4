"""What a file is taken for, by what is in it."""

import pytest

from app.core import errors
from app.uploads.media_types import judged

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(50)
WEBM = bytes.fromhex("1a45dfa3") + b"\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm" + bytes(50)
ZIP = b"PK\x03\x04\x14\0\0\0\x08\0" + bytes(50)
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("head", "declared", "found"),
    [
        (PNG, "image/png", "image/png"),
        (PNG, "image/jpeg", "image/png"),
        (PNG, "application/octet-stream", "image/png"),
        (WEBM, "audio/webm", "audio/webm"),
        (WEBM, "text/plain", "video/webm"),
        (ZIP, DOCX, DOCX),
        (ZIP, "image/png", "application/zip"),
        ("Grüße".encode(), "text/markdown", "text/markdown"),
        (b"plain", "application/octet-stream", "text/plain"),
        (b"#!/bin/sh\n", "text/x-sh", "text/x-sh"),
        (bytes(range(1, 256)), "text/plain", "application/octet-stream"),
        (bytes(range(1, 256)), "application/x-own", "application/octet-stream"),
    ],
)
def test_a_file_is_what_is_in_it(head: bytes, declared: str, found: str) -> None:
    assert judged(head, declared) == found


@pytest.mark.parametrize(
    "head", [b"\x7fELF\2\1\1", b"MZ\x90\0\3", b"\xcf\xfa\xed\xfe\7", b"\xca\xfe\xba\xbe\0\0\0\x34"]
)
def test_a_program_is_refused_whatever_it_is_called(head: bytes) -> None:
    with pytest.raises(errors.MediaTypeRefused):
        judged(head + bytes(60), "image/png")


@pytest.mark.parametrize(("head", "declared"), [(b"#!/bin/sh\n", "image/png"), (bytes(range(1, 256)), "video/mp4")])
def test_what_claims_to_be_a_picture_or_a_film_has_to_be_one(head: bytes, declared: str) -> None:
    with pytest.raises(errors.MediaTypeRefused):
        judged(head, declared)
