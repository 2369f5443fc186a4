from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_worker.errors import BadSdp
from media_worker.session import description

SDP = Path(__file__).parents[2] / "data" / "sdp"
OFFERS = sorted(SDP.glob("*.sdp"))
CHROMIUM = (SDP / "chromium_audio_video.sdp").read_bytes().decode()


@pytest.mark.parametrize("path", OFFERS, ids=lambda path: path.stem)
def test_what_browsers_offer_is_read(path: Path) -> None:
    offer = description.read(path.read_bytes().decode())
    if any(media.is_usable for media in offer.media):
        assert offer.ufrag
        assert offer.fingerprints[0].algorithm == "sha-256"
    for media in offer.media:
        if media.is_usable:
            assert media.mid
            assert media.codecs or media.sctp_port


def test_codecs_stand_in_the_clients_order_with_what_belongs_to_them() -> None:
    video = description.read(CHROMIUM).media[1]
    assert [codec.name for codec in video.codecs[:3]] == ["VP8", "rtx", "H264"]
    assert video.codecs[0].feedback >= {"nack", "nack pli", "transport-cc"}
    assert video.codecs[1].repairs == video.codecs[0].payload_type
    assert video.extensions["urn:ietf:params:rtp-hdrext:sdes:mid"] == 4
    audio = description.read(CHROMIUM).media[0]
    assert (audio.codecs[0].rtpmap, audio.codecs[0].parameters) == ("opus/48000/2", "minptime=10;useinbandfec=1")


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (("a=mid:1", "a=mid:0"), "same a=mid"),
        (("a=setup:actpass", "a=setup:whatever"), "could not be read"),
        (("sha-256 ", "sha-1 "), "hash function"),
        (("v=0", "v=zero"), "could not be read"),
        (("a=mid:0", "a=mid:a b"), "not a token"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(change: tuple[str, str], detail: str) -> None:
    with pytest.raises(BadSdp, match=detail):
        description.read(CHROMIUM.replace(*change))


def test_m_lines_outside_of_the_bundle_are_not_usable() -> None:
    offer = description.read(CHROMIUM.replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0"))
    assert [media.is_usable for media in offer.media] == [True, False]


def test_without_a_bundle_the_first_m_line_has_the_transport() -> None:
    offer = description.read(CHROMIUM.replace("a=group:BUNDLE 0 1\r\n", ""))
    assert [media.is_usable for media in offer.media] == [True, False]
    assert offer.ufrag


def test_parameters_that_could_harm_another_client_are_left_out() -> None:
    changed = CHROMIUM.replace("minptime=10;useinbandfec=1", "minptime=10;x=<script>")
    audio = description.read(changed).media[0]
    assert "opus" not in [codec.name for codec in audio.codecs]


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(BadSdp):
        description.read(text)


@given(st.data())
def test_a_damaged_offer_is_read_or_refused(data: st.DataObject) -> None:
    lines = CHROMIUM.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        action = data.draw(st.sampled_from(["cut", "drop", "repeat", "digits", "text"]))
        if action == "cut":
            lines[place] = lines[place][: data.draw(st.integers(0, 40))]
        elif action == "drop" and len(lines) > 1:
            del lines[place]
        elif action == "repeat":
            lines.insert(place, data.draw(st.sampled_from(lines)))
        elif action == "digits":
            lines[place] = lines[place].replace("1", "-99999999999")
        else:
            lines[place] += data.draw(st.text(max_size=20))
    try:
        description.read("\r\n".join(lines))
    except BadSdp:
        pass
