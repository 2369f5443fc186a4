"""A client's SDP, read by aiortc's parser and held to what we need of it.

What a client says in SDP is written into other clients' offers. So names and parameters have to look like what they
are, and nothing else of the text goes on.
"""

import re
from dataclasses import dataclass

from aiortc.rtcdtlstransport import X509_DIGEST_ALGORITHMS, RTCDtlsFingerprint
from aiortc.sdp import MediaDescription, SessionDescription, parameters_to_sdp

from media_worker.errors import BadSdp

MAX_M_LINES = 256  # a subscriber's in a meeting of a hundred people
MAX_LAYERS = 4  # of one picture; Chromium sends 3
_MAX_CODECS = 64  # of an m-line; Chromium has 23
_MAX_CLOCK_RATE = 1_000_000  # Hz
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")
_CODEC_NAME = re.compile(r"[A-Za-z0-9_.+-]{1,32}")
_PARAMETERS = re.compile(r"[A-Za-z0-9=;,./:_+ -]{0,512}")
_RID = re.compile(r"a=rid:[A-Za-z0-9_-]{1,16} send( |$)")  # RFC 8851 §10
_SIMULCAST = re.compile(r"^a=simulcast:(?:.* )?send (\S+)")
_SCTP_PROTOCOLS = {"UDP/DTLS/SCTP", "TCP/DTLS/SCTP"}  # RFC 8841
_PROTOCOLS = {"UDP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF", "RTP/SAVPF"}


@dataclass(frozen=True)
class Codec:
    payload_type: int
    name: str
    clock_rate: int
    channels: int  # 1 where SDP doesn't say
    parameters: str  # as in a=fmtp
    feedback: frozenset[str]  # as in a=rtcp-fb: "nack", "nack pli", "transport-cc", …

    @property
    def rtpmap(self) -> str:
        return f"{self.name}/{self.clock_rate}" + (f"/{self.channels}" if self.channels > 1 else "")

    @property
    def repairs(self) -> int | None:
        """The payload type that this one retransmits (RFC 4588 §8.6)."""
        found = re.search(r"(?:^|;)apt=(\d+)", self.parameters) if self.name.lower() == "rtx" else None
        return int(found[1]) if found else None


@dataclass(frozen=True)
class Media:
    """One m-line. `sends` and `receives`: what the client says that it does, from its own side."""

    kind: str
    protocol: str
    formats: list[str]
    mid: str
    is_usable: bool  # not stopped, in the bundle, RTP or data channels
    sends: bool
    receives: bool
    codecs: list[Codec]
    extensions: dict[str, int]  # ids by URI
    ssrcs: frozenset[int]
    sctp_port: int | None = None  # of data channels
    rids: tuple[str, ...] = ()  # of the layers that it sends (simulcast), in its order


@dataclass(frozen=True)
class Description:
    """`ufrag` and `fingerprints` are empty where no m-line is in use."""

    media: list[Media]
    ufrag: str
    fingerprints: list[RTCDtlsFingerprint]
    setup: str  # client | server | auto
    is_bundled: bool
    multiplexes_rtcp: bool  # RTP and RTCP may share a port (RFC 5761)
    allows_mixed_extensions: bool


def read(sdp: str) -> Description:
    """Raises `BadSdp`, and nothing else, whatever the text."""
    # Candidates are of no use to ICE-lite, and come in more forms than the parser knows.
    lines = [line for line in sdp.splitlines() if not line.startswith(("a=candidate:", "a=remote-candidates:"))]
    try:
        parsed = SessionDescription.parse("\r\n".join(lines) + "\r\n")
    except Exception as error:  # a parser of what clients send, which answers nonsense with whatever comes
        raise BadSdp("The SDP could not be read.") from error
    if not 1 <= len(parsed.media) <= MAX_M_LINES:
        raise BadSdp(f"The SDP has {len(parsed.media)} m-lines; 1 to {MAX_M_LINES} are taken.")
    # Without a bundle every m-line has a transport of its own: there is one for the first.
    alone = [str(parsed.media[0].rtp.muxId)]
    bundled = next((group.items for group in parsed.group if group.semantic == "BUNDLE"), None)
    bundle = alone if bundled is None else bundled
    rids = _rids(lines, len(parsed.media))
    media = [_media(one, str(one.rtp.muxId) in bundle, own) for one, own in zip(parsed.media, rids, strict=True)]
    mids = [one.mid for one in media if one.mid]
    if len(mids) != len(set(mids)):
        raise BadSdp("Two m-lines have the same a=mid.")
    ufrag, fingerprints, setup = _transport(parsed, media)
    # What a bundle shares may stand in one of its m-lines alone (RFC 9143 §7.1.3).
    rtp = [one for one, read_ in zip(parsed.media, media, strict=True) if read_.is_usable and one.kind != "application"]
    return Description(
        media,
        ufrag,
        fingerprints,
        setup,
        is_bundled=bundled is not None,
        multiplexes_rtcp=not rtp or any(one.rtcp_mux for one in rtp),
        allows_mixed_extensions="a=extmap-allow-mixed" in lines,
    )


def _transport(parsed: SessionDescription, media: list[Media]) -> tuple[str, list[RTCDtlsFingerprint], str]:
    """Of the bundle's first m-line that has one (RFC 9143 §7.1.3); empty where all are stopped."""
    for one, read_ in zip(parsed.media, media, strict=True):
        if read_.is_usable and one.ice and one.ice.usernameFragment and one.dtls and one.dtls.fingerprints:
            known = [print_ for print_ in one.dtls.fingerprints if print_.algorithm.lower() in X509_DIGEST_ALGORITHMS]
            if not known:
                raise BadSdp("None of the a=fingerprint lines has a hash function that is known.")
            return one.ice.usernameFragment, known, one.dtls.role or "auto"
    return "", [], "auto"


def _rids(lines: list[str], count: int) -> list[tuple[str, ...]]:
    """Of each m-line, the layers that `a=simulcast:send` names (RFC 8853 §5.1); of alternatives the first.

    None where more layers are named than anybody has, or one that `a=rid` does not declare.
    """
    sections: list[list[str]] = []
    for line in lines:
        if line.startswith("m="):
            sections.append([])
        elif sections:
            sections[-1].append(line)
    found = []
    for section in sections:
        declared = {line[6:].split(" ")[0] for line in section if _RID.match(line)}
        sent = next((match[1] for line in section if (match := _SIMULCAST.search(line))), "")
        rids = tuple(layer.split(",")[0].removeprefix("~") for layer in sent.split(";") if layer)
        good = 1 < len(rids) <= MAX_LAYERS and len(set(rids)) == len(rids) and declared.issuperset(rids)
        found.append(rids if good else ())
    return found if len(found) == count else [()] * count


def _media(one: MediaDescription, is_bundled: bool, rids: tuple[str, ...]) -> Media:
    mid = str(one.rtp.muxId or "")
    if mid and not _TOKEN.fullmatch(mid):
        raise BadSdp("An a=mid is not a token.")
    is_rtp = one.kind in ("audio", "video") and one.profile in _PROTOCOLS
    is_sctp = one.kind == "application" and one.profile in _SCTP_PROTOCOLS and bool(one.sctp_port)
    direction = one.direction or "sendrecv"
    formats = [str(format_) for format_ in one.fmt]
    if not _TOKEN.fullmatch(one.kind) or not all(_TOKEN.fullmatch(format_) for format_ in formats):
        raise BadSdp("An m-line is malformed.")
    return Media(
        kind=one.kind,
        protocol=one.profile,
        formats=formats[:_MAX_CODECS],
        mid=mid,
        # Port 0 also stands where an m-line waits to be bundled; then it has credentials (RFC 9143 §6).
        is_usable=(is_rtp or is_sctp) and is_bundled and bool(mid) and (one.port != 0 or _has_credentials(one)),
        sends=is_rtp and direction in ("sendrecv", "sendonly"),
        receives=is_rtp and direction in ("sendrecv", "recvonly"),
        codecs=_codecs(one) if is_rtp else [],
        extensions=_extensions(one),
        ssrcs=frozenset(info.ssrc for info in one.ssrc[:16]),
        sctp_port=one.sctp_port if is_sctp else None,
        rids=rids if is_rtp and one.kind == "video" else (),
    )


def _has_credentials(one: MediaDescription) -> bool:
    return bool(one.ice and one.ice.usernameFragment and one.dtls and one.dtls.fingerprints)


def _codecs(one: MediaDescription) -> list[Codec]:
    """In the m-line's order, which is the client's preference; what is malformed is left out."""
    by_type = {codec.payloadType: codec for codec in one.rtp.codecs}
    codecs = []
    for payload_type in one.fmt[:_MAX_CODECS]:
        codec = by_type.get(payload_type)
        if codec is None or not 0 <= payload_type < 128 or not 0 < codec.clockRate <= _MAX_CLOCK_RATE:
            continue
        parameters = parameters_to_sdp(codec.parameters)
        if not _CODEC_NAME.fullmatch(codec.name) or not _PARAMETERS.fullmatch(parameters):
            continue
        feedback = {f"{fb.type} {fb.parameter}" if fb.parameter else fb.type for fb in codec.rtcpFeedback}
        codecs.append(
            Codec(
                payload_type,
                codec.name,
                codec.clockRate,
                min(codec.channels or 1, 8),
                parameters,
                frozenset(feedback),
            )
        )
    return codecs


def _extensions(one: MediaDescription) -> dict[str, int]:
    return {extension.uri: extension.id for extension in one.rtp.headerExtensions if 0 < extension.id < 255}
