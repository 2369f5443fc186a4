"""Answers to what a player wants to receive (WHEP): one who offers once, and takes whatever comes on its m-lines.

What will come is not known yet, and changes. So every codec of the client's that can be forwarded is taken, and packets
go out under the client's own payload types (RFC 3264 §5.1). Header extensions are taken where the client calls one as
all subscribers know it; others would be written into every packet anew.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from media_worker.errors import BadSdp, NoCommonCodec, NotAccepted
from media_worker.rtp import extensions
from media_worker.session.description import Codec, Description, Media
from media_worker.session.negotiation import FORWARDED, Local, codec_lines, refusal

MAX_LINES = 16  # m-lines on which something plays
_FEEDBACK = {"audio": frozenset[str](), "video": frozenset({"nack", "nack pli", "ccm fir"})}


@dataclass(frozen=True)
class PlayLine:
    """One m-line on which something plays, with the client's codecs, and our SSRCs."""

    media: Media
    codecs: list[Codec]
    repairs: dict[int, int]  # a codec's payload type → that of its retransmissions
    ssrc: int
    repair_ssrc: int

    @property
    def accepts_retransmission(self) -> bool:
        return any("nack" in codec.feedback for codec in self.codecs)

    def types_for(self, codecs: list[Codec]) -> dict[int, int] | None:
        """The client's payload types of a track's codecs, by those that packets have; None where one is missing."""
        types = {}
        for codec in codecs:
            same = next((own for own in self.codecs if _is_same(own, codec)), None)
            if same is None:
                return None
            types[codec.payload_type] = same.payload_type
        return types


def take_lines(offer: Description, new_ssrc: Callable[[], int]) -> dict[str, PlayLine]:
    """By mid, the m-lines on which something can play. Raises `NegotiationError`."""
    if offer.setup == "server":
        raise NotAccepted("A media server is always the DTLS server: offer a=setup:actpass.")
    wanted = [media for media in offer.media if media.is_usable and media.receives]
    if not wanted:
        raise BadSdp("Nothing is wanted: a player offers recvonly m-lines.")
    lines = {media.mid: line for media in wanted if (line := _take(media, new_ssrc)) is not None}
    if not lines:
        raise NoCommonCodec("Nothing that is wanted has a codec that can be forwarded.")
    if len(lines) > MAX_LINES:
        raise NotAccepted(f"{len(lines)} m-lines are offered to play on; a media server takes {MAX_LINES}.")
    return lines


def _take(media: Media, new_ssrc: Callable[[], int]) -> PlayLine | None:
    codecs = [codec for codec in media.codecs if codec.name.lower() in FORWARDED[media.kind]]
    codecs += [codec for codec in media.codecs if codec.name.lower() == "red" and codecs and media.kind == "audio"]
    taken = {codec.payload_type for codec in codecs}
    repairs = {codec.repairs: codec.payload_type for codec in media.codecs if codec.repairs in taken}
    return PlayLine(media, codecs, repairs, new_ssrc(), new_ssrc()) if codecs else None


def answer_player(offer: Description, lines: dict[str, PlayLine], local: Local, name: str) -> str:
    """The SDP. `name` tells what plays from what others play."""
    mids = [media.mid for media in offer.media if media.mid in lines]
    sdp = local.session_lines(mids if offer.is_bundled else [], mixed=offer.allows_mixed_extensions)
    for media in offer.media:
        line = lines.get(media.mid)
        if line is None:
            sdp += refusal(media)
            continue
        types = [codec.payload_type for codec in line.codecs] + list(line.repairs.values())
        passed_on = {uri: extensions.PASSED_ON[uri] for uri in extensions.PASSED_ON_BY_KIND[media.kind]}
        sdp += [
            f"m={media.kind} 9 {media.protocol} {' '.join(map(str, types))}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{media.mid}",
            "a=sendonly",
            *local.transport_lines("passive", first=media.mid == mids[0]),
            *(f"a=extmap:{id_} {uri}" for uri, id_ in passed_on.items() if media.extensions.get(uri) == id_),
        ]
        for codec in line.codecs:
            sdp += codec_lines(codec, codec.feedback & _FEEDBACK[media.kind])
            if (repair := line.repairs.get(codec.payload_type)) is not None:
                sdp += [f"a=rtpmap:{repair} rtx/{codec.clock_rate}", f"a=fmtp:{repair} apt={codec.payload_type}"]
        sdp += _source_lines(line, name)
    return "\r\n".join(sdp) + "\r\n"


def _source_lines(line: PlayLine, name: str) -> list[str]:
    stream = f"{name} {name}-{line.media.mid}"
    ssrcs = [line.ssrc] + ([line.repair_ssrc] if line.repairs else [])
    lines = [f"a=msid:{stream}"] + ([f"a=ssrc-group:FID {line.ssrc} {line.repair_ssrc}"] if line.repairs else [])
    for ssrc in ssrcs:
        lines += [f"a=ssrc:{ssrc} cname:{name}", f"a=ssrc:{ssrc} msid:{stream}"]
    return lines


def _is_same(own: Codec, other: Codec) -> bool:
    """Whether the client decodes by `own` what is encoded by `other`."""
    name = own.name.lower()
    if (name, own.clock_rate) != (other.name.lower(), other.clock_rate):
        return False
    match name:
        case "opus":  # RFC 7587 §7: always two channels, though some leave that out
            return True
        case "h264":  # RFC 6184 §8.1: the way of packets, and the profile (its first byte)
            return _fits(own, other, "packetization-mode", 1) and _fits(own, other, "profile-level-id", 2)
        case "vp9":
            return _fits(own, other, "profile-id", 1)
        case "av1":
            return _fits(own, other, "profile", 1)
    return own.channels == other.channels


def _fits(own: Codec, other: Codec, name: str, digits: int) -> bool:
    """Whether a parameter begins alike. What a client leaves out it takes as it comes."""
    said, needed = _says(own, name), _says(other, name)
    return not said or not needed or said[:digits] == needed[:digits]


def _says(codec: Codec, name: str) -> str:
    found = re.search(rf"(?:^|;)\s*{name}=([0-9A-Za-z]+)", codec.parameters)
    return found[1].lower() if found else ""
