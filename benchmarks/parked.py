"""Thousands of polls parked in one process: what each holds in memory, how fast one is woken, and how they all end.

Sends are timed from the moment they were due, so that a server that falls behind is not spared the queue it makes.
Also draws wake_latency.svg: the same at a few sends a second, with more and more polls parked.
"""

import asyncio
import random
import resource
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from benchmarks import server
from benchmarks.client import Connection, connect
from benchmarks.figure import Figure, percentile, spread
from benchmarks.meeting import Device, organiser
from benchmarks.plot import Points, line_chart

PARKED = 2_000
STEPS = (5, 250, 500, 1_000, 1_500, PARKED)  # polls parked at each point of the picture
DEVICES = 5  # in each meeting
WAIT_S = 55
AT_A_TIME = 50  # polls that are begun together
WARM_UP_POLLS = 200  # before the first look at the memory, so that what every request needs is there
SETTLING_POLLS = 40  # a process has 16 threads, which take requests in the order of their coming
SENDING_CONNECTIONS = 8
PICTURE_RATE, PICTURE_S = 20, 6
RATE, RATE_S, SLICES = 100, 10, 5  # sends a second; `SLICES` parts of that time show the spread
END_S = 20
DESCRIPTORS = 3 * PARKED
PICTURE = Path(__file__).with_name("wake_latency.svg")


@dataclass
class Crowd:
    """Devices that poll, and poll again as soon as they are answered."""

    port: int
    meetings: list[list[Device]]
    latencies: list[float] = field(default_factory=list)  # ms, since it was last emptied
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    lost: int = 0  # polls, when the server ended
    _polling: list["asyncio.Task[None]"] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self._polling)

    async def grow(self, size: int) -> None:
        devices = [device for meeting in self.meetings for device in meeting]
        while self.size < size:
            some = devices[self.size : min(size, self.size + AT_A_TIME)]
            opened = [(device, await connect(self.port)) for device in some]
            seen = await asyncio.gather(*(connection.json(device.poll()) for device, connection in opened))
            for (device, connection), reply in zip(opened, seen, strict=True):
                self._polling.append(asyncio.create_task(self._poll(device, connection, reply["head_seq"])))
        await self.settle()

    async def settle(self) -> None:
        """Until what was asked before is parked."""
        await asyncio.sleep(0.1)
        connection = await connect(self.port)
        for _ in range(SETTLING_POLLS):
            await connection.json(self.meetings[-1][-1].poll())
        connection.close()

    async def _poll(self, device: Device, connection: Connection, seen: int) -> None:
        while not self.ending.is_set():
            try:
                reply = await connection.json(device.poll(wait=WAIT_S, after=seen, ack=seen))
            except (ConnectionResetError, RuntimeError):  # hung up, or an error instead of an answer
                if not self.ending.is_set():
                    raise
                self.lost += 1
                return
            now = time.perf_counter()
            seen = reply["head_seq"] if not reply["messages"] else reply["messages"][-1]["seq"]
            self.latencies += [(now - message["payload"]["sent_at"]) * 1000 for message in reply["messages"]]

    async def send(self, rate: float, seconds: float) -> list[float]:
        """Signals between random devices that poll, `rate` a second; how long each took, in ms."""
        self.latencies.clear()
        free: asyncio.Queue[Connection] = asyncio.Queue()
        for _ in range(SENDING_CONNECTIONS):
            free.put_nowait(await connect(self.port))
        began = time.perf_counter()
        sends = [asyncio.create_task(self._send(free, began + number / rate)) for number in range(int(rate * seconds))]
        await asyncio.gather(*sends)
        await self.settle()
        if len(self.latencies) != len(sends):
            raise RuntimeError(f"{len(sends)} signals were sent, {len(self.latencies)} arrived")
        return list(self.latencies)

    async def _send(self, free: "asyncio.Queue[Connection]", due: float) -> None:
        await asyncio.sleep(due - time.perf_counter())
        sender, recipient = random.sample(random.choice(self.meetings[: self.size // DEVICES]), 2)
        connection = await free.get()
        await connection.json(sender.signal(recipient, sent_at=due))
        free.put_nowait(connection)

    async def end(self, measured: server.Server) -> None:
        self.ending.set()
        measured.terminate()
        answered, unanswered = await asyncio.wait(self._polling, timeout=END_S)
        self.lost += len(unanswered)
        for task in unanswered:
            task.cancel()
        for task in answered:
            task.result()


def measure() -> list[Figure]:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, most), most))  # the server inherits it
    with tempfile.TemporaryDirectory() as folder:
        storage = Path(folder)
        with organiser(storage) as people:
            meetings = [people.meeting(DEVICES) for _ in range(PARKED // DEVICES + 1)]
        with server.parley(storage) as parley:
            return uvloop.run(_measured(parley, meetings))


async def _measured(parley: server.Server, meetings: list[list[Device]]) -> list[Figure]:
    crowd = Crowd(parley.port, meetings)
    await _warm_up(crowd)
    before_kb = parley.resident_kb
    p50: Points = []
    p95: Points = []  # a point is too few messages for a p99
    for size in STEPS:
        await crowd.grow(size)
        after_kb = parley.resident_kb
        latencies = await crowd.send(PICTURE_RATE, PICTURE_S)
        p50.append((size, percentile(latencies, 50)))
        p95.append((size, percentile(latencies, 95)))
    _draw(p50, p95)
    latencies = await crowd.send(RATE, RATE_S)
    part = len(latencies) // SLICES
    slices = [percentile(latencies[start : start + part], 99) for start in range(0, part * SLICES, part)]
    await crowd.end(parley)
    return [
        _figure(f"memory per parked poll, {PARKED:,} parked", "KB", (after_kb - before_kb) / PARKED, must=25, aim=10),
        _figure(
            f"wake-up at {RATE} sends/s, {PARKED:,} parked, p99",
            "ms",
            percentile(latencies, 99),
            50,
            10,
            spread(slices),
        ),
        _figure(f"polls lost on SIGTERM, of {PARKED:,}", "polls", crowd.lost, must=0, aim=0),
    ]


async def _warm_up(crowd: Crowd) -> None:
    connections = [await connect(crowd.port) for _ in range(SENDING_CONNECTIONS)]
    for _ in range(WARM_UP_POLLS // SENDING_CONNECTIONS):
        polls = [device.poll() for meeting in crowd.meetings for device in meeting][: len(connections)]
        await asyncio.gather(*(one.json(poll) for one, poll in zip(connections, polls, strict=True)))
    for one in connections:
        one.close()


def _figure(name: str, unit: str, value: float, must: float, aim: float, apart: float = 0) -> Figure:
    return Figure(
        name=name,
        unit=unit,
        value=value,
        yardstick=None,
        yardstick_name="none",
        must=must,
        aim=aim,
        spread=apart,
    )


def _draw(p50: Points, p95: Points) -> None:
    title = f"Send → receive by polls parked in one process, SQLite, {PICTURE_RATE} sends/s"
    line_chart(PICTURE, title, "polls parked", "ms", {"p50": p50, "p95": p95})
