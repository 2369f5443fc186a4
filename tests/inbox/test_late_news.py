"""Nudges that come in another order than the commits of which they tell, twice, or never: a poll reads as if they had
come in order.
"""

from collections.abc import Sequence

import pytest

from app.core.runtime import Runtime
from tests.support.people import Call, ok
from tests.support.waiting import ParkedPoll


class HeldBack:
    """Nudges are kept until they are told, one by one, in whatever order."""

    def __init__(self, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
        self.nudges: list[Sequence[str]] = []  # of one unit of work after the other
        self._tell = runtime.wakeups.wake
        monkeypatch.setattr(runtime.wakeups, "wake", lambda nudges: self.nudges.append(list(nudges)))

    def tell(self, index: int) -> None:
        self._tell(self.nudges[index])


@pytest.mark.parametrize("order", [(1, 0), (2, 0, 1), (1, 2), (2, 2, 1, 0), (0, 2, 1)])
def test_whatever_news_come_first_messages_are_neither_skipped_nor_repeated(
    call: Call, runtime: Runtime, order: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = call.owner.poll(call.owners, wait=0)["head_seq"]
    parked = ParkedPoll(runtime, call.owner, call.owners, after=cursor, ack=cursor)
    held = HeldBack(runtime, monkeypatch)
    for n in range(3):
        ok(call.send(call.offer(n=n)), 201)
    read = []
    for turn, index in enumerate(order):
        held.tell(index)
        polled = {"after": cursor, "ack": cursor, "wait": 0}
        reply = call.owner.poll(call.owners, **polled) if turn else parked.reply()
        read += [(message["seq"], message["payload"]["n"]) for message in reply["messages"]]
        cursor = reply["messages"][-1]["seq"] if reply["messages"] else cursor
    first = read[0][0]
    assert read == [(first, 0), (first + 1, 1), (first + 2, 2)]
    assert call.owner.poll(call.owners, wait=0, ack=cursor)["messages"] == []
