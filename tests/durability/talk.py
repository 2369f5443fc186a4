"""Devices that talk in one meeting, until all have said and heard everything."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from tests.durability.device import Device, enter_a_meeting, history_of
from tests.durability.history import History
from tests.durability.listener import Attempt
from tests.durability.processes import Api, Parley, SeveralApis
from tests.support.waiting import eventually

DEVICES = 4
SENT_WITHIN_S = 90.0
CAUGHT_UP_WITHIN_S = 90.0


@contextmanager
def talking(parley: Parley) -> Iterator[list[Device]]:
    devices = enter_a_meeting(parley.port, DEVICES, seed=1)
    for device in devices:
        device.start()
    try:
        yield devices
    finally:
        for device in devices:
            device.stop()


def send_some_more(devices: list[Device], number: int) -> None:
    """Wait until all together have sent so many more signals. One who was told to stop ends the wait: see `judge`."""
    enough = count_sent(devices) + number
    eventually(
        lambda: count_sent(devices) >= enough or any(device.has_stopped for device in devices),
        "signals to be sent",
        SENT_WITHIN_S,
    )


def count_sent(devices: list[Device]) -> int:
    return sum(len(device.sender.sent) for device in devices)


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
    if not any(device.has_stopped for device in devices):
        eventually(lambda: None not in [poll.answered for poll in polls], "every poll to end")
        assert [poll.answered for poll in polls] == [True] * DEVICES


def end_of(parley: Parley, devices: list[Device], api: Api | SeveralApis) -> History:
    """What everybody has said and heard, once all have caught up."""
    end_with_every_poll_answered(parley, devices, api)
    for device in devices:
        device.stop()
    for device in devices:
        device.join()
    return history_of(devices)
