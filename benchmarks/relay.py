"""A bare relay between WebSockets: `python -m benchmarks.relay PORT`. What one sends, all others get."""

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, serve


async def main(port: int) -> None:
    connected: set[ServerConnection] = set()

    async def relay(connection: ServerConnection) -> None:
        connected.add(connection)
        try:
            async for message in connection:
                for other in connected - {connection}:
                    await other.send(message)
        finally:
            connected.discard(connection)

    async with serve(relay, "127.0.0.1", port, compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
