"""What a forwarded packet costs the media worker, and how long it stays there: one publisher, 10 and 50 subscribers,
20,000 packets a second to them, of 1,100 bytes, AES-128-GCM.

Three processes: this one publishes, a second is the worker (its engine, publisher and track; no negotiation), a third
is all subscribers. It counts every datagram, and decrypts one subscriber's wholly, with its sequence checked across a
wrap. CPU is that of the worker's process.
"""

import json
import multiprocessing as mp
import os
import selectors
import subprocess
import sys
import time
from multiprocessing.connection import Connection as Pipe
from statistics import median

from benchmarks import janus
from benchmarks.figure import Figure, Missing, spread
from benchmarks.packets import FORWARDS_PER_S, Run, judge, publish, subscribe
from media_worker.garbage import look_rarely
from media_worker.rtp.routing import Route
from media_worker.rtp.sequence import Numbering
from media_worker.sfu.publisher import HeaderIds, Publisher
from media_worker.sfu.track import Format, Track
from media_worker.transport.dtls import PROFILES, SrtpKeys
from media_worker.transport.engine.base import Peer
from media_worker.transport.engine.choice import open_engine
from media_worker.transport.ice_lite import Address
from media_worker.transport.srtp import SrtpPair
from media_worker.transport.udp_mux import open_socket

PAIRS = 5
SUBSCRIBERS = (10, 50)


def measure() -> list[Figure | Missing]:
    figures: list[Figure | Missing] = []
    for subscribers in SUBSCRIBERS:
        batch, portable, default, tuned = [], [], [], []
        for _ in range(PAIRS):
            batch.append(_run("batch", subscribers))
            portable.append(_run("portable", subscribers))
            if not (why := janus.missing()):
                default.append(_run_janus(subscribers, event_loops=0))
                tuned.append(_run_janus(subscribers, event_loops=1))
        cpu = [run.cpu_us for run in batch]
        name = f"CPU per forwarded packet, 1 publisher → {subscribers} subscribers"
        figures.append(_cpu(name, cpu, portable, "the portable engine", must=1, aim=0.6))
        if default:
            figures.append(_cpu(name, cpu, default, "Janus VideoRoom, Debian's default", must=0.5, aim=0.1))
            figures.append(_cpu(name, cpu, tuned, "Janus VideoRoom of Debian, event_loops=1", must=1, aim=0.2))
        else:
            figures.append(Missing(f"{name}, against Janus", why))
        delays = [run.delay_p99_ms for run in batch]
        figures.append(
            Figure(
                name=f"delay of a forwarded packet, p99, {subscribers} subscribers",
                unit="ms",
                value=median(delays),
                yardstick=None,
                yardstick_name="–",
                must=10,
                aim=2,
                spread=spread(delays),
            )
        )
    return figures


def _cpu(name: str, cpu: list[float], yardstick: list[Run], yardstick_name: str, *, must: float, aim: float) -> Figure:
    other = median(run.cpu_us for run in yardstick)
    return Figure(name, "µs", median(cpu), other, yardstick_name, must=must, aim=aim, spread=spread(cpu))


def _keys(secret: bytes) -> SrtpKeys:
    return SrtpKeys(PROFILES[0], secret, secret)


def _run(engine: str, subscribers: int) -> Run:
    context = mp.get_context("spawn")
    secret = os.urandom(PROFILES[0].key_length + PROFILES[0].salt_length)
    sink_end, sink_side = context.Pipe()
    worker_end, worker_side = context.Pipe()
    sockets = [open_socket("127.0.0.1", 0) for _ in range(subscribers)]
    sink = context.Process(target=subscribe, args=(sink_side, sockets, _keys(secret)))
    sink.start()
    publisher = open_socket("127.0.0.1", 0)
    targets = [sock.getsockname() for sock in sockets]
    worker = context.Process(target=_forward, args=(worker_side, secret, engine, targets, publisher.getsockname()))
    worker.start()
    for ours in (sink_side, worker_side):  # who dies is noticed: else this would wait for ever
        ours.close()
    try:
        sink_end.recv()
        srtp, address = SrtpPair(_keys(secret)), worker_end.recv()
        sent_at = publish(publisher, srtp, address, FORWARDS_PER_S // subscribers)
        sink_end.send(len(sent_at))
        arrived, arrivals = sink_end.recv()
        worker_end.send("stop")
        cpu_s = worker_end.recv()
        worker.join()
        sink.join()
    finally:
        for sock in (publisher, *sockets):
            sock.close()
    return judge(cpu_s, sent_at, arrived, arrivals, subscribers)


def _run_janus(subscribers: int, event_loops: int) -> Run:
    """In a network of its own, as Janus takes its address from an interface and leaves loopback out."""
    command = ["unshare", "--net", sys.executable, "-m", "benchmarks.janus", str(subscribers), str(event_loops)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return Run(*json.loads(done.stdout.splitlines()[-1]))


def _forward(pipe: Pipe, secret: bytes, name: str, targets: list[Address], source: Address) -> None:
    """The worker: its CPU in seconds, from the first packet to the last."""
    engine = open_engine(open_socket("127.0.0.1", 0), name)
    publisher = Publisher(lambda packet: None, lambda track, level, now: None)
    track = Track("t", "p", "video", "camera", "0", {96: Format("VP8", 90_000, 96)}, asks_again=True)
    publisher.negotiated([track], HeaderIds(), congestion="")
    sending = Peer(publisher.receive)
    engine.bind(sending, [source], None)
    engine.secure(sending, _keys(secret))
    for number, target in enumerate(targets):
        peer = Peer()
        engine.bind(peer, [target], target)
        engine.secure(peer, _keys(secret))
        track.routes.append(Route(peer, 100 + number, Numbering(1000, 0)))
    selector = selectors.DefaultSelector()
    selector.register(engine.fileno(), selectors.EVENT_READ)
    selector.register(pipe, selectors.EVENT_READ)
    look_rarely()
    pipe.send(engine.address)
    began = time.process_time()
    while True:
        ready = {key.fileobj for key, _ in selector.select()}
        if engine.fileno() in ready:
            for _ in engine.poll(time.monotonic()):
                pass
        if pipe in ready:
            break
    pipe.send(time.process_time() - began)
    engine.close()
