"""The API is killed, or told to end, while people talk: nobody misses or repeats anything.

Every device does what docs/mobile.md says. The server's processes are real; when they die is drawn from a seed, between
requests, within them and within transactions.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from tests.durability.device import Attempt, Device, enter_a_meeting
from tests.durability.history import History, violations
from tests.durability.processes import Api, Parley, SeveralApis
from tests.support.databases import DATABASES
from tests.support.waiting import eventually

DEVICES = 4
KILLS = 5
SENT_BETWEEN_KILLS = (5, 30)  # by all together, so that a slow machine has the same work to do
SHORT_S = 15.0  # for that, at most
CAUGHT_UP_WITHIN_S = 60.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.mark.parametrize("kind", DATABASES)
def test_nothing_is_lost_doubled_or_reordered_when_the_api_is_killed(
    parley: Callable[..., Parley], kind: str, record_property: Callable[[str, int], None]
) -> None:
    here, chance = parley(kind), random.Random(f"kill {kind}")
    with here.jobs(), Api(here) as api, talking(here) as devices:
        for _ in range(KILLS):
            let_them_talk(devices, chance)
            api.kill()
            time.sleep(chance.uniform(0, 0.3))
            api.start()
        history = end_of(here, devices, api)
    judge(history, record_property, KILLS)


def test_nothing_is_lost_when_one_of_several_processes_is_killed(
    parley: Callable[..., Parley], record_property: Callable[[str, int], None]
) -> None:
    """Nor when it is their supervisor: they end with it, so that it can be started again on the same port."""
    here, chance = parley(WORKERS="2"), random.Random("kill one of two")
    with here.jobs(), SeveralApis(here) as api, talking(here) as devices:
        for _ in range(2):
            let_them_talk(devices, chance)
            api.kill_one(chance.randrange(2))
            let_them_talk(devices, chance)  # with the other
            api.wait_until_complete()
        let_them_talk(devices, chance)
        api.kill_supervisor()
        api.start()
        let_them_talk(devices, chance)
        history = end_of(here, devices, api)
    judge(history, record_property, kills=3)


def test_every_parked_poll_is_answered_when_the_api_is_told_to_end(
    parley: Callable[..., Parley], record_property: Callable[[str, int], None]
) -> None:
    here, chance = parley(), random.Random("terminate")
    with here.jobs(), Api(here) as api, talking(here) as devices:
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
    judge(history, record_property)


@contextmanager
def talking(parley: Parley) -> Iterator[list[Device]]:
    devices = enter_a_meeting(parley.port, DEVICES, seed=1)
    for device in devices:
        device.start()
    yield devices


def let_them_talk(devices: list[Device], chance: random.Random) -> None:
    """Until they have sent some more signals, and a random moment longer."""
    enough = count_sent(devices) + chance.randint(*SENT_BETWEEN_KILLS)
    eventually(lambda: count_sent(devices) >= enough, "signals to be sent", SHORT_S)
    time.sleep(chance.uniform(0, 0.05))


def count_sent(devices: list[Device]) -> int:
    return sum(len(device.sent) for device in devices)


def everybody_waits(parley: Parley, devices: list[Device]) -> list[Attempt]:
    """Nobody sends, and each has acknowledged the last words with the poll that is returned: it is parked."""
    for device in devices:
        device.fall_silent()
    for device in devices[:2]:
        device.say_last_words()
    behind = text("SELECT count(*) FROM inboxes WHERE kind = 'participant' AND acked_seq < head_seq")

    def nobody_is_behind() -> bool:
        with parley.connection() as connection:
            return connection.execute(behind).scalar_one() == 0 or any(device.has_stopped for device in devices)

    eventually(nobody_is_behind, "everybody to have caught up", CAUGHT_UP_WITHIN_S)
    return [device.poll for device in devices]


def end_with_every_poll_answered(parley: Parley, devices: list[Device], api: Api | SeveralApis) -> None:
    polls = everybody_waits(parley, devices)
    api.terminate()
    eventually(lambda: None not in [poll.answered for poll in polls], "every poll to end")
    assert [poll.answered for poll in polls] == [True] * DEVICES


def end_of(parley: Parley, devices: list[Device], api: Api | SeveralApis) -> History:
    """What everybody has said and heard, once all have caught up."""
    end_with_every_poll_answered(parley, devices, api)
    for device in devices:
        device.stop()
    for device in devices:
        device.join()
    return History(
        sent=[sent for device in devices for sent in device.sent],
        replies={device.participant_id: device.replies for device in devices},
        muted={device.participant_id: device.muted for device in devices if device.muted is not None},
        refusals=[refusal for device in devices for refusal in device.refusals],
    )


def judge(history: History, record_property: Callable[[str, int], None], kills: int = 0) -> None:
    told = violations(history)
    assert not told, "\n".join(told)
    assert len(history.sent) > 50
    record_property(
        "figure: signals sent while the API was killed or restarted; none lost, doubled or reordered", len(history.sent)
    )
    record_property("figure: kills of the API meanwhile", kills)
