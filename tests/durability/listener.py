"""The half of a device that polls, in all the ways in which apps do: acknowledging with the poll, beside it, late or
not at all, by two polls at once, without waiting, after a restart that forgot the cursor.
"""

import threading
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlencode

from tests.durability.history import Received, Reply
from tests.durability.network import Line, Network

WAIT_S = 55  # as long as one may: that the machine stood still for a while ends none
RESTARTS = 0.03  # of all polls: the cursor was forgotten, what was handled was not
HANG_UPS = 0.04
RIVALS = 0.05  # of all polls begin while an older one of the same device is under way
ACKS = ("with the poll",) * 6 + ("before it", "beside it", "not yet")
WAITS_S = (WAIT_S,) * 6 + (0.0, 0.05)
LIMITS = (50,) * 6 + (1, 3)


@dataclass
class Attempt:
    """A poll. `answered` is None while it waits; True: with 200."""

    answered: bool | None = None


class Listener:
    """`quiet`: from now on it polls as in mobile.md, and the network is good. `poll`: the present one, or the last."""

    def __init__(self, network: Network, participant_id: str, quiet: threading.Event, seed: int) -> None:
        self.replies: list[Reply] = []
        self.poll = Attempt()
        self._network = network
        self._participant_id = participant_id
        self._quiet = quiet
        self._cursor: int | None = None
        self._line, self._older, self._acks = (network.line(seed + n) for n in (1000, 2000, 3000))
        self._rivalries = count(1)
        self._told_to_stop = False

    def run(self) -> None:
        failures = 0
        while not self._network.stopped.is_set():
            if self._listen():
                failures = 0
            else:
                failures += 1
                self._line.pause(failures)
            if self._told_to_stop:
                return

    def _listen(self) -> bool:
        """One poll, with what goes on beside it; whether it was answered."""
        chance, wild = self._line.chance, not self._quiet.is_set()
        if wild and chance.random() < RESTARTS:
            self._cursor = None
        acks = chance.choice(ACKS) if wild and self._cursor is not None else "with the poll"
        query: dict[str, Any] = {} if self._cursor is None else {"after": self._cursor}
        if acks == "with the poll" and self._cursor is not None:
            query["ack"] = self._cursor
        if acks == "before it":
            self._acknowledge(self._acks, self._cursor)
        beside: list[threading.Thread] = []
        if acks == "beside it":
            beside.append(threading.Thread(target=self._acknowledge, args=(self._acks, self._cursor), daemon=True))
        rivalry = 0
        if wild and chance.random() < RIVALS:
            rivalry = next(self._rivalries)
            older = {**query, "wait": WAIT_S}
            beside.append(threading.Thread(target=self._ask, args=(self._older, older, rivalry, 0.0), daemon=True))
        for thread in beside:
            thread.start()
        if beside:
            self._network.stopped.wait(chance.choice((0.0, chance.uniform(0, 0.03))))
        query |= {"wait": chance.choice(WAITS_S), "limit": chance.choice(LIMITS)} if wild else {"wait": WAIT_S}
        self.poll = attempt = Attempt()
        known = len(self.replies)
        answered = self._ask(self._line, query, rivalry, HANG_UPS if wild else 0.0)
        attempt.answered = answered
        for thread in beside:
            thread.join(60)
        self._take_in(self.replies[known:], rivalry)
        return answered

    def _take_in(self, replies: list[Reply], rivalry: int) -> None:
        polls = [reply for reply in replies if reply.rivalry == rivalry]
        seqs = [message.seq for reply in polls for message in reply.messages]
        if seqs:
            self._cursor = max(seqs)
        superseded = sum(reply.superseded for reply in polls)
        self._told_to_stop = superseded > (rivalry > 0) or any(reply.ended for reply in polls)

    def _ask(self, line: Line, query: dict[str, Any], rivalry: int, hang_ups: float) -> bool:
        knowing = len(self.replies)
        path = f"/rtc/inbox?{urlencode({'participant_id': self._participant_id, **query})}"
        status, answer = line.ask("GET", path, hang_ups=hang_ups)
        if status == 200:
            self.replies.append(read(answer, query.get("after"), query.get("ack", 0), knowing, rivalry))
        return status == 200

    def _acknowledge(self, line: Line, up_to: int | None) -> None:
        knowing = len(self.replies)
        body = {"participant_id": self._participant_id, "up_to": up_to}
        status, answer = line.ask("POST", "/rtc/ack", body, HANG_UPS)
        if status == 200 and up_to is not None:
            reply = Reply(up_to, (), answer["head_seq"], answer["acked_seq"], ack=up_to, knowing=knowing)
            self.replies.append(reply)


def read(answer: dict[str, Any], after: int | None, ack: int, knowing: int, rivalry: int) -> Reply:
    return Reply(
        after,
        tuple(_message(message) for message in answer["messages"]),
        answer["head_seq"],
        answer["acked_seq"],
        answer["superseded"],
        answer["ended"]["reason"] if answer["ended"] else None,
        ack,
        knowing,
        rivalry,
    )


def _message(message: dict[str, Any]) -> Received:
    payload = message["payload"]
    participant = payload.get("participant", {})
    return Received(
        message["seq"],
        message["id"],
        message["event_id"],
        message["type"],
        sender=message["from"]["participant_id"] if message["type"].startswith("rtc.") else None,
        number=payload.get("number"),
        subject=participant.get("id"),
        muted=participant.get("muted"),
    )
