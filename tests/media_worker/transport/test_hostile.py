"""What strangers and broken clients send to the port: nothing of it ends the worker, or stays."""

import asyncio
import random

from media_worker.transport.connection import Connection, State
from tests.media_worker.room import eventually
from tests.media_worker.transport.test_dtls import Opened, connect, worker
from tests.media_worker.transport.wire import ClientSocket, check


def test_ten_thousand_hostile_datagrams_change_nothing() -> None:
    async def run() -> None:
        async with worker() as port:
            opened, client, dtls = await connect(port)
            await eventually(lambda: opened.connected, "connected")
            stranger = ClientSocket(port.mux.engine.address)
            chance = random.Random(7)
            whole = bytes(check(opened.connection.ice.credentials._replace(password="wrong" * 6)))
            samples = [whole, bytes(check(opened.connection.ice.credentials._replace(ufrag="nobody"))), b"\x16\xfe\xfd"]
            for number in range(10_000):
                if number % 3:
                    datagram = bytearray(chance.choice(samples))
                    for _ in range(chance.randrange(4)):
                        datagram[chance.randrange(len(datagram))] = chance.randrange(256)
                    datagram = datagram[: chance.randrange(1, len(datagram) + 1)]
                else:
                    datagram = bytearray(chance.randbytes(chance.randrange(1, 200)))
                (stranger if number % 2 else client).send(bytes(datagram))
                if number % 50 == 0:
                    await asyncio.sleep(0)
            last = bytes.fromhex("806000010000000a00000005") + b"fine"

            def arrived() -> bool:
                if not opened.packets:
                    client.send(dtls._tx_srtp.protect(last))
                return opened.packets == [last]

            await eventually(arrived, "the honest packet")
            assert len(port.mux) == 1
            assert opened.lost == []
            assert opened.connection.ice.selected == client.address
            opened.connection.close()
            await dtls.stop()
            stranger.close()
            client.close()

    asyncio.run(run())


def test_a_thousand_half_open_handshakes_cost_little_and_end() -> None:
    async def run() -> None:
        async with worker() as port:
            started: list[Opened] = [Opened(port) for _ in range(1000)]
            clients = []
            for opened in started[:50]:  # these prove their address, and then don't say hello
                opened.connection.expect(port.certificate.getFingerprints())
                client = ClientSocket(port.mux.engine.address)
                clients.append(client)
                await client.validate(opened.connection.ice.credentials)
            assert sum(opened.connection.state is State.HANDSHAKING for opened in started) == 50
            for opened in started:
                opened.connection.tick(port.mux.clock() + 31)
            assert all(opened.lost == ["never_connected"] for opened in started)
            await eventually(lambda: len(port.mux) == 0, "all are forgotten")
            tasks = [task for task in asyncio.all_tasks() if "_shake_hands" in repr(task)]
            await eventually(lambda: all(task.done() for task in tasks), "no handshake goes on")
            for client in clients:
                client.close()

    asyncio.run(run())


def test_a_connection_is_garbage_once_it_is_closed() -> None:
    import gc
    import weakref

    async def run() -> "weakref.ref[Connection]":
        async with worker() as port:
            opened, client, dtls = await connect(port)
            await eventually(lambda: opened.connected, "connected")
            opened.connection.close()
            await eventually(lambda: len(port.mux) == 0, "removed")
            await dtls.stop()
            client.close()
            return weakref.ref(opened.connection)

    remains = asyncio.run(run())
    gc.collect()
    assert remains() is None
