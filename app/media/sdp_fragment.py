"""SDP fragments, as WHIP and WHEP patch a session with them (RFC 8840 §9): read, made of an answer, put into an offer.

A fragment with the credentials that the session has brings candidates; one with others is an ICE restart.
"""

import re
from dataclasses import dataclass, field

from app.media.sdp_offer import Section, parse_offer

MEDIA_TYPE = "application/trickle-ice-sdpfrag"
_LINE = re.compile(r"([a-z])=([^\x00-\x1f\x7f-\x9f\u2028\u2029]*)")
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")  # RFC 8839 §5.4
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_MAX_LINES = 1000


class UnreadableFragment(Exception):
    """The text is no SDP fragment; it says why."""


@dataclass
class Fragment:
    """`ufrag` and `password` are "" where it names none. Candidates come with the mid of their m-line."""

    ufrag: str = ""
    password: str = ""
    candidates: list[tuple[str, str]] = field(default_factory=list)
    is_last: bool = False  # no more will come


def read(text: str) -> Fragment:
    """Raises `UnreadableFragment`, whatever the text."""
    fragment, mid = Fragment(), ""
    lines = [line for line in re.split("\r?\n", text) if line]
    if not lines or len(lines) > _MAX_LINES:
        raise UnreadableFragment(f"A fragment has 1 to {_MAX_LINES} lines.")
    for number, line in enumerate(lines, start=1):
        parts = _LINE.fullmatch(line)
        if not parts:
            raise UnreadableFragment(f"Line {number} is not of the form <letter>=<text>.")
        if parts[1] == "m":
            mid = ""
        if parts[1] != "a":
            continue
        name, _, value = parts[2].partition(":")
        if name == "mid":
            mid = value
        elif name == "ice-ufrag":
            fragment.ufrag = _checked(_UFRAG, value, number)
        elif name == "ice-pwd":
            fragment.password = _checked(_PASSWORD, value, number)
        elif name == "candidate":
            fragment.candidates.append((mid, parts[2]))
        elif name == "end-of-candidates":
            fragment.is_last = True
    if bool(fragment.ufrag) != bool(fragment.password):
        raise UnreadableFragment("a=ice-ufrag and a=ice-pwd come together.")
    return fragment


def _checked(form: re.Pattern[str], value: str, number: int) -> str:
    if not form.fullmatch(value):
        raise UnreadableFragment(f"Line {number} has no ICE credential.")
    return value


def of_answer(sdp: str) -> str:
    """The ICE side of an answer: credentials and candidates, by the m-line that carries the bundle (RFC 8840 §4.4)."""
    answer = parse_offer(sdp)  # what is read of it is the same in both
    carrying = next((section for section in answer.sections if "ice-ufrag" in section.attributes), answer.sections[0])
    lines = [f"a={name}" for name in ("ice-lite",) if name in answer.session.attributes]
    lines += [f"a=group:{value}" for value in answer.session.values("group")]
    lines += [f"m={carrying.kind} 9 {carrying.protocol} {carrying.formats[0]}", f"a=mid:{carrying.mid}"]
    for name in ("ice-ufrag", "ice-pwd"):
        lines.append(f"a={name}:{carrying.value(name) or answer.session.value(name)}")
    lines += [f"a=candidate:{value}" for value in carrying.values("candidate")]
    return "\r\n".join([*lines, "a=end-of-candidates"]) + "\r\n"


def credentials_of(sdp: str) -> tuple[str, str]:
    """Of an offer: user name fragment and password, of its first m-line that has them."""
    offer = parse_offer(sdp)
    for part in (*offer.sections, offer.session):
        if ufrag := part.value("ice-ufrag"):
            return ufrag, part.value("ice-pwd")
    return "", ""


def restarted(sdp: str, fragment: Fragment) -> str:
    """An offer with the fragment's credentials in the place of its own, and without its candidates, which were of the
    old ones.
    """
    lines = []
    for line in re.split("\r?\n", sdp.rstrip("\r\n")):
        if line.startswith("a=ice-ufrag:"):
            line = f"a=ice-ufrag:{fragment.ufrag}"
        elif line.startswith("a=ice-pwd:"):
            line = f"a=ice-pwd:{fragment.password}"
        elif origin := re.fullmatch(r"(o=\S+ \d+ )(\d+)( .*)", line):
            line = f"{origin[1]}{int(origin[2]) + 1}{origin[3]}"
        elif line.startswith(("a=candidate:", "a=end-of-candidates")):
            continue
        lines.append(line)
    return "\r\n".join(lines) + "\r\n"


def direction_of(section: Section, session: Section) -> str:
    for part in (section, session):
        for name in ("sendrecv", "sendonly", "recvonly", "inactive"):
            if name in part.attributes:
                return name
    return "sendrecv"
