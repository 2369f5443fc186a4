"""What every media server does, as a client sees it over REST: the mock's tests, and a real worker's.

A client's side is played by SDP alone; no packet moves.
"""

import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

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
from tests.support.people import Call, Person, ok
from tests.support.waiting import eventually

WAIT_S = 5  # of a poll; it is answered as soon as there is something
POLLS = 12

BOTH = OFFERS["chromium_audio_video"]
BUNDLED = SESSION + "a=group:BUNDLE 0 1\r\n" + TRANSPORT


class Client:
    """The guest's side of the connection that she publishes on."""

    def __init__(self, call: Call, sfu: str) -> None:
        self.call, self.sfu = call, sfu
        self.negotiation = 0

    def send(self, type_: str, payload: dict[str, Any]) -> TestResponse:
        return self.call.send({"to": self.sfu, "type": type_, "payload": payload})

    def offer(self, sdp: str, **payload: Any) -> dict[str, Any]:
        """Publish by this offer. Returns the answer's payload, or that of the `rtc.error`."""
        self.negotiation += 1
        about = {"connection": "publish", "negotiation": self.negotiation}
        ok(self.send("rtc.offer", {**about, "sdp": sdp, **payload}), 201)
        message = awaited(self.call.guest, self.call.guests, "rtc.answer", "rtc.error")
        assert message["from"]["participant_id"] == self.sfu
        reply: dict[str, Any] = message["payload"]
        assert {name: reply.get(name) for name in about} == about
        assert ("sdp" in reply) == (message["type"] == "rtc.answer")
        return reply

    def answer_to(self, sdp: str, **payload: Any) -> str:
        reply = self.offer(sdp, **payload)
        assert "sdp" in reply, reply
        return str(reply["sdp"])

    def refusal_of(self, sdp: str) -> str:
        reply = self.offer(sdp)
        assert reply["detail"]
        return str(reply["code"])

    def tracks(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = ok(self.call.owner.get(f"/meetings/{self.call.meeting['id']}/rtc/tracks"))[
            "items"
        ]
        return [one for one in listed if one["participant_id"] == self.call.guests["id"]]

    def publishes(self, *sources: str) -> list[dict[str, Any]]:
        """The guest's tracks, as soon as they are these."""
        eventually(lambda: [one["source"] for one in self.tracks()] == [*sources], f"tracks to be {sources}")
        return self.tracks()

    def told(self, count: int) -> list[tuple[str, str]]:
        """What the owner is told of tracks: so many pieces of news."""
        news = [awaited(self.call.owner, self.call.owners, "rtc.track")["payload"] for _ in range(count)]
        return [(one["action"], one["track"]["source"]) for one in news]


def awaited(person: Person, participant: dict[str, Any], *types: str) -> dict[str, Any]:
    """The next message of one of these types; it and what came before it are acknowledged."""
    for _ in range(POLLS):
        for message in person.poll(participant, wait=WAIT_S)["messages"]:
            ok(person.post("/rtc/ack", {"participant_id": participant["id"], "up_to": message["seq"]}))
            if message["type"] in types:
                found: dict[str, Any] = message
                return found
    raise AssertionError(f"none of {types} came")


class SfuSuite:
    """Whoever runs it gives `call`: Anna's meeting with Ben, who publishes, in a mode with a media server."""

    @pytest.fixture
    def client(self, call: Call) -> Client:
        def sfu() -> str | None:
            found: str | None = ok(call.owner.get(f"/meetings/{call.meeting['id']}/rtc/config"))["sfu_participant_id"]
            return found

        return Client(call, str(eventually(sfu, "a media server to be there")))

    # Offers and answers

    def test_what_real_peers_offer_is_answered_so_that_it_fits(self, client: Client) -> None:
        for name, offer in OFFERS.items():
            answer = client.answer_to(offer)
            mids = {one["mid"] for one in client.tracks()}
            live = {values(lines, "mid")[0] for lines in sections(answer)[1:] if direction_or_none(lines) == "recvonly"}
            eventually(
                lambda live=live: {one["mid"] for one in client.tracks()} == live, f"{name}: {mids} to become {live}"
            )
            assert_answers(offer, answer, live)

    def test_a_repeated_offer_is_answered_once(self, client: Client) -> None:
        payload = {"connection": "publish", "negotiation": 0, "sdp": BOTH}
        message = {"to": client.sfu, "type": "rtc.offer", "payload": payload, "client_ref": "ref"}
        for _ in range(2):
            ok(client.call.send(message), 201)
        first = awaited(client.call.guest, client.call.guests, "rtc.answer")
        assert first["payload"]["negotiation"] == 0
        client.answer_to(BOTH)  # which looks for its own number

    def test_an_old_clients_offer_names_no_connection(self, client: Client) -> None:
        ok(client.send("rtc.offer", {"sdp": BOTH}), 201)
        answer = awaited(client.call.guest, client.call.guests, "rtc.answer")["payload"]
        assert answer["connection"] == "publish"
        client.publishes("microphone", "camera")

    def test_what_it_offers_itself_is_offered_by_nobody_else(self, client: Client) -> None:
        ok(client.send("rtc.offer", {"connection": "subscribe", "negotiation": 99, "sdp": BOTH}), 201)
        client.answer_to(BOTH)
        assert len(client.publishes("microphone", "camera")) == 2

    def test_it_takes_ice_lite_and_the_servers_part_in_dtls(self, client: Client) -> None:
        answer = client.answer_to(BUNDLED + AUDIO + VIDEO)
        assert "a=ice-lite" in answer
        assert [direction(lines) for lines in sections(answer)[1:]] == ["recvonly", "recvonly"]

    def test_new_credentials_are_an_ice_restart_and_nothing_else_is(self, client: Client) -> None:
        offer = BUNDLED + AUDIO
        first = client.answer_to(offer)
        renegotiated = client.answer_to((offer + VIDEO).replace("o=- 1 2 ", "o=- 1 3 "))
        restarted = client.answer_to(
            (offer + VIDEO).replace("ufrag:abcd", "ufrag:efgh").replace("o=- 1 2 ", "o=- 1 4 ")
        )
        assert ice(renegotiated) == ice(first)
        assert ice(restarted)[0] != ice(first)[0]
        assert ice(restarted)[1] != ice(first)[1]
        assert fingerprint(first) == fingerprint(renegotiated) == fingerprint(restarted)
        origins = [sections(sdp)[0][1].split() for sdp in (first, renegotiated, restarted)]
        assert len({origin[1] for origin in origins}) == 1
        versions = [int(origin[2]) for origin in origins]
        assert versions == sorted(set(versions))

    def test_another_certificate_is_another_connection_with_the_same_tracks_in_it(self, client: Client) -> None:
        first = client.answer_to(BUNDLED + AUDIO + VIDEO)
        second = client.answer_to((BUNDLED + AUDIO + VIDEO).replace(":00:11:", ":22:33:").replace("abcd", "efgh"))
        assert ice(first) != ice(second)
        client.publishes("microphone", "camera")

    # What it does not take

    def test_an_m_line_without_a_codec_that_is_forwarded_is_refused_and_the_others_are_not(
        self, client: Client
    ) -> None:
        answer = client.answer_to(BUNDLED + AUDIO.replace("opus/48000/2", "speex/16000") + VIDEO)
        session, audio, video = sections(answer)
        assert audio[0] == "m=audio 0 UDP/TLS/RTP/SAVPF 111"
        assert video[0].startswith("m=video 9 ")
        assert values(session, "group") == ["BUNDLE 1"]
        client.publishes("camera")

    def test_media_that_would_need_a_transport_of_its_own_is_refused(self, client: Client) -> None:
        answer = client.answer_to(SESSION + TRANSPORT + AUDIO + VIDEO)
        assert "BUNDLE" not in answer
        assert "m=video 0 UDP/TLS/RTP/SAVPF 96" in answer
        client.publishes("microphone")

    @pytest.mark.parametrize(
        ("offer", "code"),
        [
            ("v=0\r\nnonsense", "bad_sdp"),
            (SESSION, "bad_sdp"),
            (BUNDLED + AUDIO + AUDIO, "bad_sdp"),
            (SESSION + AUDIO, "bad_sdp"),
            (BUNDLED + AUDIO.replace("a=mid:0", "a=mid:a b"), "bad_sdp"),
            (BUNDLED + AUDIO.replace("opus/48000/2", "speex/16000"), "no_common_codec"),
            (BUNDLED.replace("actpass", "passive") + AUDIO, "not_accepted"),
            ((BUNDLED + AUDIO).replace("a=rtcp-mux\r\n", ""), "not_accepted"),
            (
                BUNDLED.replace("0 1", " ".join(map(str, range(17))))
                + "".join(AUDIO.replace("mid:0", f"mid:{n}") for n in range(17)),
                "not_accepted",
            ),
        ],
        ids=[
            "no SDP",
            "no m-line",
            "a mid twice",
            "no transport",
            "a bad mid",
            "no codec",
            "two DTLS servers",
            "a port for RTCP",
            "too many tracks",
        ],
    )
    def test_an_offer_that_cannot_be_answered_says_why_and_harms_nothing(
        self, client: Client, offer: str, code: str
    ) -> None:
        client.answer_to(BUNDLED + AUDIO)
        [before] = client.publishes("microphone")
        assert client.refusal_of(offer) == code
        client.answer_to((BUNDLED + AUDIO + VIDEO).replace("o=- 1 2 ", "o=- 1 3 "))
        assert client.publishes("microphone", "camera")[0] == before

    # Tracks

    def test_published_tracks_are_told_to_the_others_and_listed(self, client: Client) -> None:
        client.answer_to(BOTH)
        assert client.told(2) == [("published", "microphone"), ("published", "camera")]
        tracks = client.publishes("microphone", "camera")
        assert [(one["mid"], one["kind"]) for one in tracks] == [("0", "audio"), ("1", "video")]

    def test_whoever_only_receives_publishes_nothing(self, client: Client) -> None:
        answer = client.answer_to(OFFERS["chromium_receive_only"])
        assert {direction(lines) for lines in sections(answer)[1:]} == {"inactive"}
        client.answer_to(BOTH)
        assert client.told(1) == [("published", "microphone")]

    def test_a_client_says_what_its_tracks_show(self, client: Client) -> None:
        client.answer_to(BOTH, tracks=[{"mid": "1", "source": "screen"}, {"mid": "9"}, "?"])
        client.publishes("microphone", "screen")

    def test_negotiating_again_publishes_nothing_twice_and_takes_away_what_ended(self, client: Client) -> None:
        client.answer_to(BUNDLED + AUDIO + VIDEO)
        before = client.publishes("microphone", "camera")
        client.answer_to((BUNDLED + AUDIO + VIDEO).replace("o=- 1 2 ", "o=- 1 3 "))
        client.answer_to((BUNDLED + AUDIO + VIDEO).replace("o=- 1 2 ", "o=- 1 4 ") + "a=inactive\r\n")
        [left] = client.publishes("microphone")
        assert left == before[0]
        assert client.told(3) == [("published", "microphone"), ("published", "camera"), ("unpublished", "camera")]

    def test_tracks_go_with_their_participant(self, client: Client) -> None:
        client.answer_to(BOTH)
        client.publishes("microphone", "camera")
        ok(client.call.guest.post(f"/participants/{client.call.guests['id']}/leave"))
        client.publishes()
        assert [action for action, _ in client.told(4)] == ["published"] * 2 + ["unpublished"] * 2

    def test_tracks_go_with_a_device_that_is_replaced_and_come_with_the_new_one(self, client: Client) -> None:
        client.answer_to(BOTH)
        client.publishes("microphone", "camera")
        client.call.guest.join(client.call.meeting, replaces=client.call.guests["id"])
        client.publishes()
        client.answer_to(BOTH)
        client.publishes("microphone", "camera")

    # What else is said to it

    def test_candidates_restarts_and_wishes_are_taken_and_never_fill_its_inbox(self, client: Client) -> None:
        said = [
            ("rtc.candidate", {"connection": "publish", "candidate": None}),
            ("rtc.restart", {"connection": "publish"}),
            ("rtc.subscribe", {"tracks": {"unknown": {"paused": True}}}),
        ]
        messages = [{"to": client.sfu, "type": type_, "payload": payload} for type_, payload in said]
        for _ in range(12):
            ok(client.call.send(*messages * 16), 201)
        client.answer_to(BOTH)

    def test_it_is_a_participant_like_others_that_nobody_removes(self, client: Client) -> None:
        everybody = ok(client.call.owner.get(f"/meetings/{client.call.meeting['id']}/participants"))["items"]
        [server] = [one for one in everybody if one["kind"] == "sfu"]
        assert (server["id"], server["state"], server["user_id"]) == (client.sfu, "joined", None)
        assert client.call.owner.post(f"/participants/{client.sfu}/remove").status_code == 403


def direction_or_none(lines: list[str]) -> str | None:
    return None if re.match(r"m=\S+ 0 |m=application", lines[0]) else direction(lines)
