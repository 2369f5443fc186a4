"""What a file is, by what is in it. Its name and the type that its sender declares are only words.

Most formats that people share begin with a signature. Where there is none (text, raw data) the declared type is
believed as far as nothing speaks against it; programs are refused whatever they are called.
"""

import re

from app.core import errors

HEAD_BYTES = 8192  # what `judged` needs to see: filetype looks at no more
UNKNOWN = "application/octet-stream"

MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")  # RFC 6838 §4.2

_PROGRAMS = (
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",  # Mach-O: 32 and 64 bits, either byte order; universal, which is Java's signature too
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"dex\n",
    b"\0asm",
    b"L\0\0\0\x01\x14\x02\0",  # a Windows shortcut
)
# Formats that are a common container with something of their own in it: the declared type says more than the signature.
_INSIDE: dict[str, tuple[str, ...]] = {
    "application/zip": (
        "application/vnd.openxmlformats-officedocument.",
        "application/vnd.oasis.opendocument.",
        "application/epub+zip",
    ),
    "application/x-ole-storage": ("application/msword", "application/vnd.ms-"),
}
# These hold sound, pictures or both, which takes a parser to see.
_SOUND_OR_PICTURES = {
    "video/webm": "audio/webm",
    "video/mp4": "audio/mp4",
    "audio/mp4": "video/mp4",
    "audio/ogg": "video/ogg",
    "video/x-matroska": "audio/x-matroska",
}
_SAME = {
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "image/jpg": "image/jpeg",
}
_TEXTS = ("text/", "application/json", "application/xml", "application/x-ndjson", "image/svg+xml")
_HAS_SIGNATURE = ("image", "audio", "video", "font")


def top_level(media_type: str) -> str:
    return media_type.partition("/")[0]


def judged(head: bytes, declared: str) -> str:
    """The media type of a file that begins with `head`, where its sender says `declared`.

    :raises MediaTypeRefused: it is a program, or no picture, sound or film although it claims to be one.
    """
    if head.startswith(_PROGRAMS) or (head.startswith(b"MZ") and b"\0" in head):
        raise errors.MediaTypeRefused("Programs are not taken, whatever they are called.")
    declared = _SAME.get(declared, declared)
    import filetype  # here: a start is quicker without

    found = filetype.guess_mime(head)
    if found is not None:
        found = _SAME.get(found, found)
        is_inside = declared.startswith(_INSIDE.get(found, ("\0",)))
        return declared if is_inside or declared == _SOUND_OR_PICTURES.get(found) else found
    if _is_text(head):
        if declared.startswith(_TEXTS):
            return declared
        if top_level(declared) not in _HAS_SIGNATURE:
            return "text/plain"
    elif declared.startswith(_TEXTS):
        return UNKNOWN
    if top_level(declared) in _HAS_SIGNATURE:
        raise errors.MediaTypeRefused(f"What is in the file is not {declared}.")
    return UNKNOWN


def _is_text(head: bytes) -> bool:
    """UTF-8, but for a letter that the head's end cuts."""
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3 and len(head) == HEAD_BYTES
    return True
