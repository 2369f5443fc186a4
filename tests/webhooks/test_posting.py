"""One request to an address that somebody has named, who may mean no good."""

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.webhooks.posting import Poster
from tests.support.webhook_receiver import Receiver, Reply

MakePoster = Callable[..., Poster]


@pytest.fixture
def poster() -> Iterator[MakePoster]:
    made: list[Poster] = []

    def make(**changes: Any) -> Poster:
        usual: dict[str, Any] = {"allowed": ["127.0.0.0/8"], "time_s": 5.0, "answer_bytes": 1024, "at_once": 2}
        made.append(Poster(**{**usual, **changes}))
        return made[-1]

    yield make
    for one in made:
        one.close()


def names_lead_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Each time that a name is looked up, the next of `answers`; the names that were."""
    asked: list[str] = []
    told = iter(answers)

    def look_up(host: str, _port: int) -> list[str]:
        asked.append(host)
        return next(told)

    monkeypatch.setattr("app.webhooks.posting.look_up", look_up)
    return asked


def test_what_is_sent_arrives_and_what_is_answered_is_told(receiver: Receiver, poster: MakePoster) -> None:
    receiver.answer = lambda _: Reply(503, {"Retry-After": "7"}, b"busy")
    answer = poster().post(f"{receiver.url}?a=b%20c", {"webhook-id": "x"}, b"{}")
    assert (answer.status, answer.error, answer.text, answer.retry_after) == (503, None, "busy", "7")
    [one] = receiver.received
    assert (one.path, one.body, one.headers["webhook-id"]) == ("/hook?a=b%20c", b"{}", "x")
    assert one.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_nothing_is_sent_where_no_webhook_may_go(receiver: Receiver, poster: MakePoster) -> None:
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433"):
        answer = poster(allowed=()).post(f"http://{host}:{receiver.port}/", {}, b"{}")
        assert answer.status is None
        assert "leads to no public address" in str(answer.error)
    assert receiver.connections == 0


def test_the_address_that_was_judged_is_the_one_that_is_connected_to(
    receiver: Receiver, poster: MakePoster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads elsewhere the second time that it is asked gains nothing, for nobody asks twice."""
    asked = names_lead_to(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    sender = poster()
    answer = sender.post(f"http://rebinding.example:{receiver.port}/", {}, b"{}")
    assert (answer.status, asked) == (204, ["rebinding.example"])
    assert receiver.received[0].headers["host"] == f"rebinding.example:{receiver.port}"
    receiver.answer = lambda _: Reply(204, {"Connection": "close"})
    sender.post(f"http://rebinding.example:{receiver.port}/", {}, b"{}")  # on the connection that was judged
    assert asked == ["rebinding.example"]
    answer = sender.post(f"http://rebinding.example:{receiver.port}/", {}, b"{}")
    assert "leads to no public address" in str(answer.error)


def test_of_several_addresses_only_those_are_tried_that_may_be(
    receiver: Receiver, poster: MakePoster, monkeypatch: pytest.MonkeyPatch
) -> None:
    names_lead_to(monkeypatch, ["10.0.0.1", "169.254.169.254", "127.0.0.2", "127.0.0.1"])
    connected: list[str] = []
    connect = socket.create_connection

    def create_connection(address: Any, *rest: Any, **more: Any) -> Any:
        connected.append(address[0])
        return connect(address, *rest, **more)

    monkeypatch.setattr("socket.create_connection", create_connection)
    assert poster().post(f"http://several.example:{receiver.port}/", {}, b"{}").status == 204
    assert connected == ["127.0.0.2", "127.0.0.1"], "the first refuses connections"


def test_a_redirect_is_told_and_not_followed(receiver: Receiver, poster: MakePoster) -> None:
    receiver.answer = lambda _: Reply(302, {"Location": "http://169.254.169.254/"})
    assert poster().post(receiver.url, {}, b"{}").status == 302
    assert len(receiver.received) == 1


def test_no_proxy_of_the_environment_is_used(
    receiver: Receiver, poster: MakePoster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert poster().post(receiver.url, {}, b"{}").status == 204


def test_who_answers_letter_by_letter_is_hung_up_on_in_time(receiver: Receiver, poster: MakePoster) -> None:
    receiver.answer = lambda _: Reply(drips_s=0.02)
    began = time.monotonic()
    answer = poster(time_s=0.15).post(receiver.url, {}, b"{}")
    assert (answer.status, answer.error) == (None, "No answer within 0.15 s.")
    assert time.monotonic() - began < 5


def test_a_name_that_takes_too_long_to_look_up_is_given_up(
    receiver: Receiver, poster: MakePoster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.webhooks.posting.look_up", lambda *_: time.sleep(0.3))
    assert poster(time_s=0.05).post(receiver.url, {}, b"{}").error == "No answer within 0.05 s."


def test_of_a_long_answer_only_the_beginning_is_read(receiver: Receiver, poster: MakePoster) -> None:
    receiver.answer = lambda _: Reply(200, body=b"\xff" + b"x" * 5_000_000)
    answer = poster(answer_bytes=100).post(receiver.url, {}, b"{}")
    assert answer.status == 200
    assert answer.text == "\ufffd" + "x" * 99


def test_who_does_not_listen_is_told(poster: MakePoster) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        answer = poster().post(f"http://127.0.0.1:{closed.getsockname()[1]}/", {}, b"{}")
    assert answer.status is None
    assert "refused" in str(answer.error)


def test_a_connection_is_used_again(receiver: Receiver, poster: MakePoster) -> None:
    sender = poster()
    for _ in range(3):
        sender.post(receiver.url, {}, b"{}")
    assert receiver.connections == 1
