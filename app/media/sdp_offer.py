"""An SDP offer as lines: which attributes stand in which m-line, with nothing understood and nothing lost.

Why not `aiortc.sdp`: importing it costs 160 to 280 ms and 65 MB (it loads FFmpeg and OpenSSL), it answers
malformed text with whatever exception comes first, and it drops what it doesn't know. Answering needs the
lines themselves; the tests use aiortc as the second opinion.

Sources: RFC 8866 (grammar), RFC 9429 §5.8 (what a WebRTC endpoint reads), RFC 9143 (BUNDLE).
"""

import re
from dataclasses import dataclass, field

# Control characters are refused: text that came through JSON could smuggle another line into what is echoed.
_LINE = re.compile(r"([a-z])=([^\x00-\x1f\x7f-\x9f\u2028\u2029]*)")
_MEDIA = re.compile(r"([^\s/]+) (\d{1,5})(?:/\d{1,5})? (\S+) (\S+(?: \S+)*)", re.ASCII)
_ORIGIN = re.compile(r"\S+ \d{1,20} (\d{1,20}) IN IP[46] \S+", re.ASCII)
_TOKEN = re.compile(r"[!#$%&'*+.^_`{|}~A-Za-z0-9-]+")  # RFC 8866 §9

# Those of the sections of one bundle may stand in only one of them (RFC 9143 §7.1.3).
_TRANSPORT_ATTRIBUTES = ("ice-ufrag", "ice-pwd", "fingerprint", "setup", "rtcp-mux")
_MAX_M_LINES = 256  # a browser's take 1 KB each; tiny ones would make an answer many times the offer's size


class UnanswerableOffer(Exception):
    """The text is no offer, or none that an SFU could answer; `reason` is a sentence for its sender.

    `code` is that of an `rtc.error`: bad_sdp | no_common_codec | not_accepted.
    """

    def __init__(self, reason: str, code: str = "bad_sdp") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


@dataclass
class Section:
    """One m-line with its attributes, or (with kind "session") what stands before the first."""

    kind: str  # audio | video | application | session | whatever else the offer says
    port: str = "9"
    protocol: str = ""
    formats: list[str] = field(default_factory=list)
    attributes: dict[str, list[str]] = field(default_factory=dict)  # values by name, as often as they stand

    def values(self, name: str) -> list[str]:
        return self.attributes.get(name, [])

    def value(self, name: str) -> str:
        """The first value; "" also where the attribute has none or is missing."""
        return next(iter(self.values(name)), "")

    @property
    def mid(self) -> str:
        return self.value("mid")

    @property
    def is_stopped(self) -> bool:
        # Port 0 says so, unless the m-line only waits to be bundled (RFC 9143 §6).
        return self.port.strip("0") == "" and "bundle-only" not in self.attributes


@dataclass
class Offer:
    """A well-formed offer; the mids of its sections are distinct, and only a stopped one may have none."""

    version: str  # the o= line's <sess-version>, decimal
    session: Section
    sections: list[Section]

    @property
    def bundle(self) -> list[str] | None:
        """The mids of the first BUNDLE group; None where there is none."""
        groups = [group.split() for group in self.session.values("group")]
        return next((mids for semantics, *mids in filter(None, groups) if semantics == "BUNDLE"), None)

    def shares_the_transport(self, section: Section) -> bool:
        """Whether it is one of those that one transport serves: the bundle's, or the first alone."""
        bundle = [self.sections[0].mid] if self.bundle is None else self.bundle
        return section.mid in bundle

    def transports(self) -> dict[str, dict[str, str]]:
        """By mid, the transport's attributes as far as they are offered: by the section, at session level, or
        by another section of its bundle."""
        by_mid = {section.mid: section for section in self.sections}
        mids = self.bundle or []
        shared: dict[str, str] = {}
        for section in (by_mid[mid] for mid in mids if mid in by_mid):
            shared = _transport_of(section) | shared
        bundled = dict.fromkeys(mids, shared)
        session = _transport_of(self.session)
        return {mid: bundled.get(mid, {}) | session | _transport_of(by_mid[mid]) for mid in by_mid}


def _transport_of(section: Section) -> dict[str, str]:
    return {name: section.value(name) for name in _TRANSPORT_ATTRIBUTES if name in section.attributes}


def parse_offer(text: str) -> Offer:
    """Read `text`, whose lines end with CRLF or LF. Raises `UnanswerableOffer`, whatever the text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnanswerableOffer("the offer is not text: it holds half of a surrogate pair") from None
    lines = re.split("\r?\n", text.rstrip("\r\n"))
    if lines[0] != "v=0":
        raise UnanswerableOffer("an offer begins with the line v=0")
    version = None
    session = section = Section("session")
    sections: list[Section] = []
    for number, line in enumerate(lines, start=1):
        parts = _LINE.fullmatch(line)
        if not parts:
            raise UnanswerableOffer(f"line {number} is not of the form <letter>=<text>")
        letter, value = parts.groups()
        if letter == "m":
            section = _media_section(value, number)
            sections.append(section)
        elif letter == "o" and section is session:
            origin = _ORIGIN.fullmatch(value)
            version = origin[1] if origin else None
        elif letter == "a":
            name, _, value = value.partition(":")
            section.attributes.setdefault(name, []).append(value)
    if version is None:
        raise UnanswerableOffer("the offer has no o= line with a numeric session version")
    if not 1 <= len(sections) <= _MAX_M_LINES:
        raise UnanswerableOffer(f"the offer has {len(sections)} m-lines; 1 to {_MAX_M_LINES} are answered")
    _require_distinct_mids(sections)
    return Offer(version, session, sections)


def _media_section(value: str, number: int) -> Section:
    media = _MEDIA.fullmatch(value)
    if not media:
        raise UnanswerableOffer(f"line {number} is not m=<media> <port> <protocol> <formats>")
    kind, port, protocol, formats = media.groups()
    # An answer must not list a format twice, so a doubled one isn't kept.
    return Section(kind, port, protocol, list(dict.fromkeys(formats.split(" "))))


def _require_distinct_mids(sections: list[Section]) -> None:
    mids = set()
    for index, section in enumerate(sections):
        if section.is_stopped and not section.mid:
            continue
        if not _TOKEN.fullmatch(section.mid):
            raise UnanswerableOffer(f"m-line {index} has no usable a=mid")
        if section.mid in mids:
            raise UnanswerableOffer(f"two m-lines have a=mid:{section.mid}")
        mids.add(section.mid)
