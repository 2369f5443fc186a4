"""Two processes that don't hear each other, as while Redis is away: what one has not been told of, it finds out."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app import create_app
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.inbox.parking import Parking
from tests.serving.known_device import Device
from tests.serving.uvicorn_server import serving
from tests.support.people import Call, ok
from tests.support.waiting import LONG_S, eventually

pytestmark = pytest.mark.safety_net


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"wakeups": "in_process"})


@pytest.fixture
def ports(app: ParleyApp, settings: Settings, clock: ManualClock) -> Iterator[tuple[int, int]]:
    other = create_app(settings, clock)
    other.testing = True
    with ExitStack() as stack:
        yield stack.enter_context(serving(app)), stack.enter_context(serving(other))


@pytest.fixture
def here(ports: tuple[int, int], call: Call) -> Device:
    return Device(ports[0], call)


@pytest.fixture
def there(ports: tuple[int, int], call: Call, here: Device) -> Device:
    return Device(ports[1], call)


def test_a_device_that_comes_back_from_another_process_is_no_older_poll(
    here: Device, there: Device, call: Call
) -> None:
    cursor = there.read_up_to
    here.poll(after=cursor, ack=cursor, wait=0)
    there.poll(after=cursor, ack=cursor, wait=0)
    poll = here.sent_poll(after=cursor, ack=cursor, wait=4)
    reply = poll.reply()
    assert (reply["superseded"], reply["messages"]) == (False, [])
    poll = here.sent_poll(after=cursor, ack=cursor, wait=LONG_S)
    ok(call.send(call.offer()), 201)
    assert len(poll.reply()["messages"]) == 1


def test_a_poll_is_superseded_by_a_newer_one_at_another_process(
    here: Device, there: Device, call: Call, runtime: Runtime
) -> None:
    cursor = there.read_up_to
    here.poll(after=cursor, ack=cursor, wait=0)
    older = here.sent_poll(after=cursor, ack=cursor, wait=LONG_S)
    parking: Parking = runtime.drivers[Parking]
    eventually(lambda: parking.parked, "it to be parked")
    newer = there.sent_poll(after=cursor, ack=cursor, wait=LONG_S)
    assert older.reply()["superseded"] is True
    ok(call.send(call.offer()), 201)
    assert len(newer.reply()["messages"]) == 1


def test_a_device_that_forgot_its_cursor_is_given_nothing_that_it_acknowledged_elsewhere(
    here: Device, there: Device, call: Call
) -> None:
    here.poll(after=there.read_up_to, wait=0)
    there.poll(after=there.read_up_to, ack=there.read_up_to, wait=0)
    assert there.sent_ack(there.read_up_to).reply()["acked_seq"] == there.read_up_to
    assert here.poll(wait=0)["messages"] == []
