"""What the bridge does that Flask's test client can't see: sockets, streams, shutdown."""

import json
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.inbox.parking import Parking
from tests.serving.asked_of_flask import count_asked
from tests.serving.uvicorn_server import serving
from tests.support.people import Call, Person, ok, types_of
from tests.support.waiting import LONG_S, LONGEST_S, eventually


@pytest.fixture
def port(app: ParleyApp) -> Iterator[int]:
    with serving(app) as port:
        yield port


def open_poll(port: int, person: Person, participant: dict[str, Any], wait: float = LONG_S) -> HTTPConnection:
    connection = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
    path = f"/api/v1/rtc/inbox?participant_id={participant['id']}&wait={wait}"
    connection.request("GET", path, headers={"Authorization": f"Bearer {person.tokens['access_token']}"})
    return connection


def parked(runtime: Runtime) -> int:
    parking: Parking = runtime.drivers[Parking]
    return len(parking.parked)


def test_a_parked_poll_is_answered_over_a_real_connection(call: Call, port: int, runtime: Runtime) -> None:
    poll = open_poll(port, call.owner, call.owners)
    eventually(lambda: parked(runtime) == 1)
    ok(call.send(call.offer()), 201)
    answer = poll.getresponse()
    assert (answer.status, types_of(json.load(answer))) == (200, ["rtc.offer"])
    eventually(lambda: parked(runtime) == 0)


def test_a_client_that_hangs_up_frees_its_place_at_once(call: Call, port: int, runtime: Runtime) -> None:
    poll = open_poll(port, call.owner, call.owners)
    eventually(lambda: parked(runtime) == 1)
    poll.close()
    eventually(lambda: parked(runtime) == 0, "the place to be free")


def test_more_polls_are_parked_than_there_are_threads(call: Call, port: int, runtime: Runtime) -> None:
    stays = [call.guest.join(call.meeting, device=f"device-{n}")["participant"] for n in range(12)]
    polls = []
    for stay in stays:
        head = call.guest.poll(stay)["head_seq"]
        call.guest.poll(stay, ack=head)
    for stay in stays:
        polls.append(open_poll(port, call.guest, stay))
    eventually(lambda: parked(runtime) == 12, "all polls to be parked")
    ok(call.owner.get(f"/meetings/{call.meeting['id']}"))
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    for poll in polls:
        assert json.load(poll.getresponse())["ended"] == {"reason": "meeting_ended"}


def test_a_connection_is_kept_for_the_next_poll(call: Call, port: int) -> None:
    poll = open_poll(port, call.owner, call.owners, wait=0)
    poll.getresponse().read()
    before = poll.sock
    poll.request(
        "GET",
        f"/api/v1/rtc/inbox?participant_id={call.owners['id']}&wait=0",
        headers={"Authorization": f"Bearer {call.owner.tokens['access_token']}"},
    )
    assert poll.getresponse().status == 200
    assert poll.sock is before


def test_parked_polls_are_answered_when_the_server_stops(call: Call, app: ParleyApp, runtime: Runtime) -> None:
    with serving(app) as port:
        poll = open_poll(port, call.owner, call.owners)
        eventually(lambda: parked(runtime) == 1)
        runtime.wakeups.close()
    answer = poll.getresponse()
    assert (answer.status, json.load(answer)["messages"]) == (200, [])


def test_the_end_of_the_server_asks_flask_nothing_more(call: Call, app: ParleyApp, runtime: Runtime) -> None:
    """So that thousands of parked polls are answered within the time that a server has for its end."""
    stays = [call.guest.join(call.meeting, device=f"device-{n}")["participant"] for n in range(6)]
    for stay in stays:
        call.guest.poll(stay, ack=call.guest.poll(stay)["head_seq"])
    asked = count_asked(app)
    with serving(app) as port:
        polls = [open_poll(port, call.guest, stay) for stay in stays]
        eventually(lambda: parked(runtime) == 6, "all polls to be parked")
        asked.clear()
        runtime.wakeups.close()
        replies = [json.load(poll.getresponse()) for poll in polls]
    assert [(reply["messages"], reply["ended"]) for reply in replies] == [([], None)] * 6
    assert asked == []


def test_a_request_that_takes_longer_than_the_server_waits_is_told_to_come_again(app: ParleyApp) -> None:
    flask, begun, goes_on = app.wsgi_app, threading.Event(), threading.Event()

    def slow(environ: Any, start_response: Any) -> Any:
        begun.set()
        goes_on.wait(LONGEST_S)
        return flask(environ, start_response)

    app.wsgi_app = slow  # type: ignore[method-assign]
    answers: list[HTTPResponse] = []

    def ask(port: int) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
        connection.request("GET", "/health/live")
        answers.append(connection.getresponse())
        goes_on.set()  # the server ends with its threads

    with serving(app, grace_s=1) as port:
        asking = threading.Thread(target=ask, args=(port,))
        asking.start()
        assert begun.wait(LONGEST_S)
    asking.join(LONGEST_S)
    [answer] = answers
    assert (answer.status, answer.getheader("Retry-After")) == (503, "1")
    assert json.load(answer)["code"] == "unavailable"


class TestLargeBodies:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"request_max_bytes": 100_000})

    def test_are_refused_while_they_come_and_not_kept(self, port: int) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
        body = b'{"email": "' + b"x" * 200_000 + b'"}'
        connection.request("POST", "/api/v1/auth/login", body, {"Content-Type": "application/json"})
        assert connection.getresponse().status == 413


def test_a_client_that_goes_away_while_it_sends_leaves_the_server_working(port: int, anna: Person) -> None:
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        raw.sendall(b"Content-Length: 1000\r\n\r\n{")
    statuses: list[int] = []

    def ask() -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
        connection.request("GET", "/health/live")
        statuses.append(connection.getresponse().status)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_S)
    assert statuses == [200] * 8
