"""`python -m media_worker`: one worker, until SIGTERM or Ctrl-C."""

import asyncio
import signal
import sys

import structlog

from media_worker.api_client import ApiClient
from media_worker.errors import Replaced, ServiceKeyRefused
from media_worker.garbage import look_rarely
from media_worker.logs import configure_logs
from media_worker.recording.recordings import Recordings
from media_worker.recordings_client import RecordingsClient
from media_worker.session.meetings import Meetings
from media_worker.settings import Settings, SettingsError, load_settings
from media_worker.transport.addresses import advertised
from media_worker.transport.connection import Port
from media_worker.transport.engine.choice import open_engine
from media_worker.transport.udp_mux import UdpMux, open_socket

VERSION = "0.1.0"
# Clients begin elsewhere within this time; until then they go on getting packets from here.
_FAREWELL_S = 1.0

log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Work until a signal comes, then hand the meetings over and say goodbye."""
    engine = open_engine(open_socket(settings.media_host, settings.media_port), settings.media_engine)
    _, udp_port = engine.address
    addresses = advertised(settings.media_host, settings.media_addresses)
    port = Port(UdpMux(engine), [(address, udp_port) for address in addresses])
    client = ApiClient(
        settings.parley_url,
        settings.media_service_key.get_secret_value(),
        name=settings.name(udp_port),
        engine=engine.name,
        version=VERSION,
        capacity=settings.media_capacity,
    )
    recordings_client = RecordingsClient(client)
    meetings = Meetings(port, settings.media_capacity, _recordings(settings, client, recordings_client))
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    meetings.start(client)
    log.info("media_worker_ready", udp_port=udp_port, addresses=addresses, engine=engine.name)
    working = asyncio.create_task(client.run(meetings))
    waiting = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()  # raises what ended it
        else:
            await client.leave()
            await asyncio.sleep(_FAREWELL_S)
    finally:
        for task in (working, waiting):
            task.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)
        await meetings.stop()
        await recordings_client.close()
        await client.close()
    log.info("media_worker_stopped")


def _recordings(settings: Settings, client: ApiClient, recordings_client: RecordingsClient) -> Recordings | None:
    """None where the spool can't be written: calls go on without."""
    reserve = settings.media_spool_reserve_mb * 1024 * 1024
    try:
        return Recordings(settings.media_spool_dir, reserve, recordings_client, lambda: client.parley_ahead_s)
    except OSError as error:
        log.error("spool_unusable", folder=str(settings.media_spool_dir), error=str(error))
        return None


def main() -> int:
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    configure_logs(settings)
    look_rarely()
    try:
        asyncio.run(run(settings))
    except (OSError, ServiceKeyRefused, Replaced) as error:
        log.error("media_worker_failed", error=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
