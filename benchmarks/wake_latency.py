"""How long a signal, or a chat message, takes from its sender to a parked poll, durable on SQLite, against a bare
WebSocket relay.

One message at a time: the next is sent once the recipient has polled anew, and after a pause in which it is parked. Two
paces, as they differ: candidates come in bursts; after a longer pause everything that a request needs has left the
processor's caches. Both ends are in this process, so one clock does.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from statistics import median
from uuid import uuid4

import uvloop
from websockets.asyncio.client import connect as connect_websocket

from benchmarks import server
from benchmarks.client import connect
from benchmarks.figure import Figure, measure_in_turn, percentile, spread
from benchmarks.meeting import Device, organiser

PAIRS = 5
MESSAGES = 150  # in one measurement
PAUSES_S = {"in a burst": 0.004, "now and then": 0.02}  # parking takes less than a ms
WAIT_S = 25
Latencies = list[float]  # ms
Request = Callable[[Device, Device], bytes]  # from one device, to another

WHAT: dict[str, Request] = {
    "send → receive": lambda sender, recipient: sender.signal(recipient),
    "chat message → receive": lambda sender, _: sender.say(str(uuid4())),
}


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        storage = Path(folder)
        with organiser(storage) as people:
            sender, recipient = people.meeting(2)
        with server.parley(storage) as parley, server.yardstick("relay") as relay:
            figures = []
            for (what, request), (pace, pause_s) in product(WHAT.items(), PAUSES_S.items()):
                ends = (parley.port, sender, recipient, request, pause_s)
                polled, relayed = measure_in_turn(
                    lambda ends=ends: uvloop.run(through_parley(*ends)),
                    lambda pause_s=pause_s: uvloop.run(through_relay(relay.port, pause_s)),
                    PAIRS,
                )
                name = f"{what} with a parked poll, {pace}"
                figures += [
                    _figure(f"{name}, p50", 50, polled, relayed, must=5, aim=2),
                    _figure(f"{name}, p99", 99, polled, relayed, must=12, aim=4),
                ]
    return figures


def _figure(
    name: str, percent: float, polled: list[Latencies], relayed: list[Latencies], must: float, aim: float
) -> Figure:
    of_parley = [percentile(latencies, percent) for latencies in polled]
    return Figure(
        name=name,
        unit="ms",
        value=median(of_parley),
        yardstick=median(percentile(latencies, percent) for latencies in relayed),
        yardstick_name="bare WebSocket relay",
        must=must,
        aim=aim,
        spread=spread(of_parley),
    )


async def through_parley(port: int, sender: Device, recipient: Device, request: Request, pause_s: float) -> Latencies:
    sending, polling = await connect(port), await connect(port)
    own = (await sending.json(sender.poll()))["head_seq"]  # who chats gets their own messages too
    await sending.json(sender.acknowledge(own))
    seen = (await polling.json(recipient.poll()))["head_seq"]
    latencies = []
    for _ in range(MESSAGES):
        poll = asyncio.ensure_future(polling.json(recipient.poll(wait=WAIT_S, after=seen, ack=seen)))
        await _until_parked(pause_s)
        sent_at = time.perf_counter()
        sent = asyncio.ensure_future(sending.json(request(sender, recipient)))
        reply = await poll
        latencies.append((time.perf_counter() - sent_at) * 1000)
        [message] = reply["messages"]
        seen = message["seq"]
        await sent
    sending.close()
    polling.close()
    return latencies


async def through_relay(port: int, pause_s: float) -> Latencies:
    address = f"ws://127.0.0.1:{port}"
    async with (
        connect_websocket(address, compression=None) as sending,
        connect_websocket(address, compression=None) as receiving,
    ):
        latencies = []
        for _ in range(MESSAGES):
            await _until_parked(pause_s)
            sent_at = time.perf_counter()
            await sending.send("candidate:1 1 udp 2122260223 192.0.2.1 54321 typ host")
            await receiving.recv()
            latencies.append((time.perf_counter() - sent_at) * 1000)
    return latencies


async def _until_parked(pause_s: float) -> None:
    """Long enough, and never in step with the timers of a server."""
    await asyncio.sleep(pause_s * random.uniform(1, 1.5))
