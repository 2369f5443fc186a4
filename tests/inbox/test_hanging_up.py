"""How a poll that blocks its thread notices that its client is gone."""

import socket

import pytest

from app.core.clock import ManualClock
from app.core.runtime import Runtime
from app.inbox import routes
from app.inbox.parking import Parking
from tests.inbox.test_polling import seen
from tests.support.people import Call
from tests.support.waiting import ParkedPoll


class TestHangingUp:
    def test_is_noticed_on_the_socket_that_the_server_shows(self) -> None:
        server, client = socket.socketpair()
        with server, client:
            hung_up = routes.hang_up_detector({"gunicorn.socket": server})
            assert hung_up() is False
            client.close()
            assert hung_up() is True

    def test_is_not_taken_for_a_pipelined_request(self) -> None:
        server, client = socket.socketpair()
        with server, client:
            client.send(b"GET / HTTP/1.1\r\n")
            assert routes.hang_up_detector({"werkzeug.socket": server})() is False

    def test_goes_unnoticed_where_the_server_shows_no_socket(self) -> None:
        assert routes.hang_up_detector({})() is False

    def test_ends_the_poll_and_does_not_count_as_having_been_there(
        self, call: Call, runtime: Runtime, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone: list[bool] = []
        monkeypatch.setattr(routes, "hang_up_detector", lambda environ: lambda: bool(gone))
        runtime.drivers[Parking].beat_every_s = 3600  # nobody beats for it meanwhile
        poll = ParkedPoll(runtime, call.guest, call.guests)
        began = clock.now()
        clock.advance(seconds=9)
        gone.append(True)
        poll.reply()
        assert seen(runtime, call.guests) == began
        assert runtime.drivers[Parking].parked == []
