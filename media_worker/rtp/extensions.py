"""Header extensions (RFC 8285): which are passed on, and under which id.

Each publisher numbers its extensions as it likes. On the way to subscribers they get the numbers of one fixed table, so
that a packet's extensions are written once, however many subscribers it has. What belongs to one hop (transport-wide
sequence numbers, send times, MID, RID) is not passed on.

Each block begins with a word that is kept free for the transport-wide number, which every subscriber has its own of: so
it can be written in place. As it stands, zero, it is padding (RFC 8285 §4.1.2), and says nothing to who wants none.
"""

import struct
from typing import NamedTuple

from aiortc.rtp import pack_header_extensions, unpack_header_extensions

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

# The numbers that subscribers see.
PASSED_ON = {
    AUDIO_LEVEL: 1,
    "urn:3gpp:video-orientation": 2,
    "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay": 3,
    "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type": 4,
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension": 5,
}
# What a publisher's answer takes: beside those, what the worker reads itself.
UNDERSTOOD = {*PASSED_ON, MID, RID, REPAIRED_RID, ABS_SEND_TIME, TRANSPORT_CC}
PASSED_ON_BY_KIND = {
    "audio": (AUDIO_LEVEL,),
    "video": tuple(uri for uri in PASSED_ON if uri != AUDIO_LEVEL),
}


SUBSCRIBERS_TRANSPORT_CC = 6  # the id that they see it under
FREE_WORD = bytes(4)
_ONE_BYTE, _TWO_BYTES = 0xBEDE, 0x1000  # forms of extensions
# The free word with a transport-wide number of 0. In either form the number is its last two bytes.
_NUMBERED_WORD = {
    _ONE_BYTE: (SUBSCRIBERS_TRANSPORT_CC << 4 | 1) << 16,
    _TWO_BYTES: SUBSCRIBERS_TRANSPORT_CC << 24 | 2 << 16,
}

_HEAD = struct.Struct("!HH")


class Extensions(NamedTuple):
    """What a packet is sent with."""

    written: bytes  # the profile, the length, the block
    numbered_word: int  # what is written over the free word, with a transport-wide number of 0


def read(profile: int, block: bytes) -> list[tuple[int, bytes]]:
    """Ids and values. Raises ValueError where the block is cut off."""
    return unpack_header_extensions(profile, block) if profile else []


def pack(values: list[tuple[int, bytes]]) -> Extensions:
    """Ids and values for a packet, behind the free word."""
    profile, block = pack_header_extensions(values)
    profile, block = profile or _ONE_BYTE, FREE_WORD + block
    return Extensions(_HEAD.pack(profile, len(block) // 4) + block, _NUMBERED_WORD[profile])


NONE = pack([])
