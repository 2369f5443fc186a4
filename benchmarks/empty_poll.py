"""What a poll that finds nothing costs the server, against a bare Flask "hello" on the same server stack."""

import tempfile
from pathlib import Path
from statistics import median

import uvloop

from benchmarks import client, server
from benchmarks.figure import Figure, measure_in_turn, spread
from benchmarks.meeting import Device, organiser

PAIRS = 9
CONNECTIONS = 8
POLLS = 100  # each connection's in one measurement: about a second of CPU, which is counted in ticks of 10 ms
HELLOS = 500


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        storage = Path(folder)
        with organiser(storage) as people:
            devices = people.meeting(CONNECTIONS)
        hellos = [client.get("/")] * CONNECTIONS
        with server.parley(storage) as parley, server.yardstick("bare", "hello") as bare:
            polls = uvloop.run(in_their_loops(parley.port, devices))
            figure, yardstick = measure_in_turn(
                lambda: cpu_us(parley, polls, POLLS), lambda: cpu_us(bare, hellos, HELLOS), PAIRS
            )
    return [
        Figure(
            name="empty authenticated poll, CPU",
            unit="µs",
            value=median(figure),
            yardstick=median(yardstick),
            yardstick_name="bare Flask hello",
            must=0.5,
            aim=0.2,
            spread=spread(figure),
        )
    ]


async def in_their_loops(port: int, devices: list[Device]) -> list[bytes]:
    """The polls of devices that have read everything, as apps repeat them."""
    connection = await client.connect(port)
    heads = [(await connection.json(device.poll()))["head_seq"] for device in devices]
    connection.close()
    return [device.poll(after=head, ack=head) for device, head in zip(devices, heads, strict=True)]


def cpu_us(measured: server.Server, requests: list[bytes], times: int) -> float:
    """µs of the server's CPU a request."""
    before = measured.cpu_s
    uvloop.run(client.repeat(measured.port, requests, times))
    return (measured.cpu_s - before) / (len(requests) * times) * 1e6
