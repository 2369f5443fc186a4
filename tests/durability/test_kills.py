"""The API is killed, or told to end, while people talk: nobody misses or repeats anything.

Every device does what docs/mobile.md says. The server's processes are real; when they die is drawn from a seed, between
requests, within them and within transactions.
"""

import random
import time
from collections.abc import Callable

import pytest

from tests.durability.device import Device
from tests.durability.history import History, violations
from tests.durability.processes import Api, Jobs, Parley, SeveralApis
from tests.durability.talk import end_of, end_with_every_poll_answered, send_some_more, talking
from tests.support.databases import DATABASES

KILLS = 5
SENT_BETWEEN_KILLS = (5, 30)  # by all together, so that a slow machine has the same work to do

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.mark.parametrize("kind", DATABASES)
def test_nothing_is_lost_doubled_or_reordered_when_api_and_jobs_are_killed(
    parley: Callable[..., Parley], kind: str, record_property: Callable[[str, int], None]
) -> None:
    here, chance = parley(kind), random.Random(f"kill {kind}")
    with Jobs(here) as jobs, Api(here) as api, talking(here) as devices:
        for _ in range(KILLS):
            let_them_talk(devices, chance)
            jobs.kill()
            api.kill()
            time.sleep(chance.uniform(0, 0.3))
            jobs.start()
            api.start()
        history = end_of(here, devices, api)
    judge(history, record_property, KILLS)


@pytest.mark.parametrize("kind", DATABASES)
def test_nothing_is_lost_when_one_of_several_processes_is_killed(
    parley: Callable[..., Parley], kind: str, record_property: Callable[[str, int], None]
) -> None:
    """Nor when it is their supervisor: they end with it, so that it can be started again on the same port."""
    here, chance = parley(kind), random.Random(f"kill one of two {kind}")
    with Jobs(here) as jobs, SeveralApis(here) as api, talking(here) as devices:
        for _ in range(2):
            let_them_talk(devices, chance)
            api.kill_one(chance.randrange(2))
            jobs.kill()
            let_them_talk(devices, chance)  # with the other
            jobs.start()
            api.wait_until_complete()
        let_them_talk(devices, chance)
        api.kill()
        api.start()
        let_them_talk(devices, chance)
        history = end_of(here, devices, api)
    judge(history, record_property, kills=3, may_lag=True)


def test_every_parked_poll_is_answered_when_the_api_is_told_to_end(
    parley: Callable[..., Parley], record_property: Callable[[str, int], None]
) -> None:
    here, chance = parley(), random.Random("terminate")
    with Jobs(here) as jobs, Api(here) as api, talking(here) as devices:
        for _ in range(2):
            let_them_talk(devices, chance)
            end_with_every_poll_answered(here, devices, api)
            api.start()
            for device in devices:
                device.speak()
            let_them_talk(devices, chance)
            api.terminate()  # in the middle of it
            api.start()
        history = end_of(here, devices, api)
        jobs.terminate()
    judge(history, record_property)


def let_them_talk(devices: list[Device], chance: random.Random) -> None:
    """Until they have sent some more signals, and a random moment longer."""
    send_some_more(devices, chance.randint(*SENT_BETWEEN_KILLS))
    time.sleep(chance.uniform(0, 0.05))


def judge(
    history: History, record_property: Callable[[str, int], None], kills: int = 0, *, may_lag: bool = False
) -> None:
    told = violations(history, may_lag=may_lag)
    assert not told, "\n".join(told)
    assert len(history.sent) > 50
    record_property(
        "figure: signals sent while the API was killed or restarted; none lost, doubled or reordered", len(history.sent)
    )
    record_property("figure: kills of the API meanwhile", kills)
