"""Redis dies while people talk: news come later, and nothing else happens."""

import random
from collections.abc import Callable

import pytest

from tests.durability.history import violations
from tests.durability.processes import Jobs, Parley, SeveralApis
from tests.durability.talk import end_of, send_some_more, talking
from tests.support.own_servers import OwnRedis

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_nothing_is_lost_or_refused_when_redis_dies_and_comes_back(
    parley: Callable[..., Parley], record_property: Callable[[str, int], None]
) -> None:
    chance = random.Random("redis")
    with OwnRedis() as redis:
        here = parley(REDIS_URL=redis.url)
        with Jobs(here), SeveralApis(here) as api, talking(here) as devices:
            for _ in range(2):
                send_some_more(devices, chance.randint(10, 30))
                redis.kill()
                send_some_more(devices, chance.randint(10, 30))
                redis.start()
            send_some_more(devices, chance.randint(10, 30))
            history = end_of(here, devices, api)
    told = violations(history, may_lag=True)
    assert not told, "\n".join(told)
    assert [device.network.turned_away for device in devices] == [0] * len(devices)
    record_property("figure: signals sent around the deaths of a Redis; none lost", len(history.sent))
