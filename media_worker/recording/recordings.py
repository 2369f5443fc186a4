"""Everything that a worker records: one thread that writes, one spool, one way to Parley."""

import time
from collections.abc import Callable
from pathlib import Path

import structlog

from media_worker.recording.recorder import Recorder
from media_worker.recording.shipping import Parley, Shipping
from media_worker.recording.spool import Spool
from media_worker.recording.writer import Writer

_HANDING_OVER_S = 5.0  # at the end of the process; the rest the next one hands over

log = structlog.get_logger()


class Recordings:
    """`ahead_s` tells by how much Parley's clock is ahead of this machine's. Raises OSError for a bad `root`."""

    def __init__(
        self,
        root: Path,
        reserve_bytes: int,
        parley: Parley,
        ahead_s: Callable[[], float] = lambda: 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spool = Spool(root)
        self._writer = Writer(self._spool.folder, reserve_bytes, clock)
        self._shipping = Shipping(self._spool, parley)
        self._ahead_s, self._clock = ahead_s, clock

    def start(self) -> None:
        """Hand over what was left behind. In the running event loop."""
        self._shipping.sweep()

    async def stop(self) -> None:
        """Complete every file, and hand over what can be in a few seconds."""
        self._writer.stop()
        await self._shipping.stop(_HANDING_OVER_S)

    def record(self, meeting_id: str, epoch: int, recording_id: str, *, audio_only: bool) -> Recorder | None:
        """Begin one, of which Parley is told; None where there is no room for it."""
        log.info("recording", recording_id=recording_id, meeting_id=meeting_id)
        if not self._writer.has_room():
            self._shipping.report(recording_id, epoch, "failed", "disk_full")
            return None
        self._shipping.report(recording_id, epoch, "recording")
        return Recorder(
            id=recording_id,
            meeting_id=meeting_id,
            epoch=epoch,
            audio_only=audio_only,
            writer=self._writer,
            shipping=self._shipping,
            wall_s=self._wall_s,
        )

    def end(self, recorder: Recorder) -> None:
        """Complete its files, and then say so."""
        recorder.close()
        state = "failed" if recorder.failure else "stopped"
        self._shipping.report(recorder.id, recorder.epoch, state, recorder.failure)

    def _wall_s(self) -> float:
        return time.time() + self._ahead_s() - self._clock()
