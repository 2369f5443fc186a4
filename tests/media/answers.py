"""What is in an SDP answer, and what it must be like to fit its offer."""

import re
from collections.abc import Iterable
from pathlib import Path

OFFERS = {
    path.stem: path.read_bytes().decode()
    for path in sorted((Path(__file__).parent.parent / "data" / "sdp").glob("*.sdp"))
}
# The smallest offers: one m-line, and nothing that could be left out.
SESSION = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
TRANSPORT = (
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\n"
    f"a=fingerprint:sha-256 {':'.join(['00', '11'] * 16)}\r\na=setup:actpass\r\n"
)
AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"


def sections(sdp: str) -> list[list[str]]:
    """The lines of the session level and of each m-line."""
    return [part.strip("\r\n").split("\r\n") for part in re.split(r"^(?=m=)", sdp, flags=re.MULTILINE)]


def values(lines: list[str], name: str) -> list[str]:
    return [line.removeprefix(f"a={name}:") for line in lines if line.startswith(f"a={name}:")]


def direction(lines: list[str]) -> str:
    [name] = {"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"} & set(lines)
    return name.removeprefix("a=")


def ice(sdp: str) -> tuple[str, str]:
    lines = sections(sdp)[1]
    return values(lines, "ice-ufrag")[0], values(lines, "ice-pwd")[0]


def fingerprint(sdp: str) -> str:
    return values(sections(sdp)[1], "fingerprint")[0]


def assert_answers(offer: str, answer: str, published_mids: Iterable[str]) -> None:
    """What RFC 3264 and RFC 9143 ask of any answer to `offer`."""
    assert answer.endswith("\r\n")
    for line in answer.removesuffix("\r\n").split("\r\n"):
        assert re.fullmatch(r"[a-z]=[^\r\n]*", line)
    _, *offered = sections(re.sub("\r?\n", "\r\n", offer))
    session, *answered = sections(answer)
    assert len(answered) == len(offered)
    live_mids = set()
    for theirs, ours in zip(offered, answered, strict=True):
        their_kind, _, their_protocol, *their_formats = theirs[0].split(" ")
        our_kind, our_port, our_protocol, *our_formats = ours[0].split(" ")
        assert (our_kind, our_protocol) == (their_kind, their_protocol)
        assert our_formats
        assert set(our_formats) <= set(their_formats)
        assert len(set(our_formats)) == len(our_formats)
        assert values(ours, "mid") == list(filter(None, values(theirs, "mid")[:1]))
        assert our_port in ("0", "9")
        if our_port == "9":
            live_mids |= set(values(ours, "mid"))
            assert "a=setup:passive" in ours
            assert re.fullmatch(r"sha-256 [0-9A-F]{2}(:[0-9A-F]{2}){31}", values(ours, "fingerprint")[0])
            assert re.fullmatch(r"[A-Za-z0-9+/]{4,256}", values(ours, "ice-ufrag")[0])
            assert re.fullmatch(r"[A-Za-z0-9+/]{22,256}", values(ours, "ice-pwd")[0])
        else:
            assert direction(ours) == "inactive"
    for group in values(session, "group"):
        assert set(group.split()[1:]) <= live_mids
    assert set(published_mids) <= live_mids
