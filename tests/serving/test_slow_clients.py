"""Clients that send or read slowly, or too much, over real sockets."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.inbox.parking import Parking
from app.serving import bodies
from app.serving.connections import Connection
from tests.serving.uvicorn_server import serving
from tests.support.people import PASSWORD, Call, Person, ok, types_of
from tests.support.waiting import LONGEST_S, eventually

SHORT_S = 0.3
LONG_S = 600.0  # of limits that pass when a test says so (`time_is_up`), and not when the machine stands still
POST = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture
def limited() -> dict[str, Any]:
    return {}


@pytest.fixture
def settings(settings: Settings, limited: dict[str, Any]) -> Settings:
    return settings.model_copy(update=limited)


def limiting(**some: Any) -> Any:
    return pytest.mark.parametrize("limited", [some])


@pytest.fixture
def port(app: ParleyApp) -> Iterator[int]:
    with serving(app) as port:
        yield port


@pytest.fixture
def raw(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=LONGEST_S) as raw:
        yield raw


@pytest.fixture
def time_is_up(monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """To be called: the limits of all connections that were made since pass now; whether there were any."""
    connections: list[Connection] = []
    made = Connection.connection_made

    def note(connection: Connection, transport: Any) -> None:
        connections.append(connection)
        made(connection, transport)

    monkeypatch.setattr(Connection, "connection_made", note)

    def pass_now() -> bool:
        done, passed = threading.Event(), list[Connection]()

        def fire() -> None:
            for connection in connections:
                if connection._request_timer is not None:
                    passed.append(connection)
                    connection._request_timer.cancel()
                    connection._give_up_request()
            done.set()

        connections[0].loop.call_soon_threadsafe(fire)
        assert done.wait(LONGEST_S)
        return bool(passed)

    return pass_now


def answer_of(raw: socket.socket) -> tuple[HTTPResponse, dict[str, Any]]:
    """The answer and its problem document."""
    answer = HTTPResponse(raw)
    answer.begin()
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(answer.read())
    assert body["request_id"] == answer.headers["X-Request-ID"]
    return answer, body


def refused(raw: socket.socket, status: int, code: str) -> None:
    """The answer is this problem, and the server has hung up."""
    answer, body = answer_of(raw)
    assert (answer.status, body["status"], body["code"]) == (status, status, code)
    assert answer.headers["Connection"] == "close"
    assert raw.recv(1) == b""


def asked(port: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
    connection.request(method, f"/api/v1{path}", body, headers or {})
    return connection.getresponse()


class Trickle:
    """Sends a byte again and again until the server has hung up."""

    def __init__(self, raw: socket.socket) -> None:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._send, args=(raw,), daemon=True)

    def _send(self, raw: socket.socket) -> None:
        try:
            while not self._end.wait(0.02):
                raw.send(b"a")
        except OSError:
            pass

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(LONGEST_S)


class TestBody:
    @limiting(request_body_s=SHORT_S)
    def test_that_does_not_come_is_408(self, raw: socket.socket) -> None:
        raw.sendall(POST + b'Content-Length: 1000\r\n\r\n{"email":')
        refused(raw, 408, "request_timeout")

    @limiting(request_body_s=SHORT_S)
    def test_that_trickles_in_is_408(self, raw: socket.socket) -> None:
        raw.sendall(POST + b"Content-Length: 1000000\r\n\r\n")
        with Trickle(raw):
            answer, body = answer_of(raw)
            assert (answer.status, body["code"]) == (408, "request_timeout")

    @limiting(request_body_s=60.0)
    def test_that_trickles_in_holds_no_thread(self, port: int, anna: Person) -> None:
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(12)]
        for one in slow:
            one.sendall(POST + b"Content-Length: 1000\r\n\r\n{")
        credentials = json.dumps({"email": anna.email, "password": PASSWORD})
        assert asked(port, "POST", "/auth/login", credentials, {"Content-Type": "application/json"}).status == 200
        for one in slow:
            one.close()

    def test_that_comes_in_parts_is_read(self, raw: socket.socket, anna: Person) -> None:
        body = json.dumps({"email": anna.email, "password": PASSWORD}).encode()
        raw.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(body))
        for byte in body:
            raw.sendall(bytes([byte]))
        answer = HTTPResponse(raw)
        answer.begin()
        assert (answer.status, json.loads(answer.read())["user"]["email"]) == (200, anna.email)

    def test_that_comes_in_chunks_is_read(self, raw: socket.socket, anna: Person) -> None:
        body = json.dumps({"email": anna.email, "password": PASSWORD}).encode()
        raw.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        for part in (body[:7], body[7:]):
            raw.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        raw.sendall(b"0\r\n\r\n")
        answer = HTTPResponse(raw)
        answer.begin()
        assert answer.status == 200

    def test_in_chunks_that_are_none_is_400(self, raw: socket.socket) -> None:
        raw.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\nno number\r\n")
        refused(raw, 400, "bad_request")

    @limiting(request_max_bytes=2_000)
    def test_that_is_too_long_is_413_however_it_comes(self, port: int) -> None:
        long = b'{"email": "' + b"x" * 4_000 + b'"}'
        for body in (long, iter([long])):  # of known length, and in chunks
            answer = asked(port, "POST", "/auth/login", body, {"Content-Type": "application/json"})
            assert (answer.status, json.loads(answer.read())["code"]) == (413, "payload_too_large")

    @limiting(request_max_bytes=2_000)
    def test_without_end_is_413_before_it_has_one(self, raw: socket.socket) -> None:
        raw.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"400\r\n%s\r\n" % (b"x" * 1024) * 4)
        answer, body = answer_of(raw)
        assert (answer.status, body["code"]) == (413, "payload_too_large")

    @limiting(request_max_bytes=2_000)
    def test_that_would_be_more_than_all_may_hold_is_503(
        self, port: int, raw: socket.socket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bodies, "LARGEST_AT_A_TIME", 1)
        with socket.create_connection(("127.0.0.1", port)) as other:
            other.sendall(POST + b"Content-Length: 2000\r\n\r\n" + b" " * 1500)

            def is_full() -> bool:
                answer = asked(port, "POST", "/auth/login", b" " * 1000, {"Content-Type": "application/json"})
                return answer.status == 503 and answer.headers["Retry-After"] == "5"

            eventually(is_full, "the memory for bodies to be full")
        eventually(lambda: not is_full(), "the memory for bodies to be free again")


class TestHead:
    @limiting(request_head_s=SHORT_S)
    def test_that_does_not_come_to_its_end_is_408(self, raw: socket.socket) -> None:
        raw.sendall(b"GET /health/live HTTP/1.1\r\nHost:")
        refused(raw, 408, "request_timeout")

    @limiting(request_head_s=SHORT_S)
    def test_that_trickles_in_is_408(self, raw: socket.socket) -> None:
        raw.sendall(b"GET /health/live HTTP/1.1\r\nX-Slow: ")
        with Trickle(raw):
            answer, _ = answer_of(raw)
            assert answer.status == 408

    @limiting(request_head_s=LONG_S)
    def test_that_trickles_in_behind_an_answer_is_408(self, port: int, time_is_up: Callable[[], bool]) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
        connection.request("GET", "/health/live")
        connection.getresponse().read()
        assert connection.sock is not None
        connection.sock.sendall(b"GET /health/live HTTP/1.1\r\nX-Slow: ")
        eventually(time_is_up, "the server to wait for the rest")
        refused(connection.sock, 408, "request_timeout")

    @limiting(request_head_s=SHORT_S)
    def test_of_which_no_byte_comes_is_a_connection_that_is_closed(self, raw: socket.socket) -> None:
        assert raw.recv(1) == b""

    @limiting(request_head_s=SHORT_S)
    def test_of_empty_lines_alone_is_408(self, raw: socket.socket) -> None:
        raw.sendall(b"\r\n\r\n")
        refused(raw, 408, "request_timeout")

    @limiting(request_head_s=LONG_S, request_max_bytes=2_000)
    def test_behind_a_refused_body_has_no_more_time_than_any(
        self, time_is_up: Callable[[], bool], raw: socket.socket
    ) -> None:
        raw.sendall(POST + b"Content-Length: 100000000\r\n\r\n")
        with Trickle(raw):
            answer, _ = answer_of(raw)
            assert answer.status == 413
            eventually(time_is_up, "the server to wait for the rest")
            assert raw.recv(1) == b""

    @limiting(request_head_max_bytes=4_096)
    @pytest.mark.parametrize("end", [b"", b"\r\n\r\n"], ids=["without end", "with an end"])
    def test_that_is_too_large_is_431(self, raw: socket.socket, end: bytes) -> None:
        raw.sendall(b"GET /health/live HTTP/1.1\r\nX-Large: " + b"x" * 5_000 + end)
        refused(raw, 431, "head_too_large")

    @limiting(request_head_max_bytes=4_096, request_max_bytes=100_000)
    def test_is_not_taken_for_larger_for_the_body_that_comes_with_it(self, raw: socket.socket, anna: Person) -> None:
        body = json.dumps({"email": anna.email, "password": PASSWORD}).encode() + b" " * 50_000
        raw.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        answer = HTTPResponse(raw)
        answer.begin()
        assert answer.status == 200

    @pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00\x01", b"HELLO\r\n\r\n", b"GET / HTTP/9\r\n\r\n"])
    def test_that_is_none_is_400(self, raw: socket.socket, garbage: bytes) -> None:
        raw.sendall(garbage)
        refused(raw, 400, "bad_request")


@limiting(request_head_s=LONG_S, request_body_s=LONG_S)
class TestPatienceThatStays:
    """Nobody who waits rightly is cut off."""

    def test_a_parked_poll_waits_for_as_long_as_it_may(
        self, call: Call, app: ParleyApp, port: int, runtime: Runtime, time_is_up: Callable[[], bool]
    ) -> None:
        headers = {"Authorization": f"Bearer {call.owner.tokens['access_token']}"}
        poll = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
        poll.request("GET", f"/api/v1/rtc/inbox?participant_id={call.owners['id']}&wait=50", headers=headers)
        parking: Parking = runtime.drivers[Parking]
        eventually(lambda: parking.parked, "the poll to be parked")
        time_is_up()
        ok(call.send(call.offer()), 201)
        answer = poll.getresponse()
        assert (answer.status, types_of(json.load(answer))) == (200, ["rtc.offer"])

    def test_a_connection_between_two_requests_is_kept(self, port: int, time_is_up: Callable[[], bool]) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
        for _ in range(2):
            connection.request("GET", "/health/live")
            assert connection.getresponse().read()
            kept = connection.sock
            time_is_up()
            assert connection.sock is kept is not None


@limiting(response_stall_s=SHORT_S)
class TestReader:
    def test_who_does_not_read_is_cut_off_and_holds_no_thread(self, app: ParleyApp) -> None:
        ended = threading.Semaphore(0)

        def large(environ: Any, start_response: Any) -> Iterator[bytes]:
            start_response("200 OK", [("Content-Type", "text/plain")])
            try:
                for _ in range(1_000):
                    yield b"x" * 100_000
            finally:
                ended.release()

        app.wsgi_app = large  # type: ignore[method-assign, assignment]
        with serving(app, threads=1) as port, socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            deaf.connect(("127.0.0.1", port))
            deaf.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            assert ended.acquire(timeout=LONGEST_S), "the only thread is held"
