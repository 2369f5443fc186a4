import asyncio
import re

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from app.media.mock_sfu import Track, UnanswerableOffer, answer_offer
from tests.media.answers import (
    AUDIO,
    OFFERS,
    SESSION,
    TRANSPORT,
    VIDEO,
    assert_answers,
    direction,
    fingerprint,
    ice,
    sections,
    values,
)


@pytest.mark.parametrize("name", OFFERS)
class TestOffersOfRealPeers:
    def test_the_answer_fits_the_offer(self, name: str) -> None:
        answer = answer_offer(OFFERS[name], "seed")
        assert_answers(OFFERS[name], answer.sdp, [track.mid for track in answer.tracks])

    def test_the_answer_is_the_same_each_time(self, name: str) -> None:
        assert answer_offer(OFFERS[name], "seed") == answer_offer(OFFERS[name], "seed")

    def test_another_reader_finds_the_same_in_the_answer(self, name: str) -> None:
        answer = answer_offer(OFFERS[name], "seed")
        read = SessionDescription.parse(answer.sdp)
        for media, lines in zip(read.media, sections(answer.sdp)[1:], strict=True):
            kind, port, protocol, *formats = lines[0].removeprefix("m=").split(" ")
            assert (media.kind, str(media.port), media.profile) == (kind, port, protocol)
            assert [str(fmt) for fmt in media.fmt] == formats
            if port == "9":
                assert media.ice is not None
                assert media.ice.iceLite
                assert media.dtls is not None
                assert media.dtls.role == "server"
            if port == "9" and kind != "application":
                assert media.rtcp_mux
                assert [str(codec.payloadType) for codec in media.rtp.codecs] == formats

    def test_lines_may_end_with_a_line_feed_alone(self, name: str) -> None:
        with_line_feeds = OFFERS[name].replace("\r\n", "\n")
        assert answer_offer(with_line_feeds, "seed") == answer_offer(OFFERS[name], "seed")


def media(name: str) -> tuple[list[list[str]], list[Track]]:
    answer = answer_offer(OFFERS[name], "seed")
    return sections(answer.sdp)[1:], answer.tracks


def test_audio_and_video_are_received_and_published() -> None:
    (audio, video), tracks = media("chromium_audio_video")
    assert direction(audio) == direction(video) == "recvonly"
    assert tracks == [("audio", "0", None), ("video", "1", None)]


def test_what_the_peer_only_receives_stays_inactive_and_publishes_nothing() -> None:
    (audio, video), tracks = media("chromium_receive_only")
    assert direction(audio) == direction(video) == "inactive"
    assert audio[0].split()[1] == video[0].split()[1] == "9"
    assert tracks == []


def test_a_shared_screen_is_a_second_video_track() -> None:
    _, tracks = media("chromium_screen_share")
    assert tracks == [("audio", "0", None), ("video", "1", None), ("video", "2", None)]


def test_a_track_is_named_a_screen_where_the_offer_says_so() -> None:
    offer = SESSION + "a=group:BUNDLE 0 1\r\n" + TRANSPORT + AUDIO + VIDEO + "a=content:slides\r\n"
    assert [track.source for track in answer_offer(offer, "seed").tracks] == [None, "screen"]


def test_every_simulcast_layer_is_accepted() -> None:
    (_, video), _ = media("chromium_simulcast")
    assert values(video, "rid") == ["q recv", "h recv", "f recv"]
    assert values(video, "simulcast") == ["recv q;h;f"]


def test_a_layer_whose_codecs_are_not_forwarded_is_left_out_of_simulcast() -> None:
    layers = (
        "a=rid:a send pt=96,97;max-width=640\r\na=rid:b send pt=97\r\na=rid:c recv\r\n"
        "a=simulcast:recv c send a,~b;b\r\n"
    )
    (_, video) = sections(answer_offer(SESSION + TRANSPORT + VIDEO + layers, "seed").sdp)
    assert values(video, "rid") == ["a recv pt=96;max-width=640"]
    assert values(video, "simulcast") == ["recv a"]


def test_a_data_channel_is_accepted_with_its_port_and_message_size() -> None:
    (channel,), tracks = media("chromium_data_channel")
    assert channel[0] == "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"
    assert values(channel, "sctp-port") == ["5000"]
    assert values(channel, "max-message-size") == ["262144"]
    assert tracks == []


def test_a_stopped_transceiver_is_refused_and_leaves_the_bundle() -> None:
    (audio, video), tracks = media("chromium_stopped_transceiver")
    assert audio[0].startswith("m=audio 9 ")
    assert video[0].startswith("m=video 0 ")
    assert tracks == [("audio", "0", None)]
    session = sections(answer_offer(OFFERS["chromium_stopped_transceiver"], "seed").sdp)[0]
    assert values(session, "group") == ["BUNDLE 0"]


def test_an_offer_in_which_everything_is_stopped_is_answered_in_kind() -> None:
    (audio, video), tracks = media("chromium_everything_stopped")
    assert audio[0].startswith("m=audio 0 ")
    assert video[0].startswith("m=video 0 ")
    assert tracks == []


def test_codecs_keep_their_lines_and_those_that_are_not_forwarded_go_with_their_riders() -> None:
    (audio, video), _ = media("chromium_audio_video")
    names = {value.split()[1].split("/")[0] for value in values(audio, "rtpmap")}
    assert names == {"opus", "red", "G722", "PCMU", "PCMA"}
    assert "111 minptime=10;useinbandfec=1" in values(audio, "fmtp")
    codecs = {value.split()[0]: value.split()[1] for value in values(video, "rtpmap")}
    assert {name.split("/")[0] for name in codecs.values()} == {"VP8", "VP9", "H264", "AV1", "rtx"}
    for fmtp in values(video, "fmtp"):
        if "apt=" in fmtp:
            assert fmtp.split("apt=")[1] in codecs  # Video RED's RTX is gone with it.
    assert "96 nack pli" in values(video, "rtcp-fb")
    assert "96 goog-remb" not in values(video, "rtcp-fb")


def test_header_extensions_keep_their_id_and_unknown_ones_go() -> None:
    offer = SESSION + TRANSPORT + AUDIO
    offer += "a=extmap:3/sendonly urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
    offer += "a=extmap:4 urn:example:unknown\r\n"
    assert values(sections(answer_offer(offer, "seed").sdp)[1], "extmap") == [
        "3/recvonly urn:ietf:params:rtp-hdrext:ssrc-audio-level"
    ]


def test_a_bundled_m_line_takes_its_transport_from_another_of_its_bundle() -> None:
    # As in RFC 9143 §7.1.3: what bundled m-lines have in common stands in one of them.
    waiting = VIDEO.replace("m=video 9", "m=video 0").replace("a=rtcp-mux", "a=bundle-only")
    answer = answer_offer(SESSION + "a=group:BUNDLE 0 1\r\n" + AUDIO + TRANSPORT + waiting, "seed")
    session, audio, video = sections(answer.sdp)
    assert values(session, "group") == ["BUNDLE 0 1"]
    assert video[0] == "m=video 9 UDP/TLS/RTP/SAVPF 96"
    assert values(video, "ice-ufrag") == values(audio, "ice-ufrag")


def test_ice_credentials_change_with_the_offers_and_the_certificate_does_not() -> None:
    offer = SESSION + TRANSPORT + AUDIO
    first = answer_offer(offer, "seed").sdp
    renegotiated = answer_offer(offer + VIDEO, "seed").sdp
    restarted = answer_offer(offer.replace("a=ice-ufrag:abcd", "a=ice-ufrag:efgh"), "seed").sdp
    assert ice(renegotiated) == ice(first)
    assert ice(restarted)[0] != ice(first)[0]
    assert ice(restarted)[1] != ice(first)[1]
    assert fingerprint(first) == fingerprint(renegotiated) == fingerprint(restarted)


def test_another_seed_gives_another_identity() -> None:
    offer = SESSION + TRANSPORT + AUDIO
    one, other = answer_offer(offer, "one").sdp, answer_offer(offer, "other").sdp
    assert ice(one) != ice(other)
    assert fingerprint(one) != fingerprint(other)
    assert one.split("\r\n")[1] != other.split("\r\n")[1]


def test_the_answers_version_grows_with_the_offers() -> None:
    offer = SESSION + TRANSPORT + AUDIO
    (_, id_before, version_before, *_), (_, id_after, version_after, *_) = (
        answer_offer(text, "seed").sdp.split("\r\n")[1].split()
        for text in (offer, offer.replace("o=- 1 2 ", "o=- 1 3 "))
    )
    assert id_before == id_after
    assert (version_before, version_after) == ("2", "3")


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        ("", "an offer begins with the line v=0"),
        ("hello", "an offer begins with the line v=0"),
        (SESSION, "the offer has 0 m-lines"),
        (SESSION + "m=audio 9 X 0\r\n" * 257, "the offer has 257 m-lines"),
        (SESSION.replace("o=- 1 2", "o=- 1 two") + TRANSPORT + AUDIO, "no o= line with a numeric"),
        (SESSION + TRANSPORT + "m=audio nine X 0\r\n", "line 9 is not m="),
        (SESSION + TRANSPORT + AUDIO + "A=inactive\r\n", "line 13 is not of the form"),
        (SESSION + TRANSPORT + AUDIO + "a=fmtp:111 x\ra=sendonly\r\n", "line 13 is not of the form"),
        (SESSION + TRANSPORT + AUDIO + "a=label:\ud800\r\n", "half of a surrogate pair"),
        (SESSION + TRANSPORT + AUDIO.replace("a=mid:0\r\n", ""), "m-line 0 has no usable a=mid"),
        (SESSION + TRANSPORT + AUDIO.replace("a=mid:0", "a=mid:a b"), "m-line 0 has no usable a=mid"),
        (SESSION + TRANSPORT + AUDIO + AUDIO, "two m-lines have a=mid:0"),
        (SESSION + AUDIO, "a=mid:0 has no a=ice-ufrag"),
        (SESSION + TRANSPORT.replace("ice-pwd", "x") + AUDIO, "a=mid:0 has no a=ice-pwd"),
        (SESSION + TRANSPORT.replace("fingerprint", "x") + AUDIO, "a=mid:0 has no a=fingerprint"),
        (SESSION + TRANSPORT + AUDIO + "a=setup:passive\r\n", "always the DTLS server"),
        (SESSION + TRANSPORT + AUDIO.replace("opus", "iLBC"), "nothing that is offered has a codec"),
    ],
)
def test_an_offer_that_cannot_be_answered_says_why(offer: str, reason: str) -> None:
    with pytest.raises(UnanswerableOffer, match=re.escape(reason)) as refused:
        answer_offer(offer, "seed")
    assert str(refused.value) == refused.value.reason


@st.composite
def mutated_offers(draw: st.DrawFn) -> str:
    """A real offer with lines dropped, doubled, moved, cut, or overwritten in part."""
    lines = draw(st.sampled_from(list(OFFERS.values()))).split("\r\n")
    for _ in range(draw(st.integers(1, 8))):
        position = draw(st.integers(0, len(lines) - 1))
        line = lines[position]
        cut = draw(st.integers(0, len(line)))
        other = draw(st.sampled_from(list(OFFERS.values()))).split("\r\n")
        lines[position : position + 1] = draw(
            st.sampled_from(
                [
                    [],
                    [line, line],
                    [line[:cut]],
                    [line[:cut] + draw(st.text(max_size=5)) + line[cut:]],
                    [line[:cut] + draw(st.sampled_from("0 :;,/=~²٣\r\n\x00\u2028\ud800")) + line[cut + 1 :]],
                    [line, draw(st.sampled_from(other))],
                ]
            )
        )
        lines = lines or [""]
    return draw(st.sampled_from(["\r\n", "\n"])).join(lines)


@given(offer=mutated_offers() | st.text() | st.text(alphabet="vomac=0 9:/\r\n-rtpid"))
def test_a_damaged_offer_is_answered_or_refused_and_nothing_else(offer: str) -> None:
    try:
        answer = answer_offer(offer, "seed")
    except UnanswerableOffer:
        return
    assert_answers(offer, answer.sdp, [track.mid for track in answer.tracks])


def test_aiortc_negotiates_with_the_answer_twice() -> None:
    async def negotiate() -> list[str]:
        peer = RTCPeerConnection()
        peer.addTransceiver("audio")
        peer.addTransceiver("video", direction="sendonly")
        peer.createDataChannel("chat")
        states = []
        for _ in range(2):
            await peer.setLocalDescription(await peer.createOffer())
            answer = answer_offer(peer.localDescription.sdp, "seed")
            await peer.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
            states.append(peer.signalingState)
            peer.addTransceiver("video", direction="sendonly")
        await peer.close()
        return states

    assert asyncio.run(negotiate()) == ["stable", "stable"]
