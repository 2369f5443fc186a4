"""Answers to what clients publish, offers of what they are to get; SDP as it is written.

Of each m-line one codec is taken, the first of the client's that can be forwarded and that everybody else lists, as
far as they have said: that is the one that it sends. With it go its retransmissions (RTX) and its redundancy (RED),
where the client prefers that; RED's packets name the payload type of their codec inside, so that one has to be free.
The payload is never looked into, so any codec passes.

Sources: RFC 9429 §5.3 (answers) and §5.2.2 (later offers), RFC 9143 (BUNDLE), RFC 8839 §4.2 (ICE-lite), RFC 8842.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from media_worker.errors import BadSdp, NoCommonCodec, NotAccepted
from media_worker.rtp import extensions
from media_worker.session.data_relay import MAX_MESSAGE_BYTES, SCTP_PORT
from media_worker.session.description import Codec, Description, Media
from media_worker.session.payload_types import PayloadTypes
from media_worker.sfu.publisher import HeaderIds
from media_worker.sfu.track import Format
from media_worker.transport.ice_lite import Address, Credentials

# Codecs whose key frames are recognised, so that a subscriber can go from layer to layer.
_LAYERED = {"vp8", "vp9", "h264", "av1"}
FORWARDED = {"audio": {"opus", "pcmu", "pcma", "g722"}, "video": {"vp8", "vp9", "h264", "h265", "av1"}}
MAX_TRACKS = 16  # that one participant publishes
_OFFERED_FEEDBACK = {
    "audio": frozenset({"transport-cc"}),
    "video": frozenset({"nack", "nack pli", "ccm fir", "transport-cc", "goog-remb"}),
}
_TAKEN_FEEDBACK = {"nack", "nack pli", "ccm fir", "transport-cc", "goog-remb"}
_CANDIDATE_PRIORITY = 2_130_706_431  # a host candidate's (RFC 8445 §5.1.2.1), the first; the next ones are lower


@dataclass(frozen=True)
class Local:
    """What our side's SDP says of its transport."""

    credentials: Credentials
    fingerprint: str
    candidates: list[Address]
    session_id: int
    version: int

    def session_lines(self, mids: list[str], *, mixed: bool) -> list[str]:
        return [
            "v=0",
            f"o=- {self.session_id} {self.version} IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            "a=ice-lite",
            *([f"a=group:BUNDLE {' '.join(mids)}"] if mids else []),
            *(["a=extmap-allow-mixed"] if mixed else []),
            "a=msid-semantic:WMS *",
        ]

    def transport_lines(self, setup: str, *, first: bool) -> list[str]:
        """Of one m-line. The candidates stand in the bundle's first alone (RFC 9143 §7.1.3)."""
        lines = [
            f"a=ice-ufrag:{self.credentials.ufrag}",
            f"a=ice-pwd:{self.credentials.password}",
            f"a=fingerprint:sha-256 {self.fingerprint}",
            f"a=setup:{setup}",
            "a=rtcp-mux",
            "a=rtcp-rsize",
        ]
        if not first:
            return lines
        for number, (host, port) in enumerate(self.candidates):
            priority = _CANDIDATE_PRIORITY - 256 * number
            lines.append(f"a=candidate:{number + 1} 1 udp {priority} {host} {port} typ host")
        return [*lines, "a=end-of-candidates"]


@dataclass(frozen=True)
class Taken:
    """The codecs that were taken of an m-line, by the publisher's payload types."""

    media: Media
    codecs: list[Codec]  # those that are forwarded: the first is the one that matters
    formats: dict[int, Format]
    repairs: dict[int, int]
    subscriber_codecs: list[Codec]  # the same as subscribers are offered them, without RTX

    @property
    def feedback(self) -> frozenset[str]:
        return self.codecs[0].feedback & _TAKEN_FEEDBACK

    @property
    def rids(self) -> tuple[str, ...]:
        """Of its layers; empty where it is one picture."""
        return self.media.rids if self.codecs[-1].name.lower() in _LAYERED else ()

    @property
    def asks_again(self) -> bool:
        return "nack" in self.feedback


@dataclass(frozen=True)
class Answer:
    sdp: str
    tracks: list[Taken]  # of the m-lines that publish something
    header_ids: HeaderIds
    congestion: str  # transport-cc | goog-remb | ""
    sctp_port: int | None  # the client's, where it has data channels


# Names of codecs, in small letters, by kind.
Listed = Mapping[str, frozenset[str]]


def listed_in(offer: Description) -> Listed:
    """What its client knows, of the kinds that it speaks of."""
    return {
        kind: frozenset(codec.name.lower() for media in offer.media if media.kind == kind for codec in media.codecs)
        for kind in {media.kind for media in offer.media if media.codecs}
    }


def answer_publisher(
    offer: Description, local: Local, payload_types: PayloadTypes, others: Sequence[Listed] = ()
) -> Answer:
    """Answer what a client would publish; `others` are to get it. Raises `NegotiationError`."""
    if offer.setup == "server":
        raise NotAccepted("A media server is always the DTLS server: offer a=setup:actpass.")
    if not offer.multiplexes_rtcp:
        raise NotAccepted("A media server has one port: offer a=rtcp-mux.")
    taken = [_take(media, payload_types, others) if media.is_usable else None for media in offer.media]
    data = next((media for media in offer.media if media.is_usable and media.sctp_port), None)
    tracks = [one for one in taken if one is not None and one.media.sends]
    if any(media.sends and media.is_usable for media in offer.media) and not tracks:
        raise NoCommonCodec("Nothing that is offered has a codec that can be forwarded.")
    if len(tracks) > MAX_TRACKS:
        raise NotAccepted(f"{len(tracks)} tracks are offered; a media server takes {MAX_TRACKS} of each participant.")
    mids = [media.mid for media, one in zip(offer.media, taken, strict=True) if one is not None or media is data]
    lines = local.session_lines(mids if offer.is_bundled else [], mixed=offer.allows_mixed_extensions)
    negotiated: dict[str, int] = {}
    for media, one in zip(offer.media, taken, strict=True):
        if media is data:
            lines += _data_lines(media, local.transport_lines("passive", first=media.mid == mids[0]))
            continue
        if one is None:
            lines += refusal(media)
            continue
        known = {uri: id_ for uri, id_ in media.extensions.items() if uri in extensions.UNDERSTOOD}
        negotiated = known | negotiated
        lines += [
            f"m={media.kind} 9 {media.protocol} {' '.join(str(type_) for type_ in (*one.formats, *one.repairs))}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{media.mid}",
            f"a={'recvonly' if media.sends else 'inactive'}",
            *local.transport_lines("passive", first=media.mid == mids[0]),
            *(f"a=extmap:{id_} {uri}" for uri, id_ in known.items()),
        ]
        for codec in one.codecs:
            lines += codec_lines(codec, codec.feedback & _TAKEN_FEEDBACK)
        for repair, repaired in one.repairs.items():
            lines += [f"a=rtpmap:{repair} rtx/{one.formats[repaired].clock_rate}", f"a=fmtp:{repair} apt={repaired}"]
        if one.rids:
            lines += [f"a=rid:{rid} recv" for rid in one.rids] + [f"a=simulcast:recv {';'.join(one.rids)}"]
    feedback = frozenset().union(*(one.feedback for one in tracks)) if tracks else frozenset()
    congestion = next((name for name in ("transport-cc", "goog-remb") if name in feedback), "")
    port = data.sctp_port if data is not None else None
    return Answer("\r\n".join(lines) + "\r\n", tracks, HeaderIds.of(negotiated), congestion, port)


def _take(media: Media, payload_types: PayloadTypes, others: Sequence[Listed]) -> Taken | None:
    forwarded = FORWARDED.get(media.kind, set())
    able = [codec for codec in media.codecs if codec.name.lower() in forwarded]
    lists = [other[media.kind] for other in others if media.kind in other]
    common = [codec for codec in able if all(codec.name.lower() in known for known in lists)]
    first = next(iter(common or able), None)
    outgoing = payload_types.of(first) if first else None
    if first is None or outgoing is None:
        return None
    formats = {first.payload_type: Format(first.name, first.clock_rate, outgoing)}
    codecs, subscriber_codecs = [first], [_renumbered(first, outgoing)]
    preferred = media.codecs[: media.codecs.index(first)]
    repairs = {}
    for codec in media.codecs:
        if codec.repairs == first.payload_type and "nack" in first.feedback:
            repairs[codec.payload_type] = first.payload_type
        elif codec in preferred and codec.name.lower() == "red" and outgoing == first.payload_type:
            inside = set(codec.parameters.split("/"))
            red = payload_types.of(codec) if inside == {str(first.payload_type)} else None
            if red is not None:
                codecs.insert(0, codec)
                subscriber_codecs.insert(0, _renumbered(codec, red))
                formats[codec.payload_type] = Format(codec.name, codec.clock_rate, red)
    return Taken(media, codecs, formats, repairs, subscriber_codecs)


def _renumbered(codec: Codec, payload_type: int) -> Codec:
    return Codec(payload_type, codec.name, codec.clock_rate, codec.channels, codec.parameters, frozenset())


def _data_lines(media: Media, transport: list[str]) -> list[str]:
    head = [f"m=application 9 {media.protocol} webrtc-datachannel", "c=IN IP4 0.0.0.0", f"a=mid:{media.mid}"]
    tail = [f"a=sctp-port:{SCTP_PORT}", f"a=max-message-size:{MAX_MESSAGE_BYTES}"]
    return [*head, *(line for line in transport if not line.startswith("a=rtcp-")), *tail]


def refusal(media: Media) -> list[str]:
    lines = [f"m={media.kind} 0 {media.protocol} {' '.join(media.formats)}", "c=IN IP4 0.0.0.0"]
    return [*lines, *([f"a=mid:{media.mid}"] if media.mid else []), "a=inactive"]


def codec_lines(codec: Codec, feedback: frozenset[str]) -> list[str]:
    lines = [f"a=rtpmap:{codec.payload_type} {codec.rtpmap}"]
    lines += [f"a=rtcp-fb:{codec.payload_type} {name}" for name in sorted(feedback)]
    return lines + ([f"a=fmtp:{codec.payload_type} {codec.parameters}"] if codec.parameters else [])


@dataclass
class Slot:
    """One m-line of a subscriber's connection. It outlives the tracks that it carries in turn."""

    mid: str
    kind: str
    codecs: list[Codec]
    repair: int | None = None  # the payload type of retransmissions of the first codec
    track_id: str = ""  # "" when it is free
    stream_id: str = ""
    ssrc: int = 0
    repair_ssrc: int = 0
    cname: str = ""

    @property
    def is_free(self) -> bool:
        return not self.track_id

    def free(self) -> None:
        self.track_id = ""

    def lines(self, local: Local, *, first: bool) -> list[str]:
        types = [codec.payload_type for codec in self.codecs] + ([self.repair] if self.repair is not None else [])
        lines = [
            f"m={self.kind} 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, types))}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{self.mid}",
            f"a={'inactive' if self.is_free else 'sendonly'}",
            *local.transport_lines("actpass", first=first),
            *(f"a=extmap:{extensions.PASSED_ON[uri]} {uri}" for uri in extensions.PASSED_ON_BY_KIND[self.kind]),
            f"a=extmap:{extensions.SUBSCRIBERS_TRANSPORT_CC} {extensions.TRANSPORT_CC}",
        ]
        for codec in self.codecs:
            lines += codec_lines(codec, _OFFERED_FEEDBACK[self.kind])
        if self.repair is not None:
            codec = self.codecs[0]
            lines += [
                f"a=rtpmap:{self.repair} rtx/{codec.clock_rate}",
                f"a=fmtp:{self.repair} apt={codec.payload_type}",
            ]
        if self.is_free:
            return lines
        lines.append(f"a=msid:{self.stream_id} {self.track_id}")
        ssrcs = [self.ssrc] + ([self.repair_ssrc] if self.repair is not None else [])
        if len(ssrcs) > 1:
            lines.append(f"a=ssrc-group:FID {self.ssrc} {self.repair_ssrc}")
        for ssrc in ssrcs:
            lines += [f"a=ssrc:{ssrc} cname:{self.cname}", f"a=ssrc:{ssrc} msid:{self.stream_id} {self.track_id}"]
        return lines


def offer_subscriber(slots: list[Slot], local: Local) -> str:
    lines = local.session_lines([slot.mid for slot in slots], mixed=True)
    for slot in slots:
        lines += slot.lines(local, first=slot is slots[0])
    return "\r\n".join(lines) + "\r\n"


@dataclass(frozen=True)
class Accepted:
    """What a subscriber takes of one slot."""

    receives: bool
    stopped: bool
    nack: bool = False
    rtx: bool = False
    transport_cc: bool = False  # it tells when packets came


@dataclass(frozen=True)
class SubscriberAnswer:
    description: Description
    by_mid: dict[str, Accepted] = field(default_factory=dict)


def read_subscriber_answer(description: Description, offered: list[Slot]) -> SubscriberAnswer:
    """Raises `NegotiationError` where it doesn't fit what was offered."""
    if description.setup == "server":
        raise NotAccepted("A media server is always the DTLS server: answer a=setup:active.")
    if [media.mid for media in description.media if media.mid] != [
        slot.mid for slot, media in zip(offered, description.media, strict=False) if media.mid
    ] or len(description.media) != len(offered):
        raise BadSdp("The answer's m-lines are not those of the offer.")
    by_mid = {}
    for slot, media in zip(offered, description.media, strict=True):
        types = {codec.payload_type: codec for codec in media.codecs}
        first = types.get(slot.codecs[0].payload_type)
        receives = media.is_usable and media.receives and first is not None
        nack = first is not None and "nack" in first.feedback
        numbered = media.extensions.get(extensions.TRANSPORT_CC) == extensions.SUBSCRIBERS_TRANSPORT_CC
        tells = first is not None and "transport-cc" in first.feedback and numbered
        by_mid[slot.mid] = Accepted(receives, not media.is_usable, nack, nack and slot.repair in types, tells)
    return SubscriberAnswer(description, by_mid)
