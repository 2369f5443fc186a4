"""How long a signal takes from its sender to a parked poll, durable on SQLite, against a bare WebSocket relay.

One message at a time: the next is sent once the recipient has polled anew, and after a pause in which it is parked. Two
paces, as they differ: candidates come in bursts; after a longer pause everything that a request needs has left the
processor's caches. Both ends are in this process, so one clock does.
"""

import asyncio
import random
import tempfile
import time
from pathlib import Path
from statistics import median

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


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        storage = Path(folder)
        with organiser(storage) as people:
            sender, recipient = people.meeting(2)
        with server.parley(storage) as parley, server.yardstick("relay") as relay:
            figures = []
            for pace, pause_s in PAUSES_S.items():
                polled, relayed = measure_in_turn(
                    lambda pause_s=pause_s: uvloop.run(through_parley(parley.port, sender, recipient, pause_s)),
                    lambda pause_s=pause_s: uvloop.run(through_relay(relay.port, pause_s)),
                    PAIRS,
                )
                figures += [
                    _figure(f"{pace}, p50", 50, polled, relayed, must=5, aim=2),
                    _figure(f"{pace}, p99", 99, polled, relayed, must=12, aim=4),
                ]
    return figures


def _figure(
    name: str, percent: float, polled: list[Latencies], relayed: list[Latencies], must: float, aim: float
) -> Figure:
    of_parley = [percentile(latencies, percent) for latencies in polled]
    return Figure(
        name=f"send → receive with a parked poll, {name}",
        unit="ms",
        value=median(of_parley),
        yardstick=median(percentile(latencies, percent) for latencies in relayed),
        yardstick_name="bare WebSocket relay",
        must=must,
        aim=aim,
        spread=spread(of_parley),
    )


async def through_parley(port: int, sender: Device, recipient: Device, pause_s: float) -> Latencies:
    sending, polling = await connect(port), await connect(port)
    seen = (await polling.json(recipient.poll()))["head_seq"]
    latencies = []
    for _ in range(MESSAGES):
        poll = asyncio.ensure_future(polling.json(recipient.poll(wait=WAIT_S, after=seen, ack=seen)))
        await _until_parked(pause_s)
        sent_at = time.perf_counter()
        sent = asyncio.ensure_future(sending.json(sender.signal(recipient)))
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
