"""WHIP and WHEP over HTTP (RFC 9725, draft-ietf-wish-whep), with the media server that the application plays, and with
a worker that answers what a test tells it to.
"""

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from werkzeug.test import TestResponse

from app.accounts import service as accounts
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.processes import ProcessBeat
from app.core.settings import Settings
from app.media import tasks as media_tasks
from app.media import whip, workers
from app.media.models import MediaWorker
from app.participants import tasks as participant_tasks
from tests.media.rest_worker import RestWorker
from tests.support.people import Call, Person, ok, problem, start_call, types_of

OFFERS = Path(__file__).parent.parent / "data" / "sdp"
SDP, FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"
App = ParleyApp
ORIGIN = "https://studio.example.org"


def offer_of(direction: str) -> str:
    [path] = OFFERS.glob("*audio*video*.sdp")
    return re.sub("a=(sendrecv|sendonly|recvonly)\r?\n", f"a={direction}\r\n", path.read_bytes().decode())


OFFER, WISH = offer_of("sendonly"), offer_of("recvonly")
NEW_CREDENTIALS = "a=ice-ufrag:AAAA\r\na=ice-pwd:BBBBBBBBBBBBBBBBBBBBBBBB\r\n"


def fragment_of(sdp: str, *candidates: str) -> str:
    ufrag, password = (re.search(f"a={name}:(.*?)\r?\n", sdp)[1] for name in ("ice-ufrag", "ice-pwd"))  # type: ignore[index]
    lines = [f"a=ice-ufrag:{ufrag}", f"a=ice-pwd:{password}", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0"]
    return "\r\n".join([*lines, *(f"a=candidate:{one}" for one in candidates), "a=end-of-candidates"]) + "\r\n"


def publish(
    person: Person, meeting: dict[str, Any], body: str = OFFER, kind: str = "whip", **more: Any
) -> TestResponse:
    return person.post(f"/meetings/{meeting['id']}/{kind}", data=body, content_type=SDP, **more)


def play(person: Person, meeting: dict[str, Any], body: str = WISH, **query: str) -> TestResponse:
    return publish(person, meeting, body, "whep", query_string=query)


def patch(person: Person, session: str, body: str, match: str | None = '"1"', type_: str = FRAGMENT) -> TestResponse:
    headers = {} if match is None else {"If-Match": match}
    return person.request("PATCH", session, data=body, content_type=type_, headers=headers)


def path_of(created: TestResponse) -> str:
    """Of the session, as `Person` asks for it."""
    assert created.status_code == 201, created.get_data(as_text=True)
    return created.headers["Location"].removeprefix("/api/v1")


def id_of(created: TestResponse) -> str:
    return path_of(created).split("/")[2]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"cors_origins": (ORIGIN,), "whip_answer_s": 60})


def change(app: App, **settings: Any) -> None:
    app.runtime.settings = app.runtime.settings.model_copy(update=settings)


@pytest.fixture
def call(anna: Person, ben: Person) -> Call:
    return start_call(anna, ben, media_mode="mock")


@pytest.fixture
def placed(anna: Person, ben: Person, worker: Callable[..., RestWorker]) -> tuple[Call, RestWorker, dict[str, Any]]:
    """A call on a worker, and its placement."""
    host = worker()
    call = start_call(anna, ben, media_mode="sfu")
    host.poll()
    return call, host, host.placements()[0]


class Answering:
    """A worker that answers in a thread of its own, as `reply` says, while a request waits for it."""

    def __init__(self, host: RestWorker, placement: dict[str, Any], reply: Callable[[dict[str, Any]], Any]) -> None:
        self._host, self._placement, self._reply = host, placement, reply
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.seen: list[dict[str, Any]] = []

    def __enter__(self) -> "Answering":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(0.01):
            for message in self._host.poll():
                self.seen.append(message)
                if message["type"] == "rtc.offer":
                    type_, payload = self._reply(message["payload"])
                    about = {name: message["payload"][name] for name in ("connection", "negotiation")}
                    to = message["from"]["participant_id"]
                    ok(self._host.signal(self._placement, {"to": to, "type": type_, "payload": about | payload}), 201)


ANSWER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=group:BUNDLE 0\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:serv\r\na=ice-pwd:" + "s" * 24 + "\r\n"
    "a=candidate:1 1 udp 2130706431 192.0.2.9 5000 typ host\r\na=end-of-candidates\r\n"
)


def answered(_: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "rtc.answer", {"sdp": ANSWER}


# To begin -----------------------------------------------------------------------------------------------------------


def test_an_encoder_publishes_with_one_request(call: Call) -> None:
    created = publish(call.guest, call.meeting)
    assert created.status_code == 201
    assert created.mimetype == SDP
    assert created.headers["ETag"] == '"1"'
    assert created.get_data(as_text=True).count("a=recvonly") == 2
    tracks = ok(call.owner.get(f"/meetings/{call.meeting['id']}/rtc/tracks"))["items"]
    assert [(one["participant_id"], one["source"]) for one in tracks] == [
        (id_of(created), "microphone"),
        (id_of(created), "camera"),
    ]
    encoder = ok(call.guest.get(f"/participants/{id_of(created)}"))
    assert (encoder["state"], encoder["muted"], encoder["camera"]) == ("joined", False, True)
    assert encoder["user_id"] == call.guest.user_id
    told = call.owner.poll(call.owners)["messages"]
    assert [one["type"] for one in told][:2] == ["participant.joined", "participant.updated"]


def test_a_player_plays_with_one_request_and_publishes_nothing(call: Call) -> None:
    created = play(call.guest, call.meeting)
    assert path_of(created).endswith("/whep")
    assert created.get_data(as_text=True).count("a=sendonly") == 2
    assert ok(call.owner.get(f"/meetings/{call.meeting['id']}/rtc/tracks"))["items"] == []


def test_one_person_may_have_several_encoders(call: Call) -> None:
    assert len({id_of(publish(call.guest, call.meeting)) for _ in range(3)}) == 3


def test_who_is_only_invited_says_yes_by_it(call: Call, cleo: Person) -> None:
    [invitation] = call.owner.invite(call.meeting, cleo)
    path_of(publish(cleo, call.meeting))
    assert ok(cleo.get(f"/invitations/{invitation['id']}"))["status"] == "accepted"


def test_a_service_that_is_invited_publishes_with_its_key(app: App, call: Call) -> None:
    with app.runtime.writing() as work:
        user = accounts.create(work, email="studio@example.org", display_name="Studio", role="service", password=None)
        work.flush()
        tokens = {"access_token": accounts.add_service_key(work, user), "user": {"id": user.id}}
    studio = Person(app, "Studio", "studio@example.org", tokens)
    call.owner.invite(call.meeting, studio)
    session = path_of(publish(studio, call.meeting))
    ok(studio.get(session), 204)


def test_a_repeat_with_the_same_key_begins_no_second_session(call: Call) -> None:
    first, second = (publish(call.guest, call.meeting, headers={"Idempotency-Key": "obs-1"}) for _ in range(2))
    assert second.headers["Location"] == first.headers["Location"]
    assert second.get_data() == first.get_data()


def test_ice_servers_come_as_links(app: App, call: Call) -> None:
    """RFC 9725 §4.6."""
    change(
        app,
        stun_urls=("stun:stun.example.org",),
        turn_urls=("turn:a.example.org?transport=udp", "turns:b.example.org"),
        turn_secret=SecretStr("x" * 16),
    )
    stun, *turn = publish(call.guest, call.meeting).headers.getlist("Link")
    assert stun == '<stun:stun.example.org>; rel="ice-server"'
    assert [one.split(">")[0] for one in turn] == ["<turn:a.example.org?transport=udp", "<turns:b.example.org"]
    for link in turn:
        assert re.search('; rel="ice-server"; username="[^"]+"; credential="[^"]+"; credential-type="password"$', link)


@pytest.mark.parametrize("kind", ["whip", "whep"])
def test_options_tell_what_is_taken_and_need_no_token(app: App, call: Call, kind: str) -> None:
    session = path_of(publish(call.guest, call.meeting) if kind == "whip" else play(call.guest, call.meeting))
    endpoint = app.test_client().options(f"/api/v1/meetings/{call.meeting['id']}/{kind}")
    assert (endpoint.status_code, endpoint.headers["Accept-Post"]) == (200, SDP)
    assert "POST" in endpoint.headers["Allow"]
    there = app.test_client().options(f"/api/v1{session}")
    assert (there.status_code, there.headers["Accept-Patch"]) == (200, FRAGMENT)
    assert {"PATCH", "DELETE"} <= {method.strip() for method in there.headers["Allow"].split(",")}


def test_a_page_of_another_origin_may_publish(app: App) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,content-type,if-match",
    }
    path = "/api/v1/participants/01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f/whip"
    allowed = app.test_client().options(path, headers=asked).headers
    assert allowed["Access-Control-Allow-Origin"] == ORIGIN
    assert {"PATCH", "DELETE"} <= set(allowed["Access-Control-Allow-Methods"].split(", "))
    assert "if-match" in allowed["Access-Control-Allow-Headers"].lower()
    shown = app.test_client().get(path, headers={"Origin": ORIGIN}).headers
    assert {"ETag", "Link", "Location", "Retry-After"} <= set(shown["Access-Control-Expose-Headers"].split(", "))


def test_there_is_nothing_to_read_and_nothing_else_to_do(call: Call) -> None:
    """RFC 9725 §4.1: GET is answered without content; §4.2: what is not defined is 405."""
    session = path_of(publish(call.guest, call.meeting))
    for path in (f"/meetings/{call.meeting['id']}/whip", f"/meetings/{call.meeting['id']}/whep", session):
        read = call.guest.get(path)
        assert (read.status_code, read.get_data()) == (204, b"")
        refused = call.guest.request("PUT", path)
        problem(refused, 405, "method_not_allowed")
        assert refused.headers["Allow"]


# What can't be done -------------------------------------------------------------------------------------------------


def test_another_type_of_body_is_refused(call: Call) -> None:
    body = {"sdp": OFFER}
    problem(call.guest.post(f"/meetings/{call.meeting['id']}/whip", body), 415, "unsupported_media_type")
    session = path_of(publish(call.guest, call.meeting))
    problem(patch(call.guest, session, fragment_of(OFFER), type_=SDP), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 422, "unanswerable_offer"),
        ("v=0\r\nnonsense", 422, "unanswerable_offer"),
        (WISH, 422, "unanswerable_offer"),  # nothing flows this way
        (b"v=0\xff", 400, "bad_request"),
    ],
    ids=["empty", "no SDP", "recvonly", "no text"],
)
def test_an_offer_that_cannot_be_read_is_refused_and_nobody_comes(
    call: Call, body: Any, status: int, code: str
) -> None:
    problem(publish(call.guest, call.meeting, body), status, code)
    assert types_of(call.owner.poll(call.owners)) == []


def test_a_player_has_to_want_something(call: Call) -> None:
    problem(play(call.guest, call.meeting, OFFER), 422, "unanswerable_offer")


def test_an_offer_that_is_too_long_is_refused(call: Call) -> None:
    problem(publish(call.guest, call.meeting, OFFER + "a=x:" + "y" * 70_000 + "\r\n"), 413, "payload_too_large")


def test_a_meeting_that_is_not_live_takes_none(anna: Person) -> None:
    meeting = anna.create_meeting(media_mode="mock", starts_at="2026-11-20T10:05:00Z")
    early = publish(anna, meeting)
    problem(early, 409, "meeting_state_conflict")
    assert int(early.headers["Retry-After"]) > 0
    ok(anna.post(f"/meetings/{meeting['id']}/start"))
    path_of(publish(anna, meeting))
    ok(anna.post(f"/meetings/{meeting['id']}/end"))
    problem(publish(anna, meeting), 409, "meeting_ended")


def test_a_meeting_without_a_media_server_takes_none(anna: Person, ben: Person) -> None:
    call = start_call(anna, ben, media_mode="p2p")
    problem(publish(anna, call.meeting), 409, "no_media_server")
    problem(play(anna, call.meeting), 409, "no_media_server")


def test_an_end_to_end_encrypted_meeting_takes_none(anna: Person, ben: Person) -> None:
    call = start_call(anna, ben, media_mode="mock", e2ee=True)
    problem(publish(anna, call.meeting), 409, "end_to_end_encrypted")


def test_who_has_to_be_admitted_comes_by_no_encoder(anna: Person, ben: Person, cleo: Person) -> None:
    call = start_call(anna, ben, media_mode="mock", lobby="off")
    ok(anna.patch(f"/meetings/{call.meeting['id']}", {"lobby": "everyone"}, call.meeting["version"]))
    [invitation] = anna.invite(call.meeting, cleo)
    cleo.accept(invitation)
    problem(publish(cleo, call.meeting), 403, "must_be_admitted")
    assert len(ok(anna.get(f"/meetings/{call.meeting['id']}/participants", state="waiting"))["items"]) == 0


def test_a_stranger_learns_nothing(call: Call, cleo: Person) -> None:
    problem(publish(cleo, call.meeting), 404, "not_found")
    session = path_of(publish(call.guest, call.meeting))
    problem(cleo.delete(session), 404, "not_found")
    problem(call.owner.delete(session), 403, "forbidden")


def test_only_who_is_there_can_be_played(call: Call) -> None:
    path_of(play(call.owner, call.meeting, participant_id=call.guests["id"]))
    ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
    problem(play(call.owner, call.meeting, participant_id=call.guests["id"]), 422, "validation_failed")


def test_more_than_may_begin_at_once_are_asked_to_come_again(app: App, call: Call) -> None:
    starts: whip.Starts = app.runtime.drivers[whip.Starts]
    places = [starts.one() for _ in range(app.runtime.settings.whip_starts_in_use)]
    for place in places:
        place.__enter__()
    refused = publish(call.guest, call.meeting)
    problem(refused, 503, "unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    for place in places:
        place.__exit__(None, None, None)
    path_of(publish(call.guest, call.meeting))


# The session --------------------------------------------------------------------------------------------------------


def test_candidates_are_taken_for_the_ice_session_that_they_are_of(call: Call) -> None:
    """RFC 9725 §4.3: 204 without an ETag; 428 without `If-Match`, 412 with another."""
    session = path_of(publish(call.guest, call.meeting))
    fragment = fragment_of(OFFER, "1 1 udp 2122260223 192.0.2.1 61764 typ host", "2 1 udp 1 198.51.100.1 6 typ host")
    for match in ('"1"', '"7", "1"', "*", '"*"'):
        taken = patch(call.guest, session, fragment, match)
        assert (taken.status_code, taken.get_data(), taken.headers.get("ETag")) == (204, b"", None)
    problem(patch(call.guest, session, fragment, None), 428, "precondition_required")
    for match in ('"2"', '"x"', 'W/"1"'):
        problem(patch(call.guest, session, fragment, match), 412, "version_mismatch")


@pytest.mark.parametrize("fragment", ["", "nonsense", "a=ice-ufrag:AAAA\r\n", "a=ice-ufrag:?\r\na=ice-pwd:?\r\n"])
def test_what_is_no_fragment_is_refused(call: Call, fragment: str) -> None:
    session = path_of(publish(call.guest, call.meeting))
    problem(patch(call.guest, session, fragment), 400, "bad_request")


@pytest.mark.parametrize("kind", ["whip", "whep"])
def test_new_credentials_restart_ice(call: Call, kind: str) -> None:
    created = publish(call.guest, call.meeting) if kind == "whip" else play(call.guest, call.meeting)
    session = path_of(created)
    restarted = patch(call.guest, session, NEW_CREDENTIALS, "*")
    assert (restarted.status_code, restarted.mimetype, restarted.headers["ETag"]) == (200, FRAGMENT, '"2"')
    fragment = restarted.get_data(as_text=True)
    before = re.search("a=ice-ufrag:(.*?)\r", created.get_data(as_text=True))
    now = re.search("a=ice-ufrag:(.*?)\r", fragment)
    assert before is not None
    assert now is not None
    assert before[1] != now[1]
    assert "a=ice-pwd:" in fragment
    assert fragment.endswith("a=end-of-candidates\r\n")
    # What comes late for the former ICE session is told apart from what is of the new one.
    problem(patch(call.guest, session, fragment_of(OFFER), '"1"'), 412, "version_mismatch")
    assert patch(call.guest, session, NEW_CREDENTIALS, '"2"').status_code == 204


def test_deleting_it_ends_it(call: Call) -> None:
    created = publish(call.guest, call.meeting)
    ended = call.guest.delete(path_of(created))
    assert (ended.status_code, ended.get_data()) == (200, b"")
    assert ok(call.guest.get(f"/participants/{id_of(created)}"))["left_reason"] == "left"
    assert ok(call.owner.get(f"/meetings/{call.meeting['id']}/rtc/tracks"))["items"] == []
    for again in (call.guest.delete(path_of(created)), patch(call.guest, path_of(created), NEW_CREDENTIALS, "*")):
        problem(again, 404, "not_found")


def test_another_participant_is_no_session(call: Call) -> None:
    problem(call.guest.delete(f"/participants/{call.guests['id']}/whip"), 409, "participant_state_conflict")
    session = path_of(publish(call.guest, call.meeting))
    problem(call.guest.delete(session.replace("whip", "whep")), 409, "participant_state_conflict")


def test_a_host_removes_it_like_anybody(call: Call) -> None:
    created = publish(call.guest, call.meeting)
    ok(call.owner.post(f"/participants/{id_of(created)}/remove"))
    problem(call.guest.get(path_of(created)), 404, "not_found")


def test_a_client_that_takes_its_place_polls_for_itself(app: App, call: Call, clock: ManualClock) -> None:
    created = publish(call.guest, call.meeting)
    call.guest.join(call.meeting, replaces=id_of(created))
    problem(call.guest.get(path_of(created)), 409, "participant_state_conflict")


# On a worker --------------------------------------------------------------------------------------------------------


def test_the_offer_goes_to_the_worker_and_its_answer_comes_back(placed: Any) -> None:
    call, host, placement = placed
    with Answering(host, placement, answered) as worker:
        created = publish(call.guest, call.meeting)
        assert created.get_data(as_text=True) == ANSWER
        session = path_of(created)
        assert patch(call.guest, session, fragment_of(OFFER, "1 1 udp 1 192.0.2.1 6 typ host")).status_code == 204
        restarted = patch(call.guest, session, NEW_CREDENTIALS, "*")
        assert restarted.headers["ETag"] == '"2"'
        assert "a=candidate:1 1 udp 2130706431 192.0.2.9 5000 typ host\r\n" in restarted.get_data(as_text=True)
    told = [(one["type"], one["payload"]) for one in worker.seen if one["type"].startswith("rtc.")]
    assert [type_ for type_, _ in told] == ["rtc.offer", "rtc.candidate", "rtc.candidate", "rtc.offer"]
    assert told[0][1] == {"connection": "publish", "negotiation": 1, "sdp": OFFER}
    assert told[1][1]["candidate"] | {"usernameFragment": ""} == {
        "candidate": "candidate:1 1 udp 1 192.0.2.1 6 typ host",
        "sdpMid": "0",
        "usernameFragment": "",
    }
    assert told[2][1]["candidate"] is None
    assert told[3][1]["negotiation"] == 2
    again = told[3][1]["sdp"]
    assert again.count("a=ice-ufrag:AAAA\r\n") == OFFER.count("a=ice-ufrag:")
    assert re.findall("m=.*|a=fingerprint.*|a=rtpmap.*", again) == re.findall("m=.*|a=fingerprint.*|a=rtpmap.*", OFFER)
    assert "a=candidate" not in again


def test_a_player_says_whom_it_plays(placed: Any) -> None:
    call, host, placement = placed
    with Answering(host, placement, answered) as worker:
        path_of(play(call.guest, call.meeting, participant_id=call.owners["id"]))
    [offered] = [one["payload"] for one in worker.seen if one["type"] == "rtc.offer"]
    assert (offered["connection"], offered["participant_id"]) == ("play", call.owners["id"])


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [("no_common_codec", 406, "no_common_codec"), ("bad_sdp", 422, "unanswerable_offer")],
)
def test_what_the_worker_refuses_is_refused_and_nobody_stays(placed: Any, refusal: str, status: int, code: str) -> None:
    call, host, placement = placed
    with Answering(host, placement, lambda _: ("rtc.error", {"code": refusal, "detail": "Because."})):
        assert problem(publish(call.guest, call.meeting), status, code)["detail"] == "Because."
    there = ok(call.owner.get(f"/meetings/{call.meeting['id']}/participants", state="joined"))["items"]
    assert len([one for one in there if one["kind"] == "user"]) == 2


def test_a_restart_that_fails_leaves_the_session_as_it_is(placed: Any) -> None:
    call, host, placement = placed
    with Answering(host, placement, answered):
        session = path_of(publish(call.guest, call.meeting))
    with Answering(host, placement, lambda _: ("rtc.error", {"code": "bad_sdp", "detail": "No."})):
        problem(patch(call.guest, session, NEW_CREDENTIALS, "*"), 422, "unanswerable_offer")
    assert patch(call.guest, session, fragment_of(OFFER), '"1"').status_code == 204


def test_a_worker_that_does_not_answer_is_not_waited_for_long(app: App, placed: Any) -> None:
    call, _host, _placement = placed
    change(app, whip_answer_s=0.05)
    late = publish(call.guest, call.meeting)
    problem(late, 503, "unavailable")
    assert int(late.headers["Retry-After"]) > 0
    there = ok(call.owner.get(f"/meetings/{call.meeting['id']}/participants", state="joined"))["items"]
    assert len([one for one in there if one["kind"] == "user"]) == 2


def test_while_the_meeting_has_no_worker_it_is_to_come_again(app: App, placed: Any, clock: ManualClock) -> None:
    call, host, _placement = placed
    with app.runtime.writing() as work:
        workers.give_up(work, work.get_one(MediaWorker, host.id), "lease_lost")
    refused = publish(call.guest, call.meeting)
    problem(refused, 503, "no_media_worker")
    assert int(refused.headers["Retry-After"]) > 0


def test_no_poll_keeps_it_and_the_end_of_its_connection_ends_it(app: App, placed: Any, clock: ManualClock) -> None:
    call, host, placement = placed
    with Answering(host, placement, answered):
        created = publish(call.guest, call.meeting)
        watching = play(call.guest, call.meeting)
    for _ in range(130):
        clock.advance(seconds=1)
        app.runtime.drivers[ProcessBeat].beat()
    host.renew()
    participant_tasks.sweep_presence(app.runtime, {})
    media_tasks.attend(app.runtime, {})
    assert ok(call.owner.get(f"/participants/{call.guests['id']}"))["left_reason"] == "timed_out"  # who has to poll
    for session in (created, watching):
        assert ok(call.owner.get(f"/participants/{id_of(session)}"))["state"] == "joined"
    lost = {"to": id_of(created), "type": "rtc.restart", "payload": {"connection": "publish"}}
    ok(host.signal(placement, lost), 201)
    media_tasks.attend(app.runtime, {})
    assert ok(call.owner.get(f"/participants/{id_of(created)}"))["left_reason"] == "timed_out"
    assert ok(call.owner.get(f"/participants/{id_of(watching)}"))["state"] == "joined"


def test_what_the_room_is_told_never_fills_its_inbox(app: App, placed: Any) -> None:
    call, host, placement = placed
    with Answering(host, placement, answered):
        created = publish(call.guest, call.meeting)
    for number in range(3):
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/messages", {"text": f"Hello {number}"}), 201)
        media_tasks.attend(app.runtime, {})
    reply = call.guest.poll({"id": id_of(created)})
    assert reply["messages"] == []
    assert reply["acked_seq"] == reply["head_seq"] > 3


def test_it_ends_where_its_worker_is_lost_and_comes_again_elsewhere(
    app: App, placed: Any, worker: Callable[..., RestWorker]
) -> None:
    call, host, placement = placed
    with Answering(host, placement, answered):
        created = publish(call.guest, call.meeting)
    other = worker("host-b/1")
    ok(host.request("DELETE", f"/media/workers/{host.id}", meetings="move"))
    media_tasks.settle(app.runtime, {})
    assert ok(call.owner.get(f"/participants/{id_of(created)}"))["left_reason"] == "moved"
    with Answering(other, other.placements()[0], answered):
        path_of(publish(call.guest, call.meeting))


def test_a_session_whose_process_died_before_the_answer_is_forgotten(
    app: App, placed: Any, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, _host, _placement = placed

    def die(*_: Any) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(whip, "_await_answer", die)
    with pytest.raises(KeyboardInterrupt):
        publish(call.guest, call.meeting)
    media_tasks.attend(app.runtime, {})
    there = ok(call.owner.get(f"/meetings/{call.meeting['id']}/participants", state="joined"))["items"]
    [left_behind] = [one for one in there if (one["device"] or "").startswith("whip-")]
    clock.advance(minutes=2)
    media_tasks.attend(app.runtime, {})
    assert ok(call.owner.get(f"/participants/{left_behind['id']}"))["state"] == "left"
