"""The bridge behind Flask's test client: every request crosses ASGI, in an event loop of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from a2wsgi import ASGIMiddleware

from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.core.wakeups.base import WakeupsUnusable
from app.serving.bridge import Bridge
from tests.support.waiting import LONGEST_S, eventually


@contextmanager
def bridged(app: ParleyApp, bridge: Bridge | None = None) -> Iterator[Any]:
    """A WSGI application, alive as under a server that has been up for a moment and hears others. With the block
    it ends, and leaves nothing pending in its loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    bridge = bridge or Bridge(app, threads=4)
    said, heard = asyncio.Queue[Any](), asyncio.Queue[Any]()

    async def tell(what: str) -> None:
        await said.put({"type": f"lifespan.{what}"})
        await heard.get()

    async def end() -> None:
        await tell("shutdown")
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def wait_for(coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, loop).result(LONGEST_S)

    living = asyncio.run_coroutine_threadsafe(bridge({"type": "lifespan"}, said.get, heard.put), loop)
    wait_for(tell("startup"))
    eventually(lambda: _hears(bridge.runtime), "the process's ear")
    wait_for(asyncio.sleep(0))  # that nothing was heard until then is known in the loop, and that all is looked at
    eventually(lambda: bridge._polls._net.holds, "the first look at the database")
    try:
        yield ASGIMiddleware(bridge, loop=loop)  # type: ignore[arg-type]
    finally:
        wait_for(end())
        living.result(LONGEST_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(LONGEST_S)
        loop.close()


def _hears(runtime: Runtime) -> bool:
    """What other processes tell. Until its ear is open, a process trusts nothing that it remembers."""
    try:
        runtime.wakeups.usable()
    except WakeupsUnusable:
        return False
    return True
