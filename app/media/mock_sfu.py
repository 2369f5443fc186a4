"""The pure half of the mock SFU: an SDP offer goes in, a valid answer comes out, and no packet is carried.

Theory of operation. An answer repeats the offer's m-lines in order (RFC 3264 §6) and takes of each what
an SFU would forward: codecs, feedback, header extensions and simulcast layers that it understands.
Whatever else is offered is left out, which is how an answer refuses. An m-line of which nothing is left
gets port 0, as does one that would need a transport of its own. What a real SFU would draw at random (ICE
credentials, certificate, session id) comes from the seed by hashing, so that the same offer and seed give
the same bytes.

Why the answer has no candidate. Chromium accepts the answer either way. Given an address that is routed
but silent, it goes to "failed" after 15 s, and clients begin to restart ICE for a peer that will never be
there; port 9 it ignores. Without a candidate it stays "new" and sends nothing.

Sources: RFC 9429 §5.3 (answers), RFC 9143 §7.3 (BUNDLE), RFC 8839 (ICE), RFC 8842 (DTLS), RFC 8853
(simulcast).
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import NamedTuple

from app.media.sdp_offer import Section, UnanswerableOffer, parse_offer

__all__ = ["FORWARDED_CODECS", "Answer", "Track", "UnanswerableOffer", "answer_offer"]

# What the answer takes from an offer, by media kind. Payload stays opaque to an SFU, but it has to find key
# frames and layers, so a codec is forwarded only where that is possible.
FORWARDED_CODECS = {"audio": ("opus", "PCMU", "PCMA", "G722"), "video": ("VP8", "VP9", "H264", "H265", "AV1")}
# Formats that ride on a forwarded codec, and the fmtp parameter that says on which; they go when it goes.
# Video RED and ULPFEC name none, and are not taken: lost video is sent again, not repaired.
_RIDES_ON = {"rtx": re.compile(r"apt=(\d+)"), "red": re.compile(r"^(\d+(?:/\d+)*)$")}
_FEEDBACK = {"nack", "nack pli", "ccm fir", "transport-cc"}
_HEADER_EXTENSIONS = {
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "urn:ietf:params:rtp-hdrext:sdes:mid",
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:toffset",
    "urn:3gpp:video-orientation",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
    "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
}

_RTP_PROTOCOLS = {"UDP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF", "RTP/SAVPF"}  # RFC 9429 §5.1.2
_SCTP_PROTOCOLS = {"UDP/DTLS/SCTP", "TCP/DTLS/SCTP"}  # RFC 8841
_MIRRORED = {"sendrecv": "recvonly", "sendonly": "recvonly", "recvonly": "inactive", "inactive": "inactive"}
_PLAYED = {"sendrecv": "sendonly", "sendonly": "inactive", "recvonly": "sendonly", "inactive": "inactive"}
_MIRRORED_EXTENSION = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}  # RFC 8285
_MAX_TRACKS = 16  # that one participant publishes
_SCTP_PORT = 5000
_MAX_MESSAGE_BYTES = 262_144  # what browsers offer themselves

_PAYLOAD_TYPE = re.compile(r"\d{1,2}|1[01]\d|12[0-7]", re.ASCII)
_RTPMAP = re.compile(r"([A-Za-z0-9_.+-]+)/\d+(?:/\d+)?", re.ASCII)
_EXTMAP = re.compile(r"(\d{1,3})(?:/(sendrecv|sendonly|recvonly|inactive))? (\S+)", re.ASCII)
_RID = re.compile(r"([A-Za-z0-9_-]+) send(?: (\S+))?")  # RFC 8851


class Track(NamedTuple):
    """What a participant publishes by the offer."""

    kind: str  # audio | video
    mid: str
    source: str | None  # "screen" where the offer has a=content:slides (RFC 4796); browsers don't say


@dataclass(frozen=True)
class Answer:
    """`sdp` for an rtc.answer, and the tracks that are published by it, in the order of the m-lines."""

    sdp: str
    tracks: list[Track]


def answer_offer(offer: str, seed: str, *, plays: bool = False) -> Answer:
    """Answer `offer` as an SFU that will carry none of it.

    `seed` names the connection, such as meeting id and participant id: with it the answer keeps its
    certificate from one negotiation to the next, and its ICE credentials until the offer brings new ones (an
    ICE restart).
    `plays`: what the offer would receive is sent, and nothing is published.
    Raises `UnanswerableOffer`, and nothing else, for whatever text is no answerable offer.
    """
    parsed = parse_offer(offer)
    session, sections = parsed.session, parsed.sections
    transports = parsed.transports()
    live = [section for section in sections if not section.is_stopped and parsed.shares_the_transport(section)]
    for section in live:
        _check_transport(section, transports[section.mid])
    bodies = [_media_lines(section, session, plays=plays) if section in live else None for section in sections]
    if not any(bodies) and not all(section.is_stopped for section in sections):
        raise UnanswerableOffer("nothing that is offered has a codec that is forwarded", "no_common_codec")

    # 63 bits, because a reader may keep it in a signed integer.
    session_id = int.from_bytes(_derive("session", seed, size=8), "big") >> 1
    # The version grows as the offer's does, which is by one for each that differs (RFC 3264 §8).
    lines = ["v=0", f"o=- {session_id} {parsed.version} IN IP4 0.0.0.0", "s=-", "t=0 0"]
    answered_mids = {section.mid for section, body in zip(sections, bodies, strict=True) if body}
    if mids := [mid for mid in parsed.bundle or () if mid in answered_mids]:
        lines.append(" ".join(["a=group:BUNDLE", *mids]))
    lines.append("a=ice-lite")
    if "extmap-allow-mixed" in session.attributes:
        lines.append("a=extmap-allow-mixed")

    tracks: list[Track] = []
    for section, body in zip(sections, bodies, strict=True):
        if not body:
            lines += _refusal(section)
            continue
        media_line, *media_attributes = body
        lines += [media_line, "c=IN IP4 0.0.0.0", f"a=mid:{section.mid}"]
        lines += _transport_lines(transports[section.mid], seed)
        lines += media_attributes
        if "a=recvonly" in media_attributes:
            source = "screen" if section.value("content") == "slides" else None
            tracks.append(Track(section.kind, section.mid, source))
    if len(tracks) > _MAX_TRACKS:
        raise UnanswerableOffer(f"{len(tracks)} tracks are offered; {_MAX_TRACKS} are taken", "not_accepted")
    return Answer("\r\n".join(lines) + "\r\n", tracks)


def _check_transport(section: Section, offered: dict[str, str]) -> None:
    """The offer has to have the other side of ours."""
    for name in ("ice-ufrag", "ice-pwd", "fingerprint"):
        if name not in offered:
            raise UnanswerableOffer(f"the m-line of a=mid:{section.mid} has no a={name}")
    if offered.get("setup", "active") not in ("actpass", "active"):  # RFC 4145 §4: active when it isn't said
        raise UnanswerableOffer("the SFU is always the DTLS server: offer a=setup:actpass", "not_accepted")
    if section.protocol in _RTP_PROTOCOLS and "rtcp-mux" not in offered:
        raise UnanswerableOffer("the SFU has one port: offer a=rtcp-mux", "not_accepted")


def _transport_lines(offered: dict[str, str], seed: str) -> list[str]:
    """ICE-lite and the DTLS server's side."""
    ufrag, pwd = _ice_credentials(seed, offered["ice-ufrag"], offered["ice-pwd"])
    certificate = _derive("certificate", seed, size=32)  # there is none: its digest is all that SDP shows
    return [
        f"a=ice-ufrag:{ufrag}",
        f"a=ice-pwd:{pwd}",
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {certificate.hex(':').upper()}",
        "a=setup:passive",
    ]


def _media_lines(section: Section, session: Section, *, plays: bool) -> list[str] | None:
    """The answer's m-line and what follows its transport; None when there is nothing in it to take."""
    if section.kind == "application":
        if section.protocol not in _SCTP_PROTOCOLS or section.formats != ["webrtc-datachannel"]:
            return None
        media = f"m=application 9 {section.protocol} webrtc-datachannel"
        return [media, f"a=sctp-port:{_SCTP_PORT}", f"a=max-message-size:{_MAX_MESSAGE_BYTES}"]
    if section.kind not in FORWARDED_CODECS or section.protocol not in _RTP_PROTOCOLS:
        return None
    payload_types = _forwarded_payload_types(section)
    if not payload_types:
        return None

    direction = (_PLAYED if plays else _MIRRORED)[_direction(section) or _direction(session) or "sendrecv"]
    lines = [f"m={section.kind} 9 {section.protocol} {' '.join(payload_types)}"]
    lines += _extmap_lines(section, session)
    lines += [f"a={direction}", "a=rtcp-mux"]
    if "rtcp-rsize" in section.attributes:
        lines.append("a=rtcp-rsize")
    lines += _codec_lines(section, payload_types)
    if direction == "recvonly":
        lines += _simulcast_lines(section, payload_types)
    return lines


def _refusal(section: Section) -> list[str]:
    lines = [f"m={section.kind} 0 {section.protocol} {' '.join(section.formats)}", "c=IN IP4 0.0.0.0"]
    if section.mid:
        lines.append(f"a=mid:{section.mid}")
    return [*lines, "a=inactive"]


def _direction(section: Section) -> str | None:
    return next((name for name in _MIRRORED if name in section.attributes), None)


def _by_payload_type(section: Section, name: str) -> dict[str, list[str]]:
    """The values of a=<name>:<payload type> <value>, by payload type."""
    values: dict[str, list[str]] = {}
    for line in section.values(name):
        payload_type, _, value = line.partition(" ")
        values.setdefault(payload_type, []).append(value)
    return values


def _forwarded_payload_types(section: Section) -> list[str]:
    """The payload types to take, in the offer's order, which is its sender's preference."""
    names: dict[str, str] = {}
    for payload_type, values in _by_payload_type(section, "rtpmap").items():
        if _PAYLOAD_TYPE.fullmatch(payload_type) and (rtpmap := _RTPMAP.fullmatch(values[0])):
            names[payload_type] = rtpmap[1].lower()
    wanted = {name.lower() for name in FORWARDED_CODECS[section.kind]}
    primary = {payload_type for payload_type in section.formats if names.get(payload_type) in wanted}

    parameters = _by_payload_type(section, "fmtp")
    riding = set()
    for payload_type in section.formats:
        pattern = _RIDES_ON.get(names.get(payload_type, ""))
        base = pattern.search(parameters.get(payload_type, [""])[0]) if pattern else None
        if base and set(base[1].split("/")) <= primary:
            riding.add(payload_type)
    return [payload_type for payload_type in section.formats if payload_type in primary | riding]


def _codec_lines(section: Section, payload_types: list[str]) -> list[str]:
    rtpmap, fmtp, feedback = (_by_payload_type(section, name) for name in ("rtpmap", "fmtp", "rtcp-fb"))
    lines = [f"a=rtcp-fb:* {value}" for value in feedback.get("*", []) if value in _FEEDBACK]
    for payload_type in payload_types:
        lines.append(f"a=rtpmap:{payload_type} {rtpmap[payload_type][0]}")
        for value in feedback.get(payload_type, []):
            if value in _FEEDBACK:
                lines.append(f"a=rtcp-fb:{payload_type} {value}")
        lines += [f"a=fmtp:{payload_type} {value}" for value in fmtp.get(payload_type, [])]
    return lines


def _extmap_lines(section: Section, session: Section) -> list[str]:
    lines: dict[str, str] = {}  # by URI: one id is enough for each
    for value in section.values("extmap") + session.values("extmap"):
        extension = _EXTMAP.fullmatch(value)
        if extension and extension[3] in _HEADER_EXTENSIONS:
            direction = _MIRRORED_EXTENSION.get(extension[2])
            line = f"a=extmap:{extension[1]}{'/' + direction if direction else ''} {extension[3]}"
            lines.setdefault(extension[3], line)
    return list(lines.values())


def _simulcast_lines(section: Section, payload_types: list[str]) -> list[str]:
    """Accept every layer that is offered for sending and has a codec left (RFC 8853)."""
    layers = {}
    for value in section.values("rid"):
        rid = _RID.fullmatch(value)
        if not rid:
            continue
        restrictions = []
        for restriction in (rid[2] or "").split(";"):
            if restriction.startswith("pt="):
                kept = [pt for pt in restriction[3:].split(",") if pt in payload_types]
                restriction = f"pt={','.join(kept)}"
            restrictions.append(restriction)
        if "pt=" not in restrictions:
            layers[rid[1]] = f"a=rid:{rid[1]} recv {';'.join(restrictions)}".rstrip()

    words = section.value("simulcast").split()
    offered = dict(zip(words[::2], words[1::2], strict=False)).get("send", "")
    streams = []
    for stream in offered.split(";"):
        alternatives = [rid for rid in stream.split(",") if rid.removeprefix("~") in layers]
        if alternatives:
            streams.append(",".join(alternatives))
    return [*layers.values(), f"a=simulcast:recv {';'.join(streams)}"] if streams else list(layers.values())


def _ice_credentials(seed: str, offered_ufrag: str, offered_pwd: str) -> tuple[str, str]:
    """8 and 24 characters that change when the offer's do, as in an ICE restart (RFC 8839 §4.4)."""
    digest = _derive("ice", seed, offered_ufrag, offered_pwd, size=24)
    text = base64.b64encode(digest).decode()  # base64's alphabet is that of ice-char
    return text[:8], text[8:]


def _derive(purpose: str, *material: str, size: int) -> bytes:
    # The line feed can't be within what was parsed from a line, so no two materials read the same.
    return hashlib.shake_256("\n".join([purpose, *material]).encode()).digest(size)
