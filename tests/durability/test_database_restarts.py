"""The database server dies, or is restarted, while people talk: they are told to come again, and then all goes on.

What was acknowledged is kept, whether the server had time to write it in peace or recovers it from its log.
"""

import random
import time
from collections.abc import Callable, Iterator

import pytest

from tests.durability.device import Device
from tests.durability.history import violations
from tests.durability.processes import Api, Jobs, Parley, SeveralApis
from tests.durability.talk import end_of, everybody_waits, send_some_more, talking
from tests.support.own_servers import OWN_DATABASES, OwnServer
from tests.support.waiting import eventually

SENT_BETWEEN = (5, 30)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module", params=OWN_DATABASES)
def server(request: pytest.FixtureRequest) -> Iterator[OwnServer]:
    with OWN_DATABASES[request.param]() as server:
        yield server


@pytest.mark.parametrize("apis", [Api, SeveralApis])
def test_nothing_is_lost_when_the_database_dies_or_is_restarted(
    server: OwnServer,
    apis: type[Api],
    parley_at: Callable[..., Parley],
    record_property: Callable[[str, int], None],
) -> None:
    here, chance = parley_at(server), random.Random(f"{server.user} {apis.__name__}")
    with Jobs(here), apis(here) as api, talking(here) as devices:
        for end in (server.kill, server.stop, server.kill):
            send_some_more(devices, chance.randint(*SENT_BETWEEN))
            be_away(server, end, devices, chance)
        send_some_more(devices, SENT_BETWEEN[0])
        parked = everybody_waits(here, devices)
        server.kill()
        server.start()
        for device, poll in zip(devices, parked, strict=True):
            device.speak()
            assert poll.answered is not True, "a poll ended although nothing had happened"
        send_some_more(devices, SENT_BETWEEN[0])
        history = end_of(here, devices, api)
    told = violations(history, may_lag=apis is SeveralApis)
    assert not told, "\n".join(told)
    record_property("figure: restarts of a database server while signals were sent; none lost", 4)
    record_property("figure: signals sent around restarts of a database server", len(history.sent))
    record_property("figure: requests that were answered 503 meanwhile", turned_away(devices))


def be_away(server: OwnServer, end: Callable[[], None], devices: list[Device], chance: random.Random) -> None:
    """End the server, in the middle of whatever it is doing, and start it again once somebody has noticed."""
    before = turned_away(devices)
    end()
    eventually(lambda: turned_away(devices) > before or any(device.has_stopped for device in devices), "a 503")
    time.sleep(chance.uniform(0, 0.5))
    server.start()


def turned_away(devices: list[Device]) -> int:
    return sum(device.network.turned_away for device in devices)
