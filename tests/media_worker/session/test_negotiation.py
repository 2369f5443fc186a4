from pathlib import Path

import pytest
from aiortc.sdp import SessionDescription

from media_worker.errors import BadSdp, NoCommonCodec, NotAccepted
from media_worker.rtp import extensions
from media_worker.session import description
from media_worker.session.negotiation import (
    MAX_TRACKS,
    Answer,
    Local,
    Slot,
    answer_publisher,
    listed_in,
    offer_subscriber,
    read_subscriber_answer,
)
from media_worker.session.payload_types import PayloadTypes
from media_worker.transport.ice_lite import Credentials

SDP = Path(__file__).parents[2] / "data" / "sdp"
LOCAL = Local(Credentials("u" * 12, "p" * 32), "AB:" * 31 + "AB", [("192.0.2.1", 4000), ("10.0.0.1", 4000)], 5, 1)


def offer(name: str) -> str:
    return (SDP / f"{name}.sdp").read_bytes().decode()


def answer(text: str, payload_types: PayloadTypes | None = None) -> Answer:
    return answer_publisher(description.read(text), LOCAL, payload_types or PayloadTypes())


def test_an_answer_takes_the_first_codec_with_its_retransmissions() -> None:
    made = answer(offer("chromium_audio_video"))
    parsed = SessionDescription.parse(made.sdp)
    audio, video = parsed.media
    assert [codec.mimeType for codec in audio.rtp.codecs] == ["audio/opus"]
    assert [codec.mimeType for codec in video.rtp.codecs] == ["video/VP8", "video/rtx"]
    assert [media.direction for media in parsed.media] == ["recvonly", "recvonly"]
    assert {media.dtls.role for media in parsed.media if media.dtls} == {"server"}
    assert "a=ice-lite" in made.sdp
    assert made.sdp.count("a=candidate:") == 2
    assert [taken.media.mid for taken in made.tracks] == ["0", "1"]
    assert made.congestion == "transport-cc"
    assert made.header_ids.transport_cc == 3


def test_the_first_codec_that_everybody_lists_is_taken() -> None:
    def video(*others: set[str]) -> str:
        lists = [{"video": frozenset(names)} for names in others]
        made = answer_publisher(description.read(offer("chromium_audio_video")), LOCAL, PayloadTypes(), lists)
        return made.tracks[1].codecs[0].name

    assert video() == "VP8"
    assert video({"vp8", "h264"}, {"vp9", "h264", "rtx"}) == "H264"
    assert video({"vp9"}, {"h264"}) == "VP8"  # nothing fits all
    text = offer("chromium_audio_video")
    assert {"opus", "red"} <= listed_in(description.read(text))["audio"]


def test_only_header_extensions_that_are_understood_are_taken() -> None:
    video = SessionDescription.parse(answer(offer("chromium_audio_video")).sdp).media[1]
    uris = {extension.uri for extension in video.rtp.headerExtensions}
    assert uris <= extensions.UNDERSTOOD
    assert extensions.TRANSPORT_CC in uris


def test_what_is_not_sent_is_answered_as_inactive_and_published_by_nobody() -> None:
    made = answer(offer("chromium_receive_only"))
    assert made.tracks == []
    assert {media.direction for media in SessionDescription.parse(made.sdp).media} == {"inactive"}


def test_an_offer_without_a_bundle_is_answered_without_one() -> None:
    made = answer(offer("chromium_audio_video").replace("a=group:BUNDLE 0 1\r\n", ""))
    assert "BUNDLE" not in made.sdp
    assert [taken.media.kind for taken in made.tracks] == ["audio"]
    assert [media.port for media in SessionDescription.parse(made.sdp).media] == [9, 0]


def test_data_channels_are_answered_beside_media_and_alone() -> None:
    made = answer(offer("chromium_data_channel"))
    assert (made.tracks, made.sctp_port) == ([], 5000)
    (data,) = SessionDescription.parse(made.sdp).media
    assert (data.kind, data.port, data.sctp_port) == ("application", 9, 5000)
    assert answer(offer("chromium_everything")).sctp_port == 5000
    assert answer(offer("chromium_audio_video")).sctp_port is None


def test_the_layers_of_a_camera_are_taken_as_they_are_offered() -> None:
    made = answer(offer("chromium_simulcast"))
    assert made.tracks[-1].rids == ("q", "h", "f")
    lines = made.sdp.split("\r\n")
    assert [line for line in lines if "rid:" in line or "simulcast" in line] == [
        *("a=rid:q recv", "a=rid:h recv", "a=rid:f recv"),
        "a=simulcast:recv q;h;f",
    ]


@pytest.mark.parametrize(
    "change",
    [
        ("a=simulcast:send q;h;f", "a=simulcast:send q;h;x"),  # not declared
        ("a=simulcast:send q;h;f", "a=simulcast:send q;q;f"),
        ("a=simulcast:send q;h;f", "a=simulcast:recv q;h;f"),
        ("a=simulcast:send q;h;f", "a=simulcast:send " + ";".join("abcdefgh")),
    ],
)
def test_layers_that_make_no_sense_are_one_picture(change: tuple[str, str]) -> None:
    text = offer("chromium_simulcast")
    assert change[0] in text
    assert "simulcast" not in answer(text.replace(*change)).sdp


def test_red_is_taken_where_the_client_prefers_it() -> None:
    text = offer("chromium_audio_video").replace(" 111 63 ", " 63 111 ")
    made = answer(text)
    audio = SessionDescription.parse(made.sdp).media[0]
    assert [codec.mimeType for codec in audio.rtp.codecs] == ["audio/red", "audio/opus"]
    assert set(made.tracks[0].formats) == {63, 111}


def test_red_is_left_out_where_its_codec_has_another_number_for_subscribers() -> None:
    types = PayloadTypes()
    answer(offer("aiortc_everything"), types)
    types._used.add(111)
    made = answer(offer("chromium_audio_video").replace(" 111 63 ", " 63 111 "), types)
    assert set(made.tracks[0].formats) == {111}


def test_an_offer_without_a_known_codec_is_refused() -> None:
    text = offer("chromium_audio_only").replace(" opus/", " speex/").replace(" G722/", " G999/")
    text = text.replace(" PCMU/", " X1/").replace(" PCMA/", " X2/")
    with pytest.raises(NoCommonCodec):
        answer(text)


def test_a_client_that_insists_on_being_the_server_is_refused() -> None:
    with pytest.raises(NotAccepted):
        answer(offer("chromium_audio_only").replace("a=setup:actpass", "a=setup:passive"))


def test_more_tracks_than_anybody_needs_are_refused() -> None:
    head, first = offer("chromium_audio_only").split("m=audio", 1)
    mids = " ".join(str(number) for number in range(MAX_TRACKS + 1))
    text = head.replace("a=group:BUNDLE 0", f"a=group:BUNDLE {mids}")
    for number in range(MAX_TRACKS + 1):
        text += "m=audio" + first.replace("a=mid:0", f"a=mid:{number}")
    with pytest.raises(NotAccepted, match="17 tracks"):
        answer(text)


def test_two_publishers_with_the_same_codec_share_a_payload_type_and_others_do_not() -> None:
    types = PayloadTypes()
    first = answer(offer("chromium_audio_video"), types).tracks[1]
    second = answer(offer("chromium_audio_video").replace(" 96 ", " 125 ").replace(":96 ", ":125 "), types).tracks[1]
    assert next(iter(second.formats)) == 125
    assert second.formats[125].outgoing == first.formats[96].outgoing == 96
    other = answer(offer("aiortc_everything"), types)
    outgoing = [format_.outgoing for taken in other.tracks for format_ in taken.formats.values()]
    assert len(set(outgoing)) == len(outgoing)


def slots() -> list[Slot]:
    taken = answer(offer("chromium_audio_video")).tracks
    made = []
    for number, one in enumerate(taken):
        slot = Slot(str(number), one.media.kind, one.subscriber_codecs, track_id=f"t{number}", stream_id="anna")
        slot.ssrc, slot.repair_ssrc, slot.cname = 10 + number, 20 + number, "anna"
        if one.media.kind == "video":
            slot.repair = 97
        made.append(slot)
    return made


def test_a_subscriber_is_offered_every_track_with_its_numbers() -> None:
    parsed = SessionDescription.parse(offer_subscriber(slots(), LOCAL))
    audio, video = parsed.media
    assert [media.direction for media in parsed.media] == ["sendonly", "sendonly"]
    assert [media.msid for media in parsed.media] == ["anna t0", "anna t1"]
    assert [info.ssrc for info in audio.ssrc] == [10]
    assert [info.ssrc for info in video.ssrc] == [11, 21]
    assert str(video.ssrc_group[0]) == "FID 11 21"
    assert [codec.mimeType for codec in video.rtp.codecs] == ["video/VP8", "video/rtx"]


def test_a_free_m_line_is_inactive_and_names_nobody() -> None:
    made = slots()
    made[1].free()
    video = SessionDescription.parse(offer_subscriber(made, LOCAL)).media[1]
    assert (video.direction, video.msid, video.ssrc) == ("inactive", None, [])


def subscriber_answer() -> str:
    text = offer_subscriber(slots(), LOCAL).replace("a=sendonly", "a=recvonly")
    return text.replace("a=setup:actpass", "a=setup:active")


def test_an_answer_tells_what_is_received_and_how_it_is_mended() -> None:
    read = read_subscriber_answer(description.read(subscriber_answer()), slots())
    assert (read.by_mid["0"].receives, read.by_mid["0"].rtx) == (True, False)
    assert (read.by_mid["1"].receives, read.by_mid["1"].nack, read.by_mid["1"].rtx) == (True, True, True)


def test_a_track_whose_codec_is_not_taken_is_not_received() -> None:
    text = subscriber_answer().replace(" 96 97\r\n", " 97\r\n").replace("a=rtpmap:96 VP8/90000\r\n", "")
    text = "\r\n".join(line for line in text.split("\r\n") if not line.startswith(("a=rtcp-fb:96", "a=fmtp:96")))
    assert not read_subscriber_answer(description.read(text), slots()).by_mid["1"].receives


def test_an_answer_to_another_offer_is_refused() -> None:
    with pytest.raises(BadSdp, match="not those of the offer"):
        read_subscriber_answer(description.read(subscriber_answer()), slots()[:1])
    text = subscriber_answer().replace("a=mid:1", "a=mid:9").replace("BUNDLE 0 1", "BUNDLE 0 9")
    other = description.read(text)
    with pytest.raises(BadSdp, match="not those of the offer"):
        read_subscriber_answer(other, slots())
