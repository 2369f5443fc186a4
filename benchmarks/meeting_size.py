"""Meetings of 2, 10, 50 and 200 people: what an event costs the server for each device that it arrives at.

Every participant has a poll parked, and asks again, acknowledging, as soon as it is answered. What everybody else in
the room is told of: somebody raises a hand or lowers it (latest only); somebody sends the same to all (there is no chat
yet, so these are signals, SIGNAL_BATCH_MAX in a request); somebody leaves and joins again.

The next event is sent once the one before it has arrived everywhere and the server has come to rest, so that all polls
are parked again, and what that takes is counted with the event; what the server uses in the same time when nothing
happens is taken off. The rest, requests included, is divided by the arrivals: the server has the same to do for each,
so that this must not grow with the meeting.
"""

import asyncio
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

from benchmarks import server
from benchmarks.client import Connection, connect
from benchmarks.figure import Figure, percentile, spread
from benchmarks.meeting import Device, organiser

SMALL, LARGEST = 2, 200
TURNS = {SMALL: 30, 10: 8, 50: 3, LARGEST: 1}  # of each kind in a round, by the size of the meeting
ROUNDS = 5
BATCH = 50  # SIGNAL_BATCH_MAX
WAIT_S = 55
GONE = 410  # the status of a poll of somebody who has left
ARRIVE_S = 60  # after this a message counts as lost
REST_S = 0.05  # without using CPU: the server has nothing left to do
REST_AT_MOST_S = 5.0
IDLE_S = 3.0

Latencies = list[float]  # of messages, in ms


@dataclass
class Room:
    """The devices of one meeting, each with its poll."""

    measured: server.Server
    devices: list[Device]
    _turns: int = 0
    _hands_up: set[str] = field(default_factory=set)  # participants
    _arrivals: list[float] = field(default_factory=list)  # of the event under way, by time.perf_counter()
    _polling: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)  # by participant

    async def open(self) -> None:
        self._sending = await connect(self.measured.port)
        for device in self.devices:
            await self._let_poll(device, (await self._send(device.poll()))["head_seq"])
        await self._rest()

    async def close(self) -> None:
        for task in self._polling.values():
            task.cancel()
        await asyncio.gather(*self._polling.values(), return_exceptions=True)

    async def raise_or_lower_a_hand(self) -> Latencies:
        device, _ = self._next()
        self._hands_up ^= {device.participant_id}
        up = device.participant_id in self._hands_up
        return await self._all_others_learn(self._send(device.change(hand=up)))

    async def send_to_all(self) -> Latencies:
        sender, others = self._next()

        async def send() -> None:
            for start in range(0, len(others), BATCH):
                await self._send(sender.signals(others[start : start + BATCH]))

        return await self._all_others_learn(send())

    async def leave_and_join(self) -> Latencies:
        """The one who came last goes, and is somebody new afterwards."""
        last = self.devices[-1]

        async def join() -> None:
            joined = await self._send(last.join_again())
            self.devices[-1] = replace(last, participant_id=joined["participant"]["id"])
            await self._let_poll(self.devices[-1], joined["inbox"]["head_seq"])

        left = await self._all_others_learn(self._send(last.leave()))
        await self._polling.pop(last.participant_id)
        return left + await self._all_others_learn(join())

    def _next(self) -> tuple[Device, list[Device]]:
        """Whose turn it is, and the others."""
        self._turns += 1
        turn = self._turns % len(self.devices)
        return self.devices[turn], self.devices[:turn] + self.devices[turn + 1 :]

    async def _all_others_learn(self, event: Awaitable[Any]) -> Latencies:
        """Let `event` happen, and wait until one message of it has arrived at each of the others."""
        self._arrivals.clear()
        began, expected = time.perf_counter(), len(self.devices) - 1
        await event
        while len(self._arrivals) < expected:
            for task in self._polling.values():
                if task.done():
                    task.result()
            if time.perf_counter() > began + ARRIVE_S:
                raise RuntimeError(f"{len(self._arrivals)} of {expected} messages arrived")
            await asyncio.sleep(0.001)
        await self._rest()
        if len(self._arrivals) != expected:
            raise RuntimeError(f"{len(self._arrivals)} messages arrived instead of {expected}")
        return [(arrival - began) * 1000 for arrival in self._arrivals]

    async def _rest(self) -> None:
        give_up, used = time.perf_counter() + REST_AT_MOST_S, -1.0
        while used != self.measured.cpu_s and time.perf_counter() < give_up:
            used = self.measured.cpu_s
            await asyncio.sleep(REST_S)

    async def _send(self, request: bytes) -> Any:
        return await self._sending.json(request)

    async def _let_poll(self, device: Device, seen: int) -> None:
        connection = await connect(self.measured.port)
        self._polling[device.participant_id] = asyncio.create_task(self._poll(device, connection, seen))

    async def _poll(self, device: Device, connection: Connection, seen: int) -> None:
        while True:
            status, body = await connection.send(device.poll(wait=WAIT_S, after=seen, ack=seen))
            reply = json.loads(body)
            if status == GONE or reply.get("ended"):
                return connection.close()
            if status >= 400:
                raise RuntimeError(f"{status}: {reply}")
            self._arrivals += [time.perf_counter()] * len(reply["messages"])
            seen = reply["head_seq"]


KINDS: dict[str, Callable[[Room], Awaitable[Latencies]]] = {
    "a hand": Room.raise_or_lower_a_hand,
    "a message to all": Room.send_to_all,
    "a leave and a join": Room.leave_and_join,
}


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        storage = Path(folder)
        with organiser(storage) as people:
            everybody = [people.person() for _ in range(LARGEST)]
            meetings = [people.meeting_of(everybody[:size]) for size in TURNS]
        with server.parley(storage) as parley:
            return uvloop.run(_measured(parley, meetings))


async def _measured(parley: server.Server, meetings: list[list[Device]]) -> list[Figure]:
    rooms = [Room(parley, devices) for devices in meetings]
    for room in rooms:
        await room.open()
    costs: dict[tuple[str, int], list[float]] = defaultdict(list)  # µs of CPU for a message, by round
    waits: dict[str, list[Latencies]] = defaultdict(list)  # in the largest meeting, by round
    for number in range(ROUNDS + 1):
        idle = await _idle(parley)
        for kind, happen in KINDS.items():
            for room in rooms:
                size = len(room.devices)
                latencies: Latencies = []
                cpu_s, began = parley.cpu_s, time.perf_counter()
                for _ in range(TURNS[size]):
                    latencies += await happen(room)
                used_s = parley.cpu_s - cpu_s - idle * (time.perf_counter() - began)
                if number > 0:  # the first only warms up
                    costs[kind, size].append(used_s / len(latencies) * 1e6)
                    if size == LARGEST:
                        waits[kind].append(latencies)
    for room in rooms:
        await room.close()
    rows = [_cost(kind, size, costs) for kind in KINDS for size in TURNS if size != SMALL]
    return rows + [_wait(kind, waits[kind]) for kind in KINDS]


async def _idle(parley: server.Server) -> float:
    """CPU that it uses while nothing happens and all polls are parked, as a part of a core."""
    cpu_s, began = parley.cpu_s, time.perf_counter()
    await asyncio.sleep(IDLE_S)
    return (parley.cpu_s - cpu_s) / (time.perf_counter() - began)


def _cost(kind: str, size: int, costs: dict[tuple[str, int], list[float]]) -> Figure:
    return Figure(
        name=f"{kind}, {size} people, CPU of a message",
        unit="µs",
        value=median(costs[kind, size]),
        yardstick=median(costs[kind, SMALL]),
        yardstick_name=f"the same with {SMALL} people",
        must=1.2,
        aim=1.0,
        spread=spread(costs[kind, size]),
    )


def _wait(kind: str, rounds: list[Latencies]) -> Figure:
    return Figure(
        name=f"{kind}, until {LARGEST} people know, p99",
        unit="ms",
        value=percentile([latency for latencies in rounds for latency in latencies], 99),
        yardstick=None,
        yardstick_name="none (the clock)",
        must=1000,
        aim=250,
        spread=spread([percentile(latencies, 99) for latencies in rounds]),
    )
