"""Acknowledgements that are taken in memory and stored together: nobody is told of one before it is stored."""

import threading
from collections.abc import Iterator, Mapping

import pytest
from sqlalchemy.exc import OperationalError

from app.core.flask_app import ParleyApp
from app.core.runtime import Work
from app.inbox import service
from tests.serving.asked_of_flask import count_asked
from tests.serving.known_device import Device
from tests.serving.uvicorn_server import serving
from tests.support.people import Call
from tests.support.waiting import LONGEST_S


class Storing:
    """Acknowledgements wait here on their way into the database."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.may_go_on = threading.Event(), threading.Event()
        self.fails = False
        self._really = service.acknowledge_many
        monkeypatch.setattr(service, "acknowledge_many", self._store)

    def _store(self, work: Work, up_to: Mapping[str, int]) -> None:
        self.begun.set()
        assert self.may_go_on.wait(LONGEST_S)
        if self.fails:
            raise OperationalError("UPDATE", {}, Exception("the database is away"))
        self._really(work, up_to)


@pytest.fixture
def asked_of_flask(app: ParleyApp) -> list[str]:
    """The queries of polls and acknowledgements that pass through Flask."""
    return count_asked(app)


@pytest.fixture
def device(app: ParleyApp, call: Call, asked_of_flask: list[str]) -> Iterator[Device]:
    with serving(app) as port:
        yield Device(port, call)


def test_who_asks_meanwhile_is_told_what_is_stored(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    storing = Storing(monkeypatch)
    ack = device.sent_ack(device.read_up_to)
    assert storing.begun.wait(LONGEST_S)
    assert device.poll(after=device.read_up_to, wait=0)["acked_seq"] == device.before
    assert not ack.is_answered
    storing.may_go_on.set()
    assert ack.reply()["acked_seq"] == device.read_up_to
    assert device.poll(after=device.read_up_to, wait=0)["acked_seq"] == device.read_up_to


@pytest.mark.parametrize("by", ["an acknowledgement", "a poll"])
def test_who_acknowledges_the_same_meanwhile_waits_for_it_too(
    device: Device, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storing = Storing(monkeypatch)
    first = device.sent_ack(device.read_up_to)
    assert storing.begun.wait(LONGEST_S)
    if by == "a poll":
        second = device.sent_poll(after=device.read_up_to, ack=device.read_up_to, wait=0)
    else:
        second = device.sent_ack(device.read_up_to)
    assert device.poll(after=device.read_up_to, wait=0)["acked_seq"] == device.before  # it came after the second
    assert not second.is_answered
    storing.may_go_on.set()
    assert first.reply()["acked_seq"] == second.reply()["acked_seq"] == device.read_up_to


def test_a_poll_whose_acknowledgement_could_not_be_stored_is_asked_of_flask_once(
    device: Device, asked_of_flask: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    storing = Storing(monkeypatch)
    storing.fails = True
    storing.may_go_on.set()
    reply = device.poll(after=device.read_up_to, ack=device.read_up_to, wait=0)
    assert storing.begun.is_set()
    assert reply["acked_seq"] == device.read_up_to
    device.poll(after=device.read_up_to, wait=0)
    assert len([query for query in asked_of_flask if "ack=" in query]) == 1
