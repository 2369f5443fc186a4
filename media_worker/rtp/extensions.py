"""Header extensions (RFC 8285): which are passed on, and under which id.

Each publisher numbers its extensions as it likes. On the way to subscribers they get the numbers of one fixed table, so
that a packet's extensions are written once, however many subscribers it has. What belongs to one hop (transport-wide
sequence numbers, send times, MID, RID) is not passed on.
"""

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


def read(profile: int, block: bytes) -> list[tuple[int, bytes]]:
    """Ids and values. Raises ValueError where the block is cut off."""
    return unpack_header_extensions(profile, block) if profile else []


def pack(values: list[tuple[int, bytes]]) -> tuple[int, bytes]:
    """Profile and block for a packet; profile 0 where there is nothing."""
    return pack_header_extensions(values)
